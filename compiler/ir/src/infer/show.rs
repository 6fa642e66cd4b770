//! How types look in messages: `f32[8,S,64]`, `seq(f32, rank 2)`, `optional(f32[4])`.

use crate::types::{TensorType, ValueType};
use graphc_base::DimCx;
use std::fmt;

/// Operands that a message lists before it leaves the rest out.
const MAX_LISTED_OPERANDS: usize = 8;

pub(super) struct ShowTensor<'a>(pub(super) &'a TensorType, pub(super) &'a DimCx);

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

pub(super) struct Show<'a>(pub(super) &'a ValueType, pub(super) &'a DimCx);

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

/// The operand list at the end of a message, with the role of each where the operator names it.
pub(super) fn operand_list(roles: &[&'static str], inputs: &[&ValueType], dims: &DimCx) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (operand_idx, ty) in inputs.iter().enumerate().take(MAX_LISTED_OPERANDS) {
        let separator = if operand_idx == 0 { "" } else { ", " };
        let shown = Show(ty, dims);
        // Writing to a string cannot fail.
        let _ = match roles.get(operand_idx) {
            Some(role) => write!(text, "{separator}{role} {shown}"),
            None => write!(text, "{separator}operand {operand_idx} {shown}"),
        };
    }
    if inputs.len() > MAX_LISTED_OPERANDS {
        let _ = write!(text, ", {} more", inputs.len() - MAX_LISTED_OPERANDS);
    }
    text
}
