//! `MatMul` of `f32`: batches over the blocked product, vectors by their own loops.

use super::gemm::{Gemm, Start, Strided, Target};
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Target as Processor, fma, per_isa};
use graphc_base::DType;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use graphc_kernel::{BoundArg, BoundSpec};
use smallvec::SmallVec;

/// One batch axis: its size and the distances of both operands' matrices.
struct BatchAxis {
    size: usize,
    a: isize,
    b: isize,
}

/// One matrix operand: where it starts, distance between rows, between columns.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) start: isize,
    pub(super) row: isize,
    pub(super) column: isize,
}

/// Products of matrices that a spec asks for.
pub(super) struct Products {
    /// `m`, `n` and `k`.
    pub(super) sizes: [usize; 3],
    batch: SmallVec<[BatchAxis; 4]>,
    /// Number of products; 0 where there is no result.
    pub(super) n_batch: usize,
    pub(super) a: Layout,
    pub(super) b: Layout,
    /// Whether the operands changed places: a column was made a row.
    pub(super) is_swapped: bool,
}

struct MatMul {
    cx: KernelCx,
    products: Products,
    gemm: Gemm,
    /// Whether each result is one sum of neighbouring elements of `b`.
    by_dots: bool,
}

pub(super) fn select(spec: &BoundSpec, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let products = products(spec, DType::F32)?;
    let (a, b) = (products.a, products.b);
    let by_dots = products.sizes[0] == 1 && a.column == 1 && b.row == 1 && b.column != 1;
    Some(Box::new(MatMul {
        cx: cx.clone(),
        gemm: Gemm::new(cx.isa, products.sizes, products.n_batch, cx.n_threads()),
        products,
        by_dots,
    }))
}

