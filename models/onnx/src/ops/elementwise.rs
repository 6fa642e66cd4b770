//! Element by element: arithmetic, comparisons, logic, bits, and the functions of one operand.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, DTypeKind, Dim, Tri};
use graphc_ir::op::{BinaryOp, Op, UnaryOp};
use graphc_ir::{DimCheckKind, ValueId};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Abs", |cx| number(cx, UnaryOp::Abs)),
    onnx("Acos", |cx| unary(cx, UnaryOp::Acos)),
    onnx("Acosh", |cx| unary(cx, UnaryOp::Acosh)),
    onnx("Add", |cx| binary(cx, BinaryOp::Add)),
    onnx("And", |cx| binary(cx, BinaryOp::And)),
    onnx("Asin", |cx| unary(cx, UnaryOp::Asin)),
    onnx("Asinh", |cx| unary(cx, UnaryOp::Asinh)),
    onnx("Atan", |cx| unary(cx, UnaryOp::Atan)),
    onnx("Atanh", |cx| unary(cx, UnaryOp::Atanh)),
    onnx("BitShift", bit_shift),
    onnx("BitwiseAnd", |cx| binary(cx, BinaryOp::BitAnd)),
    onnx("BitwiseNot", |cx| unary(cx, UnaryOp::BitNot)),
    onnx("BitwiseOr", |cx| binary(cx, BinaryOp::BitOr)),
    onnx("BitwiseXor", |cx| binary(cx, BinaryOp::BitXor)),
    onnx("Ceil", |cx| unary(cx, UnaryOp::Ceil)),
    onnx("Clip", clip),
    onnx("Cos", |cx| unary(cx, UnaryOp::Cos)),
    onnx("Cosh", |cx| unary(cx, UnaryOp::Cosh)),
    onnx("Div", |cx| binary(cx, BinaryOp::Div)),
    onnx("Equal", |cx| binary(cx, BinaryOp::Equal)),
    onnx("Erf", erf),
    onnx("Exp", |cx| unary(cx, UnaryOp::Exp)),
    onnx("Floor", |cx| unary(cx, UnaryOp::Floor)),
    onnx("Greater", |cx| binary(cx, BinaryOp::Greater)),
    onnx("GreaterOrEqual", |cx| binary(cx, BinaryOp::GreaterEqual)),
    onnx("IsInf", is_inf),
    onnx("IsNaN", is_nan),
    onnx("Less", |cx| binary(cx, BinaryOp::Less)),
    onnx("LessOrEqual", |cx| binary(cx, BinaryOp::LessEqual)),
    onnx("Log", |cx| unary(cx, UnaryOp::Log)),
    onnx("Max", |cx| variadic(cx, BinaryOp::Max)),
    onnx("Mean", mean),
    onnx("Min", |cx| variadic(cx, BinaryOp::Min)),
    onnx("Mod", modulo),
    onnx("Mul", |cx| binary(cx, BinaryOp::Mul)),
    onnx("Neg", |cx| unary(cx, UnaryOp::Neg)),
    onnx("Not", |cx| unary(cx, UnaryOp::Not)),
    onnx("Or", |cx| binary(cx, BinaryOp::Or)),
    onnx("Pow", pow),
    onnx("Reciprocal", |cx| unary(cx, UnaryOp::Reciprocal)),
    onnx("Round", |cx| unary(cx, UnaryOp::Round)),
    onnx("Sign", |cx| number(cx, UnaryOp::Sign)),
    onnx("Sin", |cx| unary(cx, UnaryOp::Sin)),
    onnx("Sinh", |cx| unary(cx, UnaryOp::Sinh)),
    onnx("Sqrt", |cx| unary(cx, UnaryOp::Sqrt)),
    onnx("Sub", |cx| binary(cx, BinaryOp::Sub)),
    onnx("Sum", |cx| variadic(cx, BinaryOp::Add)),
    onnx("Tan", |cx| unary(cx, UnaryOp::Tan)),
    onnx("Tanh", |cx| unary(cx, UnaryOp::Tanh)),
    onnx("Where", select),
    onnx("Xor", |cx| binary(cx, BinaryOp::Xor)),
];

fn unary(cx: &mut NodeCx<'_, '_>, op: UnaryOp) -> Converted {
    let x = cx.input(0)?;
    Ok(vec![cx.b.unary(op, x)?])
}

/// Abs and Sign: the absolute value of an unsigned number is the number.
fn number(cx: &mut NodeCx<'_, '_>, op: UnaryOp) -> Converted {
    let x = cx.input(0)?;
    if op == UnaryOp::Abs && cx.b.dtype(x)?.kind() == DTypeKind::Unsigned {
        return Ok(vec![x]);
    }
    Ok(vec![cx.b.unary(op, x)?])
}

