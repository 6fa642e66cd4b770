//! Sums and extrema of rows of `f32` in many lanes, so that they are vectorised and lose little to rounding.

use crate::isa::{Target, fma};

/// Sums that run side by side.
pub(crate) const LANES: usize = 64;

/// Elements whose lanes are added up before the next: what a lane sums stays short.
const CHUNK: usize = 64 * LANES;

/// The sum of `f` over a row: lanes in `f32` over chunks, chunks in `f64`.
#[inline(always)]
pub(crate) fn sum_of(row: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    for chunk in row.chunks(CHUNK) {
        let mut sums = [0f32; LANES];
        let (whole, rest) = chunk.as_chunks::<LANES>();
        for values in whole {
            for lane in 0..LANES {
                sums[lane] += f(values[lane]);
            }
        }
        for (sum, &value) in sums.iter_mut().zip(rest) {
            *sum += f(value);
        }
        total += f64::from(fold(sums, |a, b| a + b));
    }
    total
}

/// The sums of the distances from a centre and of their squares, as [`sum_of`].
#[inline(always)]
pub(crate) fn distances_from<P: Target>(row: &[f32], centre: f32) -> (f64, f64) {
    let mut total = (0.0, 0.0);
    for chunk in row.chunks(CHUNK) {
        let (mut sums, mut squares) = ([0f32; LANES], [0f32; LANES]);
        let (whole, rest) = chunk.as_chunks::<LANES>();
        for values in whole {
            for lane in 0..LANES {
                let distance = values[lane] - centre;
                sums[lane] += distance;
                squares[lane] = fma::<P>(distance, distance, squares[lane]);
            }
        }
        for ((sum, square), &value) in sums.iter_mut().zip(&mut squares).zip(rest) {
            let distance = value - centre;
            *sum += distance;
            *square = fma::<P>(distance, distance, *square);
        }
        total.0 += f64::from(fold(sums, |a, b| a + b));
        total.1 += f64::from(fold(squares, |a, b| a + b));
    }
    total
}

/// The extremum by `better`, which is associative and commutative on all that it takes.
#[inline(always)]
pub(crate) fn best_of(row: &[f32], start: f32, better: impl Fn(f32, f32) -> f32) -> f32 {
    let mut best = [start; LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    for values in whole {
        for lane in 0..LANES {
            best[lane] = better(best[lane], values[lane]);
        }
    }
    for (best, &value) in best.iter_mut().zip(rest) {
        *best = better(*best, value);
    }
    fold(best, better)
}

/// All lanes as one, pair by pair.
#[inline(always)]
fn fold(mut lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = f(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// The larger; a NaN on the right gives way.
#[inline(always)]
pub(crate) fn larger_number(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The larger, or NaN.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// The smaller, or NaN.
#[inline(always)]
pub(crate) fn smaller(a: f32, b: f32) -> f32 {
    if b < a || b.is_nan() { b } else { a }
}
