//! Pooling over windows, and its reverse by stored positions.

use super::call::Call;
use super::windows::Windows;
use crate::error::Result;
use crate::number::{Number, with_number};
use crate::tensor::Tensor;
use graphc_ir::op::{Pool, PoolKind};

fn windows(call: &Call<'_>, pool: &Pool, shape: &[usize]) -> Result<Windows> {
    let image = &call.input(0)?.shape()[2..];
    Windows::new(
        call,
        image,
        &pool.kernel,
        &shape[2..],
        &pool.strides,
        &pool.pads,
        &pool.dilations,
    )
}

pub(super) fn pool(call: &Call<'_>, pool: &Pool) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let windows = windows(call, pool, &shape)?;
    with_number!(x.dtype(), T => {
        let elements = x.slice::<T>()?;
        let result = over_windows(&windows, &shape, |window, row, positions: &[usize]| {
            let seen = positions.iter().map(|&position| elements[row + position]);
            match pool.kind {
                PoolKind::Max => seen.fold(T::lowest(), |max, x| {
                    if x > max || x.is_nan() { x } else { max }
                }),
                PoolKind::Average { count_include_pad } => {
                    let n = if count_include_pad {
                        windows.n_padded_taps(window)
                    } else {
                        positions.len()
                    };
                    T::from_f64(seen.map(Number::to_f64).sum::<f64>() / n as f64)
                }
                PoolKind::Lp { p } => {
                    let powers = seen.map(|x| Number::to_f64(x).abs().powf(p as f64));
                    T::from_f64(powers.sum::<f64>().powf(1.0 / p as f64))
                }
            }
        });
        Tensor::new::<T>(x.dtype(), &shape, result)
    }, else Err(call.fail("x is no number")))
}

/// `f(window, start of the row, positions in the row that the window sees)` for each row `[N, C]` and window.
fn over_windows<R: Clone>(
    windows: &Windows,
    shape: &[usize],
    f: impl Fn(usize, usize, &[usize]) -> R,
) -> Vec<R> {
    let n_rows = shape[0] * shape[1];
    let n_windows = windows.n_windows();
    let mut seen: Vec<Vec<usize>> = Vec::with_capacity(n_windows);
    for window in 0..n_windows {
        let mut positions = Vec::new();
        windows.taps(window, |_, position| positions.extend(position));
        seen.push(positions);
    }
    let mut result = Vec::with_capacity(n_rows * n_windows);
    for row in 0..n_rows {
        let start = row * windows.n_image();
        result.extend((0..n_windows).map(|window| f(window, start, &seen[window])));
    }
    result
}

/// The first of equal maxima; -1 for a window that sees nothing.
pub(super) fn max_pool_indices(call: &Call<'_>, pool: &Pool, column_major: bool) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let windows = windows(call, pool, &shape)?;
    let image = &x.shape()[2..];
    let in_order = |position: usize| {
        if !column_major {
            return position;
        }
        // The first spatial axis is the one that runs fastest.
        let mut along = vec![0; image.len()];
        let mut rest = position;
        for axis in (0..image.len()).rev() {
            along[axis] = rest % image[axis];
            rest /= image[axis];
        }
        (0..image.len())
            .rev()
            .fold(0, |flat, axis| flat * image[axis] + along[axis])
    };
    with_number!(x.dtype(), T => {
        let elements = x.slice::<T>()?;
        let result = over_windows(&windows, &shape, |_, row, positions: &[usize]| {
            let best = positions.iter().copied().reduce(|best, new| {
                let (old_x, new_x) = (elements[row + best], elements[row + new]);
                if new_x > old_x || (new_x.is_nan() && !old_x.is_nan()) { new } else { best }
            });
            best.map_or(-1, |best| (row + in_order(best)) as i64)
        });
        Tensor::of::<i64>(&shape, result)
    }, else Err(call.fail("x is no number")))
}

pub(super) fn max_unpool(call: &Call<'_>) -> Result<Tensor> {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let n: usize = shape.iter().product();
    with_number!(x.dtype(), T => {
        let mut result = vec![T::from_i64(0); n];
        for (&value, index) in x.slice::<T>()?.iter().zip(indices.to_i64()?) {
            let slot = usize::try_from(index).ok().and_then(|index| result.get_mut(index));
            let slot = slot.ok_or_else(|| {
                call.fail(format!("index {index} is outside {n} elements"))
            })?;
            *slot = value;
        }
        Tensor::new::<T>(x.dtype(), &shape, result)
    }, else Err(call.fail("x is no number")))
}
