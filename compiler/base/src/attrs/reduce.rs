//! Attributes of reductions and scans.

use serde::{Deserialize, Serialize};

/// What a reduction computes. Over no element: 0, NaN, lowest, largest, 1, -∞ in the order below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ReduceKind {
    /// Sum; integers wrap.
    Sum,
    /// Arithmetic mean; integers truncate.
    Mean,
    /// Largest; NaN if any is NaN; `or` on `bool`.
    Max,
    /// Smallest; NaN if any is NaN; `and` on `bool`.
    Min,
    /// Product; integers wrap.
    Prod,
    /// `max + log Σ exp(x - max)`.
    LogSumExp,
}

/// What a scan computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CumulativeKind {
    /// Running sum.
    Sum,
    /// Running product.
    Prod,
}
