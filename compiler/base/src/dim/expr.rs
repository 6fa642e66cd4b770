//! The normal form: a sum of integer coefficient × product of atoms, sorted.

use crate::entity_id;
use std::collections::BTreeSet;
use std::sync::Arc;

entity_id!(
    /// A symbol of a [`DimCx`](super::DimCx).
    SymId,
    "$"
);

/// An integer that may depend on symbols. Cheap to clone; `==` compares normal forms.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dim(pub(super) Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Repr {
    Const(i64),
    /// Never a constant: has at least one term.
    Sum(Arc<Sum>),
}

/// `constant + Σ terms`, terms sorted by their atoms, coefficients not 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sum {
    pub(super) terms: Vec<Term>,
    pub(super) constant: i64,
    /// Number of atoms at any depth.
    pub(super) weight: usize,
    /// How deep atoms nest; 0 where all are symbols.
    pub(super) depth: usize,
}

/// Expressions with more atoms than this, at any depth, are given up as overflow: no shape needs them, and a hostile
/// model could otherwise make them grow without bound.
pub(super) const MAX_WEIGHT: usize = 500;

/// Expressions that nest deeper are given up as overflow, so that walks may recurse and all that can be made can be read.
pub(super) const MAX_DEPTH: usize = 32;

/// Minima, maxima and broadcasts of more members than this are given up as overflow: each member is compared with all.
pub(super) const MAX_MEMBERS: usize = 32;

/// `coefficient · Π atoms`, atoms sorted, at least one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Term {
    pub(super) atoms: Vec<Atom>,
    pub(super) coefficient: i64,
}

/// What cannot be taken apart further.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Atom {
    Symbol(SymId),
    FloorDiv(Dim, Dim),
    Modulo(Dim, Dim),
    /// Sorted, no duplicates, at least two.
    Min(Vec<Dim>),
    /// Sorted, no duplicates, at least two.
    Max(Vec<Dim>),
    /// Sorted, no duplicates, at least two.
    Broadcast(Vec<Dim>),
    /// A sum kept whole as a factor, because multiplying it out would grow too large.
    Whole(Dim),
    /// The value does not fit 64 bits whatever the symbols are.
    Overflow,
}

impl Dim {
    /// The constant 0.
    pub const ZERO: Dim = Dim(Repr::Const(0));
    /// The constant 1.
    pub const ONE: Dim = Dim(Repr::Const(1));

    /// A constant.
    pub const fn constant(value: i64) -> Self {
        Dim(Repr::Const(value))
    }

    /// A symbol.
    pub fn symbol(symbol: SymId) -> Self {
        Dim::atom(Atom::Symbol(symbol))
    }

    /// Its value, if it is a constant.
    pub fn as_const(&self) -> Option<i64> {
        match &self.0 {
            Repr::Const(value) => Some(*value),
            Repr::Sum(_) => None,
        }
    }

    /// Whether it is a constant.
    pub fn is_const(&self) -> bool {
        self.as_const().is_some()
    }

    /// The symbol, if it is nothing but one.
    pub fn as_symbol(&self) -> Option<SymId> {
        match self.as_atom() {
            Some(Atom::Symbol(symbol)) => Some(*symbol),
            _ => None,
        }
    }

    /// Calls `visit` with every symbol that it mentions, perhaps several times.
    pub fn visit_symbols(&self, visit: &mut dyn FnMut(SymId)) {
        let Repr::Sum(sum) = &self.0 else { return };
        for atom in sum.terms.iter().flat_map(|term| &term.atoms) {
            match atom {
                Atom::Symbol(symbol) => visit(*symbol),
                Atom::FloorDiv(a, b) | Atom::Modulo(a, b) => {
                    a.visit_symbols(visit);
                    b.visit_symbols(visit);
                }
                Atom::Min(dims) | Atom::Max(dims) | Atom::Broadcast(dims) => {
                    dims.iter().for_each(|dim| dim.visit_symbols(visit));
                }
                Atom::Whole(dim) => dim.visit_symbols(visit),
                Atom::Overflow => {}
            }
        }
    }

    /// The symbols that it mentions.
    pub fn symbols(&self) -> BTreeSet<SymId> {
        let mut symbols = BTreeSet::new();
        self.visit_symbols(&mut |symbol| {
            symbols.insert(symbol);
        });
        symbols
    }

