//! Which entities a text shows, in which order, and the numbers that it gives them.

use crate::consts::{ConstData, ConstId};
use crate::graph::{BlockId, DimCheck, Graph, NodeId, SourceId, ValueId};
use graphc_base::{Dim, EntityId, SymId};
use std::collections::{BTreeMap, BTreeSet};

/// The blocks that the main block reaches, and what they mention.
#[derive(Default)]
pub(crate) struct Reach {
    /// Breadth first from the main block.
    pub(crate) blocks: Vec<BlockId>,
    /// By id: operands of derived ones have smaller ids.
    pub(crate) constants: BTreeSet<ConstId>,
    pub(crate) symbols: BTreeSet<SymId>,
    pub(crate) sources: BTreeSet<SourceId>,
}

impl Reach {
    /// Ids that are not of the graph are skipped.
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut reach = Reach::default();
        let mut seen = BTreeSet::from([Graph::MAIN]);
        reach.blocks.push(Graph::MAIN);
        let mut next = 0;
        while let Some(&block) = reach.blocks.get(next) {
            next += 1;
            for &param in &graph.block(block).params {
                reach.add_value(graph, param);
            }
            for &node in graph.block(block).nodes.iter() {
                if !graph.has_node(node) {
                    continue;
                }
                for region in reach.add_node(graph, node) {
                    if graph.has_block(region) && seen.insert(region) {
                        reach.blocks.push(region);
                    }
                }
            }
        }
        let blocks = reach.blocks.clone();
        let reached = |check: &&DimCheck| blocks.contains(&check.block);
        for check in graph.checks.iter().filter(reached) {
            let (a, b) = check.kind.sides();
            reach.add_dim(a);
            reach.add_dim(b);
        }
        reach.add_derivations(graph);
        reach
    }

    fn add_dim(&mut self, dim: &Dim) {
        dim.visit_symbols(&mut |symbol| {
            self.symbols.insert(symbol);
        });
    }

    fn add_value(&mut self, graph: &Graph, value: ValueId) {
        if !graph.has_value(value) {
            return;
        }
        graph.ty(value).visit_dims(&mut |dim| self.add_dim(dim));
        self.sources.extend(graph.value(value).sources.iter());
    }

    /// Adds what a node mentions; gives its regions.
    fn add_node(&mut self, graph: &Graph, node: NodeId) -> Vec<BlockId> {
        let node = graph.node(node);
        for &output in &node.outputs {
            self.add_value(graph, output);
        }
        node.op.visit_dims(&mut |dim| self.add_dim(dim));
        self.constants.extend(node.op.constants());
        node.op.blocks()
    }

    /// Constants from which others are derived, and the dims of those derivations.
    fn add_derivations(&mut self, graph: &Graph) {
        let mut open: Vec<ConstId> = self.constants.iter().copied().collect();
        while let Some(id) = open.pop() {
            let Some(constant) = graph.consts.get(id) else {
                self.constants.remove(&id);
                continue;
            };
            constant.ty.shape.iter().for_each(|dim| self.add_dim(dim));
            if let ConstData::Derived { op, inputs, .. } = &constant.data {
                op.visit_dims(&mut |dim| self.add_dim(dim));
                for id in inputs.iter().copied().chain(op.constants()) {
                    if self.constants.insert(id) {
                        open.push(id);
                    }
                }
            }
        }
    }
}

/// The numbers that ids are shown with.
#[derive(Default)]
pub(crate) struct Numbers {
    /// `None` shows ids as they are.
    renumbered: Option<Renumbered>,
}

#[derive(Default)]
struct Renumbered {
    values: BTreeMap<ValueId, ValueId>,
    blocks: BTreeMap<BlockId, BlockId>,
    constants: BTreeMap<ConstId, ConstId>,
    sources: BTreeMap<SourceId, SourceId>,
}

impl Numbers {
    /// Ids as they are.
    pub(crate) fn as_they_are() -> Self {
        Self::default()
    }

    /// Dense numbers in the order of the text, so that graphs that differ in ids only have the same text.
    pub(crate) fn dense(graph: &Graph, reach: &Reach) -> Self {
        let mut values = BTreeMap::new();
        let mut define = |value: ValueId| {
            let number = ValueId::from_index(values.len());
            values.entry(value).or_insert(number);
        };
        for &block in &reach.blocks {
            let block = graph.block(block);
            block.params.iter().copied().for_each(&mut define);
            for &node in block.nodes.iter().filter(|node| graph.has_node(**node)) {
                graph
                    .node(node)
                    .outputs
                    .iter()
                    .copied()
                    .for_each(&mut define);
            }
        }
        Self {
            renumbered: Some(Renumbered {
                values,
                blocks: dense(reach.blocks.iter().copied()),
                constants: dense(reach.constants.iter().copied()),
                sources: dense(reach.sources.iter().copied()),
            }),
        }
    }

    pub(super) fn value(&self, id: ValueId) -> ValueId {
        self.look_up(id, |renumbered| &renumbered.values)
    }

    pub(super) fn block(&self, id: BlockId) -> BlockId {
        self.look_up(id, |renumbered| &renumbered.blocks)
    }

    pub(super) fn constant(&self, id: ConstId) -> ConstId {
        self.look_up(id, |renumbered| &renumbered.constants)
    }

    pub(super) fn source(&self, id: SourceId) -> SourceId {
        self.look_up(id, |renumbered| &renumbered.sources)
    }

    fn look_up<T: EntityId>(&self, id: T, map: fn(&Renumbered) -> &BTreeMap<T, T>) -> T {
        self.renumbered
            .as_ref()
            .and_then(|renumbered| map(renumbered).get(&id).copied())
            .unwrap_or(id)
    }
}

fn dense<T: EntityId>(ids: impl Iterator<Item = T>) -> BTreeMap<T, T> {
    ids.enumerate()
        .map(|(index, id)| (id, T::from_index(index)))
        .collect()
}
