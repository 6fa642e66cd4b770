//! Transposed convolution: a matrix product whose results are added where each tap falls.

use super::call::Call;
use super::conv::biased;
use super::gemm::{PANEL, Rows, gemm};
use super::threads;
use super::windows::Windows;
use crate::error::Result;
use crate::number::{Accumulator, Number, with_number};
use crate::tensor::Tensor;
use graphc_ir::op::ConvTranspose;

pub(super) fn conv_transpose(call: &Call<'_>, conv: &ConvTranspose) -> Result<Tensor> {
    let x = call.input(0)?;
    with_number!(x.dtype(), T => spread::<T>(call, conv), else Err(call.fail("x is no number")))
}

fn spread<T: Number>(call: &Call<'_>, conv: &ConvTranspose) -> Result<Tensor> {
    let (x, w) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    // The windows slide over the result, one per element of x.
    let windows = Windows::new(
        call,
        &shape[2..],
        &w.shape()[2..],
        &x.shape()[2..],
        &conv.strides,
        &conv.pads,
        &conv.dilations,
    )?;
    let (n_windows, n_taps, n_image) = (windows.n_windows(), windows.n_taps(), windows.n_image());
    let n_samples = shape[0];
    let n_channels = x.shape()[1] / conv.groups;
    let per_group = w.shape()[1];
    let (values, weights) = (x.slice::<T>()?, w.slice::<T>()?);
    let mut sums = vec![T::Sum::ZERO; shape.iter().product()];
    for group in 0..conv.groups {
        let rows = Rows::pack(per_group * n_taps, n_channels, |row, channel| {
            weights[(group * n_channels + channel) * per_group * n_taps + row].to_sum()
        });
        for sample in 0..n_samples {
            let first_channel = (sample * conv.groups + group) * n_channels;
            let n_threads = threads::n_threads(per_group * n_taps * n_channels * n_windows);
            let products = gemm(&rows, n_windows, n_threads, |first, panel| {
                for (channel, slots) in panel.chunks_exact_mut(PANEL).enumerate() {
                    let row = &values[(first_channel + channel) * n_windows..][..n_windows];
                    for (j, slot) in slots.iter_mut().enumerate() {
                        *slot = row.get(first + j).map_or(T::Sum::ZERO, |x| x.to_sum());
                    }
                }
            });
            let first_row = (sample * conv.groups + group) * per_group;
            for window in 0..n_windows {
                windows.taps(window, |tap, position| {
                    let Some(position) = position else { return };
                    for channel in 0..per_group {
                        let product = products[(channel * n_taps + tap) * n_windows + window];
                        let sum = &mut sums[(first_row + channel) * n_image + position];
                        *sum = sum.add(product);
                    }
                });
            }
        }
    }
    biased::<T>(call, call.optional(2), &shape, sums)
}
