//! `ConvTranspose` of `f32`: products of weights and x for some channels at a time, whose rows are then added where their taps
//! fall.

use super::window::{Axes, axes, volume};
use crate::isa::{Target as Processor, per_isa};
use crate::kernels::gemm::{Gemm, Start, Strided, Target};
use crate::kernels::shared::Shared;
use crate::kernels::{FastKernel, KernelCx};
use graphc_base::DType;
use graphc_base::attrs::ConvTranspose;
use graphc_kernel::BoundSpec;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};

/// Elements of the products of some channels: they stay in the cache that all threads share.
const MAX_PRODUCTS: usize = 1 << 20;

struct Transposed {
    cx: KernelCx,
    n_samples: usize,
    n_groups: usize,
    n_in: usize,
    n_out: usize,
    /// Windows lie over y: its size is the axes' `size`, that of x their `out`.
    axes: Axes,
    /// Channels of y that are computed together.
    n_channels: usize,
    gemm: Gemm,
    last_gemm: Gemm,
}

pub(in crate::kernels) fn select(
    spec: &BoundSpec,
    conv: &ConvTranspose,
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let ([x, w, bias @ ..], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let mut args = spec.inputs.iter().chain([y]);
    let rank = x.shape.len();
    let n_groups = conv.groups;
    if !args.all(|arg| arg.dtype == DType::F32 && arg.contiguous)
        || bias.len() > 1
        || rank < 3
        || w.shape.len() != rank
        || y.shape.len() != rank
        || x.shape[0] != y.shape[0]
        || n_groups == 0
        || x.shape[1] % n_groups != 0
        || y.shape[1] % n_groups != 0
        || x.n_elements() == 0
        || y.n_elements() == 0
    {
        return None;
    }
    let (n_in, n_out) = (x.shape[1] / n_groups, y.shape[1] / n_groups);
    if w.shape[..2] != [x.shape[1], n_out]
        || bias.iter().any(|bias| bias.shape[..] != y.shape[1..2])
    {
        return None;
    }
    let axes = axes(
        &y.shape[2..],
        &x.shape[2..],
        &w.shape[2..],
        &conv.strides,
        &conv.dilations,
        &conv.pads,
    )?;
    let taps = volume(&axes, |axis| axis.taps);
    let windows = volume(&axes, |axis| axis.out);
    if taps == 0 {
        return None;
    }
    let n_channels = (MAX_PRODUCTS / taps.saturating_mul(windows).max(1)).clamp(1, n_out);
    let gemm = |n_channels: usize| {
        Gemm::new(
            cx.isa,
            [n_channels * taps, windows, n_in],
            1,
            cx.n_threads(),
        )
    };
    let rest = n_out % n_channels;
    Some(Box::new(Transposed {
        cx: cx.clone(),
        n_samples: x.shape[0],
        n_groups,
        n_in,
        n_out,
        axes,
        n_channels,
        gemm: gemm(n_channels),
        last_gemm: gemm(if rest == 0 { n_channels } else { rest }),
    }))
}

impl Transposed {
    fn thread_len(&self) -> usize {
        self.gemm.scratch_len().max(self.last_gemm.scratch_len())
    }

    fn products_len(&self) -> usize {
        (self.gemm.m * self.gemm.n).next_multiple_of(16)
    }
}

impl FastKernel for Transposed {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn scratch_bytes(&self) -> usize {
        (self.products_len() + self.thread_len() * self.cx.n_threads()) * size_of::<f32>()
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError> {
        let (x, w) = (typed::<f32>(inputs[0]), typed::<f32>(inputs[1]));
        let bias = inputs.get(2).map(|bytes| typed::<f32>(bytes));
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let (products, scratch) = typed_mut::<f32>(scratch).split_at_mut(self.products_len());
        let scratch = Shared::new(scratch);
        let (n_in, n_out) = (self.n_in, self.n_out);
        let taps = volume(&self.axes, |axis| axis.taps);
        let windows = volume(&self.axes, |axis| axis.out);
        let plane = volume(&self.axes, |axis| axis.size);
        let len = self.thread_len();
        for part in 0..self.n_samples * self.n_groups {
            let group = part % self.n_groups;
            let x = Strided {
                data: &x[part * n_in * windows..][..n_in * windows],
                start: 0,
                row: windows as isize,
                column: 1,
            };
            for first in (0..n_out).step_by(self.n_channels) {
                let n_channels = self.n_channels.min(n_out - first);
                let gemm = if n_channels == self.n_channels {
                    &self.gemm
                } else {
                    &self.last_gemm
                };
                let a = Strided {
                    data: w,
                    start: ((group * n_in * n_out + first) * taps) as isize,
                    row: 1,
                    column: (n_out * taps) as isize,
                };
                let to = Shared::new(&mut *products);
                self.cx
                    .run(gemm.n_blocks(), gemm.n_steps() / 40, &|thread, block| {
                        // SAFETY: threads have scratch of their own; the products have room for all rows, blocks do not overlap.
                        unsafe {
                            let scratch = scratch.part(thread * len, len);
                            let target = Target {
                                start: to.as_ptr(),
                                row: windows,
                            };
                            gemm.run_block(block, &a, &x, target, Start::Zero, scratch);
                        }
                    });
                let products = &*products;
                let cost = n_channels * taps * windows / 2;
                self.cx.run(n_channels, cost, &|_, item| {
                    let channel = first + item;
                    // SAFETY: items have planes of their own.
                    let y = unsafe { y.part((part * n_out + channel) * plane, plane) };
                    y.fill(bias.map_or(0.0, |bias| bias[group * n_out + channel]));
                    for tap in 0..taps {
                        let from = &products[(item * taps + tap) * windows..][..windows];
                        self.add_tap(tap, from, y);
                    }
                });
            }
        }
        Ok(())
    }
}

impl Transposed {
    /// Adds the products of a tap where its windows fall.
    fn add_tap(&self, tap: usize, from: &[f32], y: &mut [f32]) {
        let Some((last, others)) = self.axes.split_last() else {
            return;
        };
        let (begin, end) = last.windows(tap % last.taps);
        if begin >= end {
            return;
        }
        let at = (begin as i64 * last.stride as i64 + last.first(tap % last.taps)) as usize;
        for (row, from) in from.chunks_exact(last.out).enumerate() {
            let Some(start) = super::depthwise::row_start(others, last.size, row, tap / last.taps)
            else {
                continue;
            };
            let to = &mut y[start + at..start + last.size];
            add_row(self.cx.isa, &from[begin..end], to, last.stride);
        }
    }
}

per_isa!(fn add_row(from: &[f32], to: &mut [f32], stride: usize) = add_row_body);

#[inline(always)]
fn add_row_body<P: Processor>(from: &[f32], to: &mut [f32], stride: usize) {
    match stride {
        1 => {
            for (to, &from) in to.iter_mut().zip(from) {
                *to += from;
            }
        }
        stride => {
            for (to, &from) in to.iter_mut().step_by(stride).zip(from) {
                *to += from;
            }
        }
    }
}
