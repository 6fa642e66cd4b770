//! Operators that write at positions given as data. Updates are taken in row-major order; sums and products of floats
//! are kept in `f64` until all are taken.

use super::call::Call;
use super::gather::{element_positions, slice_positions};
use crate::error::Result;
use crate::number::{Accumulator, Number, with_number};
use crate::tensor::{Tensor, same_type, with_elements};
use graphc_ir::op::ScatterReduction;

pub(super) fn scatter_elements(
    call: &Call<'_>,
    axis: usize,
    reduction: ScatterReduction,
) -> Result<Tensor> {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let positions = element_positions(call, data.shape(), indices, axis)?;
    scatter(call, &positions, 1, reduction)
}

pub(super) fn scatter_nd(call: &Call<'_>, reduction: ScatterReduction) -> Result<Tensor> {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let (starts, slice_len) = slice_positions(call, data.shape(), indices, 0)?;
    scatter(call, &starts, slice_len, reduction)
}

/// Writes run `i` of `run_len` updates to the elements from `starts[i]`.
fn scatter(
    call: &Call<'_>,
    starts: &[usize],
    run_len: usize,
    reduction: ScatterReduction,
) -> Result<Tensor> {
    let (data, updates) = (call.input(0)?, call.input(2)?);
    let (dtype, shape) = (data.dtype(), data.shape());
    match reduction {
        ScatterReduction::Replace => with_elements!(data.data(), elements => {
            let new = same_type(elements, updates)?;
            let mut result = elements.to_vec();
            for (run_idx, &start) in starts.iter().enumerate() {
                let run = &new[run_idx * run_len..][..run_len];
                result[start..start + run_len].clone_from_slice(run);
            }
            Tensor::new(dtype, shape, result)
        }),
        ScatterReduction::Add | ScatterReduction::Mul => with_number!(dtype, T => {
            type Sum = <T as Number>::Sum;
            let mut sums: Vec<Sum> = data.slice::<T>()?.iter().map(|&x| x.to_sum()).collect();
            let is_sum = reduction == ScatterReduction::Add;
            join(&mut sums, starts, run_len, updates.slice::<T>()?, |old, new: T| {
                if is_sum { old.add(new.to_sum()) } else { old.mul(new.to_sum()) }
            });
            Tensor::new::<T>(dtype, shape, sums.into_iter().map(T::from_sum).collect())
        }, else Err(call.fail("data are no numbers"))),
        ScatterReduction::Max | ScatterReduction::Min => with_number!(dtype, T => {
            let mut kept = data.slice::<T>()?.to_vec();
            let is_max = reduction == ScatterReduction::Max;
            join(&mut kept, starts, run_len, updates.slice::<T>()?, |old: T, new: T| {
                let wins = if is_max { new > old } else { new < old };
                if wins || Number::is_nan(new) { new } else { old }
            });
            Tensor::new::<T>(dtype, shape, kept)
        }, else Err(call.fail("data are no numbers"))),
    }
}

fn join<S: Copy, T: Copy>(
    kept: &mut [S],
    starts: &[usize],
    run_len: usize,
    updates: &[T],
    join: impl Fn(S, T) -> S,
) {
    for (run_idx, &start) in starts.iter().enumerate() {
        let run = &updates[run_idx * run_len..][..run_len];
        for (old, &new) in kept[start..start + run_len].iter_mut().zip(run) {
            *old = join(*old, new);
        }
    }
}
