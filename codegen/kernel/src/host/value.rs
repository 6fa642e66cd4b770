//! Values on the host: tensors that own their bytes, string tensors, sequences, optionals.

use bytemuck::Pod;
use graphc_base::DType;

/// A tensor that owns its bytes: row-major, little-endian, packed, aligned to 8.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostTensor {
    dtype: Option<DType>,
    shape: Vec<usize>,
    words: Vec<u64>,
    n_bytes: usize,
}

impl HostTensor {
    /// A tensor of zeros; `None` when its size overflows or the dtype has no byte layout.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Option<Self> {
        let n_elements = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))?;
        let n_bytes = dtype.byte_len(n_elements)?;
        (dtype != DType::String).then(|| Self {
            dtype: Some(dtype),
            shape: shape.to_vec(),
            words: vec![0; n_bytes.div_ceil(8)],
            n_bytes,
        })
    }

    /// A tensor with these bytes; `None` when they are not exactly as many as shape and dtype take.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Option<Self> {
        let n_elements = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))?;
        if dtype.byte_len(n_elements) != Some(bytes.len()) {
            return None;
        }
        let mut tensor = Self::zeros(dtype, shape)?;
        tensor.bytes_mut().copy_from_slice(bytes);
        Some(tensor)
    }

    /// A tensor with these elements; `None` when they are not as many as the shape has, or not as wide as the dtype.
    pub fn from_elements<T: Pod>(dtype: DType, shape: &[usize], elements: &[T]) -> Option<Self> {
        Self::from_bytes(dtype, shape, bytemuck::cast_slice(elements))
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype.unwrap_or(DType::F32)
    }

    /// Size of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.n_bytes]
    }

    /// The bytes, to change.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.n_bytes]
    }

    /// The elements; `None` when `T` is not as wide as the dtype.
    pub fn elements<T: Pod>(&self) -> Option<&[T]> {
        if size_of::<T>() * 8 == self.dtype().bits() {
            bytemuck::try_cast_slice(self.bytes()).ok()
        } else {
            None
        }
    }

    /// The same bytes under another shape; `None` when the number of elements differs.
    pub fn reshaped(mut self, shape: &[usize]) -> Option<Self> {
        let n_elements = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))?;
        if n_elements != self.n_elements() {
            return None;
        }
        self.shape = shape.to_vec();
        Some(self)
    }

    /// Sets type and shape anew, keeping the allocation; the contents are arbitrary afterwards. `None` as for [`zeros`](Self::zeros).
    pub fn reset(&mut self, dtype: DType, shape: &[usize]) -> Option<()> {
        let n_elements = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))?;
        let n_bytes = dtype
            .byte_len(n_elements)
            .filter(|_| dtype != DType::String)?;
        self.dtype = Some(dtype);
        self.shape.clear();
        self.shape.extend_from_slice(shape);
        self.words.resize(n_bytes.div_ceil(8), 0);
        self.n_bytes = n_bytes;
        Some(())
    }
}

/// A tensor of strings, row-major.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StringTensor {
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Vec<String>,
}

impl StringTensor {
    /// Whether there are as many elements as the shape has.
    pub fn is_filled(&self) -> bool {
        let n_elements = self
            .shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        n_elements == Some(self.data.len())
    }
}

/// A value on the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostValue {
    /// A tensor with bytes.
    Tensor(HostTensor),
    /// A tensor of strings.
    Strings(StringTensor),
    /// A sequence.
    Sequence(Vec<HostValue>),
    /// A value that may be absent.
    Optional(Option<Box<HostValue>>),
}

impl HostValue {
    /// The tensor, if it is one with bytes.
    pub fn as_tensor(&self) -> Option<&HostTensor> {
        match self {
            HostValue::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Size of each axis, if it is a tensor of any kind.
    pub fn shape(&self) -> Option<&[usize]> {
        match self {
            HostValue::Tensor(tensor) => Some(tensor.shape()),
            HostValue::Strings(strings) => Some(&strings.shape),
            HostValue::Sequence(_) | HostValue::Optional(_) => None,
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match self {
            HostValue::Tensor(tensor) => format!("{}{:?}", tensor.dtype(), tensor.shape()),
            HostValue::Strings(strings) => format!("string{:?}", strings.shape),
            HostValue::Sequence(elements) => format!("a sequence of {} elements", elements.len()),
            HostValue::Optional(None) => "an absent optional".to_owned(),
            HostValue::Optional(Some(inner)) => format!("an optional of {}", inner.describe()),
        }
    }
}

impl From<HostTensor> for HostValue {
    fn from(tensor: HostTensor) -> Self {
        HostValue::Tensor(tensor)
    }
}
