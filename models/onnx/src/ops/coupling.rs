//! Class probabilities from the probabilities of pairs of classes: pairwise coupling by Wu, Lin and Weng, "Probability
//! Estimates for Multi-class Classification by Pairwise Coupling" (JMLR 5, 2004), their second method.

use super::control::{Repeat, TurnResult, repeat};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, ReduceKind, UnaryOp};

/// How often the estimates are improved at most, unless there are more classes.
const MAX_TURNS: usize = 100;
/// Improvement ends where no estimate is off by this, divided by the number of classes.
const TOLERANCE: f64 = 0.005;
/// Least distance of a pair's probability from 0 and from 1.
const MARGIN: f64 = 1e-7;

/// `[N, k]` from the scores `[N, P]` of the pairs, whose probability is `sigmoid(-(a · score + b))` for the first class.
pub(super) fn probabilities(
    cx: &mut NodeCx<'_, '_>,
    scores: ValueId,
    n_classes: usize,
    pairs: &[(usize, usize)],
    a: &[f32],
    b: &[f32],
) -> Result<ValueId, ConvertError> {
    if a.len() != pairs.len() || b.len() != pairs.len() {
        return Err(ConvertError::Invalid(format!(
            "prob_a and prob_b have {} and {} values for {} pairs of classes",
            a.len(),
            b.len(),
            pairs.len()
        )));
    }
    let (a, b) = (cx.b.const_f32(&[a.len()], a), cx.b.const_f32(&[b.len()], b));
    let logit = cx.b.mul(scores, a)?;
    let logit = cx.b.add(logit, b)?;
    let logit = cx.b.unary(UnaryOp::Neg, logit)?;
    let r = cx.b.unary(UnaryOp::Sigmoid, logit)?;
    let (low, high) = (cx.const_like(r, MARGIN)?, cx.const_like(r, 1.0 - MARGIN)?);
    let r = cx.b.binary(BinaryOp::Max, r, low)?;
    let r = cx.b.binary(BinaryOp::Min, r, high)?;
    let q = quadratic(cx, r, n_classes, pairs)?;
    minimum(cx, q, n_classes)
}

/// `[N, k, k]`: `q[t, t] = Σ r[j, t]²` over the other classes j, `q[t, j] = -r[j, t] · r[t, j]`.
fn quadratic(
    cx: &mut NodeCx<'_, '_>,
    of_pairs: ValueId,
    n_classes: usize,
    pairs: &[(usize, usize)],
) -> Result<ValueId, ConvertError> {
    let one = cx.const_like(of_pairs, 1.0)?;
    let rest = cx.b.sub(one, of_pairs)?;
    let zero = cx.b.sub(rest, rest)?;
    // Columns: those of the pairs, their complements, and zeros for the diagonal.
    let columns = cx.b.concat(&[of_pairs, rest, zero], 1)?;
    let n_pairs = pairs.len();
    let column_of = |i: usize, j: usize| {
        let position = |i, j| pairs.iter().position(|&pair| pair == (i, j));
        let of_pair = position(i, j);
        let of_rest = position(j, i).map(|pair| pair + n_pairs);
        of_pair.or(of_rest).unwrap_or(2 * n_pairs) as i64
    };
    let order: Vec<i64> = (0..n_classes)
        .flat_map(|i| (0..n_classes).map(move |j| (i, j)))
        .map(|(i, j)| column_of(i, j))
        .collect();
    let order = cx.b.const_i64(&order);
    let flat = cx.b.gather(columns, order, 1)?;
    let rows = cx.b.shape(flat)?[0].clone();
    let k = Dim::from(n_classes);
    let r = cx.b.reshape(flat, vec![rows, k.clone(), k])?;
    let transposed = cx.b.transpose(r, vec![0, 2, 1])?;
    let products = cx.b.mul(r, transposed)?;
    let off_diagonal = cx.b.unary(UnaryOp::Neg, products)?;
    let squares = cx.b.mul(r, r)?;
    // Down the columns: class t against every other j.
    let sums = cx.b.reduce(ReduceKind::Sum, squares, &[1], false)?;
    let sums = cx.b.unsqueeze(sums, &[2])?;
    let is_diagonal = diagonal(cx, n_classes)?;
    Ok(cx.b.select(is_diagonal, sums, off_diagonal)?)
}

