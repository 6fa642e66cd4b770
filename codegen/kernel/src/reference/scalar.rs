//! Scalars of every dtype: one value that floats and integers share, with the semantics of each operation.

use crate::scalar::{Instruction, Operand, ScalarOp};
use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_base::float::{f8_to_f32, f32_to_f8, get_packed, set_packed, sign_extend};
use graphc_base::{DType, DTypeKind};
use half::{bf16, f16};

/// A value of some dtype: floats as `f64` that the dtype can hold, all others as the integer's value in 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar {
    Float(f64),
    /// Signed values; unsigned 64-bit ones by their bits.
    Int(i64),
}

impl Scalar {
    pub(crate) fn is_true(self) -> bool {
        match self {
            Scalar::Float(value) => value != 0.0,
            Scalar::Int(value) => value != 0,
        }
    }
}

/// Reads an element.
pub(crate) fn load(bytes: &[u8], dtype: DType, position: usize) -> Scalar {
    let raw = |width: usize| {
        let mut word = [0; 8];
        word[..width].copy_from_slice(&bytes[position * width..][..width]);
        u64::from_le_bytes(word)
    };
    match dtype {
        DType::Bool | DType::U8 => Scalar::Int(i64::from(bytes[position])),
        DType::I8 => Scalar::Int(i64::from(bytes[position] as i8)),
        DType::U16 => Scalar::Int(raw(2) as i64),
        DType::I16 => Scalar::Int(i64::from(raw(2) as i16)),
        DType::U32 => Scalar::Int(raw(4) as i64),
        DType::I32 => Scalar::Int(i64::from(raw(4) as i32)),
        DType::U64 | DType::I64 => Scalar::Int(raw(8) as i64),
        DType::F16 => Scalar::Float(f64::from(f16::from_bits(raw(2) as u16).to_f32())),
        DType::BF16 => Scalar::Float(f64::from(bf16::from_bits(raw(2) as u16).to_f32())),
        DType::F32 => Scalar::Float(f64::from(f32::from_bits(raw(4) as u32))),
        DType::F64 => Scalar::Float(f64::from_bits(raw(8))),
        DType::F8E4M3FN | DType::F8E4M3FNUZ | DType::F8E5M2 | DType::F8E5M2FNUZ | DType::F8E8M0 => {
            Scalar::Float(f64::from(f8_to_f32(dtype, bytes[position])))
        }
        DType::F4E2M1 => Scalar::Float(f64::from(f8_to_f32(dtype, get_packed(bytes, 4, position)))),
        DType::I4 | DType::I2 => {
            let bits = dtype.bits();
            Scalar::Int(i64::from(sign_extend(
                get_packed(bytes, bits, position),
                bits,
            )))
        }
        DType::U4 | DType::U2 => Scalar::Int(i64::from(get_packed(bytes, dtype.bits(), position))),
        DType::String => Scalar::Int(0),
    }
}

/// Writes an element; the value must be one that the dtype can hold (see [`convert`]).
pub(crate) fn store(bytes: &mut [u8], dtype: DType, position: usize, value: Scalar) {
    let (float, int) = match value {
        Scalar::Float(float) => (float, float as i64),
        Scalar::Int(int) => (int as f64, int),
    };
    let mut raw = |width: usize, word: u64| {
        bytes[position * width..][..width].copy_from_slice(&word.to_le_bytes()[..width]);
    };
    match dtype {
        DType::Bool | DType::U8 | DType::I8 => raw(1, int as u64),
        DType::U16 | DType::I16 => raw(2, int as u64),
        DType::U32 | DType::I32 => raw(4, int as u64),
        DType::U64 | DType::I64 => raw(8, int as u64),
        DType::F16 => raw(2, u64::from(f16::from_f64(float).to_bits())),
        DType::BF16 => raw(2, u64::from(bf16::from_f64(float).to_bits())),
        DType::F32 => raw(4, u64::from((float as f32).to_bits())),
        DType::F64 => raw(8, float.to_bits()),
        DType::F8E4M3FN | DType::F8E4M3FNUZ | DType::F8E5M2 | DType::F8E5M2FNUZ | DType::F8E8M0 => {
            raw(1, u64::from(f32_to_f8(dtype, float as f32, false)));
        }
        DType::F4E2M1 => set_packed(bytes, 4, position, f32_to_f8(dtype, float as f32, true)),
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => {
            set_packed(bytes, dtype.bits(), position, int as u8);
        }
        DType::String => {}
    }
}

