//! Normalisations. Parameters have the dtype of x.

use super::TypeError;
use super::call::{Call, FLOAT, Outputs, one};
use crate::types::TensorType;
use graphc_base::{Dim, Tri};

pub(super) fn layer_norm(call: &mut Call<'_>, axis: usize) -> Outputs {
    let ([x], params) = call.tensors_then(["x"], ["scale", "bias"])?;
    over_trailing_axes(call, x, axis, &params)
}

pub(super) fn rms_norm(call: &mut Call<'_>, axis: usize) -> Outputs {
    let ([x], [scale]) = call.tensors_then(["x"], ["scale"])?;
    over_trailing_axes(call, x, axis, &[scale])
}

fn over_trailing_axes(
    call: &mut Call<'_>,
    x: &TensorType,
    axis: usize,
    params: &[Option<&TensorType>],
) -> Outputs {
    call.want("x", x.dtype, FLOAT)?;
    call.axis(axis, x.rank())?;
    for (role, param) in ["scale", "bias"].into_iter().zip(params) {
        if let Some(param) = param {
            call.same_dtype(role, param, x.dtype)?;
            let what = format!("{role} does not broadcast to the normalised axes");
            call.broadcast_to(&param.shape, &x.shape[axis..], &what)?;
        }
    }
    one(x.dtype, x.shape.clone())
}

pub(super) fn batch_norm(call: &mut Call<'_>) -> Outputs {
    let [x, scale, bias, mean, var] = call.tensors(["x", "scale", "bias", "mean", "var"])?;
    channels_first(call, x)?;
    let params = [
        ("scale", scale),
        ("bias", bias),
        ("mean", mean),
        ("var", var),
    ];
    for (role, param) in params {
        call.vector(role, param, x.dtype, &x.shape[1])?;
    }
    one(x.dtype, x.shape.clone())
}

pub(super) fn group_norm(call: &mut Call<'_>, groups: &Dim) -> Outputs {
    let ([x], [scale, bias]) = call.tensors_then(["x"], ["scale", "bias"])?;
    channels_first(call, x)?;
    call.ensure(
        scale.is_some() == bias.is_some(),
        "scale and bias come together",
    )?;
    for (role, param) in [("scale", scale), ("bias", bias)] {
        if let Some(param) = param {
            call.vector(role, param, x.dtype, &x.shape[1])?;
        }
    }
    call.ensure(
        call.dims().bounds(groups).hi >= 1,
        "groups must be positive",
    )?;
    // Instance normalisation has one group per channel, also where there is no channel at all.
    if call.dims().eq(groups, &x.shape[1]) != Tri::Yes {
        call.divides(groups, &x.shape[1], "groups do not divide the channels")?;
    }
    one(x.dtype, x.shape.clone())
}

pub(super) fn local_response_norm(call: &mut Call<'_>, size: usize) -> Outputs {
    let [x] = call.tensors(["x"])?;
    channels_first(call, x)?;
    call.positive("size", size)?;
    one(x.dtype, x.shape.clone())
}

fn channels_first(call: &Call<'_>, x: &TensorType) -> Result<(), TypeError> {
    call.want("x", x.dtype, FLOAT)?;
    call.rank_at_least("x", x, 2)
}
