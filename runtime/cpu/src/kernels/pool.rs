//! Max and average `Pool` of `f32`: row by row of y, several windows at a time.

use super::conv::depthwise::{inner_windows, row_start};
use super::conv::window::{Axes, Axis, axes, volume};
use super::lanes::{best_of, larger, sum_of};
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Target, per_isa};
use graphc_base::DType;
use graphc_base::attrs::{Pool, PoolKind};
use graphc_kernel::BoundSpec;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use smallvec::SmallVec;

/// Rows of taps that are kept without heap memory.
const MAX_ROWS: usize = 256;

/// Taps along the last axis from which on a window's row is taken at once.
const LONG: usize = 16;

struct FastPool {
    cx: KernelCx,
    kind: PoolKind,
    axes: Axes,
    n_planes: usize,
}

pub(super) fn select(spec: &BoundSpec, pool: &Pool, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let ([x], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let is_plain = [x, y]
        .iter()
        .all(|arg| arg.dtype == DType::F32 && arg.contiguous);
    let rank = x.shape.len();
    if !is_plain || rank < 3 || y.shape.len() != rank || x.shape[..2] != y.shape[..2] {
        return None;
    }
    let axes = axes(
        &x.shape[2..],
        &y.shape[2..],
        &pool.kernel,
        &pool.strides,
        &pool.dilations,
        &pool.pads,
    )?;
    let n_rows = volume(&axes[..axes.len() - 1], |axis| axis.taps);
    if matches!(pool.kind, PoolKind::Lp { .. })
        || n_rows > MAX_ROWS
        || y.n_elements() == 0
        || x.n_elements() == 0
    {
        return None;
    }
    Some(Box::new(FastPool {
        cx: cx.clone(),
        kind: pool.kind,
        axes,
        n_planes: x.shape[0] * x.shape[1],
    }))
}

impl FastKernel for FastPool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let Some((last, others)) = self.axes.split_last() else {
            return Ok(());
        };
        let x = typed::<f32>(inputs[0]);
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let plane = volume(&self.axes, |axis| axis.size);
        let out = volume(&self.axes, |axis| axis.out);
        let n_tap_rows = volume(others, |axis| axis.taps);
        let cost = self.n_planes * out * volume(&self.axes, |axis| axis.taps) / 8;
        self.cx.run(self.n_planes, cost, &|_, item| {
            let x = &x[item * plane..][..plane];
            // SAFETY: items have planes of their own.
            let y = unsafe { y.part(item * out, out) };
            for (row, y) in y.chunks_exact_mut(last.out).enumerate() {
                let rows: SmallVec<[&[f32]; MAX_ROWS]> = (0..n_tap_rows)
                    .filter_map(|tap_row| row_start(others, last.size, row, tap_row))
                    .map(|start| &x[start..][..last.size])
                    .collect();
                match self.kind {
                    PoolKind::Max => largest(self.cx.isa, last, &rows, y),
                    _ => {
                        sums(self.cx.isa, last, &rows, y);
                        self.divide(row, rows.len(), y);
                    }
                }
            }
        });
        Ok(())
    }
}

impl FastPool {
    /// Divides sums by the taps that count.
    fn divide(&self, row: usize, n_rows: usize, y: &mut [f32]) {
        let includes = matches!(
            self.kind,
            PoolKind::Average {
                count_include_pad: true
            }
        );
        let Some((last, others)) = self.axes.split_last() else {
            return;
        };
        let n_rows = if includes {
            let (mut rest, mut n) = (row, 1);
            for axis in others.iter().rev() {
                n *= on_padding(axis, rest % axis.out);
                rest /= axis.out;
            }
            n
        } else {
            n_rows
        };
        for (window, y) in y.iter_mut().enumerate() {
            let n_taps = if includes {
                on_padding(last, window)
            } else {
                (0..last.taps)
                    .filter(|&tap| last.position(window, tap).is_some())
                    .count()
            };
            *y = match n_rows * n_taps {
                0 => 0.0,
                n => *y / n as f32,
            };
        }
    }
}

