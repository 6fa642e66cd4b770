//! One match over all kernels.

use super::{Call, KernelError};
use crate::spec::BoundSpec;

/// Computes a spec.
pub fn evaluate(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    Err(call.error("has no evaluator"))
}

/// Bytes of scratch that [`evaluate`] needs.
pub fn scratch_bytes(spec: &BoundSpec) -> usize {
    let _ = spec;
    0
}
