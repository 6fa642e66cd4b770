//! Register tiles: a few rows by at most [`PANEL`] columns of a product, by intrinsics.
//!
//! Rows of `a` come packed (side by side in a step), columns of `b` as panels of [`PANEL`] a step or, for the widest tiles of few
//! rows, from a row-major matrix. Each element is one sum in the order of the steps, on every instruction set.

use super::Start;
use crate::isa::{Isa, Level};

/// Columns of a packed panel, whatever the instruction set.
pub(crate) const PANEL: usize = 32;

/// Columns of a tile that reads `b` where it lies.
pub(crate) const WIDE: usize = 128;

/// Most rows of a tile that reads `b` where it lies.
pub(crate) const WIDE_ROWS: usize = 3;

/// Most rows of a tile.
pub(crate) fn max_rows(isa: Isa) -> usize {
    match isa.level() {
        Level::Avx512 => 14,
        Level::Avx2 => 6,
        Level::Portable => 4,
    }
}

/// A tile to compute: `rows × columns` sums over `depth` steps.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) depth: usize,
    /// A value per row for each step.
    pub(crate) a: *const f32,
    /// Distance between the steps of `a`.
    pub(crate) a_step: usize,
    pub(crate) rows: usize,
    pub(crate) b: *const f32,
    /// Distance between the steps of `b`.
    pub(crate) b_step: usize,
    pub(crate) out: *mut f32,
    /// Distance between the rows of `out`.
    pub(crate) out_row: usize,
    pub(crate) columns: usize,
    pub(crate) start: Start,
}

/// Computes a tile.
///
/// # Safety
///
/// Each of `depth` steps of `a` has `rows` elements; each of `depth` steps of `b` has [`PANEL`] elements ([`WIDE`] where `columns` is `WIDE`,
/// and then `rows` ≤ [`WIDE_ROWS`]); `out` can be written at all its rows and columns and no other thread touches them;
/// `rows` ≤ [`max_rows`], `columns` ≤ `PANEL` or equal to `WIDE`; a start by rows has `rows` elements.
pub(crate) unsafe fn compute(isa: Isa, tile: Tile) {
    // SAFETY: each callee asks for what the caller promises; an `Isa` exists only where its instructions do.
    unsafe {
        match isa.level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512(tile),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => in_parts(tile, 16, |part| avx2(part)),
            _ => in_parts(tile, 8, |part| portable(part)),
        }
    }
}

/// Splits a tile into narrower ones.
///
/// # Safety
///
/// As [`compute`], and `run` computes tiles of `width` columns.
unsafe fn in_parts(tile: Tile, width: usize, run: impl Fn(Tile)) {
    for column in (0..tile.columns).step_by(width) {
        // SAFETY: the columns from `column` on are inside the tile.
        let (b, out) = unsafe { (tile.b.add(column), tile.out.add(column)) };
        run(Tile {
            b,
            out,
            columns: width.min(tile.columns - column),
            ..tile
        });
    }
}

/// Stores one row of sums: whole, or its first columns.
///
/// # Safety
///
/// `to` can be written at `columns` elements.
#[inline(always)]
unsafe fn finish_row(sums: &[f32], to: *mut f32, columns: usize, start: Start, row: usize) {
    // SAFETY: rows of a start are inside it, by the contract of `compute`; so are the columns of a row.
    unsafe {
        for (column, &sum) in sums.iter().enumerate().take(columns) {
            let to = to.add(column);
            *to = match start {
                Start::Zero => sum,
                Start::Rows(rows) => sum + *rows.add(row),
                Start::Existing => sum + *to,
            };
        }
    }
}

/// Calls a kernel with the number of rows as a constant.
macro_rules! by_rows {
    ($rows:expr, $kernel:ident, $vectors:literal, $tile:expr, $($n:literal)*) => {
        match $rows {
            $($n => $kernel::<$n, $vectors>($tile),)*
            _ => {}
        }
    };
}

unsafe fn portable(tile: Tile) {
    // SAFETY: the contract is the caller's.
    unsafe { by_rows!(tile.rows, portable_tile, 8, tile, 1 2 3 4) }
}

