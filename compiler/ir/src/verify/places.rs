//! Where values are defined, and from where they can be seen.

use super::error::Errors;
use crate::graph::{BlockId, Graph, NodeId, ValueDef, ValueId};
use crate::print::Reach;
use std::collections::BTreeMap;

/// A point in a block: 0 is its parameters, `i + 1` its node `i`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) block: BlockId,
    pub(super) position: usize,
}

/// The places of everything that the main block reaches.
pub(super) struct Places {
    values: BTreeMap<ValueId, Place>,
    nodes: BTreeMap<NodeId, Place>,
    /// The node that each region belongs to.
    owners: BTreeMap<BlockId, Place>,
}

impl Places {
    /// Reports what is defined twice, or elsewhere than it says.
    pub(super) fn of(graph: &Graph, reach: &Reach, errors: &mut Errors<'_>) -> Self {
        let mut places = Places {
            values: BTreeMap::new(),
            nodes: BTreeMap::new(),
            owners: BTreeMap::new(),
        };
        for &block in &reach.blocks {
            places.add_params(graph, block, errors);
            for (node_idx, &node) in graph.block(block).nodes.iter().enumerate() {
                let place = Place {
                    block,
                    position: node_idx + 1,
                };
                if graph.has_node(node) {
                    places.add_node(graph, node, place, errors);
                } else {
                    errors.block(block, format_args!("holds {node}, which is no node"));
                }
            }
        }
        places
    }

    fn add_params(&mut self, graph: &Graph, block: BlockId, errors: &mut Errors<'_>) {
        for (index, &param) in graph.block(block).params.iter().enumerate() {
            let place = Place { block, position: 0 };
            if !graph.has_value(param) {
                errors.block(
                    block,
                    format_args!("has parameter {param}, which is no value"),
                );
                continue;
            }
            if graph.value(param).def != (ValueDef::Param { block, index }) {
                errors.value(
                    param,
                    format_args!("does not say that it is parameter {index} of {block}"),
                );
            }
            if self.values.insert(param, place).is_some() {
                errors.value(param, "is defined twice");
            }
        }
    }

    fn add_node(&mut self, graph: &Graph, id: NodeId, place: Place, errors: &mut Errors<'_>) {
        if self.nodes.insert(id, place).is_some() {
            errors.node(id, "stands in blocks more than once");
            return;
        }
        let node = graph.node(id);
        if node.block != place.block {
            errors.node(
                id,
                format_args!(
                    "stands in {} and says that it stands in {}",
                    place.block, node.block
                ),
            );
        }
        for (output, &value) in node.outputs.iter().enumerate() {
            if !graph.has_value(value) {
                errors.node(id, format_args!("defines {value}, which is no value"));
                continue;
            }
            if graph.value(value).def != (ValueDef::Node { node: id, output }) {
                errors.value(
                    value,
                    format_args!("does not say that it is result {output} of {id}"),
                );
            }
            if self.values.insert(value, place).is_some() {
                errors.value(value, "is defined twice");
            }
        }
        for region in node.op.blocks() {
            if !graph.has_block(region) {
                errors.node(id, format_args!("has region {region}, which is no block"));
            } else if region == Graph::MAIN || self.owners.contains_key(&region) {
                errors.node(
                    id,
                    format_args!("has region {region}, which is not its own"),
                );
            } else {
                self.owners.insert(region, place);
            }
        }
    }

    /// Where a value is defined, if the main block reaches it.
    pub(super) fn value(&self, value: ValueId) -> Option<Place> {
        self.values.get(&value).copied()
    }

    /// Where a node stands.
    pub(super) fn node(&self, node: NodeId) -> Option<Place> {
        self.nodes.get(&node).copied()
    }

    /// Whether what is defined at `definition` is there before `place` is reached: earlier in its block or in a block
    /// around it.
    pub(super) fn is_before(&self, definition: Place, place: Place) -> bool {
        let mut place = place;
        loop {
            if place.block == definition.block {
                return definition.position < place.position;
            }
            match self.owners.get(&place.block) {
                Some(owner) => place = *owner,
                None => return false,
            }
        }
    }
}