    pub(super) fn atom(atom: Atom) -> Self {
        let (mut weight, mut depth) = (atom.weight(), atom.depth());
        let mut atom = atom;
        if weight > MAX_WEIGHT || depth > MAX_DEPTH || atom.n_members() > MAX_MEMBERS {
            (atom, weight, depth) = (Atom::Overflow, 1, 0);
        }
        Dim(Repr::Sum(Arc::new(Sum {
            terms: vec![Term {
                atoms: vec![atom],
                coefficient: 1,
            }],
            constant: 0,
            weight,
            depth,
        })))
    }

    fn depth(&self) -> usize {
        match &self.0 {
            Repr::Const(_) => 0,
            Repr::Sum(sum) => sum.depth,
        }
    }

    fn weight(&self) -> usize {
        match &self.0 {
            Repr::Const(_) => 1,
            Repr::Sum(sum) => sum.weight,
        }
    }

    pub(super) fn overflow() -> Self {
        Dim::atom(Atom::Overflow)
    }

    /// Whether it has no value because it fits 64 bits for no values of the symbols; [`eval`](Self::eval) gives an error.
    pub fn is_overflow(&self) -> bool {
        match &self.0 {
            Repr::Const(_) => false,
            Repr::Sum(sum) => sum
                .terms
                .iter()
                .any(|term| term.atoms.contains(&Atom::Overflow)),
        }
    }

    /// The atom, if it is nothing but one.
    pub(super) fn as_atom(&self) -> Option<&Atom> {
        match &self.0 {
            Repr::Sum(sum) if sum.constant == 0 => match sum.terms.as_slice() {
                [term] if term.coefficient == 1 => match term.atoms.as_slice() {
                    [atom] => Some(atom),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn terms(&self) -> &[Term] {
        match &self.0 {
            Repr::Const(_) => &[],
            Repr::Sum(sum) => &sum.terms,
        }
    }

    pub(super) fn constant_part(&self) -> i64 {
        match &self.0 {
            Repr::Const(value) => *value,
            Repr::Sum(sum) => sum.constant,
        }
    }

    /// Sorts, joins and drops terms; `None` when a coefficient overflows or the sum is too heavy.
    pub(super) fn from_terms(mut terms: Vec<Term>, constant: i64) -> Option<Self> {
        terms.sort();
        let mut joined: Vec<Term> = Vec::with_capacity(terms.len());
        for term in terms {
            match joined.last_mut() {
                Some(last) if last.atoms == term.atoms => {
                    last.coefficient = last.coefficient.checked_add(term.coefficient)?;
                }
                _ => joined.push(term),
            }
        }
        joined.retain(|term| term.coefficient != 0);
        if joined.is_empty() {
            return Some(Dim::constant(constant));
        }
        let atoms = || joined.iter().flat_map(|term| &term.atoms);
        let weight = atoms().map(Atom::weight).sum();
        let depth = atoms().map(Atom::depth).max().unwrap_or(0);
        (weight <= MAX_WEIGHT).then(|| {
            Dim(Repr::Sum(Arc::new(Sum {
                terms: joined,
                constant,
                weight,
                depth,
            })))
        })
    }
}

impl Atom {
    fn depth(&self) -> usize {
        match self {
            Atom::Symbol(_) | Atom::Overflow => 0,
            Atom::FloorDiv(a, b) | Atom::Modulo(a, b) => 1 + a.depth().max(b.depth()),
            Atom::Min(dims) | Atom::Max(dims) | Atom::Broadcast(dims) => {
                1 + dims.iter().map(Dim::depth).max().unwrap_or(0)
            }
            Atom::Whole(dim) => 1 + dim.depth(),
        }
    }

    fn n_members(&self) -> usize {
        match self {
            Atom::Min(dims) | Atom::Max(dims) | Atom::Broadcast(dims) => dims.len(),
            _ => 1,
        }
    }

    fn weight(&self) -> usize {
        1 + match self {
            Atom::Symbol(_) | Atom::Overflow => 0,
            Atom::FloorDiv(a, b) | Atom::Modulo(a, b) => a.weight() + b.weight(),
            Atom::Min(dims) | Atom::Max(dims) | Atom::Broadcast(dims) => {
                dims.iter().map(Dim::weight).sum()
            }
            Atom::Whole(dim) => dim.weight(),
        }
    }
}

impl From<i64> for Dim {
    fn from(value: i64) -> Self {
        Dim::constant(value)
    }
}

impl From<usize> for Dim {
    /// Sizes of tensors in memory always fit; anything larger becomes the largest `i64`, which no size check accepts.
    fn from(value: usize) -> Self {
        Dim::constant(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<SymId> for Dim {
    fn from(symbol: SymId) -> Self {
        Dim::symbol(symbol)
    }
}

impl From<&Dim> for Dim {
    fn from(dim: &Dim) -> Self {
        dim.clone()
    }
}
