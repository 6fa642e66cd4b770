//! Sequences and optionals, and cutting and joining of the tensors in them.

use super::value::{HostTensor, HostValue, StringTensor};
use super::{HostOp, fail};
use crate::reference::KernelError;
use crate::reference::gather::{copy_run, integer};
use graphc_base::DType;

/// The integers of a position operand.
fn integers(value: &HostValue) -> Result<Vec<i64>, KernelError> {
    match value {
        HostValue::Tensor(tensor) if matches!(tensor.dtype(), DType::I32 | DType::I64) => Ok((0
            ..tensor.n_elements())
            .map(|at| integer(tensor.bytes(), tensor.dtype(), at))
            .collect()),
        other => Err(fail(format!("{} holds no positions", other.describe()))),
    }
}

/// A position in a sequence of `n` elements, negative ones from the end; at most `last`.
fn position(value: &HostValue, n: usize, last: Option<usize>) -> Result<usize, KernelError> {
    let [position] = integers(value)?[..] else {
        return Err(fail(format!("{} is not one position", value.describe())));
    };
    let wrapped = if position < 0 {
        position.checked_add_unsigned(n as u64)
    } else {
        Some(position)
    };
    wrapped
        .and_then(|at| usize::try_from(at).ok())
        .filter(|&at| last.is_some_and(|last| at <= last))
        .ok_or_else(|| {
            fail(format!(
                "position {position} is outside a sequence of {n} elements"
            ))
        })
}

fn elements(value: &HostValue) -> Result<&[HostValue], KernelError> {
    match value {
        HostValue::Sequence(elements) => Ok(elements),
        HostValue::Optional(Some(inner)) => elements(inner),
        other => Err(fail(format!("{} is no sequence", other.describe()))),
    }
}

fn scalar(dtype: DType, bytes: &[u8]) -> Result<HostValue, KernelError> {
    HostTensor::from_bytes(dtype, &[], bytes)
        .map(HostValue::Tensor)
        .ok_or_else(|| fail("a scalar has the wrong size"))
}

/// Runs an operator on sequences or optionals; `None` when it is another or its operands are miscounted.
pub(super) fn call(op: &HostOp, inputs: &[&HostValue]) -> Option<Result<HostValue, KernelError>> {
    Some(match (op, inputs) {
        (HostOp::SequenceEmpty, []) => Ok(HostValue::Sequence(Vec::new())),
        (HostOp::SequenceConstruct, inputs) => Ok(HostValue::Sequence(
            inputs.iter().map(|&value| value.clone()).collect(),
        )),
        (HostOp::SequenceInsert, [sequence, value, at @ ..]) if at.len() <= 1 => {
            insert(sequence, value, at.first().copied())
        }
        (HostOp::SequenceErase, [sequence, at @ ..]) if at.len() <= 1 => {
            erase(sequence, at.first().copied())
        }
        (HostOp::SequenceAt, [sequence, at]) => elements(sequence).and_then(|all| {
            let at = position(at, all.len(), all.len().checked_sub(1))?;
            Ok(all[at].clone())
        }),
        (HostOp::SequenceLength, [sequence]) => {
            elements(sequence).and_then(|all| scalar(DType::I64, &(all.len() as i64).to_le_bytes()))
        }
        (HostOp::SequenceConcat { axis, new_axis }, [sequence]) => {
            elements(sequence).and_then(|all| join(all, *axis, *new_axis))
        }
        (HostOp::SequenceSplit { axis, keep_dims }, [x, split @ ..]) if split.len() <= 1 => {
            cut(x, *axis, *keep_dims, split.first().copied())
        }
        (HostOp::OptionalSome, [x]) => Ok(HostValue::Optional(Some(Box::new((*x).clone())))),
        (HostOp::OptionalNone, []) => Ok(HostValue::Optional(None)),
        (HostOp::OptionalGet, [x]) => match x {
            HostValue::Optional(Some(inner)) => Ok((**inner).clone()),
            HostValue::Optional(None) => Err(fail("an absent optional has no value")),
            value => Ok((*value).clone()),
        },
        (HostOp::OptionalHas, inputs) if inputs.len() <= 1 => {
            let is_there = inputs
                .first()
                .is_some_and(|value| !matches!(value, HostValue::Optional(None)));
            scalar(DType::Bool, &[u8::from(is_there)])
        }
        _ => return None,
    })
}

fn insert(
    sequence: &HostValue,
    value: &HostValue,
    at: Option<&HostValue>,
) -> Result<HostValue, KernelError> {
    let mut all = elements(sequence)?.to_vec();
    let at = match at {
        Some(at) => position(at, all.len(), Some(all.len()))?,
        None => all.len(),
    };
    all.insert(at, value.clone());
    Ok(HostValue::Sequence(all))
}

fn erase(sequence: &HostValue, at: Option<&HostValue>) -> Result<HostValue, KernelError> {
    let mut all = elements(sequence)?.to_vec();
    let last = all.len().checked_sub(1);
    let at = match (at, last) {
        (Some(at), last) => position(at, all.len(), last)?,
        (None, Some(last)) => last,
        (None, None) => return Err(fail("an empty sequence has nothing to erase")),
    };
    all.remove(at);
    Ok(HostValue::Sequence(all))
}

fn shape_of(value: &HostValue) -> Result<&[usize], KernelError> {
    match value {
        HostValue::Strings(strings) if !strings.is_filled() => Err(fail(format!(
            "{} does not fill its shape",
            value.describe()
        ))),
        value => value
            .shape()
            .ok_or_else(|| fail(format!("{} is no tensor", value.describe()))),
    }
}

/// Number of positions; sizes around an empty axis may be too many to count, and are not walked then.
fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |n, &size| n.saturating_mul(size))
}

