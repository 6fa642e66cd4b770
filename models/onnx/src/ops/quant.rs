//! Quantisation: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.

use super::{Converted, OpEntry, ms, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("DequantizeLinear", dequantize),
    ms("DequantizeLinear", dequantize),
    onnx("DynamicQuantizeLinear", dynamic_quantize),
    onnx("QuantizeLinear", quantize),
    ms("QuantizeLinear", quantize),
];

/// The axis of scales that are not one for all, and the block.
fn granularity(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    scale: ValueId,
) -> Result<(Option<usize>, usize), ConvertError> {
    let raw_axis = cx.int("axis", 1)?;
    let block = operand::size("block_size", cx.int("block_size", 0)?)?;
    if cx.b.rank(scale)? == 0 {
        return Ok((None, 0));
    }
    Ok((Some(operand::axis(raw_axis, cx.b.rank(x)?)?), block))
}

/// A vector of one element as a scalar: one scale for all.
fn single(cx: &mut NodeCx<'_, '_>, value: ValueId) -> Result<ValueId, ConvertError> {
    if cx.b.shape(value)? == [Dim::ONE] {
        cx.scalar(value)
    } else {
        Ok(value)
    }
}

/// The attribute `output_dtype`, of which 0 says nothing.
fn stated_dtype(cx: &NodeCx<'_, '_>) -> Result<Option<DType>, ConvertError> {
    match cx.int_opt("output_dtype")? {
        None | Some(0) => Ok(None),
        Some(_) => cx.dtype_opt("output_dtype"),
    }
}

fn quantize(cx: &mut NodeCx<'_, '_>) -> Converted {
    let saturate = cx.flag("saturate", true)?;
    cx.ignore(&["precision"]);
    let declared = stated_dtype(cx)?;
    let (x, scale) = (cx.input(0)?, cx.input(1)?);
    let scale = single(cx, scale)?;
    let (axis, block) = granularity(cx, x, scale)?;
    let mut operands = vec![x, scale];
    let mut to = declared.unwrap_or(DType::U8);
    if let Some(zero_point) = cx.opt(2) {
        to = cx.b.dtype(zero_point)?;
        if let Some(declared) = declared.filter(|&declared| declared != to) {
            return Err(ConvertError::Invalid(format!(
                "output_dtype is {declared}, and the zero point's type is {to}"
            )));
        }
        operands.push(single(cx, zero_point)?);
    }
    Ok(vec![cx.b.op1(
        Op::Quantize {
            to,
            axis,
            block,
            saturate,
        },
        &operands,
    )?])
}

fn dequantize(cx: &mut NodeCx<'_, '_>) -> Converted {
    let declared = stated_dtype(cx)?;
    let (q, scale) = (cx.input(0)?, cx.input(1)?);
    let scale = single(cx, scale)?;
    let (axis, block) = granularity(cx, q, scale)?;
    let mut operands = vec![q, scale];
    if let Some(zero_point) = cx.opt(2) {
        operands.push(single(cx, zero_point)?);
    }
    let y = cx.b.op1(Op::Dequantize { axis, block }, &operands)?;
    Ok(vec![match declared {
        Some(dtype) => cx.b.cast(y, dtype)?,
        None => y,
    }])
}

/// To u8 over the range of the data, which is widened to hold 0: gives values, scale, zero point.
fn dynamic_quantize(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    Ok(dynamic_quantize_of(cx, x)?.to_vec())
}

/// Values, scale and zero point of `x`.
pub(super) fn dynamic_quantize_of(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
) -> Result<[ValueId; 3], ConvertError> {
    let axes: Vec<usize> = (0..cx.b.rank(x)?).collect();
    let zero = cx.b.const_scalar(DType::F32, 0.0);
    let levels = cx.b.const_scalar(DType::F32, 255.0);
    let most = cx.b.reduce(ReduceKind::Max, x, &axes, false)?;
    let most = cx.b.binary(BinaryOp::Max, most, zero)?;
    let least = cx.b.reduce(ReduceKind::Min, x, &axes, false)?;
    let least = cx.b.binary(BinaryOp::Min, least, zero)?;
    let range = cx.b.sub(most, least)?;
    let scale = cx.b.div(range, levels)?;
    let offset = cx.b.div(least, scale)?;
    let offset = cx.b.sub(zero, offset)?;
    let low = cx.b.binary(BinaryOp::Max, offset, zero)?;
    let clamped = cx.b.binary(BinaryOp::Min, low, levels)?;
    let rounded = cx.b.unary(UnaryOp::Round, clamped)?;
    let zero_point = cx.b.cast(rounded, DType::U8)?;
    let op = Op::Quantize {
        to: DType::U8,
        axis: None,
        block: 0,
        saturate: true,
    };
    let y = cx.b.op1(op, &[x, scale, zero_point])?;
    Ok([y, scale, zero_point])
}
