//! What an expression demands of its symbols merely by having a value.

use super::cx::DimCx;
use super::expr::{Atom, Dim, SymId};

impl DimCx {
    /// Largest values of symbols for which every broadcast within `dim` can succeed, where that follows from its form:
    /// `s` and `min(c, s)` broadcast exactly if `s ≤ c`, for a constant `c` above 1.
    ///
    /// Models index tables of `c` rows by positions below `s`, and clamp where they cut the table; the clamp never acts in
    /// a run that succeeds.
    pub fn broadcast_bounds(&self, dim: &Dim) -> Vec<(SymId, i64)> {
        let mut bounds = Vec::new();
        visit(dim, &mut bounds);
        bounds
    }
}

fn visit(dim: &Dim, bounds: &mut Vec<(SymId, i64)>) {
    for atom in dim.terms().iter().flat_map(|term| &term.atoms) {
        match atom {
            Atom::Symbol(_) | Atom::Overflow => {}
            Atom::FloorDiv(a, b) | Atom::Modulo(a, b) => {
                visit(a, bounds);
                visit(b, bounds);
            }
            Atom::Min(dims) | Atom::Max(dims) => dims.iter().for_each(|dim| visit(dim, bounds)),
            Atom::Whole(dim) => visit(dim, bounds),
            Atom::Broadcast(dims) => {
                for dim in dims {
                    visit(dim, bounds);
                    bounds.extend(clamped(dim).filter(|(symbol, _)| {
                        dims.iter().any(|other| other.as_symbol() == Some(*symbol))
                    }));
                }
            }
        }
    }
}

/// Symbol and constant of `min(c, s)` with `c` above 1.
fn clamped(dim: &Dim) -> Option<(SymId, i64)> {
    let Some(Atom::Min(dims)) = dim.as_atom() else {
        return None;
    };
    let [a, b] = dims.as_slice() else {
        return None;
    };
    let (symbol, limit) = match (a.as_symbol(), b.as_symbol()) {
        (Some(symbol), None) => (symbol, b.as_const()?),
        (None, Some(symbol)) => (symbol, a.as_const()?),
        _ => return None,
    };
    (limit > 1).then_some((symbol, limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dim::Interval;

    #[test]
    fn a_size_that_broadcasts_with_its_clamped_self_is_below_the_clamp() {
        let mut cx = DimCx::default();
        let symbol = cx.new_symbol("s", Interval::SIZE);
        let s = Dim::symbol(symbol);
        let clamped = cx.min(&s, &Dim::constant(512));
        let both = cx.bcast(&s, &clamped);
        let within = cx.mul(&both, &Dim::constant(768));
        assert_eq!(cx.broadcast_bounds(&within), [(symbol, 512)]);
        for (value, succeeds) in [(0, true), (1, true), (512, true), (513, false)] {
            assert_eq!(both.eval(&[value]).is_ok(), succeeds, "{value}");
        }
    }

    #[test]
    fn a_clamp_to_one_or_of_another_symbol_demands_nothing() {
        let mut cx = DimCx::default();
        let s = Dim::symbol(cx.new_symbol("s", Interval::SIZE));
        let t = Dim::symbol(cx.new_symbol("t", Interval::SIZE));
        let to_one = cx.min(&s, &Dim::ONE);
        assert_eq!(cx.broadcast_bounds(&cx.bcast(&s, &to_one)), []);
        let other = cx.min(&t, &Dim::constant(4));
        assert_eq!(cx.broadcast_bounds(&cx.bcast(&s, &other)), []);
    }
}
