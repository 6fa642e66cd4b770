//! Forests of decision trees: TreeEnsemble (ai.onnx.ml 5), and the older TreeEnsembleRegressor and -Classifier.
//!
//! The lists of attributes become one list of nodes in which children follow their parents. Trees in which a node has
//! two parents, or none leads to it from a root, are not trees: the first are refused, the others left out.

use super::scores::{Labels, PostTransform, matrix};
use super::{Converted, OpEntry, ml, operand};
use crate::import::{ConvertError, Elements, NodeCx};
use graphc_base::{DType, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind, TreeEnsemble, TreeNode, TreeNodeMode, UnaryOp};
use std::collections::BTreeMap;

pub(super) const OPS: &[OpEntry] = &[
    ml("TreeEnsemble", tree_ensemble),
    ml("TreeEnsembleClassifier", classifier),
    ml("TreeEnsembleRegressor", regressor),
];

/// A node as the attributes give it, with children by their place in the list.
#[derive(Clone)]
enum RawNode {
    Branch {
        feature: usize,
        mode: TreeNodeMode,
        value: Real,
        children: [Child; 2],
        missing_is_true: bool,
    },
    Leaf(Vec<(usize, Real)>),
}

/// A child: an inner node or a leaf.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Child {
    Node(usize),
    Leaf(usize),
}

/// Lists nodes so that children follow their parents.
struct Layout<'a> {
    nodes: &'a [RawNode],
    leaves: &'a [Vec<(usize, Real)>],
    placed: Vec<bool>,
    result: Vec<TreeNode>,
}

impl Layout<'_> {
    /// Places a tree; gives the place of its root.
    fn tree(&mut self, root: Child) -> Result<usize, ConvertError> {
        let root_idx = self.result.len();
        let mut queue = vec![root];
        let mut next = 0;
        while let Some(&child) = queue.get(next) {
            let node = self.node(child)?;
            next += 1;
            self.result.push(match node {
                RawNode::Leaf(weights) => TreeNode::Leaf { weights },
                RawNode::Branch {
                    feature,
                    mode,
                    value,
                    children,
                    missing_is_true,
                } => {
                    let true_child = root_idx + queue.len();
                    queue.extend(children);
                    TreeNode::Branch {
                        feature,
                        mode,
                        value,
                        true_child,
                        false_child: true_child + 1,
                        missing_is_true,
                    }
                }
            });
        }
        Ok(root_idx)
    }

    fn node(&mut self, child: Child) -> Result<RawNode, ConvertError> {
        let missing = || ConvertError::Invalid("a tree node has a child that is not there".into());
        match child {
            Child::Leaf(leaf_idx) => {
                let weights = self.leaves.get(leaf_idx).ok_or_else(missing)?;
                Ok(RawNode::Leaf(weights.clone()))
            }
            Child::Node(node_idx) => {
                let node = self.nodes.get(node_idx).ok_or_else(missing)?;
                if std::mem::replace(&mut self.placed[node_idx], true) {
                    return Err(ConvertError::Invalid(format!(
                        "tree node {node_idx} has two parents"
                    )));
                }
                Ok(node.clone())
            }
        }
    }
}

fn lay_out(
    nodes: &[RawNode],
    leaves: &[Vec<(usize, Real)>],
    roots: &[Child],
) -> Result<(Vec<TreeNode>, Vec<usize>), ConvertError> {
    let mut layout = Layout {
        nodes,
        leaves,
        placed: vec![false; nodes.len()],
        result: Vec::with_capacity(nodes.len() + leaves.len()),
    };
    let roots = roots
        .iter()
        .map(|&root| layout.tree(root))
        .collect::<Result<_, _>>()?;
    Ok((layout.result, roots))
}

/// Lists of attributes that must be of one length.
fn same_length(what: &str, length: usize, wanted: usize) -> Result<(), ConvertError> {
    if length == wanted {
        return Ok(());
    }
    Err(ConvertError::Invalid(format!(
        "{what} has {length} entries, not {wanted}"
    )))
}

fn ints(cx: &NodeCx<'_, '_>, name: &str) -> Result<Vec<i64>, ConvertError> {
    Ok(cx.ints_opt(name)?.unwrap_or_default())
}

fn indices(cx: &NodeCx<'_, '_>, name: &str) -> Result<Vec<usize>, ConvertError> {
    ints(cx, name)?
        .into_iter()
        .map(|value| operand::size(name, value))
        .collect()
}

