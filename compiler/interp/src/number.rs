//! Elements as numbers. Floats of every width are computed in `f64` and rounded once; integers wrap.

use crate::tensor::Element;
use graphc_base::{DType, float};
use half::{bf16, f16};

/// What sums of products are accumulated in.
pub(crate) trait Accumulator: Copy + Send + Sync + 'static {
    const ZERO: Self;
    const ONE: Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
}

impl Accumulator for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    #[inline(always)]
    fn add(self, other: f64) -> f64 {
        self + other
    }
    #[inline(always)]
    fn mul(self, other: f64) -> f64 {
        self * other
    }
}

/// An element that is computed with. `bool` counts as `u8` here.
pub(crate) trait Number: Element + Copy + PartialOrd {
    /// `f64` for floats, the type itself for integers.
    type Sum: Accumulator;
    const IS_FLOAT: bool;
    fn to_sum(self) -> Self::Sum;
    fn from_sum(sum: Self::Sum) -> Self;
    fn to_f64(self) -> f64;
    /// Floats round once, to nearest with ties to even; integers truncate and saturate, NaN to 0.
    fn from_f64(value: f64) -> Self;
    /// Floats truncate and saturate; `u64` wraps.
    fn to_i64(self) -> i64;
    /// Integers wrap; floats round.
    fn from_i64(value: i64) -> Self;
    /// Smallest value, -∞ for floats.
    fn lowest() -> Self;
    /// Largest value, +∞ for floats.
    fn highest() -> Self;
    /// The exact value.
    fn to_exact(self) -> Exact;
    /// Conversion as ONNX Cast: floats round once, integers drop high bits, floats to integers truncate and saturate.
    fn from_exact(value: Exact) -> Self;
    fn is_nan(self) -> bool {
        // Only NaN differs from itself, and integers never do.
        self.partial_cmp(&self).is_none()
    }
}

/// The value of any number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Exact {
    Int(i128),
    Float(f64),
}

impl Exact {
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Exact::Int(value) => value as f64,
            Exact::Float(value) => value,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Exact::Int(0) || self == Exact::Float(0.0)
    }
}

macro_rules! float {
    ($($ty:ty: $to:expr, $from:expr, $from_int:expr);* $(;)?) => {$(
        impl Number for $ty {
            type Sum = f64;
            const IS_FLOAT: bool = true;
            #[inline(always)]
            fn to_sum(self) -> f64 { self.to_f64() }
            #[inline(always)]
            fn from_sum(sum: f64) -> Self { Number::from_f64(sum) }
            #[inline(always)]
            fn to_f64(self) -> f64 { let to: fn($ty) -> f64 = $to; to(self) }
            #[inline(always)]
            fn from_f64(value: f64) -> Self { let from: fn(f64) -> $ty = $from; from(value) }
            fn to_i64(self) -> i64 { Number::to_f64(self) as i64 }
            fn from_i64(value: i64) -> Self { Number::from_f64(value as f64) }
            fn lowest() -> Self { Number::from_f64(f64::NEG_INFINITY) }
            fn highest() -> Self { Number::from_f64(f64::INFINITY) }
            fn to_exact(self) -> Exact { Exact::Float(Number::to_f64(self)) }
            fn from_exact(value: Exact) -> Self {
                match value {
                    Exact::Int(value) => { let from: fn(i128) -> $ty = $from_int; from(value) }
                    Exact::Float(value) => Number::from_f64(value),
                }
            }
        }
    )*};
}

float! {
    f64: |x| x, |x| x, |x| x as f64;
    f32: f64::from, |x| x as f32, |x| x as f32;
    f16: |x| f64::from(x.to_f32()), |x| f16::from_f32(to_odd_f32(x)), |x| f16::from_f32(int_to_odd_f32(x));
    bf16: |x| f64::from(x.to_f32()), |x| bf16::from_f32(to_odd_f32(x)), |x| bf16::from_f32(int_to_odd_f32(x));
}

/// Rounds to `f32` such that rounding again to a narrower format gives what one rounding would: what is inexact gets an
/// odd last bit (Boldo and Melquiond, "When double rounding is odd", 2005).
pub(crate) fn to_odd_f32(value: f64) -> f32 {
    let nearest = value as f32;
    let back = f64::from(nearest);
    if back == value || value.is_nan() || nearest.is_infinite() || nearest.to_bits() & 1 == 1 {
        return nearest;
    }
    // An even neighbour was chosen for an inexact value: the odd one lies on the other side of the value.
    let is_away = back.abs() > value.abs();
    f32::from_bits(if is_away {
        nearest.to_bits() - 1
    } else {
        nearest.to_bits() + 1
    })
}

