//! The vocabulary that every other crate shares: dtypes, ids, symbolic dims, target facts and mapped files.
//!
//! It knows nothing of graphs, kernels or devices.

pub mod attrs;
mod dtype;
mod entity;
mod real;

pub use dtype::{DType, DTypeKind, UnknownDType};
pub use entity::{EntityId, PrimaryMap, SecondaryMap};
pub use real::Real;
