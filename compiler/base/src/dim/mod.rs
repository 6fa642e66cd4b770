//! Symbolic dims: integers that may depend on symbols bound at run time.
//!
//! A [`Dim`] is a constant or a polynomial over atoms in normal form, so that equal normal forms are `==`. [`DimCx`] owns
//! the symbols with their ranges and is the only maker of expressions; it simplifies by a small directed rewriter and
//! decides equality and order with three values.

mod bounds;
mod compare;
mod cx;
mod eval;
mod expr;
mod imply;
mod parse;
mod quotient;
mod show;
#[cfg(test)]
mod tests;

pub use bounds::{Interval, Tri};
pub use cx::{DimCx, Symbol};
pub use eval::DimError;
pub use expr::{Dim, SymId};
pub use parse::DimParseError;
pub use show::DimDisplay;
