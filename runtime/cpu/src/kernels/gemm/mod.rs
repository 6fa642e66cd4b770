//! Products of matrices of `f32`: blocked, packed, in register tiles.
//!
//! The steps of a product are cut into blocks; for each, rows of the left operand and panels of the right one are packed into
//! scratch of the thread, and tiles run over them. How steps are cut depends on their number alone, and each element is summed
//! by one thread, so that neither the number of threads nor the shape of the other axes changes a result.

mod pack;
mod tile;

pub(crate) use pack::{Right, Strided};
pub(crate) use tile::PANEL;

use crate::isa::Isa;
use pack::{left_step, pack_left};
use std::ops::Range;
use tile::{Tile, WIDE, WIDE_ROWS};

/// Most steps of a block: a panel of the right operand stays near the first-level cache.
const MAX_DEPTH: usize = 384;

/// Most rows of a block: with `MAX_DEPTH` steps they take a quarter of a second-level cache of 1 MiB.
const MAX_ROWS: usize = 168;

/// Panels that are packed together: rows of the right operand are read in longer runs.
const PANELS: usize = 4;

/// What the sums of a tile are added to.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// Nothing.
    Zero,
    /// One value per row.
    Rows(*const f32),
    /// What the result holds.
    Existing,
}

/// A product `m × k` by `k × n`, cut into blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gemm {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    isa: Isa,
    depth: usize,
    /// Rows of a block.
    rows: usize,
    /// Columns of a block.
    columns: usize,
}

/// Where a product goes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) start: *mut f32,
    /// Distance between rows.
    pub(crate) row: usize,
}

impl Gemm {
    /// A product that is one of `n_products` alike, to run on `n_threads` threads.
    pub(crate) fn new(
        isa: Isa,
        [m, n, k]: [usize; 3],
        n_products: usize,
        n_threads: usize,
    ) -> Self {
        let tile_rows = tile::max_rows(isa);
        let depth = k.div_ceil(k.div_ceil(MAX_DEPTH).max(1));
        let n_row_blocks = m.div_ceil(MAX_ROWS).max(1);
        let rows = m
            .div_ceil(n_row_blocks)
            .next_multiple_of(tile_rows)
            .min(m)
            .max(1);
        // Several blocks a thread, so that one which is late does not hold the others up for long.
        let wanted = match n_threads {
            1 => 1,
            _ => (3 * n_threads).div_ceil((n_row_blocks * n_products).max(1)),
        };
        let most = n.div_ceil(PANELS * PANEL).max(1);
        let columns = n
            .div_ceil(wanted.min(most))
            .next_multiple_of(PANEL)
            .max(PANEL);
        Self {
            m,
            n,
            k,
            isa,
            depth,
            rows,
            columns,
        }
    }

    /// Blocks of one product.
    pub(crate) fn n_blocks(&self) -> usize {
        self.m.div_ceil(self.rows) * self.n.div_ceil(self.columns)
    }

    /// Multiplications of one product.
    pub(crate) fn n_steps(&self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }

    /// Elements of scratch that a thread needs.
    pub(crate) fn scratch_len(&self) -> usize {
        self.left_len() + self.depth * PANEL * PANELS
    }

    fn n_row_panels(&self, rows: usize) -> usize {
        rows.div_ceil(tile::max_rows(self.isa))
    }

    fn left_len(&self) -> usize {
        self.n_row_panels(self.rows) * left_step(tile::max_rows(self.isa)) * self.depth
    }

    /// Rows of a panel of a block: as equal as can be.
    fn row_panel(&self, rows: &Range<usize>, panel: usize) -> Range<usize> {
        let n_panels = self.n_row_panels(rows.len());
        let edge = |panel: usize| rows.start + rows.len() * panel / n_panels;
        edge(panel)..edge(panel + 1)
    }

    /// Computes one block.
    ///
    /// # Safety
    ///
    /// `target` can be written at all rows and columns of the product, and no other thread touches those of this block;
    /// `rows` of a start has `m` elements; it is not `Existing` unless the result holds something.
    pub(crate) unsafe fn run_block(
        &self,
        block: usize,
        a: &Strided<'_>,
        b: &impl Right,
        target: Target,
        start: Start,
        scratch: &mut [f32],
    ) {
        let n_across = self.n.div_ceil(self.columns);
        let row = block / n_across * self.rows;
        let column = block % n_across * self.columns;
        let rows = row..(row + self.rows).min(self.m);
        let columns = column..(column + self.columns).min(self.n);
        let (left, right) = scratch.split_at_mut(self.left_len());
        let mut first = 0;
        loop {
            let steps = first..(first + self.depth).min(self.k);
            let mut at = 0;
            for panel in 0..self.n_row_panels(rows.len()) {
                let rows = self.row_panel(&rows, panel);
                let len = left_step(rows.len()) * steps.len();
                pack_left(self.isa, a, rows, steps.clone(), &mut left[at..at + len]);
                at += len;
            }
            let start = if first == 0 { start } else { Start::Existing };
            // SAFETY: the contract is the caller's.
            unsafe {
                self.run_steps(
                    rows.clone(),
                    columns.clone(),
                    steps,
                    left,
                    right,
                    b,
                    target,
                    start,
                );
            }
            first += self.depth.max(1);
            if first >= self.k {
                return;
            }
        }
    }

    /// Runs all tiles of a block over some steps, with packed rows.
    ///
    /// # Safety
    ///
    /// As [`run_block`](Self::run_block).
    unsafe fn run_steps(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        steps: Range<usize>,
        left: &[f32],
        right: &mut [f32],
        b: &impl Right,
        target: Target,
        start: Start,
    ) {
        let tiles = |columns: Range<usize>, b: *const f32, b_step: usize| {
            let mut a = left.as_ptr();
            for panel in 0..self.n_row_panels(rows.len()) {
                let rows = self.row_panel(&rows, panel);
                let a_step = left_step(rows.len());
                // SAFETY: rows and columns lie in the block; panels hold all steps; the rest is the caller's promise.
                unsafe {
                    let start = match start {
                        Start::Rows(values) => Start::Rows(values.add(rows.start)),
                        other => other,
                    };
                    let tile = Tile {
                        depth: steps.len(),
                        a,
                        a_step,
                        rows: rows.len(),
                        b,
                        b_step,
                        out: target.start.add(rows.start * target.row + columns.start),
                        out_row: target.row,
                        columns: columns.len(),
                        start,
                    };
                    tile::compute(self.isa, tile);
                    a = a.add(a_step * steps.len());
                }
            }
        };
        let mut column = columns.start;
        while rows.len() <= WIDE_ROWS && column + WIDE <= columns.end {
            let wide = column..column + WIDE;
            let Some((from, step)) = b.in_place(steps.clone(), wide.clone()) else {
                break;
            };
            tiles(wide, from.as_ptr(), step);
            column += WIDE;
        }
        let panel_len = steps.len() * PANEL;
        while column < columns.end {
            let group = column..(column + PANELS * PANEL).min(columns.end);
            let panels = || group.clone().step_by(PANEL).enumerate();
            let of = |first: usize| first..(first + PANEL).min(group.end);
            for (panel, first) in panels() {
                let to = &mut right[panel * panel_len..][..panel_len];
                b.pack(self.isa, steps.clone(), of(first), to);
            }
            for (panel, first) in panels() {
                tiles(of(first), right[panel * panel_len..].as_ptr(), PANEL);
            }
            column = group.end;
        }
    }
}
