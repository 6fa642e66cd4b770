//! Operators that read or write at positions given as data.

use super::TypeError;
use super::call::{Call, I64, INDEX, NOT_STRING, NUMBER, Outputs, one};
use crate::op::ScatterReduction;
use crate::types::TensorType;
use graphc_base::{DType, Dim};

pub(super) fn gather(call: &mut Call<'_>, axis: usize) -> Outputs {
    let [data, indices] = call.tensors(["data", "indices"])?;
    call.want("indices", indices.dtype, INDEX)?;
    call.axis(axis, data.rank())?;
    let mut shape = data.shape[..axis].to_vec();
    shape.extend_from_slice(&indices.shape);
    shape.extend_from_slice(&data.shape[axis + 1..]);
    one(data.dtype, shape)
}

pub(super) fn gather_elements(call: &mut Call<'_>, axis: usize) -> Outputs {
    let [data, indices] = call.tensors(["data", "indices"])?;
    element_indices(call, data, indices, axis)?;
    one(data.dtype, indices.shape.clone())
}

/// Indices of the rank of `data` that stay inside it on all axes but `axis`.
fn element_indices(
    call: &mut Call<'_>,
    data: &TensorType,
    indices: &TensorType,
    axis: usize,
) -> Result<(), TypeError> {
    call.want("indices", indices.dtype, INDEX)?;
    call.axis(axis, data.rank())?;
    call.ensure(data.rank() == indices.rank(), "ranks differ")?;
    for (other_axis, (n_indices, size)) in indices.shape.iter().zip(&data.shape).enumerate() {
        if other_axis != axis {
            let what = format_args!("indices exceed data on axis {other_axis}");
            call.at_most(n_indices, size, what)?;
        }
    }
    Ok(())
}

pub(super) fn gather_nd(call: &mut Call<'_>, batch_dims: usize) -> Outputs {
    let [data, indices] = call.tensors(["data", "indices"])?;
    let n_leading = indices.rank().saturating_sub(1);
    call.ensure(
        batch_dims <= n_leading && batch_dims < data.rank(),
        format_args!("{batch_dims} batch axes do not fit"),
    )?;
    let n_indexed = index_depth(call, indices, data.rank() - batch_dims)?;
    let mut shape = call.equal_shapes(
        &indices.shape[..batch_dims],
        &data.shape[..batch_dims],
        "batch axes differ",
    )?;
    shape.extend_from_slice(&indices.shape[batch_dims..n_leading]);
    shape.extend_from_slice(&data.shape[batch_dims + n_indexed..]);
    one(data.dtype, shape)
}

/// The size of the last axis of `indices`: how many axes one entry indexes, at most `n_axes`.
fn index_depth(call: &Call<'_>, indices: &TensorType, n_axes: usize) -> Result<usize, TypeError> {
    call.want("indices", indices.dtype, I64)?;
    let depth = indices.shape.last().and_then(Dim::as_const);
    match depth.map(usize::try_from) {
        Some(Ok(depth)) if (1..=n_axes).contains(&depth) => Ok(depth),
        _ => Err(call.fail(format_args!(
            "last dim of indices must be a constant from 1 to {n_axes}"
        ))),
    }
}

pub(super) fn scatter_elements(
    call: &mut Call<'_>,
    axis: usize,
    reduction: ScatterReduction,
) -> Outputs {
    let [data, indices, updates] = call.tensors(["data", "indices", "updates"])?;
    scattered(call, data, updates, reduction)?;
    element_indices(call, data, indices, axis)?;
    let what = "updates and indices differ in shape";
    call.equal_shapes(&updates.shape, &indices.shape, what)?;
    one(data.dtype, data.shape.clone())
}

pub(super) fn scatter_nd(call: &mut Call<'_>, reduction: ScatterReduction) -> Outputs {
    let [data, indices, updates] = call.tensors(["data", "indices", "updates"])?;
    scattered(call, data, updates, reduction)?;
    let n_indexed = index_depth(call, indices, data.rank())?;
    let mut wanted = indices.shape[..indices.rank() - 1].to_vec();
    wanted.extend_from_slice(&data.shape[n_indexed..]);
    let what = "updates do not fit data and indices";
    call.equal_shapes(&updates.shape, &wanted, what)?;
    one(data.dtype, data.shape.clone())
}

fn scattered(
    call: &Call<'_>,
    data: &TensorType,
    updates: &TensorType,
    reduction: ScatterReduction,
) -> Result<(), TypeError> {
    call.same_dtype("updates", updates, data.dtype)?;
    match reduction {
        ScatterReduction::Replace => Ok(()),
        ScatterReduction::Add
        | ScatterReduction::Mul
        | ScatterReduction::Max
        | ScatterReduction::Min => call.want("data", data.dtype, NUMBER),
    }
}

pub(super) fn reverse_sequence(
    call: &mut Call<'_>,
    batch_axis: usize,
    time_axis: usize,
) -> Outputs {
    let [x, lens] = call.tensors(["x", "lens"])?;
    call.want("x", x.dtype, NOT_STRING)?;
    call.axis(batch_axis, x.rank())?;
    call.axis(time_axis, x.rank())?;
    call.ensure(batch_axis != time_axis, "batch and time are one axis")?;
    call.vector("lens", lens, DType::I64, &x.shape[batch_axis])?;
    one(x.dtype, x.shape.clone())
}
