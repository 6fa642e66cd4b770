//! Operators of the `ai.onnx.ml` domain that are tables: label maps and trees.

use crate::{DType, Real};
use serde::{Deserialize, Serialize};

/// A key or a value of a label map.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TableKey {
    /// Text.
    String(String),
    /// An integer.
    Int(i64),
    /// A float; NaN equals NaN.
    Float(Real),
}

/// A map from labels to labels (ai.onnx.ml LabelEncoder).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct LabelMap {
    /// Keys and their values, in the order of the model; the first of equal keys holds.
    pub entries: Vec<(TableKey, TableKey)>,
    /// Value for any other key.
    pub default: TableKey,
    /// Element type of the result.
    pub to: DType,
}

/// Comparison at an inner tree node: true goes to `true_child`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TreeNodeMode {
    /// `x ≤ value`.
    LessEqual,
    /// `x < value`.
    Less,
    /// `x ≥ value`.
    GreaterEqual,
    /// `x > value`.
    Greater,
    /// `x == value`.
    Equal,
    /// `x != value`.
    NotEqual,
    /// x is one of the set.
    Member(Vec<Real>),
}

/// A node of a tree.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TreeNode {
    /// Goes to one of two nodes.
    Branch {
        /// Column of x.
        feature: usize,
        /// Comparison.
        mode: TreeNodeMode,
        /// What x is compared with.
        value: Real,
        /// Index of the node for true.
        true_child: usize,
        /// Index of the node for false.
        false_child: usize,
        /// Whether a missing (NaN) feature goes to `true_child`.
        missing_is_true: bool,
    },
    /// Adds weights to targets.
    Leaf {
        /// Target and weight pairs.
        weights: Vec<(usize, Real)>,
    },
}

/// A forest of decision trees.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TreeEnsemble {
    /// All nodes; children have larger indices than their parents.
    pub nodes: Vec<TreeNode>,
    /// Root of each tree.
    pub roots: Vec<usize>,
    /// Number of targets.
    pub n_targets: usize,
    /// How trees are combined: sum, mean, min, max.
    pub aggregate: super::reduce::ReduceKind,
    /// Added to each target; empty for none.
    pub base_values: Vec<Real>,
}