/// Positions before an axis; none where the tensor is empty, so that nothing is walked.
fn rows(shape: &[usize], axis: usize) -> usize {
    if shape.contains(&0) {
        0
    } else {
        product(&shape[..axis])
    }
}

/// Fills a tensor like `like` of another shape by runs of elements: `runs` calls with source, start, target, length.
fn assemble(
    like: &HostValue,
    shape: &[usize],
    sources: &[&HostValue],
    runs: impl Iterator<Item = (usize, usize, usize, usize)>,
) -> Result<HostValue, KernelError> {
    match like {
        HostValue::Tensor(first) => {
            let dtype = first.dtype();
            let mut result = HostTensor::zeros(dtype, shape)
                .ok_or_else(|| fail(format!("a tensor of shape {shape:?} is too large")))?;
            for (source, start, to, n) in runs {
                match sources[source] {
                    HostValue::Tensor(tensor) if tensor.dtype() == dtype => {
                        copy_run(dtype, result.bytes_mut(), to, tensor.bytes(), start, n);
                    }
                    other => {
                        return Err(fail(format!("{} does not join {dtype}", other.describe())));
                    }
                }
            }
            Ok(HostValue::Tensor(result))
        }
        _ => {
            let n_elements = shape
                .iter()
                .try_fold(1usize, |n, &size| n.checked_mul(size))
                .ok_or_else(|| fail(format!("a tensor of shape {shape:?} is too large")))?;
            let mut data = vec![String::new(); n_elements];
            for (source, start, to, n) in runs {
                match sources[source] {
                    HostValue::Strings(strings) if strings.data.len() >= start + n => {
                        data[to..to + n].clone_from_slice(&strings.data[start..start + n]);
                    }
                    other => {
                        return Err(fail(format!("{} does not join strings", other.describe())));
                    }
                }
            }
            Ok(HostValue::Strings(StringTensor {
                shape: shape.to_vec(),
                data,
            }))
        }
    }
}

fn join(all: &[HostValue], axis: usize, new_axis: bool) -> Result<HostValue, KernelError> {
    let Some(first) = all.first() else {
        return Err(fail("an empty sequence cannot be joined"));
    };
    let mut shape = shape_of(first)?.to_vec();
    if axis >= shape.len() + usize::from(new_axis) {
        return Err(fail(format!("axis {axis} is outside {}", first.describe())));
    }
    let mut widths = Vec::with_capacity(all.len());
    for value in all {
        let own = shape_of(value)?;
        let fits = own.len() == shape.len()
            && (0..own.len())
                .all(|other| (!new_axis && other == axis) || own[other] == shape[other]);
        if !fits {
            return Err(fail(format!(
                "{} does not join {}",
                value.describe(),
                first.describe()
            )));
        }
        widths.push(if new_axis { 1 } else { own[axis] });
    }
    let total = widths
        .iter()
        .try_fold(0usize, |sum, &width| sum.checked_add(width));
    let total = total.ok_or_else(|| fail("the joined axis is too large"))?;
    if new_axis {
        shape.insert(axis, total);
    } else {
        shape[axis] = total;
    }
    let outer = rows(&shape, axis);
    let inner = product(&shape[axis + 1..]);
    let sources: Vec<&HostValue> = all.iter().collect();
    let runs = (0..outer).flat_map(|outer_idx| {
        let mut begin = 0;
        let widths = &widths;
        (0..widths.len()).map(move |source| {
            let width = widths[source];
            let to = (outer_idx * total + begin) * inner;
            begin += width;
            (source, outer_idx * width * inner, to, width * inner)
        })
    });
    assemble(first, &shape, &sources, runs)
}

fn cut(
    x: &HostValue,
    axis: usize,
    keep_dims: bool,
    split: Option<&HostValue>,
) -> Result<HostValue, KernelError> {
    let shape = shape_of(x)?;
    let Some(&size) = shape.get(axis) else {
        return Err(fail(format!("axis {axis} is outside {}", x.describe())));
    };
    let widths = match split {
        None => vec![1; size],
        Some(split) => widths(split, size)?,
    };
    let squeeze = split.is_none() && !keep_dims;
    let outer = rows(shape, axis);
    let inner = product(&shape[axis + 1..]);
    let mut begin = 0;
    let mut pieces = Vec::with_capacity(widths.len());
    for width in widths {
        let mut piece = shape.to_vec();
        if squeeze {
            piece.remove(axis);
        } else {
            piece[axis] = width;
        }
        let runs = (0..outer).map(|outer_idx| {
            let from = (outer_idx * size + begin) * inner;
            (0, from, outer_idx * width * inner, width * inner)
        });
        pieces.push(assemble(x, &piece, &[x], runs)?);
        begin += width;
    }
    Ok(HostValue::Sequence(pieces))
}

/// Sizes of pieces: equal ones and a rest where `split` is a scalar, else those that it lists.
fn widths(split: &HostValue, size: usize) -> Result<Vec<usize>, KernelError> {
    let listed: Vec<usize> = integers(split)?
        .into_iter()
        .map(|width| {
            usize::try_from(width).map_err(|_| fail(format!("a piece of size {width} is negative")))
        })
        .collect::<Result<_, _>>()?;
    match listed[..] {
        [0] if split.shape() == Some(&[]) => Err(fail("pieces of size 0 never end")),
        [width] if split.shape() == Some(&[]) => Ok((0..size.div_ceil(width))
            .map(|piece| width.min(size - piece * width))
            .collect()),
        _ => {
            let total = listed
                .iter()
                .try_fold(0usize, |sum, &width| sum.checked_add(width));
            if total != Some(size) {
                return Err(fail(format!(
                    "pieces {listed:?} do not make up an axis of size {size}"
                )));
            }
            Ok(listed)
        }
    }
}
