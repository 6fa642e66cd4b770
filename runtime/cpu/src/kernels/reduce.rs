//! `Reduce` of `f32`: rows of neighbours where the last axis is reduced, columns side by side where it is kept.

use super::lanes::{LANES, best_of, larger, smaller, sum_of};
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Target, per_isa};
use graphc_base::attrs::ReduceKind;
use graphc_base::{DType, Dim};
use graphc_kernel::BoundSpec;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use smallvec::SmallVec;

/// Axes with their distances.
type Axes = SmallVec<[(usize, usize); 6]>;

struct Reduce {
    cx: KernelCx,
    kind: ReduceKind,
    /// Kept axes but the last, if that is kept.
    kept: Axes,
    /// Reduced axes but the last, if that is reduced.
    reduced: Axes,
    /// Neighbours that are reduced together, 1 where the last axis is kept.
    run: usize,
    /// Neighbours that are kept, 1 where the last axis is reduced.
    columns: usize,
    n_covered: usize,
}

pub(super) fn select(
    spec: &BoundSpec,
    kind: ReduceKind,
    flags: &[Dim],
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let ([x], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let is_f32 = x.dtype == DType::F32 && y.dtype == DType::F32;
    let rank = x.shape.len();
    let fits = flags.len() == rank && y.shape.len() == rank && x.contiguous && y.contiguous;
    if !is_f32 || !fits || kind == ReduceKind::LogSumExp {
        return None;
    }
    // Neighbouring axes of one fate are one axis: size and whether it is reduced.
    let mut axes: SmallVec<[(usize, bool); 6]> = SmallVec::new();
    for axis in 0..rank {
        let is_reduced = match flags[axis].as_const()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let size = x.shape[axis];
        if y.shape[axis] != if is_reduced { 1 } else { size } {
            return None;
        }
        match axes.last_mut() {
            Some((merged, fate)) if *fate == is_reduced => *merged *= size,
            _ if size == 1 => {}
            _ => axes.push((size, is_reduced)),
        }
    }
    let mut this = Reduce {
        cx: cx.clone(),
        kind,
        kept: Axes::new(),
        reduced: Axes::new(),
        run: 1,
        columns: 1,
        n_covered: axes
            .iter()
            .filter(|axis| axis.1)
            .map(|axis| axis.0)
            .product(),
    };
    let last = axes.pop();
    let mut distance = last.map_or(1, |last| last.0);
    match last {
        Some((size, true)) => this.run = size,
        Some((size, false)) => this.columns = size,
        None => {}
    }
    for &(size, is_reduced) in axes.iter().rev() {
        let to = if is_reduced {
            &mut this.reduced
        } else {
            &mut this.kept
        };
        to.insert(0, (size, distance));
        distance *= size;
    }
    Some(Box::new(this))
}

/// The position of the `index`-th combination of axes.
fn position(axes: &Axes, index: usize) -> usize {
    let (mut rest, mut position) = (index, 0);
    for &(size, distance) in axes.iter().rev() {
        position += rest % size * distance;
        rest /= size;
    }
    position
}

fn n_of(axes: &Axes) -> usize {
    axes.iter().map(|axis| axis.0).product()
}

impl FastKernel for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let &Self {
            ref cx,
            kind,
            run,
            columns,
            n_covered,
            ..
        } = self;
        let n_kept = n_of(&self.kept);
        if n_kept * columns == 0 {
            return Ok(());
        }
        let y = typed_mut::<f32>(outputs[0]);
        let finish = |value: f64| match kind {
            ReduceKind::Mean => (value / n_covered as f64) as f32,
            _ => value as f32,
        };
        if n_covered == 0 {
            y.fill(finish(start(kind)));
            return Ok(());
        }
        let x = typed::<f32>(inputs[0]);
        let y = Shared::new(y);
        let cost = n_kept * columns * n_covered / 4;
        let n_reduced = n_of(&self.reduced);
        if columns == 1 {
            let most = (1usize << 14).div_ceil(n_covered).min(n_kept);
            cx.run(n_kept.div_ceil(most), cost, &|_, item| {
                let first = item * most;
                // SAFETY: items have results of their own.
                let y = unsafe { y.part(first, most.min(n_kept - first)) };
                for (index, y) in y.iter_mut().enumerate() {
                    let base = position(&self.kept, first + index);
                    let mut value = start(kind);
                    for step in 0..n_reduced {
                        let at = base + position(&self.reduced, step);
                        value = join(kind, value, row(cx.isa, kind, &x[at..][..run]));
                    }
                    *y = finish(value);
                }
            });
            return Ok(());
        }
        let n_blocks = columns.div_ceil(LANES);
        cx.run(n_kept * n_blocks, cost, &|_, item| {
            let (index, first) = (item / n_blocks, item % n_blocks * LANES);
            let n = LANES.min(columns - first);
            let base = position(&self.kept, index) + first;
            let mut values = [start(kind); LANES];
            for step in 0..n_reduced {
                let at = base + position(&self.reduced, step);
                add(cx.isa, kind, &x[at..][..n], &mut values);
            }
            // SAFETY: items have columns of their own.
            let y = unsafe { y.part(index * columns + first, n) };
            for (y, &value) in y.iter_mut().zip(&values) {
                *y = finish(value);
            }
        });
        Ok(())
    }
}

/// What the first element is joined to.
fn start(kind: ReduceKind) -> f64 {
    match kind {
        ReduceKind::Prod => 1.0,
        ReduceKind::Max => f64::NEG_INFINITY,
        ReduceKind::Min => f64::INFINITY,
        _ => 0.0,
    }
}

/// Joins two parts of a reduction; extrema are exact in `f64`.
fn join(kind: ReduceKind, a: f64, b: f64) -> f64 {
    match kind {
        ReduceKind::Prod => a * b,
        ReduceKind::Max => f64::from(larger(a as f32, b as f32)),
        ReduceKind::Min => f64::from(smaller(a as f32, b as f32)),
        _ => a + b,
    }
}

per_isa!(fn row(kind: ReduceKind, x: &[f32]) -> f64 = row_body);

#[inline(always)]
fn row_body<P: Target>(kind: ReduceKind, x: &[f32]) -> f64 {
    match kind {
        ReduceKind::Max => f64::from(best_of(x, f32::NEG_INFINITY, larger)),
        ReduceKind::Min => f64::from(best_of(x, f32::INFINITY, smaller)),
        ReduceKind::Prod => x.iter().map(|&x| f64::from(x)).product(),
        _ => sum_of(x, |x| x),
    }
}

per_isa!(fn add(kind: ReduceKind, x: &[f32], values: &mut [f64; LANES]) = add_body);

#[inline(always)]
fn add_body<P: Target>(kind: ReduceKind, x: &[f32], values: &mut [f64; LANES]) {
    let pairs = values.iter_mut().zip(x);
    match kind {
        ReduceKind::Max => {
            pairs.for_each(|(value, &x)| *value = f64::from(larger(*value as f32, x)));
        }
        ReduceKind::Min => {
            pairs.for_each(|(value, &x)| *value = f64::from(smaller(*value as f32, x)));
        }
        ReduceKind::Prod => pairs.for_each(|(value, &x)| *value *= f64::from(x)),
        _ => pairs.for_each(|(value, &x)| *value += f64::from(x)),
    }
}
