//! Attributes of recurrent layers, and of operators with regions or on sequences.

use super::Codec;
use crate::op::{If, Loop, Recurrent, RecurrentKind, SequenceOp};
use crate::types::{TensorType, ValueType};

pub(super) fn recurrent<C: Codec>(layer: &mut Recurrent, codec: &mut C) -> Result<(), C::Error> {
    let Recurrent {
        kind,
        direction,
        hidden,
        activations,
        clip,
        has_bias,
        has_lens,
        has_h0,
        has_c0,
        has_peephole,
    } = layer;
    match kind {
        RecurrentKind::Plain => {}
        RecurrentKind::Gru {
            linear_before_reset,
        } => codec.flag("linear_before_reset", linear_before_reset)?,
        RecurrentKind::Lstm { input_forget } => codec.flag("input_forget", input_forget)?,
    }
    codec.attr("direction", direction)?;
    codec.attr("hidden", hidden)?;
    codec.attr("activations", activations)?;
    codec.option("clip", clip)?;
    codec.flag("has_bias", has_bias)?;
    codec.flag("has_lens", has_lens)?;
    codec.flag("has_h0", has_h0)?;
    codec.flag("has_c0", has_c0)?;
    codec.flag("has_peephole", has_peephole)
}

pub(super) fn branch<C: Codec>(branch: &mut If, codec: &mut C) -> Result<(), C::Error> {
    let If {
        then_block,
        else_block,
        results,
    } = branch;
    codec.attr("then", then_block)?;
    codec.attr("else", else_block)?;
    codec.result_types(results)
}

pub(super) fn repeat<C: Codec>(repeat: &mut Loop, codec: &mut C) -> Result<(), C::Error> {
    let Loop {
        body,
        has_trip_count,
        has_condition,
        n_carried,
        n_scanned,
        results,
    } = repeat;
    codec.attr("body", body)?;
    codec.flag("has_trip_count", has_trip_count)?;
    codec.flag("has_condition", has_condition)?;
    codec.attr("carried", n_carried)?;
    codec.attr("scanned", n_scanned)?;
    codec.result_types(results)
}

pub(super) fn sequence<C: Codec>(op: &mut SequenceOp, codec: &mut C) -> Result<(), C::Error> {
    match op {
        SequenceOp::Construct
        | SequenceOp::Insert
        | SequenceOp::Erase
        | SequenceOp::Length
        | SequenceOp::Some
        | SequenceOp::Has => Ok(()),
        SequenceOp::Empty { element } => codec.attr("element", element),
        SequenceOp::At { result } => result_tensor(result, codec),
        SequenceOp::Concat {
            axis,
            new_axis,
            result,
        } => {
            codec.attr("axis", axis)?;
            codec.flag("new_axis", new_axis)?;
            result_tensor(result, codec)
        }
        SequenceOp::Split { axis, keep_dims } => {
            codec.attr("axis", axis)?;
            codec.flag("keep_dims", keep_dims)
        }
        SequenceOp::None { inner } => codec.attr("inner", inner),
        SequenceOp::Get { result } => result_type(result, codec),
    }
}

/// The type of the one result. A list of another length or kind, which only hostile text gives, changes nothing: the
/// verifier then finds that the node's values have other types.
fn result_type<C: Codec>(result: &mut ValueType, codec: &mut C) -> Result<(), C::Error> {
    let mut types = vec![result.clone()];
    codec.result_types(&mut types)?;
    if let Some(first) = types.into_iter().next() {
        *result = first;
    }
    Ok(())
}

fn result_tensor<C: Codec>(result: &mut TensorType, codec: &mut C) -> Result<(), C::Error> {
    let mut ty = ValueType::Tensor(result.clone());
    result_type(&mut ty, codec)?;
    if let ValueType::Tensor(tensor) = ty {
        *result = tensor;
    }
    Ok(())
}
