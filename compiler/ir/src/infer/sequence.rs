//! Operators on sequences and optionals.

use super::TypeError;
use super::call::{Call, Outputs, one};
use super::region::is_like;
use crate::op::SequenceOp;
use crate::types::{ElementType, TensorType, ValueType};
use graphc_base::DType;

pub(super) fn sequence(call: &mut Call<'_>, op: &SequenceOp) -> Outputs {
    match op {
        SequenceOp::Empty { element } => {
            call.no_operands()?;
            Ok(vec![ValueType::Sequence(element.clone())])
        }
        SequenceOp::Construct => construct(call),
        SequenceOp::Insert => {
            call.arity(&["seq", "x", "position"], 1)?;
            let element = element(call)?;
            let x = call.tensor(1)?;
            position(call, 2)?;
            call.same_dtype("x", x, element.dtype)?;
            let rank = element.rank.filter(|&rank| rank == x.rank());
            let dtype = element.dtype;
            Ok(vec![ValueType::Sequence(ElementType { dtype, rank })])
        }
        SequenceOp::Erase => {
            call.arity(&["seq", "position"], 1)?;
            let element = element(call)?;
            position(call, 1)?;
            Ok(vec![ValueType::Sequence(element.clone())])
        }
        SequenceOp::At { result } => {
            call.arity(&["seq", "position"], 0)?;
            let element = element(call)?;
            position(call, 1)?;
            fits(call, element, result, 0)
        }
        SequenceOp::Length => {
            call.arity(&["seq"], 0)?;
            element(call)?;
            one(DType::I64, Vec::new())
        }
        SequenceOp::Concat {
            axis,
            new_axis,
            result,
        } => {
            call.arity(&["seq"], 0)?;
            let element = element(call)?;
            call.axis(*axis, result.rank())?;
            fits(call, element, result, usize::from(*new_axis))
        }
        SequenceOp::Split { axis, keep_dims } => split(call, *axis, *keep_dims),
        SequenceOp::Some => {
            call.arity(&["x"], 0)?;
            wrap(call, call.inputs()[0])
        }
        SequenceOp::None { inner } => {
            call.no_operands()?;
            wrap(call, inner)
        }
        SequenceOp::Get { result } => {
            call.arity(&["x"], 0)?;
            let held = match call.inputs()[0] {
                ValueType::Optional(inner) => inner,
                present => present,
            };
            call.ensure(
                is_like(held, result),
                "the result is of another kind, dtype or rank",
            )?;
            Ok(vec![result.clone()])
        }
        SequenceOp::Has => {
            call.arity(&["x"], 0)?;
            one(DType::Bool, Vec::new())
        }
    }
}

/// The element type of operand 0.
fn element<'a>(call: &Call<'a>) -> Result<&'a ElementType, TypeError> {
    match call.inputs().first() {
        Some(ValueType::Sequence(element)) => Ok(element),
        _ => Err(call.fail("seq is not a sequence")),
    }
}

/// The position operand, where it is there.
fn position(call: &Call<'_>, operand_idx: usize) -> Result<(), TypeError> {
    if operand_idx < call.inputs().len() {
        let ty = call.tensor(operand_idx)?;
        call.scalar("position", ty, DType::I64)?;
    }
    Ok(())
}

/// `result` as the type of one element, with `n_new_axes` more.
fn fits(call: &Call<'_>, element: &ElementType, result: &TensorType, n_new_axes: usize) -> Outputs {
    call.same_dtype("result", result, element.dtype)?;
    if let Some(rank) = element.rank {
        call.rank("result", result, rank.saturating_add(n_new_axes))?;
    }
    Ok(vec![ValueType::Tensor(result.clone())])
}

fn construct(call: &mut Call<'_>) -> Outputs {
    call.ensure(!call.inputs().is_empty(), "takes at least one operand")?;
    let first = call.tensor(0)?;
    let mut rank = Some(first.rank());
    for operand_idx in 1..call.inputs().len() {
        let ty = call.tensor(operand_idx)?;
        call.ensure(ty.dtype == first.dtype, "dtypes differ")?;
        rank = rank.filter(|&rank| rank == ty.rank());
    }
    let dtype = first.dtype;
    Ok(vec![ValueType::Sequence(ElementType { dtype, rank })])
}

fn split(call: &mut Call<'_>, axis: usize, keep_dims: bool) -> Outputs {
    let ([x], [split]) = call.tensors_then(["x"], ["split"])?;
    call.axis(axis, x.rank())?;
    if let Some(split) = split {
        call.same_dtype("split", split, DType::I64)?;
        call.ensure(split.rank() <= 1, "split must have rank 0 or 1")?;
    }
    let drops_axis = split.is_none() && !keep_dims;
    Ok(vec![ValueType::Sequence(ElementType {
        dtype: x.dtype,
        rank: Some(x.rank() - usize::from(drops_axis)),
    })])
}

fn wrap(call: &Call<'_>, inner: &ValueType) -> Outputs {
    call.ensure(
        !matches!(inner, ValueType::Optional(_)),
        "an optional cannot hold an optional",
    )?;
    Ok(vec![ValueType::Optional(Box::new(inner.clone()))])
}
