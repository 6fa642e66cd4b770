//! What operators mention: dims, regions and constants, found by the same description that prints and parses them.

use super::{Attr, Codec, Visitor, describe};
use crate::consts::ConstId;
use crate::graph::BlockId;
use crate::op::Op;
use crate::types::ValueType;
use graphc_base::{Dim, SymId};
use std::collections::BTreeSet;
use std::convert::Infallible;

impl Op {
    /// Calls `visit` with every dim among the attributes.
    pub fn visit_dims(&self, visit: &mut dyn FnMut(&Dim)) {
        self.clone().accept(&mut DimMap {
            map: &mut |dim| {
                visit(dim);
                None
            },
        });
    }

    /// Replaces every dim among the attributes.
    pub fn map_dims(&mut self, map: &mut dyn FnMut(&Dim) -> Dim) {
        self.accept(&mut DimMap {
            map: &mut |dim| Some(map(dim)),
        });
    }

    /// The symbols that must be bound before the operator runs. Those that only occur in attributes that state the types
    /// of its results are not among them: the results may bind them.
    pub fn needed_symbols(&self) -> BTreeSet<SymId> {
        let mut needed = NeededSymbols(BTreeSet::new());
        self.clone().accept(&mut needed);
        needed.0
    }

    /// The regions, in order.
    pub fn blocks(&self) -> Vec<BlockId> {
        let mut blocks = Vec::new();
        self.clone().accept(&mut BlockMap {
            map: &mut |block| {
                blocks.push(block);
                block
            },
        });
        blocks
    }

    /// Replaces the regions.
    pub fn map_blocks(&mut self, map: &mut dyn FnMut(BlockId) -> BlockId) {
        self.accept(&mut BlockMap { map });
    }

    /// The constants that are attributes: that of [`Op::Const`].
    pub fn constants(&self) -> Vec<ConstId> {
        let mut constants = Vec::new();
        self.clone().accept(&mut ConstantMap {
            map: &mut |constant| {
                constants.push(constant);
                constant
            },
        });
        constants
    }

    /// Replaces the constants that are attributes.
    pub fn map_constants(&mut self, map: &mut dyn FnMut(ConstId) -> ConstId) {
        self.accept(&mut ConstantMap { map });
    }

    fn accept(&mut self, visitor: &mut dyn Visitor) {
        match describe(self, &mut Visit(visitor)) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}

struct DimMap<'a> {
    map: &'a mut dyn FnMut(&Dim) -> Option<Dim>,
}

impl Visitor for DimMap<'_> {
    fn dim(&mut self, dim: &mut Dim) {
        if let Some(mapped) = (self.map)(dim) {
            *dim = mapped;
        }
    }

    fn result_dim(&mut self, dim: &mut Dim) {
        self.dim(dim);
    }
}

struct NeededSymbols(BTreeSet<SymId>);

impl Visitor for NeededSymbols {
    fn dim(&mut self, dim: &mut Dim) {
        self.0.extend(dim.symbols());
    }
}

struct BlockMap<'a> {
    map: &'a mut dyn FnMut(BlockId) -> BlockId,
}

impl Visitor for BlockMap<'_> {
    fn block(&mut self, block: &mut BlockId) {
        *block = (self.map)(*block);
    }
}

struct ConstantMap<'a> {
    map: &'a mut dyn FnMut(ConstId) -> ConstId,
}

impl Visitor for ConstantMap<'_> {
    fn constant(&mut self, constant: &mut ConstId) {
        *constant = (self.map)(*constant);
    }
}

struct Visit<'a>(&'a mut dyn Visitor);

impl Codec for Visit<'_> {
    type Error = Infallible;

    fn bare<T: Attr>(&mut self, value: &mut T) -> Result<(), Infallible> {
        value.visit(self.0);
        Ok(())
    }

    fn attr<T: Attr>(&mut self, _key: &'static str, value: &mut T) -> Result<(), Infallible> {
        value.visit(self.0);
        Ok(())
    }

    fn option<T: Attr>(
        &mut self,
        _key: &'static str,
        value: &mut Option<T>,
    ) -> Result<(), Infallible> {
        if let Some(value) = value {
            value.visit(self.0);
        }
        Ok(())
    }

    fn flag(&mut self, _key: &'static str, _value: &mut bool) -> Result<(), Infallible> {
        Ok(())
    }

    fn result_dim(&mut self, _key: &'static str, value: &mut Dim) -> Result<(), Infallible> {
        self.0.result_dim(value);
        Ok(())
    }

    fn result_types(&mut self, value: &mut Vec<ValueType>) -> Result<(), Infallible> {
        value.visit(self.0);
        Ok(())
    }
}
