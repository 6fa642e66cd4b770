//! Convolution as a matrix product whose right side is read from the image, tap by tap.

use super::call::Call;
use super::gemm::{PANEL, Rows, gemm};
use super::threads;
use super::windows::Windows;
use crate::error::Result;
use crate::number::{Accumulator, Number, with_number};
use crate::tensor::Tensor;
use graphc_ir::op::Conv;

pub(super) fn conv(call: &Call<'_>, conv: &Conv) -> Result<Tensor> {
    let x = call.input(0)?;
    with_number!(x.dtype(), T => convolve::<T>(call, conv), else Err(call.fail("x is no number")))
}

fn convolve<T: Number>(call: &Call<'_>, conv: &Conv) -> Result<Tensor> {
    let (x, w) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let windows = Windows::new(
        call,
        &x.shape()[2..],
        &w.shape()[2..],
        &shape[2..],
        &conv.strides,
        &conv.pads,
        &conv.dilations,
    )?;
    let (image, weights) = (x.slice::<T>()?, w.slice::<T>()?);
    let (n_channels, n_image, n_taps) = (w.shape()[1], windows.n_image(), windows.n_taps());
    let seen = Seen::new(&windows);
    let sums = grouped(
        &shape,
        n_channels,
        conv.groups,
        &windows,
        weights,
        |sample, group, window, mut column| {
            let first = (sample * conv.groups + group) * n_channels;
            let planes = &image[first * n_image..][..n_channels * n_image];
            seen.visit(&windows, window, |tap, position| {
                for channel in 0..n_channels {
                    let value = planes[channel * n_image + position].to_sum();
                    column.set(channel * n_taps + tap, value);
                }
            });
        },
    );
    biased::<T>(call, call.optional(2), &shape, sums)
}

/// What each window sees, as a table where that is small: every group and sample asks again.
enum Seen {
    Table(Vec<u32>),
    Anew,
}

impl Seen {
    const OUTSIDE: u32 = u32::MAX;
    const MAX_ENTRIES: usize = 1 << 24;

    fn new(windows: &Windows) -> Self {
        let n_entries = windows.n_windows().checked_mul(windows.n_taps());
        let fits_u32 = windows.n_image() < Self::OUTSIDE as usize;
        if !fits_u32 || n_entries.is_none_or(|n| n > Self::MAX_ENTRIES) {
            return Seen::Anew;
        }
        let mut table = Vec::with_capacity(n_entries.unwrap_or(0));
        for window in 0..windows.n_windows() {
            windows.taps(window, |_, position| {
                table.push(position.map_or(Self::OUTSIDE, |position| position as u32));
            });
        }
        Seen::Table(table)
    }

    /// Calls `visit` with the taps of a window that see the image, and where.
    fn visit(&self, windows: &Windows, window: usize, mut visit: impl FnMut(usize, usize)) {
        match self {
            Seen::Table(table) => {
                let n_taps = windows.n_taps();
                let taps = table[window * n_taps..][..n_taps].iter().enumerate();
                for (tap, &position) in taps.filter(|(_, position)| **position != Self::OUTSIDE) {
                    visit(tap, position as usize);
                }
            }
            Seen::Anew => windows.taps(window, |tap, position| {
                if let Some(position) = position {
                    visit(tap, position);
                }
            }),
        }
    }
}

/// One column of a panel, all zeros to begin with.
pub(super) struct Column<'a, S> {
    panel: &'a mut [S],
    column: usize,
}

impl<S> Column<'_, S> {
    pub(super) fn set(&mut self, row: usize, value: S) {
        self.panel[row * PANEL + self.column] = value;
    }
}

/// Sums `[N, M, windows]` of weights `[M, C/groups, taps]` with what `read(sample, group, window, column)` sets for each
/// `channel · taps + tap` of a group.
pub(super) fn grouped<T: Number>(
    shape: &[usize],
    n_channels: usize,
    n_groups: usize,
    windows: &Windows,
    weights: &[T],
    read: impl Fn(usize, usize, usize, Column<'_, T::Sum>) + Sync,
) -> Vec<T::Sum> {
    let (n_samples, m) = (shape[0], shape[1] / n_groups);
    let k = n_channels * windows.n_taps();
    let n = windows.n_windows();
    let packed: Vec<Rows<T::Sum>> = (0..n_groups)
        .map(|group| Rows::pack(m, k, |row, p| weights[(group * m + row) * k + p].to_sum()))
        .collect();
    let n_items = n_samples * n_groups;
    let n_threads = threads::n_threads(n_items * m * n * k);
    let (per_item, n_threads) = if n_items < n_threads {
        (n_threads, 1)
    } else {
        (1, n_threads)
    };
    let parts = threads::map(n_items, n_threads, |item| {
        let (sample, group) = (item / n_groups, item % n_groups);
        gemm(&packed[group], n, per_item, |first, panel| {
            panel.fill(T::Sum::ZERO);
            for (column, window) in (first..n).take(PANEL).enumerate() {
                read(sample, group, window, Column { panel, column });
            }
        })
    });
    parts.concat()
}

/// `sums [N, M, …]` plus the bias of M, rounded.
pub(super) fn biased<T: Number>(
    call: &Call<'_>,
    bias: Option<&Tensor>,
    shape: &[usize],
    mut sums: Vec<T::Sum>,
) -> Result<Tensor> {
    if let Some(bias) = bias {
        let bias = bias.slice::<T>()?;
        let row: usize = shape[2..].iter().product();
        for (row_idx, sums) in sums.chunks_exact_mut(row.max(1)).enumerate() {
            let bias = bias[row_idx % shape[1]].to_sum();
            for sum in sums {
                *sum = sum.add(bias);
            }
        }
    }
    let values = sums.into_iter().map(T::from_sum).collect();
    Tensor::new::<T>(call.input(0)?.dtype(), shape, values)
}
