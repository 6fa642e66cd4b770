//! What the verifier found.

use crate::consts::ConstId;
use crate::graph::{BlockId, Graph, NodeId, ValueId};
use graphc_base::SymId;
use std::fmt;

/// Errors that a message shows before it leaves the rest out.
const MAX_SHOWN: usize = 20;

/// What an error is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Entity {
    /// The graph: its inputs, outputs or checks.
    Graph,
    /// A block.
    Block(BlockId),
    /// A node.
    Node(NodeId),
    /// A value.
    Value(ValueId),
    /// A constant.
    Constant(ConstId),
    /// A symbol.
    Symbol(SymId),
}

/// One thing that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyError {
    /// What it is about.
    pub entity: Entity,
    /// Its line of the text form, or its name; empty for the graph and its blocks.
    pub text: String,
    /// What is wrong.
    pub message: String,
}

/// Everything that does not hold, in the order of the text form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyErrors {
    /// At least one.
    pub errors: Vec<VerifyError>,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entity::Graph => f.write_str("graph"),
            Entity::Block(id) => id.fmt(f),
            Entity::Node(id) => id.fmt(f),
            Entity::Value(id) => id.fmt(f),
            Entity::Constant(id) => id.fmt(f),
            Entity::Symbol(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entity, self.message)?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(f, ", in `{}`", self.text)
    }
}

impl fmt::Display for VerifyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_errors = self.errors.len();
        let plural = if n_errors == 1 { "" } else { "s" };
        write!(f, "graph is not sound, {n_errors} error{plural}")?;
        for error in self.errors.iter().take(MAX_SHOWN) {
            write!(f, "\n  {error}")?;
        }
        if n_errors > MAX_SHOWN {
            write!(f, "\n  and {} more", n_errors - MAX_SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for VerifyErrors {}

/// Collects errors with the text of what they are about.
pub(super) struct Errors<'a> {
    graph: &'a Graph,
    errors: Vec<VerifyError>,
}

impl<'a> Errors<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            errors: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, entity: Entity, message: impl fmt::Display) {
        self.errors.push(VerifyError {
            entity,
            text: self.text(entity),
            message: message.to_string(),
        });
    }

    pub(super) fn graph(&mut self, message: impl fmt::Display) {
        self.add(Entity::Graph, message);
    }

    pub(super) fn block(&mut self, block: BlockId, message: impl fmt::Display) {
        self.add(Entity::Block(block), message);
    }

    pub(super) fn node(&mut self, node: NodeId, message: impl fmt::Display) {
        self.add(Entity::Node(node), message);
    }

    pub(super) fn value(&mut self, value: ValueId, message: impl fmt::Display) {
        self.add(Entity::Value(value), message);
    }

    fn text(&self, entity: Entity) -> String {
        let graph = self.graph;
        match entity {
            Entity::Graph | Entity::Block(_) => String::new(),
            Entity::Node(node) => graph.node_text(node),
            Entity::Value(value) if graph.has_value(value) => {
                let ty = graph.ty(value).display(&graph.dims);
                match &graph.value(value).name {
                    Some(name) => format!("{value} {name:?}: {ty}"),
                    None => format!("{value}: {ty}"),
                }
            }
            Entity::Constant(id) => match graph.consts.get(id) {
                Some(constant) => {
                    let ty = constant.ty.display(&graph.dims);
                    let name = constant.name.as_deref().unwrap_or_default();
                    format!("const {id} {name:?}: {ty}")
                }
                None => String::new(),
            },
            Entity::Value(_) => String::new(),
            Entity::Symbol(symbol) => graph.dims.name(symbol).to_owned(),
        }
    }

    pub(super) fn finish(self) -> Result<(), VerifyErrors> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(VerifyErrors {
                errors: self.errors,
            })
        }
    }
}
