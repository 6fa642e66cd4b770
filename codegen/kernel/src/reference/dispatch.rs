//! One match over all kernels.

use super::{Call, KernelError, matmul};
use crate::spec::{BoundSpec, Kernel};

/// Computes a spec.
pub fn evaluate(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    let spec = call.spec;
    match &spec.kernel {
        Kernel::MatMul => matmul::matmul(call),
        _ => Err(call.error("has no evaluator")),
    }
}

/// Bytes of scratch that [`evaluate`] needs.
pub fn scratch_bytes(spec: &BoundSpec) -> usize {
    let _ = spec;
    0
}
