//! Everything that must hold of a graph, tested in one go.
//!
//! What the main block does not reach (regions of removed nodes, constants that no node uses) is not looked at, except the
//! constant store. These hold of a sound graph:
//!
//! **Structure.** Every id is one of the graph. A node stands in one block, once, and names that block; a value is defined
//! where its `def` says, and nowhere else. A region belongs to one node; the main block is no region.
//!
//! **Isolation and order.** A block uses only its own parameters and the results of its own nodes; a node uses only what
//! stands before it.
//!
//! **Types.** The results of a node have the types that [`infer`](crate::infer()) gives, up to dims that the algebra of
//! dims or a check of the graph proves equal. Every relation that `infer` leaves open is a check of the graph.
//!
//! **Regions.** Both regions of an [`If`](crate::op::If) take the captures and give the results; the region of a
//! [`Loop`](crate::op::Loop) takes iteration, condition, carried values and captures, and gives condition, carried values
//! and what is stacked. A parameter or result whose dim is a symbol that is bound from itself takes any size there; all
//! other dims agree.
//!
//! **Symbols.** Every symbol that a type, an attribute or a check mentions is one of `dims` and is bound: by an axis of a
//! tensor or an element of an integer tensor, either of which exists. A value binds a symbol before a node needs it: in
//! the same block, or in a block around it. Only types of results may mention symbols that the same node's results bind.
//!
//! **Interface.** Inputs have names, all different, as many as the main block has parameters; outputs likewise.
//!
//! **Constants.** Shapes are constant. Mapped ranges lie in their files; contents are as long as the type says; strings are
//! of dtype `string` and nothing else is. A derived constant comes from constants before it, by an operator without regions
//! and randomness whose result has the constant's type.

mod blocks;
mod constants;
mod error;
mod nodes;
mod places;
mod regions;
mod symbols;
#[cfg(test)]
mod tests;

pub use error::{Entity, VerifyError, VerifyErrors};

use crate::graph::{BlockId, DimCheckKind, Graph};
use crate::print::Reach;
use error::Errors;
use graphc_base::{Dim, Tri};
use places::Places;
use std::collections::{BTreeMap, BTreeSet};

/// Tests all that the [module documentation](self) lists; gives every error and not the first one.
pub fn verify(graph: &Graph) -> Result<(), VerifyErrors> {
    let reach = Reach::of(graph);
    let mut errors = Errors::new(graph);
    let places = Places::of(graph, &reach, &mut errors);
    let mut scopes = Scopes::of(graph, &reach);
    blocks::verify_interface(graph, &mut errors);
    for &block in &reach.blocks {
        let cx = Cx {
            graph,
            places: &places,
            checks: scopes.take(block),
        };
        blocks::verify_block(&cx, block, &mut errors);
        for &node in &graph.block(block).nodes {
            if graph.has_node(node) {
                nodes::verify_node(&cx, node, &mut errors);
            }
        }
    }
    let cx = Cx {
        graph,
        places: &places,
        checks: BTreeSet::new(),
    };
    symbols::verify_symbols(&cx, &reach, &mut errors);
    constants::verify_constants(graph, &mut errors);
    errors.finish()
}

/// The checks that hold where a block runs: its own and those of the blocks around it.
struct Scopes<'a> {
    by_block: BTreeMap<BlockId, BTreeSet<&'a DimCheckKind>>,
}

impl<'a> Scopes<'a> {
    fn of(graph: &'a Graph, reach: &Reach) -> Self {
        let mut by_block: BTreeMap<BlockId, BTreeSet<&DimCheckKind>> = BTreeMap::new();
        for check in &graph.checks {
            by_block.entry(check.block).or_default().insert(&check.kind);
        }
        // Outer blocks come first.
        for &block in &reach.blocks {
            let around = by_block.entry(block).or_default().clone();
            let nodes = graph.block(block).nodes.iter();
            for &node in nodes.filter(|&&node| graph.has_node(node)) {
                for region in graph.node(node).op.blocks() {
                    by_block.entry(region).or_default().extend(&around);
                }
            }
        }
        Self { by_block }
    }

    fn take(&mut self, block: BlockId) -> BTreeSet<&'a DimCheckKind> {
        self.by_block.remove(&block).unwrap_or_default()
    }
}

/// What the parts of the verifier look at, for one block.
struct Cx<'a> {
    graph: &'a Graph,
    places: &'a Places,
    checks: BTreeSet<&'a DimCheckKind>,
}

impl Cx<'_> {
    /// Whether both dims are the same, by algebra or by a check of the graph.
    fn are_equal(&self, a: &Dim, b: &Dim) -> bool {
        a == b || self.graph.dims.eq(a, b) == Tri::Yes || self.is_checked_equal(a, b)
    }

    fn is_checked_equal(&self, a: &Dim, b: &Dim) -> bool {
        self.checks
            .contains(&DimCheckKind::Equal(a.clone(), b.clone()))
            || self
                .checks
                .contains(&DimCheckKind::Equal(b.clone(), a.clone()))
    }

    /// Whether a check of the graph says it, or says more.
    fn is_checked(&self, kind: &DimCheckKind) -> bool {
        match kind {
            DimCheckKind::Equal(a, b) => self.is_checked_equal(a, b),
            DimCheckKind::Broadcast(a, b) => {
                self.checks.contains(kind)
                    || self
                        .checks
                        .contains(&DimCheckKind::Broadcast(b.clone(), a.clone()))
                    || self.is_checked_equal(a, b)
            }
            DimCheckKind::LessEqual(a, b) => {
                self.checks.contains(kind) || self.is_checked_equal(a, b)
            }
        }
    }
}
