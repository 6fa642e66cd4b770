//! Operators about shapes: Shape, Size, Reshape, Squeeze, Unsqueeze, Flatten, Expand, Tile, Transpose.
//!
//! A target shape may be constant, symbolic or data. Elements whose meaning depends on their value (0 and -1 of
//! Reshape) are settled at import where the value is a size by its nature, else by integer arithmetic at run time.

use super::reduce::kept_dims;
use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, CumulativeKind, Op, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Expand", expand),
    onnx("Flatten", flatten),
    onnx("Reshape", reshape),
    onnx("Shape", shape),
    onnx("Size", size),
    onnx("Squeeze", squeeze),
    onnx("Tile", tile),
    onnx("Transpose", transpose),
    onnx("Unsqueeze", unsqueeze),
];

fn shape(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let dims = cx.b.shape(x)?;
    let rank = dims.len() as i64;
    let clamp = |raw: i64| {
        let wrapped = if raw < 0 {
            raw.saturating_add(rank)
        } else {
            raw
        };
        wrapped.clamp(0, rank) as usize
    };
    let start = clamp(cx.int("start", 0)?);
    let end = clamp(cx.int("end", rank)?);
    let kept = dims.get(start..end).unwrap_or_default();
    Ok(vec![cx.b.dim_tensor(kept)?])
}

fn size(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let n_elements = cx.numel(x)?;
    Ok(vec![cx.b.dim_scalar(&n_elements)?])
}

/// One entry of a target shape as far as it is known.
enum Entry {
    /// This size.
    Size(Dim),
    /// What x has there.
    Copied,
    /// What remains.
    Inferred,
    /// Known at run time only.
    Data,
}

fn reshape(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let target = if cx.opset() < 5 {
        let Some(shape) = cx.ints_opt("shape")? else {
            return Err(ConvertError::Invalid("attribute shape is missing".into()));
        };
        cx.b.const_i64(&shape)
    } else {
        cx.input(1)?
    };
    let allow_zero = cx.flag("allowzero", false)?;
    let from = cx.b.shape(x)?;
    let target = cx.int_vector(target)?;
    let Some(rank) = cx.known_len(target)? else {
        return Err(ConvertError::Unsupported(
            "the rank of the result is known at run time only".into(),
        ));
    };
    let entries: Vec<Entry> = (0..rank)
        .map(|position| classify(cx, target, position, allow_zero))
        .collect();
    let n_inferred = entries
        .iter()
        .filter(|entry| matches!(entry, Entry::Inferred))
        .count();
    if n_inferred > 1 {
        return Err(ConvertError::Invalid("shape has more than one -1".into()));
    }
    if entries.iter().any(|entry| matches!(entry, Entry::Data)) {
        let shape = shape_at_run_time(cx, x, target, &entries, allow_zero)?;
        return Ok(vec![cx.b.reshape(x, shape)?]);
    }
    let mut shape = Vec::with_capacity(rank);
    for (position, entry) in entries.iter().enumerate() {
        shape.push(match entry {
            Entry::Size(dim) => dim.clone(),
            Entry::Copied => copied_dim(&from, position)?,
            Entry::Inferred | Entry::Data => Dim::constant(1),
        });
    }
    if let Some(position) = entries
        .iter()
        .position(|entry| matches!(entry, Entry::Inferred))
    {
        let dims = cx.b.dims();
        let rest = dims.product(&shape);
        let total = dims.product(&from);
        if rest.as_const() == Some(0) {
            return Err(ConvertError::Invalid(
                "shape has a -1 beside a dim of size 0".into(),
            ));
        }
        shape[position] = dims.div_exact(&total, &rest);
    }
    Ok(vec![cx.b.reshape(x, shape)?])
}

fn copied_dim(from: &[Dim], position: usize) -> Result<Dim, ConvertError> {
    from.get(position).cloned().ok_or_else(|| {
        ConvertError::Invalid(format!(
            "shape copies axis {position} of an operand of rank {}",
            from.len()
        ))
    })
}

fn classify(cx: &NodeCx<'_, '_>, target: ValueId, position: usize, allow_zero: bool) -> Entry {
    let Some(dim) = cx.known_dim(target, position) else {
        return Entry::Data;
    };
    match dim.as_const() {
        Some(0) if !allow_zero => Entry::Copied,
        Some(-1) => Entry::Inferred,
        None if !cx.is_size_like(&dim) => Entry::Data,
        _ => Entry::Size(dim),
    }
}

