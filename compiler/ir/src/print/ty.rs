//! Text of types: `f32[8,S,64]`, `seq(f32, rank 2)`, `optional(f32[4])`.

use crate::types::{TensorType, ValueType};
use graphc_base::DimCx;
use std::fmt;

/// Shows a tensor type with the names of its symbols.
pub(crate) struct ShowTensor<'a>(pub(crate) &'a TensorType, pub(crate) &'a DimCx);

impl fmt::Display for ShowTensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.0.dtype)?;
        for (axis, dim) in self.0.shape.iter().enumerate() {
            let comma = if axis == 0 { "" } else { "," };
            write!(f, "{comma}{}", self.1.display(dim))?;
        }
        f.write_str("]")
    }
}

/// Shows the type of a value with the names of its symbols.
pub(crate) struct Show<'a>(pub(crate) &'a ValueType, pub(crate) &'a DimCx);

impl fmt::Display for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValueType::Tensor(ty) => ShowTensor(ty, self.1).fmt(f),
            ValueType::Sequence(element) => match element.rank {
                Some(rank) => write!(f, "seq({}, rank {rank})", element.dtype),
                None => write!(f, "seq({})", element.dtype),
            },
            ValueType::Optional(inner) => write!(f, "optional({})", Show(inner, self.1)),
        }
    }
}

impl TensorType {
    /// Shows it with the names of its symbols: `f32[8,seq,64]`.
    pub fn display<'a>(&'a self, dims: &'a DimCx) -> impl fmt::Display + 'a {
        ShowTensor(self, dims)
    }
}

impl ValueType {
    /// Shows it with the names of its symbols: `f32[8,seq,64]`, `seq(f32, rank 2)`, `optional(f32[4])`.
    pub fn display<'a>(&'a self, dims: &'a DimCx) -> impl fmt::Display + 'a {
        Show(self, dims)
    }
}
