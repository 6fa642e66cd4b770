//! Types of values: dense tensors with symbolic shapes, sequences and optionals of them.

use graphc_base::{DType, Dim};

/// Element type and shape of a dense tensor. The rank is always known; dims may be symbolic.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TensorType {
    /// Type of the elements.
    pub dtype: DType,
    /// One dim per axis; empty for a scalar.
    pub shape: Vec<Dim>,
}

impl TensorType {
    /// A tensor type from its parts.
    pub fn new(dtype: DType, shape: impl IntoIterator<Item = impl Into<Dim>>) -> Self {
        Self {
            dtype,
            shape: shape.into_iter().map(Into::into).collect(),
        }
    }

    /// A rank-0 tensor.
    pub fn scalar(dtype: DType) -> Self {
        Self {
            dtype,
            shape: Vec::new(),
        }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The shape when every dim is a constant that fits `usize`.
    pub fn const_shape(&self) -> Option<Vec<usize>> {
        self.shape
            .iter()
            .map(|dim| dim.as_const().and_then(|size| usize::try_from(size).ok()))
            .collect()
    }
}

/// What the elements of a sequence have in common. Their dims may differ from element to element.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ElementType {
    /// Type of the elements of each tensor.
    pub dtype: DType,
    /// Rank of each tensor, where it is known.
    pub rank: Option<usize>,
}

/// The type of a value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ValueType {
    /// A dense tensor.
    Tensor(TensorType),
    /// A sequence of tensors; lives on the host.
    Sequence(ElementType),
    /// A value that may be absent; lives on the host.
    Optional(Box<ValueType>),
}

impl ValueType {
    /// The tensor type, if it is one.
    pub fn as_tensor(&self) -> Option<&TensorType> {
        match self {
            ValueType::Tensor(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether values of this type have no byte layout and live on the host: sequences, optionals, string tensors.
    pub fn is_host(&self) -> bool {
        match self {
            ValueType::Tensor(ty) => ty.dtype == DType::String,
            ValueType::Sequence(_) | ValueType::Optional(_) => true,
        }
    }

    /// Calls `visit` with every dim that the type mentions.
    pub fn visit_dims(&self, visit: &mut dyn FnMut(&Dim)) {
        match self {
            ValueType::Tensor(ty) => ty.shape.iter().for_each(visit),
            ValueType::Sequence(_) => {}
            ValueType::Optional(inner) => inner.visit_dims(visit),
        }
    }
}

impl From<TensorType> for ValueType {
    fn from(ty: TensorType) -> Self {
        ValueType::Tensor(ty)
    }
}
