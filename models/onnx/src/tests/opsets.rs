//! What operators mean in which opset, and what is refused because it has no meaning there.

use super::net::{F32, Net, With, f32s, i64s, node, summary};

#[test]
fn before_opset_7_the_second_operand_broadcasts_only_where_the_node_says_so() {
    let net = || Net::new(6).input("x", F32, "2 3 4").input("y", F32, "3");
    let plain = node("Add", "x y", "z");
    let message = net().node(plain.clone()).refusal("z");
    assert!(message.contains("broadcast is not set"), "{message}");
    let along = net().node(plain.clone().int("broadcast", 1).int("axis", 1));
    assert_eq!(summary(&along.import("z")), "f32[2,3,4] = reshape, add");
    let beyond = net().node(plain.int("broadcast", 1).int("axis", 3));
    let message = beyond.refusal("z");
    assert!(message.contains("does not fit from axis 3"), "{message}");
}

#[test]
fn before_opset_7_a_slope_of_prelu_is_per_channel() {
    let net = |opset| {
        let graph = Net::new(opset)
            .input("x", F32, "2 4 4")
            .input("slope", F32, "4")
            .node(node("PRelu", "x slope", "y"))
            .import("y");
        summary(&graph)
    };
    assert_eq!(net(6), "f32[2,4,4] = reshape, less, mul, select");
    assert_eq!(net(7), "f32[2,4,4] = less, mul, select");
}

#[test]
fn a_shape_is_an_attribute_before_opset_5_and_a_dtype_a_name_before_opset_6() {
    let graph = Net::new(4)
        .input("x", F32, "2 6")
        .node(node("Reshape", "x", "y").ints("shape", &[0, 3, -1]))
        .node(node("Cast", "y", "z").string("to", "INT64"))
        .import("z");
    assert_eq!(summary(&graph), "i64[2,3,2] = reshape, cast");
    let message = Net::new(4)
        .input("x", F32, "2")
        .node(node("Cast", "x", "y").string("to", "COMPLEX64"))
        .refusal("y");
    assert!(message.contains("COMPLEX64"), "{message}");
}

#[test]
fn tile_had_a_count_and_an_axis_before_opset_6() {
    let graph = Net::new(1)
        .input("x", F32, "2 3")
        .constant(i64s("count", &[4]))
        .constant(i64s("axis", &[1]))
        .node(node("Tile", "x count axis", "y"))
        .import("y");
    assert_eq!(summary(&graph), "f32[2,12] = tile");
}

#[test]
fn operands_that_a_version_does_not_take_are_refused_and_not_ignored() {
    let message = Net::new(10)
        .input("x", F32, "2")
        .constant(f32s("low", &[], &[0.0]))
        .node(node("Clip", "x low", "y"))
        .refusal("y");
    assert!(
        message.contains("opset 10): has 2 operands; with this opset it takes at most 1"),
        "{message}"
    );
}

#[test]
fn an_operator_is_refused_before_the_opset_that_brings_it() {
    let message = Net::new(13)
        .input("x", F32, "2")
        .node(node("Mish", "x", "y"))
        .refusal("y");
    assert!(message.contains("came with opset 18"), "{message}");
}

#[test]
fn the_oldest_files_import_nothing_and_mean_opset_1() {
    let net = || {
        Net::new(1)
            .without_imports()
            .ir_version(2)
            .input("x", F32, "2 3")
            .node(node("Softmax", "x", "y"))
    };
    assert_eq!(summary(&net().import("y")), "f32[2,3] = softmax");
}

#[test]
fn an_inference_batch_norm_of_any_opset_is_one() {
    for (opset, attributes) in [(6, true), (7, false), (9, false), (15, false)] {
        let mut bn = node("BatchNormalization", "x s s s s", "y");
        if attributes {
            bn = bn.int("is_test", 1).int("spatial", 1);
        }
        let graph = Net::new(opset)
            .input("x", F32, "n 3 8")
            .input("s", F32, "3")
            .node(bn)
            .import("y");
        assert_eq!(summary(&graph), "f32[n,3,8] = batch_norm", "opset {opset}");
    }
}

#[test]
fn results_that_were_never_defined_are_refused_only_where_they_are_used() {
    let net = || {
        Net::new(9)
            .input("x", F32, "n 3 8")
            .input("s", F32, "3")
            .node(node(
                "BatchNormalization",
                "x s s s s",
                "y mean var saved_mean saved_var",
            ))
    };
    assert!(summary(&net().import("y mean")).starts_with("f32[n,3,8] f32[3] = "));
    let message = net().refusal("saved_var");
    assert!(
        message.contains("/BatchNormalization") && message.contains("result 4 (saved_var)"),
        "{message}"
    );
}

#[test]
fn dropout_of_opset_6_that_is_to_drop_is_refused() {
    let net = |is_test| {
        Net::new(6)
            .input("x", F32, "n")
            .node(node("Dropout", "x", "y").int("is_test", is_test))
    };
    assert_eq!(summary(&net(1).import("y")), "f32[n] = ");
    assert!(net(0).refusal("y").contains("Dropout"));
}

#[test]
fn pieces_of_a_split_must_make_up_the_axis() {
    let message = Net::new(11)
        .input("x", F32, "7")
        .node(node("Split", "x", "a b").ints("split", &[2, 4]))
        .refusal("a b");
    assert!(message.contains("not as long as the axis"), "{message}");
}
