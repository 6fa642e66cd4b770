//! `Softmax` and `LogSoftmax` of `f32`: along rows of neighbours, or along columns of several rows at a time.

use super::lanes::{LANES, best_of, larger_number, sum_of};
use super::math;
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Isa, Target, per_isa};
use graphc_base::DType;
use graphc_kernel::BoundSpec;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};

/// Elements of an item of the parallel loop, about.
const ITEM: usize = 1 << 13;

struct Softmax {
    cx: KernelCx,
    outer: usize,
    n_axis: usize,
    inner: usize,
    log: bool,
}

pub(super) fn select(
    spec: &BoundSpec,
    axis: usize,
    log: bool,
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let ([x], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let fits = axis < x.shape.len() && x.shape == y.shape && x.contiguous && y.contiguous;
    if !fits || [x, y].iter().any(|arg| arg.dtype != DType::F32) {
        return None;
    }
    Some(Box::new(Softmax {
        cx: cx.clone(),
        outer: x.shape[..axis].iter().product(),
        n_axis: x.shape[axis],
        inner: x.shape[axis + 1..].iter().product(),
        log,
    }))
}

impl FastKernel for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let &Self {
            ref cx,
            outer,
            n_axis,
            inner,
            log,
        } = self;
        let matrix = n_axis * inner;
        if outer * matrix == 0 {
            return Ok(());
        }
        let x = typed::<f32>(inputs[0]);
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let cost = outer * matrix;
        if inner == 1 {
            let most_rows = (ITEM / n_axis).clamp(1, outer);
            cx.run(outer.div_ceil(most_rows), cost, &|_, item| {
                let n_rows = most_rows.min(outer - item * most_rows);
                let first = item * most_rows * n_axis;
                // SAFETY: items have rows of their own.
                let y = unsafe { y.part(first, n_rows * n_axis) };
                let x = &x[first..][..n_rows * n_axis];
                for (x, y) in x.chunks_exact(n_axis).zip(y.chunks_exact_mut(n_axis)) {
                    row(cx.isa, x, y, log);
                }
            });
            return Ok(());
        }
        let n_blocks = inner.div_ceil(LANES);
        cx.run(outer * n_blocks, cost, &|_, item| {
            let (outer, first) = (item / n_blocks, item % n_blocks * LANES);
            let lanes = Columns {
                start: outer * matrix + first,
                step: inner,
                n: LANES.min(inner - first),
            };
            // SAFETY: items have columns of their own.
            unsafe { columns(cx.isa, x, &y, lanes, n_axis, log) };
        });
        Ok(())
    }
}

per_isa!(fn row(x: &[f32], y: &mut [f32], log: bool) = row_body);

#[inline(always)]
fn row_body<P: Target>(x: &[f32], y: &mut [f32], log: bool) {
    let most = best_of(x, f32::NEG_INFINITY, larger_number);
    if log {
        let sum = sum_of(x, |x| math::exp::<P>(x - most));
        let shift = sum.ln() as f32;
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x - most - shift;
        }
        return;
    }
    for (y, &x) in y.iter_mut().zip(x) {
        *y = math::exp::<P>(x - most);
    }
    let scale = (1.0 / sum_of(y, |y| y)) as f32;
    for y in y {
        *y *= scale;
    }
}

/// Neighbouring columns.
#[derive(Clone, Copy)]
struct Columns {
    start: usize,
    /// Distance between rows.
    step: usize,
    n: usize,
}

/// # Safety
///
/// No other thread touches these columns of `y`.
unsafe fn columns(
    isa: Isa,
    x: &[f32],
    y: &Shared<'_, f32>,
    lanes: Columns,
    n_axis: usize,
    log: bool,
) {
    let Columns { start, step, n } = lanes;
    let from = |index: usize| &x[start + index * step..][..n];
    // SAFETY: the caller's promise; one row is borrowed at a time.
    let to = |index: usize| unsafe { y.part(start + index * step, n) };
    let (mut most, mut sums) = ([f32::NEG_INFINITY; LANES], [0f32; LANES]);
    for index in 0..n_axis {
        for (most, &x) in most.iter_mut().zip(from(index)) {
            *most = larger_number(*most, x);
        }
    }
    for index in 0..n_axis {
        add_exp(isa, from(index), &most, to(index), &mut sums);
    }
    for index in 0..n_axis {
        for (((y, &x), &most), &sum) in to(index).iter_mut().zip(from(index)).zip(&most).zip(&sums)
        {
            *y = if log { x - most - sum.ln() } else { *y / sum };
        }
    }
}

per_isa!(
    /// `y = exp(x - most)`, added to the sums.
    fn add_exp(x: &[f32], most: &[f32; LANES], y: &mut [f32], sums: &mut [f32; LANES]) = add_exp_body
);

#[inline(always)]
fn add_exp_body<P: Target>(x: &[f32], most: &[f32; LANES], y: &mut [f32], sums: &mut [f32; LANES]) {
    for (((y, &x), &most), sum) in y.iter_mut().zip(x).zip(most).zip(sums) {
        *y = math::exp::<P>(x - most);
        *sum += *y;
    }
}
