//! Reductions over any axes, positions of extrema, running sums and products.

use super::check::{Counter, Walk, around};
use super::element::{Number, typed, typed_mut};
use super::{Call, KernelError};
use crate::spec::BoundArg;
use crate::with_number;
use graphc_base::Dim;
use graphc_base::attrs::{CumulativeKind, ReduceKind};
use smallvec::SmallVec;

pub(super) fn reduce(
    call: &mut Call<'_, '_>,
    kind: ReduceKind,
    reduced: &[Dim],
) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let rank = x.shape.len();
    call.ensure(
        reduced.len() == rank && y.shape.len() == rank && x.contiguous && y.contiguous,
        "flags do not fit the rank",
    )?;
    let mut counts: SmallVec<[usize; 12]> = SmallVec::new();
    for axis in 0..rank {
        let is_reduced = match reduced[axis].as_const() {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(call.error(format!("flag of axis {axis} is neither 0 nor 1"))),
        };
        let kept = if is_reduced { 1 } else { x.shape[axis] };
        call.ensure(y.shape[axis] == kept, "the result has another shape")?;
        counts.push(if is_reduced { x.shape[axis] } else { 1 });
    }
    let (x, y, dtype) = (x.clone(), y.clone(), x.dtype);
    with_number!(dtype, T => reduce_typed::<T>(call, kind, &x, &y, &counts), else Err(call.error(format!("does not take {dtype}"))))
}

/// Each result walks the elements that it covers.
fn reduce_typed<T: Number>(
    call: &mut Call<'_, '_>,
    kind: ReduceKind,
    x: &BoundArg,
    y: &BoundArg,
    counts: &[usize],
) -> Result<(), KernelError> {
    let from = typed::<T>(call.inputs[0]);
    let to = typed_mut::<T>(call.outputs[0]);
    let n_covered: usize = counts.iter().product();
    let mut at = Counter::new(&y.shape);
    for result in to.iter_mut().take(y.n_elements()) {
        let base: usize = at
            .at
            .iter()
            .zip(&x.strides)
            .map(|(&at, &stride)| at * stride as usize)
            .sum();
        let mut within = Counter::new(counts);
        let mut next = || {
            let offset: usize = within
                .at
                .iter()
                .zip(&x.strides)
                .map(|(&at, &stride)| at * stride as usize)
                .sum();
            within.advance();
            from[base + offset]
        };
        *result = match kind {
            ReduceKind::Mean => T::mean(n_covered, next),
            ReduceKind::Sum => {
                let mut sum = T::ZERO_SUM;
                for _ in 0..n_covered {
                    sum = T::sum_add(sum, next().to_sum());
                }
                T::from_sum(sum)
            }
            ReduceKind::Prod => {
                let mut product = T::ONE_SUM;
                for _ in 0..n_covered {
                    product = T::sum_mul(product, next().to_sum());
                }
                T::from_sum(product)
            }
            ReduceKind::Max | ReduceKind::Min => {
                let larger = kind == ReduceKind::Max;
                let mut best = if larger { T::lowest() } else { T::highest() };
                for _ in 0..n_covered {
                    let value = next();
                    if value.is_nan()
                        || (!best.is_nan() && if larger { value > best } else { value < best })
                    {
                        best = value;
                    }
                }
                best
            }
            ReduceKind::LogSumExp => {
                // One pass: the sum is scaled anew whenever a larger element comes.
                let (mut most, mut sum) = (f64::NEG_INFINITY, 0.0f64);
                for _ in 0..n_covered {
                    let value = next().to_f64();
                    if value > most {
                        sum = sum * (most - value).exp() + 1.0;
                        most = value;
                    } else if value != f64::NEG_INFINITY {
                        sum += (value - most).exp();
                    }
                }
                T::from_f64(if most.is_finite() {
                    most + sum.ln()
                } else {
                    most + sum.min(0.0)
                })
            }
        };
        at.advance();
    }
    Ok(())
}

pub(super) fn arg_reduce(
    call: &mut Call<'_, '_>,
    largest: bool,
    axis: usize,
    last: bool,
) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.ensure(axis < x.shape.len() && x.contiguous, "axis is out of range")?;
    let (outer, n_axis, inner) = around(&x.shape, axis);
    call.ensure(
        y.n_elements() == outer * inner && y.dtype == graphc_base::DType::I64,
        "the result has another shape",
    )?;
    call.ensure(n_axis > 0 || outer * inner == 0, "the axis is empty")?;
    let dtype = x.dtype;
    with_number!(dtype, T => {
        let from = typed::<T>(call.inputs[0]);
        let to = typed_mut::<i64>(call.outputs[0]);
        for row in 0..outer * inner {
            let start = row / inner * n_axis * inner + row % inner;
            let mut best = 0;
            for index in 1..n_axis {
                let (value, most) = (from[start + index * inner], from[start + best * inner]);
                let beats = if largest { value > most } else { value < most };
                if !most.is_nan() && (beats || value.is_nan()) || (last && value == most) {
                    best = index;
                }
            }
            to[row] = best as i64;
        }
        Ok(())
    }, else Err(call.error(format!("does not take {dtype}"))))
}

pub(super) fn cumulative(
    call: &mut Call<'_, '_>,
    kind: CumulativeKind,
    axis: &Dim,
    exclusive: bool,
    reverse: bool,
) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let axis = axis
        .as_const()
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|&axis| axis < x.shape.len())
        .ok_or_else(|| call.error(format!("axis {axis} is out of range")))?;
    call.ensure(
        x.shape == y.shape && x.contiguous && y.contiguous,
        "shapes differ",
    )?;
    let (outer, n_axis, inner) = around(&x.shape, axis);
    let dtype = x.dtype;
    with_number!(dtype, T => {
        let from = typed::<T>(call.inputs[0]);
        let to = typed_mut::<T>(call.outputs[0]);
        for row in 0..outer * inner {
            let start = row / inner * n_axis * inner + row % inner;
            let mut running = match kind {
                CumulativeKind::Sum => T::ZERO_SUM,
                CumulativeKind::Prod => T::ONE_SUM,
            };
            for step in 0..n_axis {
                let index = if reverse { n_axis - 1 - step } else { step };
                let position = start + index * inner;
                let value = from[position].to_sum();
                let next = match kind {
                    CumulativeKind::Sum => T::sum_add(running, value),
                    CumulativeKind::Prod => T::sum_mul(running, value),
                };
                to[position] = T::from_sum(if exclusive { running } else { next });
                running = next;
            }
        }
        Ok(())
    }, else Err(call.error(format!("does not take {dtype}"))))
}

/// A walk of an operand that broadcasts into a space, or an error.
pub(super) fn walk(
    call: &Call<'_, '_>,
    arg: &BoundArg,
    space: &[usize],
) -> Result<Walk, KernelError> {
    Walk::new(arg, space).ok_or_else(|| call.error("an operand does not broadcast"))
}
