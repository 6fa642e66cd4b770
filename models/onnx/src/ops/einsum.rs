//! Einsum: any equation as diagonals, sums, products and transposes.
//!
//! Operands are joined from left to right. What neither a later operand nor the result names is summed at once: within
//! one operand by a reduction, between two by a matrix product whose batch axes are the labels that stay.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Tri};
use graphc_ir::op::{ReduceKind, SliceAxis};
use graphc_ir::{DimCheckKind, ValueId};
use std::collections::BTreeMap;

pub(super) const OPS: &[OpEntry] = &[onnx("Einsum", einsum)];

/// An axis by the equation's name for it. The order is that of an implicit result: the axes of an ellipsis come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Label {
    /// An axis under an ellipsis; 0 is the last one, so that ellipses of several ranks meet at their ends.
    Under(std::cmp::Reverse<usize>),
    /// A letter.
    Letter(char),
}

/// One operand of the equation, or the result, before ranks are known.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct Term {
    before: Vec<char>,
    has_ellipsis: bool,
    after: Vec<char>,
}

impl Term {
    fn parse(text: &str) -> Result<Self, ConvertError> {
        let mut term = Term::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(behind) = rest.strip_prefix("...") {
                if term.has_ellipsis {
                    return Err(ConvertError::Invalid(format!(
                        "equation: `{text}` has two ellipses"
                    )));
                }
                term.has_ellipsis = true;
                rest = behind;
                continue;
            }
            if !first.is_ascii_alphabetic() {
                return Err(ConvertError::Invalid(format!(
                    "equation: `{first}` is neither a letter nor an ellipsis"
                )));
            }
            if term.has_ellipsis {
                term.after.push(first);
            } else {
                term.before.push(first);
            }
            rest = &rest[1..];
        }
        Ok(term)
    }

    fn n_letters(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The labels in order, with `n_under` axes under the ellipsis.
    fn labels(&self, n_under: usize) -> Vec<Label> {
        let before = self.before.iter().copied().map(Label::Letter);
        let under = (0..n_under)
            .rev()
            .map(|position| Label::Under(std::cmp::Reverse(position)));
        let after = self.after.iter().copied().map(Label::Letter);
        before.chain(under).chain(after).collect()
    }
}

/// The terms of an equation's operands, and that of the result if it is spelled out.
fn parse(equation: &str) -> Result<(Vec<Term>, Option<Term>), ConvertError> {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (operands, result) = match text.split_once("->") {
        Some((operands, result)) => (operands, Some(Term::parse(result)?)),
        None => (text.as_str(), None),
    };
    let operands = operands
        .split(',')
        .map(Term::parse)
        .collect::<Result<_, _>>()?;
    Ok((operands, result))
}

/// A tensor whose axes have distinct labels.
#[derive(Clone)]
struct Labelled {
    value: ValueId,
    labels: Vec<Label>,
}

fn einsum(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (terms, result) = parse(&cx.string_req("equation")?)?;
    let operands = cx.inputs()?;
    if operands.len() != terms.len() {
        return Err(ConvertError::Invalid(format!(
            "the equation has {} terms for {} operands",
            terms.len(),
            operands.len()
        )));
    }
    let mut labels = Vec::with_capacity(terms.len());
    let mut most_under = 0;
    for (term, &operand) in terms.iter().zip(&operands) {
        let rank = cx.b.rank(operand)?;
        let n_under = rank.checked_sub(term.n_letters());
        match n_under {
            Some(n) if n == 0 || term.has_ellipsis => {
                most_under = most_under.max(n);
                labels.push(term.labels(n));
            }
            _ => {
                return Err(ConvertError::Invalid(format!(
                    "the equation gives {} labels to an operand of rank {rank}",
                    term.n_letters()
                )));
            }
        }
    }
    let wanted = match result {
        Some(term) => term.labels(if term.has_ellipsis { most_under } else { 0 }),
        None => implicit_result(&labels),
    };
    for (position, label) in wanted.iter().enumerate() {
        if wanted[..position].contains(label) || !labels.iter().flatten().any(|l| l == label) {
            return Err(ConvertError::Invalid(
                "the equation's result names an axis twice, or one that no operand has".into(),
            ));
        }
    }
    let mut parts = Vec::with_capacity(operands.len());
    for (value, labels) in operands.into_iter().zip(labels) {
        parts.push(diagonal(cx, value, labels)?);
    }
    let value = contract(cx, parts, &wanted)?;
    Ok(vec![value])
}

