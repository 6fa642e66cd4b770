//! The pipeline from a model file to an artifact, and the tools that need both the compiler and the runtime.
#![forbid(unsafe_code)]

mod compile;
mod constants;
pub mod npz;

pub use compile::{CompileOptions, Compiled, Stage, compile, import_model};
pub use graphc_ir::Graph;
pub use graphc_onnx::supported_ops;
pub use graphc_runtime as runtime;
