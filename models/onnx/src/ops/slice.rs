//! Slices: Slice with constant, symbolic or run-time bounds, and CenterCropPad.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Interval};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, PadMode, SliceAxis};

pub(super) const OPS: &[OpEntry] = &[onnx("CenterCropPad", center_crop_pad), onnx("Slice", slice)];

/// Bounds beyond this mean "to the end" and are cut to it, so that sums with a size cannot overflow.
const FAR: i64 = 1 << 40;

/// Bounds of a slice, one vector each, entry i for axis `axes[i]`.
struct Bounds {
    starts: ValueId,
    ends: ValueId,
    steps: ValueId,
    /// The axis of each entry.
    axes: Vec<usize>,
}

fn slice(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let bounds = if cx.opset() < 10 {
        bounds_from_attributes(cx, shape.len())?
    } else {
        bounds_from_operands(cx, &shape)?
    };
    let mut entries: Vec<SliceAxis> = shape.iter().map(SliceAxis::full).collect();
    let known: Vec<Option<SliceAxis>> = (0..bounds.axes.len())
        .map(|entry_idx| known_entry(cx, &bounds, &shape, entry_idx))
        .collect::<Result<_, _>>()?;
    let at_run_time = if known.iter().all(Option::is_some) {
        Vec::new()
    } else {
        entries_at_run_time(cx, &bounds, &shape)?
    };
    for (entry_idx, (&axis, known)) in bounds.axes.iter().zip(known).enumerate() {
        if let Some(entry) = known.or_else(|| at_run_time.get(entry_idx).cloned()) {
            entries[axis] = entry;
        }
    }
    Ok(vec![cx.b.slice(x, entries)?])
}

fn bounds_from_attributes(cx: &mut NodeCx<'_, '_>, rank: usize) -> Result<Bounds, ConvertError> {
    let missing = |name: &str| ConvertError::Invalid(format!("attribute {name} is missing"));
    let starts = cx.ints_opt("starts")?.ok_or_else(|| missing("starts"))?;
    let ends = cx.ints_opt("ends")?.ok_or_else(|| missing("ends"))?;
    let axes = match cx.ints_opt("axes")? {
        Some(axes) => operand::axes(&axes, rank)?,
        None => (0..starts.len()).collect(),
    };
    if axes.len() != starts.len() || ends.len() != starts.len() || axes.len() > rank {
        return Err(ConvertError::Invalid(
            "starts, ends and axes differ in length".into(),
        ));
    }
    Ok(Bounds {
        starts: cx.b.const_i64(&starts),
        ends: cx.b.const_i64(&ends),
        steps: cx.b.const_i64(&vec![1; axes.len()]),
        axes,
    })
}

fn bounds_from_operands(cx: &mut NodeCx<'_, '_>, shape: &[Dim]) -> Result<Bounds, ConvertError> {
    let rank = shape.len();
    let (starts, ends) = (cx.input(1)?, cx.input(2)?);
    let starts = cx.int_vector(starts)?;
    let ends = cx.int_vector(ends)?;
    let steps = cx.opt(4).map(|steps| cx.int_vector(steps)).transpose()?;
    let n_entries = [Some(starts), Some(ends), steps, cx.opt(3)]
        .into_iter()
        .flatten()
        .find_map(|vector| cx.known_len(vector).transpose())
        .transpose()?;
    let raw_axes = match cx.opt(3) {
        None => None,
        Some(axes) => match cx.b.known_i64(axes) {
            Some(axes) => Some(operand::axes(&axes, rank)?),
            None => return spread_bounds(cx, shape, starts, ends, steps, axes),
        },
    };
    let axes: Vec<usize> = match (raw_axes, n_entries) {
        (Some(axes), _) => axes,
        (None, Some(n_entries)) if n_entries <= rank => (0..n_entries).collect(),
        (None, Some(_)) => {
            return Err(ConvertError::Invalid(
                "there are more bounds than axes".into(),
            ));
        }
        (None, None) => {
            return Err(ConvertError::Unsupported(
                "the number of sliced axes is known at run time only".into(),
            ));
        }
    };
    let steps = match steps {
        Some(steps) => steps,
        None => cx.b.const_i64(&vec![1; axes.len()]),
    };
    for vector in [starts, ends, steps] {
        if cx.known_len(vector)?.is_some_and(|len| len != axes.len()) {
            return Err(ConvertError::Invalid(
                "starts, ends, axes and steps differ in length".into(),
            ));
        }
    }
    Ok(Bounds {
        starts,
        ends,
        steps,
        axes,
    })
}