/// Numbers from a tensor attribute, or from a list of floats.
fn reals(cx: &NodeCx<'_, '_>, tensor: &str, list: Option<&str>) -> Result<Vec<Real>, ConvertError> {
    if let Some(view) = cx.tensor_opt(tensor)? {
        return match Elements::of(&view)? {
            Elements::Floats(values) => Ok(values.into_iter().map(Real::new).collect()),
            _ => Err(ConvertError::Invalid(format!("{tensor} must hold floats"))),
        };
    }
    match list {
        Some(list) => {
            let values = cx.floats_opt(list)?.unwrap_or_default();
            Ok(values.into_iter().map(Real::from).collect())
        }
        None => Ok(Vec::new()),
    }
}

// ---- TreeEnsemble ----

fn tree_ensemble(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    cx.ignore(&["nodes_hitrates"]);
    let splits = reals(cx, "nodes_splits", None)?;
    let features = indices(cx, "nodes_featureids")?;
    let modes = modes_by_number(cx, splits.len())?;
    let n_nodes = splits.len();
    let children = [
        children(cx, "nodes_truenodeids", "nodes_trueleafs", n_nodes)?,
        children(cx, "nodes_falsenodeids", "nodes_falseleafs", n_nodes)?,
    ];
    let missing = ints(cx, "nodes_missing_value_tracks_true")?;
    same_length("nodes_featureids", features.len(), n_nodes)?;
    let nodes: Vec<RawNode> = (0..n_nodes)
        .map(|node_idx| RawNode::Branch {
            feature: features[node_idx],
            mode: modes[node_idx].clone(),
            value: splits[node_idx],
            children: [children[0][node_idx], children[1][node_idx]],
            missing_is_true: missing.get(node_idx).is_some_and(|&flag| flag != 0),
        })
        .collect();
    let weights = reals(cx, "leaf_weights", None)?;
    let targets = indices(cx, "leaf_targetids")?;
    same_length("leaf_targetids", targets.len(), weights.len())?;
    let leaves: Vec<Vec<(usize, Real)>> = targets
        .into_iter()
        .zip(weights)
        .map(|leaf| vec![leaf])
        .collect();
    let roots: Vec<Child> = indices(cx, "tree_roots")?
        .into_iter()
        .map(|root| root_of(&nodes, root))
        .collect();
    let (nodes, roots) = lay_out(&nodes, &leaves, &roots)?;
    let aggregate = match cx.int("aggregate_function", 1)? {
        0 => ReduceKind::Mean,
        1 => ReduceKind::Sum,
        2 => ReduceKind::Min,
        3 => ReduceKind::Max,
        other => {
            return Err(ConvertError::Invalid(format!(
                "aggregate_function {other} is unknown"
            )));
        }
    };
    let op = Op::TreeEnsemble(Box::new(TreeEnsemble {
        nodes,
        roots,
        n_targets: operand::size("n_targets", cx.int_req("n_targets")?)?,
        aggregate,
        base_values: Vec::new(),
    }));
    let post = PostTransform::from_number(cx.int("post_transform", 0)?)?;
    let scores = cx.b.op1(op, &[x])?;
    Ok(vec![post.apply(cx, scores)?])
}

/// A tree of one leaf is a node both of whose children are that leaf.
fn root_of(nodes: &[RawNode], root: usize) -> Child {
    match nodes.get(root) {
        Some(RawNode::Branch {
            children: [a @ Child::Leaf(_), b],
            ..
        }) if a == b => *a,
        _ => Child::Node(root),
    }
}

fn children(
    cx: &NodeCx<'_, '_>,
    ids: &str,
    leaf_flags: &str,
    n_nodes: usize,
) -> Result<Vec<Child>, ConvertError> {
    let child_ids = indices(cx, ids)?;
    let is_leaf = ints(cx, leaf_flags)?;
    same_length(ids, child_ids.len(), n_nodes)?;
    same_length(leaf_flags, is_leaf.len(), n_nodes)?;
    Ok(child_ids
        .into_iter()
        .zip(is_leaf)
        .map(|(id, is_leaf)| match is_leaf {
            0 => Child::Node(id),
            _ => Child::Leaf(id),
        })
        .collect())
}

