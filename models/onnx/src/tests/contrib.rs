//! Operators of `com.microsoft`: the numbers are onnxruntime's.

use super::net::With;
use super::operands::Operand::{Byte, Bytes, Float, Floats, Ints, Matrix, Missing, Ramp};
use super::operands::{check, ms, onnx, refuse};

#[test]
fn gelus_add_their_bias_first() {
    check(
        ms("Gelu", "y0"),
        &[Ramp(&[4], 1)],
        &[&[-0.162794, 0.0, 0.415331, -0.129252]],
    );
    check(
        ms("FastGelu", "y0"),
        &[Ramp(&[2, 2], 1), Ramp(&[2], 5)],
        &[&[-0.149837, 0.518403, 0.518403, 0.206253]],
    );
    check(
        ms("BiasGelu", "y0"),
        &[Ramp(&[2, 2], 1), Ramp(&[2], 5)],
        &[&[-0.149824, 0.518455, 0.518455, 0.206257]],
    );
    check(
        ms("QuickGelu", "y0"),
        &[Ramp(&[4], 1)],
        &[&[-0.157311, 0.0, 0.420814, -0.126386]],
    );
    check(
        ms("QuickGelu", "y0").float("alpha", 0.5),
        &[Ramp(&[4], 1)],
        &[&[-0.247572, 0.0, 0.330553, -0.163587]],
    );
}

#[test]
fn skips_are_added_before_the_norm() {
    check(
        ms("SkipLayerNormalization", "y _ _ s").float("epsilon", 1e-05),
        &[
            Ramp(&[1, 2, 4], 1),
            Ramp(&[1, 2, 4], 2),
            Ramp(&[4], 3),
            Ramp(&[4], 4),
            Ramp(&[4], 5),
        ],
        &[
            &[
                0.257121, 0.795543, -1.06848, 0.164681, -0.188969, 0.141277, 0.0616194, 0.134942,
            ],
            &[
                -0.875, 0.859375, 1.07812, -0.21875, 0.71875, -0.578125, -0.359375, 1.375,
            ],
        ],
    );
    check(
        ms("SkipLayerNormalization", "y0"),
        &[Ramp(&[2, 2, 4], 1), Ramp(&[2, 4], 2), Ramp(&[4], 3)],
        &[&[
            0.261631, 0.0706056, -0.90671, 0.00962804, -0.144421, -0.524937, 0.121955, -0.0174421,
        ]],
    );
    check(
        ms("SkipSimplifiedLayerNormalization", "y _ _ s"),
        &[
            Ramp(&[1, 2, 4], 1),
            Ramp(&[1, 2, 4], 2),
            Ramp(&[4], 3),
            Ramp(&[4], 5),
        ],
        &[
            &[
                0.248952, 0.35861, -0.777087, 0.0041492, -0.198853, -0.234589, 0.251881, -0.025361,
            ],
            &[
                -0.875, 0.859375, 1.07812, -0.21875, 0.71875, -0.578125, -0.359375, 1.375,
            ],
        ],
    );
    check(
        onnx("SimplifiedLayerNormalization", "y0 y1"),
        &[Ramp(&[2, 4], 1), Ramp(&[4], 3)],
        &[
            &[
                0.303429, 0.0, -0.768688, 0.0125745, -0.116426, -0.561062, 0.189608, -0.0155234,
            ],
            &[2.23936, 2.27086],
        ],
    );
}

