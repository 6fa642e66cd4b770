//! Operations on vectors of `f64` and integers, chunk by chunk; integers wrap.

use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_kernel::reference::float_unary;

/// Elements of a chunk: one that repeats is spread over as many.
const CHUNK: usize = 64;

/// Calls `each` with chunks of both operands, an operand of one element repeated.
#[inline(always)]
fn chunks<T: Copy, U>(a: &[T], b: &[T], y: &mut [U], each: impl Fn(&[T], &[T], &mut [U])) {
    let (a_spread, b_spread) = match (a.first(), b.first()) {
        (Some(&a), Some(&b)) => ([a; CHUNK], [b; CHUNK]),
        _ => return,
    };
    let n = y.len();
    let part = |x: &'_ [T], at: usize, len: usize| -> Option<std::ops::Range<usize>> {
        (x.len() == n).then_some(at..at + len)
    };
    for (index, y) in y.chunks_mut(CHUNK).enumerate() {
        let (at, len) = (index * CHUNK, y.len());
        let a = part(a, at, len).map_or(&a_spread[..len], |range| &a[range]);
        let b = part(b, at, len).map_or(&b_spread[..len], |range| &b[range]);
        each(a, b, y);
    }
}

#[inline(always)]
fn pairs<T: Copy, U>(a: &[T], b: &[T], y: &mut [U], f: impl Fn(T, T) -> U) {
    chunks(a, b, y, |a, b, y| {
        for ((&a, &b), y) in a.iter().zip(b).zip(y) {
            *y = f(a, b);
        }
    });
}

/// `y = cond ? a : b` for elements of one width; operands of one element repeat.
pub(super) fn select<T: Copy>(cond: &[u8], a: &[T], b: &[T], y: &mut [T]) {
    if let (&[cond], true) = (cond, y.len() != 1) {
        return pairs(a, b, y, |a, b| if cond != 0 { a } else { b });
    }
    let n = y.len();
    let at = |x: &[T], index: usize| x[if x.len() == n { index } else { 0 }];
    for (index, (y, &cond)) in y.iter_mut().zip(cond).enumerate() {
        *y = if cond != 0 {
            at(a, index)
        } else {
            at(b, index)
        };
    }
}

/// Comparisons of any ordered type.
pub(super) fn compare<T: Copy + PartialOrd>(op: BinaryOp, a: &[T], b: &[T], y: &mut [u8]) {
    match op {
        BinaryOp::Equal => pairs(a, b, y, |a, b| u8::from(a == b)),
        BinaryOp::Less => pairs(a, b, y, |a, b| u8::from(a < b)),
        BinaryOp::LessEqual => pairs(a, b, y, |a, b| u8::from(a <= b)),
        BinaryOp::Greater => pairs(a, b, y, |a, b| u8::from(a > b)),
        BinaryOp::GreaterEqual => pairs(a, b, y, |a, b| u8::from(a >= b)),
        // `program` lets no other operation through.
        _ => {}
    }
}

/// A type of vectors other than `f32`.
pub(super) trait Arithmetic: Copy + PartialOrd {
    /// `y = op(x)`.
    fn unary(op: UnaryOp, x: &[Self], y: &mut [Self]);
    /// `y = a op b`; an operand of one element repeats.
    fn binary(op: BinaryOp, a: &[Self], b: &[Self], y: &mut [Self]);
}

impl Arithmetic for f64 {
    fn unary(op: UnaryOp, x: &[Self], y: &mut [Self]) {
        for (&x, y) in x.iter().zip(y) {
            *y = float_unary(op, x);
        }
    }

    fn binary(op: BinaryOp, a: &[Self], b: &[Self], y: &mut [Self]) {
        match op {
            BinaryOp::Add => pairs(a, b, y, |a, b| a + b),
            BinaryOp::Sub => pairs(a, b, y, |a, b| a - b),
            BinaryOp::Mul => pairs(a, b, y, |a, b| a * b),
            BinaryOp::Div => pairs(a, b, y, |a, b| a / b),
            BinaryOp::Min => pairs(a, b, y, |a, b| if a < b || a.is_nan() { a } else { b }),
            BinaryOp::Max => pairs(a, b, y, |a, b| if a > b || a.is_nan() { a } else { b }),
            BinaryOp::Pow => pairs(a, b, y, f64::powf),
            BinaryOp::Rem => pairs(a, b, y, |a, b| a % b),
            BinaryOp::Mod => pairs(a, b, y, |a, b| {
                let remainder = a % b;
                if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
                    remainder + b
                } else {
                    remainder
                }
            }),
            // As above.
            _ => {}
        }
    }
}

