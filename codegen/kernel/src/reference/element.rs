//! Elements in memory as Rust types, and the arithmetic that all families share.

use bytemuck::Pod;
use graphc_base::DType;
use half::{bf16, f16};

/// A type that a kernel can compute with. `bool` is `u8` in memory and is dispatched as `u8`.
pub trait Number: Pod + PartialOrd + Send + Sync + 'static {
    /// What sums are accumulated in: `f64` for floats, the type itself (wrapping) for integers.
    type Sum: Copy;
    /// The neutral element of addition.
    const ZERO_SUM: Self::Sum;
    /// The neutral element of multiplication.
    const ONE_SUM: Self::Sum;
    /// Whether it is a float.
    const IS_FLOAT: bool;
    /// The value as accumulated.
    fn to_sum(self) -> Self::Sum;
    /// The accumulated value, rounded once.
    fn from_sum(sum: Self::Sum) -> Self;
    /// `a + b`.
    fn sum_add(a: Self::Sum, b: Self::Sum) -> Self::Sum;
    /// `a · b`.
    fn sum_mul(a: Self::Sum, b: Self::Sum) -> Self::Sum;
    /// The mean of `n` numbers; of integers exact and truncated, 0 where there are none.
    fn mean(n: usize, next: impl FnMut() -> Self) -> Self;
    /// The value as a float, rounded where 64-bit integers do not fit.
    fn to_f64(self) -> f64;
    /// The float rounded to nearest (floats) or truncated and saturated (integers).
    fn from_f64(value: f64) -> Self;
    /// The value as an integer: floats truncate.
    fn to_i64(self) -> i64;
    /// The integer, wrapped (integers) or rounded (floats).
    fn from_i64(value: i64) -> Self;
    /// Whether it is NaN.
    fn is_nan(self) -> bool {
        false
    }
    /// Smallest value: -∞ for floats.
    fn lowest() -> Self;
    /// Largest value: +∞ for floats.
    fn highest() -> Self;
}

macro_rules! float {
    ($($ty:ty: $to:expr, $from:expr);* $(;)?) => {$(
        impl Number for $ty {
            type Sum = f64;
            const ZERO_SUM: f64 = 0.0;
            const ONE_SUM: f64 = 1.0;
            const IS_FLOAT: bool = true;
            fn to_sum(self) -> f64 { self.to_f64() }
            fn from_sum(sum: f64) -> Self { Self::from_f64(sum) }
            fn sum_add(a: f64, b: f64) -> f64 { a + b }
            fn sum_mul(a: f64, b: f64) -> f64 { a * b }
            fn mean(n: usize, mut next: impl FnMut() -> Self) -> Self {
                let sum: f64 = (0..n).map(|_| next().to_f64()).sum();
                Self::from_f64(sum / n as f64)
            }
            fn to_f64(self) -> f64 { let to: fn($ty) -> f64 = $to; to(self) }
            fn from_f64(value: f64) -> Self { let from: fn(f64) -> $ty = $from; from(value) }
            fn to_i64(self) -> i64 { self.to_f64() as i64 }
            fn from_i64(value: i64) -> Self { Self::from_f64(value as f64) }
            fn is_nan(self) -> bool { self.to_f64().is_nan() }
            fn lowest() -> Self { Self::from_f64(f64::NEG_INFINITY) }
            fn highest() -> Self { Self::from_f64(f64::INFINITY) }
        }
    )*};
}

float! {
    f64: |x| x, |x| x;
    f32: f64::from, |x| x as f32;
    f16: |x| f64::from(x.to_f32()), f16::from_f64;
    bf16: |x| f64::from(x.to_f32()), bf16::from_f64;
}