/// Rounds or wraps a value into a dtype of its own kind.
pub(crate) fn round_to(dtype: DType, value: Scalar) -> Scalar {
    match value {
        Scalar::Float(value) => Scalar::Float(round_float(dtype, value)),
        Scalar::Int(value) => Scalar::Int(wrap(dtype, value)),
    }
}

fn round_float(dtype: DType, value: f64) -> f64 {
    match dtype {
        DType::F32 => f64::from(value as f32),
        DType::F16 => f64::from(f16::from_f64(value).to_f32()),
        DType::BF16 => f64::from(bf16::from_f64(value).to_f32()),
        _ => value,
    }
}

fn wrap(dtype: DType, value: i64) -> i64 {
    match dtype {
        DType::Bool => i64::from(value != 0),
        DType::U8 => i64::from(value as u8),
        DType::I8 => i64::from(value as i8),
        DType::U16 => i64::from(value as u16),
        DType::I16 => i64::from(value as i16),
        DType::U32 => i64::from(value as u32),
        DType::I32 => i64::from(value as i32),
        DType::I4 => i64::from(sign_extend(value as u8 & 15, 4)),
        DType::U4 => value & 15,
        DType::I2 => i64::from(sign_extend(value as u8 & 3, 2)),
        DType::U2 => value & 3,
        _ => value,
    }
}

/// Converts as ONNX Cast does.
pub(crate) fn convert(from: DType, to: DType, value: Scalar, saturate: bool) -> Scalar {
    let to_float = |value: f64| match to {
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => {
            // Odd rounding keeps a second rounding from going astray.
            let narrow = round_to_odd_f32(value);
            Scalar::Float(f64::from(f8_to_f32(to, f32_to_f8(to, narrow, saturate))))
        }
        _ => Scalar::Float(round_float(to, value)),
    };
    match (value, to.kind()) {
        (value, DTypeKind::Bool) => Scalar::Int(i64::from(value.is_true())),
        (Scalar::Float(value), DTypeKind::Float) => to_float(value),
        (Scalar::Int(value), DTypeKind::Float) => to_float(if from == DType::U64 {
            value as u64 as f64
        } else {
            value as f64
        }),
        (Scalar::Float(value), _) => {
            let truncated = if to == DType::U64 && value >= 0.0 {
                value as u64 as i64
            } else {
                value as i64
            };
            if to.is_packed() {
                // These alone saturate; wider integers keep the low bits of what 64 bits hold.
                let (lowest, highest) = packed_range(to);
                return Scalar::Int(truncated.clamp(lowest, highest));
            }
            Scalar::Int(wrap(to, truncated))
        }
        (Scalar::Int(value), _) => Scalar::Int(wrap(to, value)),
    }
}

/// The ends of the range of an integer of less than a byte.
fn packed_range(dtype: DType) -> (i64, i64) {
    let n_values = 1 << dtype.bits();
    if dtype.kind() == DTypeKind::Signed {
        (-n_values / 2, n_values / 2 - 1)
    } else {
        (0, n_values - 1)
    }
}

fn round_to_odd_f32(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) == value || !nearest.is_finite() {
        return nearest;
    }
    let toward_zero = if f64::from(nearest).abs() > value.abs() {
        f32::from_bits(nearest.to_bits() - 1)
    } else {
        nearest
    };
    f32::from_bits(toward_zero.to_bits() | 1)
}

