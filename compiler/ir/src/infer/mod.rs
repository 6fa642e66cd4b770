//! The one function that types an operator. The builder, the verifier, the passes and the rule checker all call it.

use crate::consts::ConstStore;
use crate::graph::DimCheckKind;
use crate::op::Op;
use crate::types::ValueType;
use graphc_base::DimCx;

/// What inference may look at besides operands.
#[derive(Clone, Copy)]
pub struct InferCx<'a> {
    /// Symbols and their ranges.
    pub dims: &'a DimCx,
    /// Types of constants.
    pub consts: &'a ConstStore,
}

/// Types of an operator's results, and what must hold of dims for the operator to be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpTypes {
    /// One type per result.
    pub outputs: Vec<ValueType>,
    /// Relations that could be neither proved nor refuted; refuted ones are a [`TypeError`].
    pub checks: Vec<DimCheckKind>,
}

/// Why an operator cannot have these operands: `matmul: inner dims differ, lhs f32[8,64], rhs f32[32,8]`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{op}: {message}")]
pub struct TypeError {
    /// Name of the operator in the text form.
    pub op: &'static str,
    /// What is wrong, with the operand types.
    pub message: String,
}

/// Types of the results of `op` on operands of these types.
pub fn infer(op: &Op, inputs: &[&ValueType], cx: InferCx<'_>) -> Result<OpTypes, TypeError> {
    let _ = (op, inputs, cx);
    Err(TypeError {
        op: "op",
        message: "not typed yet".into(),
    })
}
