//! Pooling over windows, positions of maxima, and the way back.
//!
//! A maximum is NaN where any element of the window is; a window that lies on padding alone gives the lowest
//! value, position -1, or 0 as mean and norm.

use super::check::Counter;
use super::element::Number;
use super::window::{Windows, elements, elements_mut, fault, volume};
use super::{Call, KernelError};
use crate::spec::PoolIndices;
use crate::{with_float, with_number};
use graphc_base::DType;
use graphc_base::attrs::{Pool, PoolKind};

fn windows(call: &Call<'_, '_>, pool: &Pool) -> Result<Windows, KernelError> {
    call.dense(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    let rank = x.shape.len();
    call.ensure(
        rank >= 2 && y.shape.len() == rank && y.shape[..2] == x.shape[..2],
        "shapes do not fit",
    )?;
    call.ensure(
        pool.kernel.len() == rank - 2,
        "kernel and spatial axes differ in number",
    )?;
    call.coordinates(&pool.kernel)?;
    call.coordinates(&y.shape)?;
    Windows::new(
        call,
        &x.shape[2..],
        &pool.strides,
        &pool.dilations,
        &pool.pads,
    )
}

/// `x[N, C, …] → y[N, C, out…]`.
pub(super) fn pool(call: &mut Call<'_, '_>, pool: &Pool) -> Result<(), KernelError> {
    let windows = windows(call, pool)?;
    let x = call.input(0)?;
    call.same_dtype(x, call.output(0)?)?;
    let dtype = x.dtype;
    let unfit = |call: &Call<'_, '_>| Err(call.error(format!("{dtype} is no dtype of it")));
    match pool.kind {
        PoolKind::Max => {
            with_number!(dtype, T => each_window(call, pool, &windows, |x: &[T], window| {
            largest(x, window).map_or(T::lowest(), |(_, value)| value)
        }), else return unfit(call))
        }
        PoolKind::Average { count_include_pad } => {
            with_float!(dtype, T => each_window(call, pool, &windows, |x: &[T], window| {
                let (mut sum, mut n_counted) = (0.0, 0usize);
                window.each(|position, on_padding| match position {
                    Some(position) => {
                        sum += x[position].to_f64();
                        n_counted += 1;
                    }
                    None => n_counted += usize::from(count_include_pad && on_padding),
                });
                T::from_f64(if n_counted == 0 { 0.0 } else { sum / n_counted as f64 })
            }), else return unfit(call))
        }
        PoolKind::Lp { p } => {
            call.ensure(p > 0, "the exponent is 0")?;
            with_float!(dtype, T => each_window(call, pool, &windows, |x: &[T], window| {
                let (mut sum, p) = (0.0, p as f64);
                window.each(|position, _| {
                    if let Some(position) = position {
                        sum += x[position].to_f64().abs().powf(p);
                    }
                });
                T::from_f64(sum.powf(1.0 / p))
            }), else return unfit(call))
        }
    }
    Ok(())
}

/// One window of a plane.
struct Window<'a> {
    windows: &'a Windows,
    kernel: &'a [usize],
    at: &'a [usize],
}

impl Window<'_> {
    /// Calls `visit` for each tap with its position in the plane, or whether it lies on named padding.
    fn each(&self, mut visit: impl FnMut(Option<usize>, bool)) {
        let mut tap = Counter::new(self.kernel);
        for _ in 0..volume(self.kernel) {
            match self.windows.position(self.at, &tap.at) {
                Some(position) => visit(Some(position), false),
                None => visit(None, self.windows.on_padding(self.at, &tap.at)),
            }
            tap.advance();
        }
    }
}

/// The first largest element and its position; every number yields to NaN.
fn largest<T: Number>(x: &[T], window: &Window<'_>) -> Option<(usize, T)> {
    let mut best: Option<(usize, T)> = None;
    window.each(|position, _| {
        if let Some(position) = position {
            let value = x[position];
            if best.is_none_or(|(_, best)| value > best || (value.is_nan() && !best.is_nan())) {
                best = Some((position, value));
            }
        }
    });
    best
}

// Relies on `windows`: x and y have equal samples and channels, and positions lie in a plane of x.
fn each_window<T: Number>(
    call: &mut Call<'_, '_>,
    pool: &Pool,
    windows: &Windows,
    of_window: impl Fn(&[T], &Window<'_>) -> T,
) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let out = &spec.outputs[0].shape[2..];
    let n_x = volume(&spec.inputs[0].shape[2..]);
    let n_y = volume(out);
    for (plane_idx, plane) in y.chunks_exact_mut(n_y.max(1)).enumerate() {
        let x = &x[plane_idx * n_x..][..n_x];
        let mut at = Counter::new(out);
        for value in plane {
            *value = of_window(
                x,
                &Window {
                    windows,
                    kernel: &pool.kernel,
                    at: &at.at,
                },
            );
            at.advance();
        }
    }
}

/// `x[N, C, …] → i64[N, C, out…]`: flat position in x of each maximum.
pub(super) fn max_pool_indices(
    call: &mut Call<'_, '_>,
    indices: &PoolIndices,
) -> Result<(), KernelError> {
    let windows = windows(call, &indices.pool)?;
    call.ensure(call.output(0)?.dtype == DType::I64, "the result is not i64")?;
    let dtype = call.input(0)?.dtype;
    with_number!(
        dtype,
        T => positions::<T>(call, indices, &windows),
        else return Err(call.error(format!("{dtype} is no dtype of it")))
    );
    Ok(())
}

