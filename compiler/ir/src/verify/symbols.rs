//! Symbols: bound, by something that exists, before they are needed.

use super::Cx;
use super::error::{Entity, Errors};
use super::places::Place;
use crate::graph::{Binding, NodeId, ValueId};
use crate::print::Reach;
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, EntityId, SymId};
use std::collections::BTreeSet;

pub(super) fn verify_symbols(cx: &Cx<'_>, reach: &Reach, errors: &mut Errors<'_>) {
    let mut unbound = BTreeSet::new();
    for &symbol in &reach.symbols {
        if let Err(message) = binding_fault(cx, symbol) {
            unbound.insert(symbol);
            errors.add(Entity::Symbol(symbol), message);
        }
    }
    for &block in &reach.blocks {
        let lists = cx.graph.block(block);
        for &param in &lists.params {
            verify_type(cx, param, &unbound, errors);
        }
        for &node in &lists.nodes {
            if cx.graph.has_node(node) {
                verify_attributes(cx, node, &unbound, errors);
                for &output in &cx.graph.node(node).outputs {
                    verify_type(cx, output, &unbound, errors);
                }
            }
        }
    }
    for (symbol, binding) in &cx.graph.bindings {
        if !cx.graph.has_value(binding.value()) {
            errors.add(
                Entity::Symbol(*symbol),
                format_args!("is bound by {}, which is no value", binding.value()),
            );
        }
    }
}

/// Why a symbol that is mentioned has no value when the graph runs.
fn binding_fault(cx: &Cx<'_>, symbol: SymId) -> Result<(), String> {
    let graph = cx.graph;
    if symbol.index() >= graph.dims.n_symbols() {
        return Err("is mentioned and is no symbol of the graph".to_owned());
    }
    let Some(binding) = graph.bindings.get(&symbol) else {
        return Err("is mentioned and not bound".to_owned());
    };
    let value = binding.value();
    if !graph.has_value(value) {
        return Err(format!("is bound by {value}, which is no value"));
    }
    if cx.places.value(value).is_none() {
        return Err(format!("is bound by {value}, which is not defined"));
    }
    match *binding {
        Binding::Axis(_, axis) => match tensor_within(graph.ty(value)) {
            Some(ty) if axis < ty.rank() => Ok(()),
            _ => Err(format!(
                "is bound by axis {axis} of {value}, which does not have it"
            )),
        },
        Binding::Element(_, element) => match graph.ty(value) {
            ValueType::Tensor(ty) if !matches!(ty.dtype, DType::I32 | DType::I64) => Err(format!(
                "is bound by an element of {value}, which does not hold i32 or i64"
            )),
            ValueType::Tensor(ty) if has_element(ty, element) => Ok(()),
            _ => Err(format!(
                "is bound by element {element} of {value}, which does not have it"
            )),
        },
    }
}

/// Sizes are those of the tensor, also of one that may be absent.
fn tensor_within(ty: &ValueType) -> Option<&TensorType> {
    match ty {
        ValueType::Tensor(ty) => Some(ty),
        ValueType::Optional(inner) => tensor_within(inner),
        ValueType::Sequence(_) => None,
    }
}

/// Whether the tensor may have such an element; certain where its shape is constant.
fn has_element(ty: &TensorType, element: usize) -> bool {
    match ty.const_shape() {
        Some(shape) => shape
            .iter()
            .try_fold(1usize, |total, &size| total.checked_mul(size))
            .is_none_or(|n_elements| element < n_elements),
        None => true,
    }
}

/// Symbols in a value's type are bound before it, or together with it.
fn verify_type(cx: &Cx<'_>, value: ValueId, unbound: &BTreeSet<SymId>, errors: &mut Errors<'_>) {
    let Some(place) = cx.places.value(value) else {
        return;
    };
    let mut symbols = BTreeSet::new();
    cx.graph
        .ty(value)
        .visit_dims(&mut |dim| symbols.extend(dim.symbols()));
    for symbol in symbols.difference(unbound) {
        let is_known = bound_at(cx, *symbol)
            .is_some_and(|bound| bound == place || cx.places.is_before(bound, place));
        if !is_known {
            let name = cx.graph.dims.name(*symbol);
            errors.value(
                value,
                format_args!("mentions symbol {name}, which is not bound there"),
            );
        }
    }
}

/// Symbols in attributes are bound before the node.
fn verify_attributes(
    cx: &Cx<'_>,
    node: NodeId,
    unbound: &BTreeSet<SymId>,
    errors: &mut Errors<'_>,
) {
    let Some(place) = cx.places.node(node) else {
        return;
    };
    for symbol in cx.graph.node(node).op.needed_symbols().difference(unbound) {
        let is_known = bound_at(cx, *symbol).is_some_and(|bound| cx.places.is_before(bound, place));
        if !is_known {
            let name = cx.graph.dims.name(*symbol);
            errors.node(
                node,
                format_args!("needs symbol {name}, which is not bound before it"),
            );
        }
    }
}

fn bound_at(cx: &Cx<'_>, symbol: SymId) -> Option<Place> {
    cx.places.value(cx.graph.bindings.get(&symbol)?.value())
}
