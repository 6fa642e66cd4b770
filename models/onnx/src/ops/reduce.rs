//! Reductions, the positions of extremes, and running sums.
//!
//! Axes are an attribute in older opsets and an operand in newer ones; an operand may be data. Then the flags of the
//! axes are computed, and where reduced axes go, a reshape drops them after the reduction.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Interval};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, CumulativeKind, Op, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("ArgMax", |cx| arg_reduce(cx, true)),
    onnx("ArgMin", |cx| arg_reduce(cx, false)),
    onnx("CumProd", |cx| cumulative(cx, CumulativeKind::Prod)),
    onnx("CumSum", |cx| cumulative(cx, CumulativeKind::Sum)),
    onnx("Hardmax", hardmax),
    onnx("ReduceL1", |cx| {
        reduce(cx, 18, |cx, x, axes| {
            let magnitude = magnitude(cx, x)?;
            axes.reduce(cx, ReduceKind::Sum, magnitude)
        })
    }),
    onnx("ReduceL2", |cx| {
        reduce(cx, 18, |cx, x, axes| {
            let dtype = cx.b.dtype(x)?;
            let x = as_float(cx, x)?;
            let square = cx.b.mul(x, x)?;
            let total = axes.reduce(cx, ReduceKind::Sum, square)?;
            let root = cx.b.unary(UnaryOp::Sqrt, total)?;
            Ok(cx.b.cast(root, dtype)?)
        })
    }),
    onnx("ReduceLogSum", |cx| {
        reduce(cx, 18, |cx, x, axes| {
            let dtype = cx.b.dtype(x)?;
            let x = as_float(cx, x)?;
            let total = axes.reduce(cx, ReduceKind::Sum, x)?;
            let log = cx.b.unary(UnaryOp::Log, total)?;
            Ok(cx.b.cast(log, dtype)?)
        })
    }),
    onnx("ReduceLogSumExp", |cx| {
        reduce(cx, 18, |cx, x, axes| {
            let dtype = cx.b.dtype(x)?;
            let x = as_float(cx, x)?;
            let y = axes.reduce(cx, ReduceKind::LogSumExp, x)?;
            Ok(cx.b.cast(y, dtype)?)
        })
    }),
    onnx("ReduceMax", |cx| plain(cx, 18, ReduceKind::Max)),
    onnx("ReduceMean", |cx| plain(cx, 18, ReduceKind::Mean)),
    onnx("ReduceMin", |cx| plain(cx, 18, ReduceKind::Min)),
    onnx("ReduceProd", |cx| plain(cx, 18, ReduceKind::Prod)),
    onnx("ReduceSum", |cx| plain(cx, 13, ReduceKind::Sum)),
    onnx("ReduceSumSquare", |cx| {
        reduce(cx, 18, |cx, x, axes| {
            let square = cx.b.mul(x, x)?;
            axes.reduce(cx, ReduceKind::Sum, square)
        })
    }),
];

/// Which axes a reduction takes, and whether they stay.
pub(crate) struct Reduction {
    reduced: Reduced,
    keep_dims: bool,
}

enum Reduced {
    /// These axes.
    Known(Vec<usize>),
    /// Flags `bool[rank]`, and how many are set where that is known.
    Data {
        flags: ValueId,
        n_reduced: Option<usize>,
    },
}

impl Reduction {
    /// Reduces x.
    pub(crate) fn reduce(
        &self,
        cx: &mut NodeCx<'_, '_>,
        kind: ReduceKind,
        x: ValueId,
    ) -> Result<ValueId, ConvertError> {
        match &self.reduced {
            Reduced::Known(axes) => Ok(cx.b.reduce(kind, x, axes, self.keep_dims)?),
            Reduced::Data { flags, n_reduced } => {
                let flag_values = cx.b.cast(*flags, DType::I64)?;
                let reduced = cx.dims_in(flag_values, "axis_flag", Interval { lo: 0, hi: 1 })?;
                let full = cx.b.shape(x)?;
                let y = cx.b.op1(
                    Op::Reduce {
                        kind,
                        reduced,
                        keep_dims: true,
                    },
                    &[x],
                )?;
                if self.keep_dims {
                    return Ok(y);
                }
                let Some(n_reduced) = n_reduced else {
                    return Err(ConvertError::Unsupported(
                        "the number of reduced axes, and so the rank, is known at run time only"
                            .into(),
                    ));
                };
                let n_kept = full.len().saturating_sub(*n_reduced);
                let shape = kept_dims(cx, &full, *flags, n_kept)?;
                Ok(cx.b.reshape(y, shape)?)
            }
        }
    }
}