fn binary(cx: &mut NodeCx<'_, '_>, op: BinaryOp) -> Converted {
    let (lhs, rhs) = operands(cx)?;
    Ok(vec![cx.b.binary(op, lhs, rhs)?])
}

/// Both operands. Before opset 7 the second one broadcasts to the first only where `broadcast` says so, and then its axes
/// may lie against the first one's from `axis` on, and not at their end.
fn operands(cx: &mut NodeCx<'_, '_>) -> Result<(ValueId, ValueId), ConvertError> {
    let (lhs, rhs) = (cx.input(0)?, cx.input(1)?);
    if cx.opset() >= 7 {
        return Ok((lhs, rhs));
    }
    let may_broadcast = cx.flag("broadcast", false)?;
    let axis = cx.int_opt("axis")?;
    let (full, mut shape) = (cx.b.shape(lhs)?, cx.b.shape(rhs)?);
    if !may_broadcast {
        same_shape(cx, &full, &shape)?;
        return Ok((lhs, rhs));
    }
    if shape.len() > full.len() {
        return Err(ConvertError::Invalid(format!(
            "an operand of rank {} does not broadcast to one of rank {}",
            shape.len(),
            full.len()
        )));
    }
    if let Some(axis) = axis {
        let axis = super::operand::axis_or_end(axis, full.len())?;
        let Some(n_trailing) = full.len().checked_sub(axis + shape.len()) else {
            return Err(ConvertError::Invalid(format!(
                "an operand of rank {} does not fit from axis {axis} of rank {}",
                shape.len(),
                full.len()
            )));
        };
        shape.extend(vec![Dim::constant(1); n_trailing]);
    }
    Ok((lhs, cx.b.reshape(rhs, shape)?))
}

/// Shapes that must be equal, at run time where that is not known before.
fn same_shape(cx: &mut NodeCx<'_, '_>, a: &[Dim], b: &[Dim]) -> Result<(), ConvertError> {
    let mut is_same = a.len() == b.len();
    for (a, b) in a.iter().zip(b) {
        match cx.b.dims().eq(a, b) {
            Tri::Yes => {}
            Tri::No => is_same = false,
            Tri::Unknown => cx.check(DimCheckKind::Equal(a.clone(), b.clone())),
        }
    }
    if is_same {
        return Ok(());
    }
    Err(ConvertError::Invalid(
        "operands differ in shape, and the attribute broadcast is not set".into(),
    ))
}

fn fold(cx: &mut NodeCx<'_, '_>, op: BinaryOp) -> Result<ValueId, ConvertError> {
    let operands = cx.inputs()?;
    let Some((&first, rest)) = operands.split_first() else {
        return Err(ConvertError::Invalid("takes at least one operand".into()));
    };
    let mut total = first;
    for &operand in rest {
        total = cx.b.binary(op, total, operand)?;
    }
    Ok(total)
}

fn variadic(cx: &mut NodeCx<'_, '_>, op: BinaryOp) -> Converted {
    Ok(vec![fold(cx, op)?])
}

fn mean(cx: &mut NodeCx<'_, '_>) -> Converted {
    let total = fold(cx, BinaryOp::Add)?;
    let n_operands = cx.n_inputs() as f64;
    let count = cx.const_like(total, n_operands)?;
    Ok(vec![cx.b.div(total, count)?])
}

/// Integers may be given to Erf; they are computed in f32.
fn erf(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let dtype = cx.b.dtype(x)?;
    if dtype.is_float() {
        return Ok(vec![cx.b.unary(UnaryOp::Erf, x)?]);
    }
    let real = cx.b.cast(x, DType::F32)?;
    let y = cx.b.unary(UnaryOp::Erf, real)?;
    Ok(vec![cx.b.cast(y, dtype)?])
}

fn is_nan(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let x = cx.widened(x)?;
    Ok(vec![cx.b.unary(UnaryOp::IsNan, x)?])
}

fn is_inf(cx: &mut NodeCx<'_, '_>) -> Converted {
    let positive = cx.flag("detect_positive", true)?;
    let negative = cx.flag("detect_negative", true)?;
    let x = cx.input(0)?;
    let x = cx.widened(x)?;
    Ok(vec![cx.b.unary(UnaryOp::IsInf { positive, negative }, x)?])
}

