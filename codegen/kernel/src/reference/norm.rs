//! Softmax and normalisations: statistics in `f64`, one row after another.

use super::check::around;
use super::element::{Number, typed, typed_mut};
use super::reduce::walk;
use super::scalar::{Scalar, load};
use super::{Call, KernelError};
use crate::with_float;
use graphc_base::{Dim, Real};

fn unsupported(call: &Call<'_, '_>) -> KernelError {
    call.error("takes floats only")
}

pub(super) fn softmax(call: &mut Call<'_, '_>, axis: usize, log: bool) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(
        axis < x.shape.len() && x.shape == y.shape && x.contiguous && y.contiguous,
        "shapes differ",
    )?;
    let (outer, n_axis, inner) = around(&x.shape, axis);
    with_float!(x.dtype, T => {
        let from = typed::<T>(call.inputs[0]);
        let to = typed_mut::<T>(call.outputs[0]);
        for row in 0..outer * inner {
            let start = row / inner * n_axis * inner + row % inner;
            let at = |index: usize| from[start + index * inner].to_f64();
            let most = (0..n_axis).map(at).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..n_axis).map(|index| (at(index) - most).exp()).sum();
            for index in 0..n_axis {
                let shifted = at(index) - most;
                let value = if log { shifted - sum.ln() } else { shifted.exp() / sum };
                to[start + index * inner] = T::from_f64(value);
            }
        }
        Ok(())
    }, else Err(unsupported(call)))
}

fn float(value: Scalar) -> f64 {
    match value {
        Scalar::Float(value) => value,
        Scalar::Int(value) => value as f64,
    }
}

/// Layer norm, or RMS norm where `centred` is false.
pub(super) fn row_norm(
    call: &mut Call<'_, '_>,
    axis: usize,
    epsilon: Real,
    centred: bool,
) -> Result<(), KernelError> {
    call.arity(1..=if centred { 3 } else { 2 }, 1)?;
    let spec = call.spec;
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    call.same_dtype(x, y)?;
    call.ensure(
        axis <= x.shape.len() && x.shape == y.shape && x.contiguous && y.contiguous,
        "shapes differ",
    )?;
    let n_rows: usize = x.shape[..axis].iter().product();
    let n_row: usize = x.shape[axis..].iter().product();
    let mut scale = spec
        .inputs
        .get(1)
        .map(|arg| walk(call, arg, &x.shape))
        .transpose()?;
    let mut bias = spec
        .inputs
        .get(2)
        .map(|arg| walk(call, arg, &x.shape))
        .transpose()?;
    with_float!(x.dtype, T => {
        let from = typed::<T>(call.inputs[0]);
        let to = typed_mut::<T>(call.outputs[0]);
        for row in 0..n_rows {
            let values = &from[row * n_row..][..n_row];
            let n = n_row as f64;
            let mean = if centred { values.iter().map(|value| value.to_f64()).sum::<f64>() / n } else { 0.0 };
            let square = |value: &T| { let distance = value.to_f64() - mean; distance * distance };
            let deviation = (values.iter().map(square).sum::<f64>() / n + epsilon.get()).sqrt();
            for (index, value) in values.iter().enumerate() {
                let mut result = (value.to_f64() - mean) / deviation;
                if let Some(scale) = &mut scale {
                    result *= float(load(call.inputs[1], spec.inputs[1].dtype, scale.position()));
                    scale.advance();
                }
                if let Some(bias) = &mut bias {
                    result += float(load(call.inputs[2], spec.inputs[2].dtype, bias.position()));
                    bias.advance();
                }
                to[row * n_row + index] = T::from_f64(result);
            }
        }
        Ok(())
    }, else Err(unsupported(call)))
}

pub(super) fn group_norm(
    call: &mut Call<'_, '_>,
    groups: &Dim,
    epsilon: Real,
) -> Result<(), KernelError> {
    call.arity(1..=3, 1)?;
    let spec = call.spec;
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    call.same_dtype(x, y)?;
    call.ensure(
        x.shape.len() >= 2 && x.shape == y.shape && x.contiguous && y.contiguous,
        "shapes differ",
    )?;
    let (n_samples, n_channels) = (x.shape[0], x.shape[1]);
    let spatial: usize = x.shape[2..].iter().product();
    let groups = groups
        .as_const()
        .and_then(|groups| usize::try_from(groups).ok())
        .unwrap_or(0);
    call.ensure(
        n_channels == 0 || (groups > 0 && n_channels % groups == 0),
        "channels do not split into the groups",
    )?;
    for arg in &spec.inputs[1..] {
        call.ensure(
            arg.n_elements() == n_channels,
            "scale and bias have one element per channel",
        )?;
    }
    if n_channels == 0 {
        return Ok(());
    }
    let n_group = n_channels / groups * spatial;
    with_float!(x.dtype, T => {
        let from = typed::<T>(call.inputs[0]);
        let to = typed_mut::<T>(call.outputs[0]);
        for group in 0..n_samples * groups {
            let values = &from[group * n_group..][..n_group];
            let n = n_group as f64;
            let mean = values.iter().map(|value| value.to_f64()).sum::<f64>() / n;
            let square = |value: &T| { let distance = value.to_f64() - mean; distance * distance };
            let deviation = (values.iter().map(square).sum::<f64>() / n + epsilon.get()).sqrt();
            for (index, value) in values.iter().enumerate() {
                let channel = (group % groups) * (n_channels / groups) + index / spatial.max(1);
                let mut result = (value.to_f64() - mean) / deviation;
                if let Some(scale) = spec.inputs.get(1) {
                    result *= float(load(call.inputs[1], scale.dtype, channel));
                }
                if let Some(bias) = spec.inputs.get(2) {
                    result += float(load(call.inputs[2], bias.dtype, channel));
                }
                to[group * n_group + index] = T::from_f64(result);
            }
        }
        Ok(())
    }, else Err(unsupported(call)))
}

pub(super) fn local_response_norm(
    call: &mut Call<'_, '_>,
    size: usize,
    alpha: Real,
    beta: Real,
    bias: Real,
) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(
        x.shape.len() >= 2 && x.shape == y.shape && x.contiguous && size > 0,
        "shapes differ",
    )?;
    let (n_samples, n_channels) = (x.shape[0], x.shape[1]);
    let spatial: usize = x.shape[2..].iter().product();
    with_float!(x.dtype, T => {
        let from = typed::<T>(call.inputs[0]);
        let to = typed_mut::<T>(call.outputs[0]);
        for position in 0..n_samples * n_channels * spatial {
            let channel = position / spatial % n_channels;
            let first = channel.saturating_sub((size - 1) / 2);
            let last = (channel + size / 2).min(n_channels - 1);
            let base = position - channel * spatial;
            let squares: f64 = (first..=last)
                .map(|other| { let value = from[base + other * spatial].to_f64(); value * value })
                .sum();
            let divisor = (bias.get() + alpha.get() / size as f64 * squares).powf(beta.get());
            to[position] = T::from_f64(from[position].to_f64() / divisor);
        }
        Ok(())
    }, else Err(unsupported(call)))
}
