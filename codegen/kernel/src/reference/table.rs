//! Kernels that look values up: label maps, n-gram counts, decision trees.
//!
//! Attributes come from files: node numbers, columns and targets are checked as they are met.

use super::gather::{fail, integer};
use super::order::compare;
use super::recurrent::{elements_mut, words};
use super::scalar::{Scalar, convert, load, store};
use super::{Call, KernelError};
use crate::spec::{BoundSpec, Kernel};
use graphc_base::DType;
use graphc_base::attrs::{
    LabelMap, ReduceKind, TableKey, TfIdf, TfIdfWeighting, TreeEnsemble, TreeNode, TreeNodeMode,
};
use std::cmp::Ordering;

fn key_matches(key: &TableKey, dtype: DType, x: Scalar) -> bool {
    match (key, x) {
        (TableKey::Int(key), Scalar::Int(_)) => {
            compare(dtype, Scalar::Int(*key), x) == Ordering::Equal
        }
        (TableKey::Float(key), Scalar::Float(_)) => {
            compare(dtype, Scalar::Float(key.get()), x) == Ordering::Equal
        }
        _ => false,
    }
}

/// `x → y`, numbers to numbers: one pass over the table per element.
pub(super) fn label_map(call: &mut Call<'_, '_>, map: &LabelMap) -> Result<(), KernelError> {
    call.plain(1..=1, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    call.ensure(x.shape == y.shape, "operand and result differ in shape")?;
    let output = &mut *call.outputs[0];
    for position in 0..x.n_elements() {
        let element = load(inputs[0], x.dtype, position);
        let found = map
            .entries
            .iter()
            .find(|(key, _)| key_matches(key, x.dtype, element));
        let value = match found.map_or(&map.default, |(_, value)| value) {
            TableKey::Int(value) => convert(DType::I64, y.dtype, Scalar::Int(*value), true),
            TableKey::Float(value) => {
                convert(DType::F64, y.dtype, Scalar::Float(value.get()), true)
            }
            TableKey::String(value) => {
                return Err(fail(spec, format!("the value {value:?} is no number")));
            }
        };
        store(output, y.dtype, position, value);
    }
    Ok(())
}

/// Calls `found` with the number of each n-gram of the pool that occurs, once per occurrence.
///
/// `matches(element, entry)` compares an element of the row with an entry of the pool.
pub(crate) fn each_ngram(
    attrs: &TfIdf,
    (n_elements, n_pool): (usize, usize),
    matches: &dyn Fn(usize, usize) -> bool,
    found: &mut dyn FnMut(usize) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let mut first_number = 0;
    for (length_idx, &begin) in attrs.ngram_counts.iter().enumerate() {
        let n = length_idx + 1;
        let end = attrs.ngram_counts.get(n).copied().unwrap_or(n_pool);
        if begin > end || end > n_pool {
            return Err("n-grams do not lie in the pool");
        }
        let n_grams = (end - begin) / n;
        let is_wanted = (attrs.min_gram..=attrs.max_gram).contains(&n);
        // A single element skips nothing, whatever the distance.
        let max_distance = if n == 1 {
            1
        } else {
            attrs.max_skip.saturating_add(1).min(n_elements)
        };
        for distance in 1..=if is_wanted { max_distance } else { 0 } {
            let Some(span) = distance.checked_mul(n - 1) else {
                break;
            };
            for start in 0..n_elements.saturating_sub(span) {
                for gram in 0..n_grams {
                    let entry = begin + gram * n;
                    if (0..n).all(|step| matches(start + step * distance, entry + step)) {
                        found(first_number + gram)?;
                    }
                }
            }
        }
        first_number += n_grams;
    }
    Ok(())
}

/// Adds one occurrence of an n-gram to a row of results.
pub(crate) fn count_ngram(
    attrs: &TfIdf,
    row: &mut [f32],
    number: usize,
) -> Result<(), &'static str> {
    let slot = attrs
        .ngram_indexes
        .get(number)
        .and_then(|&at| row.get_mut(at));
    let slot = slot.ok_or("an n-gram has no place in the result")?;
    let weight = attrs
        .weights
        .get(number)
        .map_or(1.0, |weight| weight.as_f32());
    match attrs.weighting {
        TfIdfWeighting::Tf => *slot += 1.0,
        TfIdfWeighting::Idf => *slot = weight,
        TfIdfWeighting::TfIdf => *slot += weight,
    }
    Ok(())
}

