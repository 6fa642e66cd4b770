//! Values that stand for others, and what that means for the nodes that used them.

use graphc_base::{DimCx, Tri};
use graphc_ir::{
    Binding, BlockId, DimCheck, DimCheckKind, Graph, InferCx, NodeId, Op, OpTypes, SourceId,
    ValueDef, ValueId, ValueType, infer,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The main block and the regions below it, outer ones first.
pub(crate) fn blocks(graph: &Graph) -> Vec<BlockId> {
    let mut blocks = vec![Graph::MAIN];
    let mut next = 0;
    while let Some(&block) = blocks.get(next) {
        next += 1;
        for &node in &graph.block(block).nodes {
            blocks.extend(regions(&graph.node(node).op));
        }
    }
    blocks
}

/// The regions of an operator.
pub(crate) fn regions(op: &Op) -> Vec<BlockId> {
    match op {
        Op::If(branch) => vec![branch.then_block, branch.else_block],
        Op::Loop(repeat) => vec![repeat.body],
        _ => Vec::new(),
    }
}

/// Values to be replaced by others of equal type.
#[derive(Default)]
pub(crate) struct Replacements {
    map: BTreeMap<ValueId, ValueId>,
}

impl Replacements {
    /// What stands for a value.
    pub(crate) fn resolve(&self, mut value: ValueId) -> ValueId {
        while let Some(&next) = self.map.get(&value) {
            value = next;
        }
        value
    }

    /// From now on `new`, which is there whenever `old` is, stands for `old`.
    pub(crate) fn replace(&mut self, graph: &mut Graph, old: ValueId, new: ValueId) {
        let new = self.resolve(new);
        if old == new {
            return;
        }
        if graph.value(new).name.is_none()
            && let Some(name) = graph.value(old).name.clone()
        {
            graph.set_name(new, name);
        }
        self.map.insert(old, new);
    }

    /// Resolves the operands of a node, and records the checks that its new operand types ask for.
    pub(crate) fn update(&self, graph: &mut Graph, node: NodeId) {
        let inputs = &graph.node(node).inputs;
        if !inputs.iter().any(|input| self.map.contains_key(input)) {
            return;
        }
        for input in graph.inputs_mut(node) {
            *input = self.resolve(*input);
        }
        add_checks(graph, node);
    }

    /// Replaces everywhere.
    pub(crate) fn apply(self, graph: &mut Graph) {
        if self.map.is_empty() {
            return;
        }
        for block in blocks(graph) {
            for node in graph.block(block).nodes.clone() {
                self.update(graph, node);
            }
            for result in &mut graph.block_mut(block).results {
                *result = self.resolve(*result);
            }
        }
        for binding in graph.bindings.values_mut() {
            *binding = match *binding {
                Binding::Axis(value, axis) => Binding::Axis(self.resolve(value), axis),
                Binding::Element(value, element) => Binding::Element(self.resolve(value), element),
            };
        }
    }
}

/// Adds the provenance of one value to that of another.
pub(crate) fn join_sources(graph: &mut Graph, into: ValueId, from: ValueId) {
    let (into_sources, from_sources) = (&graph.value(into).sources, &graph.value(from).sources);
    if from_sources
        .iter()
        .all(|source| into_sources.contains(source))
    {
        return;
    }
    let both: BTreeSet<SourceId> = into_sources
        .iter()
        .chain(from_sources.iter())
        .copied()
        .collect();
    let both: Arc<[SourceId]> = both.into_iter().collect();
    graph.set_sources(into, both);
}

/// The types of an operator on these operands.
pub(crate) fn types_of(graph: &Graph, op: &Op, inputs: &[ValueId]) -> Option<OpTypes> {
    let types: Vec<&ValueType> = inputs.iter().map(|&input| graph.ty(input)).collect();
    let cx = InferCx {
        dims: &graph.dims,
        consts: &graph.consts,
    };
    infer(op, &types, cx).ok()
}

/// Whether the operator on these operands has one result, of the same type as `like`, and asks for no new check.
pub(crate) fn is_like(graph: &Graph, op: &Op, inputs: &[ValueId], like: ValueId) -> bool {
    types_of(graph, op, inputs).is_some_and(|types| {
        matches!(&types.outputs[..], [output] if are_equal(&graph.dims, output, graph.ty(like)))
            && types
                .checks
                .iter()
                .all(|kind| has_check(graph, kind, block_of(graph, like)))
    })
}

/// Whether both values provably have the same type.
pub(crate) fn have_equal_types(graph: &Graph, a: ValueId, b: ValueId) -> bool {
    are_equal(&graph.dims, graph.ty(a), graph.ty(b))
}

fn are_equal(cx: &DimCx, a: &ValueType, b: &ValueType) -> bool {
    match (a, b) {
        (ValueType::Tensor(a), ValueType::Tensor(b)) => {
            a.dtype == b.dtype
                && a.rank() == b.rank()
                && a.shape
                    .iter()
                    .zip(&b.shape)
                    .all(|(a, b)| cx.eq(a, b) == Tri::Yes)
        }
        _ => a == b,
    }
}

/// Whether a check of the block, or of the main one, says it.
fn has_check(graph: &Graph, kind: &DimCheckKind, block: BlockId) -> bool {
    graph
        .checks
        .iter()
        .any(|check| check.kind == *kind && (check.block == block || check.block == Graph::MAIN))
}

/// The block that a value is of.
pub(crate) fn block_of(graph: &Graph, value: ValueId) -> BlockId {
    match graph.value(value).def {
        ValueDef::Param { block, .. } => block,
        ValueDef::Node { node, .. } => graph.node(node).block,
    }
}

/// Records the checks that a node asks for and the graph does not have. They follow from those that it has, since operands
/// were replaced by equal ones only; they may look different.
pub(crate) fn add_checks(graph: &mut Graph, node: NodeId) {
    let Some(types) = types_of(graph, &graph.node(node).op, &graph.node(node).inputs) else {
        return;
    };
    let block = graph.node(node).block;
    for kind in types.checks {
        if has_check(graph, &kind, block) {
            continue;
        }
        let op = graph.node(node).op.name();
        let source = graph
            .node(node)
            .outputs
            .first()
            .and_then(|&output| graph.value(output).sources.last())
            .and_then(|&source| graph.sources.get(source));
        let name = source.map_or(op, |source| source.name.as_str());
        let what = format!("{name} ({op})");
        graph.checks.push(DimCheck { kind, what, block });
    }
}
