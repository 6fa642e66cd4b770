//! Quantised operators of `com.microsoft`: the numbers are onnxruntime's.

use super::net::With;
use super::operands::Operand::{
    Bools, Byte, Bytes, Char, Chars, Float, Floats, Ints, Longs, Missing, Ramp, Zeros,
};
use super::operands::{check, ms};

#[test]
fn integers_are_multiplied_without_their_zero_points() {
    check(
        ms("MatMulIntegerToFloat", "y0"),
        &[
            Bytes(&[2, 3], 1),
            Chars(&[3, 2], 2),
            Float(0.02),
            Floats(&[0.01, 0.03]),
            Byte(30),
            Char(3),
            Ramp(&[2], 3),
        ],
        &[&[0.785225, -2.03165, 0.319025, -9.42425]],
    );
    check(
        ms("DynamicQuantizeMatMul", "y0"),
        &[
            Ramp(&[2, 3], 1),
            Chars(&[3, 2], 2),
            Float(0.01),
            Char(3),
            Ramp(&[2], 4),
        ],
        &[&[0.795574, 0.208342, -0.265779, 1.43569]],
    );
    check(
        ms("QGemm", "y0").int("transB", 1).float("alpha", 0.5),
        &[
            Bytes(&[2, 3], 1),
            Float(0.02),
            Byte(120),
            Chars(&[2, 3], 2),
            Float(0.01),
            Char(2),
            Ints(&[2], &[300, -900]),
            Float(0.05),
            Byte(110),
        ],
        &[&[135.0, 98.0, 106.0, 99.0]],
    );
    check(
        ms("QGemm", "y0"),
        &[
            Bytes(&[2, 3], 1),
            Float(0.02),
            Byte(120),
            Chars(&[3, 2], 2),
            Float(0.01),
            Char(2),
        ],
        &[&[1.3544, 1.163, 0.9548, -1.2346]],
    );
}

#[test]
fn quantised_values_are_computed_as_floats() {
    check(
        ms("QLinearAdd", "y0"),
        &[
            Bytes(&[2, 2], 1),
            Float(0.02),
            Byte(20),
            Bytes(&[2], 2),
            Float(0.03),
            Byte(30),
            Float(0.05),
            Byte(40),
        ],
        &[&[32.0, 69.0, 61.0, 98.0]],
    );
    check(
        ms("QLinearMul", "y0"),
        &[
            Bytes(&[2, 2], 1),
            Float(0.02),
            Byte(20),
            Bytes(&[2], 2),
            Float(0.03),
            Byte(30),
            Float(0.05),
            Byte(40),
        ],
        &[&[41.0, 50.0, 34.0, 75.0]],
    );
    check(
        ms("QLinearSigmoid", "y0"),
        &[
            Chars(&[2, 3], 1),
            Float(0.05),
            Char(20),
            Float(0.01),
            Char(0),
        ],
        &[&[0.0, 3.0, 15.0, 52.0, 88.0, 98.0]],
    );
    check(
        ms("QLinearLeakyRelu", "y0").float("alpha", 0.25),
        &[
            Chars(&[2, 3], 1),
            Float(0.05),
            Char(20),
            Float(0.01),
            Char(0),
        ],
        &[&[-128.0, -90.0, -44.0, 10.0, 127.0, 127.0]],
    );
    check(
        ms("QLinearSoftmax", "y0").int("axis", 1).int("opset", 13),
        &[
            Chars(&[2, 3], 1),
            Float(0.05),
            Char(20),
            Float(0.01),
            Char(0),
        ],
        &[&[2.0, 13.0, 85.0, 2.0, 13.0, 85.0]],
    );
    check(
        ms("QLinearSoftmax", "y0").int("axis", 1).int("opset", 12),
        &[
            Bytes(&[1, 2, 2], 1),
            Float(0.05),
            Byte(20),
            Float(0.01),
            Byte(0),
        ],
        &[&[0.0, 2.0, 13.0, 84.0]],
    );
    check(
        ms("QLinearGlobalAveragePool", "y0"),
        &[
            Bytes(&[1, 2, 3, 3], 1),
            Float(0.05),
            Byte(20),
            Float(0.06),
            Byte(10),
        ],
        &[&[79.0, 101.0]],
    );
    check(
        ms("QLinearGlobalAveragePool", "y0").int("channels_last", 1),
        &[
            Bytes(&[1, 2, 3, 3], 1),
            Float(0.05),
            Byte(20),
            Float(0.06),
            Byte(10),
        ],
        &[&[94.0, 90.0, 86.0]],
    );
    check(
        ms("QLinearAveragePool", "y0")
            .ints("kernel_shape", &[2, 2])
            .ints("strides", &[2, 2])
            .int("ceil_mode", 1)
            .int("count_include_pad", 1),
        &[
            Bytes(&[1, 2, 3, 3], 1),
            Float(0.05),
            Byte(20),
            Float(0.06),
            Byte(10),
        ],
        &[&[64.0, 60.0, 54.0, 18.0, 132.0, 42.0, 36.0, 35.0]],
    );
    check(
        ms("QLinearConcat", "y0").int("axis", 1),
        &[
            Float(0.05),
            Byte(10),
            Bytes(&[1, 2], 1),
            Float(0.02),
            Byte(20),
            Bytes(&[1, 3], 2),
            Float(0.07),
            Byte(3),
        ],
        &[&[6.0, 21.0, 37.0, 88.0, 140.0]],
    );
    check(
        ms("QLinearWhere", "y0"),
        &[
            Bools(&[true, false]),
            Bytes(&[2], 1),
            Float(0.02),
            Byte(20),
            Bytes(&[2, 1], 2),
            Float(0.07),
            Byte(3),
            Float(0.05),
            Byte(10),
        ],
        &[&[6.0, 37.0, 6.0, 88.0]],
    );
    check(
        ms("QLinearConv", "y0").int("channels_last", 1),
        &[
            Bytes(&[1, 3, 3, 1], 1),
            Float(0.02),
            Byte(120),
            Chars(&[2, 1, 2, 2], 2),
            Floats(&[0.01, 0.02]),
            Zeros(2),
            Float(0.1),
            Byte(110),
            Ints(&[2], &[300, -900]),
        ],
        &[&[136.0, 99.0, 129.0, 84.0, 100.0, 75.0, 95.0, 117.0]],
    );
}

