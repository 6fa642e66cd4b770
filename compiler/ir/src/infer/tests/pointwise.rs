//! Pointwise operators, casts and quantisation.

use super::check;
use expect_test::expect;

#[test]
fn broadcasting_of_symbols_leaves_a_check() {
    check(
        "f32[S,4], f32[T,4]",
        "add",
        expect!["f32[bcast(S,T),4]; broadcast S, T"],
    );
    check("f32[S], f32[4]", "add", expect!["f32[4]; broadcast S, 4"]);
    check("f32[S], f32[0]", "add", expect!["f32[0]; broadcast S, 0"]);
    check(
        "f32[S], f32[S+1]",
        "add",
        expect!["f32[bcast(S,S+1)]; broadcast S, S+1"],
    );
    check(
        "f32[B], f32[B+1]",
        "add",
        expect!["add: shapes do not broadcast, lhs f32[B], rhs f32[B+1]"],
    );
    check(
        "f32[B], f32[2*B]",
        "add",
        expect!["add: shapes do not broadcast, lhs f32[B], rhs f32[2*B]"],
    );
    check("f32[B], f32[S]", "mul", expect!["f32[B]; broadcast B, S"]);
    check(
        "f32[2*B], f32[S+2]",
        "mul",
        expect!["f32[2*B]; equal 2*B, S+2"],
    );
    check(
        "bool[S], f32[T], f32[4]",
        "select",
        expect!["f32[4]; broadcast T, 4; broadcast S, 4"],
    );
    check("f32[S+T], f32[T+S]", "sub", expect!["f32[S+T]"]);
    check("f32[8,1,S], f32[7,1]", "max", expect!["f32[8,7,S]"]);
}

#[test]
fn a_clamped_size_broadcasts_only_with_an_equal_one() {
    check(
        "f32[min(S,512)], f32[S]",
        "add",
        expect!["f32[S]; equal min(512,S), S"],
    );
    check(
        "f32[S], f32[1,min(S,512)]",
        "add",
        expect!["f32[1,S]; equal min(512,S), S"],
    );
    check(
        "f32[S], f32[min(S,1)]",
        "add",
        expect!["f32[bcast(S,min(1,S))]; broadcast S, min(1,S)"],
    );
    check(
        "f32[min(S,512)]",
        "expand shape=[S]",
        expect!["f32[S]; equal min(512,S), S"],
    );
}

#[test]
fn broadcasting_of_different_sizes_is_refused() {
    check(
        "f32[3,4], f32[4,3]",
        "add",
        expect!["add: shapes do not broadcast, lhs f32[3,4], rhs f32[4,3]"],
    );
    check(
        "f32[8], f32[0]",
        "add",
        expect!["add: shapes do not broadcast, lhs f32[8], rhs f32[0]"],
    );
    check(
        "bool[3], i8[2], i8[1]",
        "select",
        expect!["select: shapes do not broadcast, cond bool[3], lhs i8[2], rhs i8[1]"],
    );
}

#[test]
fn dtypes_must_be_those_of_the_operator() {
    check(
        "f32[2], f64[2]",
        "add",
        expect!["add: dtypes differ, lhs f32[2], rhs f64[2]"],
    );
    check(
        "bool[2], bool[2]",
        "add",
        expect!["add: lhs must be a number, lhs bool[2], rhs bool[2]"],
    );
    check(
        "f8e4m3fn[2], f8e4m3fn[2]",
        "mul",
        expect!["mul: lhs must be a number, lhs f8e4m3fn[2], rhs f8e4m3fn[2]"],
    );
    check("i4[2]", "neg", expect!["neg: x must be a number, x i4[2]"]);
    check("i32[2]", "exp", expect!["exp: x must be a float, x i32[2]"]);
    check(
        "u8[2]",
        "relu",
        expect!["relu: x must be a float or a signed integer, x u8[2]"],
    );
    check("f32[2]", "not", expect!["not: x must be bool, x f32[2]"]);
    check(
        "i32[2], i32[2]",
        "shift_left",
        expect!["shift_left: lhs must be an unsigned integer, lhs i32[2], rhs i32[2]"],
    );
    check(
        "f32[2], f32[2]",
        "bit_and",
        expect!["bit_and: lhs must be an integer, lhs f32[2], rhs f32[2]"],
    );
    check(
        "i64[2], i64[2]",
        "and",
        expect!["and: lhs must be bool, lhs i64[2], rhs i64[2]"],
    );
    check(
        "string[2], string[2]",
        "less",
        expect!["less: lhs must be a number, lhs string[2], rhs string[2]"],
    );
    check(
        "f8e5m2[2], f8e5m2[2]",
        "equal",
        expect!["equal: lhs must be a number, bool or string, lhs f8e5m2[2], rhs f8e5m2[2]"],
    );
    check(
        "f32[2], f32[2], f32[2]",
        "select",
        expect!["select: cond must be bool, cond f32[2], lhs f32[2], rhs f32[2]"],
    );
    check(
        "bool[2], f32[2], i32[2]",
        "select",
        expect!["select: dtypes differ, cond bool[2], lhs f32[2], rhs i32[2]"],
    );
    check(
        "seq(f32), f32[2]",
        "add",
        expect!["add: lhs is not a tensor, lhs seq(f32), rhs f32[2]"],
    );
}