/// Without an arrow the result has the ellipsis, then in alphabetical order the letters that stand once.
fn implicit_result(operands: &[Vec<Label>]) -> Vec<Label> {
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    for &label in operands.iter().flatten() {
        *counts.entry(label).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|(label, n)| *n == 1 || matches!(label, Label::Under(_)))
        .map(|(label, _)| label)
        .collect()
}

/// Axes of one label become one: the diagonal, as a strided view.
fn diagonal(
    cx: &mut NodeCx<'_, '_>,
    mut value: ValueId,
    mut labels: Vec<Label>,
) -> Result<Labelled, ConvertError> {
    while let Some((first, second)) = repeated(&labels) {
        let rank = labels.len();
        let label = labels[first];
        let mut perm: Vec<usize> = (0..rank)
            .filter(|&axis| axis != first && axis != second)
            .collect();
        perm.extend([first, second]);
        labels = perm[..rank - 1].iter().map(|&axis| labels[axis]).collect();
        value = cx.b.transpose(value, perm)?;
        let mut shape = cx.b.shape(value)?;
        let (Some(columns), Some(rows)) = (shape.pop(), shape.pop()) else {
            return Err(ConvertError::Invalid("a diagonal needs two axes".into()));
        };
        match cx.b.dims().eq(&rows, &columns) {
            Tri::Yes => {}
            Tri::Unknown => cx.check(DimCheckKind::Equal(rows.clone(), columns.clone())),
            Tri::No => {
                return Err(ConvertError::Invalid(format!(
                    "axes {first} and {second} have one label ({label:?}) and differ in size"
                )));
            }
        }
        let dims = cx.b.dims();
        shape.push(dims.mul(&rows, &rows));
        let entry = SliceAxis {
            start: Dim::constant(0),
            step: dims.add(&rows, &Dim::constant(1)),
            len: rows,
        };
        value = cx.b.reshape(value, shape)?;
        value = cx.b.slice_axis(value, rank - 2, entry)?;
    }
    Ok(Labelled { value, labels })
}

fn repeated(labels: &[Label]) -> Option<(usize, usize)> {
    labels.iter().enumerate().find_map(|(first, label)| {
        let second = labels[first + 1..].iter().position(|l| l == label)?;
        Some((first, first + 1 + second))
    })
}

/// All operands joined into one with the wanted labels.
fn contract(
    cx: &mut NodeCx<'_, '_>,
    parts: Vec<Labelled>,
    wanted: &[Label],
) -> Result<ValueId, ConvertError> {
    let mut parts = parts.into_iter();
    let Some(mut joined) = parts.next() else {
        return Err(ConvertError::Invalid("takes at least one operand".into()));
    };
    while let Some(right) = parts.next() {
        let rest = parts.as_slice();
        let stays = |label: &Label| {
            wanted.contains(label) || rest.iter().any(|part| part.labels.contains(label))
        };
        joined = summed(cx, joined, |label| {
            stays(label) || right.labels.contains(label)
        })?;
        let right = summed(cx, right, |label| {
            stays(label) || joined.labels.contains(label)
        })?;
        joined = product(cx, &joined, &right, &stays)?;
    }
    let joined = summed(cx, joined, |label| wanted.contains(label))?;
    let perm = wanted
        .iter()
        .filter_map(|label| joined.labels.iter().position(|l| l == label))
        .collect();
    Ok(cx.b.transpose(joined.value, perm)?)
}

/// Without the labels that do not stay.
fn summed(
    cx: &mut NodeCx<'_, '_>,
    part: Labelled,
    stays: impl Fn(&Label) -> bool,
) -> Result<Labelled, ConvertError> {
    let axes: Vec<usize> = (0..part.labels.len())
        .filter(|&axis| !stays(&part.labels[axis]))
        .collect();
    if axes.is_empty() {
        return Ok(part);
    }
    Ok(Labelled {
        value: cx.b.reduce(ReduceKind::Sum, part.value, &axes, false)?,
        labels: part.labels.into_iter().filter(stays).collect(),
    })
}

