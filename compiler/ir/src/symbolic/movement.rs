//! Elements that move: every element of the result is an element of an operand, or not known.

use super::SymElement;
use super::SymTensor;
use super::space::{broadcast, flat, positions};
use crate::op::{Op, PadMode, ScatterReduction};
use graphc_base::Dim;

/// The result of an operator that moves elements; `None` for others, and where the operands do not fit.
pub(super) fn moved(op: &Op, operands: &[SymTensor], shape: &[usize]) -> Option<Vec<SymElement>> {
    let x = operands.first()?;
    match op {
        Op::Reshape { .. } => Some(x.elements.clone()),
        Op::Expand { .. } => Some(
            positions(shape)
                .map(|at| broadcast(x, &at).clone())
                .collect(),
        ),
        Op::Transpose { perm } => Some(pick(shape, x, |at| {
            let mut from = vec![0; at.len()];
            for (axis, &source) in perm.iter().enumerate() {
                *from.get_mut(source)? = at[axis];
            }
            Some(from)
        })),
        Op::Slice { axes } => Some(pick(shape, x, |at| {
            axes.iter()
                .zip(at)
                .map(|(axis, &position)| {
                    let (start, step) = (axis.start.as_const()?, axis.step.as_const()?);
                    let position = i64::try_from(position).ok()?;
                    usize::try_from(start.checked_add(step.checked_mul(position)?)?).ok()
                })
                .collect()
        })),
        Op::Tile { .. } => Some(pick(shape, x, |at| {
            let sizes = at.iter().zip(&x.shape);
            Some(
                sizes
                    .map(|(&position, &size)| position % size.max(1))
                    .collect(),
            )
        })),
        Op::Concat { axis } => Some(concat(shape, *axis, operands)),
        Op::Pad {
            mode: PadMode::Constant,
            before,
            ..
        } => {
            let value = operands.get(1)?.elements.first()?;
            pad(shape, x, before, value)
        }
        Op::Gather { axis } => gather(shape, *axis, x, operands.get(1)?),
        Op::GatherElements { axis } => {
            let (axis, indices) = (*axis, operands.get(1)?);
            Some(pick(shape, x, |at| {
                let mut from = at.to_vec();
                *from.get_mut(axis)? = index(indices, at, *x.shape.get(axis)?)?;
                Some(from)
            }))
        }
        Op::GatherNd { batch_dims } => gather_nd(shape, *batch_dims, x, operands.get(1)?),
        Op::ScatterElements {
            axis,
            reduction: ScatterReduction::Replace,
        } => {
            let (axis, indices, updates) = (*axis, operands.get(1)?, operands.get(2)?);
            let places = positions(&indices.shape).map(|at| {
                let mut to = at.clone();
                *to.get_mut(axis)? = index(indices, &at, *x.shape.get(axis)?)?;
                Some((flat(&x.shape, &to)?, flat(&updates.shape, &at)?))
            });
            scatter(x, updates, places)
        }
        Op::ScatterNd {
            reduction: ScatterReduction::Replace,
        } => scatter_nd(x, operands.get(1)?, operands.get(2)?),
        _ => None,
    }
}

/// One element of x per position; unknown where `from` is.
fn pick(
    shape: &[usize],
    x: &SymTensor,
    from: impl Fn(&[usize]) -> Option<Vec<usize>>,
) -> Vec<SymElement> {
    positions(shape)
        .map(|at| {
            from(&at)
                .and_then(|from| x.elements.get(flat(&x.shape, &from)?).cloned())
                .unwrap_or(SymElement::Unknown)
        })
        .collect()
}

/// An element of an index tensor, wrapped into an axis of this size.
fn index(indices: &SymTensor, at: &[usize], size: usize) -> Option<usize> {
    let index = indices.dim(flat(&indices.shape, at)?)?.as_const()?;
    let size = i64::try_from(size).ok()?;
    let wrapped = if index < 0 {
        index.checked_add(size)?
    } else {
        index
    };
    usize::try_from(wrapped).ok().filter(|_| wrapped < size)
}