/// With axes that are data: bounds for every axis, those not named being sliced whole.
fn spread_bounds(
    cx: &mut NodeCx<'_, '_>,
    shape: &[Dim],
    starts: ValueId,
    ends: ValueId,
    steps: Option<ValueId>,
    raw_axes: ValueId,
) -> Result<Bounds, ConvertError> {
    let rank = shape.len();
    let zeros = cx.b.const_i64(&vec![0; rank]);
    let ones = cx.b.const_i64(&vec![1; rank]);
    let whole = cx.b.dim_tensor(shape)?;
    let axes = cx.int_vector(raw_axes)?;
    let steps = match steps {
        Some(steps) => cx.spread_to_axes(steps, axes, ones, rank)?,
        None => ones,
    };
    Ok(Bounds {
        starts: cx.spread_to_axes(starts, axes, zeros, rank)?,
        ends: cx.spread_to_axes(ends, axes, whole, rank)?,
        steps,
        axes: (0..rank).collect(),
    })
}

/// One axis of the slice, where the signs of its bounds are known at import.
fn known_entry(
    cx: &NodeCx<'_, '_>,
    bounds: &Bounds,
    shape: &[Dim],
    entry_idx: usize,
) -> Result<Option<SliceAxis>, ConvertError> {
    let size = &shape[bounds.axes[entry_idx]];
    let (Some(start), Some(end), Some(step)) = (
        cx.known_dim(bounds.starts, entry_idx),
        cx.known_dim(bounds.ends, entry_idx),
        cx.known_dim(bounds.steps, entry_idx)
            .and_then(|step| step.as_const()),
    ) else {
        return Ok(None);
    };
    if step == 0 || step == i64::MIN {
        return Err(ConvertError::Invalid(format!("step must not be {step}")));
    }
    let (Some(start), Some(end)) = (wrapped(cx, &start, size), wrapped(cx, &end, size)) else {
        return Ok(None);
    };
    let dims = cx.b.dims();
    let (zero, one) = (Dim::constant(0), Dim::constant(1));
    let last = dims.sub(size, &one);
    let entry = if step > 0 {
        let start = dims.clamp(&start, &zero, size);
        let end = dims.clamp(&end, &zero, size);
        let span = dims.max(&dims.sub(&end, &start), &zero);
        SliceAxis {
            start,
            step: Dim::constant(step),
            len: dims.ceil_div(&span, &Dim::constant(step)),
        }
    } else {
        let start = dims.clamp(&start, &zero, &dims.max(&last, &zero));
        let end = dims.clamp(&end, &Dim::constant(-1), &last);
        // An empty axis has start 0 and end -1, and no element: its span is cut to its size.
        let span = dims.min(&dims.max(&dims.sub(&start, &end), &zero), size);
        SliceAxis {
            start,
            step: Dim::constant(step),
            len: dims.ceil_div(&span, &Dim::constant(-step)),
        }
    };
    Ok(Some(entry))
}

/// A bound with negative values counted from the end; `None` where its sign is open.
fn wrapped(cx: &NodeCx<'_, '_>, bound: &Dim, size: &Dim) -> Option<Dim> {
    let bound = match bound.as_const() {
        Some(value) => Dim::constant(value.clamp(-FAR, FAR)),
        None => bound.clone(),
    };
    let range = cx.b.dims().bounds(&bound);
    if range.lo >= 0 {
        Some(bound)
    } else if range.hi < 0 {
        Some(cx.b.dims().add(&bound, size))
    } else {
        None
    }
}