/// Taps of a window that lie on x or on its named padding.
fn on_padding(axis: &Axis, window: usize) -> usize {
    let end = axis.size as i64 + axis.after;
    (0..axis.taps)
        .filter(|&tap| {
            let at = window as i64 * axis.stride as i64 + axis.first(tap);
            (-axis.before..end).contains(&at)
        })
        .count()
}

per_isa!(
    /// The largest of each window; -∞ where it has no tap, NaN where one is.
    fn largest(axis: &Axis, rows: &[&[f32]], y: &mut [f32]) = largest_body
);
per_isa!(
    /// The sum of each window.
    fn sums(axis: &Axis, rows: &[&[f32]], y: &mut [f32]) = sums_body
);

#[inline(always)]
fn largest_body<P: Target>(axis: &Axis, rows: &[&[f32]], y: &mut [f32]) {
    let lowest = f32::NEG_INFINITY;
    each_window(
        axis,
        rows,
        lowest,
        larger,
        |row| best_of(row, lowest, larger),
        y,
    );
}

#[inline(always)]
fn sums_body<P: Target>(axis: &Axis, rows: &[&[f32]], y: &mut [f32]) {
    each_window(
        axis,
        rows,
        0.0,
        |a, b| a + b,
        |row| sum_of(row, |x| x) as f32,
        y,
    );
}

/// Joins the taps of each window of a row.
#[inline(always)]
fn each_window(
    axis: &Axis,
    rows: &[&[f32]],
    start: f32,
    join: impl Fn(f32, f32) -> f32 + Copy,
    join_row: impl Fn(&[f32]) -> f32,
    y: &mut [f32],
) {
    let (begin, end) = inner_windows(axis);
    let mut window = begin;
    if axis.taps < LONG || axis.dilation != 1 {
        window = several::<32>(axis, rows, start, join, (window, end), y);
        window = several::<8>(axis, rows, start, join, (window, end), y);
    }
    for at in (0..begin).chain(window..axis.out) {
        let first = at as i64 * axis.stride as i64 + axis.first(0);
        let size = axis.size as i64;
        y[at] = if axis.dilation == 1 && axis.taps >= LONG {
            let range =
                first.clamp(0, size) as usize..(first + axis.taps as i64).clamp(0, size) as usize;
            rows.iter().fold(start, |value, row| {
                join(value, join_row(&row[range.clone()]))
            })
        } else {
            let taps = |row: &[f32], value| {
                (0..axis.taps)
                    .filter_map(|tap| axis.position(at, tap))
                    .fold(value, |value, position| join(value, row[position]))
            };
            rows.iter().fold(start, |value, row| taps(row, value))
        };
    }
}

/// Windows of a range, as many at a time as there are lanes; gives the first that is left.
#[inline(always)]
fn several<const LANES: usize>(
    axis: &Axis,
    rows: &[&[f32]],
    start: f32,
    join: impl Fn(f32, f32) -> f32,
    (mut window, end): (usize, usize),
    y: &mut [f32],
) -> usize {
    while window + LANES <= end {
        let mut values = [start; LANES];
        for row in rows {
            for tap in 0..axis.taps {
                let at = (window as i64 * axis.stride as i64 + axis.first(tap)) as usize;
                match axis.stride {
                    1 => {
                        for (value, &x) in values.iter_mut().zip(&row[at..at + LANES]) {
                            *value = join(*value, x);
                        }
                    }
                    2 => {
                        let row = &row[at..][..2 * LANES - 1];
                        for lane in 0..LANES {
                            values[lane] = join(values[lane], row[2 * lane]);
                        }
                    }
                    stride => {
                        for (value, &x) in values.iter_mut().zip(row[at..].iter().step_by(stride)) {
                            *value = join(*value, x);
                        }
                    }
                }
            }
        }
        y[window..window + LANES].copy_from_slice(&values);
        window += LANES;
    }
    window
}
