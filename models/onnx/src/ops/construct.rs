//! Operators that make tensors: Constant, ConstantOfShape, Range, EyeLike, Trilu.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Constant", constant),
    onnx("ConstantOfShape", constant_of_shape),
    onnx("EyeLike", eye_like),
    onnx("Range", range),
    onnx("Trilu", trilu),
];

fn constant(cx: &mut NodeCx<'_, '_>) -> Converted {
    if let Some(value) = cx.tensor_constant("value")? {
        return Ok(vec![value]);
    }
    if let Some(value) = cx.sparse_constant("sparse_value")? {
        return Ok(vec![value]);
    }
    if let Some(value) = cx.float_opt("value_float")? {
        return Ok(vec![cx.b.const_scalar(DType::F32, f64::from(value))]);
    }
    if let Some(values) = cx.floats_opt("value_floats")? {
        return Ok(vec![cx.b.const_f32(&[values.len()], &values)]);
    }
    if let Some(value) = cx.int_opt("value_int")? {
        return Ok(vec![cx.int_const(value)]);
    }
    if let Some(values) = cx.ints_opt("value_ints")? {
        return Ok(vec![cx.b.const_i64(&values)]);
    }
    if let Some(value) = cx.string_opt("value_string")? {
        return Ok(vec![cx.string_constant(&[], vec![value])?]);
    }
    if let Some(values) = cx.strings_opt("value_strings")? {
        return Ok(vec![cx.string_constant(&[values.len()], values)?]);
    }
    Err(ConvertError::Invalid("has no value attribute".into()))
}

fn constant_of_shape(cx: &mut NodeCx<'_, '_>) -> Converted {
    let target = cx.input(0)?;
    let value = match cx.tensor_constant("value")? {
        Some(value) => cx.scalar(value)?,
        None => cx.b.const_scalar(DType::F32, 0.0),
    };
    let target = cx.int_vector(target)?;
    let shape = cx.sizes(target, "filled")?;
    Ok(vec![cx.b.expand(value, shape)?])
}

/// `start, start + delta, …` below `limit`; the number of elements is symbolic where the bounds are, else computed.
/// Floats of 16 bits are computed in f32, which is what `stash_type` 1 says. Only other domains than ai.onnx leave the
/// step out.
pub(super) fn range(cx: &mut NodeCx<'_, '_>) -> Converted {
    let stash_type = cx.int("stash_type", 1)?;
    if stash_type != 1 {
        return Err(ConvertError::Unsupported(format!(
            "attribute stash_type: {stash_type} is not 1, f32"
        )));
    }
    let (start, limit) = (cx.input(0)?, cx.input(1)?);
    let to = cx.b.dtype(start)?;
    let mut bounds = vec![start, limit];
    bounds.push(match cx.opt(2) {
        Some(delta) => delta,
        None => cx.b.const_scalar_i64(to, 1),
    });
    for bound in &mut bounds {
        *bound = cx.scalar(*bound)?;
        if to.is_float() && to.bits() < 32 {
            *bound = cx.b.cast(*bound, DType::F32)?;
        }
    }
    let [start, limit, delta] = bounds[..] else {
        return Err(ConvertError::Invalid("takes three operands".into()));
    };
    let dtype = cx.b.dtype(start)?;
    let len = match symbolic_len(cx, start, limit, delta) {
        Some(len) => len,
        None => len_at_run_time(cx, start, limit, delta)?,
    };
    let steps = cx.b.op1(Op::Iota { dtype, len }, &[])?;
    let scaled = cx.b.mul(steps, delta)?;
    let y = cx.b.add(scaled, start)?;
    Ok(vec![cx.b.cast(y, to)?])
}

fn symbolic_len(
    cx: &NodeCx<'_, '_>,
    start: ValueId,
    limit: ValueId,
    delta: ValueId,
) -> Option<Dim> {
    let start = cx.known_dim(start, 0)?;
    let limit = cx.known_dim(limit, 0)?;
    let delta = cx.known_dim(delta, 0)?.as_const()?;
    if delta == 0 || delta == i64::MIN {
        return None;
    }
    let dims = cx.b.dims();
    let span = if delta > 0 {
        dims.sub(&limit, &start)
    } else {
        dims.sub(&start, &limit)
    };
    let span = dims.max(&span, &Dim::constant(0));
    Some(dims.ceil_div(&span, &Dim::constant(delta.abs())))
}

fn len_at_run_time(
    cx: &mut NodeCx<'_, '_>,
    start: ValueId,
    limit: ValueId,
    delta: ValueId,
) -> Result<Dim, ConvertError> {
    let dtype = cx.b.dtype(start)?;
    // Integers up to 2^53 are exact in f64, and so is the rounding of their quotients that matters here.
    let wide = |cx: &mut NodeCx<'_, '_>, value: ValueId| {
        if dtype == DType::F32 {
            Ok(value)
        } else {
            cx.b.cast(value, DType::F64)
        }
    };
    let (start, limit, delta) = (wide(cx, start)?, wide(cx, limit)?, wide(cx, delta)?);
    let span = cx.b.sub(limit, start)?;
    let quotient = cx.b.div(span, delta)?;
    let n_steps = cx.b.unary(UnaryOp::Ceil, quotient)?;
    let n_steps = cx.b.cast(n_steps, DType::I64)?;
    let zero = cx.int_const(0);
    let len = cx.b.binary(BinaryOp::Max, n_steps, zero)?;
    cx.size_of(len, "range")
}

/// `bool[…, rows, columns]`-shaped comparison of `column - row` with `k`, for the last two axes of this shape.
fn diagonal_offset(
    cx: &mut NodeCx<'_, '_>,
    rows: &Dim,
    columns: &Dim,
) -> Result<ValueId, ConvertError> {
    let row = cx.iota_along(DType::I64, rows, 0, 2)?;
    let column = cx.iota_along(DType::I64, columns, 1, 2)?;
    Ok(cx.b.sub(column, row)?)
}

fn eye_like(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let dtype = match cx.dtype_opt("dtype")? {
        Some(dtype) => dtype,
        None => cx.b.dtype(x)?,
    };
    let k = cx.int("k", 0)?;
    let [rows, columns] = &cx.b.shape(x)?[..] else {
        return Err(ConvertError::Invalid("x must have rank 2".into()));
    };
    let offset = diagonal_offset(cx, rows, columns)?;
    let k = cx.int_const(k);
    let is_diagonal = cx.b.binary(BinaryOp::Equal, offset, k)?;
    Ok(vec![cx.b.cast(is_diagonal, dtype)?])
}

/// Keeps the upper triangle from the k-th diagonal on, or the lower one up to it; k may be data.
pub(super) fn trilu(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let is_upper = cx.flag("upper", true)?;
    let shape = cx.b.shape(x)?;
    let [.., rows, columns] = &shape[..] else {
        return Err(ConvertError::Invalid("x must have rank 2 or more".into()));
    };
    let offset = diagonal_offset(cx, rows, columns)?;
    let k = match cx.opt(1) {
        Some(k) => cx.int_scalar(k)?,
        None => cx.int_const(0),
    };
    let op = if is_upper {
        BinaryOp::GreaterEqual
    } else {
        BinaryOp::LessEqual
    };
    let is_kept = cx.b.binary(op, offset, k)?;
    let zero = cx.zero_like(x)?;
    Ok(vec![cx.b.select(is_kept, x, zero)?])
}
