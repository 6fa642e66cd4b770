//! Spellings of `com.microsoft` of operators that ai.onnx has too, and small ones of its own.

use super::super::construct::{range, trilu};
use super::super::gather::gather_nd;
use super::super::pad::pad_by_operands;
use super::super::select::unique_of;
use super::super::{Converted, OpEntry, ms};
use super::Made;
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, ReduceKind, SliceAxis, UnaryOp};

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("CDist", cdist),
    ms("ExpandDims", expand_dims),
    ms("GatherND", gather_nd),
    ms("Inverse", inverse),
    ms("IsAllFinite", is_all_finite),
    ms("Pad", pad_by_operands),
    ms("Range", range),
    ms("Trilu", trilu),
    ms("Unique", |cx| {
        let x = cx.input(0)?;
        let [y, _, inverse, counts] = unique_of(cx, x, Some(0), false)?;
        Ok(vec![y, inverse, counts])
    }),
];

fn expand_dims(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, axis) = (cx.input(0)?, cx.input(1)?);
    let Some(raw_axis) = cx.known_int(axis) else {
        return Err(ConvertError::Unsupported(
            "an axis that is known at run time only is not supported".into(),
        ));
    };
    let rank = cx.b.rank(x)?;
    let axis = super::super::operand::axis(raw_axis, rank + 1)?;
    Ok(vec![cx.b.unsqueeze(x, &[axis])?])
}

/// Whether no element of any operand is infinite or no number.
fn is_all_finite(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (only_inf, only_nan) = (cx.flag("isinf_only", false)?, cx.flag("isnan_only", false)?);
    if only_inf && only_nan {
        return Err(ConvertError::Invalid(
            "isinf_only and isnan_only exclude each other".into(),
        ));
    }
    let mut ops = Vec::with_capacity(2);
    if !only_nan {
        ops.push(UnaryOp::IsInf {
            positive: true,
            negative: true,
        });
    }
    if !only_inf {
        ops.push(UnaryOp::IsNan);
    }
    let mut any: Option<ValueId> = None;
    for x in cx.inputs()? {
        let axes: Vec<usize> = (0..cx.b.rank(x)?).collect();
        for &op in &ops {
            let hits = cx.b.unary(op, x)?;
            let hit = cx.b.reduce(ReduceKind::Max, hits, &axes, false)?;
            any = Some(match any {
                Some(any) => cx.b.binary(BinaryOp::Or, any, hit)?,
                None => hit,
            });
        }
    }
    let Some(any) = any else {
        return Err(ConvertError::Invalid("takes at least one operand".into()));
    };
    Ok(vec![cx.b.unary(UnaryOp::Not, any)?])
}

/// `|a|² + |b|² - 2 a·b` of all pairs of rows, or its root.
fn cdist(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_root = match cx.string("metric", "sqeuclidean")?.as_str() {
        "sqeuclidean" => false,
        "euclidean" => true,
        other => {
            return Err(ConvertError::Unsupported(format!(
                "metric {other} is not supported"
            )));
        }
    };
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    let squared = |cx: &mut NodeCx<'_, '_>, x: ValueId| -> Made {
        let square = cx.b.mul(x, x)?;
        Ok(cx.b.reduce(ReduceKind::Sum, square, &[1], true)?)
    };
    let (a_square, b_square) = (squared(cx, a)?, squared(cx, b)?);
    let b_square = cx.b.transpose(b_square, vec![1, 0])?;
    let columns = cx.b.transpose(b, vec![1, 0])?;
    let product = cx.b.matmul(a, columns)?;
    let two = cx.const_like(product, 2.0)?;
    let twice = cx.b.mul(product, two)?;
    let squares = cx.b.add(a_square, b_square)?;
    let distance = cx.b.sub(squares, twice)?;
    let zero = cx.zero_like(distance)?;
    let mut distance = cx.b.binary(BinaryOp::Max, distance, zero)?;
    if is_root {
        distance = cx.b.unary(UnaryOp::Sqrt, distance)?;
    }
    Ok(vec![distance])
}

/// Largest matrices that are inverted: each row is a step of its own in the graph.
const MAX_INVERSE: usize = 64;

