//! The search for operators that the importer does not know, before anything is converted.

use super::{Importer, MAX_NESTING, MAX_NODES, nested_name, normalised};
use crate::error::{OnnxError, UnsupportedOp};
use crate::ops;
use crate::proto::{FunctionProto, NodeProto};
use std::collections::{BTreeMap, BTreeSet};

/// Fails with every unknown operator of the main graph, its subgraphs and the functions that they call.
pub(super) fn check(importer: &Importer<'_>) -> Result<(), OnnxError> {
    let mut search = Search {
        importer,
        unsupported: Vec::new(),
        visited: BTreeSet::new(),
        pending: Vec::new(),
    };
    search.nodes(&importer.model.graph().node, None);
    while let Some(function) = search.pending.pop() {
        search.nodes(&function.node, Some(function));
    }
    if !search.unsupported.is_empty() {
        return Err(OnnxError::Unsupported {
            ops: search.unsupported,
        });
    }
    let mut sizes = Sizes {
        importer,
        known: BTreeMap::new(),
    };
    if sizes.nodes(&importer.model.graph().node, 0) > MAX_NODES {
        return Err(importer.too_many_nodes());
    }
    Ok(())
}

/// Numbers of nodes that functions unfold to. Functions that call themselves count once; converting them fails.
struct Sizes<'a, 'm> {
    importer: &'a Importer<'m>,
    known: BTreeMap<*const FunctionProto, usize>,
}

impl Sizes<'_, '_> {
    fn nodes(&mut self, nodes: &[NodeProto], n_nesting: usize) -> usize {
        if n_nesting > MAX_NESTING {
            // Converting fails there, with a message of its own.
            return 0;
        }
        let mut total = nodes.len();
        for node in nodes {
            if let Some(callee) = self.importer.functions.find(node) {
                let key = std::ptr::from_ref(callee);
                let size = match self.known.get(&key) {
                    Some(&size) => size,
                    None => {
                        self.known.insert(key, 0);
                        let size = self.nodes(&callee.node, n_nesting + 1);
                        self.known.insert(key, size);
                        size
                    }
                };
                total = total.saturating_add(size);
            }
            for attribute in &node.attribute {
                for graph in attribute.g.iter().chain(&attribute.graphs) {
                    total = total.saturating_add(self.nodes(&graph.node, n_nesting + 1));
                }
            }
        }
        total
    }
}

struct Search<'a, 'm> {
    importer: &'a Importer<'m>,
    unsupported: Vec<UnsupportedOp>,
    visited: BTreeSet<(&'m str, &'m str, &'m str)>,
    pending: Vec<&'m FunctionProto>,
}

impl<'m> Search<'_, 'm> {
    /// The decoder bounds how deep graphs nest, so recursion is bounded too.
    fn nodes(&mut self, nodes: &[NodeProto], function: Option<&'m FunctionProto>) {
        for (node_idx, node) in nodes.iter().enumerate() {
            if let Some(callee) = self.importer.functions.find(node) {
                let key = (
                    callee.domain.as_str(),
                    callee.name.as_str(),
                    callee.overload.as_str(),
                );
                if self.visited.insert(key) {
                    self.pending.push(callee);
                }
            } else if ops::find(normalised(&node.domain), &node.op_type).is_none() {
                let mut node_ref = self.importer.model.node_ref(node, node_idx);
                if let Some(function) = function {
                    node_ref.name = nested_name(&function.name, &node_ref.name);
                    node_ref.opset = function
                        .opset_import
                        .iter()
                        .find(|import| normalised(&import.domain) == normalised(&node.domain))
                        .map(|import| import.version);
                }
                self.unsupported.push(UnsupportedOp {
                    node: node_ref,
                    reason: "the operator is unknown".into(),
                });
            }
            for attribute in &node.attribute {
                for graph in attribute.g.iter().chain(&attribute.graphs) {
                    self.nodes(&graph.node, function);
                }
            }
        }
    }
}
