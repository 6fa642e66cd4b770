//! Opening files: mapped, decoded in place, refused by what they seem to be.

use crate::build::{add_model, load, message};
use graphc_onnx::proto::{ModelProto, OperatorSetIdProto};
use graphc_onnx::{Model, OnnxError, TensorData};
use prost::Message;
use prost::encoding::encode_varint;

#[test]
fn raw_weights_are_slices_of_the_mapped_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("add.onnx");
    std::fs::write(&path, add_model().encode_to_vec()).unwrap();
    let model = Model::open(&path).unwrap();
    let view = model.initializers(model.graph()).next().unwrap().unwrap();
    let TensorData::Bytes {
        bytes,
        source: Some(source),
    } = view.data
    else {
        panic!("the tensor has no place in the file");
    };
    let in_file = &source.file.bytes()[source.range];
    assert_eq!(in_file.as_ptr_range(), bytes.as_ptr_range());
    assert_eq!(bytes[..4], 1.0f32.to_le_bytes());
}

#[test]
fn a_model_in_memory_has_no_place_in_a_file() {
    let model = load(&add_model()).unwrap();
    let view = model.initializers(model.graph()).next().unwrap().unwrap();
    assert!(matches!(view.data, TensorData::Bytes { source: None, .. }));
}

#[test]
fn every_cut_of_a_model_is_an_error() {
    let whole = add_model().encode_to_vec();
    for len in 0..whole.len() {
        let cut = whole[..len].to_vec().into();
        let text = message(Model::from_bytes(cut, None, "cut.onnx"));
        assert!(text.starts_with("cut.onnx: "), "{len} bytes: {text}");
    }
}

#[test]
fn a_missing_file_a_folder_and_an_empty_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = message(Model::open(&folder.path().join("none.onnx")));
    assert!(missing.contains("none.onnx"), "{missing}");
    let directory = message(Model::open(folder.path()));
    assert!(
        directory.contains(&folder.path().display().to_string()),
        "{directory}"
    );
    let path = folder.path().join("empty.onnx");
    std::fs::write(&path, "").unwrap();
    let empty = message(Model::open(&path));
    assert!(
        empty.contains("empty.onnx") && empty.ends_with("the file is empty"),
        "{empty}"
    );
}

#[test]
fn other_formats_are_told_apart() {
    let safetensors = b"\x40\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"F32\"}}";
    let cases: [(&[u8], &str); 9] = [
        (b"PK\x03\x04rest of an archive", "zip"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
        (safetensors, "safetensors"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"ir_version: 8\nproducer_name: \"x\"\n", "text"),
    ];
    for (bytes, format) in cases {
        let result = Model::from_bytes(bytes.into(), None, "other");
        assert!(
            matches!(&result, Err(OnnxError::NotOnnx { file, looks_like }) if file == "other" && looks_like.contains(format)),
            "{format}: {}",
            message(result)
        );
    }
}

#[test]
fn bytes_without_a_graph_are_no_model() {
    let proto = ModelProto {
        graph: None,
        ..add_model()
    };
    assert!(matches!(load(&proto), Err(OnnxError::NotOnnx { .. })));
}

#[test]
fn ir_versions_out_of_range_are_named() {
    for ir_version in [0, 15, i64::MAX, -1] {
        let text = message(load(&ModelProto {
            ir_version,
            ..add_model()
        }));
        assert!(
            text.contains(&format!("IR version {ir_version} ")),
            "{text}"
        );
        assert!(text.contains("1 to 14"), "{text}");
    }
    for ir_version in [1, 14] {
        let proto = ModelProto {
            ir_version,
            ..add_model()
        };
        assert!(load(&proto).is_ok());
    }
}

#[test]
fn opsets_out_of_range_and_no_opset_are_named() {
    let importing = |version| ModelProto {
        opset_import: vec![OperatorSetIdProto {
            domain: "ai.onnx".into(),
            version,
        }],
        ..add_model()
    };
    for version in [0, -3, 1000] {
        let text = message(load(&importing(version)));
        assert!(text.contains(&format!("opset {version} ")), "{text}");
    }
    assert_eq!(load(&importing(17)).unwrap().opset(""), Some(17));
    let none = ModelProto {
        opset_import: Vec::new(),
        ..add_model()
    };
    assert!(message(load(&none)).contains("no operator set"));
}

/// Wraps `inner` as a field of a message `n_levels` times, the tags cycling.
fn nested(n_levels: usize, tags: &[u64]) -> Vec<u8> {
    let mut inner = Vec::new();
    for level in (0..n_levels).rev() {
        let mut outer = Vec::new();
        encode_varint(tags[level % tags.len()] << 3 | 2, &mut outer);
        encode_varint(inner.len() as u64, &mut outer);
        outer.extend_from_slice(&inner);
        inner = outer;
    }
    inner
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    // node -> attribute -> graph, within the graph of the model; and a sequence of sequences of …
    let subgraphs = nested(30_000, &[1, 5, 6]);
    let types = nested(30_000, &[4, 1]);
    let mut ty = Vec::new();
    for (tag, bytes) in [(2, types), (11, Vec::new())] {
        let mut outer = Vec::new();
        encode_varint(tag << 3 | 2, &mut outer);
        let body = if bytes.is_empty() { ty.clone() } else { bytes };
        encode_varint(body.len() as u64, &mut outer);
        outer.extend(body);
        ty = outer;
    }
    for graph in [subgraphs, ty] {
        let mut file = add_model().encode_to_vec();
        encode_varint(7 << 3 | 2, &mut file);
        encode_varint(graph.len() as u64, &mut file);
        file.extend(graph);
        let text = message(Model::from_bytes(file.into(), None, "deep.onnx"));
        assert!(
            text.starts_with("deep.onnx: ") && text.contains("recursion"),
            "{text}"
        );
    }
}
