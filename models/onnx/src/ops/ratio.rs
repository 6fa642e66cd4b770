//! Sizes multiplied by constant f32 factors, as integer arithmetic.

use graphc_base::{Dim, DimCx};

/// Largest denominator of a factor that counts as a fraction.
const MOST_PARTS: i64 = 4096;
/// Sizes up to this are tried, one by one, before a fraction stands for a factor.
const TRIED: i64 = 1 << 16;
/// Factors beyond this are left to the run.
const LARGEST: f32 = (1u32 << 20) as f32;

/// `⌊size · scale⌋` as f32 arithmetic gives it; `None` where a symbolic size leaves no integer expression for it.
pub(super) fn scaled(dims: &DimCx, size: &Dim, scale: f32) -> Option<Dim> {
    if scale == 1.0 {
        return Some(size.clone());
    }
    if let Some(size) = size.as_const() {
        return Some(Dim::constant(narrow(size, scale)));
    }
    let most = dims.bounds(size).hi.clamp(0, TRIED);
    let (parts, whole) = fraction(scale, most)?;
    let multiple = dims.mul(size, &Dim::constant(parts));
    Some(dims.floor_div(&multiple, &Dim::constant(whole)))
}

fn narrow(size: i64, scale: f32) -> i64 {
    (size as f32 * scale).floor() as i64
}

/// The simplest fraction that is the factor in f32 and gives its results for all sizes up to `most`.
fn fraction(scale: f32, most: i64) -> Option<(i64, i64)> {
    if !(scale > 0.0 && scale < LARGEST) {
        return None;
    }
    // Convergents of the continued fraction, best approximations of growing denominator.
    let (mut before, mut last) = ((0i64, 1i64), (1i64, 0i64));
    let mut rest = f64::from(scale);
    loop {
        let digit = rest.floor();
        let next = (
            (digit as i64).checked_mul(last.0)?.checked_add(before.0)?,
            (digit as i64).checked_mul(last.1)?.checked_add(before.1)?,
        );
        if next.1 > MOST_PARTS {
            return None;
        }
        let (parts, whole) = next;
        if (parts as f64 / whole as f64) as f32 == scale {
            let fits = |size: i64| narrow(size, scale) == size * parts / whole;
            return (0..=most).all(fits).then_some(next);
        }
        (before, last) = (last, next);
        let remainder = rest - digit;
        if remainder <= 0.0 {
            return None;
        }
        rest = 1.0 / remainder;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphc_base::Interval;

    #[test]
    fn decimal_factors_are_the_fractions_that_they_mean() {
        assert_eq!(fraction(0.6, 1000), Some((3, 5)));
        assert_eq!(fraction(2.0, 1000), Some((2, 1)));
        assert_eq!(fraction(1.0 / 3.0, 1000), Some((1, 3)));
        assert_eq!(fraction(0.015625, 1000), Some((1, 64)));
    }

    #[test]
    fn factors_that_are_no_simple_fraction_are_left_to_the_run() {
        assert_eq!(fraction(std::f32::consts::PI, 1000), None);
        assert_eq!(fraction(f32::NAN, 1000), None);
        assert_eq!(fraction(1e30, 1000), None);
    }

    #[test]
    fn symbolic_sizes_scale_to_symbolic_sizes() {
        let mut dims = DimCx::default();
        let n = Dim::symbol(dims.new_symbol("n", Interval::SIZE));
        let show = |scale| scaled(&dims, &n, scale).map(|dim| dims.display(&dim).to_string());
        assert_eq!(show(2.0).as_deref(), Some("2*n"));
        assert_eq!(show(1.0).as_deref(), Some("n"));
        assert_eq!(show(std::f32::consts::E), None);
    }

    #[test]
    fn constant_sizes_follow_f32() {
        let dims = DimCx::default();
        let size = |size, scale| scaled(&dims, &Dim::constant(size), scale);
        assert_eq!(size(10, 0.7), Some(Dim::constant(7)));
        assert_eq!(size(4, 0.6), Some(Dim::constant(2)));
    }
}
