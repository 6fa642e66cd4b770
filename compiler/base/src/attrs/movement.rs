//! Attributes of operators that move elements.

use crate::Dim;
use serde::{Deserialize, Serialize};

/// One axis of a slice: elements `start, start + step, …`, `len` of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SliceAxis {
    /// First position, 0 ≤ start ≤ size.
    pub start: Dim,
    /// Distance between positions; never 0, may be negative.
    pub step: Dim,
    /// Number of elements.
    pub len: Dim,
}

impl SliceAxis {
    /// The whole of an axis of this size.
    pub fn full(size: &Dim) -> Self {
        Self {
            start: Dim::constant(0),
            step: Dim::constant(1),
            len: size.clone(),
        }
    }

    /// `len` neighbouring elements from `start`.
    pub fn range(start: Dim, len: Dim) -> Self {
        Self {
            start,
            step: Dim::constant(1),
            len,
        }
    }
}

/// What padding holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PadMode {
    /// The scalar operand.
    Constant,
    /// Mirror image without the edge element.
    Reflect,
    /// The edge element.
    Edge,
    /// The axis from its other end.
    Wrap,
}

/// How a scattered update meets what is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ScatterReduction {
    /// Replaces it.
    Replace,
    /// Is added.
    Add,
    /// Is multiplied.
    Mul,
    /// The larger stays.
    Max,
    /// The smaller stays.
    Min,
}
