//! The graph that every pass of the compiler reads and writes.
//!
//! Owns the operators, their typing, the builder, the verifier and the text form. Knows nothing of model formats,
//! kernels or devices; never computes on tensors larger than [`SMALL_CONST_BYTES`].
#![forbid(unsafe_code)]

mod builder;
mod codec;
mod consts;
mod graph;
mod infer;
mod known;
pub mod op;
mod parse;
mod print;
mod symbolic;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod types;
mod verify;

pub use builder::Builder;
pub use consts::{ConstData, ConstId, ConstStore, Constant, SMALL_CONST_BYTES};
pub use graph::{
    Binding, Block, BlockId, DimCheck, DimCheckKind, Graph, Node, NodeId, Source, SourceId, Value,
    ValueDef, ValueId,
};
pub use infer::{InferCx, OpTypes, TypeError, infer};
pub use known::known_values;
pub use op::Op;
pub use parse::{ConstRequest, ParseError, parse, parse_with};
pub use symbolic::{MAX_SYMBOLIC_ELEMENTS, SymElement, SymTensor};
pub use types::{ElementType, TensorType, ValueType};
pub use verify::{Entity, VerifyError, VerifyErrors, verify};
