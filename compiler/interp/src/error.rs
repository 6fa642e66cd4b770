//! What can go wrong while a graph is evaluated.

use graphc_base::{DType, DimError};
use graphc_ir::TypeError;

/// Why a graph or an operator has no value.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum InterpError {
    /// An input of the graph was not given.
    #[error("input `{name}` is missing")]
    MissingInput {
        /// Its name.
        name: String,
    },
    /// Something was given that is no input of the graph.
    #[error("input `{name}` is not one of the graph's")]
    UnknownInput {
        /// The name given.
        name: String,
    },
    /// Another number of inputs than the graph has.
    #[error("graph takes {wanted} inputs, not {given}")]
    InputCount {
        /// How many were given.
        given: usize,
        /// How many the graph has.
        wanted: usize,
    },
    /// An input, or a value on the way, is not of its declared type.
    #[error("{value}: {given} does not fit the declared {declared}")]
    Mistyped {
        /// The input or value.
        value: String,
        /// What it is.
        given: String,
        /// What the graph says.
        declared: String,
    },
    /// A symbol would take a value outside its range, or is bound from what is not there.
    #[error("symbol {symbol}: {message}")]
    Symbol {
        /// Name of the symbol.
        symbol: String,
        /// What is wrong.
        message: String,
    },
    /// A relation between dims does not hold.
    #[error("{what}: {message}")]
    Check {
        /// Who demands it.
        what: String,
        /// The dims and their values.
        message: String,
    },
    /// An operator cannot have these operands.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// A dim of an operator has no value.
    #[error("{op}: {source}")]
    Dim {
        /// The operator.
        op: &'static str,
        /// Why.
        source: DimError,
    },
    /// An operator has no value for these operands: an index out of bounds, text that is no number, and the like.
    #[error("{op}: {message}")]
    Op {
        /// The operator.
        op: &'static str,
        /// Why.
        message: String,
    },
    /// An operator of the graph failed.
    #[error("{node}: {source}")]
    Node {
        /// The user's name for it.
        node: String,
        /// Why.
        source: Box<InterpError>,
    },
    /// Elements that do not make up a tensor.
    #[error("tensor {dtype}{shape:?}: {message}")]
    Tensor {
        /// Its element type.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
        /// What is wrong.
        message: String,
    },
    /// A constant that cannot be read.
    #[error("constant {name}: {message}")]
    Constant {
        /// Its name, or its id.
        name: String,
        /// What is wrong.
        message: String,
    },
}

/// Shorthand of this crate.
pub(crate) type Result<T> = std::result::Result<T, InterpError>;

/// The error that an operator's evaluation ends with.
pub(crate) fn op_error(op: &'static str, message: impl Into<String>) -> InterpError {
    InterpError::Op {
        op,
        message: message.into(),
    }
}