/// The dims whose flag in `dropped: bool[rank]` is not set, of which there are `n_kept`.
pub(crate) fn kept_dims(
    cx: &mut NodeCx<'_, '_>,
    full: &[Dim],
    dropped: ValueId,
    n_kept: usize,
) -> Result<Vec<Dim>, ConvertError> {
    let kept = cx.b.unary(UnaryOp::Not, dropped)?;
    let kept = cx.b.cast(kept, DType::I64)?;
    // Position among the kept axes; the dim of result axis i is the sum of those dims whose position is i.
    let position = cx.b.op1(
        Op::Cumulative {
            kind: CumulativeKind::Sum,
            axis: Dim::constant(0),
            exclusive: true,
            reverse: false,
        },
        &[kept],
    )?;
    let wanted = cx.positions(n_kept);
    let wanted = cx.b.unsqueeze(wanted, &[1])?;
    let is_there = cx.b.binary(BinaryOp::Equal, wanted, position)?;
    let is_there = cx.b.cast(is_there, DType::I64)?;
    let full = cx.b.dim_tensor(full)?;
    let kept_sizes = cx.b.mul(full, kept)?;
    let placed = cx.b.mul(is_there, kept_sizes)?;
    let shape = cx.b.reduce(ReduceKind::Sum, placed, &[1], false)?;
    cx.sizes(shape, "kept_dim")
}

/// Reads the axes of a ReduceX node; they are an operand from `operand_since`.
fn reduction(
    cx: &mut NodeCx<'_, '_>,
    operand_since: i64,
) -> Result<Option<Reduction>, ConvertError> {
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    let keep_dims = cx.flag("keepdims", true)?;
    let all = || Reduction {
        reduced: Reduced::Known((0..rank).collect()),
        keep_dims,
    };
    if cx.opset() < operand_since {
        return Ok(Some(match cx.ints_opt("axes")? {
            Some(axes) => Reduction {
                reduced: Reduced::Known(operand::axes(&axes, rank)?),
                keep_dims,
            },
            None => all(),
        }));
    }
    let noop_when_empty = cx.flag("noop_with_empty_axes", false)?;
    let when_empty = || (!noop_when_empty).then(all);
    let Some(axes) = cx.opt(1) else {
        return Ok(when_empty());
    };
    if let Some(known) = cx.b.known_i64(axes) {
        if known.is_empty() {
            return Ok(when_empty());
        }
        return Ok(Some(Reduction {
            reduced: Reduced::Known(operand::axes(&known, rank)?),
            keep_dims,
        }));
    }
    let n_axes = cx.known_len(axes)?;
    if n_axes == Some(0) {
        return Ok(when_empty());
    }
    let mut flags = cx.axis_flags(axes, rank)?;
    if n_axes.is_none() && !noop_when_empty {
        let len = cx.b.shape(axes)?[0].clone();
        let len = cx.b.dim_scalar(&len)?;
        let zero = cx.int_const(0);
        let is_empty = cx.b.binary(BinaryOp::Equal, len, zero)?;
        flags = cx.b.binary(BinaryOp::Or, flags, is_empty)?;
    }
    Ok(Some(Reduction {
        reduced: Reduced::Data {
            flags,
            n_reduced: n_axes,
        },
        keep_dims,
    }))
}

