//! Conversions of the storage floats below 16 bits, and elements that share a byte.
//!
//! Decoding is exact. Encoding rounds once, to nearest with ties to even, whatever the source is, and treats NaN,
//! infinities and overflow as ONNX Cast (version 24) states. 16-bit floats are the business of the `half` crate.

use crate::DType;

/// A format with a sign, exponent and mantissa below 16 bits.
struct Format {
    mantissa_bits: u32,
    bias: i32,
    /// Code of the largest finite value; codes of magnitudes rise with their values.
    largest: u8,
    /// Code of NaN, without the sign where `has_one_zero` is false.
    nan: u8,
    /// Code of a magnitude beyond the largest where saturation is off.
    overflow: u8,
    sign: u8,
    /// Whether zero has one sign only, the code of the other being NaN.
    has_one_zero: bool,
}

const E4M3FN: Format = Format {
    mantissa_bits: 3,
    bias: 7,
    largest: 0x7e,
    nan: 0x7f,
    overflow: 0x7f,
    sign: 0x80,
    has_one_zero: false,
};

const E4M3FNUZ: Format = Format {
    mantissa_bits: 3,
    bias: 8,
    largest: 0x7f,
    nan: 0x80,
    overflow: 0x80,
    sign: 0x80,
    has_one_zero: true,
};

const E5M2: Format = Format {
    mantissa_bits: 2,
    bias: 15,
    largest: 0x7b,
    nan: 0x7f,
    overflow: 0x7c,
    sign: 0x80,
    has_one_zero: false,
};

const E5M2FNUZ: Format = Format {
    mantissa_bits: 2,
    bias: 16,
    ..E4M3FNUZ
};

/// Neither NaN nor infinity: NaN becomes negative zero, as in the ONNX suite, and every overflow the largest value.
const E2M1: Format = Format {
    mantissa_bits: 1,
    bias: 1,
    largest: 0x7,
    nan: 0x8,
    overflow: 0x7,
    sign: 0x8,
    has_one_zero: false,
};

const E8M0_LARGEST: u8 = 0xfe;
const E8M0_NAN: u8 = 0xff;

fn format_of(dtype: DType) -> Option<&'static Format> {
    match dtype {
        DType::F8E4M3FN => Some(&E4M3FN),
        DType::F8E4M3FNUZ => Some(&E4M3FNUZ),
        DType::F8E5M2 => Some(&E5M2),
        DType::F8E5M2FNUZ => Some(&E5M2FNUZ),
        DType::F4E2M1 => Some(&E2M1),
        _ => None,
    }
}

/// How a value between two powers of two becomes [`DType::F8E8M0`], ONNX Cast's `round_mode`.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize,
)]
pub enum PowerRounding {
    /// The larger power; the default of ONNX.
    #[default]
    Up,
    /// The smaller power.
    Down,
    /// The power whose value is nearer; the larger one where both are equally near.
    Nearest,
}

/// The value of a code, exactly.
///
/// `dtype` is one of the 8-bit floats or [`DType::F4E2M1`], whose code is in the low four bits; any other gives NaN.
pub fn f8_to_f32(dtype: DType, code: u8) -> f32 {
    if dtype == DType::F8E8M0 {
        return e8m0_to_f32(code);
    }
    let Some(format) = format_of(dtype) else {
        debug_assert!(false, "{dtype} is no float below 16 bits");
        return f32::NAN;
    };
    let is_negative = code & format.sign != 0;
    let magnitude = code & (format.sign - 1);
    if format.has_one_zero {
        if code == format.nan {
            return f32::NAN;
        }
    } else if magnitude > format.largest {
        let special = if magnitude == format.overflow && format.overflow != format.nan {
            f32::INFINITY
        } else {
            f32::NAN
        };
        return special.copysign(if is_negative { -1.0 } else { 1.0 });
    }
    let exponent = i32::from(magnitude >> format.mantissa_bits);
    let mantissa = u32::from(magnitude & ((1 << format.mantissa_bits) - 1));
    // Exponent 0 has the scale of exponent 1 and no implicit bit. The scale is a normal f32 in every format.
    let implicit = u32::from(exponent != 0) << format.mantissa_bits;
    let scale = exponent.max(1) - format.bias - format.mantissa_bits as i32;
    let value = (mantissa + implicit) as f32 * power_of_two(scale);
    if is_negative { -value } else { value }
}

/// `2^exponent` for exponents of normal `f32`.
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

fn e8m0_to_f32(code: u8) -> f32 {
    match code {
        E8M0_NAN => f32::NAN,
        // 2^-127 is subnormal.
        0 => f32::from_bits(1 << 22),
        code => f32::from_bits(u32::from(code) << 23),
    }
}

/// The code of a value, rounded to nearest with ties to even ([`DType::F8E8M0`]: up, see [`f64_to_e8m0`]).
///
/// Beyond the largest value, infinities included: with `saturate` the largest of that sign, else infinity in
/// [`DType::F8E5M2`] and NaN in the others; [`DType::F4E2M1`] always saturates. What decides is the rounded value.
/// `dtype` is one of the 8-bit floats or [`DType::F4E2M1`], whose code is in the low four bits; any other gives 0.
pub fn f32_to_f8(dtype: DType, value: f32, saturate: bool) -> u8 {
    f64_to_f8(dtype, f64::from(value), saturate)
}

