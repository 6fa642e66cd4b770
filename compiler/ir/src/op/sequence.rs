//! Operators on sequences and optionals. They run on the host.

use crate::types::{ElementType, TensorType, ValueType};

/// An operator on sequences or optionals.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SequenceOp {
    /// `() → seq`.
    Empty {
        /// What it may hold.
        element: ElementType,
    },
    /// `x0, x1, … → seq`.
    Construct,
    /// `seq, x, position: i64[]? → seq`; at the end where the position is missing; negative positions count from the end.
    Insert,
    /// `seq, position: i64[]? → seq`; the last where the position is missing.
    Erase,
    /// `seq, position: i64[] → x`.
    At {
        /// Type of the result; dims are symbols bound from its shape.
        result: TensorType,
    },
    /// `seq → i64[]`.
    Length,
    /// `seq → x`: concatenated or (with `new_axis`) stacked along `axis`.
    Concat {
        /// Axis of the result.
        axis: usize,
        /// Whether the axis is new.
        new_axis: bool,
        /// Type of the result; dims are symbols bound from its shape.
        result: TensorType,
    },
    /// `x, split: i64[] | i64[n]? → seq`: pieces along `axis` (ONNX SplitToSequence); size 1 where `split` is missing.
    Split {
        /// Axis that is cut.
        axis: usize,
        /// Whether pieces of size 1 keep the axis (only where `split` is missing).
        keep_dims: bool,
    },
    /// `x → optional` of it.
    Some,
    /// `() → optional` of `inner`, absent.
    None {
        /// Type that it would hold.
        inner: ValueType,
    },
    /// `optional | x → x`: an absent value is an error when it runs.
    Get {
        /// Type of the result; dims are symbols bound from its shape.
        result: ValueType,
    },
    /// `optional | x → bool[]`.
    Has,
}
