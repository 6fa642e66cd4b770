//! Pointwise operators of one operand.

use super::call::Call;
use super::erf::{erf, erfc};
use crate::error::Result;
use crate::integer::Integer;
use crate::number::{Number, with_float, with_integer};
use crate::tensor::{Element, Tensor};
use graphc_base::DType;
use graphc_ir::op::UnaryOp;

pub(super) fn unary(call: &Call<'_>, op: UnaryOp) -> Result<Tensor> {
    let x = call.input(0)?;
    let dtype = x.dtype();
    if dtype == DType::Bool {
        return map::<u8, u8>(x, dtype, |x| 1 - x);
    }
    if let Some(test) = float_test(op) {
        return with_float!(dtype, T => {
            map::<T, u8>(x, DType::Bool, |x| u8::from(test(x.to_f64())))
        }, else Err(call.fail("x is no float")));
    }
    if dtype.is_float() {
        return with_float!(dtype, T => {
            map::<T, T>(x, dtype, |x| <T as Number>::from_f64(float_unary(op, x.to_f64())))
        }, else Err(call.fail("x is not computed in")));
    }
    with_integer!(dtype, T => {
        let f: fn(T) -> T = match op {
            UnaryOp::Neg => T::neg,
            UnaryOp::Abs => Integer::abs,
            UnaryOp::Sign => T::sign,
            UnaryOp::Relu => T::relu,
            UnaryOp::BitNot => Integer::not,
            _ => return Err(call.fail("x is an integer")),
        };
        map::<T, T>(x, dtype, f)
    }, else Err(call.fail("x is no number")))
}

fn map<T: Element + Copy, R: Element>(
    x: &Tensor,
    dtype: DType,
    f: impl Fn(T) -> R,
) -> Result<Tensor> {
    let elements = x.slice::<T>()?.iter().map(|&x| f(x)).collect();
    Tensor::new::<R>(dtype, x.shape(), elements)
}

fn float_test(op: UnaryOp) -> Option<Box<dyn Fn(f64) -> bool>> {
    match op {
        UnaryOp::IsNan => Some(Box::new(f64::is_nan)),
        UnaryOp::IsInf { positive, negative } => Some(Box::new(move |x| {
            (positive && x == f64::INFINITY) || (negative && x == f64::NEG_INFINITY)
        })),
        _ => None,
    }
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `log(1 + eˣ)` without overflow.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn float_unary(op: UnaryOp, x: f64) -> f64 {
    use std::f64::consts::{FRAC_1_SQRT_2, PI};
    if x.is_nan() {
        return x;
    }
    match op {
        UnaryOp::Neg => -x,
        UnaryOp::Abs => x.abs(),
        UnaryOp::Sign if x == 0.0 => 0.0,
        UnaryOp::Sign => x.signum(),
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
        UnaryOp::Relu => x.max(0.0),
        UnaryOp::Softplus => softplus(x),
        UnaryOp::Softsign => x / (1.0 + x.abs()),
        UnaryOp::Gelu => 0.5 * x * erfc(-x * FRAC_1_SQRT_2),
        UnaryOp::GeluTanh => {
            let inner = (2.0 / PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        UnaryOp::Mish => x * softplus(x).tanh(),
        UnaryOp::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        UnaryOp::Swish { alpha } => x * sigmoid(alpha.get() * x),
        UnaryOp::LeakyRelu { alpha } if x < 0.0 => alpha.get() * x,
        UnaryOp::LeakyRelu { .. } => x,
        UnaryOp::Elu { alpha } if x <= 0.0 => alpha.get() * x.exp_m1(),
        UnaryOp::Elu { .. } => x,
        UnaryOp::Selu { alpha, gamma } if x <= 0.0 => gamma.get() * alpha.get() * x.exp_m1(),
        UnaryOp::Selu { gamma, .. } => gamma.get() * x,
        UnaryOp::Celu { alpha } => {
            let alpha = alpha.get();
            x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0)
        }
        UnaryOp::HardSigmoid { alpha, beta } => (alpha.get() * x + beta.get()).clamp(0.0, 1.0),
        UnaryOp::ThresholdedRelu { alpha } if x > alpha.get() => x,
        UnaryOp::ThresholdedRelu { .. } => 0.0,
        UnaryOp::Shrink { bias, lambda } => {
            if x < -lambda.get() {
                x + bias.get()
            } else if x > lambda.get() {
                x - bias.get()
            } else {
                0.0
            }
        }
        // Typing keeps these off floats, or they give `bool` and do not come here.
        UnaryOp::Not | UnaryOp::BitNot | UnaryOp::IsNan | UnaryOp::IsInf { .. } => f64::NAN,
    }
}
