//! Values of a graph at run time.

use crate::tensor::Tensor;
use graphc_base::DType;

/// A value: a tensor, a sequence of tensors, or something that may be absent. Clones share elements.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A dense tensor.
    Tensor(Tensor),
    /// A sequence of tensors of one dtype, perhaps of different shapes.
    Sequence {
        /// Their dtype, also where there is none.
        dtype: DType,
        /// The tensors.
        items: Vec<Tensor>,
    },
    /// A value that may be absent.
    Optional(Option<Box<Value>>),
}

impl Value {
    /// The tensor, if it is one.
    pub fn as_tensor(&self) -> Option<&Tensor> {
        match self {
            Value::Tensor(tensor) => Some(tensor),
            Value::Sequence { .. } | Value::Optional(_) => None,
        }
    }

    /// The tensors, if it is a sequence.
    pub fn as_sequence(&self) -> Option<&[Tensor]> {
        match self {
            Value::Sequence { items, .. } => Some(items),
            Value::Tensor(_) | Value::Optional(_) => None,
        }
    }

    /// Its kind, dtype and shape in words: `f32[2,3]`, `seq(f32) of 2`, `optional(absent)`.
    pub fn describe(&self) -> String {
        match self {
            Value::Tensor(tensor) => {
                let sizes: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
                format!("{}[{}]", tensor.dtype(), sizes.join(","))
            }
            Value::Sequence { dtype, items } => format!("seq({dtype}) of {}", items.len()),
            Value::Optional(Some(inner)) => format!("optional({})", inner.describe()),
            Value::Optional(None) => "optional(absent)".to_owned(),
        }
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Value::Tensor(tensor)
    }
}