/// The products of a sound spec whose tensors are all of one dtype.
pub(super) fn products(spec: &BoundSpec, dtype: DType) -> Option<Products> {
    let ([a, b], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let is_of_dtype = [a, b, y].iter().all(|arg| arg.dtype == dtype);
    let rank = y.shape.len();
    let fits = |arg: &BoundArg| {
        (2..=rank).contains(&arg.shape.len())
            && arg.shape[..arg.shape.len() - 2]
                .iter()
                .zip(&y.shape[rank - arg.shape.len()..])
                .all(|(&size, &wanted)| size == wanted || size == 1)
    };
    if !is_of_dtype || !y.contiguous || !fits(a) || !fits(b) {
        return None;
    }
    let ([.., m, k], [.., b_k, n]) = (&a.shape[..], &b.shape[..]) else {
        return None;
    };
    let (mut m, mut n, k) = (*m, *n, *k);
    if k != *b_k || y.shape[rank - 2..] != [m, n] {
        return None;
    }
    let (mut left, mut right) = (layout(a), layout(b));
    let mut batch = batch_axes(a, b, &y.shape[..rank - 2]);
    // Rows of one batch after another under one right matrix are the rows of a larger product.
    while let Some(last) = batch.last()
        && last.b == 0
        && (m == 1 || last.a == left.row * m as isize)
    {
        if m == 1 {
            left.row = last.a;
        }
        m *= last.size;
        batch.pop();
    }
    // A column is a row of the transposed product.
    let is_swapped = n == 1;
    if is_swapped {
        (m, n) = (1, m);
        (left, right) = (right.transposed(), left.transposed());
        batch
            .iter_mut()
            .for_each(|axis| std::mem::swap(&mut axis.a, &mut axis.b));
    }
    let n_batch = batch.iter().map(|axis| axis.size).product();
    Some(Products {
        sizes: [m, n, k],
        batch,
        n_batch: if y.n_elements() == 0 { 0 } else { n_batch },
        a: left,
        b: right,
        is_swapped,
    })
}

impl Layout {
    fn transposed(self) -> Self {
        Self {
            row: self.column,
            column: self.row,
            ..self
        }
    }
}

fn layout(arg: &BoundArg) -> Layout {
    let rank = arg.shape.len();
    Layout {
        start: arg.offset as isize,
        row: arg.strides[rank - 2],
        column: arg.strides[rank - 1],
    }
}

/// Batch axes of more than one matrix, neighbours merged where both operands allow it.
fn batch_axes(a: &BoundArg, b: &BoundArg, shape: &[usize]) -> SmallVec<[BatchAxis; 4]> {
    let stride = |arg: &BoundArg, axis: usize| {
        let lead = shape.len() + 2 - arg.shape.len();
        match axis.checked_sub(lead) {
            Some(axis) if arg.shape[axis] != 1 => arg.strides[axis],
            _ => 0,
        }
    };
    let mut axes: SmallVec<[BatchAxis; 4]> = SmallVec::new();
    for (axis, &size) in shape.iter().enumerate().filter(|&(_, &size)| size != 1) {
        let (a, b) = (stride(a, axis), stride(b, axis));
        match axes.last_mut() {
            Some(last) if last.a == a * size as isize && last.b == b * size as isize => {
                *last = BatchAxis {
                    size: last.size * size,
                    a,
                    b,
                };
            }
            _ => axes.push(BatchAxis { size, a, b }),
        }
    }
    axes
}

impl Products {
    /// Starts of both operands' matrices.
    pub(super) fn starts(&self, product: usize) -> (isize, isize) {
        let (mut rest, mut a, mut b) = (product, self.a.start, self.b.start);
        for axis in self.batch.iter().rev() {
            let at = (rest % axis.size) as isize;
            a += at * axis.a;
            b += at * axis.b;
            rest /= axis.size;
        }
        (a, b)
    }
}

/// Results that an item of [`MatMul`] by dots computes.
const DOTS: usize = 64;

impl FastKernel for MatMul {
    fn name(&self) -> &'static str {
        if self.by_dots { "dot" } else { "gemm" }
    }

    fn scratch_bytes(&self) -> usize {
        if self.by_dots || self.products.n_batch == 0 {
            return 0;
        }
        self.gemm.scratch_len() * self.cx.n_threads() * size_of::<f32>()
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError> {
        if self.products.n_batch == 0 {
            return Ok(());
        }
        let (a, b): (&[f32], &[f32]) = (floats(inputs[0]), floats(inputs[1]));
        let (a, b) = if self.products.is_swapped {
            (b, a)
        } else {
            (a, b)
        };
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let Gemm { m, n, k, .. } = self.gemm;
        // A core multiplies some forty numbers in a nanosecond.
        let cost = self.gemm.n_steps().saturating_mul(self.products.n_batch) / 40;
        if self.by_dots {
            let n_items = n.div_ceil(DOTS);
            self.cx
                .run(self.products.n_batch * n_items, cost, &|_, item| {
                    let (product, first) = (item / n_items, item % n_items * DOTS);
                    let (a_start, b_start) = self.products.starts(product);
                    let len = DOTS.min(n - first);
                    // SAFETY: items have results of their own.
                    let y = unsafe { y.part(product * n + first, len) };
                    let row = if k == 0 {
                        &[][..]
                    } else {
                        &a[a_start as usize..][..k]
                    };
                    let start = b_start + first as isize * self.products.b.column;
                    dots(self.cx.isa, row, b, start, self.products.b.column, y);
                });
            return Ok(());
        }
        let n_blocks = self.gemm.n_blocks();
        let scratch = Shared::new(typed_mut::<f32>(scratch));
        let len = self.gemm.scratch_len();
        self.cx
            .run(self.products.n_batch * n_blocks, cost, &|thread, item| {
                let (product, block) = (item / n_blocks, item % n_blocks);
                let (a_start, b_start) = self.products.starts(product);
                let strided = |data, start, layout: &Layout| Strided {
                    data,
                    start,
                    row: layout.row,
                    column: layout.column,
                };
                // SAFETY: threads have scratch of their own; a product has `m · n` results in `y` from `product · m · n` on, and
                // blocks of a product do not overlap.
                unsafe {
                    let scratch = scratch.part(thread * len, len);
                    let target = Target {
                        start: y.as_ptr().add(product * m * n),
                        row: n,
                    };
                    let a = strided(a, a_start, &self.products.a);
                    let b = strided(b, b_start, &self.products.b);
                    self.gemm
                        .run_block(block, &a, &b, target, Start::Zero, scratch);
                }
            });
        Ok(())
    }
}

fn floats(bytes: &[u8]) -> &[f32] {
    // A buffer of no bytes need not be aligned.
    if bytes.is_empty() { &[] } else { typed(bytes) }
}

/// Sums that run side by side in a dot product.
const LANES: usize = 64;

per_isa!(fn dots(row: &[f32], b: &[f32], start: isize, distance: isize, y: &mut [f32]) = dots_body);

#[inline(always)]
fn dots_body<P: Processor>(row: &[f32], b: &[f32], start: isize, distance: isize, y: &mut [f32]) {
    let (chunks, rest) = row.as_chunks::<LANES>();
    for (column, y) in y.iter_mut().enumerate() {
        if row.is_empty() {
            *y = 0.0;
            continue;
        }
        let from = &b[(start + column as isize * distance) as usize..][..row.len()];
        let (b_chunks, b_rest) = from.as_chunks::<LANES>();
        let mut sums = [0f32; LANES];
        for (left, right) in chunks.iter().zip(b_chunks) {
            for lane in 0..LANES {
                sums[lane] = fma::<P>(left[lane], right[lane], sums[lane]);
            }
        }
        for (lane, (&left, &right)) in rest.iter().zip(b_rest).enumerate() {
            sums[lane] = fma::<P>(left, right, sums[lane]);
        }
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
            width /= 2;
        }
        *y = sums[0];
    }
}
