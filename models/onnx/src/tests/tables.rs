//! Operators of `ai.onnx.ml`.

use super::net::{F32, Net, STRING, With, f32s, node, summary};
use crate::proto::{NodeProto, TensorProto};
use graphc_ir::Op;
use graphc_ir::op::TreeNode;

fn ml(op_type: &str, inputs: &str, outputs: &str) -> NodeProto {
    node(op_type, inputs, outputs).domain("ai.onnx.ml")
}

#[test]
fn labels_of_either_type_are_looked_up() {
    let graph = Net::new(18)
        .input("x", STRING, "n")
        .node(
            ml("LabelEncoder", "x", "y")
                .strings("keys_strings", &["a", "b"])
                .ints("values_int64s", &[1, 2])
                .int("default_int64", 7),
        )
        .import("y");
    assert_eq!(summary(&graph), "i64[n] = label_map");
    let message = Net::new(18)
        .input("x", STRING, "n")
        .node(
            ml("LabelEncoder", "x", "y")
                .strings("keys_strings", &["a", "b"])
                .ints("values_int64s", &[1]),
        )
        .refusal("y");
    assert!(message.contains("2 keys for 1 values"), "{message}");
}

fn regressor(true_ids: &[i64]) -> NodeProto {
    ml("TreeEnsembleRegressor", "x", "y")
        .int("n_targets", 1)
        .ints("nodes_treeids", &[0, 0, 0])
        .ints("nodes_nodeids", &[0, 1, 2])
        .ints("nodes_featureids", &[1, 0, 0])
        .floats("nodes_values", &[0.5, 0.0, 0.0])
        .strings("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"])
        .ints("nodes_truenodeids", true_ids)
        .ints("nodes_falsenodeids", &[2, 0, 0])
        .ints("target_treeids", &[0, 0])
        .ints("target_nodeids", &[1, 2])
        .ints("target_ids", &[0, 0])
        .floats("target_weights", &[1.0, 2.0])
}

#[test]
fn a_forest_keeps_its_shape() {
    let graph = Net::new(18)
        .input("x", F32, "n 2")
        .node(regressor(&[1, 0, 0]))
        .import("y");
    assert_eq!(summary(&graph), "f32[n,1] = tree_ensemble");
    let (_, output) = graph.outputs().next().unwrap();
    let Op::TreeEnsemble(forest) = &graph.node(graph.def_node(output).unwrap()).op else {
        panic!("{graph}");
    };
    assert_eq!(forest.roots, [0]);
    assert!(matches!(
        forest.nodes[0],
        TreeNode::Branch {
            true_child: 1,
            false_child: 2,
            feature: 1,
            ..
        }
    ));
}

#[test]
fn trees_with_loops_or_missing_nodes_are_refused() {
    let refusal = |true_ids: &[i64]| {
        Net::new(18)
            .input("x", F32, "n 2")
            .node(regressor(true_ids))
            .refusal("y")
    };
    assert!(refusal(&[2, 0, 0]).contains("has two parents"));
    assert!(refusal(&[9, 0, 0]).contains("tree 0 has no node 9"));
}

#[test]
fn one_leaf_alone_is_a_tree() {
    let bytes = TensorProto {
        data_type: 2,
        dims: vec![1],
        int32_data: vec![0],
        ..TensorProto::default()
    };
    let graph = Net::new(18)
        .input("x", F32, "n 2")
        .node(
            ml("TreeEnsemble", "x", "y")
                .int("n_targets", 1)
                .ints("tree_roots", &[0])
                .ints("nodes_featureids", &[0])
                .ints("nodes_truenodeids", &[0])
                .ints("nodes_falsenodeids", &[0])
                .ints("nodes_trueleafs", &[1])
                .ints("nodes_falseleafs", &[1])
                .tensor("nodes_modes", bytes)
                .tensor("nodes_splits", f32s("", &[1], &[0.0]))
                .tensor("leaf_weights", f32s("", &[1], &[3.0]))
                .ints("leaf_targetids", &[0]),
        )
        .import("y");
    assert_eq!(summary(&graph), "f32[n,1] = tree_ensemble");
}

#[test]
fn a_linear_classifier_gives_labels_and_scores() {
    let graph = Net::new(18)
        .input("x", F32, "n 2")
        .node(
            ml("LinearClassifier", "x", "label score")
                .floats("coefficients", &[1.0, -1.0])
                .floats("intercepts", &[0.5])
                .strings("classlabels_strings", &["no", "yes"])
                .string("post_transform", "LOGISTIC"),
        )
        .import("label score");
    assert!(summary(&graph).starts_with("string[n] f32[n,2] = "));
}
