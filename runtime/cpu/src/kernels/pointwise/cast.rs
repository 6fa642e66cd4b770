//! Conversions between dtypes as ONNX Cast does them: chunk by chunk by way of `f64` or `i64`, which hold what is read.

use crate::isa::{Target, per_isa};
use crate::kernels::half;
use graphc_base::{DType, DTypeKind};

const CHUNK: usize = 64;

/// Elements of a dtype by address.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) dtype: DType,
    pub(super) bytes: &'a [u8],
}

/// Whether vectors of a dtype hold its elements as they lie in memory; half-precision floats are held as `f32`.
pub(super) fn is_held_as_stored(dtype: DType) -> bool {
    !matches!(dtype, DType::F16 | DType::BF16)
}

/// The dtype in which vectors hold elements.
pub(super) fn held(dtype: DType) -> DType {
    if is_held_as_stored(dtype) {
        dtype
    } else {
        DType::F32
    }
}

/// Whether [`convert`] takes the pair: elsewhere a way through `f32` would round twice.
pub(super) fn is_known(from: DType, to: DType) -> bool {
    let is_number =
        |dtype: DType| dtype.bits() >= 16 || matches!(dtype, DType::Bool | DType::U8 | DType::I8);
    let rounds_twice = match to {
        DType::F16 => from == DType::F64,
        DType::BF16 => from == DType::F64 || (!from.is_float() && from.bits() > 16),
        _ => false,
    };
    is_number(from) && is_number(to) && !rounds_twice
}

per_isa!(
    /// Converts elements as vectors hold them, before rounding to half precision.
    pub(super) fn convert(from: Source<'_>, to: DType, y: &mut [u8]) = convert_body
);

#[inline(always)]
fn convert_body<P: Target>(from: Source<'_>, to: DType, y: &mut [u8]) {
    let (from_width, width) = (held(from.dtype).bits() / 8, held(to).bits() / 8);
    for (x, y) in from
        .bytes
        .chunks(CHUNK * from_width)
        .zip(y.chunks_mut(CHUNK * width))
    {
        if from.dtype.is_float() {
            let mut values = [0f64; CHUNK];
            match from.dtype {
                DType::F64 => read::<f64, _>(x, &mut values, |x| x),
                _ => read::<f32, _>(x, &mut values, f64::from),
            }
            from_floats(&values, to, y);
        } else {
            let mut values = [0i64; CHUNK];
            match from.dtype {
                DType::I8 => read::<i8, _>(x, &mut values, i64::from),
                DType::U16 => read::<u16, _>(x, &mut values, i64::from),
                DType::I16 => read::<i16, _>(x, &mut values, i64::from),
                DType::U32 => read::<u32, _>(x, &mut values, i64::from),
                DType::I32 => read::<i32, _>(x, &mut values, i64::from),
                DType::U64 => read::<u64, _>(x, &mut values, |x| x as i64),
                DType::I64 => read::<i64, _>(x, &mut values, |x| x),
                _ => read::<u8, _>(x, &mut values, i64::from),
            }
            if to.is_float() {
                let is_unsigned = from.dtype == DType::U64;
                let floats = values.map(|x| {
                    if is_unsigned {
                        x as u64 as f64
                    } else {
                        x as f64
                    }
                });
                from_floats(&floats, to, y);
            } else {
                from_integers(&values, to, y);
            }
        }
    }
}

#[inline(always)]
fn read<T: bytemuck::Pod, U>(x: &[u8], values: &mut [U; CHUNK], f: impl Fn(T) -> U) {
    for (&x, value) in bytemuck::cast_slice::<u8, T>(x).iter().zip(values) {
        *value = f(x);
    }
}

#[inline(always)]
fn write<T: bytemuck::Pod, U: Copy>(values: &[U; CHUNK], y: &mut [u8], f: impl Fn(U) -> T) {
    for (&value, y) in values.iter().zip(bytemuck::cast_slice_mut::<u8, T>(y)) {
        *y = f(value);
    }
}

#[inline(always)]
fn from_floats(values: &[f64; CHUNK], to: DType, y: &mut [u8]) {
    match to.kind() {
        DTypeKind::Bool => write(values, y, |x| u8::from(x != 0.0)),
        DTypeKind::Float if to == DType::F64 => write(values, y, |x| x),
        DTypeKind::Float => write(values, y, |x| x as f32),
        _ if to == DType::U64 => {
            write(
                values,
                y,
                |x| {
                    if x >= 0.0 { x as u64 } else { x as i64 as u64 }
                },
            )
        }
        _ => from_integers(&values.map(|x| x as i64), to, y),
    }
}

#[inline(always)]
fn from_integers(values: &[i64; CHUNK], to: DType, y: &mut [u8]) {
    match (to, to.bits()) {
        (DType::Bool, _) => write(values, y, |x| u8::from(x != 0)),
        (_, 8) => write(values, y, |x| x as u8),
        (_, 16) => write(values, y, |x| x as u16),
        (_, 32) => write(values, y, |x| x as u32),
        _ => write(values, y, |x| x),
    }
}

per_isa!(
    /// Half-precision floats from memory as `f32`.
    pub(in crate::kernels) fn widen(dtype: DType, x: &[u16], y: &mut [f32]) = widen_body
);
per_isa!(
    /// Rounded `f32` as half-precision floats.
    pub(in crate::kernels) fn narrow(dtype: DType, x: &[f32], y: &mut [u16]) = narrow_body
);

#[inline(always)]
fn widen_body<P: Target>(dtype: DType, x: &[u16], y: &mut [f32]) {
    for (&x, y) in x.iter().zip(y) {
        *y = match dtype {
            DType::F16 => half::f16_to_f32(x),
            _ => half::bf16_to_f32(x),
        };
    }
}

#[inline(always)]
fn narrow_body<P: Target>(dtype: DType, x: &[f32], y: &mut [u16]) {
    for (&x, y) in x.iter().zip(y) {
        *y = match dtype {
            DType::F16 => half::f32_to_f16(x),
            _ => half::f32_to_bf16(x),
        };
    }
}
