//! Text of dims: with names in a context, with `$3` alone.

use super::cx::DimCx;
use super::expr::{Atom, Dim, SymId};
use std::fmt;

/// Shows a dim with the names of its symbols; made by [`DimCx::display`].
pub struct DimDisplay<'a> {
    dim: &'a Dim,
    cx: Option<&'a DimCx>,
}

impl DimCx {
    /// Shows a dim with the names of its symbols.
    pub fn display<'a>(&'a self, dim: &'a Dim) -> DimDisplay<'a> {
        DimDisplay {
            dim,
            cx: Some(self),
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(
            &DimDisplay {
                dim: self,
                cx: None,
            },
            f,
        )
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DimDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for term in self.dim.terms() {
            let negative = term.coefficient < 0;
            if negative {
                f.write_str("-")?;
            } else if !first {
                f.write_str("+")?;
            }
            first = false;
            let size = term.coefficient.unsigned_abs();
            if size != 1 {
                write!(f, "{size}*")?;
            }
            for (position, atom) in term.atoms.iter().enumerate() {
                if position > 0 {
                    f.write_str("*")?;
                }
                self.atom(atom, f)?;
            }
        }
        match self.dim.constant_part() {
            0 if !first => Ok(()),
            value if !first && value > 0 => write!(f, "+{value}"),
            value => write!(f, "{value}"),
        }
    }
}

impl DimDisplay<'_> {
    fn within<'b>(&'b self, dim: &'b Dim) -> DimDisplay<'b> {
        DimDisplay { dim, cx: self.cx }
    }

    fn atom(&self, atom: &Atom, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match atom {
            Atom::Symbol(symbol) => self.symbol(*symbol, f),
            Atom::FloorDiv(a, b) => write!(f, "(({})//({}))", self.within(a), self.within(b)),
            Atom::Modulo(a, b) => write!(f, "(({})%({}))", self.within(a), self.within(b)),
            Atom::Min(dims) => self.call("min", dims, f),
            Atom::Max(dims) => self.call("max", dims, f),
            Atom::Broadcast(dims) => self.call("bcast", dims, f),
            Atom::Whole(dim) => write!(f, "({})", self.within(dim)),
            Atom::Overflow => f.write_str("overflow()"),
        }
    }

    fn call(&self, name: &str, dims: &[Dim], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{name}(")?;
        for (position, dim) in dims.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", self.within(dim))?;
        }
        f.write_str(")")
    }

    fn symbol(&self, symbol: SymId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(cx) = self.cx else {
            return write!(f, "{symbol}");
        };
        let name = cx.name(symbol);
        if is_plain_name(name) {
            f.write_str(name)
        } else {
            write!(f, "{name:?}")
        }
    }
}

/// Whether a name stands without quotes: an identifier with dots that is no function of the dim syntax.
fn is_plain_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        && !matches!(name, "min" | "max" | "bcast" | "overflow")
}