unsafe fn portable_tile<const ROWS: usize, const COLUMNS: usize>(tile: Tile) {
    let mut sums = [[0f32; COLUMNS]; ROWS];
    let (mut a, mut b) = (tile.a, tile.b);
    for _ in 0..tile.depth {
        // SAFETY: a step of both operands is there.
        unsafe {
            let right = *b.cast::<[f32; COLUMNS]>();
            for row in 0..ROWS {
                let left = *a.add(row);
                for column in 0..COLUMNS {
                    sums[row][column] += left * right[column];
                }
            }
            a = a.wrapping_add(tile.a_step);
            b = b.wrapping_add(tile.b_step);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        // SAFETY: the rows of `out` are there.
        unsafe {
            let to = tile.out.add(row * tile.out_row);
            finish_row(sums, to, tile.columns, tile.start, row);
        }
    }
}

#[cfg(target_arch = "x86_64")]
use x86::{avx2, avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{PANEL, Start, Tile, WIDE, finish_row};
    use std::arch::x86_64::*;

    /// Sums in memory. They are read there by position, which would keep them in memory while they are summed, too.
    #[inline(always)]
    fn settled<T: Copy, const ROWS: usize, const VECTORS: usize>(
        sums: &[[T; VECTORS]; ROWS],
    ) -> [[T; VECTORS]; ROWS] {
        std::array::from_fn(|row| std::array::from_fn(|vector| sums[row][vector]))
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2(tile: Tile) {
        // SAFETY: the contract is the caller's.
        unsafe { by_rows!(tile.rows, avx2_tile, 2, tile, 1 2 3 4 5 6) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2_tile<const ROWS: usize, const VECTORS: usize>(tile: Tile) {
        let mut sums = [[_mm256_setzero_ps(); VECTORS]; ROWS];
        let (mut a, mut b) = (tile.a, tile.b);
        for _ in 0..tile.depth {
            // SAFETY: a step of both operands is there.
            unsafe {
                let mut right = [_mm256_setzero_ps(); VECTORS];
                for (vector, right) in right.iter_mut().enumerate() {
                    *right = _mm256_loadu_ps(b.add(8 * vector));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = _mm256_broadcastss_ps(_mm_load_ss(a.add(row)));
                    for (sum, &right) in sums.iter_mut().zip(&right) {
                        *sum = _mm256_fmadd_ps(left, right, *sum);
                    }
                }
                a = a.wrapping_add(tile.a_step);
                b = b.wrapping_add(tile.b_step);
            }
        }
        let results = settled(&sums);
        for (row, sums) in results.iter().enumerate() {
            // SAFETY: the rows of `out` are there.
            let to = unsafe { tile.out.add(row * tile.out_row) };
            let mut values = [0f32; 16];
            for (vector, &sum) in sums.iter().enumerate() {
                // SAFETY: two vectors are 16 values.
                unsafe { _mm256_storeu_ps(values.as_mut_ptr().add(8 * vector), sum) };
            }
            // SAFETY: as above.
            unsafe { finish_row(&values, to, tile.columns, tile.start, row) };
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512(tile: Tile) {
        // SAFETY: the contract is the caller's.
        unsafe {
            match tile.columns {
                WIDE => by_rows!(tile.rows, avx512_tile, 8, tile, 1 2 3),
                0..=16 => {
                    by_rows!(tile.rows, avx512_tile, 1, tile, 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
                }
                _ => {
                    by_rows!(tile.rows, avx512_tile, 2, tile, 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    unsafe fn avx512_tile<const ROWS: usize, const VECTORS: usize>(tile: Tile) {
        let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
        let (mut a, mut b) = (tile.a, tile.b);
        for _ in 0..tile.depth {
            // SAFETY: a step of both operands is there.
            unsafe {
                let mut right = [_mm512_setzero_ps(); VECTORS];
                for (vector, right) in right.iter_mut().enumerate() {
                    *right = _mm512_loadu_ps(b.add(16 * vector));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = _mm512_broadcastss_ps(_mm_load_ss(a.add(row)));
                    for (sum, &right) in sums.iter_mut().zip(&right) {
                        *sum = _mm512_fmadd_ps(left, right, *sum);
                    }
                }
                a = a.wrapping_add(tile.a_step);
                b = b.wrapping_add(tile.b_step);
            }
        }
        debug_assert!(tile.columns <= PANEL || tile.columns == WIDE);
        let results = settled(&sums);
        for (row, sums) in results.iter().enumerate() {
            for (vector, &sum) in sums.iter().enumerate() {
                let left = tile.columns.saturating_sub(16 * vector).min(16);
                let mask = ((1u32 << left) - 1) as __mmask16;
                // SAFETY: the mask keeps stores and loads inside the tile's columns.
                unsafe {
                    let to = tile.out.add(row * tile.out_row).wrapping_add(16 * vector);
                    let value = match tile.start {
                        Start::Zero => sum,
                        Start::Rows(rows) => _mm512_add_ps(sum, _mm512_set1_ps(*rows.add(row))),
                        Start::Existing => _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, to)),
                    };
                    _mm512_mask_storeu_ps(to, mask, value);
                }
            }
        }
    }
}
