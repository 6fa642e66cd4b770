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
    let sums = grouped(
        &shape,
        w.shape()[1],
        conv.groups,
        &windows,
        weights,
        |sample, group, window, column| {
            let n_channels = w.shape()[1];
            let first = (sample * conv.groups + group) * n_channels;
            windows.taps(window, |tap, position| {
                for channel in 0..n_channels {
                    let value = position.map_or(T::Sum::ZERO, |position| {
                        image[(first + channel) * windows.n_image() + position].to_sum()
                    });
                    column(channel * windows.n_taps() + tap, value);
                }
            });
        },
    );
    biased::<T>(call, call.optional(2), &shape, sums)
}

/// Sums `[N, M, windows]` of weights `[M, C/groups, taps]` with what `read(sample, group, window, store)` stores for each
/// `channel · taps + tap` of a group.
pub(super) fn grouped<T: Number>(
    shape: &[usize],
    n_channels: usize,
    n_groups: usize,
    windows: &Windows,
    weights: &[T],
    read: impl Fn(usize, usize, usize, &mut dyn FnMut(usize, T::Sum)) + Sync,
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
            for (j, window) in (first..n).take(PANEL).enumerate() {
                read(sample, group, window, &mut |p, value| {
                    panel[p * PANEL + j] = value
                });
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
