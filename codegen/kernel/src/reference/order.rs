//! Kernels that select or order elements: top-k, non-zero positions, unique elements.
//!
//! Order: numbers by value, NaN beyond the largest and equal to itself, zeros of both signs equal.

use super::check::{Counter, around};
use super::gather::{copy_run, fail};
use super::recurrent::{elements_mut, words};
use super::scalar::{Scalar, load};
use super::{Call, KernelError};
use crate::spec::{BoundSpec, Kernel};
use graphc_base::DType;
use std::cmp::Ordering;

/// The order of two elements of one dtype.
pub(crate) fn compare(dtype: DType, a: Scalar, b: Scalar) -> Ordering {
    match (a, b) {
        (Scalar::Int(a), Scalar::Int(b)) if dtype == DType::U64 => (a as u64).cmp(&(b as u64)),
        (Scalar::Int(a), Scalar::Int(b)) => a.cmp(&b),
        (Scalar::Float(a), Scalar::Float(b)) => a
            .partial_cmp(&b)
            .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        (Scalar::Int(_), Scalar::Float(_)) => Ordering::Less,
        (Scalar::Float(_), Scalar::Int(_)) => Ordering::Greater,
    }
}

fn sort_scratch(spec: &BoundSpec, axis: Option<usize>) -> usize {
    let n = spec.inputs.first().map_or(0, |x| match axis {
        Some(axis) => x.shape.get(axis).copied().unwrap_or(0),
        None => x.n_elements(),
    });
    n.saturating_mul(size_of::<usize>())
}

/// Bytes of scratch that [`top_k`] needs.
pub(super) fn top_k_scratch(spec: &BoundSpec) -> usize {
    match spec.kernel {
        Kernel::TopK { axis, .. } => sort_scratch(spec, Some(axis)),
        _ => 0,
    }
}

/// `x → values, indices: i64`.
pub(super) fn top_k(
    call: &mut Call<'_, '_>,
    axis: usize,
    largest: bool,
) -> Result<(), KernelError> {
    call.plain(1..=1, 2)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, values, indices) = (&spec.inputs[0], &spec.outputs[0], &spec.outputs[1]);
    call.same_dtype(x, values)?;
    call.ensure(indices.dtype == DType::I64, "positions are not i64")?;
    call.ensure(
        axis < x.shape.len()
            && x.shape.len() == values.shape.len()
            && values.shape == indices.shape
            && (0..x.shape.len())
                .all(|other| other == axis || x.shape[other] == values.shape[other]),
        "values and positions differ from x beyond the searched axis",
    )?;
    if values.n_elements() == 0 {
        return Ok(());
    }
    let (outer, k, inner) = around(&values.shape, axis);
    let size = x.shape[axis];
    if k > size {
        return Err(call.error(format!("{k} elements are wanted of {size}")));
    }
    let order = words::<usize>(spec, call.scratch, size)?;
    let [values_bytes, indices_bytes] = &mut *call.outputs else {
        return Err(fail(spec, "results are missing"));
    };
    let positions = elements_mut::<i64>(spec, indices, indices_bytes)?;
    for outer_idx in 0..outer {
        for inner_idx in 0..inner {
            let base = outer_idx * size * inner + inner_idx;
            let by_rank = |a: &usize, b: &usize| {
                let (left, right) = (
                    load(inputs[0], x.dtype, base + a * inner),
                    load(inputs[0], x.dtype, base + b * inner),
                );
                let order = compare(x.dtype, left, right);
                (if largest { order.reverse() } else { order }).then(a.cmp(b))
            };
            for (position, slot) in order.iter_mut().enumerate() {
                *slot = position;
            }
            if k < size {
                order.select_nth_unstable_by(k, by_rank);
            }
            order[..k].sort_unstable_by(by_rank);
            for (rank, &position) in order[..k].iter().enumerate() {
                let to = (outer_idx * k + rank) * inner + inner_idx;
                copy_run(
                    x.dtype,
                    values_bytes,
                    to,
                    inputs[0],
                    base + position * inner,
                    1,
                );
                positions[to] = position as i64;
            }
        }
    }
    Ok(())
}

