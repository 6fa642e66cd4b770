//! What is known of a graph before it runs: where values die, which symbols a value binds, which checks a symbol settles.

use crate::symbols::Symbols;
use graphc_base::{Dim, SecondaryMap, SymId};
use graphc_ir::{Binding, BlockId, DimCheckKind, Graph, NodeId, ValueId};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Schedule {
    dead_after: SecondaryMap<NodeId, Vec<ValueId>>,
    is_used: SecondaryMap<ValueId, bool>,
    bound_by: SecondaryMap<ValueId, Vec<(SymId, Binding)>>,
    symbols_of: SecondaryMap<BlockId, Vec<SymId>>,
    checks_of: BTreeMap<(BlockId, SymId), Vec<usize>>,
    symbols_of_check: Vec<BTreeSet<SymId>>,
    checks_in: BTreeMap<BlockId, Vec<usize>>,
}

impl Schedule {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut schedule = Self::default();
        for (&symbol, &binding) in &graph.bindings {
            if graph.has_value(binding.value()) {
                schedule.bound_by[binding.value()].push((symbol, binding));
            }
        }
        for block_id in graph.block_ids() {
            schedule.add_block(graph, block_id);
        }
        for (check_idx, check) in graph.checks.iter().enumerate() {
            let symbols = check_symbols(&check.kind);
            for &symbol in &symbols {
                schedule
                    .checks_of
                    .entry((check.block, symbol))
                    .or_default()
                    .push(check_idx);
            }
            schedule
                .checks_in
                .entry(check.block)
                .or_default()
                .push(check_idx);
            schedule.symbols_of_check.push(symbols);
        }
        schedule
    }

    fn add_block(&mut self, graph: &Graph, block_id: BlockId) {
        let block = graph.block(block_id);
        let mut last_use: BTreeMap<ValueId, NodeId> = BTreeMap::new();
        for &node in &block.nodes {
            for &input in &graph.node(node).inputs {
                self.is_used[input] = true;
                last_use.insert(input, node);
            }
        }
        for &result in &block.results {
            self.is_used[result] = true;
            last_use.remove(&result);
        }
        for (value, node) in last_use {
            self.dead_after[node].push(value);
        }
        let made = block
            .nodes
            .iter()
            .flat_map(|&node| graph.node(node).outputs.iter());
        for &value in block.params.iter().chain(made) {
            let symbols = self.bound_by[value].iter().map(|&(symbol, _)| symbol);
            let symbols: Vec<SymId> = symbols.collect();
            self.symbols_of[block_id].extend(symbols);
        }
    }

    /// Values that no later node of the block reads.
    pub(super) fn dead_after(&self, node: NodeId) -> &[ValueId] {
        &self.dead_after[node]
    }

    /// Whether anything reads a value.
    pub(super) fn is_used(&self, value: ValueId) -> bool {
        self.is_used[value]
    }

    /// Symbols that a value binds.
    pub(super) fn bound_by(&self, value: ValueId) -> &[(SymId, Binding)] {
        &self.bound_by[value]
    }

    /// Symbols that values of a block bind, regions inside it apart.
    pub(super) fn symbols_of(&self, block: BlockId) -> &[SymId] {
        &self.symbols_of[block]
    }

    /// Checks of a block that mention one of these symbols, each once.
    pub(super) fn checks_of(&self, block: BlockId, symbols: &[SymId]) -> BTreeSet<usize> {
        let lists = symbols
            .iter()
            .filter_map(|&symbol| self.checks_of.get(&(block, symbol)));
        lists.flatten().copied().collect()
    }

    /// Checks of a block.
    pub(super) fn checks_in(&self, block: BlockId) -> &[usize] {
        self.checks_in.get(&block).map_or(&[], Vec::as_slice)
    }

    /// Whether all symbols of a check are bound.
    pub(super) fn is_ready(&self, check_idx: usize, symbols: &Symbols) -> bool {
        let needed = self.symbols_of_check[check_idx].iter();
        needed.copied().all(|symbol| symbols.get(symbol).is_some())
    }
}

fn check_symbols(check: &DimCheckKind) -> BTreeSet<SymId> {
    let (DimCheckKind::Equal(lhs, rhs)
    | DimCheckKind::Broadcast(lhs, rhs)
    | DimCheckKind::LessEqual(lhs, rhs)) = check;
    [lhs, rhs].into_iter().flat_map(Dim::symbols).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphc_base::{DType, EntityId};
    use graphc_ir::op::UnaryOp;
    use graphc_ir::{Op, TensorType};
    use std::sync::Arc;

    #[test]
    fn values_die_after_their_last_reader_and_results_never() {
        let mut graph = Graph::new("chain");
        let ty = TensorType::new(DType::F32, [2i64].map(Dim::constant));
        let x = graph.add_param(Graph::MAIN, ty.clone().into(), None);
        let mut last = x;
        let mut nodes = Vec::new();
        for op in [UnaryOp::Neg, UnaryOp::Abs] {
            let types = vec![ty.clone().into()];
            let node =
                graph.append_node(Graph::MAIN, Op::Unary(op), vec![last], types, Arc::from([]));
            last = graph.node(node).outputs[0];
            nodes.push(node);
        }
        graph.block_mut(Graph::MAIN).results.push(last);
        let schedule = Schedule::new(&graph);
        assert_eq!(schedule.dead_after(nodes[0]), [x]);
        assert_eq!(schedule.dead_after(nodes[1]), [ValueId::from_index(1)]);
        assert!(schedule.is_used(last));
    }
}
