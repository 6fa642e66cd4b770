//! How operands look in messages.

pub(super) use crate::print::{Show, ShowTensor};
use crate::types::ValueType;
use graphc_base::DimCx;

/// Operands that a message lists before it leaves the rest out.
const MAX_LISTED_OPERANDS: usize = 8;

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
