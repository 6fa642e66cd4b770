//! Scalar programs.

use crate::harness::{Case, Random, Tensor, epsilon, values};
use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_base::{DType, Real};
use graphc_kernel::{Instruction, Kernel, Operand, ScalarOp, ScalarProgram};

fn single(op: ScalarOp, operand: DType, result: DType, n: u16) -> Kernel {
    Kernel::Pointwise(ScalarProgram::single(op, operand, result, n))
}

/// Within some units in the last place of the result; near zero those of the smallest normal number.
fn check_ulps(case: &Case, ulps: f64) {
    check_ulps_above(case, ulps, 1.0);
}

/// The same; near zero those of `floor` times the smallest normal number.
fn check_ulps_above(case: &Case, ulps: f64, floor: f64) {
    let dtype = case.outputs[0].0;
    let smallest = match dtype {
        DType::F16 => 2f64.powi(-14),
        DType::F64 => f64::MIN_POSITIVE,
        _ => f64::from(f32::MIN_POSITIVE),
    };
    let expected = values(dtype, &case.reference().expect("reference runs")[0]);
    let distances: Vec<f64> = expected
        .iter()
        .map(|r| ulps * epsilon(dtype) * r.abs().max(floor * smallest))
        .collect();
    case.is_within(&distances);
}

/// Numbers of all sizes, with the special ones.
fn spread(seed: u64, n: usize, limit: f64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let mut values: Vec<f64> = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e-40,
        -1e-40,
        f64::from(f32::MIN_POSITIVE),
        88.5,
        88.8,
        -87.5,
        -95.0,
        -103.0,
        -104.5,
        3.4e38,
        0.706,
        1.415,
        0.999_999_9,
        1.000_000_1,
        4.0,
        -4.0,
        20.0,
        1e10,
        -1e10,
    ]
    .into_iter()
    .filter(|value: &f64| !value.is_finite() || value.abs() <= limit)
    .collect();
    while values.len() < n {
        let magnitude = 2f64.powf(random.signed() * 30.0);
        let value = match random.below(3) {
            0 => random.signed() * 100.0,
            1 => random.signed() * 4.0,
            _ => magnitude * random.signed().signum(),
        };
        if value.abs() <= limit {
            values.push(value);
        }
    }
    values
}

const UNARY: [(UnaryOp, f64); 38] = [
    (UnaryOp::Neg, 0.0),
    (UnaryOp::Abs, 0.0),
    (UnaryOp::Sign, 0.0),
    (UnaryOp::Ceil, 0.0),
    (UnaryOp::Floor, 0.0),
    (UnaryOp::Round, 0.0),
    (UnaryOp::Trunc, 0.0),
    (UnaryOp::Sqrt, 0.0),
    (UnaryOp::Rsqrt, 2.0),
    (UnaryOp::Reciprocal, 0.0),
    (UnaryOp::Exp, 1.5),
    (UnaryOp::Log, 1.5),
    (UnaryOp::Sin, 1.0),
    (UnaryOp::Cos, 1.0),
    (UnaryOp::Tan, 1.0),
    (UnaryOp::Atan, 1.0),
    (UnaryOp::Sinh, 1.0),
    (UnaryOp::Asinh, 1.0),
    (UnaryOp::Tanh, 4.0),
    (UnaryOp::Erf, 2.0),
    (UnaryOp::Sigmoid, 3.0),
    (UnaryOp::Relu, 0.0),
    (UnaryOp::Softplus, 4.0),
    (UnaryOp::Softsign, 2.0),
    (UnaryOp::Mish, 5.0),
    (UnaryOp::HardSwish, 2.0),
    (
        UnaryOp::Swish {
            alpha: Real::new(1.0),
        },
        4.0,
    ),
    (
        UnaryOp::Swish {
            alpha: Real::new(1.702),
        },
        100.0,
    ),
    (
        UnaryOp::LeakyRelu {
            alpha: Real::new(0.01),
        },
        2.0,
    ),
    (
        UnaryOp::Elu {
            alpha: Real::new(1.0),
        },
        3.0,
    ),
    (
        UnaryOp::Elu {
            alpha: Real::new(0.3),
        },
        4.0,
    ),
    (
        UnaryOp::Selu {
            alpha: Real::new(1.67),
            gamma: Real::new(1.05),
        },
        1.0,
    ),
    (
        UnaryOp::Celu {
            alpha: Real::new(2.0),
        },
        1.0,
    ),
    (
        UnaryOp::ThresholdedRelu {
            alpha: Real::new(1.0),
        },
        0.0,
    ),
    (
        UnaryOp::Shrink {
            bias: Real::new(0.1),
            lambda: Real::new(0.5),
        },
        1.0,
    ),
    (UnaryOp::Acos, 1.0),
    (UnaryOp::Acosh, 1.0),
    (UnaryOp::Atanh, 1.0),
];

