//! Tensors to and from little-endian bytes, packed as files hold them.

use crate::error::{InterpError, Result};
use crate::tensor::{Tensor, TensorData, n_elements};
use graphc_base::{DType, float};
use half::{bf16, f16};
use std::sync::Arc;

impl Tensor {
    /// A tensor from little-endian, packed bytes. Fails for strings and where the number of bytes does not fit.
    pub fn from_le_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Self> {
        let n = n_elements(dtype, shape)?;
        let fail = |message: String| InterpError::Tensor {
            dtype,
            shape: shape.to_vec(),
            message,
        };
        if dtype == DType::String {
            return Err(fail("strings have no byte layout".to_owned()));
        }
        if dtype.byte_len(n) != Some(bytes.len()) {
            return Err(fail(format!("{} bytes", bytes.len())));
        }
        macro_rules! wide {
            ($ty:ty, $width:literal) => {{
                let (chunks, _) = bytes.as_chunks::<$width>();
                let elements = chunks.iter().map(|chunk| <$ty>::from_le_bytes(*chunk));
                Tensor::of::<$ty>(shape, elements.collect())
            }};
        }
        match dtype {
            DType::Bool => Tensor::new::<u8>(
                dtype,
                shape,
                bytes.iter().map(|&b| u8::from(b != 0)).collect(),
            ),
            DType::I8 => Tensor::of::<i8>(shape, bytes.iter().map(|&b| b as i8).collect()),
            DType::U16 => wide!(u16, 2),
            DType::I16 => wide!(i16, 2),
            DType::U32 => wide!(u32, 4),
            DType::I32 => wide!(i32, 4),
            DType::U64 => wide!(u64, 8),
            DType::I64 => wide!(i64, 8),
            DType::F16 => wide!(f16, 2),
            DType::BF16 => wide!(bf16, 2),
            DType::F32 => wide!(f32, 4),
            DType::F64 => wide!(f64, 8),
            _ if dtype.is_packed() => {
                let codes = (0..n).map(|idx| float::get_packed(bytes, dtype.bits(), idx));
                Tensor::new::<u8>(dtype, shape, codes.collect())
            }
            _ => Tensor::new::<u8>(dtype, shape, bytes.to_vec()),
        }
    }

    /// The elements as little-endian, packed bytes; `None` for strings.
    pub fn to_le_bytes(&self) -> Option<Vec<u8>> {
        macro_rules! wide {
            ($elements:expr) => {
                $elements.iter().flat_map(|x| x.to_le_bytes()).collect()
            };
        }
        Some(match self.data() {
            TensorData::U8(codes) if self.dtype().is_packed() => pack(codes, self.dtype()),
            TensorData::U8(elements) => elements.to_vec(),
            TensorData::I8(x) => wide!(x),
            TensorData::U16(x) => wide!(x),
            TensorData::I16(x) => wide!(x),
            TensorData::U32(x) => wide!(x),
            TensorData::I32(x) => wide!(x),
            TensorData::U64(x) => wide!(x),
            TensorData::I64(x) => wide!(x),
            TensorData::F16(x) => wide!(x),
            TensorData::BF16(x) => wide!(x),
            TensorData::F32(x) => wide!(x),
            TensorData::F64(x) => wide!(x),
            TensorData::String(_) => return None,
        })
    }
}

fn pack(codes: &Arc<Vec<u8>>, dtype: DType) -> Vec<u8> {
    let mut bytes = vec![0; (codes.len() * dtype.bits()).div_ceil(8)];
    for (idx, &code) in codes.iter().enumerate() {
        float::set_packed(&mut bytes, dtype.bits(), idx, code);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_round_for_every_dtype() {
        for dtype in DType::ALL {
            let Some(n_bytes) = dtype.byte_len(5).filter(|_| dtype != DType::String) else {
                continue;
            };
            let mut bytes: Vec<u8> = (0..n_bytes).map(|i| (i * 37 + 1) as u8).collect();
            if dtype == DType::Bool {
                bytes = vec![1, 0, 1, 1, 0];
            }
            if dtype.is_packed() {
                // The unused bits of the last byte are not elements.
                let used = (5 * dtype.bits() - 1) % 8 + 1;
                bytes[n_bytes - 1] &= (0xffu16 >> (8 - used)) as u8;
            }
            let tensor = Tensor::from_le_bytes(dtype, &[5], &bytes).unwrap();
            assert_eq!(tensor.to_le_bytes().unwrap(), bytes, "{dtype}");
        }
    }

    #[test]
    fn wrong_lengths_and_strings_are_errors() {
        assert!(Tensor::from_le_bytes(DType::F32, &[2], &[0; 7]).is_err());
        assert!(Tensor::from_le_bytes(DType::String, &[0], &[]).is_err());
        assert!(Tensor::from_le_bytes(DType::U8, &[usize::MAX, 3], &[]).is_err());
    }
}
