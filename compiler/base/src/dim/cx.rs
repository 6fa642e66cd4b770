//! The owner of symbols and the maker of expressions.

use super::bounds::{Interval, Tri};
use super::expr::{Atom, Dim, SymId, Term};
use crate::entity::{EntityId, PrimaryMap};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// Products with more terms than this are kept whole and not multiplied out.
const MAX_TERMS: usize = 48;

/// A symbol.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Symbol {
    /// Its unique name, from the model where it has one.
    pub name: String,
    /// The values that it may take.
    pub range: Interval,
}

/// The symbols of a graph and the algebra of dims over them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "PrimaryMap<SymId, Symbol>", into = "PrimaryMap<SymId, Symbol>")]
pub struct DimCx {
    symbols: PrimaryMap<SymId, Symbol>,
    /// The first symbol of each name.
    by_name: BTreeMap<String, SymId>,
}

impl From<PrimaryMap<SymId, Symbol>> for DimCx {
    fn from(symbols: PrimaryMap<SymId, Symbol>) -> Self {
        let mut by_name = BTreeMap::new();
        for (id, symbol) in symbols.iter() {
            by_name.entry(symbol.name.clone()).or_insert(id);
        }
        Self { symbols, by_name }
    }
}

impl From<DimCx> for PrimaryMap<SymId, Symbol> {
    fn from(cx: DimCx) -> Self {
        cx.symbols
    }
}

impl DimCx {
    /// Adds a symbol. A name that is taken gets a number behind it.
    pub fn new_symbol(&mut self, name: &str, range: Interval) -> SymId {
        let base = if name.is_empty() { "dim" } else { name };
        let mut unique = base.to_owned();
        let mut number = 1;
        while self.symbol_by_name(&unique).is_some() {
            number += 1;
            unique = format!("{base}_{number}");
        }
        let symbol = self.symbols.push(Symbol {
            name: unique.clone(),
            range,
        });
        self.by_name.insert(unique, symbol);
        symbol
    }

    /// The symbol of this name.
    pub fn symbol_by_name(&self, name: &str) -> Option<SymId> {
        self.by_name.get(name).copied()
    }

    /// The name of a symbol; `?` for one that is not of this context.
    pub fn name(&self, symbol: SymId) -> &str {
        self.symbols.get(symbol).map_or("?", |symbol| &symbol.name)
    }

    /// The values that a symbol may take.
    pub fn range(&self, symbol: SymId) -> Interval {
        self.symbols
            .get(symbol)
            .map_or(Interval::ANY, |symbol| symbol.range)
    }

    /// Restricts a symbol. Expressions made before keep their form.
    pub fn set_range(&mut self, symbol: SymId, range: Interval) {
        if symbol.index() < self.symbols.len() {
            self.symbols[symbol].range = range;
        }
    }

    /// Number of symbols.
    pub fn n_symbols(&self) -> usize {
        self.symbols.len()
    }

    /// Ids and symbols in order.
    pub fn symbols(&self) -> impl Iterator<Item = (SymId, &Symbol)> {
        self.symbols.iter()
    }

    /// `a + b`.
    pub fn add(&self, a: &Dim, b: &Dim) -> Dim {
        if a.is_overflow() || b.is_overflow() {
            return Dim::overflow();
        }
        let terms = a.terms().iter().chain(b.terms()).cloned().collect();
        a.constant_part()
            .checked_add(b.constant_part())
            .and_then(|constant| Dim::from_terms(terms, constant))
            .unwrap_or_else(Dim::overflow)
    }

    /// `a - b`.
    pub fn sub(&self, a: &Dim, b: &Dim) -> Dim {
        self.add(a, &self.neg(b))
    }

    /// `-a`.
    pub fn neg(&self, a: &Dim) -> Dim {
        self.scale(a, -1)
    }

    fn scale(&self, a: &Dim, factor: i64) -> Dim {
        let terms: Option<Vec<Term>> = a
            .terms()
            .iter()
            .map(|term| {
                Some(Term {
                    atoms: term.atoms.clone(),
                    coefficient: term.coefficient.checked_mul(factor)?,
                })
            })
            .collect();
        terms
            .zip(a.constant_part().checked_mul(factor))
            .and_then(|(terms, constant)| Dim::from_terms(terms, constant))
            .unwrap_or_else(Dim::overflow)
    }

    /// `a · b`, multiplied out unless that grows too large.
    pub fn mul(&self, a: &Dim, b: &Dim) -> Dim {
        if a.is_overflow() || b.is_overflow() {
            return Dim::overflow();
        }
        match (a.as_const(), b.as_const()) {
            (Some(factor), _) => return self.scale(b, factor),
            (_, Some(factor)) => return self.scale(a, factor),
            _ => {}
        }
        if (a.terms().len() + 1) * (b.terms().len() + 1) > MAX_TERMS {
            let mut atoms = whole_factors(a);
            atoms.extend(whole_factors(b));
            atoms.sort();
            let term = Term {
                atoms,
                coefficient: 1,
            };
            return Dim::from_terms(vec![term], 0).unwrap_or_else(Dim::overflow);
        }
        let mut product = self.scale(b, a.constant_part());
        for left in a.terms() {
            let mut terms = Vec::new();
            for right in b.terms() {
                let Some(coefficient) = left.coefficient.checked_mul(right.coefficient) else {
                    return Dim::overflow();
                };
                let mut atoms = [left.atoms.as_slice(), &right.atoms].concat();
                atoms.sort();
                terms.push(Term { atoms, coefficient });
            }
            if b.constant_part() != 0 {
                let Some(coefficient) = left.coefficient.checked_mul(b.constant_part()) else {
                    return Dim::overflow();
                };
                terms.push(Term {
                    atoms: left.atoms.clone(),
                    coefficient,
                });
            }
            match Dim::from_terms(terms, 0) {
                Some(part) => product = self.add(&product, &part),
                None => return Dim::overflow(),
            }
        }
        product
    }

