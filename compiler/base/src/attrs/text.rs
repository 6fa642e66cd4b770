//! Operators on string tensors. They run on the host.

use crate::Real;
use serde::{Deserialize, Serialize};

/// An operator on string tensors.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum StringOp {
    /// `a, b → y`: joined element by element with broadcasting (ONNX StringConcat).
    Concat,
    /// `x → y[…, most], counts: i64[…]`: cut at `delimiter`, or at white space where it is `None`; missing pieces are empty.
    /// The size of the last axis is a symbol bound from the result's shape.
    Split {
        /// What separates pieces.
        delimiter: Option<String>,
        /// At most this many cuts.
        max_splits: Option<usize>,
        /// Last dim of the first result.
        most: crate::Dim,
    },
    /// `x → bool[…]`: whether the whole element matches (RE2 syntax).
    RegexFullMatch {
        /// The expression.
        pattern: String,
    },
    /// `x[C] or x[1, C] → y`: case changed, stop words removed (ONNX StringNormalizer).
    Normalize {
        /// Case of the result: `Some(true)` upper, `Some(false)` lower.
        upper: Option<bool>,
        /// Whether stop words are compared with their case.
        case_sensitive: bool,
        /// Words that are removed.
        stop_words: Vec<String>,
        /// Last dim of the result.
        kept: crate::Dim,
    },
}

/// How n-gram counts become weights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TfIdfWeighting {
    /// The count.
    Tf,
    /// 1 if there is any, times the weight.
    Idf,
    /// The count times the weight.
    TfIdf,
}

/// Counts n-grams of a vocabulary (ONNX TfIdfVectorizer).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TfIdf {
    /// Shortest n-gram.
    pub min_gram: usize,
    /// Longest n-gram.
    pub max_gram: usize,
    /// Most elements skipped between two of an n-gram.
    pub max_skip: usize,
    /// How counts become weights.
    pub weighting: TfIdfWeighting,
    /// Where the n-grams of length 1, 2, … begin in the pool.
    pub ngram_counts: Vec<usize>,
    /// Output position of each n-gram.
    pub ngram_indexes: Vec<usize>,
    /// Pool of integers, where x holds integers.
    pub pool_ints: Vec<i64>,
    /// Pool of strings, where x holds strings.
    pub pool_strings: Vec<String>,
    /// Weight of each n-gram; empty for all ones.
    pub weights: Vec<Real>,
    /// Size of the last axis of the result.
    pub out: usize,
}
