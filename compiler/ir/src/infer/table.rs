//! Label maps and forests. Their tables are tested here, so that those who evaluate them need not.

use super::TypeError;
use super::call::{COMPARABLE, Call, FLOAT, Outputs, one};
use crate::op::{LabelMap, ReduceKind, TableKey, TreeEnsemble, TreeNode};
use graphc_base::DType;

pub(super) fn label_map(call: &mut Call<'_>, map: &LabelMap) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, COMPARABLE)?;
    call.want("result", map.to, COMPARABLE)?;
    for (key, value) in &map.entries {
        call.ensure(
            is_label_of(key, x.dtype),
            format_args!("{} is no key of {}", show(key), x.dtype),
        )?;
        call.ensure(
            is_label_of(value, map.to),
            format_args!("{} is no {}", show(value), map.to),
        )?;
    }
    call.ensure(
        is_label_of(&map.default, map.to),
        format_args!("default {} is no {}", show(&map.default), map.to),
    )?;
    one(map.to, x.shape.clone())
}

fn is_label_of(label: &TableKey, dtype: DType) -> bool {
    match label {
        TableKey::String(_) => dtype == DType::String,
        TableKey::Int(_) => dtype.is_int() || dtype == DType::Bool,
        TableKey::Float(_) => dtype.is_float(),
    }
}

fn show(label: &TableKey) -> String {
    match label {
        TableKey::String(text) => format!("{text:?}"),
        TableKey::Int(value) => value.to_string(),
        TableKey::Float(value) => value.to_string(),
    }
}

pub(super) fn tree_ensemble(call: &mut Call<'_>, trees: &TreeEnsemble) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, FLOAT)?;
    call.rank("x", x, 2)?;
    let n_targets = call.positive("n_targets", trees.n_targets)?;
    call.ensure(
        matches!(
            trees.aggregate,
            ReduceKind::Sum | ReduceKind::Mean | ReduceKind::Min | ReduceKind::Max
        ),
        "trees combine by sum, mean, min or max",
    )?;
    if !trees.base_values.is_empty() {
        call.length("base_values", trees.base_values.len(), trees.n_targets)?;
    }
    let n_nodes = trees.nodes.len();
    call.ensure(
        trees.roots.iter().all(|&root| root < n_nodes),
        "a root is not a node",
    )?;
    let mut n_read = 0;
    for (node_idx, node) in trees.nodes.iter().enumerate() {
        tree_node(call, node_idx, node, n_nodes, trees.n_targets)?;
        if let TreeNode::Branch { feature, .. } = node {
            n_read = n_read.max(feature.saturating_add(1));
        }
    }
    let n_read = call.count("number of features", n_read)?;
    let what = format!("trees read {n_read} features");
    call.at_most(&n_read, &x.shape[1], what)?;
    one(x.dtype, vec![x.shape[0].clone(), n_targets])
}

fn tree_node(
    call: &Call<'_>,
    node_idx: usize,
    node: &TreeNode,
    n_nodes: usize,
    n_targets: usize,
) -> Result<(), TypeError> {
    match node {
        TreeNode::Branch {
            true_child,
            false_child,
            ..
        } => {
            let is_below = |child: usize| child > node_idx && child < n_nodes;
            call.ensure(
                is_below(*true_child) && is_below(*false_child),
                format_args!("children of tree node {node_idx} are not behind it"),
            )
        }
        TreeNode::Leaf { weights } => call.ensure(
            weights.iter().all(|(target, _)| *target < n_targets),
            format_args!("tree node {node_idx} adds to a missing target"),
        ),
    }
}
