//! Pad, of all opsets: attributes, operands, and operands that are data.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Interval};
use graphc_ir::op::{Op, PadMode};

pub(super) const OPS: &[OpEntry] = &[onnx("Pad", pad)];

/// Amounts may be negative and then crop.
const AMOUNT: Interval = Interval {
    lo: i32::MIN as i64,
    hi: i32::MAX as i64,
};

fn pad(cx: &mut NodeCx<'_, '_>) -> Converted {
    let by_attributes = cx.opset() < 11;
    padded(cx, by_attributes)
}

/// Pad with amounts and value as operands, whatever the opset.
pub(super) fn pad_by_operands(cx: &mut NodeCx<'_, '_>) -> Converted {
    padded(cx, false)
}

fn padded(cx: &mut NodeCx<'_, '_>, by_attributes: bool) -> Converted {
    let mode = match cx.string("mode", "constant")?.as_str() {
        "constant" => PadMode::Constant,
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Edge,
        "wrap" => PadMode::Wrap,
        other => {
            return Err(ConvertError::Invalid(format!(
                "mode must be constant, reflect, edge or wrap, is `{other}`"
            )));
        }
    };
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    let amounts = if by_attributes {
        let name = if cx.opset() < 2 { "paddings" } else { "pads" };
        let Some(pads) = cx.ints_opt(name)? else {
            return Err(ConvertError::Invalid(format!(
                "attribute {name} is missing"
            )));
        };
        pads.into_iter().map(Dim::constant).collect()
    } else {
        amounts_from_operands(cx, rank)?
    };
    if amounts.len() != 2 * rank {
        return Err(ConvertError::Invalid(format!(
            "pads has {} entries for an operand of rank {rank}",
            amounts.len()
        )));
    }
    let (before, after) = amounts.split_at(rank);
    let op = Op::Pad {
        mode,
        before: before.to_vec(),
        after: after.to_vec(),
    };
    if mode != PadMode::Constant {
        return Ok(vec![cx.b.op1(op, &[x])?]);
    }
    let value = if by_attributes {
        let value = cx.float("value", 0.0)?;
        cx.const_like(x, f64::from(value))?
    } else {
        match cx.opt(2) {
            Some(value) => {
                let value = cx.scalar(value)?;
                let dtype = cx.b.dtype(x)?;
                cx.b.cast(value, dtype)?
            }
            None => cx.zero_like(x)?,
        }
    };
    Ok(vec![cx.b.op1(op, &[x, value])?])
}

/// Amounts before, then after every axis.
fn amounts_from_operands(cx: &mut NodeCx<'_, '_>, rank: usize) -> Result<Vec<Dim>, ConvertError> {
    let pads = cx.input(1)?;
    let pads = match cx.b.rank(pads)? {
        // Exporters have given them as [1, 2 · rank].
        2 => cx.b.squeeze(pads, &[0])?,
        _ => pads,
    };
    let pads = cx.int_vector(pads)?;
    let Some(axes) = cx.opt(3) else {
        return cx.dims_in(pads, "pad", AMOUNT);
    };
    if let Some(axes) = cx.b.known_i64(axes) {
        let axes = operand::axes(&axes, rank)?;
        let given = cx.dims_in(pads, "pad", AMOUNT)?;
        if given.len() != 2 * axes.len() {
            return Err(ConvertError::Invalid(format!(
                "pads has {} entries for {} axes",
                given.len(),
                axes.len()
            )));
        }
        let mut amounts = vec![Dim::constant(0); 2 * rank];
        for (entry_idx, &axis) in axes.iter().enumerate() {
            amounts[axis] = given[entry_idx].clone();
            amounts[rank + axis] = given[axes.len() + entry_idx].clone();
        }
        return Ok(amounts);
    }
    let axes = cx.int_vector(axes)?;
    let n_axes = cx.b.shape(axes)?[0].clone();
    let pairs = cx.b.reshape(pads, vec![Dim::constant(2), n_axes])?;
    let zeros = cx.b.const_i64(&vec![0; rank]);
    let mut amounts = Vec::with_capacity(2 * rank);
    for side in 0..2 {
        let side = cx.element(pairs, side)?;
        let spread = cx.spread_to_axes(side, axes, zeros, rank)?;
        amounts.extend(cx.dims_in(spread, "pad", AMOUNT)?);
    }
    Ok(amounts)
}