#[test]
fn operands_are_counted() {
    check(
        "f32[2]",
        "add",
        expect!["add: takes 2 operands, not 1, lhs f32[2]"],
    );
    check("", "neg", expect!["neg: takes 1 operand, not 0"]);
    check(
        "f32[2], f32[2], f32[2]",
        "exp",
        expect!["exp: takes 1 operand, not 3, x f32[2], operand 1 f32[2], operand 2 f32[2]"],
    );
    check(
        "f32[1]",
        "const c0",
        expect!["const: takes 0 operands, not 1, operand 0 f32[1]"],
    );
}

#[test]
fn casts_take_anything_and_bitcasts_one_width() {
    check("i4[S,3]", "cast to=f8e5m2 saturate", expect!["f8e5m2[S,3]"]);
    check("bool[S]", "cast to=string", expect!["string[S]"]);
    check(
        "seq(f32)",
        "cast to=i64",
        expect!["cast: x is not a tensor, x seq(f32)"],
    );
    check("i4[8]", "bitcast to=u4", expect!["u4[8]"]);
    check(
        "f32[8]",
        "bitcast to=i64",
        expect!["bitcast: i64 has another width than x, x f32[8]"],
    );
    check(
        "bool[8]",
        "bitcast to=u8",
        expect!["bitcast: x must be of fixed width and not bool, x bool[8]"],
    );
    check(
        "string[8]",
        "bitcast to=u8",
        expect!["bitcast: x must be of fixed width and not bool, x string[8]"],
    );
}

#[test]
fn leaves_state_their_types() {
    check(
        "",
        "dim_tensor [1,2] scalar",
        expect!["dim_tensor: dims has length 2, not 1"],
    );
    check("", "dim_tensor []", expect!["i64[0]"]);
    check(
        "",
        "iota dtype=bool len=4",
        expect!["iota: dtype must be a number"],
    );
    check(
        "",
        "iota dtype=i64 len=-4",
        expect!["iota: result has the negative size -4"],
    );
    check("", "iota dtype=i64 len=I", expect!["i64[I]"]);
    check(
        "",
        "random_uniform low=0.0 high=1.0 dtype=i32 shape=[2] seed=0.0 instance=0",
        expect!["random_uniform: dtype must be a float"],
    );
    check(
        "",
        "iota dtype=f64 len=9223372036854775807",
        expect!["iota: result f64[9223372036854775807] is too large"],
    );
}

#[test]
fn scales_fit_the_axis() {
    check(
        "f32[S,8], f32[8], u8[8]",
        "quantize to=u8 axis=1 block=0",
        expect!["u8[S,8]"],
    );
    check(
        "f32[S,8], f32[T], u8[T]",
        "quantize to=u8 axis=0 block=0",
        expect!["u8[S,8]; equal T, S"],
    );
    check(
        "f32[S,8], f32[7]",
        "quantize to=u8 axis=1 block=0",
        expect!["quantize: scale and x differ along the axis, x f32[S,8], scale f32[7]"],
    );
    check(
        "f32[S,8], f32[1]",
        "quantize to=u8 block=0",
        expect!["quantize: scale must have rank 0, x f32[S,8], scale f32[1]"],
    );
    check(
        "f32[S,8], f32[], i8[]",
        "quantize to=u8 block=0",
        expect!["quantize: zero_point must be u8, x f32[S,8], scale f32[], zero_point i8[]"],
    );
    check(
        "f32[S,8], f32[S,3]",
        "quantize to=u4 axis=1 block=3",
        expect!["u4[S,8]"],
    );
    check(
        "f32[S,8], f32[S,2]",
        "quantize to=u4 axis=1 block=3",
        expect!["quantize: scale does not fit x in blocks, x f32[S,8], scale f32[S,2]"],
    );
    check(
        "f32[S,8], f32[]",
        "quantize to=u4 block=3",
        expect!["quantize: blocks need an axis, x f32[S,8], scale f32[]"],
    );
    check(
        "f32[8], f32[8]",
        "quantize to=i8 axis=1 block=0",
        expect!["quantize: axis 1 is not below 1, x f32[8], scale f32[8]"],
    );
    check(
        "f32[8], f32[]",
        "quantize to=i32 block=0",
        expect![
            "quantize: result must be an integer of at most 16 bits, float8 or float4, x f32[8], scale f32[]"
        ],
    );
    check(
        "f32[8], f32[]",
        "quantize to=f8e8m0 block=0",
        expect![
            "quantize: result must be an integer of at most 16 bits, float8 or float4, x f32[8], scale f32[]"
        ],
    );
    check(
        "i32[8], f32[]",
        "quantize to=f4e2m1 block=0",
        expect!["f4e2m1[8]"],
    );
    check(
        "i32[8], f16[], i32[]",
        "dequantize block=0",
        expect!["f16[8]"],
    );
    check(
        "f32[8], f32[]",
        "dequantize block=0",
        expect![
            "dequantize: q must be i32, an integer of at most 16 bits, float8 or float4, q f32[8], scale f32[]"
        ],
    );
    check(
        "i8[8], f8e8m0[]",
        "dequantize block=0",
        expect!["dequantize: scale must be a float, q i8[8], scale f8e8m0[]"],
    );
    check(
        "i8[S,8], bf16[8], i8[1]",
        "dequantize axis=1 block=0",
        expect![
            "dequantize: zero_point and scale differ in shape, q i8[S,8], scale bf16[8], zero_point i8[1]"
        ],
    );
}
