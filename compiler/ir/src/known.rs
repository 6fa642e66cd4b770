//! Known elements of all small tensors of a finished graph, for passes; the builder follows them as it goes.

use crate::graph::{Graph, ValueId};
use crate::symbolic::{SymElement, SymTensor, encode_float, encode_int, propagate};
use crate::types::ValueType;
use graphc_base::{Dim, SecondaryMap};

/// What is known of the elements of each value that the main block and the regions of its nodes define. Parameters are
/// not known, and neither is what a symbol that is bound from an element says about that element.
pub fn known_values(graph: &Graph) -> SecondaryMap<ValueId, Option<SymTensor>> {
    let mut known = SecondaryMap::new();
    let mut open = vec![Graph::MAIN];
    while let Some(block) = open.pop() {
        for &id in &graph.block(block).nodes {
            let node = graph.node(id);
            open.extend(
                node.op
                    .blocks()
                    .into_iter()
                    .filter(|&region| graph.has_block(region)),
            );
            let types: Vec<ValueType> = node
                .outputs
                .iter()
                .map(|&value| graph.ty(value).clone())
                .collect();
            let found = propagate(&node.op, &node.inputs, &types, &known, graph);
            if let (Some(found), Some(&output)) = (found, node.outputs.first()) {
                known.set(output, Some(found));
            }
        }
    }
    known
}

impl SymTensor {
    /// The contents of the constant that this is, little-endian, where every element is known and no symbol occurs.
    pub fn constant_bytes(&self) -> Option<Vec<u8>> {
        if self.dtype.is_packed() {
            return None;
        }
        let parts: Option<Vec<Vec<u8>>> = self
            .elements
            .iter()
            .map(|element| match element {
                SymElement::Dim(dim) => Some(encode_int(self.dtype, dim.as_const()?)),
                SymElement::Float(value) => Some(encode_float(self.dtype, value.get())),
                SymElement::Unknown => None,
            })
            .collect();
        Some(parts?.concat())
    }

    /// All elements as dims, where all are known integers or truth values that some values of the symbols give.
    pub fn dims(&self) -> Option<Vec<Dim>> {
        (0..self.elements.len())
            .map(|position| self.dim(position).filter(|dim| !dim.is_overflow()).cloned())
            .collect()
    }
}
