//! The vocabulary that every other crate shares: dtypes, ids, symbolic dims, target facts and mapped files.
//!
//! It knows nothing of graphs, kernels or devices.

#![deny(unsafe_code)]

pub mod attrs;
mod dim;
mod dtype;
mod entity;
pub mod float;
mod mapped;
mod real;
mod target;
pub mod text;

pub use dim::{Dim, DimCx, DimDisplay, DimError, DimParseError, Interval, SymId, Symbol, Tri};
pub use dtype::{DType, DTypeKind, UnknownDType};
pub use entity::{EntityId, PrimaryMap, SecondaryMap};
pub use mapped::MappedFile;
pub use real::Real;
pub use target::{TargetInfo, TargetKind, UnknownTarget};
