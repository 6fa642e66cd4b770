//! Branches that are known.

use crate::pass::{PassCx, PassReport};
use crate::replace::{Replacements, blocks};
use graphc_ir::{BlockId, Graph, NodeId, Op, ValueId, known_values};
use std::collections::BTreeSet;

/// Puts the nodes of the region that runs in the place of each [`Op::If`] whose condition is known.
///
/// Requires a sound graph. Ensures that no condition of a branch is a known value. Never changes nodes of other regions.
pub fn inline_branches(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    let known = known_values(graph);
    let mut replacements = Replacements::default();
    let mut dissolved = BTreeSet::new();
    for block in blocks(graph) {
        // The nodes of a region that was inlined stand in the block around it and have been looked at there.
        if dissolved.contains(&block) {
            continue;
        }
        let mut kept = Vec::new();
        let mut open: Vec<NodeId> = graph.block(block).nodes.iter().rev().copied().collect();
        while let Some(node) = open.pop() {
            let Some((region, captures)) = known_branch(graph, node, |value| {
                known[value].as_ref()?.dim(0)?.as_const()
            }) else {
                kept.push(node);
                continue;
            };
            report.count("known_branch", 1);
            dissolved.insert(region);
            let params = graph.block(region).params.clone();
            for (param, capture) in params.into_iter().zip(captures) {
                replacements.replace(graph, param, capture);
            }
            let outputs = graph.node(node).outputs.clone();
            let results = graph.block(region).results.clone();
            for (output, result) in outputs.into_iter().zip(results) {
                replacements.replace(graph, output, result);
            }
            for check in &mut graph.checks {
                if check.block == region {
                    check.block = block;
                }
            }
            let inner = std::mem::take(&mut graph.block_mut(region).nodes);
            open.extend(inner.into_iter().rev());
        }
        graph.set_nodes(block, kept);
    }
    replacements.apply(graph);
    report
}

/// The region that runs and what it captures, where the condition is known.
fn known_branch(
    graph: &Graph,
    node: NodeId,
    known: impl Fn(ValueId) -> Option<i64>,
) -> Option<(BlockId, Vec<ValueId>)> {
    let node = graph.node(node);
    let Op::If(branch) = &node.op else {
        return None;
    };
    let (&cond, captures) = node.inputs.split_first()?;
    let region = if known(cond)? != 0 {
        branch.then_block
    } else {
        branch.else_block
    };
    Some((region, captures.to_vec()))
}
