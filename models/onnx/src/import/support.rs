//! The search for operators that the importer does not know, before anything is converted.

use super::{Importer, normalised};
use crate::error::{OnnxError, UnsupportedOp};
use crate::ops;
use crate::proto::{FunctionProto, NodeProto};
use std::collections::BTreeSet;

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
    if search.unsupported.is_empty() {
        return Ok(());
    }
    Err(OnnxError::Unsupported {
        ops: search.unsupported,
    })
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
                    node_ref.name = format!("{}/{}", function.name, node_ref.name);
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
