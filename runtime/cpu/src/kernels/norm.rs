//! `LayerNorm`, `RmsNorm` and `GroupNorm` of `f32`: statistics of rows in two passes, then one that scales and shifts.

use super::lanes::{distances_from, sum_of};
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Target, fma, per_isa};
use graphc_base::{DType, Dim};
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use graphc_kernel::{BoundArg, BoundSpec};

/// Elements of an item of the parallel loop, about.
const ITEM: usize = 1 << 14;

/// What scale and bias belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Affine {
    /// Each element of a row.
    Elements,
    /// Each run of as many elements; rows take turns among `n_groups` lots of them.
    Channels { spatial: usize, n_groups: usize },
}

struct Norm {
    cx: KernelCx,
    n_rows: usize,
    n_row: usize,
    epsilon: f64,
    is_centred: bool,
    affine: Affine,
}

/// Checks the operands that all norms share.
fn is_plain(spec: &BoundSpec, n_inputs: usize) -> bool {
    let [y] = &spec.outputs[..] else {
        return false;
    };
    (1..=n_inputs).contains(&spec.inputs.len())
        && spec.inputs[0].shape == y.shape
        && spec
            .inputs
            .iter()
            .chain([y])
            .all(|arg| arg.dtype == DType::F32 && arg.contiguous)
}

/// Layer norm, or RMS norm where not centred.
pub(super) fn select_rows(
    spec: &BoundSpec,
    axis: usize,
    epsilon: f64,
    is_centred: bool,
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let x = spec.inputs.first()?;
    if !is_plain(spec, if is_centred { 3 } else { 2 }) || axis > x.shape.len() {
        return None;
    }
    let (lead, row) = x.shape.split_at(axis);
    // One element for each of a row: the row's shape, perhaps behind axes of size 1.
    let is_row = |arg: &BoundArg| {
        arg.shape.len() <= x.shape.len()
            && arg
                .shape
                .strip_suffix(row)
                .is_some_and(|lead| lead.iter().all(|&size| size == 1))
    };
    if !spec.inputs[1..].iter().all(is_row) {
        return None;
    }
    Some(Box::new(Norm {
        cx: cx.clone(),
        n_rows: lead.iter().product(),
        n_row: row.iter().product(),
        epsilon,
        is_centred,
        affine: Affine::Elements,
    }))
}

pub(super) fn select_groups(
    spec: &BoundSpec,
    groups: &Dim,
    epsilon: f64,
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let x = spec.inputs.first()?;
    if !is_plain(spec, 3) || x.shape.len() < 2 {
        return None;
    }
    let (n_samples, n_channels) = (x.shape[0], x.shape[1]);
    let spatial: usize = x.shape[2..].iter().product();
    let n_groups = usize::try_from(groups.as_const()?).ok()?;
    let divides = n_groups > 0 && n_channels > 0 && n_channels % n_groups == 0;
    if !divides
        || spec.inputs[1..]
            .iter()
            .any(|arg| arg.n_elements() != n_channels)
    {
        return None;
    }
    Some(Box::new(Norm {
        cx: cx.clone(),
        n_rows: n_samples * n_groups,
        n_row: n_channels / n_groups * spatial,
        epsilon,
        is_centred: true,
        affine: Affine::Channels { spatial, n_groups },
    }))
}

impl FastKernel for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let &Self { n_rows, n_row, .. } = self;
        if n_rows * n_row == 0 {
            return Ok(());
        }
        let x = typed::<f32>(inputs[0]);
        let scale = inputs.get(1).map(|bytes| typed::<f32>(bytes));
        let bias = inputs.get(2).map(|bytes| typed::<f32>(bytes));
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let most = (ITEM / n_row).clamp(1, n_rows);
        self.cx
            .run(n_rows.div_ceil(most), n_rows * n_row / 2, &|_, item| {
                for row in item * most..((item + 1) * most).min(n_rows) {
                    // SAFETY: items have rows of their own.
                    let y = unsafe { y.part(row * n_row, n_row) };
                    let x = &x[row * n_row..][..n_row];
                    let moments = moments(self.cx.isa, x, self.is_centred, self.epsilon);
                    match self.affine {
                        Affine::Elements => elements(self.cx.isa, x, moments, scale, bias, y),
                        Affine::Channels { spatial, n_groups } => {
                            let first = row % n_groups * (n_row / spatial);
                            let runs = x.chunks_exact(spatial).zip(y.chunks_exact_mut(spatial));
                            for (channel, (x, y)) in runs.enumerate() {
                                let scale = scale.map_or(1.0, |scale| scale[first + channel]);
                                let bias = bias.map_or(0.0, |bias| bias[first + channel]);
                                channel_run(self.cx.isa, x, moments, scale, bias, y);
                            }
                        }
                    }
                }
            });
        Ok(())
    }
}

/// What a row is shifted and scaled by; the mean in two parts, as it may be large beside the deviation.
#[derive(Clone, Copy)]
struct Moments {
    high: f32,
    low: f32,
    inverse: f32,
}

per_isa!(fn moments(x: &[f32], is_centred: bool, epsilon: f64) -> Moments = moments_body);

#[inline(always)]
fn moments_body<P: Target>(x: &[f32], is_centred: bool, epsilon: f64) -> Moments {
    let n = x.len() as f64;
    let high = if is_centred {
        (sum_of(x, |x| x) / n) as f32
    } else {
        0.0
    };
    // Distances from nearly the mean: what is left of the mean is small, and so is its square.
    let (sum, squares) = distances_from::<P>(x, high);
    let rest = if is_centred { sum / n } else { 0.0 };
    let variance = squares / n - rest * rest;
    // Rounding may leave less than nothing; NaN stays.
    let variance = if variance < 0.0 { 0.0 } else { variance };
    let low = rest as f32;
    Moments {
        high,
        low,
        inverse: (1.0 / (variance + epsilon).sqrt()) as f32,
    }
}

per_isa!(
    fn elements(
        x: &[f32],
        moments: Moments,
        scale: Option<&[f32]>,
        bias: Option<&[f32]>,
        y: &mut [f32],
    ) = elements_body
);

#[inline(always)]
fn elements_body<P: Target>(
    x: &[f32],
    moments: Moments,
    scale: Option<&[f32]>,
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let Moments { high, low, inverse } = moments;
    let pairs = y.iter_mut().zip(x);
    match (scale, bias) {
        (Some(scale), Some(bias)) => {
            for (((y, &x), &scale), &bias) in pairs.zip(scale).zip(bias) {
                *y = fma::<P>((x - high - low) * inverse, scale, bias);
            }
        }
        (Some(scale), None) => {
            for ((y, &x), &scale) in pairs.zip(scale) {
                *y = (x - high - low) * inverse * scale;
            }
        }
        _ => {
            for (y, &x) in pairs {
                *y = (x - high - low) * inverse;
            }
        }
    }
}

per_isa!(
    fn channel_run(x: &[f32], moments: Moments, scale: f32, bias: f32, y: &mut [f32]) =
        channel_run_body
);

#[inline(always)]
fn channel_run_body<P: Target>(x: &[f32], moments: Moments, scale: f32, bias: f32, y: &mut [f32]) {
    let Moments { high, low, inverse } = moments;
    for (y, &x) in y.iter_mut().zip(x) {
        *y = fma::<P>((x - high - low) * inverse, scale, bias);
    }
}
