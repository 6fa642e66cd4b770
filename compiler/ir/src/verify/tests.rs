//! Each kind of defect, planted into a sound graph, is found and named.

use crate::consts::ConstData;
use crate::graph::{Binding, BlockId, Graph, NodeId, ValueId};
use crate::op::Op;
use crate::testing::{Choices, GraphOptions, arbitrary_graph, typed_graph};
use crate::types::TensorType;
use crate::{ConstId, parse, verify};
use expect_test::{Expect, expect};
use graphc_base::{DType, EntityId, Interval};
use proptest::prelude::*;
use std::sync::Arc;

const SOUND: &str = r#"graph "sound" {
  inputs "x", "n"
  outputs "y", "z"
  symbol batch = 1..64 from %0.0
  symbol n = 0..8 from %1[0]
  symbol rows = 0..64 from %9.0
  symbol some = 0..64 from %6.0
  symbol kept = 0..64 from %14.0
  symbol row = 0..64 from %18.0
  check broadcast some, n "add: shapes"
  const c0 "w": f32[8] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
  const c1: f32[8] = derived output=0 neg c0
  const c2: bool[] = [true]
  const c3: i64[] = [3]
  block b0(%0 "x": f32[batch,8], %1 "n": i64[1]) {
    %2: f32[8] = const c1
    %3: f32[n] = slice [0:+n] %2
    %4: bool[] = const c2
    %5: f32[batch,8] = add %0, %2
    %6: f32[some] = if then=b1 else=b2 %4, %3
    %7: f32[bcast(n,some)] = add %6, %3
    %8: i64[] = const c3
    %9: f32[rows], %10: f32[3,1] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3
    %11: f32[batch,8] = relu %5
    return %11, %7
  }
  block b1(%12: f32[n]) {
    %13: f32[n] = relu %12
    return %13
  }
  block b2(%14: f32[kept]) {
    %15: f32[kept] = neg %14
    return %15
  }
  block b3(%16: i64[], %17: bool[], %18: f32[row]) {
    %19: f32[1] = slice [0:+1] %18
    return %17, %18, %19
  }
}
"#;

fn sound() -> Graph {
    parse(SOUND).expect("text")
}