#[test]
fn unary_functions_keep_their_bounds() {
    let x = Tensor::new(DType::F32, &[5003], &spread(1, 5003, f64::INFINITY));
    for (op, ulps) in UNARY {
        let kernel = single(ScalarOp::Unary(op), DType::F32, DType::F32, 1);
        // Products with x, up to 104 where the other factor is still above zero.
        let floor = if matches!(op, UnaryOp::Mish | UnaryOp::Swish { .. }) {
            128.0
        } else {
            1.0
        };
        check_ulps_above(&Case::new(kernel, &[&x], DType::F32, &[5003]), ulps, floor);
    }
}

#[test]
fn gelus_and_hard_sigmoid_are_close_beside_their_terms() {
    let numbers = spread(2, 5003, f64::INFINITY);
    let x = Tensor::new(DType::F32, &[5003], &numbers);
    let (alpha, beta) = (Real::new(0.2), Real::new(0.5));
    for (op, ulps) in [
        (UnaryOp::Gelu, 3.0),
        (UnaryOp::GeluTanh, 4.0),
        (UnaryOp::HardSigmoid { alpha, beta }, 2.0),
    ] {
        let kernel = single(ScalarOp::Unary(op), DType::F32, DType::F32, 1);
        let distances: Vec<f64> = numbers
            .iter()
            .map(|x| (x.abs() + 1e-30) * ulps * f64::from(f32::EPSILON))
            .collect();
        let slack = if matches!(op, UnaryOp::HardSigmoid { .. }) {
            1e-7
        } else {
            0.0
        };
        let distances: Vec<f64> = distances.iter().map(|distance| distance + slack).collect();
        Case::new(kernel, &[&x], DType::F32, &[5003]).is_within(&distances);
    }
}

const BINARY: [BinaryOp; 14] = [
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Rem,
    BinaryOp::Pow,
    BinaryOp::Min,
    BinaryOp::Max,
    BinaryOp::Equal,
    BinaryOp::Less,
    BinaryOp::LessEqual,
    BinaryOp::Greater,
    BinaryOp::GreaterEqual,
];

const NUMBERS: [DType; 12] = [
    DType::U8,
    DType::I8,
    DType::U16,
    DType::I16,
    DType::U32,
    DType::I32,
    DType::U64,
    DType::I64,
    DType::F32,
    DType::F64,
    DType::F16,
    DType::BF16,
];

fn numbers(dtype: DType, seed: u64, n: usize) -> Tensor {
    if dtype.is_float() {
        let limit = if dtype == DType::F16 { 6e4 } else { 1e30 };
        return Tensor::new(dtype, &[n], &spread(seed, n, limit));
    }
    let mut random = Random::new(seed);
    let bytes: Vec<u8> = (0..n)
        .flat_map(|_| {
            // Small ones often: powers and divisions of others say little.
            let raw = random.next() >> if random.below(2) == 0 { 61 } else { 0 };
            raw.to_le_bytes()[..dtype.bits() / 8].to_vec()
        })
        .collect();
    let mut tensor = Tensor::new(dtype, &[0], &[]);
    tensor.bytes = crate::harness::Bytes::new(&bytes);
    tensor.shape = vec![n];
    tensor
}

#[test]
fn binary_operations_of_all_dtypes() {
    for dtype in NUMBERS {
        let (a, b) = (numbers(dtype, 3, 2100), numbers(dtype, 4, 2100));
        for op in BINARY {
            if op == BinaryOp::Pow && dtype == DType::U64 {
                continue;
            }
            let result = if op.is_comparison() {
                DType::Bool
            } else {
                dtype
            };
            let kernel = single(ScalarOp::Binary(op), dtype, result, 2);
            let case = Case::new(kernel, &[&a, &b], result, &[2100]);
            if op == BinaryOp::Pow && dtype.is_float() {
                check_ulps(&case, 2.0);
            } else if op.is_comparison() || !dtype.is_float() {
                case.is_exact();
            } else {
                check_ulps(&case, 0.0);
            }
        }
    }
}

