//! `Copy` out of a view: runs of neighbours where there are some, tiles of a transposed matrix elsewhere.

use super::shared::Shared;
use super::space::{Space, copy_run, each_run};
use super::{FastKernel, KernelCx};
use bytemuck::Pod;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use graphc_kernel::{BoundSpec, with_width};
use smallvec::SmallVec;

/// Elements of an item of the parallel loop, about.
const ITEM: usize = 1 << 14;

/// Side of a tile: as many cache lines are read and written in turn.
const TILE: usize = 16;

struct Copy {
    cx: KernelCx,
    space: Space,
    offset: usize,
    dtype: graphc_base::DType,
    /// The axis along which the view's elements are neighbours, where that is not the last.
    crossed: Option<usize>,
}

pub(super) fn select(spec: &BoundSpec, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let ([x], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    if x.dtype != y.dtype || x.dtype.bits() < 8 || !y.contiguous {
        return None;
    }
    let space = Space::new(&y.shape, [x].into_iter())?;
    let crossed = match space.strides[0].split_last() {
        Some((0 | 1, _)) | None => None,
        Some((_, outer)) => outer.iter().rposition(|&stride| stride == 1),
    };
    Some(Box::new(Copy {
        cx: cx.clone(),
        space,
        offset: x.offset,
        dtype: x.dtype,
        crossed,
    }))
}

impl FastKernel for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        if self.space.n_positions() == 0 {
            return Ok(());
        }
        with_width!(self.dtype, T => {
            let (x, y) = (typed::<T>(inputs[0]), Shared::new(typed_mut::<T>(outputs[0])));
            match self.crossed {
                Some(axis) => self.transpose(x, &y, axis),
                None => self.runs(x, &y),
            }
        }, else {});
        Ok(())
    }
}

impl Copy {
    fn runs<T: Pod + Send + Sync>(&self, x: &[T], y: &Shared<'_, T>) {
        let n_positions = self.space.n_positions();
        let strides = &self.space.strides[0];
        let inner = strides.last().copied().unwrap_or(0);
        let cost = n_positions / if inner == 1 || inner == 0 { 8 } else { 1 };
        self.cx.run(n_positions.div_ceil(ITEM), cost, &|_, item| {
            let first = item * ITEM;
            let n = ITEM.min(n_positions - first);
            // SAFETY: items have positions of their own.
            let to = unsafe { y.part(first, n) };
            let mut at = 0;
            each_run(
                &self.space.shape,
                strides,
                self.offset,
                first,
                n,
                |position, run| {
                    copy_run(x, position, inner, &mut to[at..at + run]);
                    at += run;
                },
            );
        });
    }

    /// Along `axis` elements of x are neighbours, along the last axis those of y.
    fn transpose<T: Pod + Send + Sync>(&self, x: &[T], y: &Shared<'_, T>, axis: usize) {
        let (shape, strides) = (&self.space.shape, &self.space.strides[0]);
        let last = shape.len() - 1;
        let (n_rows, n_columns) = (shape[axis], shape[last]);
        let x_column = strides[last];
        let y_row: usize = shape[axis + 1..].iter().product();
        // Where each of the other axes takes x and y.
        let others: SmallVec<[(usize, isize, usize); 6]> = (0..last)
            .filter(|&other| other != axis)
            .map(|other| {
                (
                    shape[other],
                    strides[other],
                    shape[other + 1..].iter().product(),
                )
            })
            .collect();
        let n_others: usize = others.iter().map(|other| other.0).product();
        let n_strips = n_rows.div_ceil(TILE);
        let cost = self.space.n_positions();
        self.cx.run(n_others * n_strips, cost, &|_, item| {
            let (mut rest, strip) = (item / n_strips, item % n_strips * TILE);
            let (mut x_start, mut y_start) = (self.offset as isize + strip as isize, strip * y_row);
            for &(size, x_stride, y_stride) in others.iter().rev() {
                x_start += (rest % size) as isize * x_stride;
                y_start += rest % size * y_stride;
                rest /= size;
            }
            let height = TILE.min(n_rows - strip);
            for column in (0..n_columns).step_by(TILE) {
                let width = TILE.min(n_columns - column);
                let from = x_start + column as isize * x_column;
                for row in 0..height {
                    // SAFETY: items have rows of their own.
                    let to = unsafe { y.part(y_start + row * y_row + column, width) };
                    let from = from + row as isize;
                    for (step, to) in to.iter_mut().enumerate() {
                        *to = x[(from + step as isize * x_column) as usize];
                    }
                }
            }
        });
    }
}