/// The dims of a target shape some of whose elements are data: 0 and -1 are settled by arithmetic on the tensor.
fn shape_at_run_time(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    target: ValueId,
    entries: &[Entry],
    allow_zero: bool,
) -> Result<Vec<Dim>, ConvertError> {
    let from = cx.b.shape(x)?;
    let total = cx.b.dims().product(&from);
    let (zero, one) = (cx.int_const(0), cx.int_const(1));
    let mut sizes = target;
    if !allow_zero {
        let copied: Vec<Dim> = (0..entries.len())
            .map(|axis| from.get(axis).cloned().unwrap_or(Dim::constant(0)))
            .collect();
        let copied = cx.b.dim_tensor(&copied)?;
        let is_zero = cx.b.binary(BinaryOp::Equal, sizes, zero)?;
        sizes = cx.b.select(is_zero, copied, sizes)?;
    }
    let is_inferred = cx.b.binary(BinaryOp::Less, sizes, zero)?;
    let given = cx.b.select(is_inferred, one, sizes)?;
    let product = cx.b.reduce(ReduceKind::Prod, given, &[0], false)?;
    let total = cx.b.dim_scalar(&total)?;
    // Division by zero gives zero here, which is what an empty tensor needs.
    let inferred = cx.b.div(total, product)?;
    let sizes = cx.b.select(is_inferred, inferred, sizes)?;
    let bound = cx.sizes(sizes, "reshaped")?;
    let mut shape = Vec::with_capacity(entries.len());
    for (position, (entry, bound)) in entries.iter().zip(bound).enumerate() {
        shape.push(match entry {
            Entry::Size(dim) => dim.clone(),
            Entry::Copied => copied_dim(&from, position)?,
            Entry::Inferred | Entry::Data => bound,
        });
    }
    Ok(shape)
}

fn flatten(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let axis = operand::axis_or_end(cx.int("axis", 1)?, shape.len())?;
    let rows = cx.b.dims().product(&shape[..axis]);
    let columns = cx.b.dims().product(&shape[axis..]);
    Ok(vec![cx.b.reshape(x, vec![rows, columns])?])
}

/// Where the axes of Squeeze and Unsqueeze come from: an attribute before opset 13, then an operand.
enum Axes {
    Absent,
    Known(Vec<i64>),
    Data(ValueId),
}

fn axes_of(cx: &mut NodeCx<'_, '_>) -> Result<Axes, ConvertError> {
    if cx.opset() < 13 {
        return Ok(match cx.ints_opt("axes")? {
            Some(axes) => Axes::Known(axes),
            None => Axes::Absent,
        });
    }
    let Some(axes) = cx.opt(1) else {
        return Ok(Axes::Absent);
    };
    Ok(match cx.b.known_i64(axes) {
        Some(axes) => Axes::Known(axes),
        None => Axes::Data(axes),
    })
}

fn squeeze(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let rank = shape.len();
    let axes = match axes_of(cx)? {
        Axes::Known(axes) => operand::axes(&axes, rank)?,
        // Without axes, every axis of size 1 goes; a symbolic size is taken to be another, as the rank must be known.
        Axes::Absent => (0..rank)
            .filter(|&axis| shape[axis].as_const() == Some(1))
            .collect(),
        Axes::Data(axes) => {
            let n_axes = known_count(cx, axes)?;
            let flags = cx.axis_flags(axes, rank)?;
            let kept = kept_dims(cx, &shape, flags, rank.saturating_sub(n_axes))?;
            return Ok(vec![cx.b.reshape(x, kept)?]);
        }
    };
    let kept = (0..rank)
        .filter(|axis| !axes.contains(axis))
        .map(|axis| shape[axis].clone())
        .collect();
    Ok(vec![cx.b.reshape(x, kept)?])
}

fn known_count(cx: &NodeCx<'_, '_>, axes: ValueId) -> Result<usize, ConvertError> {
    cx.known_len(axes)?.ok_or_else(|| {
        ConvertError::Unsupported(
            "the number of axes, and so the rank, is known at run time only".into(),
        )
    })
}

