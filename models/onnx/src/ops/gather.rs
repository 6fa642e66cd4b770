//! Operators that read and write at positions given as data: Gather, Scatter and their kin, OneHot, TensorScatter.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ScatterReduction};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Gather", gather),
    onnx("GatherElements", |cx| {
        let (axis, data) = axis_of_data(cx, 0)?;
        let indices = cx.input(1)?;
        Ok(vec![
            cx.b.op1(Op::GatherElements { axis }, &[data, indices])?,
        ])
    }),
    onnx("GatherND", gather_nd),
    onnx("OneHot", one_hot),
    onnx("Scatter", scatter_elements),
    onnx("ScatterElements", scatter_elements),
    onnx("ScatterND", scatter_nd),
    onnx("TensorScatter", tensor_scatter),
];

/// The attribute `axis`, and the first operand that it is about.
fn axis_of_data(cx: &mut NodeCx<'_, '_>, default: i64) -> Result<(usize, ValueId), ConvertError> {
    let data = cx.input(0)?;
    let axis = operand::axis(cx.int("axis", default)?, cx.b.rank(data)?)?;
    Ok((axis, data))
}

fn gather(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (axis, data) = axis_of_data(cx, 0)?;
    let indices = cx.input(1)?;
    Ok(vec![cx.b.gather(data, indices, axis)?])
}

pub(super) fn gather_nd(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (data, indices) = (cx.input(0)?, cx.input(1)?);
    let batch_dims = operand::size("batch_dims", cx.int("batch_dims", 0)?)?;
    let indices = cx.b.cast(indices, DType::I64)?;
    Ok(vec![
        cx.b.op1(Op::GatherNd { batch_dims }, &[data, indices])?,
    ])
}

fn reduction(cx: &NodeCx<'_, '_>) -> Result<ScatterReduction, ConvertError> {
    Ok(match cx.string("reduction", "none")?.as_str() {
        "none" => ScatterReduction::Replace,
        "add" => ScatterReduction::Add,
        "mul" => ScatterReduction::Mul,
        "max" => ScatterReduction::Max,
        "min" => ScatterReduction::Min,
        other => {
            return Err(ConvertError::Invalid(format!(
                "reduction `{other}` is unknown"
            )));
        }
    })
}

/// Scatters as numbers what cannot be reduced as it is: the reductions of truth values are those of 0 and 1.
fn scattered(
    cx: &mut NodeCx<'_, '_>,
    op: Op,
    reduction: ScatterReduction,
    operands: [ValueId; 3],
) -> Converted {
    let [data, indices, updates] = operands;
    let dtype = cx.b.dtype(data)?;
    if dtype != DType::Bool || reduction == ScatterReduction::Replace {
        return Ok(vec![cx.b.op1(op, &operands)?]);
    }
    let data = cx.b.cast(data, DType::U8)?;
    let updates = cx.b.cast(updates, DType::U8)?;
    let y = cx.b.op1(op, &[data, indices, updates])?;
    Ok(vec![cx.b.cast(y, dtype)?])
}

fn scatter_elements(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (axis, data) = axis_of_data(cx, 0)?;
    let (indices, updates) = (cx.input(1)?, cx.input(2)?);
    let reduction = reduction(cx)?;
    let op = Op::ScatterElements { axis, reduction };
    scattered(cx, op, reduction, [data, indices, updates])
}

fn scatter_nd(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (data, indices, updates) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let reduction = reduction(cx)?;
    let mut indices = cx.b.cast(indices, DType::I64)?;
    // How many axes an index names follows from the ranks, even where its length is known at run time only.
    let mut shape = cx.b.shape(indices)?;
    let n_kept = (cx.b.rank(updates)? + 1).checked_sub(shape.len());
    let n_named = n_kept.and_then(|n_kept| cx.b.rank(data).ok()?.checked_sub(n_kept));
    if let (Some(last), Some(n_named)) = (shape.last_mut(), n_named)
        && !last.is_const()
    {
        *last = Dim::from(n_named);
        indices = cx.b.reshape(indices, shape)?;
    }
    let op = Op::ScatterNd { reduction };
    scattered(cx, op, reduction, [data, indices, updates])
}

/// Compares every index with every position along a new axis; an index outside `[-depth, depth)` matches none.
fn one_hot(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (indices, depth, values) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let rank = cx.b.rank(indices)? + 1;
    let axis = operand::axis(cx.int("axis", -1)?, rank)?;
    let depth = cx.int_scalar(depth)?;
    let len = cx.size_of(depth, "depth")?;
    let indices = cx.b.cast(indices, DType::I64)?;
    let zero = cx.int_const(0);
    let is_negative = cx.b.binary(BinaryOp::Less, indices, zero)?;
    let wrapped = cx.b.add(indices, depth)?;
    let indices = cx.b.select(is_negative, wrapped, indices)?;
    let indices = cx.b.unsqueeze(indices, &[axis])?;
    let along = cx.iota_along(DType::I64, &len, axis, rank)?;
    let is_hot = cx.b.binary(BinaryOp::Equal, along, indices)?;
    let (off, on) = (cx.element(values, 0)?, cx.element(values, 1)?);
    Ok(vec![cx.b.select(is_hot, on, off)?])
}

/// Writes an update into a cache along one axis, from a position per batch row, straight or around the end.
fn tensor_scatter(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (axis, cache) = axis_of_data(cx, -2)?;
    let update = cx.input(1)?;
    let rank = cx.b.rank(cache)?;
    let size = cx.b.shape(cache)?[axis].clone();
    let shape = cx.b.shape(update)?;
    if axis == 0 || shape.len() != rank {
        return Err(ConvertError::Invalid(
            "the update must have the cache's rank, and its axis must not be the batch".into(),
        ));
    }
    let mut positions = cx.iota_along(DType::I64, &shape[axis], axis, rank)?;
    if let Some(starts) = cx.opt(2) {
        let starts = cx.int_vector(starts)?;
        let mut per_row = vec![Dim::constant(1); rank];
        per_row[0] = shape[0].clone();
        let starts = cx.b.reshape(starts, per_row)?;
        positions = cx.b.add(positions, starts)?;
    }
    match cx.string("mode", "linear")?.as_str() {
        "linear" => {}
        "circular" => {
            let size = cx.b.dim_scalar(&size)?;
            positions = cx.b.binary(BinaryOp::Mod, positions, size)?;
        }
        other => {
            return Err(ConvertError::Invalid(format!(
                "mode must be linear or circular, is `{other}`"
            )));
        }
    }
    let indices = cx.b.expand(positions, shape)?;
    let op = Op::ScatterElements {
        axis,
        reduction: ScatterReduction::Replace,
    };
    Ok(vec![cx.b.op1(op, &[cache, indices, update])?])
}