/// [`f32_to_f8`] from a wider value, rounded once.
pub fn f64_to_f8(dtype: DType, value: f64, saturate: bool) -> u8 {
    if dtype == DType::F8E8M0 {
        return f64_to_e8m0(value, saturate, PowerRounding::Up);
    }
    let Some(format) = format_of(dtype) else {
        debug_assert!(false, "{dtype} is no float below 16 bits");
        return 0;
    };
    let sign = if value.is_sign_negative() {
        format.sign
    } else {
        0
    };
    if value.is_nan() {
        return match dtype {
            DType::F8E4M3FN | DType::F8E5M2 => format.nan | sign,
            _ => format.nan,
        };
    }
    let magnitude = if value.is_infinite() {
        None
    } else {
        round_magnitude(format, value.abs())
    };
    let code = match magnitude {
        Some(code) => code,
        None if saturate => format.largest,
        None => format.overflow,
    };
    if code == 0 && format.has_one_zero {
        0
    } else {
        code | sign
    }
}

/// The code of a finite magnitude; `None` beyond the largest.
fn round_magnitude(format: &Format, magnitude: f64) -> Option<u8> {
    let (significand, exponent) = split(magnitude);
    let least = 1 - format.bias;
    let scale = exponent.max(least);
    // The significand counts units of 2^(exponent - 52), the code units of 2^(scale - mantissa_bits).
    let shift = 52 - i64::from(format.mantissa_bits) + i64::from(scale) - i64::from(exponent);
    let units = shift_to_even(significand, shift);
    // A carry into the next exponent is the right code by itself, since codes are consecutive.
    let code = units + ((i64::from(scale - least) as u64) << format.mantissa_bits);
    u8::try_from(code)
        .ok()
        .filter(|&code| code <= format.largest)
}

/// `magnitude = significand · 2^(exponent - 52)`; the top bit of the significand is bit 52 unless it is subnormal.
fn split(magnitude: f64) -> (u64, i32) {
    let bits = magnitude.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52) as i32 & 0x7ff {
        0 => (fraction, -1022),
        biased => (fraction | 1 << 52, biased - 1023),
    }
}

/// `value / 2^shift` for a positive shift, rounded to nearest with ties to even.
fn shift_to_even(value: u64, shift: i64) -> u64 {
    if shift > 62 {
        return 0; // The value has at most 53 bits, so this is less than half a unit.
    }
    let kept = value >> shift;
    let rest = value & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    kept + u64::from(rest > half || (rest == half && kept & 1 == 1))
}

/// The power of two for a value, as ONNX Cast defines for [`DType::F8E8M0`].
///
/// Saturating, zero and everything below 2⁻¹²⁷ become 2⁻¹²⁷, and everything beyond 2¹²⁷ becomes 2¹²⁷. Otherwise those
/// become NaN. The sign, which the operator leaves unspecified, is dropped. NaN stays NaN.
pub fn f64_to_e8m0(value: f64, saturate: bool, rounding: PowerRounding) -> u8 {
    if value.is_nan() {
        return E8M0_NAN;
    }
    let magnitude = value.abs();
    let (smallest, largest) = (2f64.powi(-127), 2f64.powi(127));
    if !saturate && !(smallest..=largest).contains(&magnitude) {
        return E8M0_NAN;
    }
    let (significand, exponent) = split(magnitude.clamp(smallest, largest));
    let fraction = significand & ((1 << 52) - 1);
    let is_up = match rounding {
        PowerRounding::Up => fraction != 0,
        PowerRounding::Down => false,
        PowerRounding::Nearest => fraction >= 1 << 51,
    };
    // The clamp leaves 0 to 254, and 254 has no fraction to round up.
    (exponent + 127 + i32::from(is_up)).clamp(0, i32::from(E8M0_LARGEST)) as u8
}

/// Element `idx` of packed elements of `bits` (1, 2 or 4) each, the first in the low bits.
///
/// Panics where `bytes` has no such element, as indexing does.
pub fn get_packed(bytes: &[u8], bits: usize, idx: usize) -> u8 {
    let per_byte = 8 / bits;
    (bytes[idx / per_byte] >> (idx % per_byte * bits)) & mask(bits)
}

/// Stores the low `bits` (1, 2 or 4) of `value` as element `idx`, the first in the low bits; the rest of the byte stays.
///
/// Panics where `bytes` has no such element, as indexing does.
pub fn set_packed(bytes: &mut [u8], bits: usize, idx: usize, value: u8) {
    let per_byte = 8 / bits;
    let shift = idx % per_byte * bits;
    let byte = &mut bytes[idx / per_byte];
    *byte = (*byte & !(mask(bits) << shift)) | ((value & mask(bits)) << shift);
}

/// The low `bits` (1 to 8) of `value` as a two's complement integer.
pub const fn sign_extend(value: u8, bits: usize) -> i8 {
    let unused = 8 - bits as u32;
    ((value << unused) as i8) >> unused
}

const fn mask(bits: usize) -> u8 {
    ((1u16 << bits) - 1) as u8
}

#[cfg(test)]
mod tests;
