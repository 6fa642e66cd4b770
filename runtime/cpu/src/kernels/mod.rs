//! Kernels with code of their own; every other spec runs by the reference evaluator.
//!
//! One file per family. A family's `select` looks at a bound spec and gives a kernel only where every relation that its code
//! relies on holds; a spec that it does not take, an unsound one among them, is left to the reference evaluator, which
//! reports what is wrong. Launches allocate nothing: what a kernel needs beyond its results is asked for as scratch.
//! Results do not depend on the number of threads.

mod conv;
mod copy;
mod gemm;
mod half;
mod integer;
mod lanes;
mod math;
mod matmul;
mod movement;
mod norm;
mod pointwise;
mod pool;
mod quantize;
mod reduce;
mod shared;
mod softmax;
mod space;
mod widened;

use crate::isa::Isa;
use crate::pool::Pool;
use graphc_kernel::reference::KernelError;
use graphc_kernel::{BoundSpec, Kernel};
use std::sync::Arc;

/// What kernels run with.
#[derive(Clone)]
pub(crate) struct KernelCx {
    pub(crate) pool: Arc<Pool>,
    pub(crate) isa: Isa,
}

/// Estimated nanoseconds below which a loop stays on its thread: waking another takes longer.
const SERIAL_NS: usize = 20_000;

impl KernelCx {
    /// Calls `task` with the thread's number and each item; on one thread where all items together take little time.
    pub(crate) fn run(&self, n_items: usize, cost_ns: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        if cost_ns < SERIAL_NS {
            (0..n_items).for_each(|item| task(0, item));
        } else {
            self.pool.run_numbered(n_items, task);
        }
    }

    pub(crate) fn n_threads(&self) -> usize {
        self.pool.n_threads()
    }
}

/// A kernel with code of its own, for bound dims.
pub(crate) trait FastKernel: Send + Sync {
    /// Its name in profiles.
    fn name(&self) -> &'static str;

    /// Bytes of scratch that it needs.
    fn scratch_bytes(&self) -> usize {
        0
    }

    /// Runs it. Slices are aligned for their dtypes and as long as the spec's arguments need; `scratch` starts at a multiple
    /// of 64 and has at least the bytes asked for. Fails on data that the operator does not allow.
    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError>;
}

/// The fast kernel for a spec, if there is one.
pub(crate) fn select(spec: &BoundSpec, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let own = match &spec.kernel {
        Kernel::MatMul => matmul::select(spec, cx).or_else(|| integer::select(spec, cx)),
        Kernel::Conv(attrs) => conv::select(spec, attrs, cx),
        Kernel::ConvTranspose(attrs) => conv::transposed::select(spec, attrs, cx),
        Kernel::Quantize { axis, block, .. } => quantize::select(spec, *axis, *block, true, cx),
        Kernel::Dequantize { axis, block } => quantize::select(spec, *axis, *block, false, cx),
        Kernel::Pool(attrs) => pool::select(spec, attrs, cx),
        Kernel::Pointwise(program) => pointwise::select(spec, program, cx),
        Kernel::Copy => copy::select(spec, cx),
        Kernel::Concat { axis } => movement::concat(spec, *axis, cx),
        Kernel::Pad {
            mode,
            before,
            after,
        } => movement::pad(spec, *mode, before, after, cx),
        Kernel::Tile => movement::tile(spec, cx),
        Kernel::Gather { axis } => movement::gather(spec, *axis, cx),
        Kernel::Softmax { axis, log } => softmax::select(spec, *axis, *log, cx),
        Kernel::LayerNorm { axis, epsilon } => {
            norm::select_rows(spec, *axis, epsilon.get(), true, cx)
        }
        Kernel::RmsNorm { axis, epsilon } => {
            norm::select_rows(spec, *axis, epsilon.get(), false, cx)
        }
        Kernel::GroupNorm { groups, epsilon } => {
            norm::select_groups(spec, groups, epsilon.get(), cx)
        }
        Kernel::Reduce { kind, reduced } => reduce::select(spec, *kind, reduced, cx),
        _ => None,
    };
    own.or_else(|| widened::select_widened(spec, cx))
}
