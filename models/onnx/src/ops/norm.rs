//! Normalisations and softmax.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real};
use graphc_ir::op::{BinaryOp, Op, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("GroupNormalization", group_norm),
    onnx("InstanceNormalization", instance_norm),
    onnx("LRN", local_response_norm),
    onnx("LayerNormalization", layer_norm),
    onnx("LogSoftmax", |cx| softmax(cx, true)),
    onnx("LpNormalization", lp_norm),
    onnx("MeanVarianceNormalization", mean_variance_norm),
    onnx("RMSNormalization", rms_norm),
    onnx("Softmax", |cx| softmax(cx, false)),
];

/// Before opset 13 the axes from `axis` on are taken together.
fn softmax(cx: &mut NodeCx<'_, '_>, log: bool) -> Converted {
    let x = cx.input(0)?;
    let is_flat = cx.opset() < 13;
    let raw_axis = cx.int("axis", if is_flat { 1 } else { -1 })?;
    let make = |axis| {
        if log {
            Op::LogSoftmax { axis }
        } else {
            Op::Softmax { axis }
        }
    };
    let shape = cx.b.shape(x)?;
    if !is_flat {
        let axis = operand::axis(raw_axis, shape.len())?;
        return Ok(vec![cx.b.op1(make(axis), &[x])?]);
    }
    let axis = operand::axis_or_end(raw_axis, shape.len())?;
    if axis + 1 == shape.len() {
        return Ok(vec![cx.b.op1(make(axis), &[x])?]);
    }
    let dims = cx.b.dims();
    let flat = vec![dims.product(&shape[..axis]), dims.product(&shape[axis..])];
    let rows = cx.b.reshape(x, flat)?;
    let y = cx.b.op1(make(1), &[rows])?;
    Ok(vec![cx.b.reshape(y, shape)?])
}

fn instance_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", 1e-5)?);
    let (x, scale, bias) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let groups = cx.b.shape(x)?.get(1).cloned().unwrap_or(Dim::ONE);
    Ok(vec![cx.b.op1(
        Op::GroupNorm { groups, epsilon },
        &[x, scale, bias],
    )?])
}

/// Opset 18 gives one scale per group, 21 one per channel.
fn group_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", 1e-5)?);
    cx.ignore(&["stash_type"]);
    let groups = Dim::constant(cx.int_req("num_groups")?);
    let (x, mut scale, mut bias) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    if cx.opset() < 21 {
        let channels = cx.b.shape(x)?.get(1).cloned().unwrap_or(Dim::ONE);
        let per_group = cx.b.dims().div_exact(&channels, &groups);
        for value in [&mut scale, &mut bias] {
            let column = cx.b.unsqueeze(*value, &[1])?;
            let wide =
                cx.b.expand(column, vec![groups.clone(), per_group.clone()])?;
            *value = cx.b.reshape(wide, vec![channels.clone()])?;
        }
    }
    Ok(vec![cx.b.op1(
        Op::GroupNorm { groups, epsilon },
        &[x, scale, bias],
    )?])
}

/// Results 1 and 2 are the mean and the inverse deviation, in the type of the computation.
pub(super) fn layer_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", 1e-5)?);
    let raw_axis = cx.int("axis", -1)?;
    cx.ignore(&["stash_type"]);
    let (x, scale) = (cx.input(0)?, cx.input(1)?);
    let rank = cx.b.rank(x)?;
    let axis = operand::axis(raw_axis, rank)?;
    let mut operands = vec![x, scale];
    operands.extend(cx.opt(2));
    let y = cx.b.op1(Op::LayerNorm { axis, epsilon }, &operands)?;
    if !cx.output_used(1) && !cx.output_used(2) {
        return Ok(vec![y]);
    }
    let axes: Vec<usize> = (axis..rank).collect();
    let wide = if cx.b.dtype(x)? == DType::F64 {
        x
    } else {
        cx.b.cast(x, DType::F32)?
    };
    let mean = cx.b.reduce(ReduceKind::Mean, wide, &axes, true)?;
    let distance = cx.b.sub(wide, mean)?;
    let square = cx.b.mul(distance, distance)?;
    let variance = cx.b.reduce(ReduceKind::Mean, square, &axes, true)?;
    let dtype = cx.b.dtype(variance)?;
    let epsilon = cx.b.const_scalar(dtype, epsilon.get());
    let shifted = cx.b.add(variance, epsilon)?;
    let inverse = cx.b.unary(UnaryOp::Rsqrt, shifted)?;
    Ok(vec![y, mean, inverse])
}

pub(super) fn rms_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", 1e-5)?);
    let raw_axis = cx.int("axis", -1)?;
    cx.ignore(&["stash_type"]);
    let (x, scale) = (cx.input(0)?, cx.input(1)?);
    let axis = operand::axis(raw_axis, cx.b.rank(x)?)?;
    Ok(vec![cx.b.op1(Op::RmsNorm { axis, epsilon }, &[x, scale])?])
}

fn lp_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (raw_axis, p) = (cx.int("axis", -1)?, cx.int("p", 2)?);
    let x = cx.input(0)?;
    let axis = operand::axis(raw_axis, cx.b.rank(x)?)?;
    let norm = match p {
        1 => {
            let magnitude = cx.b.unary(UnaryOp::Abs, x)?;
            cx.b.reduce(ReduceKind::Sum, magnitude, &[axis], true)?
        }
        2 => {
            let square = cx.b.mul(x, x)?;
            let total = cx.b.reduce(ReduceKind::Sum, square, &[axis], true)?;
            cx.b.unary(UnaryOp::Sqrt, total)?
        }
        _ => return Err(ConvertError::Invalid(format!("p must be 1 or 2, is {p}"))),
    };
    // What has no length stays zero.
    let (zero, one) = (cx.const_like(x, 0.0)?, cx.const_like(x, 1.0)?);
    let is_zero = cx.b.binary(BinaryOp::Equal, norm, zero)?;
    let norm = cx.b.select(is_zero, one, norm)?;
    Ok(vec![cx.b.div(x, norm)?])
}

/// `(x - mean) / (deviation + 1e-9)`, as the operator's function body has it.
fn mean_variance_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let raw_axes = cx.ints_opt("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    let x = cx.input(0)?;
    let axes = operand::axes(&raw_axes, cx.b.rank(x)?)?;
    let dtype = cx.b.dtype(x)?;
    let mean = cx.b.reduce(ReduceKind::Mean, x, &axes, true)?;
    let square = cx.b.mul(x, x)?;
    let mean_square = cx.b.reduce(ReduceKind::Mean, square, &axes, true)?;
    let squared_mean = cx.b.mul(mean, mean)?;
    let variance = cx.b.sub(mean_square, squared_mean)?;
    let deviation = cx.b.unary(UnaryOp::Sqrt, variance)?;
    let epsilon = cx.b.const_scalar(dtype, 1e-9);
    let divisor = cx.b.add(deviation, epsilon)?;
    let distance = cx.b.sub(x, mean)?;
    Ok(vec![cx.b.div(distance, divisor)?])
}

fn local_response_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let op = Op::LocalResponseNorm {
        size: operand::size("size", cx.int_req("size")?)?,
        alpha: Real::from(cx.float("alpha", 1e-4)?),
        beta: Real::from(cx.float("beta", 0.75)?),
        bias: Real::from(cx.float("bias", 1.0)?),
    };
    let x = cx.input(0)?;
    Ok(vec![cx.b.op1(op, &[x])?])
}
