//! Positions in small tensors.

use super::{SymElement, SymTensor};

/// All positions of a shape, row-major.
pub(super) fn positions(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let n_elements: usize = shape.iter().product();
    (0..n_elements).map(|mut flat| {
        let mut at = vec![0; shape.len()];
        for (axis, &size) in shape.iter().enumerate().rev() {
            at[axis] = flat % size;
            flat /= size;
        }
        at
    })
}

/// The row-major number of a position; `None` outside of the shape.
pub(super) fn flat(shape: &[usize], at: &[usize]) -> Option<usize> {
    if shape.len() != at.len() {
        return None;
    }
    let mut position = 0;
    for (&size, &index) in shape.iter().zip(at) {
        if index >= size {
            return None;
        }
        position = position * size + index;
    }
    Some(position)
}

/// The element of a tensor that broadcasts into the space of `at`.
pub(super) fn broadcast<'a>(x: &'a SymTensor, at: &[usize]) -> &'a SymElement {
    const UNKNOWN: &SymElement = &SymElement::Unknown;
    let lead = at.len().saturating_sub(x.shape.len());
    let position = x
        .shape
        .iter()
        .zip(&at[lead..])
        .fold(0, |position, (&size, &index)| {
            position * size + if size == 1 { 0 } else { index }
        });
    x.elements.get(position).unwrap_or(UNKNOWN)
}