    /// `Σ dims`.
    pub fn sum(&self, dims: impl IntoIterator<Item = impl Borrow<Dim>>) -> Dim {
        dims.into_iter()
            .fold(Dim::ZERO, |sum, dim| self.add(&sum, dim.borrow()))
    }

    /// `Π dims`.
    pub fn product(&self, dims: impl IntoIterator<Item = impl Borrow<Dim>>) -> Dim {
        dims.into_iter()
            .fold(Dim::ONE, |product, dim| self.mul(&product, dim.borrow()))
    }

    /// The smaller.
    pub fn min(&self, a: &Dim, b: &Dim) -> Dim {
        self.extremum(a, b, true)
    }

    /// The larger.
    pub fn max(&self, a: &Dim, b: &Dim) -> Dim {
        self.extremum(a, b, false)
    }

    /// `min(max(a, lo), hi)`.
    pub fn clamp(&self, a: &Dim, lo: &Dim, hi: &Dim) -> Dim {
        self.min(&self.max(a, lo), hi)
    }

    fn extremum(&self, a: &Dim, b: &Dim, smaller: bool) -> Dim {
        if a.is_overflow() || b.is_overflow() {
            return Dim::overflow();
        }
        let mut kept: Vec<Dim> = Vec::new();
        for dim in members(a, smaller).into_iter().chain(members(b, smaller)) {
            let beats = |x: &Dim, y: &Dim| {
                let verdict = if smaller {
                    self.le(x, y)
                } else {
                    self.le(y, x)
                };
                verdict == Tri::Yes
            };
            if kept.iter().any(|other| beats(other, &dim)) {
                continue;
            }
            kept.retain(|other| !beats(&dim, other));
            kept.push(dim);
        }
        kept.sort();
        match kept.len() {
            1 => kept.swap_remove(0),
            _ if smaller => Dim::atom(Atom::Min(kept)),
            _ => Dim::atom(Atom::Max(kept)),
        }
    }

    /// The common size of two axes that broadcast: the one that is not 1. Sizes that cannot broadcast have none; the
    /// result is then one of them, and whoever asked records a check.
    pub fn bcast(&self, a: &Dim, b: &Dim) -> Dim {
        if a.is_overflow() || b.is_overflow() {
            return Dim::overflow();
        }
        let mut kept: Vec<Dim> = Vec::new();
        for dim in broadcast_members(a).into_iter().chain(broadcast_members(b)) {
            if dim != Dim::ONE && !kept.contains(&dim) {
                kept.push(dim);
            }
        }
        // A size that is surely not 1 is the only one that the result can have.
        if let Some(sure) = kept
            .iter()
            .find(|dim| self.eq(dim, &Dim::ONE) == Tri::No)
            .cloned()
        {
            return sure;
        }
        kept.sort();
        match kept.len() {
            0 => Dim::ONE,
            1 => kept.swap_remove(0),
            _ => Dim::atom(Atom::Broadcast(kept)),
        }
    }

    /// The same expression with some symbols replaced, normalised anew.
    pub fn substitute(&self, dim: &Dim, replace: &dyn Fn(SymId) -> Option<Dim>) -> Dim {
        let mut sum = Dim::constant(dim.constant_part());
        for term in dim.terms() {
            let mut product = Dim::constant(term.coefficient);
            for atom in &term.atoms {
                product = self.mul(&product, &self.substitute_atom(atom, replace));
            }
            sum = self.add(&sum, &product);
        }
        sum
    }

    fn substitute_atom(&self, atom: &Atom, replace: &dyn Fn(SymId) -> Option<Dim>) -> Dim {
        let within = |dim: &Dim| self.substitute(dim, replace);
        match atom {
            Atom::Symbol(symbol) => replace(*symbol).unwrap_or_else(|| Dim::symbol(*symbol)),
            Atom::FloorDiv(a, b) => self.floor_div(&within(a), &within(b)),
            Atom::Modulo(a, b) => self.modulo(&within(a), &within(b)),
            Atom::Min(dims) => self.fold(dims, &within, DimCx::min),
            Atom::Max(dims) => self.fold(dims, &within, DimCx::max),
            Atom::Broadcast(dims) => self.fold(dims, &within, DimCx::bcast),
            Atom::Whole(inner) => within(inner),
            Atom::Overflow => Dim::overflow(),
        }
    }

    fn fold(
        &self,
        dims: &[Dim],
        within: &dyn Fn(&Dim) -> Dim,
        join: fn(&DimCx, &Dim, &Dim) -> Dim,
    ) -> Dim {
        dims.iter()
            .map(within)
            .reduce(|a, b| join(self, &a, &b))
            .unwrap_or(Dim::ONE)
    }
}

fn whole_factors(dim: &Dim) -> Vec<Atom> {
    match dim.terms() {
        [term] if dim.constant_part() == 0 && term.coefficient == 1 => term.atoms.clone(),
        _ => vec![Atom::Whole(dim.clone())],
    }
}

fn members(dim: &Dim, smaller: bool) -> Vec<Dim> {
    match dim.as_atom() {
        Some(Atom::Min(dims)) if smaller => dims.clone(),
        Some(Atom::Max(dims)) if !smaller => dims.clone(),
        _ => vec![dim.clone()],
    }
}

fn broadcast_members(dim: &Dim) -> Vec<Dim> {
    match dim.as_atom() {
        Some(Atom::Broadcast(dims)) => dims.clone(),
        _ => vec![dim.clone()],
    }
}
