//! Operators that move elements by position.

use super::call::Call;
use crate::error::Result;
use crate::tensor::{Tensor, same_type, with_elements};
use crate::walk::{Split, broadcast_strides, gather_strided, strides};
use graphc_ir::op::SliceAxis;

pub(super) fn reshape(call: &Call<'_>) -> Result<Tensor> {
    call.input(0)?.reshaped(&call.out_shape(0)?)
}

fn gathered(x: &Tensor, shape: &[usize], strides: &[isize], start: isize) -> Result<Tensor> {
    with_elements!(x.data(), elements => {
        Tensor::new(x.dtype(), shape, gather_strided(elements, shape, strides, start))
    })
}

pub(super) fn transpose(call: &Call<'_>, perm: &[usize]) -> Result<Tensor> {
    let x = call.input(0)?;
    let from = strides(x.shape());
    let strides: Vec<isize> = perm.iter().map(|&axis| from[axis]).collect();
    gathered(x, &call.out_shape(0)?, &strides, 0)
}

pub(super) fn expand(call: &Call<'_>) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    gathered(x, &shape, &broadcast_strides(x.shape(), &shape), 0)
}

pub(super) fn slice(call: &Call<'_>, axes: &[SliceAxis]) -> Result<Tensor> {
    let x = call.input(0)?;
    let from = strides(x.shape());
    let shape = call.out_shape(0)?;
    let mut start = 0;
    let mut steps = Vec::with_capacity(axes.len());
    for (axis, entry) in axes.iter().enumerate() {
        let (first, step) = (call.dim(&entry.start)?, call.dim(&entry.step)?);
        // The result may be read in whole only where every position is inside x.
        let last = (shape[axis] as i128 - 1) * i128::from(step) + i128::from(first);
        let size = x.shape()[axis] as i128;
        let is_inside = |position: i128| (0..size).contains(&position);
        if shape[axis] > 0 && !(is_inside(i128::from(first)) && is_inside(last)) {
            return Err(call.fail(format!(
                "axis {axis} of size {size} is read out of bounds, {} elements from {first} in steps of {step}",
                shape[axis]
            )));
        }
        if shape[axis] > 0 {
            start += first as isize * from[axis];
        }
        steps.push((step as isize).wrapping_mul(from[axis]));
    }
    gathered(x, &shape, &steps, start)
}

pub(super) fn concat(call: &Call<'_>, axis: usize) -> Result<Tensor> {
    let first = call.input(0)?;
    let shape = call.out_shape(0)?;
    let outer = Split::at(&shape, axis).outer;
    with_elements!(first.data(), like => {
        let mut parts = Vec::with_capacity(call.inputs().len());
        for input in call.inputs() {
            let row: usize = input.shape()[axis..].iter().product();
            parts.push((same_type(like, input)?, row));
        }
        let mut result = Vec::with_capacity(shape.iter().product());
        for outer_idx in 0..outer {
            for (elements, row) in &parts {
                result.extend_from_slice(&elements[outer_idx * row..][..*row]);
            }
        }
        Tensor::new(first.dtype(), &shape, result)
    })
}

pub(super) fn tile(call: &Call<'_>) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    // Each axis is seen as [repeats, size], and repeats are a broadcast.
    let from = strides(x.shape());
    let mut split_shape = Vec::with_capacity(2 * shape.len());
    let mut split_strides = Vec::with_capacity(2 * shape.len());
    for (axis, &size) in x.shape().iter().enumerate() {
        let repeats = shape[axis].checked_div(size).unwrap_or(0);
        split_shape.extend([repeats, size]);
        split_strides.extend([0, from[axis]]);
    }
    gathered(x, &split_shape, &split_strides, 0)?.reshaped(&shape)
}