#[test]
fn operations_of_bits_and_truth() {
    for dtype in [DType::U8, DType::U16, DType::U32, DType::U64, DType::I32] {
        let (a, b) = (numbers(dtype, 5, 300), numbers(dtype, 6, 300));
        for op in [
            BinaryOp::BitAnd,
            BinaryOp::BitOr,
            BinaryOp::BitXor,
            BinaryOp::ShiftLeft,
            BinaryOp::ShiftRight,
        ] {
            if dtype == DType::I32 && matches!(op, BinaryOp::ShiftLeft | BinaryOp::ShiftRight) {
                continue;
            }
            let kernel = single(ScalarOp::Binary(op), dtype, dtype, 2);
            Case::new(kernel, &[&a, &b], dtype, &[300]).is_exact();
        }
        let kernel = single(ScalarOp::Unary(UnaryOp::BitNot), dtype, dtype, 1);
        Case::new(kernel, &[&a], dtype, &[300]).is_exact();
    }
    let mut random = Random::new(7);
    let (a, b) = (
        random.tensor(DType::Bool, &[77], 1.0),
        random.tensor(DType::Bool, &[77], 1.0),
    );
    for op in [BinaryOp::And, BinaryOp::Or, BinaryOp::Xor, BinaryOp::Equal] {
        let kernel = single(ScalarOp::Binary(op), DType::Bool, DType::Bool, 2);
        Case::new(kernel, &[&a, &b], DType::Bool, &[77]).is_exact();
    }
    let kernel = single(ScalarOp::Unary(UnaryOp::Not), DType::Bool, DType::Bool, 1);
    Case::new(kernel, &[&a], DType::Bool, &[77]).is_exact();
    let x = Tensor::new(DType::F32, &[29], &spread(8, 29, f64::INFINITY));
    for op in [
        UnaryOp::IsNan,
        UnaryOp::IsInf {
            positive: true,
            negative: false,
        },
    ] {
        let kernel = single(ScalarOp::Unary(op), DType::F32, DType::Bool, 1);
        Case::new(kernel, &[&x], DType::Bool, &[29]).is_exact();
    }
}

#[test]
fn unary_operations_of_integers() {
    for dtype in NUMBERS.into_iter().filter(|dtype| !dtype.is_float()) {
        let x = numbers(dtype, 9, 300);
        for op in [UnaryOp::Neg, UnaryOp::Abs, UnaryOp::Relu, UnaryOp::Sign] {
            let kernel = single(ScalarOp::Unary(op), dtype, dtype, 1);
            Case::new(kernel, &[&x], dtype, &[300]).is_exact();
        }
    }
}

#[test]
fn casts_between_all_dtypes() {
    for from in NUMBERS.into_iter().chain([DType::Bool]) {
        let x = match from {
            DType::Bool => Random::new(10).tensor(from, &[333], 1.0),
            from => numbers(from, 11, 333),
        };
        for to in NUMBERS.into_iter().chain([DType::Bool]) {
            let rounds_twice = match to {
                DType::F16 => from == DType::F64,
                DType::BF16 => from == DType::F64 || (!from.is_float() && from.bits() > 16),
                _ => false,
            };
            if rounds_twice {
                continue;
            }
            let kernel = single(ScalarOp::Cast { saturate: true }, from, to, 1);
            let case = Case::new(kernel, &[&x], to, &[333]);
            if to.is_float() {
                check_ulps(&case, 0.0);
            } else {
                case.is_exact();
            }
        }
    }
}

#[test]
fn operands_broadcast_repeat_and_reverse() {
    let mut random = Random::new(12);
    let add = single(ScalarOp::Binary(BinaryOp::Add), DType::F32, DType::F32, 2);
    let shapes: [[&[usize]; 3]; 12] = [
        [&[3, 5], &[5], &[3, 5]],
        [&[3, 1], &[1, 5], &[3, 5]],
        [&[], &[4, 700], &[4, 700]],
        [&[4, 700], &[1, 1], &[4, 700]],
        [&[], &[], &[]],
        [&[2, 1, 3, 1, 5, 1], &[4, 1, 6, 1, 2], &[2, 4, 3, 6, 5, 2]],
        [&[7, 3000], &[7, 1], &[7, 3000]],
        [&[7, 3000], &[3000], &[7, 3000]],
        [&[2, 64, 49], &[64, 1], &[2, 64, 49]],
        [&[0, 3], &[3], &[0, 3]],
        [
            &[2, 1, 2, 1, 2, 1, 2, 1],
            &[1, 2, 1, 2, 1, 2, 1, 2],
            &[2, 2, 2, 2, 2, 2, 2, 2],
        ],
        [&[130, 1, 129], &[127, 1], &[130, 127, 129]],
    ];
    for [a, b, y] in shapes {
        let (a, b) = (
            random.tensor(DType::F32, a, 1.0),
            random.tensor(DType::F32, b, 1.0),
        );
        Case::new(add.clone(), &[&a, &b], DType::F32, y).is_exact();
    }
    let buffer = || Random::new(13).tensor(DType::F32, &[9000], 1.0);
    let dense = random.tensor(DType::F32, &[60, 70], 1.0);
    for (offset, strides) in [
        (0, [1, 60]),
        (8999, [-70, -1]),
        (5, [140, 2]),
        (2, [0, 1]),
        (2, [1, 0]),
    ] {
        let a = buffer().viewed(&[60, 70], offset, &strides);
        Case::new(add.clone(), &[&a, &dense], DType::F32, &[60, 70]).is_exact();
    }
}