macro_rules! integer {
    ($($ty:ty),*) => {$(
        impl Number for $ty {
            type Sum = $ty;
            const ZERO_SUM: $ty = 0;
            const ONE_SUM: $ty = 1;
            const IS_FLOAT: bool = false;
            fn to_sum(self) -> $ty { self }
            fn from_sum(sum: $ty) -> Self { sum }
            fn sum_add(a: $ty, b: $ty) -> $ty { a.wrapping_add(b) }
            fn sum_mul(a: $ty, b: $ty) -> $ty { a.wrapping_mul(b) }
            fn mean(n: usize, mut next: impl FnMut() -> Self) -> Self {
                let sum: i128 = (0..n).map(|_| i128::from(next())).sum();
                sum.checked_div(n as i128).unwrap_or(0) as $ty
            }
            fn to_f64(self) -> f64 { self as f64 }
            fn from_f64(value: f64) -> Self { value as $ty }
            fn to_i64(self) -> i64 { self as i64 }
            fn from_i64(value: i64) -> Self { value as $ty }
            fn lowest() -> Self { <$ty>::MIN }
            fn highest() -> Self { <$ty>::MAX }
        }
    )*};
}

integer!(u8, i8, u16, i16, u32, i32, u64, i64);

/// Runs `$body` with `$ty` as the Rust type of a dtype that kernels compute with; `$other` for storage types and strings.
/// `bool` runs as `u8`.
#[macro_export]
#[doc(hidden)]
macro_rules! with_number {
    ($dtype:expr, $ty:ident => $body:expr, else $other:expr) => {
        match $dtype {
            graphc_base::DType::Bool | graphc_base::DType::U8 => {
                type $ty = u8;
                $body
            }
            graphc_base::DType::I8 => {
                type $ty = i8;
                $body
            }
            graphc_base::DType::U16 => {
                type $ty = u16;
                $body
            }
            graphc_base::DType::I16 => {
                type $ty = i16;
                $body
            }
            graphc_base::DType::U32 => {
                type $ty = u32;
                $body
            }
            graphc_base::DType::I32 => {
                type $ty = i32;
                $body
            }
            graphc_base::DType::U64 => {
                type $ty = u64;
                $body
            }
            graphc_base::DType::I64 => {
                type $ty = i64;
                $body
            }
            graphc_base::DType::F16 => {
                type $ty = half::f16;
                $body
            }
            graphc_base::DType::BF16 => {
                type $ty = half::bf16;
                $body
            }
            graphc_base::DType::F32 => {
                type $ty = f32;
                $body
            }
            graphc_base::DType::F64 => {
                type $ty = f64;
                $body
            }
            _ => $other,
        }
    };
}

/// The same for float dtypes alone.
#[macro_export]
#[doc(hidden)]
macro_rules! with_float {
    ($dtype:expr, $ty:ident => $body:expr, else $other:expr) => {
        match $dtype {
            graphc_base::DType::F16 => {
                type $ty = half::f16;
                $body
            }
            graphc_base::DType::BF16 => {
                type $ty = half::bf16;
                $body
            }
            graphc_base::DType::F32 => {
                type $ty = f32;
                $body
            }
            graphc_base::DType::F64 => {
                type $ty = f64;
                $body
            }
            _ => $other,
        }
    };
}

/// Runs `$body` with an unsigned type of the dtype's width, for kernels that only move elements of at least a byte.
#[macro_export]
#[doc(hidden)]
macro_rules! with_width {
    ($dtype:expr, $ty:ident => $body:expr, else $other:expr) => {
        match $dtype.bits() {
            8 => {
                type $ty = u8;
                $body
            }
            16 => {
                type $ty = u16;
                $body
            }
            32 => {
                type $ty = u32;
                $body
            }
            64 => {
                type $ty = u64;
                $body
            }
            _ => $other,
        }
    };
}

/// Bytes as elements; the runtime aligns every tensor to 64 bytes.
pub fn typed<T: Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::cast_slice(bytes)
}

/// Bytes as elements, to write.
pub fn typed_mut<T: Pod>(bytes: &mut [u8]) -> &mut [T] {
    bytemuck::cast_slice_mut(bytes)
}

/// The element of an index tensor as `i64`: `i32` and `i64` are the index types.
pub fn index_at(bytes: &[u8], dtype: DType, position: usize) -> i64 {
    match dtype {
        DType::I32 => i64::from(typed::<i32>(bytes)[position]),
        _ => typed::<i64>(bytes)[position],
    }
}
