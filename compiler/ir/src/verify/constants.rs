//! The constant store.

use super::error::{Entity, Errors};
use crate::consts::{ConstData, ConstId, Constant};
use crate::graph::Graph;
use crate::infer::{InferCx, infer};
use crate::op::Op;
use crate::types::ValueType;
use graphc_base::DType;

pub(super) fn verify_constants(graph: &Graph, errors: &mut Errors<'_>) {
    for (id, constant) in graph.consts.iter() {
        if let Err(message) = verify_constant(graph, id, constant) {
            errors.add(Entity::Constant(id), message);
        }
    }
}

fn verify_constant(graph: &Graph, id: ConstId, constant: &Constant) -> Result<(), String> {
    let Some(shape) = constant.ty.const_shape() else {
        return Err("has a shape that is not one of constant sizes".to_owned());
    };
    let Some(n_elements) = shape.into_iter().try_fold(1usize, usize::checked_mul) else {
        return Err("has more elements than can be counted".to_owned());
    };
    match &constant.data {
        ConstData::Mapped { file, range } => {
            if range.start > range.end || range.end > file.len() {
                return Err(format!(
                    "is bytes {} to {} of a file of {}",
                    range.start,
                    range.end,
                    file.len()
                ));
            }
            verify_length(constant, n_elements, range.len())
        }
        ConstData::Inline(bytes) => verify_length(constant, n_elements, bytes.len()),
        ConstData::Strings(strings) => {
            if constant.ty.dtype != DType::String {
                Err(format!("holds strings and is {}", constant.ty.dtype))
            } else if strings.len() != n_elements {
                Err(format!("has {} strings for {n_elements}", strings.len()))
            } else {
                Ok(())
            }
        }
        ConstData::Derived { op, inputs, output } => verify_derived(graph, id, op, inputs, *output),
    }
}

fn verify_length(constant: &Constant, n_elements: usize, n_bytes: usize) -> Result<(), String> {
    if constant.ty.dtype == DType::String {
        return Err("holds bytes and is string".to_owned());
    }
    match constant.ty.dtype.byte_len(n_elements) {
        Some(wanted) if wanted == n_bytes => Ok(()),
        Some(wanted) => Err(format!("has {n_bytes} bytes for {wanted}")),
        None => Err("has more bytes than can be counted".to_owned()),
    }
}

fn verify_derived(
    graph: &Graph,
    id: ConstId,
    op: &Op,
    inputs: &[ConstId],
    output: usize,
) -> Result<(), String> {
    if let Some(other) = inputs
        .iter()
        .copied()
        .chain(op.constants())
        .find(|other| *other >= id)
    {
        return Err(format!("is derived from {other}, which is not before it"));
    }
    if !op.blocks().is_empty() || matches!(op, Op::Random { .. }) {
        return Err(format!("is derived by {}, which may not be", op.name()));
    }
    let types: Vec<ValueType> = inputs
        .iter()
        .map(|input| ValueType::Tensor(graph.consts[*input].ty.clone()))
        .collect();
    let cx = InferCx {
        dims: &graph.dims,
        consts: &graph.consts,
    };
    let inferred =
        infer(op, &types.iter().collect::<Vec<_>>(), cx).map_err(|fault| fault.to_string())?;
    if !inferred.checks.is_empty() {
        return Err("is derived under a condition".to_owned());
    }
    match inferred.outputs.get(output) {
        Some(ValueType::Tensor(ty)) if *ty == graph.consts[id].ty => Ok(()),
        Some(ty) => Err(format!("should be {}", ty.display(&graph.dims))),
        None => Err(format!(
            "is result {output}, which {} does not have",
            op.name()
        )),
    }
}