/// `bool[k, k]`.
fn diagonal(cx: &mut NodeCx<'_, '_>, n_classes: usize) -> Result<ValueId, ConvertError> {
    let row = cx.positions(n_classes);
    let column = cx.b.unsqueeze(row, &[1])?;
    Ok(cx.b.binary(BinaryOp::Equal, row, column)?)
}

/// The p with `Σ p = 1` that makes `pᵀ q p` least, by turns over its elements until it is good enough.
fn minimum(cx: &mut NodeCx<'_, '_>, q: ValueId, n_classes: usize) -> Result<ValueId, ConvertError> {
    let rows = cx.b.shape(q)?[0].clone();
    let share = cx.b.const_scalar(DType::F32, 1.0 / n_classes as f64);
    let start = cx.b.expand(share, vec![rows, Dim::from(n_classes)])?;
    let n_turns = cx.int_const(MAX_TURNS.max(n_classes) as i64);
    let captures = cx.captures(&[]);
    let spec = Repeat {
        trip_count: Some(n_turns),
        condition: None,
        carried: vec![start],
        passed: vec![q],
        captures: &captures,
        n_scanned: 0,
    };
    let results = repeat(cx, spec, &|cx, turn| {
        let next = improved(cx, turn.passed[0], turn.carried[0], n_classes)?;
        Ok(TurnResult {
            condition: None,
            carried: vec![next],
            scanned: Vec::new(),
        })
    })?;
    results
        .first()
        .copied()
        .ok_or_else(|| ConvertError::Invalid("a loop gives what it carries".into()))
}

/// One turn over all elements; rows that are good enough stay.
fn improved(
    cx: &mut NodeCx<'_, '_>,
    q: ValueId,
    p: ValueId,
    n_classes: usize,
) -> Result<ValueId, ConvertError> {
    let column = cx.b.unsqueeze(p, &[2])?;
    let qp = cx.b.matmul(q, column)?;
    let mut qp = cx.b.squeeze(qp, &[2])?;
    let terms = cx.b.mul(p, qp)?;
    let mut pqp = cx.b.reduce(ReduceKind::Sum, terms, &[1], true)?;
    let error = cx.b.sub(qp, pqp)?;
    let error = cx.b.unary(UnaryOp::Abs, error)?;
    let error = cx.b.reduce(ReduceKind::Max, error, &[1], true)?;
    let tolerance = cx.const_like(p, TOLERANCE / n_classes as f64)?;
    let is_good = cx.b.binary(BinaryOp::Less, error, tolerance)?;
    let (one, two) = (cx.const_like(p, 1.0)?, cx.const_like(p, 2.0)?);
    let unit = diagonal(cx, n_classes)?;
    let unit = cx.b.cast(unit, DType::F32)?;
    let mut next = p;
    for class in 0..n_classes {
        let class = cx.b.const_i64(&[class as i64]);
        let q_row = cx.b.gather(q, class, 1)?;
        let q_row = cx.b.squeeze(q_row, &[1])?;
        let q_tt = cx.b.gather(q_row, class, 1)?;
        let qp_t = cx.b.gather(qp, class, 1)?;
        let at_class = cx.b.gather(unit, class, 0)?;
        let slope = cx.b.sub(pqp, qp_t)?;
        let step = cx.b.div(slope, q_tt)?;
        let shrink = cx.b.add(one, step)?;
        // pqp + step · (step · q[t, t] + 2 qp[t]), over (1 + step)².
        let curve = cx.b.mul(step, q_tt)?;
        let twice = cx.b.mul(two, qp_t)?;
        let change = cx.b.add(curve, twice)?;
        let change = cx.b.mul(step, change)?;
        let total = cx.b.add(pqp, change)?;
        let total = cx.b.div(total, shrink)?;
        pqp = cx.b.div(total, shrink)?;
        let moved = cx.b.mul(step, at_class)?;
        let moved = cx.b.add(next, moved)?;
        next = cx.b.div(moved, shrink)?;
        let shift = cx.b.mul(step, q_row)?;
        let shifted = cx.b.add(qp, shift)?;
        qp = cx.b.div(shifted, shrink)?;
    }
    Ok(cx.b.select(is_good, p, next)?)
}
