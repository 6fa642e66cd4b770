//! Normalisations, in `f64` with two passes for the variance.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use crate::walk::{broadcast_strides, gather_strided};
use graphc_base::{Dim, Real};

/// Operand `idx` broadcast to `shape`; `default` where it is not there.
fn parameter(call: &Call<'_>, idx: usize, shape: &[usize], default: f64) -> Result<Vec<f64>> {
    Ok(match call.optional(idx) {
        Some(tensor) => {
            let strides = broadcast_strides(tensor.shape(), shape);
            gather_strided(&tensor.to_f64()?, shape, &strides, 0)
        }
        None => vec![default; shape.iter().product()],
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / values.len() as f64
}

pub(super) fn layer_norm(call: &Call<'_>, axis: usize, epsilon: Real) -> Result<Tensor> {
    let x = call.input(0)?;
    let row_shape = &x.shape()[axis..];
    let scale = parameter(call, 1, row_shape, 1.0)?;
    let bias = parameter(call, 2, row_shape, 0.0)?;
    let mut values = x.to_f64()?;
    for row in values.chunks_exact_mut(scale.len().max(1)) {
        let mean = mean(row);
        let deviation = (variance(row, mean) + epsilon.get()).sqrt();
        for (idx, x) in row.iter_mut().enumerate() {
            *x = (*x - mean) / deviation * scale[idx] + bias[idx];
        }
    }
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}

pub(super) fn rms_norm(call: &Call<'_>, axis: usize, epsilon: Real) -> Result<Tensor> {
    let x = call.input(0)?;
    let scale = parameter(call, 1, &x.shape()[axis..], 1.0)?;
    let mut values = x.to_f64()?;
    for row in values.chunks_exact_mut(scale.len().max(1)) {
        let mean_square = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
        let root = (mean_square + epsilon.get()).sqrt();
        for (x, scale) in row.iter_mut().zip(&scale) {
            *x = *x / root * scale;
        }
    }
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}

/// `[samples, channels, positions]` of x.
fn channels_first(x: &Tensor) -> (usize, usize, usize) {
    let shape = x.shape();
    (shape[0], shape[1], shape[2..].iter().product())
}

pub(super) fn batch_norm(call: &Call<'_>, epsilon: Real) -> Result<Tensor> {
    let x = call.input(0)?;
    let (_, n_channels, n_positions) = channels_first(x);
    let mut parameters = Vec::with_capacity(4);
    for idx in 1..5 {
        parameters.push(call.input(idx)?.to_f64()?);
    }
    let mut values = x.to_f64()?;
    for (row_idx, row) in values.chunks_exact_mut(n_positions.max(1)).enumerate() {
        let channel = row_idx % n_channels;
        let [scale, bias, mean, variance] = [0, 1, 2, 3].map(|which| parameters[which][channel]);
        let deviation = (variance + epsilon.get()).sqrt();
        for x in row {
            *x = (*x - mean) / deviation * scale + bias;
        }
    }
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}

pub(super) fn group_norm(call: &Call<'_>, groups: &Dim, epsilon: Real) -> Result<Tensor> {
    let x = call.input(0)?;
    let (_, n_channels, n_positions) = channels_first(x);
    let n_groups = call.size(groups)?;
    if n_channels > 0 && (n_groups == 0 || n_channels % n_groups != 0) {
        return Err(call.fail(format!("{n_groups} groups of {n_channels} channels")));
    }
    let scale = parameter(call, 1, &[n_channels], 1.0)?;
    let bias = parameter(call, 2, &[n_channels], 0.0)?;
    let per_group = n_channels.checked_div(n_groups).unwrap_or(0);
    let mut values = x.to_f64()?;
    let group_len = (per_group * n_positions).max(1);
    for (group_idx, group) in values.chunks_exact_mut(group_len).enumerate() {
        let mean = mean(group);
        let deviation = (variance(group, mean) + epsilon.get()).sqrt();
        let first_channel = group_idx % n_groups * per_group;
        for (idx, x) in group.iter_mut().enumerate() {
            let channel = first_channel + idx / n_positions;
            *x = (*x - mean) / deviation * scale[channel] + bias[channel];
        }
    }
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}

/// ONNX LRN: the window of `size` channels reaches `(size - 1) / 2` before and the rest behind.
pub(super) fn local_response_norm(
    call: &Call<'_>,
    size: usize,
    alpha: Real,
    beta: Real,
    bias: Real,
) -> Result<Tensor> {
    let x = call.input(0)?;
    let (n_samples, n_channels, n_positions) = channels_first(x);
    let before = (size - 1) / 2;
    let behind = size - 1 - before;
    let values = x.to_f64()?;
    let mut result = vec![0.0; values.len()];
    for sample in 0..n_samples {
        let at = |channel: usize, position: usize| {
            (sample * n_channels + channel) * n_positions + position
        };
        for channel in 0..n_channels {
            let first = channel.saturating_sub(before);
            let last = channel.saturating_add(behind).min(n_channels - 1);
            for position in 0..n_positions {
                let squares = (first..=last).map(|other| values[at(other, position)].powi(2));
                let sum: f64 = squares.sum();
                let divisor = (bias.get() + alpha.get() / size as f64 * sum).powf(beta.get());
                result[at(channel, position)] = values[at(channel, position)] / divisor;
            }
        }
    }
    Tensor::from_f64(x.dtype(), x.shape(), &result)
}
