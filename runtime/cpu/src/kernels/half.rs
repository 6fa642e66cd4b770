//! Half-precision floats as `f32`, without branches, so that loops over them are vectorised.

/// The `f16` nearest to `x`, halves to even.
#[inline(always)]
pub(crate) fn round_to_f16(x: f32) -> f32 {
    let bits = x.to_bits();
    let normal = f32::from_bits(bits.wrapping_add(0xfff).wrapping_add((bits >> 13) & 1) & !0x1fff);
    let normal = if normal.abs() > 65504.0 {
        f32::INFINITY.copysign(x)
    } else {
        normal
    };
    // Below 2⁻¹⁴ all f16 are multiples of 2⁻²⁴, as f32 from one half to one are.
    let tiny = ((x.abs() + 0.5) - 0.5).copysign(x);
    let rounded = if x.abs() < 6.103_515_6e-5 {
        tiny
    } else {
        normal
    };
    if x.is_nan() { x } else { rounded }
}

/// The `bf16` nearest to `x`, halves to even.
#[inline(always)]
pub(crate) fn round_to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff).wrapping_add((bits >> 16) & 1) & 0xffff_0000;
    if x.is_nan() {
        x
    } else {
        f32::from_bits(rounded)
    }
}

/// An `f16` by its bits.
#[inline(always)]
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    // 2¹¹² moves the exponent's bias, for subnormal numbers too.
    let finite = (f32::from_bits(magnitude) * f32::from_bits(0x7780_0000)).to_bits();
    let is_special = magnitude >= 0x7c00 << 13;
    let value = if is_special {
        magnitude | 0x7f80_0000
    } else {
        finite
    };
    f32::from_bits(value | sign)
}

/// The bits of a float that [`round_to_f16`] gave.
#[inline(always)]
pub(crate) fn f32_to_f16(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    let normal = magnitude.wrapping_sub(112 << 23) >> 13;
    let tiny = (x.abs() + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
    let value = if magnitude < 113 << 23 { tiny } else { normal };
    let value = if magnitude >= 0x7f80_0000 {
        0x7c00
    } else {
        value
    };
    let value = if magnitude > 0x7f80_0000 {
        0x7e00
    } else {
        value
    };
    (value | sign) as u16
}

/// A `bf16` by its bits.
#[inline(always)]
pub(crate) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The bits of a float that [`round_to_bf16`] gave.
#[inline(always)]
pub(crate) fn f32_to_bf16(x: f32) -> u16 {
    let quiet = if x.is_nan() { 0x40 } else { 0 };
    (x.to_bits() >> 16) as u16 | quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_float_comes_back() {
        for bits in 0..=u16::MAX {
            let (wide, brain) = (f16_to_f32(bits), bf16_to_f32(bits));
            assert_eq!(wide.is_nan(), half::f16::from_bits(bits).is_nan());
            if !wide.is_nan() {
                assert_eq!(
                    wide.to_bits(),
                    half::f16::from_bits(bits).to_f32().to_bits()
                );
                assert_eq!(f32_to_f16(round_to_f16(wide)), bits);
            }
            if !brain.is_nan() {
                assert_eq!(f32_to_bf16(round_to_bf16(brain)), bits);
            }
        }
        assert!(f16_to_f32(f32_to_f16(f32::NAN)).is_nan());
        assert!(bf16_to_f32(f32_to_bf16(f32::NAN)).is_nan());
    }

    #[test]
    fn rounding_is_to_nearest_even() {
        for step in 0..1 << 20 {
            let x = f32::from_bits((step as u32).wrapping_mul(4099));
            if x.is_nan() {
                continue;
            }
            let wide = half::f16::from_f32(x).to_f32();
            assert_eq!(round_to_f16(x).to_bits(), wide.to_bits(), "{x:e}");
            let brain = half::bf16::from_f32(x).to_f32();
            assert_eq!(round_to_bf16(x).to_bits(), brain.to_bits(), "{x:e}");
        }
    }
}
