//! The right operand of a convolution as a product: a step is a channel and a tap, a column a window. Nothing is unfolded in
//! memory but the panels that a product asks for.

use super::window::{Axes, volume};
use crate::isa::Isa;
use crate::kernels::gemm::{PANEL, Right};
use smallvec::SmallVec;
use std::ops::Range;

/// Entries of the table of a panel; taps that do not fit are looked up for each channel anew.
const MAX_ENTRIES: usize = 512;

/// Channels of one sample, seen through windows.
pub(crate) struct Unfolded<'a> {
    /// The channels, one plane after another.
    pub(crate) x: &'a [f32],
    pub(crate) axes: &'a Axes,
}

/// Neighbouring windows of a panel along the last axis.
struct Run {
    /// First column of the panel.
    column: usize,
    /// First window along the last axis.
    first: usize,
    len: usize,
    /// Windows along the other axes.
    outer: SmallVec<[usize; 3]>,
}

/// What a tap of a run reads: columns that lie in x, and the position of their first element in a plane.
#[derive(Clone, Copy, Default)]
struct Entry {
    column: u16,
    len: u16,
    position: u32,
}

impl Unfolded<'_> {
    fn plane(&self) -> usize {
        volume(self.axes, |axis| axis.size)
    }

    fn n_taps(&self) -> usize {
        volume(self.axes, |axis| axis.taps)
    }

    fn runs(&self, columns: Range<usize>) -> SmallVec<[Run; PANEL]> {
        let mut runs = SmallVec::new();
        let Some((last, others)) = self.axes.split_last() else {
            return runs;
        };
        let mut window = columns.start;
        while window < columns.end {
            let (first, mut rest) = (window % last.out, window / last.out);
            let mut outer: SmallVec<[usize; 3]> = SmallVec::from_elem(0, others.len());
            for (at, axis) in outer.iter_mut().zip(others).rev() {
                *at = rest % axis.out;
                rest /= axis.out;
            }
            let len = (last.out - first).min(columns.end - window);
            runs.push(Run {
                column: window - columns.start,
                first,
                len,
                outer,
            });
            window += len;
        }
        runs
    }

    /// What a tap reads for a run.
    fn entry(&self, run: &Run, tap: usize) -> Entry {
        let nothing = Entry::default();
        let Some((last, others)) = self.axes.split_last() else {
            return nothing;
        };
        let (last_tap, mut rest) = (tap % last.taps, tap / last.taps);
        let (mut position, mut distance) = (0, last.size);
        for (axis, &window) in others.iter().zip(&run.outer).rev() {
            let Some(at) = axis.position(window, rest % axis.taps) else {
                return nothing;
            };
            position += at * distance;
            distance *= axis.size;
            rest /= axis.taps;
        }
        let (begin, end) = last.windows(last_tap);
        let (begin, end) = (begin.max(run.first), end.min(run.first + run.len));
        if begin >= end {
            return nothing;
        }
        let at = begin as i64 * last.stride as i64 + last.first(last_tap);
        Entry {
            column: (run.column + begin - run.first) as u16,
            len: (end - begin) as u16,
            position: (position + at as usize) as u32,
        }
    }
}

/// Copies up to a panel's row without calling the general routine.
#[inline(always)]
fn copy_short(from: &[f32], to: &mut [f32]) {
    let mut at = 0;
    macro_rules! block {
        ($kind:ident $n:literal) => {
            $kind let (Some(block), Some(place)) =
                (from[at..].first_chunk::<$n>(), to[at..].first_chunk_mut::<$n>())
            {
                *place = *block;
                at += $n;
            }
        };
    }
    block!(while 16);
    block!(if 8);
    block!(if 4);
    block!(if 2);
    if let (Some(&last), Some(place)) = (from.get(at), to.get_mut(at)) {
        *place = last;
    }
}

impl Right for Unfolded<'_> {
    fn pack(&self, _: Isa, steps: Range<usize>, columns: Range<usize>, panel: &mut [f32]) {
        let (plane, n_taps) = (self.plane(), self.n_taps());
        let stride = self.axes.last().map_or(1, |axis| axis.stride);
        let runs = self.runs(columns);
        let n_entries = n_taps * runs.len();
        let has_table = n_entries <= MAX_ENTRIES;
        let mut table = [Entry::default(); MAX_ENTRIES];
        if has_table {
            for (index, entry) in table[..n_entries].iter_mut().enumerate() {
                *entry = self.entry(&runs[index % runs.len()], index / runs.len());
            }
        }
        for (step, to) in steps.zip(panel.chunks_exact_mut(PANEL)) {
            let (channel, tap) = (step / n_taps, step % n_taps);
            let x = &self.x[channel * plane..][..plane];
            let read = |entry: Entry, to: &mut [f32]| {
                let (column, len) = (usize::from(entry.column), usize::from(entry.len));
                let (to, from) = (&mut to[column..column + len], &x[entry.position as usize..]);
                if stride == 1 {
                    copy_short(&from[..len], to);
                } else {
                    for (to, &from) in to.iter_mut().zip(from.iter().step_by(stride)) {
                        *to = from;
                    }
                }
            };
            let full = |entry: &Entry| usize::from(entry.len) == PANEL;
            if has_table {
                let entries = &table[tap * runs.len()..][..runs.len()];
                if !entries.iter().any(full) {
                    to.fill(0.0);
                }
                entries.iter().for_each(|&entry| read(entry, to));
            } else {
                to.fill(0.0);
                runs.iter().for_each(|run| read(self.entry(run, tap), to));
            }
        }
    }

    fn in_place(&self, _: Range<usize>, _: Range<usize>) -> Option<(&[f32], usize)> {
        None
    }
}