macro_rules! integers {
    ($($ty:ty: $abs:expr, $relu:expr, $sign:expr, $negative:expr);* $(;)?) => {$(
        impl Arithmetic for $ty {
            fn unary(op: UnaryOp, x: &[Self], y: &mut [Self]) {
                let each = |y: &mut [Self], f: fn($ty) -> $ty| {
                    for (&x, y) in x.iter().zip(y) {
                        *y = f(x);
                    }
                };
                match op {
                    UnaryOp::Neg => each(y, <$ty>::wrapping_neg),
                    UnaryOp::Abs => each(y, $abs),
                    UnaryOp::Relu => each(y, $relu),
                    UnaryOp::Sign => each(y, $sign),
                    UnaryOp::BitNot => each(y, |x| !x),
                    UnaryOp::Not => each(y, |x| <$ty>::from(x == 0)),
                    // As above.
                    _ => {}
                }
            }

            fn binary(op: BinaryOp, a: &[Self], b: &[Self], y: &mut [Self]) {
                let truth = |holds: bool| <$ty>::from(holds);
                let is_negative: fn($ty) -> bool = $negative;
                match op {
                    BinaryOp::Add => pairs(a, b, y, <$ty>::wrapping_add),
                    BinaryOp::Sub => pairs(a, b, y, <$ty>::wrapping_sub),
                    BinaryOp::Mul => pairs(a, b, y, <$ty>::wrapping_mul),
                    BinaryOp::Div => {
                        pairs(a, b, y, |a, b| if b == 0 { 0 } else { a.wrapping_div(b) });
                    }
                    BinaryOp::Rem => {
                        pairs(a, b, y, |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) });
                    }
                    BinaryOp::Mod => pairs(a, b, y, |a, b| {
                        let remainder = if b == 0 { 0 } else { a.wrapping_rem(b) };
                        if remainder != 0 && is_negative(remainder) != is_negative(b) {
                            remainder.wrapping_add(b)
                        } else {
                            remainder
                        }
                    }),
                    BinaryOp::Pow => pairs(a, b, y, |base, exponent| {
                        if is_negative(exponent) {
                            return match base {
                                1 => 1,
                                // -1: its own inverse.
                                base if base.wrapping_add(1) == 0 && exponent % 2 != 0 => base,
                                base if base.wrapping_add(1) == 0 => 1,
                                _ => 0,
                            };
                        }
                        let (mut result, mut square, mut left): ($ty, $ty, $ty) = (1, base, exponent);
                        while left > 0 {
                            if left & 1 == 1 {
                                result = result.wrapping_mul(square);
                            }
                            square = square.wrapping_mul(square);
                            left >>= 1;
                        }
                        result
                    }),
                    BinaryOp::Min => pairs(a, b, y, |a, b| a.min(b)),
                    BinaryOp::Max => pairs(a, b, y, |a, b| a.max(b)),
                    BinaryOp::BitAnd => pairs(a, b, y, |a, b| a & b),
                    BinaryOp::BitOr => pairs(a, b, y, |a, b| a | b),
                    BinaryOp::BitXor => pairs(a, b, y, |a, b| a ^ b),
                    BinaryOp::And => pairs(a, b, y, |a, b| truth(a != 0 && b != 0)),
                    BinaryOp::Or => pairs(a, b, y, |a, b| truth(a != 0 || b != 0)),
                    BinaryOp::Xor => pairs(a, b, y, |a, b| truth((a != 0) != (b != 0))),
                    BinaryOp::ShiftLeft => pairs(a, b, y, |a, b| {
                        u32::try_from(b).ok().and_then(|b| a.checked_shl(b)).unwrap_or(0)
                    }),
                    BinaryOp::ShiftRight => pairs(a, b, y, |a, b| {
                        u32::try_from(b).ok().and_then(|b| a.checked_shr(b)).unwrap_or(0)
                    }),
                    // As above.
                    _ => {}
                }
            }
        }
    )*};
}

integers! {
    u8: |x| x, |x| x, |x| u8::from(x != 0), |_| false;
    u16: |x| x, |x| x, |x| u16::from(x != 0), |_| false;
    u32: |x| x, |x| x, |x| u32::from(x != 0), |_| false;
    u64: |x| x, |x| x, |x| u64::from(x != 0), |_| false;
    i8: i8::wrapping_abs, |x| x.max(0), i8::signum, |x| x < 0;
    i16: i16::wrapping_abs, |x| x.max(0), i16::signum, |x| x < 0;
    i32: i32::wrapping_abs, |x| x.max(0), i32::signum, |x| x < 0;
    i64: i64::wrapping_abs, |x| x.max(0), i64::signum, |x| x < 0;
}
