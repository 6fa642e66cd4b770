//! Division and remainder.

use super::bounds::Tri;
use super::compare::gcd;
use super::cx::DimCx;
use super::expr::{Atom, Dim, Term};

impl DimCx {
    /// `⌊a / b⌋`. Where b is 0 it has no value, so a factor may be cancelled wherever the original is defined.
    pub fn floor_div(&self, a: &Dim, b: &Dim) -> Dim {
        if a.is_overflow() || b.is_overflow() {
            return Dim::overflow();
        }
        if let (Some(x), Some(y)) = (a.as_const(), b.as_const()) {
            return match x.checked_div_euclid(y) {
                // Euclidean division differs from floored division for negative divisors that leave a remainder.
                Some(quotient) if y < 0 && x.rem_euclid(y) != 0 => Dim::constant(quotient - 1),
                Some(quotient) => Dim::constant(quotient),
                None if y == 0 => Dim::atom(Atom::FloorDiv(a.clone(), b.clone())),
                None => Dim::overflow(),
            };
        }
        if *b == Dim::ONE || *a == Dim::ZERO {
            return a.clone();
        }
        if b.as_const() == Some(-1) {
            return self.neg(a);
        }
        let (a, b) = self.cancel(a, b);
        if b == Dim::ONE {
            return a;
        }
        if a == b {
            return Dim::ONE;
        }
        if let Some(quotient) = self.divide_by_sum(&a, &b) {
            return quotient;
        }
        // Terms that b divides leave the quotient: ⌊(q·b + r) / b⌋ = q + ⌊r / b⌋.
        let mut whole = Dim::ZERO;
        let mut rest_terms = Vec::new();
        for term in a.terms() {
            match divide_term(term, &b) {
                Some(quotient) => whole = self.add(&whole, &quotient),
                None => rest_terms.push(term.clone()),
            }
        }
        let mut rest_constant = a.constant_part();
        if let Some(divisor) = b.as_const().filter(|divisor| *divisor > 0) {
            whole = self.add(&whole, &Dim::constant(rest_constant.div_euclid(divisor)));
            rest_constant = rest_constant.rem_euclid(divisor);
        }
        let Some(rest) = Dim::from_terms(rest_terms, rest_constant) else {
            return Dim::overflow();
        };
        let (rest, divisor) = if whole == Dim::ZERO {
            (rest, b)
        } else {
            self.cancel(&rest, &b)
        };
        let quotient = self.floor_div_rest(rest, divisor);
        self.add(&whole, &quotient)
    }

    fn floor_div_rest(&self, a: Dim, b: Dim) -> Dim {
        // 0 ≤ a < b
        if self.le(&Dim::ZERO, &a) == Tri::Yes && self.lt(&a, &b) == Tri::Yes {
            return Dim::ZERO;
        }
        // ⌊⌊x / y⌋ / b⌋ = ⌊x / (y·b)⌋ for positive constants.
        if let (Some(Atom::FloorDiv(x, y)), Some(outer)) = (a.as_atom(), b.as_const())
            && let Some(product) = y.as_const().and_then(|inner| inner.checked_mul(outer))
            && outer > 0
            && product > 0
        {
            return self.floor_div(x, &Dim::constant(product));
        }
        if let (Some(_), Some(_)) = (a.as_const(), b.as_const()) {
            return self.floor_div(&a, &b);
        }
        Dim::atom(Atom::FloorDiv(a, b))
    }

    /// `⌈a / b⌉`.
    pub fn ceil_div(&self, a: &Dim, b: &Dim) -> Dim {
        self.neg(&self.floor_div(&self.neg(a), b))
    }

    /// `a / b` where b is known to divide a; where b is 0 the value means nothing.
    pub fn div_exact(&self, a: &Dim, b: &Dim) -> Dim {
        self.floor_div(a, b)
    }

    /// `a - b · ⌊a / b⌋`, with the sign of b.
    pub fn modulo(&self, a: &Dim, b: &Dim) -> Dim {
        if a.is_overflow() || b.is_overflow() {
            return Dim::overflow();
        }
        if let (Some(x), Some(y)) = (a.as_const(), b.as_const())
            && let Some(remainder) = x.checked_rem(y)
        {
            let crosses = remainder != 0 && (remainder < 0) != (y < 0);
            return Dim::constant(if crosses { remainder + y } else { remainder });
        }
        if *b == Dim::ONE || a == b || self.divide_by_sum(a, b).is_some() {
            return Dim::ZERO;
        }
        let rest_terms: Vec<Term> = a
            .terms()
            .iter()
            .filter(|term| divide_term(term, b).is_none())
            .cloned()
            .collect();
        let constant = match b.as_const().filter(|divisor| *divisor > 0) {
            Some(divisor) => a.constant_part().rem_euclid(divisor),
            None => a.constant_part(),
        };
        let Some(rest) = Dim::from_terms(rest_terms, constant) else {
            return Dim::overflow();
        };
        if rest == Dim::ZERO {
            return Dim::ZERO;
        }
        if let (Some(_), Some(divisor)) = (rest.as_const(), b.as_const())
            && divisor != 0
        {
            return self.modulo(&rest, b);
        }
        if self.le(&Dim::ZERO, &rest) == Tri::Yes && self.lt(&rest, b) == Tri::Yes {
            return rest;
        }
        Dim::atom(Atom::Modulo(rest, b.clone()))
    }

