//! Which host operator computes a node on values without a byte layout: sequences, optionals, string tensors.
//!
//! Operators that only move, compare or order elements run their kernel on codes of the strings; the others have host
//! operators of their own.

use crate::whole::lower_whole;
use graphc_base::{DType, DimCx};
use graphc_ir::op::SequenceOp;
use graphc_ir::{Op, TensorType, ValueType};
use graphc_kernel::host::HostOp;

/// Whether a node runs on the host: an operator of the host, or one whose operands or results have no byte layout.
pub(crate) fn is_host(op: &Op, inputs: &[&ValueType], outputs: &[&ValueType]) -> bool {
    matches!(op, Op::Sequence(_) | Op::Text(_))
        || inputs.iter().chain(outputs).any(|ty| ty.is_host())
}

/// The host operator of a node. The error says what is missing.
pub(crate) fn host_op(
    cx: &DimCx,
    op: &Op,
    inputs: &[&ValueType],
    outputs: &[&ValueType],
) -> Result<HostOp, String> {
    match op {
        Op::Sequence(op) => Ok(sequence_op(op)),
        Op::Text(op) => Ok(HostOp::Text(op.clone())),
        Op::TfIdf(attrs) => Ok(HostOp::TfIdf(attrs.clone())),
        Op::LabelMap(map) => Ok(HostOp::LabelMap(map.clone())),
        Op::Cast {
            to: DType::String, ..
        } => Ok(HostOp::CastToString),
        Op::Cast { to, .. } => Ok(HostOp::CastFromString { to: *to }),
        _ => coded(cx, op, inputs, outputs),
    }
}

fn sequence_op(op: &SequenceOp) -> HostOp {
    match op {
        SequenceOp::Empty { .. } => HostOp::SequenceEmpty,
        SequenceOp::Construct => HostOp::SequenceConstruct,
        SequenceOp::Insert => HostOp::SequenceInsert,
        SequenceOp::Erase => HostOp::SequenceErase,
        SequenceOp::At { .. } => HostOp::SequenceAt,
        SequenceOp::Length => HostOp::SequenceLength,
        SequenceOp::Concat { axis, new_axis, .. } => HostOp::SequenceConcat {
            axis: *axis,
            new_axis: *new_axis,
        },
        SequenceOp::Split { axis, keep_dims } => HostOp::SequenceSplit {
            axis: *axis,
            keep_dims: *keep_dims,
        },
        SequenceOp::Some => HostOp::OptionalSome,
        SequenceOp::None { .. } => HostOp::OptionalNone,
        SequenceOp::Get { .. } => HostOp::OptionalGet,
        SequenceOp::Has => HostOp::OptionalHas,
    }
}

/// The kernel of an operator that takes strings for what they are worth in comparison, with codes in their place.
fn coded(
    cx: &DimCx,
    op: &Op,
    inputs: &[&ValueType],
    outputs: &[&ValueType],
) -> Result<HostOp, String> {
    let treats_alike = matches!(
        op,
        Op::Select
            | Op::Binary(_)
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Expand { .. }
            | Op::Slice { .. }
            | Op::Concat { .. }
            | Op::Pad { .. }
            | Op::Tile { .. }
            | Op::Gather { .. }
            | Op::GatherElements { .. }
            | Op::GatherNd { .. }
            | Op::ScatterElements { .. }
            | Op::ScatterNd { .. }
            | Op::ReverseSequence { .. }
            | Op::TopK { .. }
            | Op::Unique { .. }
    );
    if !treats_alike {
        return Err("it does not work on strings, sequences or optionals".to_owned());
    }
    let spec = lower_whole(cx, op, &codes(inputs)?, &codes(outputs)?)?;
    let string_results = outputs
        .iter()
        .enumerate()
        .filter(|(_, ty)| ty.is_host())
        .map(|(result, _)| result)
        .collect();
    Ok(HostOp::Coded {
        spec: Box::new(spec),
        string_results,
    })
}

/// Types with `i64` in place of strings.
fn codes(types: &[&ValueType]) -> Result<Vec<TensorType>, String> {
    types
        .iter()
        .map(|ty| match ty {
            ValueType::Tensor(tensor) => Ok(TensorType {
                dtype: match tensor.dtype {
                    DType::String => DType::I64,
                    dtype => dtype,
                },
                shape: tensor.shape.clone(),
            }),
            ValueType::Sequence(_) | ValueType::Optional(_) => {
                Err("it does not work on sequences or optionals".to_owned())
            }
        })
        .collect()
}
