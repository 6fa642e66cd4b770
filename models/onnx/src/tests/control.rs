//! Regions: what they capture, and what becomes of sizes that change.

use super::net::{BOOL, F32, I64, Net, With, f32s, graph, i64s, node, summary, value};
use crate::proto::{GraphProto, NodeProto};
use graphc_ir::Op;

fn branch(nodes: Vec<NodeProto>, output: &str) -> GraphProto {
    graph(vec![], nodes, output)
}

fn branches(then_branch: GraphProto, else_branch: GraphProto) -> NodeProto {
    node("If", "c", "y")
        .graph("then_branch", then_branch)
        .graph("else_branch", else_branch)
}

#[test]
fn branches_get_what_they_use_from_outside_as_parameters() {
    let graph = Net::new(13)
        .input("c", BOOL, "")
        .input("x", F32, "n")
        .constant(f32s("w", &[1], &[2.0]))
        .node(branches(
            branch(vec![node("Mul", "x w", "a")], "a"),
            branch(vec![node("Neg", "x", "b")], "b"),
        ))
        .import("y");
    assert_eq!(summary(&graph), "f32[n] = if");
    let (_, output) = graph.outputs().next().unwrap();
    let node = graph.node(graph.def_node(output).unwrap());
    // The condition and x; the weight is made again inside.
    assert_eq!(node.inputs.len(), 2);
}

#[test]
fn sizes_on_which_branches_disagree_are_bound_from_the_result() {
    let graph = Net::new(13)
        .input("c", BOOL, "")
        .input("x", F32, "n 4")
        .constant(i64s("zero", &[0]))
        .constant(i64s("two", &[2]))
        .node(branches(
            branch(vec![node("Slice", "x zero two two_axis", "a")], "a"),
            branch(vec![node("Identity", "x", "b")], "b"),
        ))
        .constant(i64s("two_axis", &[1]))
        .import("y");
    assert_eq!(summary(&graph), "f32[n,y_d1] = if");
    let symbol = graph.dims.symbol_by_name("y_d1").unwrap();
    assert_eq!(
        graph.dims.range(symbol),
        graphc_base::Interval { lo: 2, hi: 4 }
    );
    assert!(graph.bindings.contains_key(&symbol));
}

#[test]
fn a_branch_that_is_known_to_run_is_converted_in_place() {
    let graph = Net::new(13)
        .input("x", F32, "n 1")
        .constant(i64s("one", &[1]))
        .node(node("Shape", "x", "shape"))
        .node(node("Gather", "shape one", "size"))
        .node(node("Equal", "size one", "c"))
        .node(branches(
            branch(vec![node("Squeeze", "x one", "a")], "a"),
            branch(vec![node("Identity", "x", "b")], "b"),
        ))
        .import("y");
    assert_eq!(summary(&graph), "f32[n] = reshape");
}

#[test]
fn branches_of_different_rank_are_refused() {
    let message = Net::new(13)
        .input("c", BOOL, "")
        .input("x", F32, "n 1")
        .constant(i64s("one", &[1]))
        .node(branches(
            branch(vec![node("Squeeze", "x one", "a")], "a"),
            branch(vec![node("Identity", "x", "b")], "b"),
        ))
        .refusal("y");
    assert!(
        message.contains("result 0 is f32[n] in one case and f32[n,1] in another"),
        "{message}"
    );
}

fn squeezed_if_one(rest: NodeProto) -> Net {
    Net::new(13)
        .input("x", F32, "n k")
        .constant(i64s("one", &[1]))
        .node(node("Shape", "x", "shape"))
        .node(node("Gather", "shape one", "size"))
        .node(node("Equal", "size one", "c"))
        .node(branches(
            branch(vec![node("Squeeze", "x one", "a")], "a"),
            branch(vec![node("Identity", "x", "b")], "b"),
        ))
        .node(rest)
}