/// `x[C] or x[N, C] → f32[…, out]`.
pub(super) fn tf_idf(call: &mut Call<'_, '_>, attrs: &TfIdf) -> Result<(), KernelError> {
    call.plain(1..=1, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    let Some((&n_elements, lead)) = x.shape.split_last() else {
        return Err(call.error("x is a scalar"));
    };
    call.ensure(
        matches!(x.dtype, DType::I32 | DType::I64)
            && y.dtype == DType::F32
            && y.shape.iter().eq(lead.iter().chain([&attrs.out])),
        "operand and result do not fit one another",
    )?;
    let rows = elements_mut::<f32>(spec, y, call.outputs[0])?;
    rows.fill(0.0);
    if rows.is_empty() || n_elements == 0 {
        return Ok(());
    }
    for (row_idx, row) in rows.chunks_exact_mut(attrs.out).enumerate() {
        let matches = |element: usize, entry: usize| {
            let value = integer(inputs[0], x.dtype, row_idx * n_elements + element);
            attrs.pool_ints.get(entry) == Some(&value)
        };
        let sizes = (n_elements, attrs.pool_ints.len());
        each_ngram(attrs, sizes, &matches, &mut |number| {
            count_ngram(attrs, row, number)
        })
        .map_err(|message| fail(spec, message))?;
    }
    Ok(())
}

/// Bytes of scratch that [`tree_ensemble`] needs: a sum per target, and how many trees gave one.
pub(super) fn tree_ensemble_scratch(spec: &BoundSpec) -> usize {
    match (&spec.kernel, spec.outputs.first()) {
        (Kernel::TreeEnsemble(_), Some(y)) => {
            let n_targets = y.shape.last().copied().unwrap_or(0);
            n_targets.saturating_mul(2 * size_of::<f64>())
        }
        _ => 0,
    }
}

fn goes_to_true(mode: &TreeNodeMode, missing_is_true: bool, x: f64, value: f64) -> bool {
    let holds = match mode {
        TreeNodeMode::LessEqual => x <= value,
        TreeNodeMode::Less => x < value,
        TreeNodeMode::GreaterEqual => x >= value,
        TreeNodeMode::Greater => x > value,
        TreeNodeMode::Equal => x == value,
        TreeNodeMode::NotEqual => x != value,
        TreeNodeMode::Member(set) => set.iter().any(|member| member.get() == x),
    };
    holds || (missing_is_true && x.is_nan())
}

/// `x[N, F] → y[N, targets]`.
pub(super) fn tree_ensemble(
    call: &mut Call<'_, '_>,
    forest: &TreeEnsemble,
) -> Result<(), KernelError> {
    call.plain(1..=1, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, y) = (&spec.inputs[0], &spec.outputs[0]);
    let &[n_rows, n_features] = x.shape.as_slice() else {
        return Err(call.error("x is not of rank 2"));
    };
    let n_targets = forest.n_targets;
    call.ensure(
        y.shape.as_slice() == [n_rows, n_targets] && y.dtype.is_float(),
        "the result is not a float per row and target",
    )?;
    call.ensure(
        forest.base_values.is_empty() || forest.base_values.len() == n_targets,
        "base values are not one per target",
    )?;
    if y.n_elements() == 0 {
        return Ok(());
    }
    let words = words::<f64>(spec, call.scratch, n_targets.saturating_mul(2))?;
    let (totals, n_given) = words.split_at_mut(n_targets);
    let output = &mut *call.outputs[0];
    for row in 0..n_rows {
        totals.fill(0.0);
        n_given.fill(0.0);
        for &root in &forest.roots {
            let mut at = root;
            let weights = loop {
                match forest.nodes.get(at) {
                    Some(TreeNode::Leaf { weights }) => break weights,
                    Some(TreeNode::Branch {
                        feature,
                        mode,
                        value,
                        true_child,
                        false_child,
                        missing_is_true,
                    }) => {
                        if *feature >= n_features {
                            return Err(fail(spec, format!("x has no column {feature}")));
                        }
                        let value = value.get();
                        let element = match load(inputs[0], x.dtype, row * n_features + feature) {
                            Scalar::Float(element) => element,
                            Scalar::Int(element) => element as f64,
                        };
                        let child = if goes_to_true(mode, *missing_is_true, element, value) {
                            *true_child
                        } else {
                            *false_child
                        };
                        // Numbers that rise keep a walk from going round.
                        if child <= at {
                            return Err(fail(
                                spec,
                                format!("node {child} is a child of a later node"),
                            ));
                        }
                        at = child;
                    }
                    None => return Err(fail(spec, format!("there is no node {at}"))),
                }
            };
            for (target, weight) in weights {
                let Some(total) = totals.get_mut(*target) else {
                    return Err(fail(spec, format!("there is no target {target}")));
                };
                let is_first = n_given[*target] == 0.0;
                n_given[*target] += 1.0;
                let weight = weight.get();
                *total = match forest.aggregate {
                    ReduceKind::Max if !is_first => total.max(weight),
                    ReduceKind::Min if !is_first => total.min(weight),
                    ReduceKind::Max | ReduceKind::Min => weight,
                    _ => *total + weight,
                };
            }
        }
        for (target, &total) in totals.iter().enumerate() {
            let total = match forest.aggregate {
                ReduceKind::Mean => total / forest.roots.len().max(1) as f64,
                _ => total,
            };
            let base = forest
                .base_values
                .get(target)
                .map_or(0.0, |base| base.get());
            let value = convert(DType::F64, y.dtype, Scalar::Float(total + base), true);
            store(output, y.dtype, row * n_targets + target, value);
        }
    }
    Ok(())
}
