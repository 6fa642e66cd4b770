//! Operators on values without a byte layout: sequences, optionals, string tensors. They run on the host, in every
//! device's programs alike.

use serde::{Deserialize, Serialize};

/// An operator on host values.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostOp {
    /// `x → x`.
    Identity,
}