/// The product of two operands, summed over the labels of both that do not stay.
fn product(
    cx: &mut NodeCx<'_, '_>,
    left: &Labelled,
    right: &Labelled,
    stays: &dyn Fn(&Label) -> bool,
) -> Result<Labelled, ConvertError> {
    let shared = |label: &&Label| right.labels.contains(label);
    let of_left = |pick: &dyn Fn(&&Label) -> bool| -> Vec<Label> {
        left.labels.iter().filter(pick).copied().collect()
    };
    let batch = of_left(&|label| shared(label) && stays(label));
    let inner = of_left(&|label| shared(label) && !stays(label));
    let rows = of_left(&|label| !shared(label));
    let columns: Vec<Label> = right
        .labels
        .iter()
        .filter(|label| !left.labels.contains(label))
        .copied()
        .collect();
    let mut labels = batch.clone();
    labels.extend(&rows);
    labels.extend(&columns);
    if inner.is_empty() {
        // Nothing is summed: the axes of each meet as broadcasting has it.
        let (left, right) = (aligned(cx, left, &labels)?, aligned(cx, right, &labels)?);
        let value = cx.b.mul(left, right)?;
        return Ok(Labelled { value, labels });
    }
    let left_sizes = sizes(cx, left)?;
    let right_sizes = sizes(cx, right)?;
    let size = |cx: &NodeCx<'_, '_>, label: &Label| match (
        left_sizes.get(label),
        right_sizes.get(label),
    ) {
        (Some(a), Some(b)) => cx.b.dims().bcast(a, b),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => Dim::ONE,
    };
    let of = |cx: &NodeCx<'_, '_>, labels: &[Label]| -> Vec<Dim> {
        labels.iter().map(|label| size(cx, label)).collect()
    };
    let (inner_sizes, row_sizes, column_sizes) = (of(cx, &inner), of(cx, &rows), of(cx, &columns));
    let batch_sizes = of(cx, &batch);
    let a = as_matrices(cx, left, [&batch, &rows, &inner], &inner_sizes, true)?;
    let b = as_matrices(cx, right, [&batch, &inner, &columns], &inner_sizes, false)?;
    let value = cx.b.matmul(a, b)?;
    let mut shape = batch_sizes;
    shape.extend(row_sizes);
    shape.extend(column_sizes);
    Ok(Labelled {
        value: cx.b.reshape(value, shape)?,
        labels,
    })
}

fn sizes(cx: &NodeCx<'_, '_>, part: &Labelled) -> Result<BTreeMap<Label, Dim>, ConvertError> {
    let shape = cx.b.shape(part.value)?;
    Ok(part.labels.iter().copied().zip(shape).collect())
}

/// The axes in the order of `labels`, with axes of size 1 for those that the operand lacks.
fn aligned(
    cx: &mut NodeCx<'_, '_>,
    part: &Labelled,
    labels: &[Label],
) -> Result<ValueId, ConvertError> {
    let perm = labels
        .iter()
        .filter_map(|label| part.labels.iter().position(|l| l == label))
        .collect();
    let value = cx.b.transpose(part.value, perm)?;
    let added: Vec<usize> = (0..labels.len())
        .filter(|&axis| !part.labels.contains(&labels[axis]))
        .collect();
    Ok(cx.b.unsqueeze(value, &added)?)
}

/// `[batch…, m, n]` from the labels of the batch and of both sides, the sides taken together. The summed labels, which
/// are the last side where `inner_is_last`, get their common sizes.
fn as_matrices(
    cx: &mut NodeCx<'_, '_>,
    part: &Labelled,
    [batch, first, last]: [&[Label]; 3],
    inner_sizes: &[Dim],
    inner_is_last: bool,
) -> Result<ValueId, ConvertError> {
    let order: Vec<Label> = [batch, first, last].concat();
    let value = aligned(cx, part, &order)?;
    let mut shape = cx.b.shape(value)?;
    let (n_batch, n_first) = (batch.len(), first.len());
    let inner_from = if inner_is_last {
        n_batch + n_first
    } else {
        n_batch
    };
    shape.splice(
        inner_from..inner_from + inner_sizes.len(),
        inner_sizes.iter().cloned(),
    );
    let value = cx.b.expand(value, shape.clone())?;
    let dims = cx.b.dims();
    let rows = dims.product(&shape[n_batch..n_batch + n_first]);
    let columns = dims.product(&shape[n_batch + n_first..]);
    shape.truncate(n_batch);
    shape.extend([rows, columns]);
    Ok(cx.b.reshape(value, shape)?)
}
