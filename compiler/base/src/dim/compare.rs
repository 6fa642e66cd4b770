//! Equality and order with three values.

use super::bounds::Tri;
use super::cx::DimCx;
use super::expr::Dim;

impl DimCx {
    /// Whether both have the same value whatever the symbols are.
    pub fn eq(&self, a: &Dim, b: &Dim) -> Tri {
        if a == b && !a.is_overflow() {
            return Tri::Yes;
        }
        let difference = self.sub(a, b);
        if let Some(value) = difference.as_const() {
            return if value == 0 { Tri::Yes } else { Tri::No };
        }
        if difference.is_overflow() {
            return Tri::Unknown;
        }
        if !self.bounds(&difference).contains(0) {
            return Tri::No;
        }
        // 2·s = 2·t + 1 has no solution: the constant is no multiple of what divides every coefficient.
        let divisor = difference
            .terms()
            .iter()
            .fold(0, |divisor, term| gcd(divisor, term.coefficient));
        if divisor > 1 && difference.constant_part() % divisor != 0 {
            return Tri::No;
        }
        Tri::Unknown
    }

    /// Whether `a ≤ b`.
    pub fn le(&self, a: &Dim, b: &Dim) -> Tri {
        if a.is_overflow() || b.is_overflow() {
            return Tri::Unknown;
        }
        let range = self.bounds(&self.sub(b, a));
        if range.lo >= 0 {
            Tri::Yes
        } else if range.hi < 0 {
            Tri::No
        } else {
            self.le_by_members(a, b)
        }
    }

    /// Whether `a < b`.
    pub fn lt(&self, a: &Dim, b: &Dim) -> Tri {
        self.le(&self.add(a, &Dim::ONE), b)
    }

    /// `min(x, …) ≤ b` when one member is; `a ≤ max(x, …)` likewise.
    fn le_by_members(&self, a: &Dim, b: &Dim) -> Tri {
        use super::expr::Atom;
        let holds = |x: &Dim, y: &Dim| self.bounds(&self.sub(y, x)).lo >= 0;
        let yes = match (a.as_atom(), b.as_atom()) {
            (Some(Atom::Min(dims)), _) if dims.iter().any(|dim| holds(dim, b)) => true,
            (Some(Atom::Max(dims)), _) if dims.iter().all(|dim| holds(dim, b)) => true,
            (_, Some(Atom::Max(dims))) if dims.iter().any(|dim| holds(a, dim)) => true,
            (_, Some(Atom::Min(dims))) if dims.iter().all(|dim| holds(a, dim)) => true,
            _ => false,
        };
        if yes { Tri::Yes } else { Tri::Unknown }
    }
}

/// Greatest common divisor of the absolute values, at least 0; `i64::MIN` counts as the largest.
pub(super) fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.saturating_abs(), b.saturating_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
