//! `Conv` of `f32`: as a product over windows, channel by channel where each has weights of its own, as vectors' products
//! where there is one window.

pub(super) mod depthwise;
pub(super) mod transposed;
mod unfold;
pub(super) mod window;

use super::gemm::{Gemm, Start, Strided, Target};
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use graphc_base::DType;
use graphc_base::attrs::Conv;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use graphc_kernel::{BoundArg, BoundSpec, Kernel};
use unfold::Unfolded;
use window::{Axes, axes, volume};

/// The shape of a convolution.
#[derive(Clone)]
pub(super) struct Shape {
    n_samples: usize,
    n_groups: usize,
    /// Channels of x in a group.
    n_in: usize,
    /// Channels of y in a group.
    n_out: usize,
    axes: Axes,
}

impl Shape {
    fn new(spec: &BoundSpec, conv: &Conv) -> Option<Self> {
        let ([x, w, bias @ ..], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
            return None;
        };
        let mut args = spec.inputs.iter().chain([y]);
        let is_plain = args.all(|arg| arg.dtype == DType::F32 && arg.contiguous);
        let rank = x.shape.len();
        let n_groups = conv.groups;
        if !is_plain
            || bias.len() > 1
            || rank < 2
            || w.shape.len() != rank
            || y.shape.len() != rank
            || x.shape[0] != y.shape[0]
            || n_groups == 0
            || x.shape[1] % n_groups != 0
            || y.shape[1] % n_groups != 0
        {
            return None;
        }
        let (n_in, n_out) = (x.shape[1] / n_groups, y.shape[1] / n_groups);
        let has_fit_bias = bias.iter().all(|bias| bias.shape[..] == y.shape[1..2]);
        // A plane's positions are kept in 32 bits.
        let is_moderate = x.shape[2..].iter().product::<usize>() <= u32::MAX as usize;
        if w.shape[..2] != [y.shape[1], n_in] || !has_fit_bias || !is_moderate {
            return None;
        }
        Some(Self {
            n_samples: x.shape[0],
            n_groups,
            n_in,
            n_out,
            axes: axes(
                &x.shape[2..],
                &y.shape[2..],
                &w.shape[2..],
                &conv.strides,
                &conv.dilations,
                &conv.pads,
            )?,
        })
    }

    fn plane(&self) -> usize {
        volume(&self.axes, |axis| axis.size)
    }

    fn out(&self) -> usize {
        volume(&self.axes, |axis| axis.out)
    }

    fn taps(&self) -> usize {
        volume(&self.axes, |axis| axis.taps)
    }
}

pub(super) fn select(spec: &BoundSpec, conv: &Conv, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let shape = Shape::new(spec, conv)?;
    if shape.axes.is_empty()
        || spec.outputs[0].n_elements() == 0
        || spec.inputs[0].n_elements() == 0
    {
        return None;
    }
    if shape.n_groups == 1
        && shape.axes.iter().all(|axis| {
            axis.out == 1 && axis.before == 0 && axis.size == axis.taps && axis.dilation == 1
        })
    {
        return dense(spec, &shape, cx);
    }
    // With many channels of y for one of x, rows of weights share panels of x.
    if shape.n_in == 1
        && shape.n_out < 8
        && let Some(kernel) = depthwise::select(&shape, cx)
    {
        return Some(kernel);
    }
    let n_steps = shape.n_in * shape.taps();
    let gemm = Gemm::new(
        cx.isa,
        [shape.n_out, shape.out(), n_steps],
        shape.n_samples * shape.n_groups,
        cx.n_threads(),
    );
    Some(Box::new(Product {
        cx: cx.clone(),
        shape,
        gemm,
    }))
}

struct Product {
    cx: KernelCx,
    shape: Shape,
    gemm: Gemm,
}

impl FastKernel for Product {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn scratch_bytes(&self) -> usize {
        self.gemm.scratch_len() * self.cx.n_threads() * size_of::<f32>()
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError> {
        let Shape {
            n_samples,
            n_groups,
            n_in,
            n_out,
            ref axes,
        } = self.shape;
        let (x, w) = (typed::<f32>(inputs[0]), typed::<f32>(inputs[1]));
        let bias = inputs.get(2).map(|bytes| typed::<f32>(bytes));
        let y = Shared::new(typed_mut::<f32>(outputs[0]));
        let scratch = Shared::new(typed_mut::<f32>(scratch));
        let (plane, out, len) = (
            self.shape.plane(),
            self.shape.out(),
            self.gemm.scratch_len(),
        );
        let (n_products, n_blocks) = (n_samples * n_groups, self.gemm.n_blocks());
        let is_plain = axes.iter().all(window::Axis::is_identity);
        let cost = self.gemm.n_steps().saturating_mul(n_products) / 40;
        self.cx.run(n_products * n_blocks, cost, &|thread, item| {
            let (product, block) = (item / n_blocks, item % n_blocks);
            let group = product % n_groups;
            let a = Strided {
                data: w,
                start: (group * n_out * self.gemm.k) as isize,
                row: self.gemm.k as isize,
                column: 1,
            };
            let x = &x[product * n_in * plane..][..n_in * plane];
            let start = match bias {
                Some(bias) => Start::Rows(bias[group * n_out..][..n_out].as_ptr()),
                None => Start::Zero,
            };
            // SAFETY: threads have scratch of their own; a product has `n_out · out` results in y, and blocks of a product do not
            // overlap; the bias has a value for each row.
            unsafe {
                let scratch = scratch.part(thread * len, len);
                let target = Target {
                    start: y.as_ptr().add(product * n_out * out),
                    row: out,
                };
                if is_plain {
                    let b = Strided {
                        data: x,
                        start: 0,
                        row: plane as isize,
                        column: 1,
                    };
                    self.gemm.run_block(block, &a, &b, target, start, scratch);
                } else {
                    let b = Unfolded { x, axes };
                    self.gemm.run_block(block, &a, &b, target, start, scratch);
                }
            }
        });
        Ok(())
    }
}

/// One window over the whole of x: a product of matrices with transposed weights.
fn dense(spec: &BoundSpec, shape: &Shape, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let n_steps = shape.n_in * shape.taps();
    let arg = |shape: [usize; 2], strides: [isize; 2], contiguous: bool| BoundArg {
        dtype: DType::F32,
        shape: shape.into_iter().collect(),
        strides: strides.into_iter().collect(),
        offset: 0,
        contiguous,
    };
    let (n_samples, n_out) = (shape.n_samples, shape.n_out);
    let product = BoundSpec {
        kernel: Kernel::MatMul,
        inputs: vec![
            arg([n_samples, n_steps], [n_steps as isize, 1], true),
            arg([n_steps, n_out], [1, n_steps as isize], false),
        ],
        outputs: vec![arg([n_samples, n_out], [n_out as isize, 1], true)],
    };
    Some(Box::new(Dense {
        product: super::matmul::select(&product, cx)?,
        has_bias: spec.inputs.len() == 3,
    }))
}

struct Dense {
    product: Box<dyn FastKernel>,
    has_bias: bool,
}

impl FastKernel for Dense {
    fn name(&self) -> &'static str {
        self.product.name()
    }

    fn scratch_bytes(&self) -> usize {
        self.product.scratch_bytes()
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError> {
        self.product.run(&inputs[..2], outputs, scratch)?;
        if self.has_bias {
            let bias = typed::<f32>(inputs[2]);
            for row in typed_mut::<f32>(outputs[0]).chunks_exact_mut(bias.len()) {
                for (y, &bias) in row.iter_mut().zip(bias) {
                    *y += bias;
                }
            }
        }
        Ok(())
    }
}
