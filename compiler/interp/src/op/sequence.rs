//! Operators on sequences and optionals.

use crate::error::{InterpError, Result, op_error};
use crate::tensor::{Tensor, same_type, with_elements};
use crate::value::Value;
use crate::walk::Split;
use graphc_base::DType;
use graphc_ir::op::SequenceOp;
use graphc_ir::{Op, ValueType};

struct Call<'a> {
    name: &'static str,
    inputs: &'a [&'a Value],
}

impl<'a> Call<'a> {
    fn fail(&self, message: impl Into<String>) -> InterpError {
        op_error(self.name, message)
    }

    fn input(&self, idx: usize) -> Result<&'a Value> {
        let input = self.inputs.get(idx).copied();
        input.ok_or_else(|| self.fail(format!("operand {idx} is missing")))
    }

    fn tensor(&self, idx: usize) -> Result<&'a Tensor> {
        let input = self.input(idx)?;
        let tensor = input.as_tensor();
        tensor.ok_or_else(|| self.fail(format!("operand {idx} is {}", input.describe())))
    }

    fn sequence(&self) -> Result<(DType, &'a [Tensor])> {
        match self.input(0)? {
            Value::Sequence { dtype, items } => Ok((*dtype, items)),
            other => Err(self.fail(format!("operand 0 is {}", other.describe()))),
        }
    }

    /// The position that operand `idx` holds; negative ones count from the end of `n` places.
    fn position(&self, idx: usize, n: usize) -> Result<usize> {
        let given = self.tensor(idx)?.to_i64()?;
        let given = *given
            .first()
            .ok_or_else(|| self.fail("position is empty"))?;
        let from_start = if given < 0 {
            i128::from(given) + n as i128
        } else {
            i128::from(given)
        };
        usize::try_from(from_start)
            .map_err(|_| self.fail(format!("position {given} is outside {n} elements")))
    }
}

pub(super) fn sequence(whole: &Op, op: &SequenceOp, inputs: &[&Value]) -> Result<Vec<Value>> {
    let call = Call {
        name: whole.name(),
        inputs,
    };
    let value = match op {
        SequenceOp::Empty { element } => Value::Sequence {
            dtype: element.dtype,
            items: Vec::new(),
        },
        SequenceOp::Construct => construct(&call)?,
        SequenceOp::Insert => {
            let (dtype, items) = call.sequence()?;
            let x = call.tensor(1)?;
            if x.dtype() != dtype {
                return Err(call.fail(format!("{} into a sequence of {dtype}", x.dtype())));
            }
            let mut items = items.to_vec();
            let position = match inputs.len() {
                0..=2 => items.len(),
                _ => call.position(2, items.len())?,
            };
            if position > items.len() {
                return Err(call.fail(format!(
                    "position {position} is behind {} elements",
                    items.len()
                )));
            }
            items.insert(position, x.clone());
            Value::Sequence { dtype, items }
        }
        SequenceOp::Erase => {
            let (dtype, items) = call.sequence()?;
            let mut items = items.to_vec();
            let position = match inputs.len() {
                0..=1 => items.len().wrapping_sub(1),
                _ => call.position(1, items.len())?,
            };
            if position >= items.len() {
                return Err(call.fail(format!("no such element among {}", items.len())));
            }
            items.remove(position);
            Value::Sequence { dtype, items }
        }
        SequenceOp::At { .. } => {
            let (_, items) = call.sequence()?;
            let position = call.position(1, items.len())?;
            let item = items.get(position);
            let item = item.ok_or_else(|| {
                call.fail(format!(
                    "position {position} is outside {} elements",
                    items.len()
                ))
            })?;
            Value::Tensor(item.clone())
        }
        SequenceOp::Length => Value::Tensor(Tensor::scalar(call.sequence()?.1.len() as i64)),
        SequenceOp::Concat {
            axis,
            new_axis,
            result,
        } => Value::Tensor(concat(
            &call,
            *axis,
            *new_axis,
            result.dtype,
            result.rank(),
        )?),
        SequenceOp::Split { axis, keep_dims } => split(&call, *axis, *keep_dims)?,
        SequenceOp::Some => Value::Optional(Some(Box::new(call.input(0)?.clone()))),
        SequenceOp::None { .. } => Value::Optional(None),
        SequenceOp::Get { result } => match call.input(0)? {
            Value::Optional(Some(inner)) => (**inner).clone(),
            Value::Optional(None) => {
                return Err(call.fail(format!("the optional {} is absent", kind(result))));
            }
            present => present.clone(),
        },
        SequenceOp::Has => {
            let has = !matches!(call.input(0)?, Value::Optional(None));
            Value::Tensor(Tensor::bools(&[], &[has])?)
        }
    };
    Ok(vec![value])
}