fn reduce(
    cx: &mut NodeCx<'_, '_>,
    operand_since: i64,
    compute: fn(&mut NodeCx<'_, '_>, ValueId, &Reduction) -> Result<ValueId, ConvertError>,
) -> Converted {
    let x = cx.input(0)?;
    match reduction(cx, operand_since)? {
        Some(axes) => Ok(vec![compute(cx, x, &axes)?]),
        // With no axes to reduce, ONNX leaves x as it is and applies nothing.
        None => Ok(vec![x]),
    }
}

fn plain(cx: &mut NodeCx<'_, '_>, operand_since: i64, kind: ReduceKind) -> Converted {
    let x = cx.input(0)?;
    match reduction(cx, operand_since)? {
        Some(axes) => Ok(vec![axes.reduce(cx, kind, x)?]),
        None => Ok(vec![x]),
    }
}

fn magnitude(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    if cx.b.dtype(x)?.kind() == graphc_base::DTypeKind::Unsigned {
        return Ok(x);
    }
    Ok(cx.b.unary(UnaryOp::Abs, x)?)
}

/// Integers as f64, floats as they are.
fn as_float(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    if cx.b.dtype(x)?.is_float() {
        return Ok(x);
    }
    Ok(cx.b.cast(x, DType::F64)?)
}

fn arg_reduce(cx: &mut NodeCx<'_, '_>, largest: bool) -> Converted {
    let x = cx.input(0)?;
    let axis = operand::axis(cx.int("axis", 0)?, cx.b.rank(x)?)?;
    let op = Op::ArgReduce {
        largest,
        axis,
        keep_dims: cx.flag("keepdims", true)?,
        last: cx.flag("select_last_index", false)?,
    };
    Ok(vec![cx.b.op1(op, &[x])?])
}

fn cumulative(cx: &mut NodeCx<'_, '_>, kind: CumulativeKind) -> Converted {
    let (x, raw_axis) = (cx.input(0)?, cx.input(1)?);
    let rank = cx.b.rank(x)?;
    let axis = match cx.known_int(raw_axis) {
        Some(axis) => Dim::from(operand::axis(axis, rank)?),
        None => {
            let wrapped = cx.wrapped_axes(raw_axis, rank)?;
            let range = Interval {
                lo: 0,
                hi: rank.saturating_sub(1) as i64,
            };
            match &cx.dims_in(wrapped, "axis", range)?[..] {
                [axis] => axis.clone(),
                _ => return Err(ConvertError::Invalid("axis must have one element".into())),
            }
        }
    };
    let op = Op::Cumulative {
        kind,
        axis,
        exclusive: cx.flag("exclusive", false)?,
        reverse: cx.flag("reverse", false)?,
    };
    Ok(vec![cx.b.op1(op, &[x])?])
}

/// 1 at the first largest element along an axis; before opset 13 over all axes from `axis` on.
fn hardmax(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let rank = shape.len();
    if cx.opset() >= 13 {
        let axis = operand::axis(cx.int("axis", -1)?, rank)?;
        return Ok(vec![first_largest(cx, x, axis)?]);
    }
    let axis = operand::axis_or_end(cx.int("axis", 1)?, rank)?;
    let rows = cx.b.dims().product(&shape[..axis]);
    let columns = cx.b.dims().product(&shape[axis..]);
    let flat = cx.b.reshape(x, vec![rows, columns])?;
    let y = first_largest(cx, flat, 1)?;
    Ok(vec![cx.b.reshape(y, shape)?])
}

fn first_largest(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    axis: usize,
) -> Result<ValueId, ConvertError> {
    let shape = cx.b.shape(x)?;
    let dtype = cx.b.dtype(x)?;
    let position = cx.b.op1(
        Op::ArgReduce {
            largest: true,
            axis,
            keep_dims: true,
            last: false,
        },
        &[x],
    )?;
    let along = cx.iota_along(DType::I64, &shape[axis], axis, shape.len())?;
    let is_first = cx.b.binary(BinaryOp::Equal, along, position)?;
    Ok(cx.b.cast(is_first, dtype)?)
}
