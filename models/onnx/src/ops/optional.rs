//! Optionals. A value that is known to be there, or known not to be, needs none.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, FreshAxes, NodeCx};
use graphc_base::DType;
use graphc_ir::op::{Op, SequenceOp};
use graphc_ir::{TensorType, ValueId, ValueType};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Optional", optional),
    onnx("OptionalGetElement", get),
    onnx("OptionalHasElement", has),
];

fn optional(cx: &mut NodeCx<'_, '_>) -> Converted {
    let declared = cx.type_opt("type")?;
    if let Some(x) = cx.opt(0) {
        return Ok(vec![cx.b.op1(Op::Sequence(SequenceOp::Some), &[x])?]);
    }
    let Some(inner) = declared else {
        return Err(ConvertError::Invalid(
            "has neither an operand nor a type".into(),
        ));
    };
    Ok(vec![
        cx.b.op1(Op::Sequence(SequenceOp::None { inner }), &[])?,
    ])
}

/// What is known of an optional.
enum Content {
    Value(ValueId),
    Absent,
    Unknown(ValueType),
}

fn content(cx: &NodeCx<'_, '_>, x: ValueId) -> Content {
    let ValueType::Optional(inner) = cx.b.ty(x) else {
        return Content::Value(x);
    };
    let graph = cx.b.graph();
    let node = graph.def_node(x).map(|node| graph.node(node));
    match node.map(|node| (&node.op, &node.inputs[..])) {
        Some((Op::Sequence(SequenceOp::Some), [value])) => Content::Value(*value),
        Some((Op::Sequence(SequenceOp::None { .. }), _)) => Content::Absent,
        _ => Content::Unknown((**inner).clone()),
    }
}

fn has(cx: &mut NodeCx<'_, '_>) -> Converted {
    let known = match cx.opt(0) {
        None => false,
        Some(x) => match content(cx, x) {
            Content::Value(_) => true,
            Content::Absent => false,
            Content::Unknown(_) => {
                return Ok(vec![cx.b.op1(Op::Sequence(SequenceOp::Has), &[x])?]);
            }
        },
    };
    Ok(vec![cx.b.const_scalar_i64(DType::Bool, i64::from(known))])
}

fn get(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    Ok(vec![get_from(cx, x)?])
}

/// What an optional holds; of other values, the value.
pub(super) fn get_from(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    let inner = match content(cx, x) {
        Content::Value(value) => return Ok(value),
        // What is absent fails when it is read, if it ever is.
        Content::Absent => match cx.b.ty(x) {
            ValueType::Optional(inner) => (**inner).clone(),
            other => other.clone(),
        },
        Content::Unknown(inner) => inner,
    };
    let mut fresh = FreshAxes::default();
    let result = match inner {
        ValueType::Tensor(tensor) => {
            let shape = tensor
                .shape
                .iter()
                .enumerate()
                .map(|(axis, dim)| match dim.is_const() {
                    true => dim.clone(),
                    false => cx.fresh_size(0, axis, &mut fresh),
                })
                .collect();
            ValueType::Tensor(TensorType {
                dtype: tensor.dtype,
                shape,
            })
        }
        other => other,
    };
    let op = Op::Sequence(SequenceOp::Get { result });
    let results = cx.op_with_fresh_axes(op, &[x], fresh)?;
    results
        .first()
        .copied()
        .ok_or_else(|| ConvertError::Invalid("gives no result".into()))
}
