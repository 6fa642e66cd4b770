//! Products: matrices, convolutions, determinants, Fourier transforms.

use super::check;
use expect_test::expect;

#[test]
fn matmul_contracts_inner_dims_and_broadcasts_the_rest() {
    check(
        "f32[8,64], f32[32,8]",
        "matmul",
        expect!["matmul: inner dims differ, lhs f32[8,64], rhs f32[32,8]"],
    );
    check(
        "f32[8,S], f32[T,8]",
        "matmul",
        expect!["f32[8,8]; equal S, T"],
    );
    check(
        "f32[S,8,64], f32[T,64,8]",
        "matmul",
        expect!["f32[bcast(S,T),8,8]; broadcast S, T"],
    );
    check(
        "f32[2,8,64], f32[3,64,8]",
        "matmul",
        expect!["matmul: shapes do not broadcast, lhs f32[2,8,64], rhs f32[3,64,8]"],
    );
    check(
        "f32[64], f32[64,8]",
        "matmul",
        expect!["matmul: both must have rank 2 or more, lhs f32[64], rhs f32[64,8]"],
    );
    check(
        "f32[8,64], f16[64,8]",
        "matmul",
        expect!["matmul: dtypes differ, lhs f32[8,64], rhs f16[64,8]"],
    );
    check(
        "bool[8,64], bool[64,8]",
        "matmul",
        expect!["matmul: lhs must be a number, lhs bool[8,64], rhs bool[64,8]"],
    );
    check("i8[8,64], i8[64,8]", "matmul", expect!["i8[8,8]"]);
    check(
        "f32[8,64]",
        "matmul",
        expect!["matmul: takes 2 operands, not 1, lhs f32[8,64]"],
    );
    check("f32[8,0], f32[0,8]", "matmul", expect!["f32[8,8]"]);
}

#[test]
fn convolution_slides_over_symbolic_sizes() {
    check(
        "f32[S,3,T,2*T], f32[8,3,3,3]",
        "conv strides=[1,2] pads=[1:1,1:1] dilations=[1,1] groups=1",
        expect!["f32[S,8,T,T]"],
    );
    check(
        "f32[S,T,224,224], f32[8,3,3,3]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=1",
        expect!["f32[S,8,112,112]; equal T, 3"],
    );
    check(
        "f32[1,4,16], f32[8,4,B]",
        "conv strides=[1] pads=[0:S] dilations=[2] groups=1",
        expect!["f32[1,8,S-2*B+18]"],
    );
    check(
        "f32[1,4,16], f32[4,1,3], f32[4]",
        "conv strides=[1] pads=[2:0] dilations=[1] groups=4",
        expect!["f32[1,4,16]"],
    );
    check(
        "i32[1,4,16], i32[4,4,3]",
        "conv strides=[1] pads=[0:0] dilations=[1] groups=1",
        expect!["i32[1,4,14]"],
    );
}

#[test]
fn convolution_refuses_what_does_not_fit() {
    check(
        "f32[1,3,8,8], f32[8,4,3,3]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=1",
        expect!["conv: channels of x and w differ, x f32[1,3,8,8], w f32[8,4,3,3]"],
    );
    check(
        "f32[1,4,8,8], f32[7,2,3,3]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=2",
        expect!["conv: groups do not divide the channels of w, x f32[1,4,8,8], w f32[7,2,3,3]"],
    );
    check(
        "f32[1,4,8,8], f32[8,4,3,3]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=0",
        expect!["conv: groups must not be 0, x f32[1,4,8,8], w f32[8,4,3,3]"],
    );
    check(
        "f32[1,4,8,8], f32[8,4,3,3], f32[7]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=1",
        expect!["conv: bias has another size, x f32[1,4,8,8], w f32[8,4,3,3], bias f32[7]"],
    );
    check(
        "f32[1,4,8], f32[8,4,3]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=1",
        expect!["conv: strides has length 2, not 1, x f32[1,4,8], w f32[8,4,3]"],
    );
    check(
        "f32[1,4,8,8], f32[8,4,0,3]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=1",
        expect!["conv: kernel has no elements, x f32[1,4,8,8], w f32[8,4,0,3]"],
    );
    check(
        "f32[1,4,8,8], f32[8,4,3,3]",
        "conv strides=[0,1] pads=[0:0,0:0] dilations=[1,1] groups=1",
        expect!["conv: stride must not be 0, x f32[1,4,8,8], w f32[8,4,3,3]"],
    );
    check(
        "f32[1,4,2], f32[8,4,3]",
        "conv strides=[1] pads=[0:0] dilations=[4] groups=1",
        expect!["conv: result has the negative size -6, x f32[1,4,2], w f32[8,4,3]"],
    );
    check(
        "f32[1,4], f32[8,4]",
        "conv strides=[] pads=[] dilations=[] groups=1",
        expect!["conv: x must have rank 3 or more, x f32[1,4], w f32[8,4]"],
    );
    check(
        "f32[1,4,2], f32[8,4,3]",
        "conv strides=[18446744073709551615] pads=[0:0] dilations=[4] groups=1",
        expect!["conv: stride 18446744073709551615 is too large, x f32[1,4,2], w f32[8,4,3]"],
    );
}

