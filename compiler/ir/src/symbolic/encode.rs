//! Elements of small constants to and from bytes.

use super::SymElement;
use graphc_base::{DType, Dim, Real, float};
use half::{bf16, f16};

/// A float of this dtype as bytes; integers truncate and wrap.
pub(crate) fn encode_float(dtype: DType, value: f64) -> Vec<u8> {
    match dtype {
        DType::F64 => value.to_le_bytes().to_vec(),
        DType::F32 => (value as f32).to_le_bytes().to_vec(),
        DType::F16 => f16::from_f64(value).to_le_bytes().to_vec(),
        DType::BF16 => bf16::from_f64(value).to_le_bytes().to_vec(),
        DType::U64 => (value as u64).to_le_bytes().to_vec(),
        _ if dtype.is_float() => vec![float::f64_to_f8(dtype, value, true)],
        _ => encode_int(dtype, value as i64),
    }
}

/// An integer of this dtype as bytes; wraps.
pub(crate) fn encode_int(dtype: DType, value: i64) -> Vec<u8> {
    if dtype.is_float() {
        return encode_float(dtype, value as f64);
    }
    match dtype {
        DType::Bool => vec![u8::from(value != 0)],
        _ if dtype.bits() < 8 => vec![value as u8 & ((1 << dtype.bits()) - 1)],
        _ => value.to_le_bytes()[..dtype.bits() / 8].to_vec(),
    }
}

/// An element of a constant; `None` for dtypes that no shape arithmetic uses.
pub(super) fn decode(dtype: DType, bytes: &[u8], position: usize) -> Option<SymElement> {
    let width = dtype.bits() / 8;
    let raw = bytes.get(position.checked_mul(width)?..)?.get(..width)?;
    let mut word = [0; 8];
    word[..width].copy_from_slice(raw);
    let bits = u64::from_le_bytes(word);
    let int = |value: i64| SymElement::Dim(Dim::constant(value));
    let real = |value: f64| SymElement::Float(Real::new(value));
    Some(match dtype {
        DType::Bool => int(i64::from(bits != 0)),
        DType::U8 | DType::U16 | DType::U32 => int(bits as i64),
        DType::I8 => int(i64::from(bits as i8)),
        DType::I16 => int(i64::from(bits as i16)),
        DType::I32 => int(i64::from(bits as i32)),
        DType::I64 => int(bits as i64),
        DType::U64 => int(i64::try_from(bits).ok()?),
        DType::F32 => real(f64::from(f32::from_bits(bits as u32))),
        DType::F64 => real(f64::from_bits(bits)),
        DType::F16 => real(f64::from(f16::from_bits(bits as u16).to_f32())),
        DType::BF16 => real(f64::from(bf16::from_bits(bits as u16).to_f32())),
        _ => return None,
    })
}