/// The value of one instruction.
pub(crate) fn apply(instruction: &Instruction, operands: [Scalar; 3]) -> Scalar {
    let dtype = instruction.operand_dtype;
    let result = match instruction.op {
        ScalarOp::Unary(op) => unary(op, dtype, operands[0]),
        ScalarOp::Binary(op) => binary(op, dtype, operands[0], operands[1]),
        ScalarOp::Select => {
            if operands[0].is_true() {
                operands[1]
            } else {
                operands[2]
            }
        }
        ScalarOp::Cast { saturate } => {
            return convert(dtype, instruction.dtype, operands[0], saturate);
        }
        ScalarOp::Bitcast => {
            let mut bytes = [0; 8];
            store(&mut bytes, dtype, 0, operands[0]);
            return load(&bytes, instruction.dtype, 0);
        }
    };
    round_to(instruction.dtype, result)
}

/// The value of an immediate operand; inputs and values are resolved by the caller.
pub(crate) fn immediate(operand: Operand, dtype: DType) -> Option<Scalar> {
    match operand {
        Operand::Float(value) => Some(Scalar::Float(round_float(dtype, value.get()))),
        Operand::Int(value) if dtype.is_float() => Some(Scalar::Float(value as f64)),
        Operand::Int(value) => Some(Scalar::Int(wrap(dtype, value))),
        Operand::Input(_) | Operand::Value(_) => None,
    }
}

fn unary(op: UnaryOp, dtype: DType, x: Scalar) -> Scalar {
    match x {
        Scalar::Float(x) => match op {
            UnaryOp::IsNan => Scalar::Int(i64::from(x.is_nan())),
            UnaryOp::IsInf { positive, negative } => Scalar::Int(i64::from(
                (positive && x == f64::INFINITY) || (negative && x == f64::NEG_INFINITY),
            )),
            UnaryOp::Not => Scalar::Int(i64::from(x == 0.0)),
            op => Scalar::Float(float_unary(op, x)),
        },
        Scalar::Int(x) => match op {
            UnaryOp::Neg => Scalar::Int(x.wrapping_neg()),
            UnaryOp::Abs if dtype.kind() == DTypeKind::Signed => Scalar::Int(x.wrapping_abs()),
            UnaryOp::Sign if dtype.kind() == DTypeKind::Unsigned => Scalar::Int(i64::from(x != 0)),
            UnaryOp::Sign => Scalar::Int(x.signum()),
            UnaryOp::Relu if dtype.kind() == DTypeKind::Signed => Scalar::Int(x.max(0)),
            UnaryOp::Not => Scalar::Int(i64::from(x == 0)),
            UnaryOp::BitNot => Scalar::Int(!x),
            UnaryOp::IsNan | UnaryOp::IsInf { .. } => Scalar::Int(0),
            UnaryOp::Ceil
            | UnaryOp::Floor
            | UnaryOp::Round
            | UnaryOp::Trunc
            | UnaryOp::Abs
            | UnaryOp::Relu => Scalar::Int(x),
            op => Scalar::Int(float_unary(op, x as f64) as i64),
        },
    }
}