fn unsqueeze(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    match axes_of(cx)? {
        Axes::Absent => Err(ConvertError::Invalid("axes are missing".into())),
        Axes::Known(raw_axes) => {
            let axes = operand::axes(&raw_axes, shape.len().saturating_add(raw_axes.len()))?;
            Ok(vec![cx.b.unsqueeze(x, &axes)?])
        }
        Axes::Data(axes) => {
            let rank = shape.len() + known_count(cx, axes)?;
            let sizes = unsqueezed_at_run_time(cx, &shape, axes, rank)?;
            Ok(vec![cx.b.reshape(x, sizes)?])
        }
    }
}

/// Result axis j has size 1 if it is new, else the size of the operand's axis that is its position among the old ones.
fn unsqueezed_at_run_time(
    cx: &mut NodeCx<'_, '_>,
    shape: &[Dim],
    axes: ValueId,
    rank: usize,
) -> Result<Vec<Dim>, ConvertError> {
    let is_new = cx.axis_flags(axes, rank)?;
    let is_old = cx.b.unary(UnaryOp::Not, is_new)?;
    let is_old = cx.b.cast(is_old, DType::I64)?;
    let position = cx.b.op1(
        Op::Cumulative {
            kind: CumulativeKind::Sum,
            axis: Dim::constant(0),
            exclusive: true,
            reverse: false,
        },
        &[is_old],
    )?;
    // A trailing 1 for new axes behind the last old one.
    let mut padded = shape.to_vec();
    padded.push(Dim::constant(1));
    let padded = cx.b.dim_tensor(&padded)?;
    let old = cx.b.gather(padded, position, 0)?;
    let one = cx.int_const(1);
    let sizes = cx.b.select(is_new, one, old)?;
    cx.sizes(sizes, "unsqueezed")
}

fn expand(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, target) = (cx.input(0)?, cx.input(1)?);
    let target = cx.int_vector(target)?;
    let wanted = cx.sizes(target, "expanded")?;
    let from = cx.b.shape(x)?;
    let shape = broadcast_shapes(cx, &from, &wanted);
    Ok(vec![cx.b.expand(x, shape)?])
}

/// The NumPy broadcast of two shapes.
pub(crate) fn broadcast_shapes(cx: &NodeCx<'_, '_>, a: &[Dim], b: &[Dim]) -> Vec<Dim> {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let n_leading = long.len() - short.len();
    let mut shape = long.to_vec();
    for (dim, other) in shape[n_leading..].iter_mut().zip(short) {
        *dim = cx.b.dims().bcast(dim, other);
    }
    shape
}

/// Before opset 6 one axis is repeated, and the operands are its count and its axis, which must be known.
fn tile(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, repeats) = (cx.input(0)?, cx.input(1)?);
    let repeats = if cx.opset() < 6 {
        let rank = cx.b.rank(x)?;
        let axis = cx.input(2)?;
        let Some(axis) = known_number(cx, axis) else {
            return Err(ConvertError::Unsupported(
                "the tiled axis is known at run time only".into(),
            ));
        };
        let axis = operand::axis(axis, rank)?;
        let mut all = vec![Dim::ONE; rank];
        let count = cx.b.cast(repeats, DType::I64)?;
        all[axis] = cx.size_of(count, "repeats")?;
        all
    } else {
        // There is one for each axis, even where only the run shows how many there are.
        let rank = Dim::from(cx.b.rank(x)?);
        let repeats = cx.int_vector(repeats)?;
        let repeats = cx.b.reshape(repeats, vec![rank])?;
        cx.sizes(repeats, "repeats")?
    };
    Ok(vec![cx.b.op1(Op::Tile { repeats }, &[x])?])
}

/// The one element of a constant, integer or float, as an integer.
fn known_number(cx: &NodeCx<'_, '_>, value: ValueId) -> Option<i64> {
    match cx.b.known_f64(value)?[..] {
        [only] if only.fract() == 0.0 => Some(only as i64),
        _ => None,
    }
}

fn transpose(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    let perm = match cx.ints_opt("perm")? {
        Some(perm) => operand::axes(&perm, rank)?,
        None => (0..rank).rev().collect(),
    };
    Ok(vec![cx.b.transpose(x, perm)?])
}
