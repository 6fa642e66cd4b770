//! Relations between dims: proved, refuted, or kept as a check.

use super::Call;
use crate::graph::DimCheckKind;
use crate::infer::TypeError;
use graphc_base::{Dim, Tri};
use std::fmt;

impl Call<'_> {
    pub(in crate::infer) fn is_one(&self, dim: &Dim) -> bool {
        dim.as_const() == Some(1)
    }

    fn is_never_one(&self, dim: &Dim) -> bool {
        self.dims().eq(dim, &Dim::constant(1)) == Tri::No
    }

    /// Whether neither is 1 unless the other is, so that they broadcast only where they are equal.
    ///
    /// Sizes that are clamped by a limit, as in `S` and `min(S,512)`, are so: they are the same below 2.
    fn is_one_with(&self, a: &Dim, b: &Dim) -> bool {
        let two = Dim::constant(2);
        let below_two = |dim| self.dims().min(dim, &two);
        self.dims().eq(&below_two(a), &below_two(b)) == Tri::Yes
            || (self.is_never_one(a) && self.is_never_one(b))
    }

    /// Keeps a relation that is neither proved nor refuted.
    fn check(&mut self, kind: DimCheckKind) -> Result<(), TypeError> {
        let (a, b) = kind.sides();
        let overflows = a.is_overflow() || b.is_overflow();
        self.ensure(!overflows, "a size is too large")?;
        if !self.checks.contains(&kind) {
            self.checks.push(kind);
        }
        Ok(())
    }

    /// Both must be equal; gives the one that says more.
    pub(in crate::infer) fn equal(
        &mut self,
        a: &Dim,
        b: &Dim,
        what: impl fmt::Display,
    ) -> Result<Dim, TypeError> {
        match self.dims().eq(a, b) {
            Tri::Yes => {}
            Tri::No => return Err(self.fail(what)),
            Tri::Unknown => self.check(DimCheckKind::Equal(a.clone(), b.clone()))?,
        }
        Ok(plainer(a, b).clone())
    }

    /// The first must be at most the second.
    pub(in crate::infer) fn at_most(
        &mut self,
        a: &Dim,
        b: &Dim,
        what: impl fmt::Display,
    ) -> Result<(), TypeError> {
        match self.dims().le(a, b) {
            Tri::Yes => {}
            Tri::No => return Err(self.fail(what)),
            Tri::Unknown => self.check(DimCheckKind::LessEqual(a.clone(), b.clone()))?,
        }
        Ok(())
    }

    /// `lo ≤ dim ≤ hi` must hold.
    pub(in crate::infer) fn within(
        &mut self,
        dim: &Dim,
        lo: &Dim,
        hi: &Dim,
        what: &str,
    ) -> Result<(), TypeError> {
        self.at_most(lo, dim, what)?;
        self.at_most(dim, hi, what)
    }

    /// `by` must divide `dim`.
    pub(in crate::infer) fn divides(
        &mut self,
        by: &Dim,
        dim: &Dim,
        what: impl fmt::Display,
    ) -> Result<(), TypeError> {
        let rest = self.dims().modulo(dim, by);
        self.equal(&rest, &Dim::constant(0), what)?;
        Ok(())
    }

    /// Two shapes that must be equal axis by axis; gives the one that says more.
    pub(in crate::infer) fn equal_shapes(
        &mut self,
        a: &[Dim],
        b: &[Dim],
        what: &str,
    ) -> Result<Vec<Dim>, TypeError> {
        self.ensure(a.len() == b.len(), what)?;
        a.iter()
            .zip(b)
            .map(|(a, b)| self.equal(a, b, what))
            .collect()
    }

    /// NumPy broadcasting of two dims.
    fn broadcast_dim(&mut self, a: &Dim, b: &Dim) -> Result<Dim, TypeError> {
        if a == b || self.is_one(b) {
            return Ok(a.clone());
        }
        if self.is_one(a) {
            return Ok(b.clone());
        }
        if self.dims().eq(a, b) == Tri::Yes {
            return Ok(plainer(a, b).clone());
        }
        if self.is_one_with(a, b) {
            return self.equal(a, b, "shapes do not broadcast");
        }
        self.check(DimCheckKind::Broadcast(a.clone(), b.clone()))?;
        Ok(self.dims().bcast(a, b))
    }

    /// NumPy broadcasting of two shapes.
    pub(in crate::infer) fn broadcast(
        &mut self,
        a: &[Dim],
        b: &[Dim],
    ) -> Result<Vec<Dim>, TypeError> {
        let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
        let n_leading = long.len() - short.len();
        let mut shape = long[..n_leading].to_vec();
        for (long_dim, short_dim) in long[n_leading..].iter().zip(short) {
            shape.push(self.broadcast_dim(long_dim, short_dim)?);
        }
        Ok(shape)
    }

    /// `from` must broadcast to exactly `to`.
    pub(in crate::infer) fn broadcast_to(
        &mut self,
        from: &[Dim],
        to: &[Dim],
        what: &str,
    ) -> Result<(), TypeError> {
        let Some(n_leading) = to.len().checked_sub(from.len()) else {
            return Err(self.fail(what));
        };
        for (from, to) in from.iter().zip(&to[n_leading..]) {
            if self.is_one(from) || self.dims().eq(from, to) == Tri::Yes {
                continue;
            }
            if self.is_never_one(from) || self.is_one(to) || self.is_one_with(from, to) {
                self.equal(from, to, what)?;
            } else if self.is_never_one(to) {
                self.check(DimCheckKind::Broadcast(from.clone(), to.clone()))?;
            } else {
                // `from` is 1 or `to`: exactly where the broadcast of both is `to`.
                let both = self.dims().bcast(from, to);
                self.equal(&both, to, what)?;
            }
        }
        Ok(())
    }

    /// How many elements a shape has: 0 where one of its dims is, however large the others are.
    pub(in crate::infer) fn n_elements(&self, shape: &[Dim]) -> Dim {
        if shape.contains(&Dim::ZERO) {
            return Dim::ZERO;
        }
        self.dims().product(shape)
    }

    /// Every dim of an attribute shape may be a size.
    pub(in crate::infer) fn sizes(&self, what: &str, shape: &[Dim]) -> Result<(), TypeError> {
        for dim in shape {
            self.ensure(
                !dim.is_overflow(),
                format_args!("{what} has a size that is too large"),
            )?;
            self.ensure(
                self.dims().bounds(dim).hi >= 0,
                format_args!("{what} has the negative size {}", self.dims().display(dim)),
            )?;
        }
        Ok(())
    }
}

/// The one of two equal dims that says more: a constant, then a symbol.
fn plainer<'d>(a: &'d Dim, b: &'d Dim) -> &'d Dim {
    let is_plainer = match (a.as_symbol(), b.as_symbol()) {
        (None, Some(_)) => !a.is_const(),
        _ => b.is_const(),
    };
    if is_plainer { b } else { a }
}
