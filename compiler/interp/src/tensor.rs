//! Tensors as the evaluator holds them: typed vectors, one element per slot, shared until changed.
//!
//! Guarantees: the number of elements is the product of the shape, and the storage is that of the dtype. Packed dtypes
//! (int4, int2, float4) and float8 hold one code per byte, the code in the low bits; `bool` holds 0 or 1.

use crate::error::{InterpError, Result};
use crate::number::with_number;
use graphc_base::DType;
use half::{bf16, f16};
use std::fmt;
use std::sync::Arc;

/// Largest size of one tensor in memory, so that a hostile dim is an error and not the end of the process.
pub const MAX_TENSOR_BYTES: usize = 1 << 36;

/// Elements of a tensor. What is not a number of Rust is held as codes in bytes: `bool`, float8 and packed dtypes.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum TensorData {
    U8(Arc<Vec<u8>>),
    I8(Arc<Vec<i8>>),
    U16(Arc<Vec<u16>>),
    I16(Arc<Vec<i16>>),
    U32(Arc<Vec<u32>>),
    I32(Arc<Vec<i32>>),
    U64(Arc<Vec<u64>>),
    I64(Arc<Vec<i64>>),
    F16(Arc<Vec<f16>>),
    BF16(Arc<Vec<bf16>>),
    F32(Arc<Vec<f32>>),
    F64(Arc<Vec<f64>>),
    String(Arc<Vec<String>>),
}

/// A Rust type that elements are held in.
pub trait Element: Clone + PartialEq + Send + Sync + fmt::Debug + 'static {
    /// The dtype that it stands for by itself.
    const DTYPE: DType;
    /// The elements, if they are of this type.
    fn view(data: &TensorData) -> Option<&[Self]>;
    /// Elements as data.
    fn pack(elements: Vec<Self>) -> TensorData;
    /// Whether elements of `dtype` are held in this type.
    fn holds(dtype: DType) -> bool {
        dtype == Self::DTYPE
    }
}

macro_rules! element {
    ($($ty:ty: $variant:ident),*) => {$(
        impl Element for $ty {
            const DTYPE: DType = DType::$variant;
            fn view(data: &TensorData) -> Option<&[Self]> {
                match data {
                    TensorData::$variant(elements) => Some(elements),
                    _ => None,
                }
            }
            fn pack(elements: Vec<Self>) -> TensorData {
                TensorData::$variant(Arc::new(elements))
            }
        }
    )*};
}

element!(i8: I8, u16: U16, i16: I16, u32: U32, i32: I32, u64: U64, i64: I64);
element!(f16: F16, bf16: BF16, f32: F32, f64: F64, String: String);

impl Element for u8 {
    const DTYPE: DType = DType::U8;
    fn view(data: &TensorData) -> Option<&[Self]> {
        match data {
            TensorData::U8(elements) => Some(elements),
            _ => None,
        }
    }
    fn pack(elements: Vec<Self>) -> TensorData {
        TensorData::U8(Arc::new(elements))
    }
    fn holds(dtype: DType) -> bool {
        matches!(dtype, DType::Bool | DType::U8) || dtype.is_storage_only()
    }
}

/// Runs `$body` with `$elements` as the slice of whatever type the data holds.
macro_rules! with_elements {
    ($data:expr, $elements:ident => $body:expr) => {
        match $data {
            $crate::tensor::TensorData::U8($elements) => $body,
            $crate::tensor::TensorData::I8($elements) => $body,
            $crate::tensor::TensorData::U16($elements) => $body,
            $crate::tensor::TensorData::I16($elements) => $body,
            $crate::tensor::TensorData::U32($elements) => $body,
            $crate::tensor::TensorData::I32($elements) => $body,
            $crate::tensor::TensorData::U64($elements) => $body,
            $crate::tensor::TensorData::I64($elements) => $body,
            $crate::tensor::TensorData::F16($elements) => $body,
            $crate::tensor::TensorData::BF16($elements) => $body,
            $crate::tensor::TensorData::F32($elements) => $body,
            $crate::tensor::TensorData::F64($elements) => $body,
            $crate::tensor::TensorData::String($elements) => $body,
        }
    };
}
pub(crate) use with_elements;

/// A dense tensor, row-major. Clones share the elements.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    data: TensorData,
}

impl Tensor {
    /// A tensor of `dtype` from elements of the type that holds it. Fails where their number or type does not fit.
    pub fn new<T: Element>(dtype: DType, shape: &[usize], elements: Vec<T>) -> Result<Self> {
        let fail = |message: String| InterpError::Tensor {
            dtype,
            shape: shape.to_vec(),
            message,
        };
        if !T::holds(dtype) {
            return Err(fail(format!("elements are {}", T::DTYPE)));
        }
        if n_elements(dtype, shape)? != elements.len() {
            return Err(fail(format!("{} elements", elements.len())));
        }
        Ok(Self {
            dtype,
            shape: shape.to_vec(),
            data: T::pack(elements),
        })
    }

    /// A tensor of the dtype that `T` stands for by itself.
    pub fn of<T: Element>(shape: &[usize], elements: Vec<T>) -> Result<Self> {
        Self::new(T::DTYPE, shape, elements)
    }

    /// A rank-0 tensor.
    pub fn scalar<T: Element>(element: T) -> Self {
        Self {
            dtype: T::DTYPE,
            shape: Vec::new(),
            data: T::pack(vec![element]),
        }
    }

