//! Sequences and optionals that dissolve, and those that stay.

use super::net::{F32, I64, Net, STRING, With, graph, i64s, node, summary, value};
use crate::proto::{TypeProto, ValueInfoProto, type_proto};

fn sequence(name: &str, elem_type: i32, dims: &str) -> ValueInfoProto {
    let element = value(name, elem_type, dims).r#type.map(Box::new);
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::SequenceType(type_proto::Sequence {
                elem_type: element,
            })),
        }),
    }
}

#[test]
fn elements_at_known_positions_are_the_values_that_were_put_in() {
    let graph = Net::new(13)
        .input("a", F32, "n")
        .input("b", F32, "2")
        .constant(i64s("zero", &[0]))
        .constant(i64s("last", &[-1]))
        .node(node("SequenceConstruct", "a b", "s"))
        .node(node("SequenceInsert", "s a zero", "t"))
        .node(node("SequenceErase", "t last", "u"))
        .node(node("SequenceLength", "u", "len"))
        .node(node("SequenceAt", "u last", "y"))
        .import("y len");
    assert_eq!(summary(&graph), "f32[n] i64[] = ");
}

#[test]
fn a_position_outside_a_known_sequence_is_refused() {
    let message = Net::new(13)
        .input("a", F32, "n")
        .constant(i64s("three", &[3]))
        .node(node("SequenceConstruct", "a a", "s"))
        .node(node("SequenceAt", "s three", "y"))
        .refusal("y");
    assert!(
        message.contains("position 3 is outside a sequence of 2 elements"),
        "{message}"
    );
}

#[test]
fn a_split_and_a_join_of_known_pieces_need_no_sequence() {
    let graph = Net::new(13)
        .input("x", F32, "6 n")
        .constant(i64s("split", &[2, 4]))
        .node(node("SplitToSequence", "x split", "s"))
        .node(node("ConcatFromSequence", "s", "y").int("axis", 0))
        .import("y");
    assert_eq!(summary(&graph), "f32[6,n] = slice, slice, concat");
}

#[test]
fn elements_of_a_sequence_that_is_an_input_have_sizes_of_their_own() {
    let graph = Net::new(13)
        .typed_input(sequence("s", F32, "? 3"))
        .input("i", I64, "")
        .node(node("SequenceAt", "s i", "y"))
        .import("y");
    assert_eq!(summary(&graph), "f32[y_d0,y_d1] = sequence_at");
}

#[test]
fn a_map_over_known_elements_is_unrolled_and_over_others_a_loop() {
    let body = || {
        let mut body = graph(vec![value("e", F32, "?")], vec![node("Neg", "e", "r")], "");
        body.output = vec![value("r", F32, "?")];
        body
    };
    let known = Net::new(17)
        .input("a", F32, "n")
        .input("b", F32, "2")
        .constant(i64s("one", &[1]))
        .node(node("SequenceConstruct", "a b", "s"))
        .node(node("SequenceMap", "s", "t").graph("body", body()))
        .node(node("SequenceAt", "t one", "y"))
        .import("y");
    assert_eq!(summary(&known), "f32[2] = neg");
    let unknown = Net::new(17)
        .typed_input(sequence("s", F32, "?"))
        .node(node("SequenceMap", "s", "t").graph("body", body()))
        .import("t");
    assert_eq!(
        summary(&unknown),
        "seq(f32) = sequence_length, sequence_empty, loop"
    );
}

#[test]
fn an_optional_that_is_known_to_hold_a_value_is_that_value() {
    let graph = Net::new(18)
        .input("x", F32, "n")
        .node(node("Optional", "x", "o"))
        .node(node("OptionalGetElement", "o", "y"))
        .node(node("OptionalHasElement", "_", "no"))
        .import("y no");
    assert_eq!(summary(&graph), "f32[n] bool[] = ");
}

#[test]
fn pieces_of_strings_are_as_many_as_the_run_finds() {
    let graph = Net::new(20)
        .input("x", STRING, "n")
        .node(node("StringSplit", "x", "y z").string("delimiter", ","))
        .import("y z");
    assert_eq!(summary(&graph), "string[n,y_d1] i64[n] = string_split");
}