#[test]
fn weights_of_few_bits_are_unpacked_by_block() {
    check(
        ms("MatMulNBits", "y0")
            .int("K", 20)
            .int("N", 2)
            .int("block_size", 16)
            .int("bits", 4),
        &[
            Ramp(&[2, 20], 1),
            Bytes(&[2, 2, 8], 2),
            Floats(&[0.01, 0.02, 0.03, 0.04]),
            Bytes(&[2], 3),
        ],
        &[&[0.0123437, -0.08125, 0.124219, 0.128125]],
    );
    check(
        ms("MatMulNBits", "y0")
            .int("K", 20)
            .int("N", 2)
            .int("block_size", 16)
            .int("bits", 8),
        &[
            Ramp(&[2, 20], 1),
            Bytes(&[2, 2, 16], 2),
            Floats(&[0.01, 0.02, 0.03, 0.04]),
            Bytes(&[4], 3),
        ],
        &[&[0.9275, -7.67625, 1.6225, -3.22953]],
    );
    check(
        ms("MatMulNBits", "y0")
            .int("K", 20)
            .int("N", 2)
            .int("block_size", 16)
            .int("bits", 2),
        &[
            Ramp(&[2, 20], 1),
            Bytes(&[2, 2, 4], 2),
            Floats(&[0.01, 0.02, 0.03, 0.04]),
            Bytes(&[2], 3),
        ],
        &[&[0.015, -0.102969, 0.029375, 0.081875]],
    );
    check(
        ms("MatMulNBits", "y0")
            .int("K", 32)
            .int("N", 2)
            .int("block_size", 16),
        &[
            Ramp(&[2, 32], 1),
            Bytes(&[2, 2, 8], 2),
            Floats(&[0.01, 0.02, 0.03, 0.04]),
            Missing,
            Missing,
            Ramp(&[2], 3),
        ],
        &[&[-0.00703125, -0.261875, -0.164688, 0.442813]],
    );
    check(
        ms("MatMulNBits", "y0")
            .int("K", 32)
            .int("N", 2)
            .int("block_size", 16),
        &[
            Ramp(&[1, 32], 1),
            Bytes(&[2, 2, 8], 2),
            Floats(&[0.01, 0.02, 0.03, 0.04]),
            Floats(&[7.5, 8.0, 2.0, 3.0]),
            Ints(
                &[32],
                &[
                    1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0,
                    1, 0, 1, 0, 1, 0,
                ],
            ),
        ],
        &[&[0.220312, -0.475625]],
    );
    check(
        ms("GatherBlockQuantized", "y0").int("block_size", 16),
        &[
            Bytes(&[4, 8], 1),
            Longs(&[2], &[2, 0]),
            Ramp(&[4, 1], 5),
            Bytes(&[4, 1], 3),
        ],
        &[&[
            1.5, 1.25, 0.25, 0.75, -1.0, 0.25, 1.75, -0.5, 0.5, -1.0, 2.0, 2.25, 0.75, 1.75, -0.5,
            1.25, 1.09375, -0.109375,
        ]],
    );
}
