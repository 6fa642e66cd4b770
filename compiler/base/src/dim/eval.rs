//! Values of dims once symbols are bound. No allocation.

use super::expr::{Atom, Dim, SymId};
use crate::entity::EntityId;

/// Why a dim has no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DimError {
    /// A symbol is not bound.
    #[error("symbol {0} is not bound")]
    Unbound(SymId),
    /// The value does not fit 64 bits.
    #[error("the value does not fit 64 bits")]
    Overflow,
    /// A divisor is 0.
    #[error("division by zero")]
    ZeroDivisor,
    /// Sizes do not broadcast.
    #[error("sizes {0} and {1} do not broadcast")]
    Broadcast(i64, i64),
}

impl Dim {
    /// The value under `values`, indexed by symbol.
    pub fn eval(&self, values: &[i64]) -> Result<i64, DimError> {
        let mut sum = self.constant_part();
        for term in self.terms() {
            let mut product = term.coefficient;
            for atom in &term.atoms {
                product = product
                    .checked_mul(atom.eval(values)?)
                    .ok_or(DimError::Overflow)?;
            }
            sum = sum.checked_add(product).ok_or(DimError::Overflow)?;
        }
        Ok(sum)
    }
}

impl Atom {
    fn eval(&self, values: &[i64]) -> Result<i64, DimError> {
        match self {
            Atom::Symbol(symbol) => values
                .get(symbol.index())
                .copied()
                .ok_or(DimError::Unbound(*symbol)),
            Atom::FloorDiv(a, b) => floor_div(a.eval(values)?, b.eval(values)?),
            Atom::Modulo(a, b) => {
                let (a, b) = (a.eval(values)?, b.eval(values)?);
                let quotient = floor_div(a, b)?;
                quotient
                    .checked_mul(b)
                    .and_then(|whole| a.checked_sub(whole))
                    .ok_or(DimError::Overflow)
            }
            Atom::Min(dims) => fold(dims, values, |a, b| Ok(a.min(b))),
            Atom::Max(dims) => fold(dims, values, |a, b| Ok(a.max(b))),
            Atom::Broadcast(dims) => fold(dims, values, |a, b| match (a, b) {
                _ if a == b || b == 1 => Ok(a),
                (1, _) => Ok(b),
                _ => Err(DimError::Broadcast(a, b)),
            }),
            Atom::Whole(dim) => dim.eval(values),
            Atom::Overflow => Err(DimError::Overflow),
        }
    }
}

fn fold(
    dims: &[Dim],
    values: &[i64],
    join: impl Fn(i64, i64) -> Result<i64, DimError>,
) -> Result<i64, DimError> {
    let (first, rest) = dims.split_first().ok_or(DimError::Overflow)?;
    rest.iter().try_fold(first.eval(values)?, |result, dim| {
        join(result, dim.eval(values)?)
    })
}

fn floor_div(a: i64, b: i64) -> Result<i64, DimError> {
    if b == 0 {
        return Err(DimError::ZeroDivisor);
    }
    let quotient = a.checked_div(b).ok_or(DimError::Overflow)?;
    Ok(if a % b != 0 && (a < 0) != (b < 0) {
        quotient - 1
    } else {
        quotient
    })
}