// As `each_window`.
fn positions<T: Number>(call: &mut Call<'_, '_>, indices: &PoolIndices, windows: &Windows) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [i64] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let (size, out) = (&spec.inputs[0].shape[2..], &spec.outputs[0].shape[2..]);
    let (n_x, n_y) = (volume(size), volume(out));
    for (plane_idx, plane) in y.chunks_exact_mut(n_y.max(1)).enumerate() {
        let start = plane_idx * n_x;
        let mut at = Counter::new(out);
        for value in plane {
            let window = Window {
                windows,
                kernel: &indices.pool.kernel,
                at: &at.at,
            };
            *value = match largest(&x[start..start + n_x], &window) {
                None => -1,
                Some((position, _)) if indices.column_major => {
                    (start + transposed(size, position)) as i64
                }
                Some((position, _)) => (start + position) as i64,
            };
            at.advance();
        }
    }
}

/// A row-major position as a column-major one.
fn transposed(size: &[usize], position: usize) -> usize {
    let (mut rest, mut result) = (position, 0);
    for axis in (0..size.len()).rev() {
        let before = volume(&size[..axis]);
        result += rest % size[axis] * before;
        rest /= size[axis];
    }
    result
}

/// `x, indices: i64 → y`: zeros with x scattered to flat positions; the last of equal positions wins.
pub(super) fn max_unpool(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.dense(2..=2, 1)?;
    let (x, indices, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(
        indices.dtype == DType::I64 && indices.shape == x.shape,
        "indices do not fit",
    )?;
    with_number!(
        x.dtype,
        T => unpool::<T>(call),
        else Err(call.error(format!("{} is no dtype of it", x.dtype)))
    )
}

fn unpool<T: Number>(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let indices: &[i64] = elements(&spec.inputs[1], call.inputs[1]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    y.fill(T::from_sum(T::ZERO_SUM));
    let n_elements = y.len();
    for (&value, &index) in x.iter().zip(indices) {
        match usize::try_from(index)
            .ok()
            .and_then(|index| y.get_mut(index))
        {
            Some(element) => *element = value,
            None => {
                return Err(fault(
                    spec,
                    format!("index {index} is outside of {n_elements} elements"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::{Run, padding};
    use crate::spec::{Kernel, PoolIndices};
    use graphc_base::attrs::{Pool, PoolKind};
    use graphc_base::{DType, Dim};

    fn pool(kind: PoolKind, kernel: &[usize], stride: usize, pads: &[[i64; 2]]) -> Pool {
        Pool {
            kind,
            kernel: kernel.to_vec(),
            strides: vec![stride; kernel.len()],
            pads: padding(pads),
            dilations: vec![1; kernel.len()],
            out: vec![Dim::ONE; kernel.len()],
        }
    }

    fn line(kind: PoolKind, pads: [i64; 2], x: &[f32], n: i64) -> Vec<f32> {
        Run::new(Kernel::Pool(pool(kind, &[2], 2, &[pads])))
            .input(DType::F32, &[1, 1, x.len() as i64], x)
            .output(DType::F32, &[1, 1, n])
            .get()
    }

    #[test]
    fn max_pool_keeps_nan_and_passes_over_padding() {
        let x = [-1.0, f32::NAN, -3.0, -5.0, -4.0];
        let y = line(PoolKind::Max, [1, 0], &x, 4);
        assert_eq!(y[0], -1.0);
        assert!(y[1].is_nan());
        assert_eq!(y[2], -4.0);
        assert_eq!(y[3], f32::NEG_INFINITY);
    }

    #[test]
    fn average_counts_named_padding_only_where_asked() {
        let kind = |count_include_pad| PoolKind::Average { count_include_pad };
        // The last window reaches one element beyond x, which no padding names.
        assert_eq!(
            line(kind(true), [1, 0], &[2.0, 4.0, 6.0, 8.0], 3),
            [1.0, 5.0, 8.0]
        );
        assert_eq!(
            line(kind(false), [1, 0], &[2.0, 4.0, 6.0, 8.0], 3),
            [2.0, 5.0, 8.0]
        );
    }

    #[test]
    fn lp_pool_is_the_norm_of_the_window() {
        assert_eq!(
            line(PoolKind::Lp { p: 2 }, [0, 0], &[3.0, -4.0, 0.0, 2.0], 2),
            [5.0, 2.0]
        );
    }

    #[test]
    fn indices_of_maxima_count_samples_and_either_order() {
        let run = |column_major| {
            Run::new(Kernel::MaxPoolIndices(PoolIndices {
                pool: pool(PoolKind::Max, &[2, 3], 1, &[[0, 0], [0, 0]]),
                column_major,
            }))
            .input(
                DType::I8,
                &[1, 2, 2, 3],
                &[1i8, 7, 2, 3, 7, 5, 0, 0, 0, 0, 0, 1],
            )
            .output(DType::I64, &[1, 2, 1, 1])
            .get::<i64>()
        };
        assert_eq!(run(false), [1, 11]);
        assert_eq!(run(true), [2, 11]);
    }

    #[test]
    fn unpooling_scatters_and_refuses_positions_outside() {
        let run = |index: i64| {
            Run::new(Kernel::MaxUnpool)
                .input(DType::F32, &[1, 1, 2], &[5f32, 6.0])
                .input(DType::I64, &[1, 1, 2], &[3, index])
                .output(DType::F32, &[1, 1, 4])
        };
        assert_eq!(run(0).get::<f32>(), [6.0, 0.0, 0.0, 5.0]);
        assert_eq!(
            run(4).error(),
            "max_unpool: index 4 is outside of 4 elements"
        );
        assert_eq!(
            run(-1).error(),
            "max_unpool: index -1 is outside of 4 elements"
        );
    }
}
