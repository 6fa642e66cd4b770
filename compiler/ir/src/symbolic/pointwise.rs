//! Arithmetic on known elements. Whatever could wrap, round or depend on values that are not known gives nothing.

use super::SymElement;
use crate::op::{BinaryOp, UnaryOp};
use graphc_base::{DType, DTypeKind, Dim, DimCx, Real, Tri};

/// A dim as an element of an integer dtype. Constants wrap as the operator does; of other values nothing is known where
/// they may leave the dtype. Dims that leave 64 bits are errors when they are bound, not wrapped.
fn fit(cx: &DimCx, dtype: DType, dim: Dim) -> SymElement {
    let bits = dtype.bits();
    let (lo, hi) = match dtype.kind() {
        _ if dim.is_overflow() || dtype.is_storage_only() => return SymElement::Unknown,
        DTypeKind::Bool => (0, 1),
        DTypeKind::Signed if bits == 64 => return SymElement::Dim(dim),
        DTypeKind::Signed => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        DTypeKind::Unsigned if bits == 64 => (0, i64::MAX),
        DTypeKind::Unsigned => (0, (1 << bits) - 1),
        DTypeKind::Float | DTypeKind::String => return SymElement::Unknown,
    };
    let range = cx.bounds(&dim);
    if range.lo >= lo && range.hi <= hi {
        return SymElement::Dim(dim);
    }
    match dim.as_const() {
        Some(value) if bits < 64 && dtype.is_int() => {
            let wrapped =
                (i128::from(value) - i128::from(lo)).rem_euclid(1 << bits) + i128::from(lo);
            i64::try_from(wrapped).map_or(SymElement::Unknown, |value| {
                SymElement::Dim(Dim::constant(value))
            })
        }
        _ => SymElement::Unknown,
    }
}

fn real(dtype: DType, value: f64) -> SymElement {
    match dtype {
        DType::F64 => SymElement::Float(Real::new(value)),
        DType::F32 => SymElement::Float(Real::new(f64::from(value as f32))),
        _ => SymElement::Unknown,
    }
}

fn truth(verdict: Tri) -> SymElement {
    match verdict {
        Tri::Yes => SymElement::Dim(Dim::ONE),
        Tri::No => SymElement::Dim(Dim::ZERO),
        Tri::Unknown => SymElement::Unknown,
    }
}

pub(super) fn unary(cx: &DimCx, op: UnaryOp, dtype: DType, x: &SymElement) -> SymElement {
    match x {
        SymElement::Dim(x) => match op {
            UnaryOp::Neg => fit(cx, dtype, cx.neg(x)),
            UnaryOp::Abs => fit(cx, dtype, cx.max(x, &cx.neg(x))),
            UnaryOp::Relu => fit(cx, dtype, cx.max(x, &Dim::ZERO)),
            UnaryOp::Not => SymElement::Dim(cx.sub(&Dim::ONE, x)),
            UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Round | UnaryOp::Trunc => {
                SymElement::Dim(x.clone())
            }
            _ => SymElement::Unknown,
        },
        SymElement::Float(x) => {
            let x = x.get();
            let value = match op {
                UnaryOp::Neg => -x,
                UnaryOp::Abs => x.abs(),
                UnaryOp::Floor => x.floor(),
                UnaryOp::Ceil => x.ceil(),
                UnaryOp::Round => x.round_ties_even(),
                UnaryOp::Trunc => x.trunc(),
                UnaryOp::Sqrt => x.sqrt(),
                UnaryOp::Reciprocal => 1.0 / x,
                _ => return SymElement::Unknown,
            };
            real(dtype, value)
        }
        SymElement::Unknown => SymElement::Unknown,
    }
}

/// `dtype` is that of the operands.
pub(super) fn binary(
    cx: &DimCx,
    op: BinaryOp,
    dtype: DType,
    a: &SymElement,
    b: &SymElement,
) -> SymElement {
    match (a, b) {
        (SymElement::Dim(a), SymElement::Dim(b)) => int(cx, op, dtype, a, b),
        (SymElement::Float(a), SymElement::Float(b)) => float(op, dtype, a.get(), b.get()),
        (SymElement::Dim(known), SymElement::Unknown)
        | (SymElement::Unknown, SymElement::Dim(known)) => absorbing(op, known),
        _ => SymElement::Unknown,
    }
}