    /// `a / b` for a sum b, where polynomial division leaves no remainder: `(x·y + x·z) / (y + z) = x`.
    fn divide_by_sum(&self, a: &Dim, b: &Dim) -> Option<Dim> {
        let lead = leading_term(b)?;
        let is_sum = b.terms().len() + usize::from(b.constant_part() != 0) > 1;
        if !is_sum {
            return None;
        }
        let (mut rest, mut quotient) = (a.clone(), Dim::ZERO);
        for _ in 0..MAX_QUOTIENT_TERMS {
            let part = divide_term(leading_term(&rest)?, &single(lead)?)?;
            quotient = self.add(&quotient, &part);
            rest = self.sub(&rest, &self.mul(&part, b));
            if rest == Dim::ZERO {
                return Some(quotient);
            }
        }
        None
    }

    /// Drops factors that every term of both shares. A negative divisor is made positive in front.
    fn cancel(&self, a: &Dim, b: &Dim) -> (Dim, Dim) {
        let common_coefficient = a
            .terms()
            .iter()
            .chain(b.terms())
            .map(|term| term.coefficient)
            .chain([a.constant_part(), b.constant_part()])
            .fold(0, gcd)
            .max(1);
        let sign = match (b.as_const(), b.terms()) {
            (Some(value), _) if value < 0 => -1,
            (None, [term]) if b.constant_part() == 0 && term.coefficient < 0 => -1,
            _ => 1,
        };
        let mut common: Vec<Atom> = Vec::new();
        if a.constant_part() == 0 && b.constant_part() == 0 {
            let mut terms = a.terms().iter().chain(b.terms());
            common = terms
                .next()
                .map(|term| term.atoms.clone())
                .unwrap_or_default();
            for term in terms {
                common = shared(&common, &term.atoms);
            }
        }
        let reduce = |dim: &Dim| {
            let terms: Option<Vec<Term>> = dim
                .terms()
                .iter()
                .map(|term| {
                    Some((
                        without(&term.atoms, &common)?,
                        (term.coefficient / common_coefficient).checked_mul(sign)?,
                    ))
                })
                .map(|parts| parts.map(|(atoms, coefficient)| Term { atoms, coefficient }))
                .collect();
            let constant = (dim.constant_part() / common_coefficient).checked_mul(sign)?;
            let (full, bare): (Vec<Term>, Vec<Term>) =
                terms?.into_iter().partition(|term| !term.atoms.is_empty());
            let constant = bare
                .iter()
                .try_fold(constant, |sum, term| sum.checked_add(term.coefficient))?;
            Dim::from_terms(full, constant)
        };
        match (reduce(a), reduce(b)) {
            (Some(a), Some(b)) => (a, b),
            _ => (a.clone(), b.clone()),
        }
    }
}

/// Terms of a quotient by a sum after which division is given up.
const MAX_QUOTIENT_TERMS: usize = 16;

/// The term of the highest degree, the last in order among those: an order that products keep.
fn leading_term(dim: &Dim) -> Option<&Term> {
    dim.terms()
        .iter()
        .max_by(|x, y| (x.atoms.len(), &x.atoms).cmp(&(y.atoms.len(), &y.atoms)))
}

fn single(term: &Term) -> Option<Dim> {
    Dim::from_terms(vec![term.clone()], 0)
}

/// `term / b` where b is a single term that divides it.
fn divide_term(term: &Term, b: &Dim) -> Option<Dim> {
    let (atoms, coefficient): (&[Atom], i64) = match (b.as_const(), b.terms()) {
        (Some(value), _) => (&[], value),
        (None, [single]) if b.constant_part() == 0 => (&single.atoms, single.coefficient),
        _ => return None,
    };
    if coefficient == 0 || term.coefficient.checked_rem(coefficient)? != 0 {
        return None;
    }
    let atoms = without(&term.atoms, atoms)?;
    let coefficient = term.coefficient / coefficient;
    if atoms.is_empty() {
        Some(Dim::constant(coefficient))
    } else {
        Dim::from_terms(vec![Term { atoms, coefficient }], 0)
    }
}

/// `atoms` with each of `taken` removed once; both sorted.
fn without(atoms: &[Atom], taken: &[Atom]) -> Option<Vec<Atom>> {
    let mut rest = atoms.to_vec();
    for atom in taken {
        let position = rest.iter().position(|other| other == atom)?;
        rest.remove(position);
    }
    Some(rest)
}

/// The multiset intersection of two sorted lists.
fn shared(a: &[Atom], b: &[Atom]) -> Vec<Atom> {
    let mut rest = b.to_vec();
    let mut both = Vec::new();
    for atom in a {
        if let Some(position) = rest.iter().position(|other| other == atom) {
            rest.remove(position);
            both.push(atom.clone());
        }
    }
    both
}