#[test]
fn transposed_convolution_spreads() {
    check(
        "f32[S,4,T], f32[4,3,3]",
        "conv_transpose strides=[2] pads=[1:1] dilations=[1] output_padding=[0] groups=1",
        expect!["f32[S,3,2*T-1]"],
    );
    check(
        "f32[S,4,5], f32[3,4,3]",
        "conv_transpose strides=[2] pads=[1:1] dilations=[1] output_padding=[0] groups=1",
        expect!["conv_transpose: channels of x and w differ, x f32[S,4,5], w f32[3,4,3]"],
    );
    check(
        "f32[S,4,5], f32[4,4,3]",
        "conv_transpose strides=[2] pads=[1:1] dilations=[1] output_padding=[0] groups=3",
        expect![
            "conv_transpose: groups do not divide the channels of x, x f32[S,4,5], w f32[4,4,3]"
        ],
    );
    check(
        "f32[S,4,5], f32[4,4,3]",
        "conv_transpose strides=[2] pads=[9:9] dilations=[1] output_padding=[0] groups=1",
        expect!["conv_transpose: result has the negative size -7, x f32[S,4,5], w f32[4,4,3]"],
    );
}

#[test]
fn deformable_convolution_has_an_offset_per_tap() {
    check(
        "f32[S,4,8,8], f32[6,4,3,3], f32[S,36,6,6]",
        "deform_conv strides=[1,1] pads=[0:0,0:0] dilations=[1,1] groups=1 offset_groups=2",
        expect!["f32[S,6,6,6]"],
    );
    check(
        "f32[S,4,8,8], f32[6,4,3,3], f32[S,18,6,6]",
        "deform_conv strides=[1,1] pads=[0:0,0:0] dilations=[1,1] groups=1 offset_groups=2",
        expect![
            "deform_conv: offset does not fit x and w, x f32[S,4,8,8], w f32[6,4,3,3], offset f32[S,18,6,6]"
        ],
    );
    check(
        "f32[S,4,8,8], f32[6,4,3,3]",
        "deform_conv strides=[1,1] pads=[0:0,0:0] dilations=[1,1] groups=1 offset_groups=1",
        expect!["deform_conv: takes 3 operands, not 2, x f32[S,4,8,8], w f32[6,4,3,3]"],
    );
}

#[test]
fn determinants_are_of_square_matrices() {
    check("f32[2,S,T]", "det", expect!["f32[2]; equal S, T"]);
    check(
        "f32[2,3]",
        "det",
        expect!["det: x is not square, x f32[2,3]"],
    );
    check(
        "f32[2]",
        "det",
        expect!["det: x must have rank 2 or more, x f32[2]"],
    );
}

#[test]
fn fourier_transforms_change_one_axis() {
    check(
        "f32[S,16,2]",
        "dft axis=0 shape=[T,16,2]",
        expect!["f32[T,16,2]"],
    );
    check(
        "f32[S,16,2]",
        "dft axis=F shape=[S,9,2]",
        expect!["f32[S,9,2]; equal -7*F+7, 0"],
    );
    check(
        "f32[S,16,2]",
        "dft axis=1 shape=[T,9,2]",
        expect!["f32[T,9,2]; equal -S+T, 0"],
    );
    check(
        "f32[S,16,2]",
        "dft axis=2 shape=[S,16,2]",
        expect!["dft: axis 2 is not below 2, x f32[S,16,2]"],
    );
    check(
        "f32[S,16,3]",
        "dft axis=1 shape=[S,16,2]",
        expect!["dft: last dim of x must be a constant, 1 or 2, x f32[S,16,3]"],
    );
    check(
        "f32[4,16,2]",
        "dft axis=1 shape=[3,16,2]",
        expect!["dft: axis 0 of the result differs from x, x f32[4,16,2]"],
    );
}
