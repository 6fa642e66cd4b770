//! The slow, obvious evaluator of every spec: its meaning.
//!
//! Works on byte slices that are aligned for their dtype, in place, with scratch of the size that [`scratch_bytes`] says and
//! no other memory that grows with the tensors. Sums are accumulated in `f64` (or wrapping in the integer's own type).

mod check;
mod col2im;
mod conv;
mod deform_conv;
mod dispatch;
pub mod element;
mod fill;
pub(crate) mod gather;
mod grid_sample;
#[cfg(test)]
mod harness;
mod linear;
mod matmul;
mod movement;
mod norm;
pub(crate) mod order;
mod pointwise;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod roi;
pub(crate) mod scalar;
mod scatter;
#[cfg(test)]
mod select_tests;
mod suppress;
pub(crate) mod table;
mod window;

pub use dispatch::{evaluate, scratch_bytes};
pub use scalar::float_unary;

use crate::spec::BoundSpec;

/// Why a kernel could not compute: the data are outside what the operator allows.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kernel}: {message}")]
pub struct KernelError {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// What is wrong, with the offending value.
    pub message: String,
}

/// The tensors of one evaluation.
pub struct Call<'a, 'b> {
    /// The spec, with sizes.
    pub spec: &'a BoundSpec,
    /// Bytes of the inputs' buffers.
    pub inputs: &'a [&'b [u8]],
    /// Bytes of the outputs' buffers.
    pub outputs: &'a mut [&'b mut [u8]],
    /// Scratch of at least [`scratch_bytes`], 64-byte aligned, contents arbitrary.
    pub scratch: &'a mut [u8],
}

impl Call<'_, '_> {
    /// An error of this kernel.
    pub fn error(&self, message: impl Into<String>) -> KernelError {
        KernelError {
            kernel: self.spec.kernel.name(),
            message: message.into(),
        }
    }
}
