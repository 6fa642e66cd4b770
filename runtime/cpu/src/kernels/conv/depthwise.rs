//! Convolutions whose groups have one channel: row by row of y, several windows at a time.

use super::Shape;
use super::window::{Axis, volume};
use crate::isa::{Target, fma, per_isa};
use crate::kernels::shared::Shared;
use crate::kernels::{FastKernel, KernelCx};
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use smallvec::SmallVec;

/// Rows of taps that are kept without heap memory.
const MAX_ROWS: usize = 64;

struct Depthwise {
    cx: KernelCx,
    shape: Shape,
}

pub(super) fn select(shape: &Shape, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let (_, others) = shape.axes.split_last()?;
    if volume(others, |axis| axis.taps) > MAX_ROWS {
        return None;
    }
    Some(Box::new(Depthwise {
        cx: cx.clone(),
        shape: shape.clone(),
    }))
}

impl FastKernel for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let shape = &self.shape;
        let Some((last, others)) = shape.axes.split_last() else {
            return Ok(());
        };
        let (x, w) = (typed::<f32>(inputs[0]), typed::<f32>(inputs[1]));
        let bias = inputs.get(2).map(|bytes| typed::<f32>(bytes));
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let (plane, out, taps) = (shape.plane(), shape.out(), shape.taps());
        let n_channels = shape.n_groups * shape.n_out;
        let n_items = shape.n_samples * n_channels;
        let n_tap_rows = volume(others, |axis| axis.taps);
        self.cx.run(n_items, n_items * out * taps / 8, &|_, item| {
            let channel = item % n_channels;
            let source = item / n_channels * shape.n_groups + channel / shape.n_out;
            let x = &x[source * plane..][..plane];
            let w = &w[channel * taps..][..taps];
            let bias = bias.map_or(0.0, |bias| bias[channel]);
            // SAFETY: items have planes of their own.
            let y = unsafe { y.part(item * out, out) };
            for (row, y) in y.chunks_exact_mut(last.out).enumerate() {
                let mut rows: SmallVec<[(&[f32], &[f32]); MAX_ROWS]> = SmallVec::new();
                for tap_row in 0..n_tap_rows {
                    if let Some(start) = row_start(others, last.size, row, tap_row) {
                        let weights = &w[tap_row * last.taps..][..last.taps];
                        rows.push((&x[start..][..last.size], weights));
                    }
                }
                line(self.cx.isa, last, &rows, bias, y);
            }
        });
        Ok(())
    }
}

/// Where the row of x starts that a row of taps of a row of windows sees.
pub(in crate::kernels) fn row_start(
    others: &[Axis],
    size: usize,
    row: usize,
    tap_row: usize,
) -> Option<usize> {
    let (mut row, mut tap_row, mut start, mut distance) = (row, tap_row, 0, size);
    for axis in others.iter().rev() {
        start += axis.position(row % axis.out, tap_row % axis.taps)? * distance;
        distance *= axis.size;
        row /= axis.out;
        tap_row /= axis.taps;
    }
    Some(start)
}

/// Windows all of whose taps lie in x: from the first to one beyond the last.
pub(in crate::kernels) fn inner_windows(axis: &Axis) -> (usize, usize) {
    let (mut begin, mut end) = (0, axis.out);
    for tap in [0, axis.taps.saturating_sub(1)] {
        let (first, last) = axis.windows(tap);
        (begin, end) = (begin.max(first), end.min(last));
    }
    (begin, end.max(begin))
}

per_isa!(
    /// One row of windows over rows of x, each with its weights.
    fn line(axis: &Axis, rows: &[(&[f32], &[f32])], bias: f32, y: &mut [f32]) = line_body
);

#[inline(always)]
fn line_body<P: Target>(axis: &Axis, rows: &[(&[f32], &[f32])], bias: f32, y: &mut [f32]) {
    let (begin, end) = inner_windows(axis);
    let window = windows::<P, 32>(axis, rows, bias, (begin, end), y);
    let window = windows::<P, 8>(axis, rows, bias, (window, end), y);
    for at in (0..begin).chain(window..axis.out) {
        let mut sum = bias;
        for (x, weights) in rows {
            for (tap, &weight) in weights.iter().enumerate() {
                if let Some(position) = axis.position(at, tap) {
                    sum = fma::<P>(x[position], weight, sum);
                }
            }
        }
        y[at] = sum;
    }
}

/// Windows of a range, as many at a time as there are lanes; gives the first that is left.
#[inline(always)]
fn windows<P: Target, const LANES: usize>(
    axis: &Axis,
    rows: &[(&[f32], &[f32])],
    bias: f32,
    (mut window, end): (usize, usize),
    y: &mut [f32],
) -> usize {
    while window + LANES <= end {
        let mut sums = [bias; LANES];
        for (x, weights) in rows {
            for (tap, &weight) in weights.iter().enumerate() {
                let at = (window as i64 * axis.stride as i64 + axis.first(tap)) as usize;
                match axis.stride {
                    1 => add::<P, 1, LANES>(&x[at..], weight, &mut sums),
                    2 => add::<P, 2, LANES>(&x[at..], weight, &mut sums),
                    stride => {
                        for (sum, &x) in sums.iter_mut().zip(x[at..].iter().step_by(stride)) {
                            *sum = fma::<P>(x, weight, *sum);
                        }
                    }
                }
            }
        }
        y[window..window + LANES].copy_from_slice(&sums);
        window += LANES;
    }
    window
}

#[inline(always)]
fn add<P: Target, const STRIDE: usize, const LANES: usize>(
    x: &[f32],
    weight: f32,
    sums: &mut [f32; LANES],
) {
    let x = &x[..(LANES - 1) * STRIDE + 1];
    for lane in 0..LANES {
        sums[lane] = fma::<P>(x[lane * STRIDE], weight, sums[lane]);
    }
}