/// Modes as numbers in a tensor; the sets of membership tests follow one another, each ended by a NaN.
fn modes_by_number(cx: &NodeCx<'_, '_>, n_nodes: usize) -> Result<Vec<TreeNodeMode>, ConvertError> {
    let numbers = match cx.tensor_opt("nodes_modes")? {
        Some(view) => match Elements::of(&view)? {
            Elements::Ints(numbers) => numbers,
            _ => {
                return Err(ConvertError::Invalid(
                    "nodes_modes must hold integers".into(),
                ));
            }
        },
        None => {
            return Err(ConvertError::Invalid(
                "attribute nodes_modes is missing".into(),
            ));
        }
    };
    same_length("nodes_modes", numbers.len(), n_nodes)?;
    let members = reals(cx, "membership_values", None)?;
    let mut sets = members.split(|value| value.get().is_nan());
    numbers
        .into_iter()
        .map(|number| {
            Ok(match number {
                0 => TreeNodeMode::LessEqual,
                1 => TreeNodeMode::Less,
                2 => TreeNodeMode::GreaterEqual,
                3 => TreeNodeMode::Greater,
                4 => TreeNodeMode::Equal,
                5 => TreeNodeMode::NotEqual,
                6 => TreeNodeMode::Member(sets.next().unwrap_or_default().to_vec()),
                other => {
                    return Err(ConvertError::Invalid(format!(
                        "nodes_modes {other} is unknown"
                    )));
                }
            })
        })
        .collect()
}

// ---- TreeEnsembleRegressor and TreeEnsembleClassifier ----

/// A node of the older operators: which tree, and which number in it.
type NodeKey = (i64, i64);

/// The forest of the older operators; `prefix` is `target` or `class`.
fn keyed_forest(
    cx: &NodeCx<'_, '_>,
    prefix: &str,
    n_targets: usize,
    aggregate: ReduceKind,
) -> Result<TreeEnsemble, ConvertError> {
    cx.ignore(&["nodes_hitrates", "nodes_hitrates_as_tensor"]);
    let trees = ints(cx, "nodes_treeids")?;
    let n_nodes = trees.len();
    let numbers = ints(cx, "nodes_nodeids")?;
    let features = ints(cx, "nodes_featureids")?;
    let values = reals(cx, "nodes_values_as_tensor", Some("nodes_values"))?;
    let modes = cx.strings_opt("nodes_modes")?.unwrap_or_default();
    let true_ids = ints(cx, "nodes_truenodeids")?;
    let false_ids = ints(cx, "nodes_falsenodeids")?;
    let missing = ints(cx, "nodes_missing_value_tracks_true")?;
    same_length("nodes_nodeids", numbers.len(), n_nodes)?;
    same_length("nodes_featureids", features.len(), n_nodes)?;
    same_length("nodes_values", values.len(), n_nodes)?;
    same_length("nodes_modes", modes.len(), n_nodes)?;
    same_length("nodes_truenodeids", true_ids.len(), n_nodes)?;
    same_length("nodes_falsenodeids", false_ids.len(), n_nodes)?;
    let mut weights = keyed_weights(cx, prefix)?;
    let keys: Vec<NodeKey> = trees.iter().copied().zip(numbers).collect();
    let places: BTreeMap<NodeKey, usize> = keys
        .iter()
        .enumerate()
        .map(|(node_idx, &key)| (key, node_idx))
        .collect();
    let place = |tree: i64, number: i64| {
        places
            .get(&(tree, number))
            .copied()
            .ok_or_else(|| ConvertError::Invalid(format!("tree {tree} has no node {number}")))
    };
    let mut is_child = vec![false; n_nodes];
    let mut nodes = Vec::with_capacity(n_nodes);
    for (node_idx, &key) in keys.iter().enumerate() {
        if modes[node_idx] == "LEAF" {
            nodes.push(RawNode::Leaf(weights.remove(&key).unwrap_or_default()));
            continue;
        }
        let true_idx = place(key.0, true_ids[node_idx])?;
        let false_idx = place(key.0, false_ids[node_idx])?;
        is_child[true_idx] = true;
        is_child[false_idx] = true;
        nodes.push(RawNode::Branch {
            feature: operand::size("nodes_featureids", features[node_idx])?,
            mode: mode_by_name(&modes[node_idx])?,
            value: values[node_idx],
            children: [Child::Node(true_idx), Child::Node(false_idx)],
            missing_is_true: missing.get(node_idx).is_some_and(|&flag| flag != 0),
        });
    }
    let roots: Vec<Child> = (0..n_nodes)
        .filter(|&node_idx| !is_child[node_idx])
        .map(Child::Node)
        .collect();
    let (nodes, roots) = lay_out(&nodes, &[], &roots)?;
    Ok(TreeEnsemble {
        nodes,
        roots,
        n_targets,
        aggregate,
        base_values: reals(cx, "base_values_as_tensor", Some("base_values"))?,
    })
}

