//! Element types: what they are called, how wide they are, what kind of number they hold.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The type of a tensor's elements.
///
/// `I4`, `U4`, `I2`, `U2` and `F4E2M1` are packed: several elements share a byte, the first in the low bits.
/// The float types below 16 bits are storage types; arithmetic on them goes through `F32`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// One byte per element, 0 or 1.
    Bool,
    /// Unsigned 8-bit integer.
    U8,
    /// Signed 8-bit integer.
    I8,
    /// Unsigned 16-bit integer.
    U16,
    /// Signed 16-bit integer.
    I16,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 32-bit integer.
    I32,
    /// Unsigned 64-bit integer.
    U64,
    /// Signed 64-bit integer.
    I64,
    /// IEEE 754 binary16.
    F16,
    /// bfloat16: the upper half of a binary32.
    BF16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// 8-bit float, 4 exponent bits, bias 7, no infinities, one NaN pattern per sign (OCP E4M3).
    F8E4M3FN,
    /// 8-bit float, 4 exponent bits, bias 8, no infinities, no negative zero; 0x80 is NaN.
    F8E4M3FNUZ,
    /// 8-bit float, 5 exponent bits, bias 15, with infinities (OCP E5M2).
    F8E5M2,
    /// 8-bit float, 5 exponent bits, bias 16, no infinities, no negative zero; 0x80 is NaN.
    F8E5M2FNUZ,
    /// 8-bit exponent-only scale, value 2^(bits-127), 0xff is NaN (OCP E8M0).
    F8E8M0,
    /// 4-bit float, two to a byte (OCP E2M1).
    F4E2M1,
    /// Signed 4-bit integer, two to a byte.
    I4,
    /// Unsigned 4-bit integer, two to a byte.
    U4,
    /// Signed 2-bit integer, four to a byte.
    I2,
    /// Unsigned 2-bit integer, four to a byte.
    U2,
    /// UTF-8 text; lives on the host only and has no byte layout.
    String,
}

/// What kind of values a dtype holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DTypeKind {
    /// Truth values.
    Bool,
    /// Integers without sign.
    Unsigned,
    /// Two's complement integers.
    Signed,
    /// Floating point of any width.
    Float,
    /// Text.
    String,
}

impl DType {
    /// Every dtype, in declaration order.
    pub const ALL: [DType; 24] = [
        DType::Bool,
        DType::U8,
        DType::I8,
        DType::U16,
        DType::I16,
        DType::U32,
        DType::I32,
        DType::U64,
        DType::I64,
        DType::F16,
        DType::BF16,
        DType::F32,
        DType::F64,
        DType::F8E4M3FN,
        DType::F8E4M3FNUZ,
        DType::F8E5M2,
        DType::F8E5M2FNUZ,
        DType::F8E8M0,
        DType::F4E2M1,
        DType::I4,
        DType::U4,
        DType::I2,
        DType::U2,
        DType::String,
    ];

    /// Width of one element in bits; 0 for `String`.
    pub const fn bits(self) -> usize {
        match self {
            DType::I2 | DType::U2 => 2,
            DType::I4 | DType::U4 | DType::F4E2M1 => 4,
            DType::Bool
            | DType::U8
            | DType::I8
            | DType::F8E4M3FN
            | DType::F8E4M3FNUZ
            | DType::F8E5M2
            | DType::F8E5M2FNUZ
            | DType::F8E8M0 => 8,
            DType::U16 | DType::I16 | DType::F16 | DType::BF16 => 16,
            DType::U32 | DType::I32 | DType::F32 => 32,
            DType::U64 | DType::I64 | DType::F64 => 64,
            DType::String => 0,
        }
    }

    /// Bytes that `n_elements` packed elements take (the last byte padded), or `None` on overflow.
    pub fn byte_len(self, n_elements: usize) -> Option<usize> {
        Some(n_elements.checked_mul(self.bits())?.div_ceil(8))
    }

    /// Whether several elements share one byte.
    pub const fn is_packed(self) -> bool {
        self.bits() < 8 && self.bits() > 0
    }

    /// What kind of values it holds.
    pub const fn kind(self) -> DTypeKind {
        match self {
            DType::Bool => DTypeKind::Bool,
            DType::U8 | DType::U16 | DType::U32 | DType::U64 | DType::U4 | DType::U2 => {
                DTypeKind::Unsigned
            }
            DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::I4 | DType::I2 => {
                DTypeKind::Signed
            }
            DType::F16
            | DType::BF16
            | DType::F32
            | DType::F64
            | DType::F8E4M3FN
            | DType::F8E4M3FNUZ
            | DType::F8E5M2
            | DType::F8E5M2FNUZ
            | DType::F8E8M0
            | DType::F4E2M1 => DTypeKind::Float,
            DType::String => DTypeKind::String,
        }
    }

    /// Whether it holds floating-point values.
    pub const fn is_float(self) -> bool {
        matches!(self.kind(), DTypeKind::Float)
    }

    /// Whether it holds integers, signed or not.
    pub const fn is_int(self) -> bool {
        matches!(self.kind(), DTypeKind::Signed | DTypeKind::Unsigned)
    }

    /// Whether it is only stored and converted, never computed in.
    pub const fn is_storage_only(self) -> bool {
        self.bits() < 8 || (self.is_float() && self.bits() == 8)
    }

    /// Its name in the text form, `f32` or `f8e4m3fn`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::U8 => "u8",
            DType::I8 => "i8",
            DType::U16 => "u16",
            DType::I16 => "i16",
            DType::U32 => "u32",
            DType::I32 => "i32",
            DType::U64 => "u64",
            DType::I64 => "i64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::F8E4M3FN => "f8e4m3fn",
            DType::F8E4M3FNUZ => "f8e4m3fnuz",
            DType::F8E5M2 => "f8e5m2",
            DType::F8E5M2FNUZ => "f8e5m2fnuz",
            DType::F8E8M0 => "f8e8m0",
            DType::F4E2M1 => "f4e2m1",
            DType::I4 => "i4",
            DType::U4 => "u4",
            DType::I2 => "i2",
            DType::U2 => "u2",
            DType::String => "string",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A dtype name that is not one of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("dtype `{0}` is unknown")]
pub struct UnknownDType(pub String);

impl FromStr for DType {
    type Err = UnknownDType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DType::ALL
            .into_iter()
            .find(|dtype| dtype.name() == text)
            .ok_or_else(|| UnknownDType(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for dtype in DType::ALL {
            assert_eq!(dtype.name().parse(), Ok(dtype));
        }
        assert!("f33".parse::<DType>().is_err());
    }

    #[test]
    fn packed_lengths_round_up() {
        assert_eq!(DType::I4.byte_len(3), Some(2));
        assert_eq!(DType::U2.byte_len(5), Some(2));
        assert_eq!(DType::F64.byte_len(usize::MAX), None);
    }
}
