//! Preparation and launch: arguments become disjoint slices of the arena.

use crate::isa::Isa;
use crate::kernels::{FastKernel, KernelCx, select};
use crate::memory::AlignedBytes;
use crate::pool::Pool;
use graphc_base::DType;
use graphc_device::{Device, DeviceError, Input, Launch, Memory, PreparedKernel, Span};
use graphc_kernel::reference::{Call, evaluate, scratch_bytes};
use graphc_kernel::{BoundArg, BoundSpec};
use smallvec::SmallVec;
use std::sync::Arc;

/// Arguments that fit without allocation; validation allows no more.
const MAX_ARGS: usize = graphc_program::MAX_ARGS;

/// The CPU.
pub struct CpuDevice {
    cx: KernelCx,
}

impl CpuDevice {
    /// A device that runs kernels on `n_threads` threads, with the widest instructions that there are.
    pub fn new(n_threads: usize) -> Self {
        Self::with_isa(n_threads, Isa::best())
    }

    /// A device that keeps to an instruction set, for tests and comparisons.
    pub fn with_isa(n_threads: usize, isa: Isa) -> Self {
        Self {
            cx: KernelCx {
                pool: Arc::new(Pool::new(n_threads.max(1))),
                isa,
            },
        }
    }

    /// Number of threads.
    pub fn n_threads(&self) -> usize {
        self.cx.pool.n_threads()
    }
}

impl Device for CpuDevice {
    fn name(&self) -> &str {
        "cpu"
    }

    fn allocate(&self, bytes: usize) -> Result<Box<dyn Memory>, DeviceError> {
        Ok(Box::new(AlignedBytes::zeroed(bytes)?))
    }

    fn prepare(&self, spec: &BoundSpec) -> Result<Box<dyn PreparedKernel>, DeviceError> {
        let needs = |args: &[BoundArg]| -> Result<SmallVec<[usize; MAX_ARGS]>, DeviceError> {
            args.iter()
                .map(|arg| {
                    arg.buffer_elements()
                        .and_then(|n| arg.dtype.byte_len(n))
                        .ok_or_else(|| argument(spec, "a view leaves its buffer at the front"))
                })
                .collect()
        };
        let (input_bytes, output_bytes) = (needs(&spec.inputs)?, needs(&spec.outputs)?);
        let fast = select(spec, &self.cx);
        Ok(Box::new(Prepared {
            scratch: fast
                .as_ref()
                .map_or_else(|| scratch_bytes(spec), |fast| fast.scratch_bytes()),
            spec: spec.clone(),
            fast,
            input_bytes,
            output_bytes,
        }))
    }
}

fn argument(spec: &BoundSpec, message: impl Into<String>) -> DeviceError {
    DeviceError::Argument {
        device: "cpu".to_owned(),
        kernel: spec.kernel.name().to_owned(),
        message: message.into(),
    }
}

struct Prepared {
    spec: BoundSpec,
    fast: Option<Box<dyn FastKernel>>,
    input_bytes: SmallVec<[usize; MAX_ARGS]>,
    output_bytes: SmallVec<[usize; MAX_ARGS]>,
    scratch: usize,
}

impl PreparedKernel for Prepared {
    fn scratch_bytes(&self) -> usize {
        self.scratch
    }

    fn implementation(&self) -> &'static str {
        self.fast.as_ref().map_or("reference", |fast| fast.name())
    }

    fn launch(&self, launch: Launch<'_>) -> Result<(), DeviceError> {
        let fault = |message: &str| argument(&self.spec, message);
        let Launch {
            arena,
            inputs,
            outputs,
            scratch,
        } = launch;
        if inputs.len() != self.input_bytes.len() || outputs.len() != self.output_bytes.len() {
            return Err(fault("wrong number of arguments"));
        }
        let arena = arena
            .as_any_mut()
            .downcast_mut::<AlignedBytes>()
            .ok_or_else(|| fault("the arena is another device's"))?;
        let n_arena = arena.len();
        let inside = |span: Span| {
            span.offset
                .checked_add(span.bytes)
                .is_some_and(|end| end <= n_arena)
        };
        let apart = |a: Span, b: Span| {
            a.bytes == 0
                || b.bytes == 0
                || a.offset + a.bytes <= b.offset
                || b.offset + b.bytes <= a.offset
        };
        let written: SmallVec<[Span; MAX_ARGS]> =
            outputs.iter().copied().chain([scratch]).collect();
        for (position, &span) in written.iter().enumerate() {
            let read = inputs.iter().filter_map(|input| match *input {
                Input::Arena { offset, bytes } => Some(Span { offset, bytes }),
                Input::Host(_) => None,
            });
            if !inside(span)
                || span.offset % 64 != 0
                || !written[position + 1..]
                    .iter()
                    .copied()
                    .chain(read)
                    .all(|other| apart(span, other))
            {
                return Err(fault("tensors overlap or lie outside the arena"));
            }
        }
        if scratch.bytes < self.scratch
            || outputs
                .iter()
                .zip(&self.output_bytes)
                .any(|(span, &needed)| span.bytes < needed)
        {
            return Err(fault("a tensor is smaller than its shape"));
        }
        let base = arena.as_ptr();
        let mut sources: SmallVec<[&[u8]; MAX_ARGS]> = SmallVec::new();
        for ((input, &needed), arg) in inputs.iter().zip(&self.input_bytes).zip(&self.spec.inputs) {
            let bytes: &[u8] = match *input {
                Input::Host(bytes) => bytes,
                Input::Arena { offset, bytes } if inside(Span { offset, bytes }) => {
                    // SAFETY: the range lies inside the arena, which is borrowed exclusively for the whole launch, and no
                    // output or scratch span overlaps it (checked above), so nothing writes it while it is read.
                    unsafe { std::slice::from_raw_parts(base.add(offset), bytes) }
                }
                Input::Arena { .. } => return Err(fault("an input lies outside the arena")),
            };
            if bytes.len() < needed || !(bytes.as_ptr() as usize).is_multiple_of(width(arg.dtype)) {
                return Err(fault("an input is too small or not aligned"));
            }
            sources.push(&bytes[..needed]);
        }
        let mut targets: SmallVec<[&mut [u8]; MAX_ARGS]> = SmallVec::new();
        for (span, &needed) in outputs.iter().zip(&self.output_bytes) {
            // SAFETY: inside the arena, and apart from every other slice made here (checked above).
            targets.push(unsafe { std::slice::from_raw_parts_mut(base.add(span.offset), needed) });
        }
        // SAFETY: as for the outputs.
        let scratch =
            unsafe { std::slice::from_raw_parts_mut(base.add(scratch.offset), self.scratch) };
        match &self.fast {
            Some(fast) => fast.run(&sources, &mut targets, scratch)?,
            None => evaluate(&mut Call {
                spec: &self.spec,
                inputs: &sources,
                outputs: &mut targets,
                scratch,
            })?,
        }
        Ok(())
    }
}

fn width(dtype: DType) -> usize {
    dtype.bits().div_ceil(8).max(1)
}
