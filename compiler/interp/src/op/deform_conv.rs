//! Convolution whose taps are moved by data (ONNX DeformConv), two spatial axes.

use super::call::Call;
use super::conv::{biased, grouped};
use super::windows::Windows;
use crate::error::Result;
use crate::number::{Number, with_float};
use crate::tensor::Tensor;
use graphc_ir::op::DeformConv;

pub(super) fn deform_conv(call: &Call<'_>, deform: &DeformConv) -> Result<Tensor> {
    let x = call.input(0)?;
    with_float!(x.dtype(), T => {
        convolve::<T>(call, deform)
    }, else Err(call.fail("x is no float")))
}

fn convolve<T: Number<Sum = f64>>(call: &Call<'_>, deform: &DeformConv) -> Result<Tensor> {
    let (x, w) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let conv = &deform.conv;
    let windows = Windows::new(
        call,
        &x.shape()[2..],
        &w.shape()[2..],
        &shape[2..],
        &conv.strides,
        &conv.pads,
        &conv.dilations,
    )?;
    let offsets = call.input(2)?.to_f64()?;
    let mask = match deform.has_mask {
        true => Some(call.input(3 + usize::from(deform.has_bias))?.to_f64()?),
        false => None,
    };
    let image = x.to_f64()?;
    let (height, width) = (x.shape()[2], x.shape()[3]);
    let (n_taps, n_windows) = (windows.n_taps(), windows.n_windows());
    let n_channels = w.shape()[1];
    let per_offset_group = x.shape()[1] / deform.offset_groups;
    let weights = w.slice::<T>()?;
    let sums = grouped::<T>(
        &shape,
        n_channels,
        conv.groups,
        &windows,
        weights,
        |sample, group, window, mut column| {
            let origin = windows.origin(window);
            for tap in 0..n_taps {
                let tap_offset = windows.tap_offset(tap);
                for channel in 0..n_channels {
                    let x_channel = group * n_channels + channel;
                    let offset_group = x_channel / per_offset_group;
                    let row = (sample * deform.offset_groups + offset_group) * n_taps + tap;
                    let moved = |axis: usize| {
                        let offset = offsets[(row * 2 + axis) * n_windows + window];
                        (origin[axis] + tap_offset[axis]) as f64 + offset
                    };
                    let plane_idx = sample * x.shape()[1] + x_channel;
                    let plane = &image[plane_idx * height * width..][..height * width];
                    let factor = mask
                        .as_ref()
                        .map_or(1.0, |mask| mask[row * n_windows + window]);
                    let value = bilinear(plane, height, width, moved(0), moved(1)) * factor;
                    column.set(channel * n_taps + tap, value);
                }
            }
        },
    );
    let bias = match deform.has_bias {
        true => Some(call.input(3)?),
        false => None,
    };
    biased::<T>(call, bias, &shape, sums)
}

/// The value between four elements; zeros lie outside.
fn bilinear(plane: &[f64], height: usize, width: usize, y: f64, x: f64) -> f64 {
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let at = |y: f64, x: f64| {
        let is_inside = y >= 0.0 && y < height as f64 && x >= 0.0 && x < width as f64;
        if is_inside {
            plane[y as usize * width + x as usize]
        } else {
            0.0
        }
    };
    at(top, left) * (1.0 - down) * (1.0 - right)
        + at(top, left + 1.0) * (1.0 - down) * right
        + at(top + 1.0, left) * down * (1.0 - right)
        + at(top + 1.0, left + 1.0) * down * right
}
