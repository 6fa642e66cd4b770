//! Shapes that are constant, symbolic or data.

use super::net::{F32, I64, Net, With, i64s, node, ops, summary};

#[test]
fn a_chain_of_shape_arithmetic_becomes_symbols() {
    let graph = Net::new(13)
        .input("x", F32, "batch seq 768")
        .constant(i64s("zero", &[0]))
        .constant(i64s("one", &[1]))
        .constant(i64s("heads", &[12, 64]))
        .node(node("Shape", "x", "shape"))
        .node(node("Gather", "shape zero", "batch"))
        .node(node("Gather", "shape one", "seq"))
        .node(node("Concat", "batch seq heads", "target").int("axis", 0))
        .node(node("Reshape", "x target", "split"))
        .node(node("Transpose", "split", "y").ints("perm", &[0, 2, 1, 3]))
        .import("y");
    assert_eq!(summary(&graph), "f32[batch,12,seq,64] = reshape, transpose");
}

#[test]
fn reshape_copies_and_infers() {
    let net = |target: &[i64]| {
        Net::new(13)
            .input("x", F32, "n 4 6")
            .constant(i64s("target", target))
            .node(node("Reshape", "x target", "y"))
    };
    assert_eq!(summary(&net(&[0, -1]).import("y")), "f32[n,24] = reshape");
    assert_eq!(summary(&net(&[-1, 8]).import("y")), "f32[3*n,8] = reshape");
    assert!(net(&[-1, -1]).refusal("y").contains("more than one -1"));
    assert!(net(&[0, 24, 1, 0]).refusal("y").contains("copies axis 3"));
}

#[test]
fn reshape_to_a_shape_that_is_data_binds_symbols() {
    let graph = Net::new(13)
        .input("x", F32, "n 4")
        .input("target", I64, "2")
        .node(node("Reshape", "x target", "y"))
        .import("y");
    let (_, output) = graph.outputs().next().unwrap();
    let shape = &graph.tensor_ty(output).unwrap().shape;
    assert!(
        shape
            .iter()
            .all(|dim| graph.bindings.contains_key(&dim.as_symbol().unwrap()))
    );
    assert_eq!(graph.checks.len(), 1);
}

#[test]
fn slices_of_symbolic_axes_have_symbolic_sizes() {
    let net = |start: i64, end: i64, step: i64| {
        Net::new(13)
            .input("x", F32, "n 10")
            .constant(i64s("starts", &[start]))
            .constant(i64s("ends", &[end]))
            .constant(i64s("axes", &[-1]))
            .constant(i64s("steps", &[step]))
            .node(node("Slice", "x starts ends axes steps", "y"))
            .import("y")
    };
    assert_eq!(summary(&net(2, i64::MAX, 1)), "f32[n,8] = slice");
    assert_eq!(summary(&net(-3, i64::MAX, 2)), "f32[n,2] = slice");
    assert_eq!(summary(&net(-1, i64::MIN, -1)), "f32[n,10] = slice");
    assert_eq!(summary(&net(7, 3, 1)), "f32[n,0] = slice");
    assert_eq!(summary(&net(100, 3, -2)), "f32[n,3] = slice");
}

#[test]
fn a_slice_up_to_a_size_has_that_size() {
    let graph = Net::new(13)
        .input("x", F32, "1 512")
        .input("y", F32, "n seq")
        .constant(i64s("one", &[1]))
        .constant(i64s("zero", &[0]))
        .node(node("Shape", "y", "shape"))
        .node(node("Gather", "shape one", "seq"))
        .node(node("Slice", "x zero seq one", "z"))
        .import("z");
    assert_eq!(summary(&graph), "f32[1,min(512,seq)] = slice");
}

#[test]
fn reductions_over_axes_that_are_data_keep_symbolic_sizes() {
    let net = |keep: i64| {
        Net::new(18)
            .input("x", F32, "2 3")
            .input("axes", I64, "1")
            .node(node("ReduceMax", "x axes", "y").int("keepdims", keep))
            .import("y")
    };
    let kept = net(1);
    let (_, output) = kept.outputs().next().unwrap();
    assert_eq!(kept.tensor_ty(output).unwrap().rank(), 2);
    let dropped = net(0);
    let (_, output) = dropped.outputs().next().unwrap();
    assert_eq!(dropped.tensor_ty(output).unwrap().rank(), 1);
    assert_eq!(ops(&dropped).last(), Some(&"reshape"));
}

#[test]
fn axes_are_attributes_before_and_operands_after_opset_13() {
    let old = Net::new(11)
        .input("x", F32, "n 4")
        .node(node("Unsqueeze", "x", "y").ints("axes", &[0, 3]))
        .import("y");
    let new = Net::new(13)
        .input("x", F32, "n 4")
        .constant(i64s("axes", &[0, -1]))
        .node(node("Unsqueeze", "x axes", "y"))
        .import("y");
    assert_eq!(summary(&old), "f32[1,n,4,1] = reshape");
    assert_eq!(summary(&new), summary(&old));
}

#[test]
fn range_of_a_size_is_an_iota() {
    let graph = Net::new(13)
        .input("x", F32, "n")
        .constant(super::net::i64s("start", &[0]))
        .constant(super::net::i64s("delta", &[1]))
        .node(node("Shape", "x", "shape"))
        .node(node("Range", "start shape delta", "y"))
        .import("y");
    assert!(summary(&graph).starts_with("i64[n] = "));
}

#[test]
fn the_last_part_of_a_split_may_be_smaller() {
    let graph = Net::new(18)
        .input("x", F32, "7")
        .node(node("Split", "x", "a b c").int("num_outputs", 3))
        .import("a b c");
    assert!(summary(&graph).starts_with("f32[3] f32[3] f32[1] = "));
}

#[test]
fn an_axis_out_of_range_is_refused() {
    let message = Net::new(13)
        .input("x", F32, "n 4")
        .node(node("ArgMax", "x", "y").int("axis", 2))
        .refusal("y");
    assert!(
        message.contains("axis 2 is out of range for rank 2"),
        "{message}"
    );
}

#[test]
fn a_table_that_is_cut_to_a_size_and_added_to_it_limits_the_size() {
    let graph = Net::new(13)
        .input("x", F32, "n seq")
        .input("table", F32, "1 512")
        .constant(i64s("zero", &[0]))
        .constant(i64s("one", &[1]))
        .node(node("Shape", "x", "shape"))
        .node(node("Gather", "shape one", "seq"))
        .node(node("Slice", "table zero seq one", "rows"))
        .node(node("Add", "x rows", "y"))
        .import("y");
    assert!(summary(&graph).starts_with("f32[n,seq] = "));
    let symbol = graph.dims.symbol_by_name("seq").unwrap();
    assert_eq!(graph.dims.range(symbol).hi, 512);
    assert_eq!(graph.checks, []);
}
