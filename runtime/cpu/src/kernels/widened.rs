//! Half-precision specs by the kernels of `f32`: operands are widened into scratch, results rounded once.

use super::pointwise::cast::{narrow, widen};
use super::pointwise::float::round;
use super::shared::Shared;
use super::{FastKernel, KernelCx, select};
use graphc_base::DType;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{typed, typed_mut};
use graphc_kernel::{BoundArg, BoundSpec};
use smallvec::SmallVec;

/// Elements of an item of the parallel loop.
const ITEM: usize = 1 << 14;

/// Tensors in scratch start at multiples of a cache line.
const LINE: usize = 64;

struct Widened {
    cx: KernelCx,
    inner: Box<dyn FastKernel>,
    /// Of each operand: its dtype and the elements of its buffer.
    inputs: SmallVec<[(DType, usize); 4]>,
    outputs: SmallVec<[(DType, usize); 2]>,
    scratch_bytes: usize,
}

fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

fn padded(n_elements: usize) -> Option<usize> {
    n_elements
        .checked_mul(size_of::<f32>())?
        .checked_next_multiple_of(LINE)
}

/// `None` where nothing is of half precision or there is no kernel for the same spec in `f32`.
pub(super) fn select_widened(spec: &BoundSpec, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let mut wide = spec.clone();
    for arg in wide.inputs.iter_mut().chain(&mut wide.outputs) {
        if is_half(arg.dtype) {
            arg.dtype = DType::F32;
        }
    }
    // Operands of one dtype stay such; of two, the reference knows what is meant.
    let mut halves = spec
        .inputs
        .iter()
        .chain(&spec.outputs)
        .filter(|arg| is_half(arg.dtype));
    let first = halves.next()?.dtype;
    if halves.any(|arg| arg.dtype != first) || spec.outputs.iter().any(|arg| !arg.contiguous) {
        return None;
    }
    let inner = select(&wide, cx)?;
    let sizes = |args: &[BoundArg]| -> Option<SmallVec<[(DType, usize); 4]>> {
        args.iter()
            .map(|arg| Some((arg.dtype, arg.buffer_elements()?)))
            .collect()
    };
    let (inputs, outputs) = (sizes(&spec.inputs)?, sizes(&spec.outputs)?);
    let mut scratch_bytes = inner.scratch_bytes();
    for &(dtype, n_elements) in inputs.iter().chain(&outputs) {
        if is_half(dtype) {
            scratch_bytes = scratch_bytes.checked_add(padded(n_elements)?)?;
        }
    }
    Some(Box::new(Widened {
        cx: cx.clone(),
        inner,
        inputs,
        outputs: outputs.into_iter().collect(),
        scratch_bytes,
    }))
}

impl FastKernel for Widened {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn scratch_bytes(&self) -> usize {
        self.scratch_bytes
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError> {
        let mut rest = scratch;
        let mut take = |n_elements: usize| {
            let (part, after) =
                std::mem::take(&mut rest).split_at_mut(padded(n_elements).unwrap_or(0));
            rest = after;
            &mut part[..n_elements * size_of::<f32>()]
        };
        let mut sources: SmallVec<[&[u8]; 4]> = SmallVec::new();
        for (&(dtype, n_elements), &bytes) in self.inputs.iter().zip(inputs) {
            if !is_half(dtype) {
                sources.push(bytes);
                continue;
            }
            let part = take(n_elements);
            if n_elements > 0 {
                let from = typed::<u16>(bytes);
                let to = Shared::new(typed_mut::<f32>(part));
                self.cx
                    .run(n_elements.div_ceil(ITEM), n_elements / 8, &|_, item| {
                        let first = item * ITEM;
                        // SAFETY: items have elements of their own.
                        let to = unsafe { to.part(first, ITEM) };
                        widen(self.cx.isa, dtype, &from[first..][..to.len()], to);
                    });
            }
            sources.push(part);
        }
        let mut wide: SmallVec<[&mut [u8]; 2]> = SmallVec::new();
        let mut narrow_outputs: SmallVec<[Option<&mut [u8]>; 2]> = SmallVec::new();
        for (&(dtype, n_elements), bytes) in self.outputs.iter().zip(outputs.iter_mut()) {
            if is_half(dtype) {
                wide.push(take(n_elements));
                narrow_outputs.push(Some(bytes));
            } else {
                wide.push(bytes);
                narrow_outputs.push(None);
            }
        }
        self.inner.run(&sources, &mut wide, rest)?;
        for ((&(dtype, n_elements), from), to) in self.outputs.iter().zip(wide).zip(narrow_outputs)
        {
            let Some(to) = to.filter(|_| n_elements > 0) else {
                continue;
            };
            let from = Shared::new(typed_mut::<f32>(from));
            let to = Shared::new(typed_mut::<u16>(to));
            self.cx
                .run(n_elements.div_ceil(ITEM), n_elements / 8, &|_, item| {
                    let first = item * ITEM;
                    // SAFETY: items have elements of their own.
                    let (from, to) = unsafe { (from.part(first, ITEM), to.part(first, ITEM)) };
                    round(self.cx.isa, dtype, from);
                    narrow(self.cx.isa, dtype, from, to);
                });
        }
        Ok(())
    }
}
