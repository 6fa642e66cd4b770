//! The text form, written and read.

use crate::consts::{ConstData, SMALL_CONST_BYTES};
use crate::graph::Graph;
use crate::testing::{Choices, arbitrary_graph};
use crate::types::TensorType;
use crate::{parse, parse_with};
use expect_test::{Expect, expect};
use graphc_base::DType;
use proptest::prelude::*;
use std::sync::Arc;

const SMALL: &str = r#"graph "small" {
  inputs "x"
  outputs "y"
  symbol batch = 0..2147483647 from %0.0
  symbol n = any from %3[0]
  check at_most n, batch+1 "slice \"s\": len"
  const c0 "w": f32[2] = [1.0, nan(7fc00001)]
  const c1: f32[2] = derived output=0 transpose perm=[0] c0
  const c2: bool[] = [true]
  source s0 "/s" "Slice"
  block b0(%0 "x": f32[batch,2]) {
    %1: f32[2] = const c1
    %2: f32[batch,2] = mul %0, %1 @s0  ; "/s"
    %3 "n": i64[1] = dim_tensor [max(1,batch)]
    %4: f32[n,2] @s0 = slice [0:+n,0:+2] %2 @s0
    %5: bool[] = const c2
    %6: f32[n,2] = if then=b1 else=b2 %5, %4
    return %6
  }
  block b1(%7: f32[n,2]) {
    return %7
  }
  block b2(%8: f32[n,2]) {
    %9: f32[n,2] = relu %8
    return %9
  }
}
"#;

#[test]
fn text_is_written_as_it_was_read() {
    // What is not as the printer writes it: provenance that stands on its own although it is that of the node.
    let graph = parse(SMALL).expect("sound text");
    let text = graph.to_string();
    let expected = SMALL.replace(
        "%4: f32[n,2] @s0 = slice [0:+n,0:+2] %2 @s0",
        "%4: f32[n,2] = slice [0:+n,0:+2] %2 @s0  ; \"/s\"",
    );
    assert_eq!(text, expected);
}

#[test]
fn normal_text_numbers_densely_and_leaves_comments_out() {
    let mut graph = parse(SMALL).expect("sound text");
    // A hole in the ids, as a pass leaves it.
    graph.block_mut(Graph::MAIN).nodes.remove(4);
    let text = graph.normal_text();
    assert!(!text.contains(';'));
    assert!(text.contains("%5: f32[n,2] = if"), "{text}");
    let read = parse(&text.replace("%5, %4", "%4, %4")).expect("normal text");
    assert_eq!(read.n_values(), 9);
}

#[test]
fn the_example_of_the_reference_is_sound_and_written_as_it_stands() {
    let reference = include_str!("../../../../docs/ir.md");
    let text = reference
        .split_once("```text\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(text, _)| text)
        .expect("an example");
    let graph = parse(text).expect("text form");
    assert_eq!(
        crate::verify(&graph).map_err(|errors| errors.to_string()),
        Ok(())
    );
    assert_eq!(graph.to_string(), text);
}

fn check_error(text: &str, expected: Expect) {
    let error = parse(text).expect_err("faulty text").to_string();
    expected.assert_eq(&error);
}

/// The small text with a part replaced.
fn with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from));
    SMALL.replacen(from, to, 1)
}

