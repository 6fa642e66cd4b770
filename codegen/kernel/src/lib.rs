//! What each kernel computes.
//!
//! A [`KernelSpec`] names a computation over tensors of known dtype and symbolic shape; its meaning is the
//! [reference evaluator](reference). Devices lower the same spec to their own code and are tested against it.
//! Knows nothing of graphs, devices or files.
#![forbid(unsafe_code)]

mod bind;
mod cost;
pub mod host;
pub mod reference;
mod scalar;
mod spec;

pub use bind::{MAX_RANK, row_major, row_major_dims, slice_view};
pub use cost::Cost;
pub use scalar::{Instruction, Operand, ScalarOp, ScalarProgram};
pub use spec::{
    BoundArg, BoundSpec, Kernel, KernelKind, KernelSpec, PoolIndices, SpecError, TensorArg, View,
};
