//! Nodes that don't form a graph, and operators and attributes that nobody knows.

use crate::build::{add_model, load, message, model, node, value};
use graphc_onnx::proto::{AttributeProto, GraphProto, NodeProto};
use graphc_onnx::{ImportOptions, OnnxError, import};

fn import_nodes(nodes: Vec<NodeProto>) -> Result<(), OnnxError> {
    let graph = GraphProto {
        node: nodes,
        ..add_model().graph.unwrap_or_default()
    };
    import(&load(&model(graph))?, &ImportOptions::default()).map(|_| ())
}

#[test]
fn nodes_may_stand_in_any_order() {
    let nodes = vec![
        node("Add", &["a", "b"], &["y"]),
        node("Neg", &["a"], &["b"]),
        node("Neg", &["x"], &["a"]),
    ];
    assert_eq!(message(import_nodes(nodes)), "no error");
}

#[test]
fn a_cycle_names_its_nodes() {
    let nodes = vec![
        node("Add", &["x", "b"], &["a"]),
        node("Neg", &["a"], &["b"]),
    ];
    let text = message(import_nodes(nodes));
    assert!(
        text.contains("cycle") && text.contains("a (Add)") && text.contains("b (Neg)"),
        "{text}"
    );
}

#[test]
fn long_chains_in_reverse_order_are_put_in_order() {
    let n_nodes = 5000;
    let nodes = (0..n_nodes)
        .rev()
        .map(|node_idx| {
            let reads = if node_idx == 0 {
                "x".into()
            } else {
                format!("v{node_idx}")
            };
            let makes = if node_idx == n_nodes - 1 {
                "y".into()
            } else {
                format!("v{}", node_idx + 1)
            };
            node("Neg", &[reads.as_str()], &[makes.as_str()])
        })
        .collect();
    assert_eq!(message(import_nodes(nodes)), "no error");
}

#[test]
fn undefined_and_twice_defined_values_are_named() {
    let undefined = message(import_nodes(vec![node("Add", &["x", "nowhere"], &["y"])]));
    assert!(
        undefined.contains("nowhere") && undefined.contains("Add"),
        "{undefined}"
    );
    assert!(
        undefined.contains("m.onnx") && undefined.contains("opset 17"),
        "{undefined}"
    );
    let twice = message(import_nodes(vec![
        node("Neg", &["x"], &["y"]),
        node("Abs", &["x"], &["y"]),
    ]));
    assert!(twice.contains("y is defined twice"), "{twice}");
    let output = message(import_nodes(vec![node("Neg", &["x"], &["z"])]));
    assert!(output.contains("output y"), "{output}");
}

#[test]
fn subgraphs_see_names_of_the_graph_around_them() {
    let branch = |op_type: &str| AttributeProto {
        r#type: 5,
        g: Some(GraphProto {
            node: vec![node(op_type, &["late"], &["inner"])],
            output: vec![value("inner", &[4])],
            ..GraphProto::default()
        }),
        ..AttributeProto::default()
    };
    let named = |name: &str, attribute: AttributeProto| AttributeProto {
        name: name.into(),
        ..attribute
    };
    // The branches read what a node after the If makes.
    let choice = NodeProto {
        attribute: vec![
            named("then_branch", branch("Neg")),
            named("else_branch", branch("Abs")),
        ],
        ..node("If", &["yes"], &["y"])
    };
    let late = node("Neg", &["x"], &["late"]);
    let sum = node("ReduceSum", &["x"], &["sum"]);
    let scalar = node("Squeeze", &["sum"], &["flat"]);
    let yes = node("Greater", &["flat", "flat"], &["yes"]);
    let nodes = vec![choice, late, sum, scalar, yes];
    assert_eq!(message(import_nodes(nodes)), "no error");
}

#[test]
fn all_unknown_operators_come_in_one_error_with_node_opset_and_file() {
    let mut foreign = node("Warp", &["a"], &["y"]);
    foreign.domain = "my.ops".into();
    foreign.name = "layer/warp".into();
    let result = import_nodes(vec![node("Frobnicate", &["x"], &["a"]), foreign]);
    let text = message(result);
    for part in [
        "Frobnicate",
        "Warp",
        "layer/warp",
        "my.ops",
        "m.onnx",
        "opset 17",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn unknown_attributes_and_attributes_of_the_wrong_kind_are_named() {
    let with = |attribute: AttributeProto| {
        let mut concat = node("Concat", &["x", "x"], &["y"]);
        concat.attribute = vec![attribute];
        message(import_nodes(vec![concat]))
    };
    let wrong = with(AttributeProto {
        name: "axis".into(),
        r#type: 1,
        f: 0.5,
        ..AttributeProto::default()
    });
    assert!(
        wrong.contains("attribute axis: must be an integer"),
        "{wrong}"
    );
    let mut negate = node("Neg", &["x"], &["y"]);
    negate.attribute = vec![AttributeProto {
        name: "sideways".into(),
        r#type: 2,
        i: 1,
        ..AttributeProto::default()
    }];
    let unknown = message(import_nodes(vec![negate]));
    assert!(
        unknown.contains("Neg") && unknown.contains("sideways"),
        "{unknown}"
    );
}