#[test]
fn a_squeeze_of_an_axis_that_may_be_one_is_settled_for_a_size_that_the_run_tests() {
    let wide = squeezed_if_one(node("Neg", "y", "z")).import("z");
    assert_eq!(summary(&wide), "f32[n,k] = neg");
    assert_eq!(wide.checks.len(), 1);
    let display = |kind: &graphc_ir::DimCheckKind| match kind {
        graphc_ir::DimCheckKind::Equal(a, b) => format!("{a} = {b}"),
        graphc_ir::DimCheckKind::LessEqual(a, b) => format!("{a} <= {b}"),
        graphc_ir::DimCheckKind::Broadcast(a, b) => format!("{a} ~ {b}"),
    };
    assert_eq!(display(&wide.checks[0].kind), "2 <= $1");
    // A transpose of one axis only takes the squeezed form.
    let narrow = squeezed_if_one(node("Transpose", "y", "z").ints("perm", &[0])).import("z");
    assert_eq!(summary(&narrow), "f32[n] = reshape");
    assert_eq!(display(&narrow.checks[0].kind), "$1 = 1");
}

#[test]
fn what_a_branch_demands_of_sizes_is_demanded_only_where_it_runs() {
    // Each branch of `c` squeezes an axis of its own that may have size 1.
    let squeezed = |axis: &str, prefix: &str| {
        let name = |what: &str| format!("{prefix}_{what}");
        let inner = node("If", &name("c"), &name("y"))
            .graph(
                "then_branch",
                branch(
                    vec![node("Squeeze", &format!("x {axis}"), &name("s"))],
                    &name("s"),
                ),
            )
            .graph(
                "else_branch",
                branch(vec![node("Identity", "x", &name("i"))], &name("i")),
            );
        branch(
            vec![
                node("Shape", "x", &name("shape")),
                node(
                    "Gather",
                    &format!("{} {axis}", name("shape")),
                    &name("size"),
                ),
                node("Equal", &format!("{} one", name("size")), &name("c")),
                inner,
                node("ReduceSum", &name("y"), &name("r")).int("keepdims", 0),
            ],
            &name("r"),
        )
    };
    let graph = Net::new(13)
        .input("c", BOOL, "")
        .input("x", F32, "n m 3")
        .constant(i64s("zero", &[0]))
        .constant(i64s("one", &[1]))
        .node(branches(squeezed("zero", "p"), squeezed("one", "q")))
        .import("y");
    let (_, output) = graph.outputs().next().unwrap();
    let Op::If(region) = &graph.node(graph.def_node(output).unwrap()).op else {
        panic!("{graph}");
    };
    let demanded_by: Vec<_> = graph.checks.iter().map(|check| check.block).collect();
    assert_eq!(demanded_by, [region.then_block, region.else_block]);
}

#[test]
fn where_no_choice_of_branch_is_right_the_first_error_is_told() {
    let message =
        squeezed_if_one(node("Transpose", "y", "z").ints("perm", &[0, 1, 2])).refusal("z");
    assert!(message.contains("Transpose"), "{message}");
}

#[test]
fn a_scalar_takes_the_rank_of_one_element_in_the_other_branch() {
    let graph = Net::new(13)
        .input("c", BOOL, "")
        .input("x", F32, "")
        .constant(i64s("zero", &[0]))
        .node(branches(
            branch(vec![node("Unsqueeze", "x zero", "a")], "a"),
            branch(vec![node("Neg", "x", "b")], "b"),
        ))
        .import("y");
    assert_eq!(summary(&graph), "f32[1] = if");
}

fn body(nodes: Vec<NodeProto>, carried: &str, outputs: &str) -> GraphProto {
    let mut inputs = vec![value("i", I64, ""), value("go", BOOL, "")];
    inputs.extend(carried.split_whitespace().map(|name| value(name, F32, "?")));
    graph(inputs, nodes, outputs)
}

