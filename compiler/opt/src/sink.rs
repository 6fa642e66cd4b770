//! What follows from constants alone is computed where it is first needed.

use crate::pass::{PassCx, PassReport};
use crate::replace::{blocks, regions};
use graphc_ir::{BlockId, Graph, NodeId, ValueId};
use std::collections::BTreeSet;

/// Moves nodes that compute on constants only to before the first node that uses them: exporters list them all at the front,
/// where every widened weight would live from the start of a run.
///
/// Requires a sound graph. Never changes nodes, only their order; what binds a symbol stays where it is.
pub fn sink_constant_work(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    for block in blocks(graph) {
        let before = graph.block(block).nodes.clone();
        let after = sunk(graph, block);
        let n_moved = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        if n_moved > 0 {
            graph.set_nodes(block, after);
            report.count("sunk_constant_work", n_moved);
        }
    }
    report
}

/// The nodes of a block in their new order.
fn sunk(graph: &Graph, block: BlockId) -> Vec<NodeId> {
    let nodes = &graph.block(block).nodes;
    let sinkable = constant_work(graph, nodes);
    let mut order = Order {
        graph,
        waiting: sinkable.clone(),
        nodes: Vec::with_capacity(nodes.len()),
    };
    for &id in nodes {
        if !sinkable.contains(&id) {
            order.release(&graph.node(id).inputs);
            order.nodes.push(id);
        }
    }
    order.release(&graph.block(block).results);
    // What nothing uses is for another pass to remove.
    let unused = nodes.iter().filter(|id| order.waiting.contains(id));
    let unused: Vec<NodeId> = unused.copied().collect();
    order.nodes.extend(unused);
    order.nodes
}

/// The nodes that compute on constants only and bind no symbol.
fn constant_work(graph: &Graph, nodes: &[NodeId]) -> BTreeSet<NodeId> {
    let binding: BTreeSet<ValueId> = graph.bindings.values().map(|it| it.value()).collect();
    let mut found = BTreeSet::new();
    for &id in nodes {
        let node = graph.node(id);
        let is_constant = |&input: &ValueId| {
            graph.as_const(input).is_some()
                || graph
                    .def_node(input)
                    .is_some_and(|def| found.contains(&def))
        };
        if !node.inputs.is_empty()
            && node.inputs.iter().all(is_constant)
            && regions(&node.op).is_empty()
            && !node.outputs.iter().any(|output| binding.contains(output))
        {
            found.insert(id);
        }
    }
    found
}

struct Order<'a> {
    graph: &'a Graph,
    waiting: BTreeSet<NodeId>,
    nodes: Vec<NodeId>,
}

impl Order<'_> {
    /// Places the waiting nodes that these values follow from, operands first. Chains may be long, so without recursion.
    fn release(&mut self, values: &[ValueId]) {
        let mut open: Vec<ValueId> = values.iter().rev().copied().collect();
        while let Some(&value) = open.last() {
            let def = self.graph.def_node(value);
            let Some(def) = def.filter(|def| self.waiting.contains(def)) else {
                open.pop();
                continue;
            };
            let n_open = open.len();
            let operands = self.graph.node(def).inputs.iter().rev().copied();
            open.extend(operands.filter(|&operand| {
                let def = self.graph.def_node(operand);
                def.is_some_and(|def| self.waiting.contains(&def))
            }));
            if open.len() == n_open {
                open.pop();
                self.waiting.remove(&def);
                self.nodes.push(def);
            }
        }
    }
}
