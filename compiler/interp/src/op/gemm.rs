//! The matrix product that matmul, convolutions and recurrent layers share.
//!
//! Every element is one sum over k in order, in the accumulator type, whatever the number of threads.

use super::threads;
use crate::number::Accumulator;

/// Columns that are computed together.
pub(super) const PANEL: usize = 4;
/// Rows that are computed together.
const BLOCK: usize = 4;

/// The left matrix `[m, k]`, blocks of rows with k outermost.
pub(super) struct Rows<S> {
    m: usize,
    k: usize,
    /// Rows per block: a single row is not worth padding to four.
    block: usize,
    data: Vec<S>,
}

impl<S: Accumulator> Rows<S> {
    pub(super) fn pack(m: usize, k: usize, at: impl Fn(usize, usize) -> S) -> Self {
        let block = if m == 1 { 1 } else { BLOCK };
        let n_blocks = m.div_ceil(block);
        let mut data = vec![S::ZERO; n_blocks * block * k];
        if k > 0 {
            for (block_idx, packed) in data.chunks_exact_mut(block * k).enumerate() {
                for (p, slots) in packed.chunks_exact_mut(block).enumerate() {
                    for (row, slot) in (block_idx * block..m).zip(slots) {
                        *slot = at(row, p);
                    }
                }
            }
        }
        Self { m, k, block, data }
    }
}

/// `rows · columns`, `[m, n]` row-major. `fill(first, panel)` writes columns `first..first + PANEL` as `[k, PANEL]`,
/// zeros beyond the last column.
pub(super) fn gemm<S: Accumulator>(
    rows: &Rows<S>,
    n: usize,
    n_threads: usize,
    fill: impl Fn(usize, &mut [S]) + Sync,
) -> Vec<S> {
    let (m, k) = (rows.m, rows.k);
    if k == 0 || m == 0 || n == 0 {
        return vec![S::ZERO; m * n];
    }
    let n_panels = n.div_ceil(PANEL);
    let parts = threads::split(n_panels, n_threads, |panels| {
        let first = panels.start * PANEL;
        let width = (panels.end * PANEL).min(n) - first;
        let mut part = vec![S::ZERO; m * width];
        let mut panel = vec![S::ZERO; k * PANEL];
        for panel_idx in panels {
            let column = panel_idx * PANEL;
            fill(column, &mut panel);
            if rows.block == 1 {
                multiply_panel::<S, 1>(rows, &panel, &mut part, width, column - first);
            } else {
                multiply_panel::<S, BLOCK>(rows, &panel, &mut part, width, column - first);
            }
        }
        (width, part)
    });
    join(parts, m, n)
}

/// Parts `[m, width]` side by side.
fn join<S: Accumulator>(mut parts: Vec<(usize, Vec<S>)>, m: usize, n: usize) -> Vec<S> {
    if parts.len() == 1 {
        return parts.swap_remove(0).1;
    }
    let mut product = Vec::with_capacity(m * n);
    for row in 0..m {
        for (width, part) in &parts {
            product.extend_from_slice(&part[row * width..][..*width]);
        }
    }
    product
}

fn multiply_panel<S: Accumulator, const B: usize>(
    rows: &Rows<S>,
    panel: &[S],
    part: &mut [S],
    width: usize,
    column: usize,
) {
    let (columns, _) = panel.as_chunks::<PANEL>();
    let used = (width - column).min(PANEL);
    for (block_idx, packed) in rows.data.chunks_exact(B * rows.k).enumerate() {
        let (packed, _) = packed.as_chunks::<B>();
        let mut sums = [[S::ZERO; PANEL]; B];
        for (a, b) in packed.iter().zip(columns) {
            for i in 0..B {
                for j in 0..PANEL {
                    sums[i][j] = sums[i][j].add(a[i].mul(b[j]));
                }
            }
        }
        let n_rows = (rows.m - block_idx * B).min(B);
        for (i, sums) in sums.iter().enumerate().take(n_rows) {
            let start = (block_idx * B + i) * width + column;
            part[start..start + used].copy_from_slice(&sums[..used]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_plain_sum_for_all_small_shapes() {
        for m in 0..7 {
            for k in 0..4 {
                for n in 0..10 {
                    let a = |i: usize, p: usize| (i * 7 + p * 3) as f64 - 5.0;
                    let b = |p: usize, j: usize| (p * 5 + j * 2) as f64 - 4.0;
                    for n_threads in [1, 2, 3] {
                        let rows = Rows::pack(m, k, a);
                        let product = gemm(&rows, n, n_threads, |first, panel| {
                            for (idx, slot) in panel.iter_mut().enumerate() {
                                let (p, j) = (idx / PANEL, first + idx % PANEL);
                                *slot = if j < n { b(p, j) } else { 0.0 };
                            }
                        });
                        let expected: Vec<f64> = (0..m * n)
                            .map(|at| (0..k).map(|p| a(at / n, p) * b(p, at % n)).sum())
                            .collect();
                        assert_eq!(product, expected, "{m} {k} {n} {n_threads}");
                    }
                }
            }
        }
    }
}
