//! Known elements of all small tensors of a finished graph, for passes; the builder follows them as it goes.

use crate::graph::{Graph, ValueId};
use crate::symbolic::{SymTensor, propagate};
use crate::types::ValueType;
use graphc_base::SecondaryMap;

/// What is known of the elements of each value that the main block and the regions of its nodes define. Parameters are
/// not known, and neither is what a symbol that is bound from an element says about that element.
pub fn known_values(graph: &Graph) -> SecondaryMap<ValueId, Option<SymTensor>> {
    let mut known = SecondaryMap::new();
    let mut open = vec![Graph::MAIN];
    while let Some(block) = open.pop() {
        for &id in &graph.block(block).nodes {
            let node = graph.node(id);
            open.extend(node.op.blocks().into_iter().filter(|&region| graph.has_block(region)));
            let types: Vec<ValueType> = node.outputs.iter().map(|&value| graph.ty(value).clone()).collect();
            let found = propagate(&node.op, &node.inputs, &types, &known, graph);
            if let (Some(found), Some(&output)) = (found, node.outputs.first()) {
                known.set(output, Some(found));
            }
        }
    }
    known
}
