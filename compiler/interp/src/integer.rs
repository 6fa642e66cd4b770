//! Arithmetic of integers, wrapping and total, as the docs of the pointwise operators state.

use crate::number::Number;

pub(crate) trait Integer: Number {
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    fn sign(self) -> Self;
    fn relu(self) -> Self;
    fn not(self) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Truncates; 0 where the divisor is 0.
    fn quotient(self, other: Self) -> Self;
    /// The sign of the divisor; 0 where the divisor is 0.
    fn modulo(self, other: Self) -> Self;
    /// The sign of the dividend; 0 where the divisor is 0.
    fn remainder(self, other: Self) -> Self;
    /// Negative exponents truncate: all but powers of ±1 give 0.
    fn power(self, exponent: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// 0 for shifts of the width or more, and for negative ones.
    fn shift_left(self, other: Self) -> Self;
    /// As `shift_left`.
    fn shift_right(self, other: Self) -> Self;
}

macro_rules! integer {
    ($($ty:ty: $neg:expr, $abs:expr, $sign:expr;)*) => {$(
        impl Integer for $ty {
            fn neg(self) -> Self { let f: fn($ty) -> $ty = $neg; f(self) }
            fn abs(self) -> Self { let f: fn($ty) -> $ty = $abs; f(self) }
            fn sign(self) -> Self { let f: fn($ty) -> $ty = $sign; f(self) }
            fn relu(self) -> Self { if self > 0 { self } else { 0 } }
            fn not(self) -> Self { !self }
            fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
            fn minus(self, other: Self) -> Self { self.wrapping_sub(other) }
            fn times(self, other: Self) -> Self { self.wrapping_mul(other) }
            fn quotient(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            fn modulo(self, other: Self) -> Self {
                let rest = self.remainder(other);
                // Of opposite signs exactly where the exclusive or is negative, never for unsigned ones.
                if rest != 0 && (rest ^ other) < 0 as $ty { rest.wrapping_add(other) } else { rest }
            }
            fn remainder(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            fn power(self, exponent: Self) -> Self {
                let is_odd = exponent & 1 == 1;
                if exponent < 0 as $ty {
                    return match self {
                        1 => 1,
                        base if base.wrapping_add(1) == 0 => if is_odd { base } else { 1 },
                        _ => 0,
                    };
                }
                let (mut result, mut base, mut left): ($ty, $ty, $ty) = (1, self, exponent);
                while left != 0 {
                    if left & 1 == 1 {
                        result = result.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    left >>= 1;
                }
                result
            }
            fn and(self, other: Self) -> Self { self & other }
            fn or(self, other: Self) -> Self { self | other }
            fn xor(self, other: Self) -> Self { self ^ other }
            fn shift_left(self, other: Self) -> Self {
                u32::try_from(other).ok().and_then(|n| self.checked_shl(n)).unwrap_or(0)
            }
            fn shift_right(self, other: Self) -> Self {
                u32::try_from(other).ok().and_then(|n| self.checked_shr(n)).unwrap_or(0)
            }
        }
    )*};
}

integer! {
    u8: u8::wrapping_neg, |x| x, |x| u8::from(x != 0);
    u16: u16::wrapping_neg, |x| x, |x| u16::from(x != 0);
    u32: u32::wrapping_neg, |x| x, |x| u32::from(x != 0);
    u64: u64::wrapping_neg, |x| x, |x| u64::from(x != 0);
    i8: i8::wrapping_neg, i8::wrapping_abs, i8::signum;
    i16: i16::wrapping_neg, i16::wrapping_abs, i16::signum;
    i32: i32::wrapping_neg, i32::wrapping_abs, i32::signum;
    i64: i64::wrapping_neg, i64::wrapping_abs, i64::signum;
}

#[cfg(test)]
mod tests {
    use super::Integer;

    #[test]
    fn division_is_total() {
        assert_eq!(Integer::quotient(-7i32, 2), -3);
        assert_eq!(Integer::quotient(5i32, 0), 0);
        assert_eq!(Integer::quotient(i64::MIN, -1), i64::MIN);
        assert_eq!(Integer::remainder(i8::MIN, -1), 0);
        assert_eq!(
            (Integer::modulo(-7i32, 3), Integer::modulo(7i32, -3)),
            (2, -2)
        );
        assert_eq!((Integer::modulo(-6i32, 3), Integer::modulo(5u8, 0)), (0, 0));
        assert_eq!(Integer::modulo(250u8, 7), 5);
    }

    #[test]
    fn powers_wrap_and_truncate() {
        assert_eq!(Integer::power(3i32, 4), 81);
        assert_eq!(Integer::power(2u8, 9), 0);
        assert_eq!((Integer::power(2i64, -1), Integer::power(1i64, -5)), (0, 1));
        assert_eq!(
            (Integer::power(-1i64, -5), Integer::power(-1i64, -4)),
            (-1, 1)
        );
        assert_eq!((Integer::power(0i64, -1), Integer::power(0i64, 0)), (0, 1));
    }

    #[test]
    fn wide_shifts_give_zero() {
        assert_eq!(
            (Integer::shift_left(1u8, 7), Integer::shift_left(1u8, 8)),
            (128, 0)
        );
        assert_eq!(
            (
                Integer::shift_right(128u8, 7),
                Integer::shift_right(128u8, 200)
            ),
            (1, 0)
        );
    }
}
