//! Order: the position of the largest, the largest `k`, the positions of what is not zero.

use super::call::Call;
use crate::error::Result;
use crate::number::{Number, with_number};
use crate::tensor::Tensor;
use crate::walk::Split;
use graphc_base::DType;
use std::cmp::Ordering;

/// The order of numbers with NaN above all others, as NumPy sorts.
pub(super) fn number_order<T: Number>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| Number::is_nan(*a).cmp(&Number::is_nan(*b)))
}

/// NaN is taken for the largest and for the smallest, so that the first (or last) NaN is what either finds, as in NumPy.
fn is_better<T: Number>(new: T, best: T, largest: bool, last: bool) -> bool {
    match (Number::is_nan(new), Number::is_nan(best)) {
        (true, false) => true,
        (false, true) => false,
        (true, true) => last,
        (false, false) if new == best => last,
        (false, false) => (new > best) == largest,
    }
}

pub(super) fn arg_reduce(
    call: &Call<'_>,
    axis: usize,
    largest: bool,
    last: bool,
) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let split = Split::at(x.shape(), axis);
    if split.size == 0 {
        return Err(call.fail(format!("axis {axis} is empty")));
    }
    with_number!(x.dtype(), T => {
        let elements = x.slice::<T>()?;
        let mut result = Vec::with_capacity(split.outer * split.inner);
        for outer in 0..split.outer {
            for inner in 0..split.inner {
                let at = |idx: usize| elements[split.at_index(outer, idx, inner)];
                let best = (1..split.size).fold(0, |best, idx| {
                    if is_better(at(idx), at(best), largest, last) { idx } else { best }
                });
                result.push(best as i64);
            }
        }
        Tensor::of::<i64>(&shape, result)
    }, else Err(call.fail("x is no number")))
}

pub(super) fn top_k(call: &Call<'_>, axis: usize, largest: bool) -> Result<Vec<Tensor>> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let from = Split::at(x.shape(), axis);
    let to = Split::at(&shape, axis);
    let n: usize = shape.iter().product();
    let mut indices = vec![0i64; n];
    with_number!(x.dtype(), T => {
        let elements = x.slice::<T>()?;
        let mut values = vec![T::from_i64(0); n];
        let mut order: Vec<usize> = Vec::with_capacity(from.size);
        for outer in 0..from.outer {
            for inner in 0..from.inner {
                let at = |idx: usize| elements[from.at_index(outer, idx, inner)];
                order.clear();
                order.extend(0..from.size);
                // A stable sort leaves equal elements in order of position.
                order.sort_by(|&a, &b| {
                    let order = number_order(&at(a), &at(b));
                    if largest { order.reverse() } else { order }
                });
                for (rank, &idx) in order.iter().take(to.size).enumerate() {
                    let position = to.at_index(outer, rank, inner);
                    values[position] = at(idx);
                    indices[position] = idx as i64;
                }
            }
        }
        Ok(vec![
            Tensor::new::<T>(x.dtype(), &shape, values)?,
            Tensor::of(&shape, indices)?,
        ])
    }, else Err(call.fail("x is no number")))
}

pub(super) fn non_zero(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.input(0)?;
    let flags: Vec<bool> = with_number!(x.dtype(), T => {
        x.slice::<T>()?.iter().map(|x| !x.to_exact().is_zero()).collect()
    }, else return Err(call.fail("x is no number")));
    let n = flags.len();
    let mut positions = vec![0i64; x.rank() * n];
    let mut count = 0;
    for flat in (0..n).filter(|&flat| flags[flat]) {
        let mut rest = flat;
        for axis in (0..x.rank()).rev() {
            positions[axis * n + count] = (rest % x.shape()[axis]) as i64;
            rest /= x.shape()[axis];
        }
        count += 1;
    }
    Ok(vec![
        Tensor::new::<i64>(DType::I64, &[x.rank(), n], positions)?,
        Tensor::scalar(count as i64),
    ])
}
