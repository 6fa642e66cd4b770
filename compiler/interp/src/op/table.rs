//! Label maps and forests, whose tables typing has tested.

use super::call::Call;
use crate::error::Result;
use crate::number::{Exact, Number, with_number};
use crate::tensor::Tensor;
use graphc_base::{DType, Real};
use graphc_ir::op::{LabelMap, ReduceKind, TableKey, TreeEnsemble, TreeNode, TreeNodeMode};
use std::collections::BTreeMap;

pub(super) fn label_map(call: &Call<'_>, map: &LabelMap) -> Result<Tensor> {
    let x = call.input(0)?;
    let keys = keys(call, x)?;
    let mut entries: BTreeMap<TableKey, &TableKey> = BTreeMap::new();
    for (key, value) in &map.entries {
        entries.entry(in_dtype(key, x.dtype())).or_insert(value);
    }
    let found = keys
        .iter()
        .map(|key| entries.get(key).copied().unwrap_or(&map.default));
    if map.to == DType::String {
        let texts = found.map(|value| match value {
            TableKey::String(text) => text.clone(),
            TableKey::Int(_) | TableKey::Float(_) => String::new(),
        });
        return Tensor::of::<String>(x.shape(), texts.collect());
    }
    let numbers = found.map(|value| match value {
        TableKey::Int(value) => Exact::Int(i128::from(*value)),
        TableKey::Float(value) => Exact::Float(value.get()),
        TableKey::String(_) => Exact::Int(0),
    });
    with_number!(map.to, T => {
        Tensor::new::<T>(map.to, x.shape(), numbers.map(<T as Number>::from_exact).collect())
    }, else Err(call.fail("result is no label")))
}

/// Elements as keys in one form: all NaN are one, and so are both zeros.
fn keys(call: &Call<'_>, x: &Tensor) -> Result<Vec<TableKey>> {
    if x.dtype() == DType::String {
        let texts = x.slice::<String>()?.iter();
        return Ok(texts.map(|text| TableKey::String(text.clone())).collect());
    }
    with_number!(x.dtype(), T => {
        Ok(x.slice::<T>()?.iter().map(|element| number_key(element.to_exact())).collect())
    }, else Err(call.fail("x is no label")))
}

fn number_key(value: Exact) -> TableKey {
    match value {
        Exact::Int(value) => TableKey::Int(i64::try_from(value).unwrap_or(i64::MAX)),
        Exact::Float(value) if value.is_nan() => TableKey::Float(Real::new(f64::NAN)),
        Exact::Float(value) => TableKey::Float(Real::new(value + 0.0)),
    }
}

/// A key of the table in the form and precision of x's elements.
fn in_dtype(key: &TableKey, dtype: DType) -> TableKey {
    match key {
        TableKey::Float(value) => with_number!(dtype, T => {
            number_key(<T as Number>::from_f64(value.get()).to_exact())
        }, else key.clone()),
        TableKey::Int(_) | TableKey::String(_) => key.clone(),
    }
}

pub(super) fn tree_ensemble(call: &Call<'_>, trees: &TreeEnsemble) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let n_features = x.shape()[1];
    let features = x.to_f64()?;
    let mut result = Vec::with_capacity(shape.iter().product());
    for row in 0..x.shape()[0] {
        let features = &features[row * n_features..][..n_features];
        let leaves: Vec<&[(usize, Real)]> = trees
            .roots
            .iter()
            .map(|&root| leaf(trees, root, features))
            .collect();
        for target in 0..trees.n_targets {
            let base = trees.base_values.get(target).map_or(0.0, |base| base.get());
            let weights = leaves
                .iter()
                .flat_map(|leaf| leaf.iter())
                .filter(|(of, _)| *of == target)
                .map(|(_, weight)| weight.get());
            let combined = match trees.aggregate {
                ReduceKind::Min => weights.reduce(f64::min).unwrap_or(0.0),
                ReduceKind::Max => weights.reduce(f64::max).unwrap_or(0.0),
                ReduceKind::Mean => weights.sum::<f64>() / trees.roots.len().max(1) as f64,
                // Typing allows no other kind.
                ReduceKind::Sum | ReduceKind::Prod | ReduceKind::LogSumExp => weights.sum(),
            };
            result.push(combined + base);
        }
    }
    Tensor::from_f64(x.dtype(), &shape, &result)
}

/// The leaf that a row of features falls to. Children stand behind their parents, so this ends.
fn leaf<'a>(trees: &'a TreeEnsemble, root: usize, features: &[f64]) -> &'a [(usize, Real)] {
    let mut node = root;
    loop {
        match &trees.nodes[node] {
            TreeNode::Leaf { weights } => return weights,
            TreeNode::Branch {
                feature,
                mode,
                value,
                true_child,
                false_child,
                missing_is_true,
            } => {
                let (x, value) = (features[*feature], value.get());
                let holds = match mode {
                    TreeNodeMode::LessEqual => x <= value,
                    TreeNodeMode::Less => x < value,
                    TreeNodeMode::GreaterEqual => x >= value,
                    TreeNodeMode::Greater => x > value,
                    TreeNodeMode::Equal => x == value,
                    TreeNodeMode::NotEqual => x != value,
                    TreeNodeMode::Member(set) => set.iter().any(|member| member.get() == x),
                };
                let holds = holds || (*missing_is_true && x.is_nan());
                node = if holds { *true_child } else { *false_child };
            }
        }
    }
}