#[test]
fn an_axis_that_grows_from_turn_to_turn_is_left_open_and_the_others_stay() {
    let graph = Net::new(13)
        .input("m", I64, "")
        .input("x", F32, "n 2")
        .node(node("Loop", "m _ x", "y").graph(
            "body",
            body(vec![node("Concat", "a x", "b").int("axis", 1)], "a", "go b"),
        ))
        .import("y");
    assert_eq!(summary(&graph), "f32[n,y_d1] = loop");
}

#[test]
fn a_loop_that_always_runs_to_its_count_stacks_as_many_results() {
    let net = |condition: &str| {
        Net::new(13)
            .input("x", F32, "n 2")
            .input("c", BOOL, "")
            .constant(i64s("zero", &[0]))
            .node(node("Shape", "x", "shape"))
            .node(node("Gather", "shape zero", "m"))
            .node(node("Loop", &format!("m {condition} x"), "y z").graph(
                "body",
                body(
                    vec![node("Neg", "a", "b"), node("Relu", "b", "s")],
                    "a",
                    "go b s",
                ),
            ))
            .import("y z")
    };
    assert!(summary(&net("_")).starts_with("f32[n,2] f32[n,n,2] = "));
    // A condition that is data may end it before the first turn.
    assert!(summary(&net("c")).starts_with("f32[n,2] f32[z_d0,n,2] = "));
}

#[test]
fn the_nodes_after_a_loop_are_not_said_to_come_from_its_body() {
    let graph = Net::new(13)
        .input("m", I64, "")
        .input("x", F32, "n")
        .node(
            node("Loop", "m _ x", "y")
                .graph("body", body(vec![node("Neg", "a", "b")], "a", "go b")),
        )
        .import("y");
    let (_, output) = graph.outputs().next().unwrap();
    let source = graph.value(output).sources[0];
    assert_eq!(graph.sources[source].op_type, "Loop");
}

#[test]
fn a_carried_value_may_not_change_its_rank() {
    let message = Net::new(13)
        .input("m", I64, "")
        .input("x", F32, "n")
        .constant(i64s("axis", &[0]))
        .node(node("Loop", "m _ x", "y").graph(
            "body",
            body(vec![node("Unsqueeze", "a axis", "b")], "a", "go b"),
        ))
        .refusal("y");
    assert!(
        message.contains("carried value 0 becomes f32[1,n] in the body"),
        "{message}"
    );
}

#[test]
fn a_sequence_that_starts_empty_learns_the_rank_of_what_a_loop_puts_in() {
    let graph = Net::new(13)
        .input("m", I64, "")
        .input("x", F32, "2 3")
        .node(node("SequenceEmpty", "", "s"))
        .node(node("Loop", "m _ s", "t").graph(
            "body",
            graph(
                vec![
                    value("i", I64, ""),
                    value("go", BOOL, ""),
                    value("a", F32, ""),
                ],
                vec![node("SequenceInsert", "a x", "b")],
                "go b",
            ),
        ))
        .node(node("ConcatFromSequence", "t", "y").int("axis", 0))
        .import("y");
    let (_, output) = graph.outputs().next().unwrap();
    assert_eq!(graph.tensor_ty(output).unwrap().rank(), 2);
}

#[test]
fn a_scan_is_a_loop_over_slices() {
    let step = graph(
        vec![value("h", F32, "?"), value("e", F32, "?")],
        vec![node("Add", "h e", "k"), node("Identity", "k", "o")],
        "k o",
    );
    let graph = Net::new(13)
        .input("h0", F32, "4")
        .input("x", F32, "4 seq")
        .node(
            node("Scan", "h0 x", "hn y")
                .graph("body", step)
                .int("num_scan_inputs", 1)
                .ints("scan_input_axes", &[1])
                .ints("scan_output_axes", &[-1]),
        )
        .import("hn y");
    assert_eq!(
        summary(&graph),
        "f32[4] f32[4,seq] = dim_tensor, loop, transpose"
    );
    let has_gather = graph
        .block_ids()
        .flat_map(|block| graph.block(block).nodes.clone())
        .any(|node| graph.node(node).op == Op::Gather { axis: 1 });
    assert!(has_gather);
}