#[test]
fn select_takes_any_width_and_repeated_operands() {
    let mut random = Random::new(14);
    let cond = random.tensor(DType::Bool, &[3, 70], 1.0);
    let one = random.tensor(DType::Bool, &[], 1.0);
    for dtype in [DType::F32, DType::I64, DType::U8, DType::F16, DType::Bool] {
        let kernel = single(ScalarOp::Select, dtype, dtype, 3);
        let (a, b) = (
            random.tensor(dtype, &[70], 9.0),
            random.tensor(dtype, &[1], 9.0),
        );
        Case::new(kernel.clone(), &[&cond, &a, &b], dtype, &[3, 70]).is_exact();
        Case::new(kernel.clone(), &[&one, &a, &b], dtype, &[3, 70]).is_exact();
        Case::new(kernel, &[&one, &b, &b], dtype, &[3, 70]).is_exact();
    }
}

#[test]
fn programs_share_values_and_store_several_results() {
    let f32_op = |op, operands: &[Operand]| Instruction {
        op,
        operand_dtype: DType::F32,
        dtype: DType::F32,
        operands: operands.to_vec(),
    };
    let binary = |op, a, b| f32_op(ScalarOp::Binary(op), &[a, b]);
    let value = Operand::Value;
    let program = ScalarProgram {
        instructions: vec![
            binary(
                BinaryOp::Add,
                Operand::Input(1),
                Operand::Float(Real::new(1e-5)),
            ),
            f32_op(ScalarOp::Unary(UnaryOp::Sqrt), &[value(0)]),
            binary(BinaryOp::Div, Operand::Input(0), value(1)),
            binary(BinaryOp::Mul, value(2), value(2)),
            binary(BinaryOp::Sub, value(3), Operand::Int(2)),
            binary(BinaryOp::Max, value(4), value(2)),
        ],
        outputs: vec![
            value(5),
            value(2),
            value(2),
            value(1),
            Operand::Input(0),
            Operand::Float(Real::new(0.1)),
        ],
    };
    let mut random = Random::new(15);
    let x = random.tensor(DType::F32, &[5, 4000], 1.0);
    let variance = random.tensor(DType::F32, &[1, 1], 1.0).magnitudes();
    let mut case = Case::new(
        Kernel::Pointwise(program),
        &[&x, &variance],
        DType::F32,
        &[5, 4000],
    );
    for _ in 1..6 {
        case.outputs.push(case.outputs[0].clone());
    }
    case.is_exact();
}

#[test]
fn halves_are_rounded_after_each_instruction() {
    for dtype in [DType::F16, DType::BF16] {
        let instruction = |op, operands: [Operand; 2]| Instruction {
            op: ScalarOp::Binary(op),
            operand_dtype: dtype,
            dtype,
            operands: operands.to_vec(),
        };
        let program = ScalarProgram {
            instructions: vec![
                instruction(BinaryOp::Mul, [Operand::Input(0), Operand::Input(1)]),
                instruction(BinaryOp::Add, [Operand::Value(0), Operand::Input(2)]),
                instruction(
                    BinaryOp::Div,
                    [Operand::Value(1), Operand::Float(Real::new(3.0))],
                ),
            ],
            outputs: vec![Operand::Value(2)],
        };
        let mut random = Random::new(16);
        let inputs = [
            random.tensor(dtype, &[40, 90], 300.0),
            random.tensor(dtype, &[90], 300.0),
            random.tensor(dtype, &[1], 2.0),
        ];
        let [a, b, c] = &inputs;
        check_ulps(
            &Case::new(Kernel::Pointwise(program), &[a, b, c], dtype, &[40, 90]),
            0.0,
        );
    }
}