/// Error function by its series for small arguments and the continued fraction of `erfc` for large ones (Abramowitz and
/// Stegun 7.1.6 and 7.1.14), to about 1e-15.
pub(crate) fn erf(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude.is_nan() {
        return x;
    }
    if magnitude < 2.5 {
        let (mut term, mut sum, mut n) = (magnitude, magnitude, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * magnitude * magnitude / (2.0 * n + 1.0);
            sum += term;
        }
        return (sum * (-magnitude * magnitude).exp() * std::f64::consts::FRAC_2_SQRT_PI)
            .copysign(x);
    }
    if magnitude > 6.0 {
        return 1f64.copysign(x);
    }
    let mut fraction = 0.0;
    for k in (1..=60).rev() {
        fraction = f64::from(k) / 2.0 / (magnitude + fraction);
    }
    let complement =
        (-magnitude * magnitude).exp() / ((magnitude + fraction) * std::f64::consts::PI.sqrt());
    (1.0 - complement).copysign(x)
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The value of a unary operation on floats, in `f64`; NaN for those that are none.
pub fn float_unary(op: UnaryOp, x: f64) -> f64 {
    match op {
        UnaryOp::Neg => -x,
        UnaryOp::Abs => x.abs(),
        UnaryOp::Sign if x.is_nan() || x == 0.0 => x,
        UnaryOp::Sign => 1f64.copysign(x),
        UnaryOp::Ceil => x.ceil(),
        UnaryOp::Floor => x.floor(),
        UnaryOp::Round => x.round_ties_even(),
        UnaryOp::Trunc => x.trunc(),
        UnaryOp::Sqrt => x.sqrt(),
        UnaryOp::Rsqrt => 1.0 / x.sqrt(),
        UnaryOp::Reciprocal => 1.0 / x,
        UnaryOp::Exp => x.exp(),
        UnaryOp::Log => x.ln(),
        UnaryOp::Sin => x.sin(),
        UnaryOp::Cos => x.cos(),
        UnaryOp::Tan => x.tan(),
        UnaryOp::Asin => x.asin(),
        UnaryOp::Acos => x.acos(),
        UnaryOp::Atan => x.atan(),
        UnaryOp::Sinh => x.sinh(),
        UnaryOp::Cosh => x.cosh(),
        UnaryOp::Tanh => x.tanh(),
        UnaryOp::Asinh => x.asinh(),
        UnaryOp::Acosh => x.acosh(),
        UnaryOp::Atanh => x.atanh(),
        UnaryOp::Erf => erf(x),
        UnaryOp::Sigmoid => sigmoid(x),
        UnaryOp::Relu if x.is_nan() => x,
        UnaryOp::Relu => x.max(0.0),
        UnaryOp::Softplus => softplus(x),
        UnaryOp::Softsign => x / (1.0 + x.abs()),
        UnaryOp::Gelu => 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)),
        UnaryOp::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        UnaryOp::Mish => x * softplus(x).tanh(),
        UnaryOp::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        UnaryOp::Swish { alpha } => x * sigmoid(alpha.get() * x),
        UnaryOp::LeakyRelu { alpha } => {
            if x < 0.0 {
                alpha.get() * x
            } else {
                x
            }
        }
        UnaryOp::Elu { alpha } => {
            if x < 0.0 {
                alpha.get() * x.exp_m1()
            } else {
                x
            }
        }
        UnaryOp::Selu { alpha, gamma } => {
            gamma.get() * if x > 0.0 { x } else { alpha.get() * x.exp_m1() }
        }
        UnaryOp::Celu { alpha } => {
            let alpha = alpha.get();
            x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0) + if x.is_nan() { x } else { 0.0 }
        }
        UnaryOp::HardSigmoid { alpha, beta } => (alpha.get() * x + beta.get()).clamp(0.0, 1.0),
        UnaryOp::ThresholdedRelu { alpha } => {
            if x > alpha.get() || x.is_nan() {
                x
            } else {
                0.0
            }
        }
        UnaryOp::Shrink { bias, lambda } => {
            if x < -lambda.get() {
                x + bias.get()
            } else if x > lambda.get() {
                x - bias.get()
            } else {
                0.0
            }
        }
        UnaryOp::Not | UnaryOp::BitNot | UnaryOp::IsNan | UnaryOp::IsInf { .. } => f64::NAN,
    }
}

/// `a op b`, not yet rounded into the dtype.
pub(crate) fn binary(op: BinaryOp, dtype: DType, a: Scalar, b: Scalar) -> Scalar {
    match (a, b) {
        (Scalar::Float(a), Scalar::Float(b)) => float_binary(op, dtype, a, b),
        (Scalar::Int(a), Scalar::Int(b)) => Scalar::Int(int_binary(op, dtype, a, b)),
        (Scalar::Float(a), Scalar::Int(b)) => float_binary(op, dtype, a, b as f64),
        (Scalar::Int(a), Scalar::Float(b)) => float_binary(op, dtype, a as f64, b),
    }
}

