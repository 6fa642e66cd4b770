//! What can be wrong with a model, in the model's own terms.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A node as messages name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRef {
    /// Its name, or one made from its first output.
    pub name: String,
    /// Its operator.
    pub op_type: String,
    /// The operator's domain; empty for `ai.onnx`.
    pub domain: String,
    /// Version of the domain that the model imports.
    pub opset: Option<i64>,
    /// The model file.
    pub file: String,
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = if self.domain.is_empty() {
            "ai.onnx"
        } else {
            &self.domain
        };
        write!(
            f,
            "{}: node {} ({domain}.{}",
            self.file, self.name, self.op_type
        )?;
        match self.opset {
            Some(opset) => write!(f, ", opset {opset})"),
            None => f.write_str(", opset not imported)"),
        }
    }
}

/// An operator that is not supported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnsupportedOp {
    /// The node.
    pub node: NodeRef,
    /// Why.
    pub reason: String,
}

/// Why a model cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no ONNX model.
    #[error("{file}: not an ONNX model: {looks_like}")]
    NotOnnx {
        /// The file.
        file: String,
        /// What it seems to be.
        looks_like: String,
    },
    /// The messages cannot be decoded.
    #[error("{file}: damaged or cut: {message}")]
    Decode {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// A tensor is at fault.
    #[error("{file}: tensor {name}: {message}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A data type is unknown or not supported.
    #[error("data type {0} is not supported")]
    DataType(i32),
    /// An attribute is at fault.
    #[error("{node}: attribute {attribute}: {message}")]
    Attribute {
        /// The node.
        node: NodeRef,
        /// The attribute.
        attribute: String,
        /// What is wrong.
        message: String,
    },
    /// A node is at fault.
    #[error("{node}: {message}")]
    Node {
        /// The node.
        node: NodeRef,
        /// What is wrong.
        message: String,
    },
    /// The graph as a whole is at fault.
    #[error("{file}: {message}")]
    Graph {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// Operators are not supported; all of them.
    #[error("{}", list(ops))]
    Unsupported {
        /// The operators.
        ops: Vec<UnsupportedOp>,
    },
}

fn list(ops: &[UnsupportedOp]) -> String {
    let lines: Vec<String> = ops
        .iter()
        .map(|op| format!("{}: {}", op.node, op.reason))
        .collect();
    match lines.as_slice() {
        [one] => format!("unsupported operator: {one}"),
        _ => format!(
            "{} unsupported operators:\n  {}",
            lines.len(),
            lines.join("\n  ")
        ),
    }
}
