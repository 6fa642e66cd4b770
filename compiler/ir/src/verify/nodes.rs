//! Operands, types and checks of nodes.

use super::error::Errors;
use super::{Cx, regions};
use crate::graph::{NodeId, ValueId};
use crate::infer::{InferCx, infer};
use crate::op::Op;
use crate::types::{TensorType, ValueType};

pub(super) fn verify_node(cx: &Cx<'_>, id: NodeId, errors: &mut Errors<'_>) {
    let graph = cx.graph;
    let node = graph.node(id);
    let has_all_values = node
        .inputs
        .iter()
        .chain(&node.outputs)
        .all(|value| graph.has_value(*value));
    verify_operands(cx, id, errors);
    if !has_all_values {
        return;
    }
    verify_types(cx, id, errors);
    match &node.op {
        Op::If(branch) => regions::verify_if(cx, id, branch, errors),
        Op::Loop(repeat) => regions::verify_loop(cx, id, repeat, errors),
        _ => {}
    }
}

/// Operands are defined before, in the same block.
fn verify_operands(cx: &Cx<'_>, id: NodeId, errors: &mut Errors<'_>) {
    let Some(place) = cx.places.node(id) else {
        return;
    };
    for &input in &cx.graph.node(id).inputs {
        match cx.places.value(input) {
            None => errors.node(id, format_args!("uses {input}, which is not defined")),
            Some(definition) if definition.block != place.block => errors.node(
                id,
                format_args!(
                    "uses {input} of {}, which {} does not capture",
                    definition.block, place.block
                ),
            ),
            Some(definition) if definition.position >= place.position => {
                errors.node(id, format_args!("uses {input} before it is defined"));
            }
            Some(_) => {}
        }
    }
}

fn verify_types(cx: &Cx<'_>, id: NodeId, errors: &mut Errors<'_>) {
    let graph = cx.graph;
    let node = graph.node(id);
    let inputs: Vec<&ValueType> = node.inputs.iter().map(|input| graph.ty(*input)).collect();
    let infer_cx = InferCx {
        dims: &graph.dims,
        consts: &graph.consts,
    };
    let inferred = match infer(&node.op, &inputs, infer_cx) {
        Ok(inferred) => inferred,
        Err(fault) => return errors.node(id, fault),
    };
    if inferred.outputs.len() != node.outputs.len() {
        return errors.node(
            id,
            format_args!(
                "has {} results and not {}",
                node.outputs.len(),
                inferred.outputs.len()
            ),
        );
    }
    for (&output, ty) in node.outputs.iter().zip(&inferred.outputs) {
        if !are_equal(cx, output, ty) {
            errors.node(
                id,
                format_args!("result {output} should be {}", ty.display(&graph.dims)),
            );
        }
    }
    for check in &inferred.checks {
        if !cx.is_checked(check) {
            let (a, b) = check.sides();
            errors.node(
                id,
                format_args!(
                    "needs a check of {} against {}, which the graph does not have",
                    graph.dims.display(a),
                    graph.dims.display(b)
                ),
            );
        }
    }
}

fn are_equal(cx: &Cx<'_>, value: ValueId, ty: &ValueType) -> bool {
    are_equal_types(cx, cx.graph.ty(value), ty)
}

fn are_equal_types(cx: &Cx<'_>, a: &ValueType, b: &ValueType) -> bool {
    match (a, b) {
        (ValueType::Tensor(a), ValueType::Tensor(b)) => are_equal_tensors(cx, a, b),
        (ValueType::Sequence(a), ValueType::Sequence(b)) => a == b,
        (ValueType::Optional(a), ValueType::Optional(b)) => are_equal_types(cx, a, b),
        _ => false,
    }
}

fn are_equal_tensors(cx: &Cx<'_>, a: &TensorType, b: &TensorType) -> bool {
    a.dtype == b.dtype
        && a.rank() == b.rank()
        && a.shape
            .iter()
            .zip(&b.shape)
            .all(|(a, b)| cx.are_equal(a, b))
}