/// What decides a result without the other operand.
fn absorbing(op: BinaryOp, known: &Dim) -> SymElement {
    match (op, known.as_const()) {
        (BinaryOp::And | BinaryOp::Mul, Some(0)) => SymElement::Dim(Dim::ZERO),
        (BinaryOp::Or, Some(1)) => SymElement::Dim(Dim::ONE),
        _ => SymElement::Unknown,
    }
}

fn int(cx: &DimCx, op: BinaryOp, dtype: DType, a: &Dim, b: &Dim) -> SymElement {
    let non_negative = || cx.bounds(a).lo >= 0 && cx.bounds(b).lo > 0;
    let is_never_zero = || !cx.bounds(b).contains(0);
    match op {
        BinaryOp::Add => fit(cx, dtype, cx.add(a, b)),
        BinaryOp::Sub => fit(cx, dtype, cx.sub(a, b)),
        BinaryOp::Mul => fit(cx, dtype, cx.mul(a, b)),
        BinaryOp::Min => SymElement::Dim(cx.min(a, b)),
        BinaryOp::Max => SymElement::Dim(cx.max(a, b)),
        BinaryOp::Div => match (a.as_const(), b.as_const()) {
            (Some(_), Some(0)) => SymElement::Dim(Dim::ZERO),
            (Some(a), Some(b)) => fit(cx, dtype, Dim::constant(a.wrapping_div(b))),
            (None, Some(1)) => SymElement::Dim(a.clone()),
            _ if non_negative() => SymElement::Dim(cx.floor_div(a, b)),
            _ => SymElement::Unknown,
        },
        BinaryOp::Mod if is_never_zero() => fit(cx, dtype, cx.modulo(a, b)),
        BinaryOp::Rem if non_negative() => SymElement::Dim(cx.modulo(a, b)),
        BinaryOp::Equal => truth(cx.eq(a, b)),
        BinaryOp::Less => truth(cx.lt(a, b)),
        BinaryOp::LessEqual => truth(cx.le(a, b)),
        BinaryOp::Greater => truth(cx.lt(b, a)),
        BinaryOp::GreaterEqual => truth(cx.le(b, a)),
        BinaryOp::And => SymElement::Dim(cx.mul(a, b)),
        BinaryOp::Or => SymElement::Dim(cx.max(a, b)),
        _ => SymElement::Unknown,
    }
}

fn float(op: BinaryOp, dtype: DType, a: f64, b: f64) -> SymElement {
    let holds = |holds: bool| SymElement::Dim(Dim::constant(i64::from(holds)));
    let value = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        // NaN wins, and the sign of a zero is left to the kernel.
        BinaryOp::Min | BinaryOp::Max if a.is_nan() || b.is_nan() || a == b => {
            return SymElement::Unknown;
        }
        BinaryOp::Min => a.min(b),
        BinaryOp::Max => a.max(b),
        BinaryOp::Equal => return holds(a == b),
        BinaryOp::Less => return holds(a < b),
        BinaryOp::LessEqual => return holds(a <= b),
        BinaryOp::Greater => return holds(a > b),
        BinaryOp::GreaterEqual => return holds(a >= b),
        _ => return SymElement::Unknown,
    };
    real(dtype, value)
}

pub(super) fn cast(cx: &DimCx, x: &SymElement, to: DType) -> SymElement {
    match x {
        SymElement::Dim(x) if to.is_float() => match x.as_const() {
            // One rounding, not two.
            Some(value) if to == DType::F32 => {
                SymElement::Float(Real::new(f64::from(value as f32)))
            }
            Some(value) => real(to, value as f64),
            None => SymElement::Unknown,
        },
        SymElement::Dim(x) if to == DType::Bool => match cx.eq(x, &Dim::ZERO) {
            Tri::Yes => SymElement::Dim(Dim::ZERO),
            Tri::No => SymElement::Dim(Dim::ONE),
            Tri::Unknown => SymElement::Unknown,
        },
        SymElement::Dim(x) => fit(cx, to, x.clone()),
        SymElement::Float(x) if to.is_float() => real(to, x.get()),
        SymElement::Float(x) if to == DType::Bool => {
            SymElement::Dim(Dim::constant(i64::from(x.get() != 0.0)))
        }
        // Truncates; out of range the result is the kernel's business.
        SymElement::Float(x) if x.get().abs() < 9e18 => {
            let value = Dim::constant(x.get() as i64);
            match fit(cx, to, value.clone()) {
                SymElement::Dim(fitted) if fitted == value => SymElement::Dim(fitted),
                _ => SymElement::Unknown,
            }
        }
        SymElement::Float(_) | SymElement::Unknown => SymElement::Unknown,
    }
}
