//! Operators with regions. A region is a block of the same graph that sees only its own parameters:
//! what it uses from outside is passed as captured operands.

use crate::graph::BlockId;
use crate::types::ValueType;

/// Two regions, of which one runs. Both take the captures and give `results`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct If {
    /// Runs where the condition holds.
    pub then_block: BlockId,
    /// Runs where it does not.
    pub else_block: BlockId,
    /// Types of the results; dims on which the regions disagree are symbols bound from the result's shape.
    pub results: Vec<ValueType>,
}

/// Runs its region while the condition holds and the trip count is not reached (ONNX Loop).
///
/// Region: `iteration: i64[], condition: bool[], carried…, captures… → condition: bool[], carried…, scanned…`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Loop {
    /// The region.
    pub body: BlockId,
    /// Whether the trip count operand is there.
    pub has_trip_count: bool,
    /// Whether the initial condition operand is there.
    pub has_condition: bool,
    /// Loop-carried values.
    pub n_carried: usize,
    /// Values stacked over iterations along a new first axis.
    pub n_scanned: usize,
    /// Types of the results: carried, then stacked; dims that data decide are symbols bound from the result's shape.
    pub results: Vec<ValueType>,
}
