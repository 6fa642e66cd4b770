//! Operators of quantised values: what they mean in floats, between a Dequantize of each operand and a Quantize.

use super::super::conv::pool_of;
use super::super::{Converted, OpEntry, ms, operand};
use super::Made;
use super::norm::{to_first, to_last};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, PoolKind, ReduceKind, UnaryOp};

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("QLinearAdd", |cx| binary(cx, BinaryOp::Add)),
    ms("QLinearAveragePool", average_pool),
    ms("QLinearConcat", concat),
    ms("QLinearGlobalAveragePool", global_average_pool),
    ms("QLinearLeakyRelu", |cx| {
        let alpha = Real::from(cx.float("alpha", 0.01)?);
        unary(cx, UnaryOp::LeakyRelu { alpha })
    }),
    ms("QLinearMul", |cx| binary(cx, BinaryOp::Mul)),
    ms("QLinearReduceMean", reduce_mean),
    ms("QLinearSigmoid", |cx| unary(cx, UnaryOp::Sigmoid)),
    ms("QLinearSoftmax", softmax),
    ms("QLinearWhere", select),
];

/// The value at operand `at`, whose scale and zero point follow it.
fn real(cx: &mut NodeCx<'_, '_>, at: usize) -> Made {
    let (q, scale) = (cx.input(at)?, cx.input(at + 1)?);
    let mut operands = vec![q, cx.scalar(scale)?];
    if let Some(zero_point) = cx.opt(at + 2) {
        operands.push(cx.scalar(zero_point)?);
    }
    let op = Op::Dequantize {
        axis: None,
        block: 0,
    };
    Ok(cx.b.op1(op, &operands)?)
}

/// The result in the dtype of operand `like`; its scale is operand `at`, its zero point the one behind.
fn quantized(cx: &mut NodeCx<'_, '_>, x: ValueId, at: usize, like: usize) -> Converted {
    let like = cx.input(like)?;
    let op = Op::Quantize {
        to: cx.b.dtype(like)?,
        axis: None,
        block: 0,
        saturate: true,
    };
    let scale = cx.input(at)?;
    let mut operands = vec![x, cx.scalar(scale)?];
    if let Some(zero_point) = cx.opt(at + 1) {
        operands.push(cx.scalar(zero_point)?);
    }
    Ok(vec![cx.b.op1(op, &operands)?])
}

fn unary(cx: &mut NodeCx<'_, '_>, op: UnaryOp) -> Converted {
    let x = real(cx, 0)?;
    let y = cx.b.unary(op, x)?;
    quantized(cx, y, 3, 0)
}

fn binary(cx: &mut NodeCx<'_, '_>, op: BinaryOp) -> Converted {
    let (a, b) = (real(cx, 0)?, real(cx, 3)?);
    let y = cx.b.binary(op, a, b)?;
    quantized(cx, y, 6, 0)
}

fn concat(cx: &mut NodeCx<'_, '_>) -> Converted {
    let raw_axis = cx.int_req("axis")?;
    let n_inputs = cx.n_inputs();
    if n_inputs < 5 || !(n_inputs - 2).is_multiple_of(3) {
        return Err(ConvertError::Invalid(format!(
            "{n_inputs} operands are no scale, zero point and triples"
        )));
    }
    let mut parts = Vec::with_capacity((n_inputs - 2) / 3);
    for at in (2..n_inputs).step_by(3) {
        parts.push(real(cx, at)?);
    }
    let axis = operand::axis(raw_axis, cx.b.rank(parts[0])?)?;
    let y = cx.b.concat(&parts, axis)?;
    quantized(cx, y, 0, 1)
}

fn select(cx: &mut NodeCx<'_, '_>) -> Converted {
    let condition = cx.input(0)?;
    let (x, y) = (real(cx, 1)?, real(cx, 4)?);
    let chosen = cx.b.select(condition, x, y)?;
    quantized(cx, chosen, 7, 1)
}

fn reduce_mean(cx: &mut NodeCx<'_, '_>) -> Converted {
    let keep_dims = cx.flag("keepdims", true)?;
    let raw_axes = cx.ints_opt("axes")?;
    let x = real(cx, 0)?;
    let rank = cx.b.rank(x)?;
    let axes = match raw_axes {
        Some(raw_axes) => operand::axes(&raw_axes, rank)?,
        None => (0..rank).collect(),
    };
    let y = cx.b.reduce(ReduceKind::Mean, x, &axes, keep_dims)?;
    quantized(cx, y, 3, 0)
}

fn global_average_pool(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_last = cx.flag("channels_last", false)?;
    let x = real(cx, 0)?;
    let rank = cx.b.rank(x)?;
    let axes: Vec<usize> = if is_last {
        (1..rank.saturating_sub(1)).collect()
    } else {
        (2..rank).collect()
    };
    let y = cx.b.reduce(ReduceKind::Mean, x, &axes, true)?;
    quantized(cx, y, 3, 0)
}

fn average_pool(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_last = cx.flag("channels_last", false)?;
    let count_include_pad = cx.flag("count_include_pad", false)?;
    let mut x = real(cx, 0)?;
    if is_last {
        x = to_first(cx, x)?;
    }
    let kind = PoolKind::Average { count_include_pad };
    let mut y = pool_of(cx, x, kind, count_include_pad)?[0];
    if is_last {
        y = to_last(cx, y)?;
    }
    quantized(cx, y, 3, 0)
}

/// The attribute `opset` is that of the Softmax that it was: before 13 the axes from `axis` on are taken together.
fn softmax(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_flat = cx.int_req("opset")? < 13;
    let raw_axis = cx.int("axis", -1)?;
    let x = real(cx, 0)?;
    let shape = cx.b.shape(x)?;
    let axis = operand::axis(raw_axis, shape.len())?;
    let y = if is_flat {
        let dims = cx.b.dims();
        let flat: Vec<Dim> = vec![dims.product(&shape[..axis]), dims.product(&shape[axis..])];
        let rows = cx.b.reshape(x, flat)?;
        let y = cx.b.softmax(rows, 1)?;
        cx.b.reshape(y, shape)?
    } else {
        cx.b.softmax(x, axis)?
    };
    quantized(cx, y, 3, 0)
}
