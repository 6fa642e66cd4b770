//! Ranges of values, and three-valued verdicts.

use super::cx::DimCx;
use super::expr::{Atom, Dim, Term};
use serde::{Deserialize, Serialize};

/// An inclusive range; the ends of `i64` mean unbounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// Least value.
    pub lo: i64,
    /// Greatest value.
    pub hi: i64,
}

/// Yes, no, or not known for all values of the symbols.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tri {
    /// Holds for all values of the symbols.
    Yes,
    /// Holds for none.
    No,
    /// May hold or not.
    Unknown,
}

impl Interval {
    /// Any value.
    pub const ANY: Interval = Interval {
        lo: i64::MIN,
        hi: i64::MAX,
    };
    /// A size that a model's input leaves open.
    pub const SIZE: Interval = Interval {
        lo: 0,
        hi: i32::MAX as i64,
    };

    /// One value.
    pub const fn point(value: i64) -> Self {
        Interval {
            lo: value,
            hi: value,
        }
    }

    /// Whether a value lies in it.
    pub fn contains(self, value: i64) -> bool {
        self.lo <= value && value <= self.hi
    }

    fn from_wide(lo: i128, hi: i128) -> Self {
        let clamp = |value: i128| value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        Interval {
            lo: clamp(lo),
            hi: clamp(hi),
        }
    }

    /// Ends as wide integers, infinite ends far beyond `i64`, so that sums and products stay sound.
    fn wide(self) -> (i128, i128) {
        const FAR: i128 = 1 << 90;
        (
            if self.lo == i64::MIN {
                -FAR
            } else {
                i128::from(self.lo)
            },
            if self.hi == i64::MAX {
                FAR
            } else {
                i128::from(self.hi)
            },
        )
    }

    fn add(self, other: Self) -> Self {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Self::from_wide(a + c, b + d)
    }

    fn mul(self, other: Self) -> Self {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        let products = [(a, c), (a, d), (b, c), (b, d)].map(|(x, y)| x.saturating_mul(y));
        Self::from_wide(
            products.into_iter().min().unwrap_or(0),
            products.into_iter().max().unwrap_or(0),
        )
    }
}

impl DimCx {
    /// A range that holds every value of the dim; over-approximate.
    pub fn bounds(&self, dim: &Dim) -> Interval {
        dim.terms()
            .iter()
            .map(|term| self.term_bounds(term))
            .fold(Interval::point(dim.constant_part()), Interval::add)
    }

    fn term_bounds(&self, term: &Term) -> Interval {
        let mut range = Interval::point(term.coefficient);
        let mut atoms = term.atoms.as_slice();
        while let Some((first, rest)) = atoms.split_first() {
            let power = 1 + rest.iter().take_while(|atom| *atom == first).count();
            let base = self.atom_bounds(first);
            let mut raised = base;
            for _ in 1..power {
                raised = raised.mul(base);
            }
            if power % 2 == 0 {
                raised.lo = raised.lo.max(0);
            }
            range = range.mul(raised);
            atoms = &atoms[power..];
        }
        range
    }

    fn atom_bounds(&self, atom: &Atom) -> Interval {
        match atom {
            Atom::Symbol(symbol) => self.range(*symbol),
            Atom::FloorDiv(a, b) => floor_div_bounds(self.bounds(a), self.bounds(b)),
            Atom::Modulo(_, b) => {
                let b = self.bounds(b);
                Interval {
                    lo: b.lo.saturating_add(1).min(0),
                    hi: b.hi.saturating_sub(1).max(0),
                }
            }
            Atom::Min(dims) => {
                dims.iter()
                    .map(|dim| self.bounds(dim))
                    .fold(Interval::point(i64::MAX), |a, b| Interval {
                        lo: a.lo.min(b.lo),
                        hi: a.hi.min(b.hi),
                    })
            }
            Atom::Max(dims) => {
                dims.iter()
                    .map(|dim| self.bounds(dim))
                    .fold(Interval::point(i64::MIN), |a, b| Interval {
                        lo: a.lo.max(b.lo),
                        hi: a.hi.max(b.hi),
                    })
            }
            // One of its members.
            Atom::Broadcast(dims) => dims
                .iter()
                .map(|dim| self.bounds(dim))
                .reduce(|a, b| Interval {
                    lo: a.lo.min(b.lo),
                    hi: a.hi.max(b.hi),
                })
                .unwrap_or(Interval::ANY),
            Atom::Whole(dim) => self.bounds(dim),
            Atom::Overflow => Interval::ANY,
        }
    }
}

fn floor_div_bounds(a: Interval, b: Interval) -> Interval {
    if b.lo <= 0 && b.hi >= 0 {
        // A divisor of ±1 is the worst; the sign is open unless b keeps one.
        if b.lo == 0 && a.lo >= 0 {
            return Interval { lo: 0, hi: a.hi };
        }
        let far = a.lo.saturating_neg().max(a.hi);
        return Interval {
            lo: far.saturating_neg().min(a.lo),
            hi: far,
        };
    }
    let ((al, ah), (bl, bh)) = (a.wide(), b.wide());
    let quotients = [(al, bl), (al, bh), (ah, bl), (ah, bh)].map(|(x, y)| {
        let quotient = x / y;
        if x % y != 0 && (x < 0) != (y < 0) {
            quotient - 1
        } else {
            quotient
        }
    });
    Interval::from_wide(
        quotients.into_iter().min().unwrap_or(0),
        quotients.into_iter().max().unwrap_or(0),
    )
}
