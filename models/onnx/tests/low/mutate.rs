//! Damaged models give errors, never a panic.

use crate::build::{add_model, node, raw, tensor, value};
use graphc_onnx::proto::{AttributeProto, GraphProto, ModelProto, SparseTensorProto, TensorProto};
use graphc_onnx::{ImportOptions, Model, import};
use proptest::prelude::*;
use prost::Message;

/// A model with a bit of everything: typed and raw tensors, a sparse one, a subgraph, attributes.
fn model() -> ModelProto {
    let mut proto = add_model();
    let graph = proto.graph.get_or_insert_default();
    graph.initializer.push(TensorProto {
        int64_data: vec![2, 2],
        ..tensor("shape", 7, &[2])
    });
    graph.initializer.push(raw("bits", 22, &[3], &[0x21, 0x03]));
    graph.sparse_initializer.push(SparseTensorProto {
        values: Some(raw("s", 1, &[1], &1.0f32.to_le_bytes())),
        indices: Some(TensorProto {
            int64_data: vec![3],
            ..tensor("", 7, &[1])
        }),
        dims: vec![4],
    });
    let mut joined = node("Concat", &["y"], &["p"]);
    joined.attribute.push(AttributeProto {
        name: "axis".into(),
        r#type: 2,
        i: -1,
        ..AttributeProto::default()
    });
    let mut constant = node("Constant", &[], &["flag"]);
    constant.attribute.push(AttributeProto {
        name: "value".into(),
        r#type: 4,
        t: Some(raw("", 9, &[], &[1])),
        ..AttributeProto::default()
    });
    let mut choice = node("If", &["flag"], &["z"]);
    for name in ["then_branch", "else_branch"] {
        choice.attribute.push(AttributeProto {
            name: name.into(),
            r#type: 5,
            g: Some(GraphProto {
                node: vec![node("Reshape", &["p", "shape"], &["inner"])],
                output: vec![value("inner", &[2, 2])],
                ..GraphProto::default()
            }),
            ..AttributeProto::default()
        });
    }
    graph.node.extend([joined, constant, choice]);
    graph.output.push(value("z", &[2, 2]));
    proto
}

/// Reads everything there is; whatever is wrong comes as an error.
fn walk(bytes: Vec<u8>) -> bool {
    let Ok(model) = Model::from_bytes(bytes.into(), None, "damaged") else {
        return false;
    };
    let n_sound = model
        .initializers(model.graph())
        .filter(Result::is_ok)
        .count();
    import(&model, &ImportOptions::default()).is_ok() && n_sound > 0
}

#[test]
fn the_undamaged_model_imports() {
    assert!(walk(model().encode_to_vec()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn damaged_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = model().encode_to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        walk(bytes);
    }
}
