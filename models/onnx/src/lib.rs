//! The ONNX importer: from a model file to a graph.
//!
//! The only crate that sees protobuf. Weights stay where they lie; hostile files give an error that names file, node,
//! operator and opset, and never a panic.
#![forbid(unsafe_code)]

mod attr;
mod data;
mod error;
mod file;
mod import;
mod ops;
pub mod proto;
mod tensor;
#[cfg(test)]
mod tests;
mod topo;

pub use data::{DataValue, decode_value};
pub use error::{NodeRef, OnnxError, UnsupportedOp};
pub use file::Model;
pub use import::{ImportOptions, SupportedOp, import, supported_ops};
pub use tensor::{FileRange, TensorData, TensorView, data_type_to_dtype};