fn float_binary(op: BinaryOp, dtype: DType, a: f64, b: f64) -> Scalar {
    let truth = |holds: bool| Scalar::Int(i64::from(holds));
    Scalar::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => {
            let remainder = a % b;
            if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
                remainder + b
            } else {
                remainder
            }
        }
        BinaryOp::Rem => a % b,
        BinaryOp::Pow if dtype == DType::F32 => f64::from((a as f32).powf(b as f32)),
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Min if a.is_nan() || b.is_nan() => f64::NAN,
        BinaryOp::Max if a.is_nan() || b.is_nan() => f64::NAN,
        BinaryOp::Min => a.min(b),
        BinaryOp::Max => a.max(b),
        BinaryOp::Equal => return truth(a == b),
        BinaryOp::Less => return truth(a < b),
        BinaryOp::LessEqual => return truth(a <= b),
        BinaryOp::Greater => return truth(a > b),
        BinaryOp::GreaterEqual => return truth(a >= b),
        BinaryOp::And => return truth(a != 0.0 && b != 0.0),
        BinaryOp::Or => return truth(a != 0.0 || b != 0.0),
        BinaryOp::Xor => return truth((a != 0.0) != (b != 0.0)),
        BinaryOp::BitAnd
        | BinaryOp::BitOr
        | BinaryOp::BitXor
        | BinaryOp::ShiftLeft
        | BinaryOp::ShiftRight => f64::NAN,
    })
}

fn int_binary(op: BinaryOp, dtype: DType, a: i64, b: i64) -> i64 {
    let unsigned = dtype == DType::U64;
    let (ua, ub) = (a as u64, b as u64);
    let less = if unsigned { ua < ub } else { a < b };
    match op {
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::Div | BinaryOp::Mod | BinaryOp::Rem if b == 0 => 0,
        BinaryOp::Div if unsigned => (ua / ub) as i64,
        BinaryOp::Div => a.wrapping_div(b),
        BinaryOp::Mod | BinaryOp::Rem if unsigned => (ua % ub) as i64,
        BinaryOp::Rem => a.wrapping_rem(b),
        BinaryOp::Mod => {
            let remainder = a.wrapping_rem(b);
            if remainder != 0 && (remainder < 0) != (b < 0) {
                remainder + b
            } else {
                remainder
            }
        }
        BinaryOp::Pow => int_pow(a, b),
        BinaryOp::Min if less => a,
        BinaryOp::Min => b,
        BinaryOp::Max if less => b,
        BinaryOp::Max => a,
        BinaryOp::And => i64::from(a != 0 && b != 0),
        BinaryOp::Or => i64::from(a != 0 || b != 0),
        BinaryOp::Xor => i64::from((a != 0) != (b != 0)),
        BinaryOp::BitAnd => a & b,
        BinaryOp::BitOr => a | b,
        BinaryOp::BitXor => a ^ b,
        BinaryOp::ShiftLeft => ua
            .checked_shl(u32::try_from(ub).unwrap_or(u32::MAX))
            .unwrap_or(0) as i64,
        BinaryOp::ShiftRight => ua
            .checked_shr(u32::try_from(ub).unwrap_or(u32::MAX))
            .unwrap_or(0) as i64,
        BinaryOp::Equal => i64::from(a == b),
        BinaryOp::Less => i64::from(less),
        BinaryOp::LessEqual => i64::from(less || a == b),
        BinaryOp::Greater => i64::from(!less && a != b),
        BinaryOp::GreaterEqual => i64::from(!less),
    }
}

fn int_pow(base: i64, exponent: i64) -> i64 {
    match (base, exponent) {
        (_, 0..) => {
            let (mut result, mut square, mut left) = (1i64, base, exponent);
            while left > 0 {
                if left & 1 == 1 {
                    result = result.wrapping_mul(square);
                }
                square = square.wrapping_mul(square);
                left >>= 1;
            }
            result
        }
        (1, _) => 1,
        (-1, _) if exponent % 2 == 0 => 1,
        (-1, _) => -1,
        _ => 0,
    }
}