#[test]
fn embeddings_are_summed_and_normalised() {
    check(
        ms("EmbedLayerNormalization", "y0 y1 y2"),
        &[
            Ints(&[2, 3], &[0, 4, 2, 1, 1, 3]),
            Ints(&[2, 3], &[0, 0, 1, 1, 0, 1]),
            Ramp(&[5, 4], 1),
            Ramp(&[4, 4], 2),
            Ramp(&[2, 4], 3),
            Ramp(&[4], 4),
            Ramp(&[4], 5),
            Ints(&[2, 3], &[1, 1, 0, 1, 1, 1]),
        ],
        &[
            &[
                0.194608, 1.10738, -0.709431, 0.243812, 0.193228, 0.456905, -0.438668, 0.537756,
                0.102922, 0.970089, -0.668857, 0.0712262,
            ],
            &[2.0, 3.0],
            &[
                -1.21875, 0.515625, 0.734375, -0.5625, -0.265625, -0.046875, 0.171875, 0.390625,
                -0.265625, -0.046875, 0.171875, -1.125,
            ],
        ],
    );
    check(
        ms("EmbedLayerNormalization", "y0 y1"),
        &[
            Ints(&[2, 3], &[0, 4, 2, 1, 1, 3]),
            Ints(&[2, 3], &[0, 0, 1, 1, 0, 1]),
            Ramp(&[5, 4], 1),
            Ramp(&[4, 4], 2),
            Ramp(&[2, 4], 3),
            Ramp(&[4], 4),
            Ramp(&[4], 5),
            Missing,
            Ints(&[1, 3], &[2, 1, 0]),
        ],
        &[
            &[
                0.178587, 1.51718, -0.0719035, 0.315697, 0.193228, 0.456905, -0.438668, 0.537756,
            ],
            &[0.0, 0.0],
        ],
    );
    check(
        ms("EmbedLayerNormalization", "y0 y1"),
        &[
            Ints(&[2, 3], &[0, 4, 2, 1, 1, 3]),
            Missing,
            Ramp(&[5, 4], 1),
            Ramp(&[4, 4], 2),
            Missing,
            Ramp(&[4], 4),
            Ramp(&[4], 5),
        ],
        &[
            &[
                0.179143, 0.793408, -0.894241, 0.231845, 0.140655, 0.00548565, -0.808012, 0.406325,
            ],
            &[0.0, 0.0],
        ],
    );
    check(
        ms("QEmbedLayerNormalization", "y0 y1"),
        &[
            Ints(&[2, 3], &[0, 4, 2, 1, 1, 3]),
            Ints(&[2, 3], &[0, 0, 1, 1, 0, 1]),
            Bytes(&[5, 4], 1),
            Bytes(&[4, 4], 2),
            Bytes(&[2, 4], 3),
            Bytes(&[4], 4),
            Bytes(&[4], 5),
            Missing,
            Float(0.01),
            Float(0.02),
            Float(0.03),
            Float(0.01),
            Float(0.01),
            Byte(120),
            Byte(100),
            Byte(128),
            Byte(90),
            Byte(127),
        ],
        &[
            &[
                -0.102845, -0.309751, 0.14522, 1.26207, -0.119588, -0.358209, 0.436546, 0.212141,
            ],
            &[0.0, 0.0],
        ],
    );
}

#[test]
fn matrices_turn_before_they_are_multiplied() {
    check(
        ms("FusedMatMul", "y0").int("transA", 1).float("alpha", 0.5),
        &[Ramp(&[2, 3], 1), Ramp(&[2, 3], 2)],
        &[&[
            0.151123, -0.119873, -0.11853, -0.0205078, 0.0427246, -0.0598145, -0.0500488,
            -0.0906982, 0.41333,
        ]],
    );
    check(
        ms("TransposeMatMul", "y0").int("transB", 1),
        &[Ramp(&[2, 3], 1), Ramp(&[2, 3], 2)],
        &[&[0.668457, -0.207764, -0.355469, 0.545898]],
    );
    check(
        ms("FusedMatMul", "y0").int("transBatchA", 1),
        &[Ramp(&[3, 2, 2], 1), Ramp(&[2, 2, 1], 2)],
        &[&[0.234863, -0.212402, 0.216553, 0.500977, -0.1875, 0.544922]],
    );
    check(
        ms("FusedMatMul", "y0")
            .int("transBatchA", 1)
            .int("transA", 1)
            .int("transBatchB", 1)
            .int("transB", 1),
        &[Ramp(&[3, 2, 1, 2], 1), Ramp(&[2, 2, 1, 3], 2)],
        &[&[
            -0.102539, 0.279297, -0.0649414, -0.463623, -0.522217, 0.169434, 0.39209, -0.359863,
        ]],
    );
}

