//! Equal nodes are computed once.

use crate::pass::{PassCx, PassReport};
use crate::replace::{Replacements, blocks, join_sources};
use graphc_ir::{Graph, NodeId, Op, ValueId};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Merges nodes of a block that have equal operators and operands. The one that stays comes from the source nodes of both.
///
/// Requires a sound graph. Ensures that no two nodes of a block are equal. Never changes the order of nodes.
pub fn merge_equal_nodes(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    let mut replacements = Replacements::default();
    for block in blocks(graph) {
        let mut seen: BTreeMap<u64, Vec<NodeId>> = BTreeMap::new();
        let mut kept = Vec::new();
        for node in graph.block(block).nodes.clone() {
            replacements.update(graph, node);
            let (op, inputs) = (&graph.node(node).op, &graph.node(node).inputs);
            let same = seen.entry(hash(op, inputs)).or_default();
            let twin = same.iter().copied().find(|&other| {
                let other = graph.node(other);
                other.op == *op && other.inputs == *inputs
            });
            let Some(twin) = twin else {
                same.push(node);
                kept.push(node);
                continue;
            };
            report.count("equal_nodes", 1);
            let pairs: Vec<(ValueId, ValueId)> = graph
                .node(node)
                .outputs
                .iter()
                .copied()
                .zip(graph.node(twin).outputs.iter().copied())
                .collect();
            for (old, new) in pairs {
                join_sources(graph, new, old);
                replacements.replace(graph, old, new);
            }
        }
        graph.set_nodes(block, kept);
    }
    replacements.apply(graph);
    report
}

/// The same in every run.
fn hash(op: &Op, inputs: &[ValueId]) -> u64 {
    let mut hasher = DefaultHasher::new();
    op.hash(&mut hasher);
    inputs.hash(&mut hasher);
    hasher.finish()
}
