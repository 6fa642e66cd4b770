//! Operators that read at positions given as data.

use super::call::Call;
use crate::error::Result;
use crate::tensor::{Tensor, picked, with_elements};
use crate::walk::{Split, for_each_position, strides};

/// An index into an axis of `size`, negative ones counting from the end.
pub(super) fn wrapped(call: &Call<'_>, index: i64, size: usize) -> Result<usize> {
    let position = if index < 0 {
        i128::from(index) + size as i128
    } else {
        i128::from(index)
    };
    if (0..size as i128).contains(&position) {
        return Ok(position as usize);
    }
    Err(call.fail(format!("index {index} is outside an axis of size {size}")))
}

pub(super) fn gather(call: &Call<'_>, axis: usize) -> Result<Tensor> {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let split = Split::at(data.shape(), axis);
    let positions: Result<Vec<usize>> = indices
        .to_i64()?
        .into_iter()
        .map(|index| wrapped(call, index, split.size))
        .collect();
    let positions = positions?;
    with_elements!(data.data(), elements => {
        let mut result = Vec::with_capacity(shape.iter().product());
        for outer in 0..split.outer {
            for &position in &positions {
                let start = split.at_index(outer, position, 0);
                result.extend_from_slice(&elements[start..start + split.inner]);
            }
        }
        Tensor::new(data.dtype(), &shape, result)
    })
}

/// For each element of `indices`, the flat position in data of shape `shape` that it and its own position name.
pub(super) fn element_positions(
    call: &Call<'_>,
    shape: &[usize],
    indices: &Tensor,
    axis: usize,
) -> Result<Vec<usize>> {
    let strides = strides(shape);
    let mut values = indices.to_i64()?.into_iter();
    let mut positions = Vec::with_capacity(indices.n_elements());
    let mut failure = None;
    for_each_position(indices.shape(), |position| {
        let index = values.next().unwrap_or(0);
        match wrapped(call, index, shape[axis]) {
            Ok(along) => {
                let flat = position.iter().enumerate().map(|(other, &own)| {
                    (if other == axis { along } else { own }) * strides[other] as usize
                });
                positions.push(flat.sum());
            }
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    });
    failure.map_or(Ok(positions), Err)
}

pub(super) fn gather_elements(call: &Call<'_>, axis: usize) -> Result<Tensor> {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let positions = element_positions(call, data.shape(), indices, axis)?;
    with_elements!(data.data(), elements => {
        Tensor::new(data.dtype(), indices.shape(), picked(elements, &positions))
    })
}

/// For each entry of `indices` (rows along its last axis), the flat start of the slice of data that it names, the first
/// `batch_dims` axes being common to both; and the size of such a slice.
pub(super) fn slice_positions(
    call: &Call<'_>,
    shape: &[usize],
    indices: &Tensor,
    batch_dims: usize,
) -> Result<(Vec<usize>, usize)> {
    let depth = indices.shape().last().copied().unwrap_or(0);
    let strides = strides(shape);
    let slice_len: usize = shape[batch_dims + depth..].iter().product();
    let batch_len: usize = shape[batch_dims..].iter().product();
    let n_batches: usize = shape[..batch_dims].iter().product();
    let values = indices.to_i64()?;
    let n_entries = values.len().checked_div(depth).unwrap_or(0);
    let per_batch = n_entries.checked_div(n_batches).unwrap_or(0);
    let mut starts = Vec::with_capacity(n_entries);
    for (entry_idx, entry) in values.chunks_exact(depth.max(1)).enumerate() {
        let mut start = entry_idx.checked_div(per_batch).unwrap_or(0) * batch_len;
        for (level, &index) in entry.iter().enumerate() {
            let axis = batch_dims + level;
            start += wrapped(call, index, shape[axis])? * strides[axis] as usize;
        }
        starts.push(start);
    }
    Ok((starts, slice_len))
}

pub(super) fn gather_nd(call: &Call<'_>, batch_dims: usize) -> Result<Tensor> {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let (starts, slice_len) = slice_positions(call, data.shape(), indices, batch_dims)?;
    with_elements!(data.data(), elements => {
        let mut result = Vec::with_capacity(shape.iter().product());
        for start in starts {
            result.extend_from_slice(&elements[start..start + slice_len]);
        }
        Tensor::new(data.dtype(), &shape, result)
    })
}

pub(super) fn reverse_sequence(
    call: &Call<'_>,
    batch_axis: usize,
    time_axis: usize,
) -> Result<Tensor> {
    let (x, lens) = (call.input(0)?, call.input(1)?);
    let lens = lens.to_i64()?;
    let n_steps = x.shape()[time_axis];
    if let Some(len) = lens.iter().find(|&&len| len < 0 || len > n_steps as i64) {
        return Err(call.fail(format!("length {len} is not within 0 and {n_steps}")));
    }
    let strides = strides(x.shape());
    let mut positions = Vec::with_capacity(x.n_elements());
    for_each_position(x.shape(), |position| {
        let (step, len) = (position[time_axis], lens[position[batch_axis]] as usize);
        let from = if step < len { len - 1 - step } else { step };
        let flat = position.iter().enumerate().map(|(axis, &own)| {
            (if axis == time_axis { from } else { own }) * strides[axis] as usize
        });
        positions.push(flat.sum());
    });
    with_elements!(x.data(), elements => {
        Tensor::new(x.dtype(), x.shape(), picked(elements, &positions))
    })
}