#[test]
fn fused_products_end_in_their_activation() {
    check(
        ms("FusedGemm", "y0")
            .int("transB", 1)
            .float("alpha", 0.5)
            .float("beta", 2.0)
            .string("activation", "Relu"),
        &[Ramp(&[2, 3], 1), Ramp(&[2, 3], 2), Ramp(&[2], 3)],
        &[&[0.0, 0.583618, 0.0, 0.960449]],
    );
    check(
        ms("FusedGemm", "y0")
            .string("activation", "LeakyRelu")
            .float("activation_alpha", 0.2),
        &[Ramp(&[2, 2], 1), Ramp(&[2, 2], 2)],
        &[&[0.234863, -0.019873, -0.100879, 0.166748]],
    );
    check(
        ms("FusedConv", "y0")
            .string("activation", "Clip")
            .floats("activation_params", &[-0.25, 0.5]),
        &[
            Ramp(&[1, 1, 3, 3], 1),
            Ramp(&[2, 1, 2, 2], 2),
            Ramp(&[2], 3),
            Ramp(&[1, 2, 2, 2], 4),
        ],
        &[&[-0.25, 0.5, -0.25, 0.131348, 0.5, -0.25, 0.5, -0.03125]],
    );
    check(
        ms("FusedConv", "y0")
            .string("activation", "HardSigmoid")
            .floats("activation_params", &[0.2, 0.4]),
        &[Ramp(&[1, 1, 3, 3], 1), Ramp(&[1, 1, 2, 2], 2)],
        &[&[0.384863, 0.479639, 0.399219, 0.441895]],
    );
}

#[test]
fn matrices_are_inverted_and_rows_compared() {
    check(
        ms("Inverse", "y0"),
        &[Matrix(3, &[0.0, 2.0, 1.0, 1.0, 0.0, 0.0, 4.0, 0.0, 3.0])],
        &[&[
            0.0, 1.0, 0.0, 0.5, 0.666667, -0.166667, -0.0, -1.33333, 0.333333,
        ]],
    );
    check(
        ms("CDist", "y0").string("metric", "euclidean"),
        &[Ramp(&[2, 3], 1), Ramp(&[1, 3], 2)],
        &[&[0.297696, 1.47025]],
    );
    check(
        ms("Unique", "y0 y1 y2"),
        &[Floats(&[2.0, 1.0, 1.0, 3.0])],
        &[&[2.0, 1.0, 3.0], &[0.0, 1.0, 1.0, 2.0], &[1.0, 2.0, 1.0]],
    );
}

#[test]
fn what_onnxruntime_does_not_mean_is_refused() {
    refuse(
        ms("FusedGemm", "y").string("activation", "Swish"),
        &[Ramp(&[2, 2], 1), Ramp(&[2, 2], 2)],
        "activation Swish",
    );
    refuse(
        ms("FusedGemm", "y").string("activation", "LeakyRelu"),
        &[Ramp(&[2, 2], 1), Ramp(&[2, 2], 2)],
        "lacks parameter 0",
    );
    refuse(
        ms("SkipLayerNormalization", "y mean"),
        &[Ramp(&[1, 2, 4], 1), Ramp(&[1, 2, 4], 2), Ramp(&[4], 3)],
        "mean",
    );
    let weights = |bits: i64, block: i64| {
        ms("MatMulNBits", "y")
            .int("K", 32)
            .int("N", 2)
            .int("bits", bits)
            .int("block_size", block)
    };
    let operands = [Ramp(&[2, 32], 1), Bytes(&[2, 2, 8], 2), Ramp(&[4], 3)];
    let mut huge = weights(4, 16);
    huge.attribute[1].i = i64::MAX;
    refuse(huge, &operands, "N must be");
    refuse(weights(3, 16), &operands, "3 bits");
    refuse(weights(4, 24), &operands, "block_size");
    refuse(weights(8, 16), &operands, "32 bytes");
    refuse(ms("Inverse", "y"), &[Ramp(&[2, 3], 1)], "2 by 3");
    refuse(
        ms("CDist", "y").string("metric", "cosine"),
        &[Ramp(&[2, 3], 1), Ramp(&[2, 3], 1)],
        "cosine",
    );
    refuse(
        ms("QLinearConcat", "y").int("axis", 0),
        &[Float(1.0), Byte(0), Bytes(&[2], 1), Float(1.0)],
        "triples",
    );
    refuse(
        ms("BiasSplitGelu", "y"),
        &[Ramp(&[2, 3], 1), Ramp(&[3], 2)],
        "halves",
    );
    refuse(ms("BeamSearch", "y"), &[Ramp(&[2, 3], 1)], "unknown");
}