fn errors(graph: &Graph) -> String {
    match verify(graph) {
        Ok(()) => "sound".to_owned(),
        Err(errors) => {
            let lines: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
    }
}

/// The sound graph with a part of its text replaced.
fn with(from: &str, to: &str, expected: Expect) {
    assert!(SOUND.contains(from), "{from}");
    let graph = parse(&SOUND.replacen(from, to, 1)).expect("text");
    expected.assert_eq(&errors(&graph));
}

/// The sound graph, changed.
fn changed(change: impl FnOnce(&mut Graph), expected: Expect) {
    let mut graph = sound();
    change(&mut graph);
    expected.assert_eq(&errors(&graph));
}

fn node_of(graph: &Graph, value: u32) -> NodeId {
    graph.def_node(ValueId(value)).expect("a node's result")
}

#[test]
fn the_graph_is_sound_before_defects() {
    assert_eq!(errors(&sound()), "sound");
}

#[test]
fn names_of_inputs_and_outputs_are_as_many_and_different() {
    with(
        "inputs \"x\", \"n\"",
        "inputs \"x\"",
        expect!["graph: has 1 input names for 2 inputs"],
    );
    with(
        "outputs \"y\", \"z\"",
        "outputs \"y\", \"y\"",
        expect![[r#"graph: has two outputs named "y""#]],
    );
}

#[test]
fn ids_are_those_of_the_graph() {
    changed(
        |graph| {
            let node = node_of(graph, 11);
            graph.inputs_mut(node)[0] = ValueId(99);
        },
        expect!["n8: uses %99, which is not defined, in `%11: f32[batch,8] = relu %99`"],
    );
    changed(
        |graph| graph.block_mut(Graph::MAIN).nodes.push(NodeId(99)),
        expect!["b0: holds n99, which is no node"],
    );
    changed(
        |graph| {
            let node = node_of(graph, 6);
            let mut op = graph.node(node).op.clone();
            op.map_blocks(&mut |_| BlockId(77));
            graph.set_op(node, op);
        },
        expect![[r#"
            n4: has region b77, which is no block, in `%6: f32[some] = if then=b77 else=b77 %4, %3`
            n4: has region b77, which is no block, in `%6: f32[some] = if then=b77 else=b77 %4, %3`"#]],
    );
    changed(
        |graph| {
            let node = node_of(graph, 2);
            graph.set_op(node, Op::Const(ConstId(50)));
        },
        expect!["n0: const: c50 is not in the constant store, in `%2: f32[8] = const c50`"],
    );
}

#[test]
fn a_node_stands_in_one_block_once() {
    changed(
        |graph| {
            let node = node_of(graph, 11);
            graph.block_mut(Graph::MAIN).nodes.push(node);
        },
        expect!["n8: stands in blocks more than once, in `%11: f32[batch,8] = relu %5`"],
    );
    changed(
        |graph| {
            let node = graph.block_mut(BlockId(1)).nodes.remove(0);
            graph.block_mut(BlockId(2)).nodes.push(node);
        },
        expect![[r#"
            n9: stands in b2 and says that it stands in b1, in `%13: f32[n] = relu %12`
            b1: gives %13, which is defined in b2
            n9: uses %12 of b1, which b2 does not capture, in `%13: f32[n] = relu %12`"#]],
    );
}

#[test]
fn definitions_are_where_they_say() {
    changed(
        |graph| graph.block_mut(BlockId(1)).params.push(ValueId(0)),
        expect![[r#"
            %0: does not say that it is parameter 1 of b1, in `%0 "x": f32[batch,8]`
            %0: is defined twice, in `%0 "x": f32[batch,8]`
            n3: uses %0 of b1, which b0 does not capture, in `%5: f32[batch,8] = add %0, %2`
            n4: then region b1 has 2 parameters and not 1, in `%6: f32[some] = if then=b1 else=b2 %4, %3`
            %5: mentions symbol batch, which is not bound there, in `%5: f32[batch,8]`
            %11: mentions symbol batch, which is not bound there, in `%11: f32[batch,8]`"#]],
    );
}

#[test]
fn a_region_belongs_to_one_node() {
    with(
        "else=b2",
        "else=b1",
        expect![
            "n4: has region b1, which is not its own, in `%6: f32[some] = if then=b1 else=b1 %4, %3`"
        ],
    );
    changed(
        |graph| {
            let node = node_of(graph, 9);
            let mut op = graph.node(node).op.clone();
            op.map_blocks(&mut |_| Graph::MAIN);
            graph.set_op(node, op);
        },
        expect![[r#"
            n7: has region b0, which is not its own, in `%9: f32[rows], %10: f32[3,1] = loop body=b0 has_trip_count carried=1 scanned=1 %8, %3`
            n7: body region b0 has 2 parameters and not 3, in `%9: f32[rows], %10: f32[3,1] = loop body=b0 has_trip_count carried=1 scanned=1 %8, %3`
            n7: body region b0 has 2 results and not 3, in `%9: f32[rows], %10: f32[3,1] = loop body=b0 has_trip_count carried=1 scanned=1 %8, %3`"#]],
    );
}

#[test]
fn blocks_use_only_what_is_theirs_and_before() {
    with(
        "relu %12",
        "relu %3",
        expect!["n9: uses %3 of b0, which b1 does not capture, in `%13: f32[n] = relu %3`"],
    );
    with(
        "return %13",
        "return %3",
        expect!["b1: gives %3, which is defined in b0"],
    );
    with(
        "return %11, %7",
        "return %11, %12",
        expect!["b0: gives %12, which is defined in b1"],
    );
    with(
        "add %0, %2",
        "add %11, %2",
        expect!["n3: uses %11 before it is defined, in `%5: f32[batch,8] = add %11, %2`"],
    );
}

#[test]
fn types_are_those_of_inference() {
    with(
        "%11: f32[batch,8]",
        "%11: f32[batch,9]",
        expect!["n8: result %11 should be f32[batch,8], in `%11: f32[batch,9] = relu %5`"],
    );
    with(
        "relu %5",
        "relu %4",
        expect![
            "n8: relu: x must be a float or a signed integer, x bool[], in `%11: f32[batch,8] = relu %4`"
        ],
    );
    with(
        "%11: f32[batch,8] = relu",
        "%11: f32[batch,8], %77: i64[] = relu",
        expect!["n8: has 2 results and not 1, in `%11: f32[batch,8], %12: i64[] = relu %5`"],
    );
    with(
        "add %0, %2",
        "add %0",
        expect![
            "n3: add: takes 2 operands, not 1, lhs f32[batch,8], in `%5: f32[batch,8] = add %0`"
        ],
    );
}

#[test]
fn relations_that_inference_leaves_open_are_checks() {
    with(
        "check broadcast some, n",
        "check broadcast some, batch",
        expect![
            "n5: needs a check of some against n, which the graph does not have, in `%7: f32[bcast(n,some)] = add %6, %3`"
        ],
    );
    with(
        "check broadcast some, n",
        "check equal n, some",
        expect!["sound"],
    );
}

#[test]
fn regions_fit_their_node() {
    with(
        "b1(%12: f32[n])",
        "b1(%12: f32[batch])",
        expect![[r#"
        n4: parameter %12: f32[batch] of b1 does not take the capture, f32[n], in `%6: f32[some] = if then=b1 else=b2 %4, %3`
        n9: result %13 should be f32[batch], in `%13: f32[n] = relu %12`"#]],
    );
    with(
        "return %13",
        "return %13, %13",
        expect![
            "n4: then region b1 has 2 results and not 1, in `%6: f32[some] = if then=b1 else=b2 %4, %3`"
        ],
    );
    with(
        "return %15",
        "return",
        expect![
            "n4: else region b2 has 0 results and not 1, in `%6: f32[some] = if then=b1 else=b2 %4, %3`"
        ],
    );
    with(
        "%6: f32[some]",
        "%6: f32[n]",
        expect![[r#"
        n4: result %6 does not take what b2 gives, f32[kept], in `%6: f32[n] = if then=b1 else=b2 %4, %3`
        n5: result %7 should be f32[n], in `%7: f32[bcast(n,some)] = add %6, %3`"#]],
    );
    with(
        "b3(%16: i64[]",
        "b3(%16: i32[]",
        expect![
            "n7: parameter %16: i32[] of b3 does not take the iteration, i64[], in `%9: f32[rows], %10: f32[3,1] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3`"
        ],
    );
    with(
        "return %17, %18, %19",
        "return %16, %18, %19",
        expect![
            "n7: b3 does not give a bool[] first, in `%9: f32[rows], %10: f32[3,1] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3`"
        ],
    );
    with(
        "return %17, %18, %19",
        "return %17, %19, %18",
        expect![
            "n7: result %10 does not take what b3 gives, f32[row], in `%9: f32[rows], %10: f32[3,1] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3`"
        ],
    );
    with(
        "%10: f32[3,1]",
        "%10: f32[3,2]",
        expect![
            "n7: result %10 does not take what b3 gives, f32[1], in `%9: f32[rows], %10: f32[3,2] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3`"
        ],
    );
    with(
        "%9: f32[rows]",
        "%9: f32[batch]",
        expect![[r#"
        n7: result %9 does not take what b3 gives, f32[row], in `%9: f32[batch], %10: f32[3,1] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3`
        n7: result %9 cannot be operand %3, in `%9: f32[batch], %10: f32[3,1] = loop body=b3 has_trip_count carried=1 scanned=1 %8, %3`"#]],
    );
}

#[test]
fn symbols_are_bound_before_they_are_needed() {
    with(
        " from %0.0",
        "",
        expect!["$0: is mentioned and not bound, in `batch`"],
    );
    with(
        "from %0.0",
        "from %0.2",
        expect!["$0: is bound by axis 2 of %0, which does not have it, in `batch`"],
    );
    with(
        "from %1[0]",
        "from %1[1]",
        expect!["$1: is bound by element 1 of %1, which does not have it, in `n`"],
    );
    with(
        "from %1[0]",
        "from %0[0]",
        expect!["$1: is bound by an element of %0, which does not hold i32 or i64, in `n`"],
    );
    with(
        "from %0.0",
        "from %11.0",
        expect![[r#"
        %0: mentions symbol batch, which is not bound there, in `%0 "x": f32[batch,8]`
        %5: mentions symbol batch, which is not bound there, in `%5: f32[batch,8]`"#]],
    );
    with(
        "from %14.0",
        "from %18.0",
        expect![[r#"
        n4: parameter %14: f32[kept] of b2 does not take the capture, f32[n], in `%6: f32[some] = if then=b1 else=b2 %4, %3`
        %14: mentions symbol kept, which is not bound there, in `%14: f32[kept]`
        %15: mentions symbol kept, which is not bound there, in `%15: f32[kept]`"#]],
    );
    changed(
        |graph| {
            let symbol = graph.dims.new_symbol("ghost", Interval::SIZE);
            graph.bindings.insert(symbol, Binding::Axis(ValueId(99), 0));
        },
        expect!["$6: is bound by %99, which is no value, in `ghost`"],
    );
    changed(
        |graph| {
            let other = crate::Graph::new("other");
            let mut dims = other.dims;
            let foreign = (0..20)
                .map(|_| dims.new_symbol("far", Interval::SIZE))
                .last();
            let ty = TensorType::new(DType::F32, foreign);
            graph.set_ty(ValueId(3), ty.into());
        },
        expect![[r#"
            n1: result %3 should be f32[n], in `%3: f32["?"] = slice [0:+n] %2`
            n4: parameter %12: f32[n] of b1 does not take the capture, f32["?"], in `%6: f32[some] = if then=b1 else=b2 %4, %3`
            n5: result %7 should be f32[bcast(some,"?")], in `%7: f32[bcast(n,some)] = add %6, %3`
            n5: needs a check of some against "?", which the graph does not have, in `%7: f32[bcast(n,some)] = add %6, %3`
            $19: is mentioned and is no symbol of the graph, in `?`"#]],
    );
}

#[test]
fn constants_are_as_long_as_their_types_and_derived_in_order() {
    let insert = |ty: TensorType, data: ConstData, expected: Expect| {
        changed(
            |graph| {
                graph.consts.insert(ty, data, None);
            },
            expected,
        );
    };
    let bytes = |n_bytes: usize| ConstData::Inline(vec![0; n_bytes].into());
    let f32s = |size: i64| TensorType::new(DType::F32, [size]);
    insert(
        f32s(2),
        bytes(7),
        expect![[r#"c4: has 7 bytes for 8, in `const c4 "": f32[2]`"#]],
    );
    insert(
        f32s(i64::MAX),
        bytes(8),
        expect![[
            r#"c4: has more bytes than can be counted, in `const c4 "": f32[9223372036854775807]`"#
        ]],
    );
    insert(
        f32s(-1),
        bytes(8),
        expect![[
            r#"c4: has a shape that is not one of constant sizes, in `const c4 "": f32[-1]`"#
        ]],
    );
    insert(
        TensorType::scalar(DType::String),
        bytes(8),
        expect![[r#"c4: holds bytes and is string, in `const c4 "": string[]`"#]],
    );
    let strings = ConstData::Strings(Arc::from(["a".to_owned()]));
    insert(
        f32s(1),
        strings.clone(),
        expect![[r#"c4: holds strings and is f32, in `const c4 "": f32[1]`"#]],
    );
    insert(
        TensorType::new(DType::String, [2i64]),
        strings,
        expect![[r#"c4: has 1 strings for 2, in `const c4 "": string[2]`"#]],
    );
    let derived = |op: Op, output: usize| ConstData::Derived {
        op: Box::new(op),
        inputs: vec![ConstId(0)],
        output,
    };
    let neg = || Op::Unary(crate::op::UnaryOp::Neg);
    insert(
        f32s(9),
        derived(neg(), 0),
        expect![[r#"c4: should be f32[8], in `const c4 "": f32[9]`"#]],
    );
    insert(
        f32s(8),
        derived(neg(), 1),
        expect![[r#"c4: is result 1, which neg does not have, in `const c4 "": f32[8]`"#]],
    );
    insert(
        f32s(8),
        derived(Op::MatMul, 0),
        expect![[r#"c4: matmul: takes 2 operands, not 1, lhs f32[8], in `const c4 "": f32[8]`"#]],
    );
    insert(
        f32s(8),
        derived(Op::Const(ConstId::from_index(4)), 0),
        expect![[r#"c4: is derived from c4, which is not before it, in `const c4 "": f32[8]`"#]],
    );
    let random = Op::Random {
        kind: crate::op::RandomKind::Normal {
            mean: 0.0.into(),
            scale: 1.0.into(),
        },
        dtype: DType::F32,
        shape: vec![8i64.into()],
        seed: 0.0.into(),
        instance: 0,
    };
    insert(
        f32s(8),
        derived(random, 0),
        expect![[r#"c4: is derived by random_normal, which may not be, in `const c4 "": f32[8]`"#]],
    );
    let mut graph = sound();
    let symbol = graph.dims.symbol_by_name("batch").expect("symbol");
    graph
        .consts
        .insert(TensorType::new(DType::F32, [symbol]), bytes(4), None);
    expect![[r#"c4: has a shape that is not one of constant sizes, in `const c4 "": f32[batch]`"#]]
        .assert_eq(&errors(&graph));
}

#[test]
fn what_main_does_not_reach_is_not_looked_at() {
    let mut graph = sound();
    let dead = graph.add_block();
    graph.block_mut(dead).results.push(ValueId(99));
    graph.dims.new_symbol("unused", Interval::SIZE);
    assert_eq!(errors(&graph), "sound");
}

#[test]
fn the_message_counts_and_cuts_long_lists() {
    let mut graph = sound();
    for _ in 0..30 {
        graph.output_names.push("y".to_owned());
    }
    let message = verify(&graph).expect_err("not sound").to_string();
    assert!(message.starts_with(
        "graph is not sound, 31 errors\n  graph: has 32 output names for 2 outputs\n"
    ));
    assert!(message.ends_with("\n  and 11 more"), "{message}");
}

proptest! {
    /// Any graph is verified without a panic.
    #[test]
    fn verification_is_total(numbers in prop::collection::vec(any::<u32>(), 0..300)) {
        let _ = verify(&arbitrary_graph(&mut Choices::new(&numbers)));
    }

    /// A typed graph in which one operand is replaced by a value that is defined later is never sound.
    #[test]
    fn an_operand_from_later_is_always_found(
        numbers in prop::collection::vec(any::<u32>(), 20..300),
        place in any::<prop::sample::Index>(),
    ) {
        let mut graph = typed_graph(&mut Choices::new(&numbers), &GraphOptions::default());
        let nodes = graph.block(Graph::MAIN).nodes.clone();
        prop_assume!(!nodes.is_empty());
        let position = place.index(nodes.len());
        let later = nodes[position..].iter().rev().find_map(|node| graph.node(*node).outputs.first().copied());
        let node = nodes[position];
        if let (Some(later), Some(first)) = (later, graph.inputs_mut(node).first_mut()) {
            *first = later;
            let errors = verify(&graph).expect_err("an operand is used before it is defined");
            prop_assert!(errors.to_string().contains("before it is defined"));
        }
    }
}