#[test]
fn faults_are_named_with_their_place() {
    check_error("", expect!["line 1, column 1: `graph` expected"]);
    check_error(
        &with("mul %0", "mull %0"),
        expect!["line 13, column 24: operator `mull` is unknown"],
    );
    check_error(
        &with("mul %0", "mul %77"),
        expect!["line 13, column 28: value %77 is not defined"],
    );
    check_error(
        &with("else=b2", "else=b3"),
        expect!["line 17, column 36: block b3 is not defined"],
    );
    check_error(
        &with("else=b2", "elze=b2"),
        expect!["line 17, column 31: `else=` expected"],
    );
    check_error(
        &with("block b2", "block b1"),
        expect!["line 23, column 9: block is defined twice"],
    );
    check_error(
        &with("%9: f32[n,2]", "%8: f32[n,2]"),
        expect!["line 24, column 5: value %8 is defined twice"],
    );
    check_error(
        &with("f32[batch,2]", "f32[length,2]"),
        expect!["line 11, column 30: unknown symbol"],
    );
    check_error(
        &with("f32[2] = [1.0, nan", "f32[3] = [1.0, nan"),
        expect!["line 7, column 26: constant has 2 elements, which is not what its type says"],
    );
    check_error(
        &with("[1.0,", "[1e99,"),
        expect!["line 7, column 27: float expected"],
    );
    check_error(
        &with("0..2147483647", "5..4"),
        expect!["line 4, column 18: range is empty"],
    );
    check_error(
        &with("symbol n ", "symbol batch "),
        expect!["line 5, column 10: symbol has no name of its own"],
    );
    check_error(
        &with(" @s0", " @s1"),
        expect!["line 13, column 36: source s1 is not declared"],
    );
    check_error(
        &with(
            "c1: f32[2] = derived output=0 transpose perm=[0] c0",
            "c1: f32[2] = derived output=0 transpose perm=[0] c1",
        ),
        expect!["line 8, column 58: constant c1 is not declared"],
    );
    check_error(
        &with("perm=[0]", "perm=[-1]"),
        expect!["line 8, column 55: integer expected, of the attribute's range"],
    );
    check_error(
        &format!("{SMALL} x"),
        expect!["line 28, column 2: text goes on behind the graph"],
    );
    check_error(
        &with(
            "f32[batch,2]",
            &format!("{}f32[1]", "optional(".repeat(1000)),
        ),
        expect!["line 11, column 173: type is nested too deeply"],
    );
    check_error(
        &with("[max(1,batch)]", &format!("[{}1]", "(".repeat(1000))),
        expect!["line 14, column 134: nesting is too deep"],
    );
}

#[test]
fn large_constants_are_resolved_by_hash() {
    let mut graph = Graph::new("large");
    let n_elements = SMALL_CONST_BYTES / 4 + 1;
    let ty = TensorType::new(DType::F32, [n_elements]);
    let bytes: Arc<[u8]> = (0..n_elements * 4).map(|byte| byte as u8).collect();
    let data = ConstData::Inline(bytes);
    let id = graph
        .consts
        .insert(ty.clone(), data.clone(), Some("w".to_owned()));
    let hash = graph.consts[id].hash;
    graph.append_node(
        Graph::MAIN,
        crate::Op::Const(id),
        vec![],
        vec![ty.into()],
        [].into(),
    );
    let text = graph.to_string();
    assert!(
        text.contains(&format!("const c0 \"w\": f32[1025] = inline 0x{hash:016x}")),
        "{text}"
    );

    let error = parse(&text).expect_err("no resolver").to_string();
    expect!["line 2, column 29: contents of the constant are not at hand"].assert_eq(&error);
    let read = parse_with(&text, &mut |request| {
        (request.hash == hash && request.name == Some("w")).then(|| data.clone())
    });
    assert!(read.expect("resolved").is_same(&graph));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_graph_reads_back_the_same(numbers in prop::collection::vec(any::<u32>(), 0..400)) {
        let graph = arbitrary_graph(&mut Choices::new(&numbers));
        for text in [graph.to_string(), graph.normal_text()] {
            let read = parse(&text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
            prop_assert_eq!(read.normal_text(), graph.normal_text());
        }
    }

    /// Damaged text gives an error or a graph, and that graph can be written, read and verified.
    #[test]
    fn damaged_text_does_no_harm(
        numbers in prop::collection::vec(any::<u32>(), 0..100),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0u8..128), 1..6),
    ) {
        let mut bytes = arbitrary_graph(&mut Choices::new(&numbers)).to_string().into_bytes();
        for (place, byte) in cuts {
            let place = place.index(bytes.len());
            match byte % 3 {
                0 => { bytes.truncate(place.max(1)); }
                1 => { bytes.remove(place); bytes.push(b' '); }
                _ => { bytes[place] = byte; }
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok(graph) = parse(&text) {
            let _ = crate::verify(&graph);
            let again = graph.to_string();
            prop_assert!(!again.is_empty());
        }
    }
}