/// Inverses by elimination with the largest element of each column as pivot.
fn inverse(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let [batch @ .., rows, columns] = &shape[..] else {
        return Err(ConvertError::Invalid("X must have rank 2 or more".into()));
    };
    let n = match (rows.as_const(), columns.as_const()) {
        (Some(n), Some(m)) if n != m => {
            return Err(ConvertError::Invalid(format!("X is {n} by {m}")));
        }
        (Some(n), _) | (_, Some(n)) => usize::try_from(n).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    if n > MAX_INVERSE {
        return Err(ConvertError::Unsupported(format!(
            "matrices with sizes that are not constants up to {MAX_INVERSE} are not supported"
        )));
    }
    let dtype = cx.b.dtype(x)?;
    let n_matrices = cx.b.dims().product(batch);
    let size = Dim::from(n);
    // Half floats are inverted in f32.
    let work = if dtype == DType::F64 {
        DType::F64
    } else {
        DType::F32
    };
    let left = cx.b.cast(x, work)?;
    let left =
        cx.b.reshape(left, vec![n_matrices.clone(), size.clone(), size.clone()])?;
    let row = cx.iota_along(DType::I64, &size, 1, 3)?;
    let column = cx.iota_along(DType::I64, &size, 2, 3)?;
    let is_diagonal = cx.b.binary(BinaryOp::Equal, row, column)?;
    let unit = cx.b.cast(is_diagonal, work)?;
    let right =
        cx.b.expand(unit, vec![n_matrices, size.clone(), size.clone()])?;
    let mut joined = cx.b.concat(&[left, right], 2)?;
    for step in 0..n {
        joined = eliminated(cx, joined, row, step)?;
    }
    let inverse =
        cx.b.slice_axis(joined, 2, SliceAxis::range(size.clone(), size))?;
    let inverse = cx.b.cast(inverse, dtype)?;
    Ok(vec![cx.b.reshape(inverse, shape)?])
}

/// One step: the row with the largest element of column `step`, from row `step` on, comes there, and the column is
/// cleared from all others. `row` is `i64[1, n, 1]`.
fn eliminated(cx: &mut NodeCx<'_, '_>, joined: ValueId, row: ValueId, step: usize) -> Made {
    let at = Dim::from(step);
    let here = cx.int_const(step as i64);
    let column = |cx: &mut NodeCx<'_, '_>, x: ValueId| -> Made {
        Ok(cx
            .b
            .slice_axis(x, 2, SliceAxis::range(at.clone(), Dim::ONE))?)
    };
    let candidates = column(cx, joined)?;
    let magnitude = cx.b.unary(UnaryOp::Abs, candidates)?;
    let is_open = cx.b.binary(BinaryOp::GreaterEqual, row, here)?;
    let below = cx.const_like(magnitude, -1.0)?;
    let magnitude = cx.b.select(is_open, magnitude, below)?;
    let pivot = cx.b.op1(
        graphc_ir::op::Op::ArgReduce {
            largest: true,
            axis: 1,
            keep_dims: true,
            last: false,
        },
        &[magnitude],
    )?;
    // The two rows change places.
    let is_here = cx.b.binary(BinaryOp::Equal, row, here)?;
    let is_pivot = cx.b.binary(BinaryOp::Equal, row, pivot)?;
    let source = cx.b.select(is_pivot, here, row)?;
    let source = cx.b.select(is_here, pivot, source)?;
    let swapped = cx.b.op1(
        graphc_ir::op::Op::GatherNd { batch_dims: 1 },
        &[joined, source],
    )?;
    let pivot_row =
        cx.b.slice_axis(swapped, 1, SliceAxis::range(at.clone(), Dim::ONE))?;
    let divisor = column(cx, pivot_row)?;
    let pivot_row = cx.b.div(pivot_row, divisor)?;
    let factors = column(cx, swapped)?;
    let shares = cx.b.mul(factors, pivot_row)?;
    let rest = cx.b.sub(swapped, shares)?;
    Ok(cx.b.select(is_here, pivot_row, rest)?)
}
