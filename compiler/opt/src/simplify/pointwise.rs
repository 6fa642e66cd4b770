//! Rewrites of pointwise operators.

use super::{Change, Rewrite, Site};
use graphc_base::DType;
use graphc_ir::op::{BinaryOp, UnaryOp};
use graphc_ir::{Op, SymElement, ValueId};

pub(super) fn rewrite(site: &Site<'_>, op: &Op, inputs: &[ValueId]) -> Rewrite {
    let found = match (op, inputs) {
        (Op::Unary(UnaryOp::Not), &[x]) => twice(site, UnaryOp::Not, x, "not_of_not"),
        (Op::Unary(UnaryOp::BitNot), &[x]) => twice(site, UnaryOp::BitNot, x, "bit_not_of_bit_not"),
        (Op::Unary(UnaryOp::Neg), &[x]) => twice(site, UnaryOp::Neg, x, "neg_of_neg"),
        (Op::Binary(op), &[a, b]) => neutral(site, *op, a, b),
        (Op::Select, &[cond, a, b]) => select(site, cond, a, b),
        _ => None,
    };
    found.or_else(|| bare_operand(site, op, inputs))
}

fn twice(site: &Site<'_>, op: UnaryOp, x: ValueId, name: &'static str) -> Rewrite {
    match site.def(x)? {
        (Op::Unary(inner), &[before]) if *inner == op => Some((name, Change::Value(before))),
        _ => None,
    }
}

/// `x + 0`, `x · 1` and the like, where the result is x to the last bit.
fn neutral(site: &Site<'_>, op: BinaryOp, a: ValueId, b: ValueId) -> Rewrite {
    let dtype = site.graph.tensor_ty(a)?.dtype;
    let value = if is_neutral(op, dtype, site.uniform(b)) && site.has_same_type(a) {
        a
    } else if is_commutative(op) && is_neutral(op, dtype, site.uniform(a)) && site.has_same_type(b)
    {
        b
    } else {
        return None;
    };
    Some(("neutral_operand", Change::Value(value)))
}

fn is_commutative(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add | BinaryOp::Mul | BinaryOp::And | BinaryOp::Or | BinaryOp::Xor
    )
}

/// Whether `x op rhs` is x for every x. In floats -0.0 + -0.0 is -0.0 but -0.0 + 0.0 is 0.0: only -0.0 may be added, and
/// only 0.0 subtracted. Floats of 8 bits and below are never computed on, the wider ones keep x through `· 1` and `/ 1`.
fn is_neutral(op: BinaryOp, dtype: DType, rhs: Option<&SymElement>) -> bool {
    match rhs {
        Some(SymElement::Float(rhs)) => {
            let bits = rhs.get().to_bits();
            match op {
                BinaryOp::Add => bits == (-0.0f64).to_bits(),
                BinaryOp::Sub => bits == 0.0f64.to_bits(),
                BinaryOp::Mul | BinaryOp::Div => bits == 1.0f64.to_bits(),
                _ => false,
            }
        }
        Some(SymElement::Dim(rhs)) if !dtype.is_float() => match (op, rhs.as_const()) {
            (BinaryOp::Add | BinaryOp::Sub, Some(0)) => dtype.is_int(),
            (BinaryOp::Mul | BinaryOp::Div, Some(1)) => dtype.is_int(),
            (BinaryOp::And, Some(1)) | (BinaryOp::Or | BinaryOp::Xor, Some(0)) => true,
            _ => false,
        },
        _ => false,
    }
}

/// A choice that is known, or that makes no difference.
fn select(site: &Site<'_>, cond: ValueId, a: ValueId, b: ValueId) -> Rewrite {
    let chosen = match site.uniform(cond) {
        Some(SymElement::Dim(cond)) => match cond.as_const()? {
            0 => b,
            _ => a,
        },
        _ if a == b => a,
        _ => return None,
    };
    if site.has_same_type(chosen) {
        return Some(("known_choice", Change::Value(chosen)));
    }
    let shape = site.graph.tensor_ty(site.output)?.shape.clone();
    Some((
        "known_choice",
        Change::Node(Op::Expand { shape }, vec![chosen]),
    ))
}

/// Operands need not be expanded, since the operator broadcasts by itself. The type of the result, which
/// [`Site::rewrite`] compares, tells whether the other operands have its shape.
fn bare_operand(site: &Site<'_>, op: &Op, inputs: &[ValueId]) -> Rewrite {
    if matches!(op, Op::Unary(_)) {
        return None;
    }
    inputs.iter().enumerate().find_map(|(operand_idx, &input)| {
        let (Op::Expand { .. }, &[before]) = site.def(input)? else {
            return None;
        };
        let mut inputs = inputs.to_vec();
        inputs[operand_idx] = before;
        let fits = crate::replace::is_like(site.graph, op, &inputs, site.output);
        fits.then(|| ("expand_before_broadcast", Change::Node(op.clone(), inputs)))
    })
}