fn bit_shift(cx: &mut NodeCx<'_, '_>) -> Converted {
    let op = match cx.string_req("direction")?.as_str() {
        "LEFT" => BinaryOp::ShiftLeft,
        "RIGHT" => BinaryOp::ShiftRight,
        other => {
            return Err(ConvertError::Invalid(format!(
                "direction must be LEFT or RIGHT, is `{other}`"
            )));
        }
    };
    let (x, amount) = (cx.input(0)?, cx.input(1)?);
    let dtype = cx.b.dtype(x)?;
    if dtype.kind() != DTypeKind::Signed {
        return Ok(vec![cx.b.binary(op, x, amount)?]);
    }
    // By the unsigned shift, in which a negative amount is larger than the width. To the right the complement of a
    // negative number is shifted, so that ones come in from the left.
    let bits = unsigned_like(dtype)?;
    let zero = cx.zero_like(x)?;
    let amount = cx.b.op1(Op::Bitcast { to: bits }, &[amount])?;
    let is_flipped = cx.b.binary(BinaryOp::Less, x, zero)?;
    let flip = if op == BinaryOp::ShiftRight {
        let ones = cx.b.const_scalar_i64(dtype, -1);
        Some(cx.b.select(is_flipped, ones, zero)?)
    } else {
        None
    };
    let from = match flip {
        Some(flip) => cx.b.binary(BinaryOp::BitXor, x, flip)?,
        None => x,
    };
    let from = cx.b.op1(Op::Bitcast { to: bits }, &[from])?;
    let shifted = cx.b.binary(op, from, amount)?;
    let shifted = cx.b.op1(Op::Bitcast { to: dtype }, &[shifted])?;
    Ok(vec![match flip {
        Some(flip) => cx.b.binary(BinaryOp::BitXor, shifted, flip)?,
        None => shifted,
    }])
}

/// The unsigned integer of the same width.
fn unsigned_like(dtype: DType) -> Result<DType, ConvertError> {
    Ok(match dtype {
        DType::I8 => DType::U8,
        DType::I16 => DType::U16,
        DType::I32 => DType::U32,
        DType::I64 => DType::U64,
        _ => {
            return Err(ConvertError::Invalid(format!(
                "x must be an integer of 8 to 64 bits, is {dtype}"
            )));
        }
    })
}

/// The sign of the result is the divisor's, or with `fmod` the dividend's.
fn modulo(cx: &mut NodeCx<'_, '_>) -> Converted {
    let op = if cx.flag("fmod", false)? {
        BinaryOp::Rem
    } else {
        BinaryOp::Mod
    };
    binary(cx, op)
}

/// The result has the base's dtype; a float exponent of an integer base is computed in floats and truncated.
fn pow(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (base, exponent) = operands(cx)?;
    let (to, exponent_dtype) = (cx.b.dtype(base)?, cx.b.dtype(exponent)?);
    if to.is_int() && exponent_dtype.is_float() {
        let wide = if to.bits() > 32 || exponent_dtype == DType::F64 {
            DType::F64
        } else {
            DType::F32
        };
        let real_base = cx.b.cast(base, wide)?;
        let real_exponent = cx.b.cast(exponent, wide)?;
        let power = cx.b.binary(BinaryOp::Pow, real_base, real_exponent)?;
        return Ok(vec![cx.b.cast(power, to)?]);
    }
    if to.is_float() && exponent_dtype.bits() > to.bits() && exponent_dtype.is_float() {
        let wide_base = cx.b.cast(base, exponent_dtype)?;
        let power = cx.b.binary(BinaryOp::Pow, wide_base, exponent)?;
        return Ok(vec![cx.b.cast(power, to)?]);
    }
    let exponent = cx.b.cast(exponent, to)?;
    Ok(vec![cx.b.binary(BinaryOp::Pow, base, exponent)?])
}

/// Bounds are attributes before opset 11, then optional operands; where they cross, the upper one wins. From opset 6 to
/// 10 a bound that is not given is the end of f32's range, which cuts infinities.
fn clip(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let (low, high) = if cx.opset() < 11 {
        let by_default = (cx.opset() >= 6).then_some((f32::MIN, f32::MAX));
        let low = cx.float_opt("min")?.or(by_default.map(|(low, _)| low));
        let high = cx.float_opt("max")?.or(by_default.map(|(_, high)| high));
        let mut bound = |bound: Option<f32>| {
            bound
                .map(|bound| cx.const_like(x, f64::from(bound)))
                .transpose()
        };
        (bound(low)?, bound(high)?)
    } else {
        let low = cx.opt(1).map(|low| cx.scalar(low)).transpose()?;
        let high = cx.opt(2).map(|high| cx.scalar(high)).transpose()?;
        (low, high)
    };
    let mut y = x;
    if let Some(low) = low {
        y = cx.b.binary(BinaryOp::Max, y, low)?;
    }
    if let Some(high) = high {
        y = cx.b.binary(BinaryOp::Min, y, high)?;
    }
    Ok(vec![y])
}

fn select(cx: &mut NodeCx<'_, '_>) -> Converted {
    let operands = [cx.input(0)?, cx.input(1)?, cx.input(2)?];
    Ok(vec![cx.b.op1(Op::Select, &operands)?])
}