/// `x → indices: i64[rank, numel], count: i64[]`.
pub(super) fn non_zero(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.plain(1..=1, 2)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, indices, count) = (&spec.inputs[0], &spec.outputs[0], &spec.outputs[1]);
    let n_elements = x.n_elements();
    call.ensure(
        indices.dtype == DType::I64
            && count.dtype == DType::I64
            && indices.shape.as_slice() == [x.shape.len(), n_elements]
            && count.shape.is_empty(),
        "results are not i64[rank, elements] and i64[]",
    )?;
    let [indices_bytes, count_bytes] = &mut *call.outputs else {
        return Err(fail(spec, "results are missing"));
    };
    let indices = elements_mut::<i64>(spec, indices, indices_bytes)?;
    let count = elements_mut::<i64>(spec, count, count_bytes)?;
    indices.fill(0);
    let mut counter = Counter::new(&x.shape);
    let mut n_found = 0;
    for position in 0..n_elements {
        if load(inputs[0], x.dtype, position).is_true() {
            for (axis, &at) in counter.at.iter().enumerate() {
                indices[axis * n_elements + n_found] = at as i64;
            }
            n_found += 1;
        }
        counter.advance();
    }
    count[0] = n_found as i64;
    Ok(())
}

/// Bytes of scratch that [`unique`] needs.
pub(super) fn unique_scratch(spec: &BoundSpec) -> usize {
    match spec.kernel {
        Kernel::Unique { axis, .. } => sort_scratch(spec, axis),
        _ => 0,
    }
}

/// `x → y, first, inverse, counts, count`; what lies beyond `count` holds the first slice in y and 0 in the others.
pub(super) fn unique(
    call: &mut Call<'_, '_>,
    axis: Option<usize>,
    sorted: bool,
) -> Result<(), KernelError> {
    call.plain(1..=1, 5)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    call.same_dtype(x, y)?;
    let n_elements = x.n_elements();
    let y_fits = match axis {
        Some(axis) => axis < x.shape.len() && x.shape == y.shape,
        None => y.shape.as_slice() == [n_elements],
    };
    call.ensure(y_fits, "the result does not have the shape of x")?;
    let (outer, n, inner) = match axis {
        Some(_) if n_elements == 0 => (0, 0, 0),
        Some(axis) => around(&x.shape, axis),
        None => (1, n_elements, 1),
    };
    let n_named = axis.map_or(n_elements, |axis| x.shape[axis]);
    let mut named = spec.outputs[1..].iter();
    call.ensure(
        named.all(|arg| arg.dtype == DType::I64)
            && spec.outputs[1..4]
                .iter()
                .all(|arg| arg.shape.as_slice() == [n_named])
            && spec.outputs[4].shape.is_empty(),
        "positions and counts are not i64[n] and i64[]",
    )?;
    let order = words::<usize>(spec, call.scratch, n)?;
    let [y_bytes, first, inverse, counts, count] = &mut *call.outputs else {
        return Err(fail(spec, "results are missing"));
    };
    let first = elements_mut::<i64>(spec, &spec.outputs[1], first)?;
    let inverse = elements_mut::<i64>(spec, &spec.outputs[2], inverse)?;
    let counts = elements_mut::<i64>(spec, &spec.outputs[3], counts)?;
    let count = elements_mut::<i64>(spec, &spec.outputs[4], count)?;
    first.fill(0);
    inverse.fill(0);
    counts.fill(0);

    let slice_order = |a: usize, b: usize| {
        for outer_idx in 0..outer {
            for inner_idx in 0..inner {
                let at = |slice: usize| {
                    load(
                        inputs[0],
                        x.dtype,
                        (outer_idx * n + slice) * inner + inner_idx,
                    )
                };
                let order = compare(x.dtype, at(a), at(b));
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
        Ordering::Equal
    };
    for (slice, slot) in order.iter_mut().enumerate() {
        *slot = slice;
    }
    order.sort_unstable_by(|&a, &b| slice_order(a, b).then(a.cmp(&b)));

    // Neighbours in order that are equal form a group, whose first member occurs first.
    let mut n_groups = 0;
    let mut leader = 0;
    for rank in 0..n {
        let slice = order[rank];
        if rank == 0 || slice_order(leader, slice) != Ordering::Equal {
            leader = slice;
            if sorted {
                first[n_groups] = slice as i64;
                n_groups += 1;
            }
        }
        inverse[slice] = if sorted {
            n_groups as i64 - 1
        } else {
            leader as i64
        };
    }
    if !sorted {
        for slice in 0..n {
            let leader = inverse[slice] as usize;
            inverse[slice] = if leader == slice {
                first[n_groups] = slice as i64;
                n_groups += 1;
                n_groups as i64 - 1
            } else {
                inverse[leader]
            };
        }
    }
    for &group in &inverse[..n] {
        counts[group as usize] += 1;
    }
    count[0] = n_groups as i64;
    for outer_idx in 0..outer {
        for slice in 0..n {
            let from = if slice < n_groups {
                first[slice]
            } else {
                first[0]
            } as usize;
            let (to, from) = (
                (outer_idx * n + slice) * inner,
                (outer_idx * n + from) * inner,
            );
            copy_run(x.dtype, y_bytes, to, inputs[0], from, inner);
        }
    }
    Ok(())
}