fn kind(ty: &ValueType) -> &'static str {
    match ty {
        ValueType::Tensor(_) => "tensor",
        ValueType::Sequence(_) => "sequence",
        ValueType::Optional(_) => "optional",
    }
}

fn construct(call: &Call<'_>) -> Result<Value> {
    let dtype = call.tensor(0)?.dtype();
    let mut items = Vec::with_capacity(call.inputs.len());
    for idx in 0..call.inputs.len() {
        let item = call.tensor(idx)?;
        if item.dtype() != dtype {
            return Err(call.fail(format!("{} beside {dtype}", item.dtype())));
        }
        items.push(item.clone());
    }
    Ok(Value::Sequence { dtype, items })
}

fn concat(
    call: &Call<'_>,
    axis: usize,
    new_axis: bool,
    dtype: DType,
    rank: usize,
) -> Result<Tensor> {
    let (_, items) = call.sequence()?;
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        let mut shape = item.shape().to_vec();
        if new_axis && axis <= shape.len() {
            shape.insert(axis, 1);
        }
        if shape.len() != rank || axis >= rank || item.dtype() != dtype {
            return Err(call.fail(format!("an element has shape {:?}", item.shape())));
        }
        parts.push(item.reshaped(&shape)?);
    }
    let first = parts
        .first()
        .ok_or_else(|| call.fail("the sequence is empty"))?;
    let mut shape = first.shape().to_vec();
    shape[axis] = 0;
    for part in &parts {
        let differs = (0..rank).any(|other| other != axis && part.shape()[other] != shape[other]);
        if differs {
            return Err(call.fail(format!(
                "elements of shapes {shape:?} and {:?}",
                part.shape()
            )));
        }
        shape[axis] += part.shape()[axis];
    }
    let outer = Split::at(&shape, axis).outer;
    with_elements!(first.data(), like => {
        let mut result = Vec::new();
        for outer_idx in 0..outer {
            for part in &parts {
                let row: usize = part.shape()[axis..].iter().product();
                result.extend_from_slice(&same_type(like, part)?[outer_idx * row..][..row]);
            }
        }
        Tensor::new(dtype, &shape, result)
    })
}

fn split(call: &Call<'_>, axis: usize, keep_dims: bool) -> Result<Value> {
    let x = call.tensor(0)?;
    if axis >= x.rank() {
        return Err(call.fail(format!("axis {axis} is not below {}", x.rank())));
    }
    let size = x.shape()[axis];
    let sizes = match call.inputs.get(1) {
        None => vec![1; size],
        Some(_) => {
            let given = call.tensor(1)?;
            let values = given.to_i64()?;
            let sizes: std::result::Result<Vec<usize>, _> =
                values.iter().map(|&size| usize::try_from(size)).collect();
            let sizes = sizes.map_err(|_| call.fail("a piece has a negative size"))?;
            match (given.rank(), &sizes[..]) {
                (0, [0]) => return Err(call.fail("pieces have no size")),
                // The last piece may be smaller.
                (0, [chunk]) => (0..size)
                    .step_by(*chunk)
                    .map(|start| (*chunk).min(size - start))
                    .collect(),
                _ => sizes,
            }
        }
    };
    let total = sizes
        .iter()
        .try_fold(0usize, |sum, &size| sum.checked_add(size));
    if total != Some(size) {
        return Err(call.fail(format!("pieces of sizes {sizes:?} of an axis of {size}")));
    }
    let from = Split::at(x.shape(), axis);
    let mut items = Vec::with_capacity(sizes.len());
    let mut start = 0;
    for piece in sizes {
        let mut shape = x.shape().to_vec();
        shape[axis] = piece;
        if call.inputs.len() < 2 && !keep_dims {
            shape.remove(axis);
        }
        items.push(with_elements!(x.data(), elements => {
            let mut result = Vec::with_capacity(from.outer * piece * from.inner);
            for outer in 0..from.outer {
                let at = from.at_index(outer, start, 0);
                result.extend_from_slice(&elements[at..at + piece * from.inner]);
            }
            Tensor::new(x.dtype(), &shape, result)?
        }));
        start += piece;
    }
    Ok(Value::Sequence {
        dtype: x.dtype(),
        items,
    })
}
