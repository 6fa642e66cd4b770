//! The slow, obvious evaluator of a graph: the oracle of every numeric test.
//!
//! Floats of every width are computed in `f64` and rounded once per operator; integers are exact and wrap as the
//! operators' docs say. Whatever the number of threads, results are equal bit by bit. Nothing here is an approximation
//! that a kernel would make, and nothing panics on what a model may hold: hostile values are errors.
//!
//! ```
//! use graphc_base::DType;
//! use graphc_interp::{OpCx, Symbols, Tensor, Value, eval_op};
//! use graphc_ir::{Graph, Op, op::BinaryOp};
//!
//! let graph = Graph::new("empty");
//! let symbols = Symbols::new();
//! let cx = OpCx { dims: &graph.dims, consts: &graph.consts, symbols: &symbols };
//! let a = Value::from(Tensor::of(&[2], vec![1.0f32, 2.0])?);
//! let b = Value::from(Tensor::scalar(10.0f32));
//! let sum = eval_op(&Op::Binary(BinaryOp::Add), &[&a, &b], cx)?;
//! assert_eq!(sum[0], Value::from(Tensor::of(&[2], vec![11.0f32, 12.0])?));
//! # Ok::<(), graphc_interp::InterpError>(())
//! ```
#![forbid(unsafe_code)]
// Code for all element types is shared between strings, which are cloned, and numbers.
#![allow(clippy::clone_on_copy)]

mod bytes;
mod error;
mod evaluator;
mod integer;
mod number;
mod op;
mod symbols;
mod tensor;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use error::InterpError;
pub use evaluator::{Evaluator, evaluate, evaluate_in_order};
pub use op::{OpCx, eval_op};
pub use symbols::Symbols;
pub use tensor::{Element, MAX_TENSOR_BYTES, Tensor, TensorData};
pub use value::Value;