fn concat(shape: &[usize], axis: usize, parts: &[SymTensor]) -> Vec<SymElement> {
    let element = |mut at: Vec<usize>| {
        for part in parts {
            let size = *part.shape.get(axis)?;
            if at[axis] < size {
                return part.elements.get(flat(&part.shape, &at)?).cloned();
            }
            at[axis] -= size;
        }
        None
    };
    positions(shape)
        .map(|at| element(at).unwrap_or(SymElement::Unknown))
        .collect()
}

fn pad(
    shape: &[usize],
    x: &SymTensor,
    before: &[Dim],
    value: &SymElement,
) -> Option<Vec<SymElement>> {
    let before: Vec<i64> = before.iter().map(Dim::as_const).collect::<Option<_>>()?;
    let inside = |at: &[usize]| {
        at.iter()
            .zip(&before)
            .zip(&x.shape)
            .map(|((&position, before), &size)| {
                let position = i64::try_from(position).ok()?.checked_sub(*before)?;
                usize::try_from(position)
                    .ok()
                    .filter(|&position| position < size)
            })
            .collect::<Option<Vec<usize>>>()
    };
    let element = |at: Vec<usize>| match inside(&at) {
        Some(from) => x.elements.get(flat(&x.shape, &from)?).cloned(),
        None => Some(value.clone()),
    };
    Some(
        positions(shape)
            .map(|at| element(at).unwrap_or(SymElement::Unknown))
            .collect(),
    )
}

fn gather(
    shape: &[usize],
    axis: usize,
    x: &SymTensor,
    indices: &SymTensor,
) -> Option<Vec<SymElement>> {
    let size = *x.shape.get(axis)?;
    let behind = axis + indices.shape.len();
    Some(pick(shape, x, |at| {
        let mut from = at.get(..axis)?.to_vec();
        from.push(index(indices, at.get(axis..behind)?, size)?);
        from.extend_from_slice(at.get(behind..)?);
        Some(from)
    }))
}

fn gather_nd(
    shape: &[usize],
    batch_dims: usize,
    x: &SymTensor,
    indices: &SymTensor,
) -> Option<Vec<SymElement>> {
    let (&depth, leading) = indices.shape.split_last()?;
    Some(pick(shape, x, |at| {
        let mut entry = at.get(..leading.len())?.to_vec();
        let mut from = at.get(..batch_dims)?.to_vec();
        entry.push(0);
        for component in 0..depth {
            *entry.last_mut()? = component;
            from.push(index(
                indices,
                &entry,
                *x.shape.get(batch_dims + component)?,
            )?);
        }
        from.extend_from_slice(at.get(leading.len()..)?);
        Some(from)
    }))
}

fn scatter_nd(x: &SymTensor, indices: &SymTensor, updates: &SymTensor) -> Option<Vec<SymElement>> {
    let (&depth, leading) = indices.shape.split_last()?;
    let places = positions(&updates.shape).map(|at| {
        let mut entry = at.get(..leading.len())?.to_vec();
        let mut to = Vec::with_capacity(x.shape.len());
        entry.push(0);
        for component in 0..depth {
            *entry.last_mut()? = component;
            to.push(index(indices, &entry, *x.shape.get(component)?)?);
        }
        to.extend_from_slice(at.get(leading.len()..)?);
        Some((flat(&x.shape, &to)?, flat(&updates.shape, &at)?))
    });
    scatter(x, updates, places)
}

/// x with updates written at known places; nothing is known where a place is not.
fn scatter(
    x: &SymTensor,
    updates: &SymTensor,
    places: impl Iterator<Item = Option<(usize, usize)>>,
) -> Option<Vec<SymElement>> {
    let mut elements = x.elements.clone();
    let mut is_written = vec![false; elements.len()];
    for place in places {
        let (to, from) = place?;
        // Which of several updates of one element wins is not defined.
        elements[to] = if std::mem::replace(is_written.get_mut(to)?, true) {
            SymElement::Unknown
        } else {
            updates.elements.get(from)?.clone()
        };
    }
    Some(elements)
}