fn keyed_weights(
    cx: &NodeCx<'_, '_>,
    prefix: &str,
) -> Result<BTreeMap<NodeKey, Vec<(usize, Real)>>, ConvertError> {
    let trees = ints(cx, &format!("{prefix}_treeids"))?;
    let numbers = ints(cx, &format!("{prefix}_nodeids"))?;
    let targets = indices(cx, &format!("{prefix}_ids"))?;
    let tensor = format!("{prefix}_weights_as_tensor");
    let weights = reals(cx, &tensor, Some(&format!("{prefix}_weights")))?;
    for (what, length) in [
        ("nodeids", numbers.len()),
        ("ids", targets.len()),
        ("weights", weights.len()),
    ] {
        same_length(&format!("{prefix}_{what}"), length, trees.len())?;
    }
    let mut by_node: BTreeMap<NodeKey, Vec<(usize, Real)>> = BTreeMap::new();
    let entries = trees
        .into_iter()
        .zip(numbers)
        .zip(targets.into_iter().zip(weights));
    for (key, weight) in entries {
        by_node.entry(key).or_default().push(weight);
    }
    Ok(by_node)
}

fn mode_by_name(name: &str) -> Result<TreeNodeMode, ConvertError> {
    Ok(match name {
        "BRANCH_LEQ" => TreeNodeMode::LessEqual,
        "BRANCH_LT" => TreeNodeMode::Less,
        "BRANCH_GTE" => TreeNodeMode::GreaterEqual,
        "BRANCH_GT" => TreeNodeMode::Greater,
        "BRANCH_EQ" => TreeNodeMode::Equal,
        "BRANCH_NEQ" => TreeNodeMode::NotEqual,
        other => {
            return Err(ConvertError::Invalid(format!(
                "node mode `{other}` is unknown"
            )));
        }
    })
}

/// x as the forest takes it: f64 stays, all else is f32.
fn features(cx: &mut NodeCx<'_, '_>) -> Result<ValueId, ConvertError> {
    let x = cx.input(0)?;
    if cx.b.dtype(x)? == DType::F64 && cx.b.rank(x)? == 2 {
        return Ok(x);
    }
    matrix(cx, x)
}

fn regressor(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = features(cx)?;
    let aggregate = match cx.string("aggregate_function", "SUM")?.as_str() {
        "AVERAGE" => ReduceKind::Mean,
        "SUM" => ReduceKind::Sum,
        "MIN" => ReduceKind::Min,
        "MAX" => ReduceKind::Max,
        other => {
            return Err(ConvertError::Invalid(format!(
                "aggregate_function `{other}` is unknown"
            )));
        }
    };
    let n_targets = operand::size("n_targets", cx.int("n_targets", 1)?)?;
    let forest = keyed_forest(cx, "target", n_targets, aggregate)?;
    let post = PostTransform::read(cx)?;
    let scores = cx.b.op1(Op::TreeEnsemble(Box::new(forest)), &[x])?;
    let scores = post.apply(cx, scores)?;
    Ok(vec![cx.b.cast(scores, DType::F32)?])
}

/// With two labels and weights for one of them only, the other's score is the complement: `1 - s` where weights are
/// like probabilities (none negative), else `-s`.
fn classifier(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = features(cx)?;
    let labels = Labels::read(cx, "classlabels_int64s", "classlabels_strings")?;
    let class_ids = ints(cx, "class_ids")?;
    let mut forest = keyed_forest(cx, "class", labels.len, ReduceKind::Sum)?;
    let post = PostTransform::read(cx)?;
    let is_binary = labels.len == 2 && class_ids.windows(2).all(|pair| pair[0] == pair[1]);
    if !is_binary || class_ids.is_empty() {
        let scores = cx.b.op1(Op::TreeEnsemble(Box::new(forest)), &[x])?;
        let label = labels.of_largest(cx, scores)?;
        let scores = post.apply(cx, scores)?;
        return Ok(vec![label, cx.b.cast(scores, DType::F32)?]);
    }
    let mut is_positive = true;
    for node in &mut forest.nodes {
        if let TreeNode::Leaf { weights } = node {
            for (target, weight) in weights {
                *target = 0;
                is_positive &= weight.get() >= 0.0;
            }
        }
    }
    forest.n_targets = 1;
    forest.base_values.truncate(1);
    let score = cx.b.op1(Op::TreeEnsemble(Box::new(forest)), &[x])?;
    let threshold = if is_positive { 0.5 } else { 0.0 };
    let threshold = cx.const_like(score, threshold)?;
    let column = cx.b.squeeze(score, &[1])?;
    let is_second = cx.b.binary(BinaryOp::Greater, column, threshold)?;
    let label = labels.of_two(cx, is_second)?;
    let other = if is_positive && post != PostTransform::Logistic {
        let one = cx.const_like(score, 1.0)?;
        cx.b.sub(one, score)?
    } else {
        cx.b.unary(UnaryOp::Neg, score)?
    };
    let both = cx.b.concat(&[other, score], 1)?;
    let both = post.apply(cx, both)?;
    Ok(vec![label, cx.b.cast(both, DType::F32)?])
}
