//! Operations on vectors of `f32`: the common ones vectorised, the others element by element in `f64` as the reference does.

use crate::isa::{Target, per_isa};
use crate::kernels::{half, math};
use graphc_base::DType;
use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_kernel::reference::float_unary;

per_isa!(
    /// `y = op(x)`.
    pub(super) fn unary(op: UnaryOp, x: &[f32], y: &mut [f32]) = unary_body
);
per_isa!(
    /// `y = a op b`; an operand of one element repeats.
    pub(super) fn binary(op: BinaryOp, a: &[f32], b: &[f32], y: &mut [f32]) = binary_body
);
per_isa!(
    /// `y = a op b` for comparisons; an operand of one element repeats.
    pub(super) fn compare(op: BinaryOp, a: &[f32], b: &[f32], y: &mut [u8]) = compare_body
);
per_isa!(
    /// Rounds to a half-precision dtype.
    pub(in crate::kernels) fn round(dtype: DType, y: &mut [f32]) = round_body
);

#[inline(always)]
fn each(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    for (&x, y) in x.iter().zip(y) {
        *y = f(x);
    }
}

#[inline(always)]
fn unary_body<P: Target>(op: UnaryOp, x: &[f32], y: &mut [f32]) {
    match op {
        UnaryOp::Neg => each(x, y, |x| -x),
        UnaryOp::Abs => each(x, y, f32::abs),
        UnaryOp::Sqrt => each(x, y, f32::sqrt),
        UnaryOp::Rsqrt => each(x, y, |x| 1.0 / x.sqrt()),
        UnaryOp::Reciprocal => each(x, y, |x| 1.0 / x),
        UnaryOp::Floor => each(x, y, f32::floor),
        UnaryOp::Ceil => each(x, y, f32::ceil),
        UnaryOp::Trunc => each(x, y, f32::trunc),
        UnaryOp::Round => each(x, y, f32::round_ties_even),
        UnaryOp::Exp => each(x, y, math::exp::<P>),
        UnaryOp::Log => each(x, y, math::ln::<P>),
        UnaryOp::Tanh => each(x, y, math::tanh::<P>),
        UnaryOp::Erf => each(x, y, math::erf::<P>),
        UnaryOp::Sigmoid => each(x, y, math::sigmoid::<P>),
        UnaryOp::Relu => each(x, y, |x| if x < 0.0 { 0.0 } else { x }),
        UnaryOp::Softplus => each(x, y, math::softplus::<P>),
        UnaryOp::Softsign => each(x, y, |x| x / (1.0 + x.abs())),
        UnaryOp::Gelu => each(x, y, math::gelu::<P>),
        UnaryOp::GeluTanh => each(x, y, math::gelu_tanh::<P>),
        UnaryOp::Mish => each(x, y, math::mish::<P>),
        UnaryOp::HardSwish => each(x, y, |x| x * ((x + 3.0) / 6.0).clamp(0.0, 1.0)),
        UnaryOp::Swish { alpha } => {
            let alpha = alpha.as_f32();
            each(x, y, |x| x * math::sigmoid::<P>(alpha * x));
        }
        UnaryOp::LeakyRelu { alpha } => {
            let alpha = alpha.as_f32();
            each(x, y, |x| if x < 0.0 { alpha * x } else { x });
        }
        UnaryOp::Elu { alpha } => {
            let alpha = alpha.as_f32();
            each(x, y, |x| {
                if x < 0.0 {
                    alpha * math::exp_m1::<P>(x)
                } else {
                    x
                }
            });
        }
        UnaryOp::HardSigmoid { alpha, beta } => {
            let (alpha, beta) = (alpha.as_f32(), beta.as_f32());
            each(x, y, |x| (alpha * x + beta).clamp(0.0, 1.0));
        }
        op => each(x, y, |x| float_unary(op, f64::from(x)) as f32),
    }
}

#[inline(always)]
fn pairs<T>(a: &[f32], b: &[f32], y: &mut [T], f: impl Fn(f32, f32) -> T) {
    match (a, b) {
        (&[a], b) if y.len() != 1 => {
            for (&b, y) in b.iter().zip(y) {
                *y = f(a, b);
            }
        }
        (a, &[b]) if y.len() != 1 => {
            for (&a, y) in a.iter().zip(y) {
                *y = f(a, b);
            }
        }
        (a, b) => {
            for ((&a, &b), y) in a.iter().zip(b).zip(y) {
                *y = f(a, b);
            }
        }
    }
}

#[inline(always)]
fn binary_body<P: Target>(op: BinaryOp, a: &[f32], b: &[f32], y: &mut [f32]) {
    match op {
        BinaryOp::Add => pairs(a, b, y, |a, b| a + b),
        BinaryOp::Sub => pairs(a, b, y, |a, b| a - b),
        BinaryOp::Mul => pairs(a, b, y, |a, b| a * b),
        BinaryOp::Div => pairs(a, b, y, |a, b| a / b),
        BinaryOp::Min => pairs(a, b, y, |a, b| if a < b || a.is_nan() { a } else { b }),
        BinaryOp::Max => pairs(a, b, y, |a, b| if a > b || a.is_nan() { a } else { b }),
        BinaryOp::Pow if matches!(b, [2.0]) => each(a, y, |a| a * a),
        BinaryOp::Pow if matches!(b, [3.0]) => each(a, y, |a| a * a * a),
        BinaryOp::Pow => pairs(a, b, y, f32::powf),
        BinaryOp::Rem => pairs(a, b, y, |a, b| a % b),
        BinaryOp::Mod => pairs(a, b, y, |a, b| {
            let remainder = a % b;
            if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
                remainder + b
            } else {
                remainder
            }
        }),
        // `program` lets no other operation through.
        _ => {}
    }
}

#[inline(always)]
fn compare_body<P: Target>(op: BinaryOp, a: &[f32], b: &[f32], y: &mut [u8]) {
    match op {
        BinaryOp::Equal => pairs(a, b, y, |a, b| u8::from(a == b)),
        BinaryOp::Less => pairs(a, b, y, |a, b| u8::from(a < b)),
        BinaryOp::LessEqual => pairs(a, b, y, |a, b| u8::from(a <= b)),
        BinaryOp::Greater => pairs(a, b, y, |a, b| u8::from(a > b)),
        BinaryOp::GreaterEqual => pairs(a, b, y, |a, b| u8::from(a >= b)),
        // As above.
        _ => {}
    }
}

#[inline(always)]
fn round_body<P: Target>(dtype: DType, y: &mut [f32]) {
    match dtype {
        DType::F16 => y.iter_mut().for_each(|y| *y = half::round_to_f16(*y)),
        DType::BF16 => y.iter_mut().for_each(|y| *y = half::round_to_bf16(*y)),
        _ => {}
    }
}