/// All entries by integer arithmetic on the bounds, bound when they are there.
fn entries_at_run_time(
    cx: &mut NodeCx<'_, '_>,
    bounds: &Bounds,
    shape: &[Dim],
) -> Result<Vec<SliceAxis>, ConvertError> {
    let sliced: Vec<Dim> = bounds
        .axes
        .iter()
        .map(|&axis| shape[axis].clone())
        .collect();
    let size = cx.b.dim_tensor(&sliced)?;
    let (zero, one) = (cx.int_const(0), cx.int_const(1));
    let (far, near) = (cx.int_const(FAR), cx.int_const(-FAR));
    let is_reversed = cx.b.binary(BinaryOp::Less, bounds.steps, zero)?;
    // Ends lie in [0, size], or backward in [-1, size - 1]; starts likewise but never below 0.
    let last = cx.b.sub(size, one)?;
    let highest = cx.b.select(is_reversed, last, size)?;
    let minus_one = cx.int_const(-1);
    let lowest = cx.b.select(is_reversed, minus_one, zero)?;
    let clamp = |cx: &mut NodeCx<'_, '_>, bound: ValueId, lowest: ValueId| {
        let bound = cx.b.binary(BinaryOp::Min, bound, far)?;
        let bound = cx.b.binary(BinaryOp::Max, bound, near)?;
        let is_negative = cx.b.binary(BinaryOp::Less, bound, zero)?;
        let from_end = cx.b.add(bound, size)?;
        let bound = cx.b.select(is_negative, from_end, bound)?;
        let bound = cx.b.binary(BinaryOp::Min, bound, highest)?;
        cx.b.binary(BinaryOp::Max, bound, lowest)
    };
    let start = clamp(cx, bounds.starts, zero)?;
    let end = clamp(cx, bounds.ends, lowest)?;
    let span = cx.b.sub(end, start)?;
    // Number of steps, rounded up: the truncating division of span + step ∓ 1.
    let toward = cx.b.select(is_reversed, minus_one, one)?;
    let shifted = cx.b.add(span, bounds.steps)?;
    let shifted = cx.b.sub(shifted, toward)?;
    let n_steps = cx.b.div(shifted, bounds.steps)?;
    let len = cx.b.binary(BinaryOp::Max, n_steps, zero)?;
    // An axis without elements has none to give, whatever its bounds are.
    let len = cx.b.binary(BinaryOp::Min, len, size)?;
    let starts = cx.sizes(start, "slice_start")?;
    let lens = cx.sizes(len, "slice_len")?;
    let steps = cx.dims_in(
        bounds.steps,
        "slice_step",
        Interval {
            lo: i64::from(i32::MIN),
            hi: i64::from(i32::MAX),
        },
    )?;
    let parts = starts.into_iter().zip(lens).zip(steps);
    Ok(parts
        .map(|((start, len), step)| SliceAxis { start, step, len })
        .collect())
}

/// Each axis is cropped about its centre or padded on both sides to a wanted size.
fn center_crop_pad(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, target) = (cx.input(0)?, cx.input(1)?);
    let shape = cx.b.shape(x)?;
    let target = cx.int_vector(target)?;
    let wanted = cx.sizes(target, "crop")?;
    let axes = match cx.ints_opt("axes")? {
        Some(axes) => operand::axes(&axes, shape.len())?,
        None => (0..shape.len()).collect(),
    };
    if axes.len() != wanted.len() {
        return Err(ConvertError::Invalid(
            "shape and axes differ in length".into(),
        ));
    }
    let zero = Dim::constant(0);
    let mut entries: Vec<SliceAxis> = shape.iter().map(SliceAxis::full).collect();
    let mut before = vec![zero.clone(); shape.len()];
    let mut after = vec![zero.clone(); shape.len()];
    for (&axis, wanted) in axes.iter().zip(&wanted) {
        let dims = cx.b.dims();
        let half = |excess: &Dim| dims.floor_div(excess, &Dim::constant(2));
        let surplus = dims.max(&dims.sub(&shape[axis], wanted), &zero);
        let lack = dims.max(&dims.sub(wanted, &shape[axis]), &zero);
        entries[axis] = SliceAxis::range(half(&surplus), dims.min(&shape[axis], wanted));
        before[axis] = half(&lack);
        after[axis] = dims.sub(&lack, &half(&lack));
    }
    let cropped = cx.b.slice(x, entries)?;
    if before.iter().chain(&after).all(|amount| *amount == zero) {
        return Ok(vec![cropped]);
    }
    let value = cx.zero_like(x)?;
    let pad = Op::Pad {
        mode: PadMode::Constant,
        before,
        after,
    };
    Ok(vec![cx.b.op1(pad, &[cropped, value])?])
}
