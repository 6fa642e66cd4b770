//! Inference on operators and operands in the text form.
//!
//! Symbols: `S` and `T` are sizes, `B` is from 2 to 64, `F` is 0 or 1, `I` is any integer.

mod examples;
mod linear;
mod movement;
mod pointwise;
mod property;
mod reduce;
mod select;
mod spatial;
mod values;

use super::{InferCx, OpTypes, TypeError, infer};
use crate::graph::{DimCheckKind, Graph};
use crate::op::Op;
use crate::types::ValueType;
use expect_test::Expect;

/// An operator, the types of its operands, and the graph that holds their symbols.
struct Case {
    graph: Graph,
    op: Op,
    operands: Vec<ValueType>,
}

impl Case {
    /// `None` where the text is no operator.
    fn parse(operands: &str, op: &str) -> Option<Case> {
        let params: Vec<String> = split_types(operands)
            .into_iter()
            .enumerate()
            .map(|(operand_idx, ty)| format!("%{operand_idx}: {ty}"))
            .collect();
        let text = format!(
            "graph \"test\" {{
                symbol S = 0..2147483647
                symbol T = 0..2147483647
                symbol B = 2..64
                symbol F = 0..1
                symbol I = any
                const c0: i64[2] = [1, 2]
                block b0({}) {{ () = {op} return }}
                block b1() {{ return }}
            }}",
            params.join(", ")
        );
        let graph = crate::parse(&text).ok()?;
        let main = graph.block(Graph::MAIN);
        let op = graph.node(*main.nodes.first()?).op.clone();
        let operands = main.params.iter().map(|&param| graph.ty(param).clone());
        let operands = operands.collect();
        Some(Case {
            graph,
            op,
            operands,
        })
    }

    fn infer(&self) -> Result<OpTypes, TypeError> {
        let operands: Vec<&ValueType> = self.operands.iter().collect();
        let cx = InferCx {
            dims: &self.graph.dims,
            consts: &self.graph.consts,
        };
        infer(&self.op, &operands, cx)
    }

    /// Result types and then the checks, `f32[8,T]; equal S, T`; or the error.
    fn outcome(&self) -> String {
        let dims = &self.graph.dims;
        let types = match self.infer() {
            Ok(types) => types,
            Err(error) => return error.to_string(),
        };
        let outputs: Vec<String> = types
            .outputs
            .iter()
            .map(|ty| ty.display(dims).to_string())
            .collect();
        let mut text = outputs.join(", ");
        for check in &types.checks {
            let relation = match check {
                DimCheckKind::Equal(..) => "equal",
                DimCheckKind::Broadcast(..) => "broadcast",
                DimCheckKind::LessEqual(..) => "at_most",
            };
            let (a, b) = check.sides();
            text += &format!("; {relation} {}, {}", dims.display(a), dims.display(b));
        }
        text
    }
}

/// Splits at commas outside of brackets.
fn split_types(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let mut parts = Vec::new();
    let mut start = 0;
    for (position, c) in text.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn outcome(operands: &str, op: &str) -> String {
    match Case::parse(operands, op) {
        Some(case) => case.outcome(),
        None => format!("`{op}` on `{operands}` is no operator"),
    }
}

fn check(operands: &str, op: &str, expected: Expect) {
    expected.assert_eq(&outcome(operands, op));
}
