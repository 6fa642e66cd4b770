//! Packing: parts of strided matrices laid out in the order in which tiles read them.

use super::tile::PANEL;
use crate::isa::{Isa, Level};
use std::ops::Range;

/// A matrix of any strides in a slice.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub(crate) data: &'a [f32],
    /// Position of the first element.
    pub(crate) start: isize,
    /// Distance between rows.
    pub(crate) row: isize,
    /// Distance between columns.
    pub(crate) column: isize,
}

impl Strided<'_> {
    fn at(&self, row: usize, column: usize) -> usize {
        (self.start + row as isize * self.row + column as isize * self.column) as usize
    }
}

/// The right operand of a product: `steps × columns`.
pub(crate) trait Right: Sync {
    /// Lays out a panel: [`PANEL`] elements for each step, those beyond `columns` arbitrary but finite where `columns` are.
    fn pack(&self, isa: Isa, steps: Range<usize>, columns: Range<usize>, panel: &mut [f32]);

    /// The matrix where it lies, if its columns are neighbours: the elements from the first of `steps` and `column` on, and
    /// the distance between steps.
    fn in_place(&self, steps: Range<usize>, columns: Range<usize>) -> Option<(&[f32], usize)>;
}

impl Right for Strided<'_> {
    fn pack(&self, isa: Isa, steps: Range<usize>, columns: Range<usize>, panel: &mut [f32]) {
        let n_columns = columns.len();
        if self.column == 1 {
            for (step, to) in steps.zip(panel.chunks_exact_mut(PANEL)) {
                let from = &self.data[self.at(step, columns.start)..][..n_columns];
                if let (Some(from), Some(to)) =
                    (from.first_chunk::<PANEL>(), to.first_chunk_mut::<PANEL>())
                {
                    *to = *from;
                } else {
                    to[..n_columns].copy_from_slice(from);
                    to[n_columns..].fill(0.0);
                }
            }
        } else if self.row == 1 {
            let lines = Lines {
                data: self.data,
                start: self.at(steps.start, columns.start) as isize,
                distance: self.column,
                n_lines: n_columns,
            };
            lines.interleave(isa, steps.len(), panel, PANEL);
        } else {
            for (step, to) in steps.zip(panel.chunks_exact_mut(PANEL)) {
                for (column, to) in columns.clone().zip(to.iter_mut()) {
                    *to = self.data[self.at(step, column)];
                }
                to[n_columns..].fill(0.0);
            }
        }
    }

    fn in_place(&self, steps: Range<usize>, columns: Range<usize>) -> Option<(&[f32], usize)> {
        let step = usize::try_from(self.row).ok()?;
        if self.column != 1 || steps.is_empty() {
            return None;
        }
        let first = self.at(steps.start, columns.start);
        let n_elements = (steps.len() - 1) * step + columns.len();
        Some((self.data.get(first..first + n_elements)?, step))
    }
}

/// Elements of a step in a packed panel of `rows` rows of the left operand.
pub(crate) fn left_step(rows: usize) -> usize {
    rows.next_multiple_of(LINES)
}

/// Lays out rows of the left operand: [`left_step`] elements for each step.
pub(crate) fn pack_left(
    isa: Isa,
    a: &Strided<'_>,
    rows: Range<usize>,
    steps: Range<usize>,
    panel: &mut [f32],
) {
    let width = left_step(rows.len());
    if a.column == 1 {
        let lines = Lines {
            data: a.data,
            start: a.at(rows.start, steps.start) as isize,
            distance: a.row,
            n_lines: rows.len(),
        };
        lines.interleave(isa, steps.len(), panel, width);
        return;
    }
    for (step, to) in steps.zip(panel.chunks_exact_mut(width)) {
        if a.row == 1 {
            to[..rows.len()].copy_from_slice(&a.data[a.at(rows.start, step)..][..rows.len()]);
        } else {
            for (row, to) in rows.clone().zip(to.iter_mut()) {
                *to = a.data[a.at(row, step)];
            }
        }
    }
}

/// Lines that are transposed together.
const LINES: usize = 8;

/// Lines of neighbouring elements at equal distances.
struct Lines<'a> {
    data: &'a [f32],
    start: isize,
    distance: isize,
    n_lines: usize,
}

impl Lines<'_> {
    fn line(&self, line: usize, depth: usize) -> &[f32] {
        // Lanes beyond the last line repeat it.
        let line = line.min(self.n_lines - 1);
        &self.data[(self.start + line as isize * self.distance) as usize..][..depth]
    }

    /// `to[k · step + line] = lines[line][k]`; `step` is a multiple of [`LINES`].
    fn interleave(&self, isa: Isa, depth: usize, to: &mut [f32], step: usize) {
        if self.n_lines == 0 || depth == 0 {
            return;
        }
        let to = &mut to[..depth * step];
        for first in (0..step).step_by(LINES) {
            let from: [&[f32]; LINES] = std::array::from_fn(|line| self.line(first + line, depth));
            let whole = match isa.level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 | Level::Avx512 => {
                    // SAFETY: an `Isa` of this level exists only where the processor has AVX2.
                    unsafe { interleave_avx2(from, &mut to[first..], step) }
                }
                _ => 0,
            };
            for k in whole..depth {
                for (line, from) in from.iter().enumerate() {
                    to[k * step + first + line] = from[k];
                }
            }
        }
    }
}

/// Transposes blocks of 8 by 8; gives the number of steps done.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn interleave_avx2(from: [&[f32]; LINES], to: &mut [f32], step: usize) -> usize {
    use std::arch::x86_64::*;
    let depth = from[0].len() / LINES * LINES;
    assert!(from.iter().all(|line| line.len() >= depth));
    assert!(depth == 0 || to.len() >= (depth - 1) * step + LINES);
    for k in (0..depth).step_by(LINES) {
        // SAFETY: every line has 8 elements from `k`, and `to` has 8 at each step below `depth` (asserted above).
        unsafe {
            let line = |line: usize| _mm256_loadu_ps(from[line].as_ptr().add(k));
            let pair = |even: usize, odd: usize| {
                let (even, odd) = (line(even), line(odd));
                (_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd))
            };
            let (low01, high01) = pair(0, 1);
            let (low23, high23) = pair(2, 3);
            let (low45, high45) = pair(4, 5);
            let (low67, high67) = pair(6, 7);
            let four = |first: __m256, second: __m256| {
                (
                    _mm256_shuffle_ps::<0x44>(first, second),
                    _mm256_shuffle_ps::<0xee>(first, second),
                )
            };
            let (k0, k1) = four(low01, low23);
            let (k2, k3) = four(high01, high23);
            let (k0_high, k1_high) = four(low45, low67);
            let (k2_high, k3_high) = four(high45, high67);
            let mut store = |at: usize, value: __m256| {
                _mm256_storeu_ps(to.as_mut_ptr().add((k + at) * step), value);
            };
            let mut to_halves = |at: usize, low: __m256, high: __m256| {
                store(at, _mm256_permute2f128_ps::<0x20>(low, high));
                store(at + 4, _mm256_permute2f128_ps::<0x31>(low, high));
            };
            to_halves(0, k0, k0_high);
            to_halves(1, k1, k1_high);
            to_halves(2, k2, k2_high);
            to_halves(3, k3, k3_high);
        }
    }
    depth
}
