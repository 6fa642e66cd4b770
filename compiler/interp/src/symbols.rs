//! Values of symbols while a graph runs.

use crate::error::{InterpError, Result};
use graphc_base::{Dim, DimCx, DimError, EntityId, SymId};

/// The symbols that are bound, and to what.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    values: Vec<i64>,
    is_bound: Vec<bool>,
}

impl Symbols {
    /// Nothing bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a symbol.
    pub fn get(&self, symbol: SymId) -> Option<i64> {
        let idx = symbol.index();
        (*self.is_bound.get(idx)?).then(|| self.values[idx])
    }

    /// Binds a symbol.
    pub fn bind(&mut self, symbol: SymId, value: i64) {
        let idx = symbol.index();
        if idx >= self.values.len() {
            self.values.resize(idx + 1, 0);
            self.is_bound.resize(idx + 1, false);
        }
        self.values[idx] = value;
        self.is_bound[idx] = true;
    }

    /// Forgets a symbol.
    pub fn unbind(&mut self, symbol: SymId) {
        if let Some(bound) = self.is_bound.get_mut(symbol.index()) {
            *bound = false;
        }
    }

    /// The value of a dim.
    pub fn eval(&self, dim: &Dim) -> std::result::Result<i64, DimError> {
        if let Some(value) = dim.as_const() {
            return Ok(value);
        }
        if let Some(symbol) = self.first_unbound(dim) {
            return Err(DimError::Unbound(symbol));
        }
        dim.eval(&self.values)
    }

    fn first_unbound(&self, dim: &Dim) -> Option<SymId> {
        let mut unbound = None;
        dim.visit_symbols(&mut |symbol| {
            if self.get(symbol).is_none() {
                unbound.get_or_insert(symbol);
            }
        });
        unbound
    }

    /// Whether all symbols of a dim are bound.
    pub(crate) fn has_all(&self, dim: &Dim) -> bool {
        dim.is_const() || self.first_unbound(dim).is_none()
    }

    /// Binds a symbol to a value within its range.
    pub(crate) fn bind_checked(&mut self, dims: &DimCx, symbol: SymId, value: i64) -> Result<()> {
        let range = dims.range(symbol);
        if !range.contains(value) {
            return Err(InterpError::Symbol {
                symbol: dims.name(symbol).to_owned(),
                message: format!("{value} is not within {} and {}", range.lo, range.hi),
            });
        }
        self.bind(symbol, value);
        Ok(())
    }
}
