//! Activations with a bias or a gate of their own: Gelu in its spellings, QuickGelu, BiasAdd, BiasSplitGelu, BiasSoftmax.

use super::super::{Converted, OpEntry, ms, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Real};
use graphc_ir::op::{Op, SliceAxis, UnaryOp};

/// Factor of QuickGelu where the model gives none.
const QUICK_ALPHA: f32 = 1.702;

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("BiasAdd", |cx| {
        let (x, bias, skip) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
        let biased = cx.b.add(x, bias)?;
        Ok(vec![cx.b.add(biased, skip)?])
    }),
    ms("BiasGelu", |cx| with_bias(cx, UnaryOp::Gelu)),
    ms("BiasSoftmax", bias_softmax),
    ms("BiasSplitGelu", bias_split_gelu),
    ms("FastGelu", |cx| with_bias(cx, UnaryOp::GeluTanh)),
    ms("Gelu", |cx| with_bias(cx, UnaryOp::Gelu)),
    ms("QuickGelu", |cx| {
        let alpha = Real::from(cx.float("alpha", QUICK_ALPHA)?);
        with_bias(cx, UnaryOp::Swish { alpha })
    }),
];

/// A function of `x + bias`, or of `x` alone.
fn with_bias(cx: &mut NodeCx<'_, '_>, op: UnaryOp) -> Converted {
    let mut x = cx.input(0)?;
    if let Some(bias) = cx.opt(1) {
        x = cx.b.add(x, bias)?;
    }
    Ok(vec![cx.b.unary(op, x)?])
}

/// The first half of the last axis times the gelu of the second.
fn bias_split_gelu(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, bias) = (cx.input(0)?, cx.input(1)?);
    let x = cx.b.add(x, bias)?;
    let shape = cx.b.shape(x)?;
    let Some(last) = shape.last() else {
        return Err(ConvertError::Invalid("X must not be a scalar".into()));
    };
    if last.as_const().is_some_and(|size| size % 2 != 0) {
        return Err(ConvertError::Invalid(
            "the last axis of X does not split into halves".into(),
        ));
    }
    let half = cx.b.dims().div_exact(last, &Dim::constant(2));
    let axis = shape.len() - 1;
    let value = SliceAxis::range(Dim::ZERO, half.clone());
    let gate = SliceAxis::range(half.clone(), half);
    let value = cx.b.slice_axis(x, axis, value)?;
    let gate = cx.b.slice_axis(x, axis, gate)?;
    let open = cx.b.unary(UnaryOp::Gelu, gate)?;
    Ok(vec![cx.b.mul(value, open)?])
}

/// Softmax of the sum over all axes from `axis` on together; where the bias broadcasts, its shape says so.
fn bias_softmax(cx: &mut NodeCx<'_, '_>) -> Converted {
    cx.ignore(&["is_inner_broadcast"]);
    let raw_axis = cx.int("axis", 1)?;
    let (x, bias) = (cx.input(0)?, cx.input(1)?);
    let x = cx.b.add(x, bias)?;
    let shape = cx.b.shape(x)?;
    let axis = operand::axis(raw_axis, shape.len())?;
    if axis + 1 == shape.len() {
        return Ok(vec![cx.b.softmax(x, axis)?]);
    }
    let dims = cx.b.dims();
    let flat = vec![dims.product(&shape[..axis]), dims.product(&shape[axis..])];
    let rows = cx.b.reshape(x, flat)?;
    let y = cx.b.op1(Op::Softmax { axis: 1 }, &[rows])?;
    Ok(vec![cx.b.reshape(y, shape)?])
}
