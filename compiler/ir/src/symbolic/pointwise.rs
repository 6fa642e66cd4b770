//! Arithmetic on known elements. Whatever could wrap, round or depend on values that are not known gives nothing.

use super::SymElement;
use crate::op::{BinaryOp, UnaryOp};
use graphc_base::{DType, Dim, DimCx, Real, Tri};

/// A dim as an element, unless its values may leave the dtype.
fn fit(cx: &DimCx, dtype: DType, dim: Dim) -> SymElement {
    let (lo, hi) = match dtype {
        DType::I64 => return SymElement::Dim(dim),
        DType::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        DType::U8 => (0, 255),
        DType::I8 => (-128, 127),
        DType::U16 => (0, 65_535),
        DType::I16 => (-32_768, 32_767),
        DType::U32 => (0, i64::from(u32::MAX)),
        DType::U64 => (0, i64::MAX),
        DType::Bool => (0, 1),
        _ => return SymElement::Unknown,
    };
    let range = cx.bounds(&dim);
    if range.lo >= lo && range.hi <= hi {
        SymElement::Dim(dim)
    } else {
        SymElement::Unknown
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
            UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Round | UnaryOp::Trunc => SymElement::Dim(x.clone()),
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
pub(super) fn binary(cx: &DimCx, op: BinaryOp, dtype: DType, a: &SymElement, b: &SymElement) -> SymElement {
    match (a, b) {
        (SymElement::Dim(a), SymElement::Dim(b)) => int(cx, op, dtype, a, b),
        (SymElement::Float(a), SymElement::Float(b)) => float(op, dtype, a.get(), b.get()),
        _ => SymElement::Unknown,
    }
}

fn int(cx: &DimCx, op: BinaryOp, dtype: DType, a: &Dim, b: &Dim) -> SymElement {
    let non_negative = || cx.bounds(a).lo >= 0 && cx.bounds(b).lo > 0;
    match op {
        BinaryOp::Add => fit(cx, dtype, cx.add(a, b)),
        BinaryOp::Sub => fit(cx, dtype, cx.sub(a, b)),
        BinaryOp::Mul => fit(cx, dtype, cx.mul(a, b)),
        BinaryOp::Min => SymElement::Dim(cx.min(a, b)),
        BinaryOp::Max => SymElement::Dim(cx.max(a, b)),
        BinaryOp::Div => match (a.as_const(), b.as_const()) {
            (Some(a), Some(b)) if b != 0 => fit(cx, dtype, Dim::constant(a.wrapping_div(b))),
            _ if non_negative() => SymElement::Dim(cx.floor_div(a, b)),
            _ => SymElement::Unknown,
        },
        BinaryOp::Mod if b.as_const() != Some(0) => fit(cx, dtype, cx.modulo(a, b)),
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
        SymElement::Float(x) if to == DType::Bool => SymElement::Dim(Dim::constant(i64::from(x.get() != 0.0))),
        SymElement::Float(x) if x.get().is_finite() => fit(cx, to, Dim::constant(x.get() as i64)),
        SymElement::Float(_) | SymElement::Unknown => SymElement::Unknown,
    }
}