    /// A tensor of truth values.
    pub fn bools(shape: &[usize], elements: &[bool]) -> Result<Self> {
        let codes = elements.iter().copied().map(u8::from).collect();
        Self::new::<u8>(DType::Bool, shape, codes)
    }

    /// Numbers rounded (or, for integers, truncated and saturated) to a dtype that is computed in, or to `bool`.
    pub fn from_f64(dtype: DType, shape: &[usize], elements: &[f64]) -> Result<Self> {
        with_number!(dtype, T => {
            let rounded = elements.iter().map(|&element| T::from_f64(element)).collect();
            Self::new::<T>(dtype, shape, rounded)
        }, else Err(InterpError::Tensor {
            dtype,
            shape: shape.to_vec(),
            message: "not a dtype that is computed in".to_owned(),
        }))
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        with_elements!(&self.data, elements => elements.len())
    }

    /// The elements.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// The elements, if they are held as `T`.
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        T::view(&self.data)
    }

    /// The elements, held as `T`.
    pub fn slice<T: Element>(&self) -> Result<&[T]> {
        self.as_slice()
            .ok_or_else(|| self.error(format!("elements are not {}", T::DTYPE)))
    }

    /// The elements as floats: exact but for 64-bit integers beyond 2⁵³. Storage floats and packed integers are decoded.
    pub fn to_f64(&self) -> Result<Vec<f64>> {
        if self.dtype.is_storage_only() {
            let codes = self.slice::<u8>()?;
            return Ok(codes
                .iter()
                .map(|&code| crate::number::decode(self.dtype, code))
                .collect());
        }
        with_number!(self.dtype, T => {
            Ok(self.slice::<T>()?.iter().map(|&element| element.to_f64()).collect())
        }, else Err(self.error("strings are no numbers")))
    }

    /// The elements as integers; floats truncate, `u64` wraps.
    pub fn to_i64(&self) -> Result<Vec<i64>> {
        if self.dtype.is_storage_only() {
            return Ok(self.to_f64()?.into_iter().map(|x| x as i64).collect());
        }
        with_number!(self.dtype, T => {
            Ok(self.slice::<T>()?.iter().map(|&element| element.to_i64()).collect())
        }, else Err(self.error("strings are no numbers")))
    }

    /// The same elements under another shape of as many elements.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Self> {
        if n_elements(self.dtype, shape)? != self.n_elements() {
            return Err(self.error(format!("{shape:?} has another number of elements")));
        }
        Ok(Self {
            dtype: self.dtype,
            shape: shape.to_vec(),
            data: self.data.clone(),
        })
    }

    /// The same elements under another dtype that is held in the same type.
    pub(crate) fn retyped(&self, dtype: DType) -> Option<Self> {
        let fits = with_elements!(&self.data, elements => holds_like(elements, dtype));
        fits.then(|| Self {
            dtype,
            shape: self.shape.clone(),
            data: self.data.clone(),
        })
    }

    /// Whether dtype, shape and every bit are equal: NaN equals the same NaN, and 0 differs from -0.
    pub fn same_bits(&self, other: &Tensor) -> bool {
        if self.dtype != other.dtype || self.shape != other.shape {
            return false;
        }
        match (&self.data, &other.data) {
            (TensorData::F16(a), TensorData::F16(b)) => {
                a.iter().zip(&**b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (TensorData::BF16(a), TensorData::BF16(b)) => {
                a.iter().zip(&**b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (TensorData::F32(a), TensorData::F32(b)) => {
                a.iter().zip(&**b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (TensorData::F64(a), TensorData::F64(b)) => {
                a.iter().zip(&**b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (a, b) => a == b,
        }
    }

    fn error(&self, message: impl Into<String>) -> InterpError {
        InterpError::Tensor {
            dtype: self.dtype,
            shape: self.shape.clone(),
            message: message.into(),
        }
    }
}

/// The elements of `tensor`, held in the type of `like`.
pub(crate) fn same_type<'a, T: Element>(_like: &[T], tensor: &'a Tensor) -> Result<&'a [T]> {
    tensor.slice::<T>()
}

/// The elements at these positions.
pub(crate) fn picked<T: Element>(elements: &[T], positions: &[usize]) -> Vec<T> {
    positions
        .iter()
        .map(|&position| elements[position].clone())
        .collect()
}

fn holds_like<T: Element>(_elements: &[T], dtype: DType) -> bool {
    T::holds(dtype)
}

/// The number of elements of a shape, within [`MAX_TENSOR_BYTES`].
pub(crate) fn n_elements(dtype: DType, shape: &[usize]) -> Result<usize> {
    let bytes_per_element = dtype.bits().div_ceil(8).max(1);
    // Axes of size 0 count as 1, so that no product of sizes overflows anywhere.
    let product = shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
    product
        .filter(|&n| n <= MAX_TENSOR_BYTES / bytes_per_element)
        .map(|n| if shape.contains(&0) { 0 } else { n })
        .ok_or_else(|| InterpError::Tensor {
            dtype,
            shape: shape.to_vec(),
            message: "too large".to_owned(),
        })
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        let sizes: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        write!(f, "{}[{}] ", self.dtype, sizes.join(","))?;
        with_elements!(&self.data, elements => {
            fmt::Debug::fmt(&elements[..elements.len().min(SHOWN)], f)?;
            if elements.len() > SHOWN { write!(f, " …") } else { Ok(()) }
        })
    }
}
