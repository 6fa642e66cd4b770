//! Functions of `f32` without branches, so that loops over them are vectorised.
//!
//! Distances from the exact result, in units of the last place (ulp): `exp`, `ln` 1.5; `exp_m1`, `sigmoid` 3; `tanh`, `ln_1p` of
//! `0 .. 1` 4; `erf` 2. NaN gives NaN; infinities give the limits. Results below the normal range may lose a further ulp of
//! the smallest normal number.

use crate::isa::{Target, fma};

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts; multiples of the first by small integers are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: a small float added to it is rounded to an integer, which stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// The larger, NaN where `x` is NaN.
#[inline(always)]
fn at_least(x: f32, limit: f32) -> f32 {
    if x < limit { limit } else { x }
}

/// The smaller, NaN where `x` is NaN.
#[inline(always)]
fn at_most(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}

/// `2ⁿ` for n in -126 ..= 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `x = n · ln 2 + r` with |r| ≤ ln 2 / 2: n and `eʳ - 1` by its series.
#[inline(always)]
fn reduced_exp<P: Target>(x: f32) -> (i32, f32) {
    let shifted = fma::<P>(x, LOG2_E, ROUNDER);
    let whole = shifted - ROUNDER;
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let r = fma::<P>(whole, -LN_2_HIGH, x);
    let r = fma::<P>(whole, -LN_2_LOW, r);
    let mut series = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5] {
        series = fma::<P>(series, r, coefficient);
    }
    (n, fma::<P>(r * r, series, r))
}

/// `eˣ`.
#[inline(always)]
pub(crate) fn exp<P: Target>(x: f32) -> f32 {
    let (n, part) = reduced_exp::<P>(at_most(at_least(x, -104.0), 89.0));
    // Two factors: 2ⁿ alone may lie outside of the normal numbers.
    let half = n >> 1;
    (part + 1.0) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `eˣ - 1`.
#[inline(always)]
pub(crate) fn exp_m1<P: Target>(x: f32) -> f32 {
    let (n, part) = reduced_exp::<P>(at_most(at_least(x, -40.0), 88.0));
    let scale = power_of_two(n);
    let value = fma::<P>(part, scale, scale - 1.0);
    if x > 88.0 { exp::<P>(x) } else { value }
}

/// `ln(1 + f) = f - f²/2 + s (f²/2 + R(s²))` with `s = f / (2 + f)`, R from the series of the inverse hyperbolic tangent.
#[inline(always)]
fn ln_of_one_and<P: Target>(f: f32) -> f32 {
    let s = f / (2.0 + f);
    let z = s * s;
    let mut series = 2.0 / 11.0;
    for coefficient in [2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0] {
        series = fma::<P>(series, z, coefficient);
    }
    let half_square = 0.5 * f * f;
    f - (half_square - s * fma::<P>(series, z, half_square))
}

/// Natural logarithm.
#[inline(always)]
pub(crate) fn ln<P: Target>(x: f32) -> f32 {
    const ROOT_HALF: u32 = 0x3f35_04f3;
    let is_tiny = x < f32::MIN_POSITIVE;
    let scaled = if is_tiny { x * 33_554_432.0 } else { x };
    let bits = scaled.to_bits().wrapping_sub(ROOT_HALF);
    let n = (bits as i32 >> 23) as f32 - if is_tiny { 25.0 } else { 0.0 };
    let mantissa = f32::from_bits((bits & 0x007f_ffff).wrapping_add(ROOT_HALF));
    let part = ln_of_one_and::<P>(mantissa - 1.0);
    let value = fma::<P>(n, LN_2_HIGH, fma::<P>(n, LN_2_LOW, part));
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    let value = if x < 0.0 { f32::NAN } else { value };
    if x < f32::INFINITY { value } else { x }
}

/// `ln(1 + x)` for x in 0 ..= 1.
#[inline(always)]
fn ln_1p_of_fraction<P: Target>(x: f32) -> f32 {
    // Above √2 - 1 the sum loses at most half an ulp of a number larger than x.
    if x < 0.414 {
        ln_of_one_and::<P>(x)
    } else {
        std::f32::consts::LN_2 + ln_of_one_and::<P>(0.5 * (x - 1.0))
    }
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid<P: Target>(x: f32) -> f32 {
    let e = exp::<P>(-x.abs());
    let top = if x < 0.0 { e } else { 1.0 };
    top / (1.0 + e)
}

/// Hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh<P: Target>(x: f32) -> f32 {
    let e = exp_m1::<P>(at_most(2.0 * x.abs(), 40.0));
    (e / (e + 2.0)).copysign(x)
}

/// `ln(1 + eˣ)`.
#[inline(always)]
pub(crate) fn softplus<P: Target>(x: f32) -> f32 {
    at_least(x, 0.0) + ln_1p_of_fraction::<P>(exp::<P>(-x.abs()))
}

/// Error function: below 1 an even polynomial times x, above one minus the exponential of a polynomial; both are minimax fits
/// to relative errors of 1.2e-9.
#[inline(always)]
pub(crate) fn erf<P: Target>(x: f32) -> f32 {
    let magnitude = x.abs();
    let square = x * x;
    let mut near = 7.853_861e-5;
    for coefficient in [
        -8.010_193_5e-4,
        5.188_327_7e-3,
        -2.685_381_2e-2,
        1.128_358_5e-1,
        -3.761_262_6e-1,
        std::f32::consts::FRAC_2_SQRT_PI,
    ] {
        near = fma::<P>(near, square, coefficient);
    }
    let clipped = at_most(magnitude, 4.0);
    let mut far = -1.888_225_6e-4;
    for coefficient in [
        2.972_432e-3,
        -2.194_039_2e-2,
        1.033_272_7e-1,
        6.378_832e-1,
        1.127_251_4,
        3.004_403_7e-4,
    ] {
        far = fma::<P>(far, clipped, coefficient);
    }
    let far = (1.0 - exp::<P>(-far)).copysign(x);
    if magnitude < 1.0 { near * x } else { far }
}

/// `x · Φ(x)` by the error function, to 3 ulp of x.
#[inline(always)]
pub(crate) fn gelu<P: Target>(x: f32) -> f32 {
    0.5 * x * (1.0 + erf::<P>(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// `x · Φ(x)` by the hyperbolic tangent, to 4 ulp of x.
#[inline(always)]
pub(crate) fn gelu_tanh<P: Target>(x: f32) -> f32 {
    const ROOT_2_OVER_PI: f32 = 0.797_884_6;
    let inner = ROOT_2_OVER_PI * fma::<P>(0.044715 * x * x, x, x);
    0.5 * x * (1.0 + tanh::<P>(inner))
}

/// `x · tanh(softplus(x))`, the tangent as `e (e + 2) / (e (e + 2) + 2)` with `e = eˣ`.
#[inline(always)]
pub(crate) fn mish<P: Target>(x: f32) -> f32 {
    let e = exp::<P>(at_most(x, 20.0));
    let top = e * (e + 2.0);
    x * (top / (top + 2.0))
}
