//! Padding and cropping.

use super::call::Call;
use crate::error::Result;
use crate::tensor::{Element, Tensor, with_elements};
use crate::walk::{for_each_position, strides};
use graphc_base::Dim;
use graphc_ir::op::PadMode;

pub(super) fn pad(call: &Call<'_>, mode: PadMode, before: &[Dim]) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    // For each axis the source of every position of the result; `None` is the constant.
    let mut sources: Vec<Vec<Option<usize>>> = Vec::with_capacity(shape.len());
    for (axis, &size) in shape.iter().enumerate() {
        let before = i128::from(call.dim(&before[axis])?);
        let from = x.shape()[axis];
        let along: Option<Vec<Option<usize>>> = (0..size)
            .map(|position| source(mode, position as i128 - before, from))
            .collect();
        let along =
            along.ok_or_else(|| call.fail(format!("axis {axis} has no element to repeat")))?;
        sources.push(along);
    }
    let strides = strides(x.shape());
    let mut positions = Vec::with_capacity(shape.iter().product());
    for_each_position(&shape, |position| {
        let mut along = position.iter().enumerate();
        positions.push(along.try_fold(0, |flat, (axis, &along)| {
            Some(flat + sources[axis][along]? * strides[axis] as usize)
        }));
    });
    with_elements!(x.data(), elements => {
        let result = padded(elements, &positions, call.optional(1))?;
        Tensor::new(x.dtype(), &shape, result)
    })
}

/// The elements at these positions, the scalar `value` where there is none.
fn padded<T: Element>(
    elements: &[T],
    positions: &[Option<usize>],
    value: Option<&Tensor>,
) -> Result<Vec<T>> {
    let value = match value {
        Some(value) => value.slice::<T>()?.first(),
        None => None,
    };
    let source = |position: &Option<usize>| position.map(|at| &elements[at]).or(value).cloned();
    // Typing has shown that there is a value wherever an element may be missing.
    Ok(positions.iter().filter_map(source).collect())
}

/// The element of an axis of `size` that stands at `position`, which may lie outside; `Some(None)` for the constant,
/// `None` where there is nothing to repeat.
fn source(mode: PadMode, position: i128, size: usize) -> Option<Option<usize>> {
    let n = size as i128;
    if (0..n).contains(&position) {
        return Some(Some(position as usize));
    }
    if mode == PadMode::Constant {
        return Some(None);
    }
    if n == 0 {
        return None;
    }
    let inside = match mode {
        PadMode::Constant | PadMode::Edge => position.clamp(0, n - 1),
        PadMode::Wrap => position.rem_euclid(n),
        PadMode::Reflect => {
            let period = (2 * (n - 1)).max(1);
            let along = position.rem_euclid(period);
            along.min(period - along).min(n - 1)
        }
    };
    Some(Some(inside as usize))
}
