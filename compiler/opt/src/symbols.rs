//! Symbols of which something else says what they are.

use crate::pass::{PassCx, PassReport};
use crate::replace::{add_checks, block_of, blocks, types_of};
use graphc_base::{Dim, Interval, SymId, Tri};
use graphc_ir::{
    Binding, DimCheck, DimCheckKind, Graph, TensorType, ValueId, ValueType, known_values,
};
use std::collections::{BTreeMap, BTreeSet};

/// Replaces symbols by dims everywhere: where two symbols are bound from the same place, where a symbol is bound from an
/// axis whose size is another dim, and where it is bound from an element that is known. What the range of such a symbol
/// promised becomes a check unless it is provable. Checks that are proved then go. Where sizes contradict each other, so that
/// some node could never run, no symbol is replaced: the checks that say so fail when the node is reached.
///
/// Requires a sound graph. Ensures that replaced symbols are mentioned nowhere. Never changes nodes.
pub fn resolve_symbols(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    let meanings = meanings(graph);
    if !meanings.is_empty() {
        let before = graph.clone();
        for (symbol, dim) in &meanings {
            keep_range(graph, *symbol, dim);
            graph.bindings.remove(symbol);
        }
        substitute(graph, &meanings);
        if is_typed(graph) {
            for block in blocks(graph) {
                for node in graph.block(block).nodes.clone() {
                    add_checks(graph, node);
                }
            }
            report.count("resolved_symbol", meanings.len());
        } else {
            *graph = before;
        }
    }
    report.count("proved_check", remove_proved(graph));
    report
}

/// Whether every node still takes its operands.
fn is_typed(graph: &Graph) -> bool {
    blocks(graph).into_iter().all(|block| {
        let mut nodes = graph.block(block).nodes.iter();
        nodes.all(|&node| {
            let node = graph.node(node);
            types_of(graph, &node.op, &node.inputs).is_some()
        })
    })
}

/// What symbols stand for; no dim mentions a symbol that is itself replaced.
fn meanings(graph: &Graph) -> BTreeMap<SymId, Dim> {
    let known = known_values(graph);
    let mut first: BTreeMap<Binding, SymId> = BTreeMap::new();
    let mut meanings: BTreeMap<SymId, Dim> = BTreeMap::new();
    let mut mentioned: BTreeSet<SymId> = BTreeSet::new();
    for (&symbol, &binding) in &graph.bindings {
        let dim = match binding {
            Binding::Axis(value, axis) => axis_dim(graph, value, axis),
            Binding::Element(value, element) => known[value]
                .as_ref()
                .and_then(|known| known.dim(element))
                .filter(|dim| !dim.is_overflow())
                .cloned(),
        };
        let dim = dim
            .filter(|dim| !dim.symbols().contains(&symbol))
            .or_else(|| first.get(&binding).map(|&twin| Dim::symbol(twin)));
        first.entry(binding).or_insert(symbol);
        let Some(dim) = dim else { continue };
        let symbols = dim.symbols();
        if mentioned.contains(&symbol) || symbols.iter().any(|symbol| meanings.contains_key(symbol))
        {
            continue;
        }
        mentioned.extend(symbols);
        meanings.insert(symbol, dim);
    }
    meanings
}

fn axis_dim(graph: &Graph, value: ValueId, axis: usize) -> Option<Dim> {
    graph.tensor_ty(value)?.shape.get(axis).cloned()
}

/// Checks what the range of a symbol said about the dim that takes its place.
fn keep_range(graph: &mut Graph, symbol: SymId, dim: &Dim) {
    let range = graph.dims.range(symbol);
    if let Some(twin) = dim.as_symbol() {
        let other = graph.dims.range(twin);
        let both = Interval {
            lo: range.lo.max(other.lo),
            hi: range.hi.min(other.hi),
        };
        if both.lo <= both.hi {
            graph.dims.set_range(twin, both);
            return;
        }
    }
    let bounds = graph.dims.bounds(dim);
    let name = graph.dims.name(symbol).to_owned();
    let bound_in = graph
        .bindings
        .get(&symbol)
        .map_or(Graph::MAIN, |binding| block_of(graph, binding.value()));
    let mut demand = |a: Dim, b: Dim| {
        graph.checks.push(DimCheck {
            kind: DimCheckKind::LessEqual(a, b),
            what: format!("range of {name}"),
            block: bound_in,
        });
    };
    if bounds.lo < range.lo {
        demand(Dim::constant(range.lo), dim.clone());
    }
    if bounds.hi > range.hi {
        demand(dim.clone(), Dim::constant(range.hi));
    }
}

fn substitute(graph: &mut Graph, meanings: &BTreeMap<SymId, Dim>) {
    let cx = graph.dims.clone();
    let map = |dim: &Dim| {
        if dim.is_const() {
            return dim.clone();
        }
        cx.substitute(dim, &|symbol| meanings.get(&symbol).cloned())
    };
    for block in blocks(graph) {
        let mut values = graph.block(block).params.clone();
        for node in graph.block(block).nodes.clone() {
            values.extend_from_slice(&graph.node(node).outputs);
            let mut op = graph.node(node).op.clone();
            op.map_dims(&mut |dim| map(dim));
            graph.set_op(node, op);
        }
        for value in values {
            let ty = map_type(graph.ty(value), &map);
            graph.set_ty(value, ty);
        }
    }
    for check in &mut graph.checks {
        check.kind = match &check.kind {
            DimCheckKind::Equal(a, b) => DimCheckKind::Equal(map(a), map(b)),
            DimCheckKind::Broadcast(a, b) => DimCheckKind::Broadcast(map(a), map(b)),
            DimCheckKind::LessEqual(a, b) => DimCheckKind::LessEqual(map(a), map(b)),
        };
    }
}

fn map_type(ty: &ValueType, map: &dyn Fn(&Dim) -> Dim) -> ValueType {
    match ty {
        ValueType::Tensor(ty) => ValueType::Tensor(TensorType {
            dtype: ty.dtype,
            shape: ty.shape.iter().map(map).collect(),
        }),
        ValueType::Sequence(element) => ValueType::Sequence(element.clone()),
        ValueType::Optional(inner) => ValueType::Optional(Box::new(map_type(inner, map))),
    }
}

/// Removes checks that hold whatever the symbols are, and repeated ones. What a node asks for stays: two equal dims may
/// both have no value where sizes do not broadcast, and then the check is what says so.
fn remove_proved(graph: &mut Graph) -> usize {
    let n_checks = graph.checks.len();
    let mut demanded = BTreeSet::new();
    for block in blocks(graph) {
        for &node in &graph.block(block).nodes {
            let node = graph.node(node);
            let types = types_of(graph, &node.op, &node.inputs);
            demanded.extend(types.into_iter().flat_map(|types| types.checks));
        }
    }
    let cx = &graph.dims;
    let mut seen = BTreeSet::new();
    graph.checks.retain(|check| {
        let is_proved = match &check.kind {
            DimCheckKind::Equal(a, b) => cx.eq(a, b) == Tri::Yes,
            DimCheckKind::Broadcast(a, b) => {
                cx.eq(a, b) == Tri::Yes || *a == Dim::ONE || *b == Dim::ONE
            }
            DimCheckKind::LessEqual(a, b) => cx.le(a, b) == Tri::Yes,
        };
        (!is_proved || demanded.contains(&check.kind))
            && seen.insert((check.block, check.kind.clone()))
    });
    n_checks - graph.checks.len()
}