/// [`to_odd_f32`] of an integer of at most 65 bits.
fn int_to_odd_f32(value: i128) -> f32 {
    let nearest = value as f32;
    let back = nearest as i128;
    if back == value || nearest.to_bits() & 1 == 1 {
        return nearest;
    }
    let is_away = back.unsigned_abs() > value.unsigned_abs();
    f32::from_bits(if is_away {
        nearest.to_bits() - 1
    } else {
        nearest.to_bits() + 1
    })
}

macro_rules! integer {
    ($($ty:ty),*) => {$(
        impl Accumulator for $ty {
            const ZERO: $ty = 0;
            const ONE: $ty = 1;
            #[inline(always)]
            fn add(self, other: $ty) -> $ty { self.wrapping_add(other) }
            #[inline(always)]
            fn mul(self, other: $ty) -> $ty { self.wrapping_mul(other) }
        }
        impl Number for $ty {
            type Sum = $ty;
            const IS_FLOAT: bool = false;
            #[inline(always)]
            fn to_sum(self) -> $ty { self }
            #[inline(always)]
            fn from_sum(sum: $ty) -> Self { sum }
            fn to_f64(self) -> f64 { self as f64 }
            fn from_f64(value: f64) -> Self { value as $ty }
            fn to_i64(self) -> i64 { self as i64 }
            fn from_i64(value: i64) -> Self { value as $ty }
            fn lowest() -> Self { <$ty>::MIN }
            fn highest() -> Self { <$ty>::MAX }
            fn to_exact(self) -> Exact { Exact::Int(i128::from(self)) }
            fn from_exact(value: Exact) -> Self {
                match value {
                    Exact::Int(value) => value as $ty,
                    Exact::Float(value) => value as $ty,
                }
            }
        }
    )*};
}

integer!(u8, i8, u16, i16, u32, i32, u64, i64);

/// The number behind a code of a storage dtype.
pub(crate) fn decode(dtype: DType, code: u8) -> f64 {
    match dtype {
        DType::I4 | DType::I2 => f64::from(float::sign_extend(code, dtype.bits())),
        DType::U4 | DType::U2 => f64::from(code),
        _ => f64::from(float::f8_to_f32(dtype, code)),
    }
}

/// Runs `$body` with `$ty` as the Rust type of a dtype that is computed in (`bool` as `u8`), else `$other`.
macro_rules! with_number {
    ($dtype:expr, $ty:ident => $body:expr, else $other:expr) => {{
        #[allow(unused_imports)]
        use $crate::number::Number as _;
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
    }};
}
pub(crate) use with_number;

/// [`with_number`] for the integers only.
macro_rules! with_integer {
    ($dtype:expr, $ty:ident => $body:expr, else $other:expr) => {
        match $dtype {
            graphc_base::DType::U8 => {
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
            _ => $other,
        }
    };
}
pub(crate) use with_integer;

/// [`with_number`] for the floats only.
macro_rules! with_float {
    ($dtype:expr, $ty:ident => $body:expr, else $other:expr) => {{
        #[allow(unused_imports)]
        use $crate::number::Number as _;
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
    }};
}
pub(crate) use with_float;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_floats_round_once() {
        // 1 + 2⁻¹¹ is half way between two f16; a little more must go up although an f32 cannot show it.
        let tie = 1.0 + 2f64.powi(-11);
        assert_eq!(<f16 as Number>::from_f64(tie).to_bits(), 0x3c00);
        assert_eq!(
            <f16 as Number>::from_f64(tie + 2f64.powi(-40)).to_bits(),
            0x3c01
        );
        assert_eq!(
            <f16 as Number>::from_f64(tie - 2f64.powi(-40)).to_bits(),
            0x3c00
        );
        let tie = 1.0 + 2f64.powi(-8);
        assert_eq!(<bf16 as Number>::from_f64(-tie).to_bits(), 0xbf80);
        assert_eq!(
            <bf16 as Number>::from_f64(-tie - 2f64.powi(-40)).to_bits(),
            0xbf81
        );
        assert!(<f16 as Number>::from_f64(1e9).is_infinite());
        assert!(<bf16 as Number>::from_f64(f64::NAN).is_nan());
    }

    #[test]
    fn integers_saturate_from_floats_and_wrap_from_integers() {
        assert_eq!(<u8 as Number>::from_f64(-3.7), 0);
        assert_eq!(<i8 as Number>::from_f64(200.0), 127);
        assert_eq!(<i8 as Number>::from_i64(200), -56);
        assert_eq!(<i32 as Number>::from_f64(f64::NAN), 0);
    }
}
