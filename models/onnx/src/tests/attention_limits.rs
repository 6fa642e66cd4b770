//! Attention: what is refused, which sizes results have, and rows without keys.

use super::net::{BOOL, F32, I32, Net, With, i64s, node, summary};
use super::operands::Operand::{Bools, Float, Ints, Longs, Missing, Ramp};
use super::operands::{check, ms, onnx, refuse};

#[test]
fn attention_that_cannot_be_is_refused() {
    let qkv = [
        Ramp(&[1, 2, 4], 1),
        Ramp(&[1, 2, 4], 2),
        Ramp(&[1, 2, 4], 3),
    ];
    let heads = |n: i64| ms("MultiHeadAttention", "y").int("num_heads", n);
    refuse(ms("MultiHeadAttention", "y"), &qkv, "num_heads");
    refuse(heads(0), &qkv, "positive");
    refuse(heads(i64::MAX), &qkv, "num_heads");
    refuse(heads(3), &qkv, "3 heads do not divide 4");
    refuse(heads(2), &qkv[..1], "no key");
    refuse(heads(2).float("window", 1.0), &qkv, "window");
    let group = |n: i64| {
        ms("GroupQueryAttention", "y")
            .int("num_heads", 3)
            .int("kv_num_heads", n)
    };
    let mut grouped = [
        Ramp(&[1, 2, 12], 1),
        Ramp(&[1, 2, 8], 2),
        Ramp(&[1, 2, 8], 3),
        Missing,
        Missing,
        Ints(&[1], &[1]),
        Ints(&[], &[2]),
    ];
    refuse(group(2), &grouped, "evenly");
    let misplaced = [
        Ramp(&[1, 2, 12], 1),
        Ramp(&[1, 2, 12], 2),
        Ramp(&[1, 2, 12], 3),
        Missing,
        Missing,
        Ints(&[1], &[1]),
        Ints(&[], &[2]),
        Ramp(&[4, 2], 4),
        Ramp(&[4, 2], 5),
        Longs(&[2], &[0, 1]),
    ];
    refuse(group(3).int("do_rotary", 1), &misplaced, "position_ids");
    refuse(
        group(2).string("k_quant_type", "PER_TENSOR"),
        &grouped,
        "quantised caches",
    );
    grouped[6] = Float(2.0);
    refuse(group(1), &grouped, "total_sequence_length must be integers");
    let standard = || {
        onnx("Attention", "y")
            .int("q_num_heads", 2)
            .int("kv_num_heads", 2)
    };
    refuse(standard().int("qk_matmul_output_mode", 4), &qkv, "0 to 3");
    refuse(
        standard(),
        &[
            Ramp(&[1, 2, 4], 1),
            Ramp(&[1, 2, 4], 2),
            Ramp(&[1, 2, 2, 2], 3),
        ],
        "rank",
    );
    refuse(
        ms("RotaryEmbedding", "y"),
        &[
            Ramp(&[1, 2, 4], 1),
            Longs(&[1], &[0]),
            Ramp(&[4, 3], 2),
            Ramp(&[4, 3], 3),
        ],
        "RotaryEmbedding",
    );
}

#[test]
fn sizes_keep_the_names_of_the_model() {
    let net = |node| {
        Net::new(25)
            .input("q", F32, "batch seq 8")
            .input("k", F32, "batch seq 4")
            .input("v", F32, "batch seq 4")
            .input("pk", F32, "batch 1 past 4")
            .input("pv", F32, "batch 1 past 4")
            .input("mask", BOOL, "batch 1 seq total")
            .node(node)
    };
    let standard = node("Attention", "q k v mask pk pv", "y key value")
        .int("q_num_heads", 2)
        .int("kv_num_heads", 1)
        .int("is_causal", 1);
    let types = summary(&net(standard).import("y key value"));
    let wanted = "f32[batch,seq,8] f32[batch,1,seq+past,4] f32[batch,1,seq+past,4] =";
    assert!(types.starts_with(wanted), "{types}");
    assert!(types.contains("softmax"), "{types}");

    let grouped = node("GroupQueryAttention", "q k v _ _ lens total", "y key value")
        .domain("com.microsoft")
        .int("num_heads", 2)
        .int("kv_num_heads", 1);
    let graph = net(node("Shape", "q", "sizes"))
        .input("lens", I32, "batch")
        .constant(i64s("one", &[1]))
        .node(node("Gather", "sizes one", "rows"))
        .node(node("Cast", "rows", "total").int("to", i64::from(I32)))
        .node(grouped)
        .import("y key value");
    let types = summary(&graph);
    let wanted = "f32[batch,seq,8] f32[batch,1,seq,4] f32[batch,1,seq,4] =";
    assert!(types.starts_with(wanted), "{types}");
}

#[test]
fn queries_without_keys_give_zeros() {
    let node = || {
        onnx("Attention", "y _ _ p")
            .int("q_num_heads", 1)
            .int("kv_num_heads", 1)
            .int("is_causal", 1)
            .int("qk_matmul_output_mode", 3)
    };
    let operands = [
        Ramp(&[1, 2, 2], 1),
        Ramp(&[1, 2, 2], 2),
        Ramp(&[1, 2, 1], 3),
        Bools(&[false, true]),
    ];
    // The second value is (37 + 33 - 48) / 64.
    check(node(), &operands, &[&[0.0, 0.34375], &[0.0, 0.0, 0.0, 1.0]]);
}
