//! The interface of a device: memory, prepared kernels, launches.
//!
//! A device prepares a kernel once per set of bound dims; launches then allocate nothing. Knows no program and no schedule.
#![forbid(unsafe_code)]

use graphc_kernel::reference::KernelError;
use graphc_kernel::{BoundSpec, SpecError};
use std::any::Any;

/// Why a device cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The kernel met data that its operator does not allow.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The spec is not sound for the bound dims.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// There is not enough memory.
    #[error("{device}: {bytes} bytes cannot be allocated")]
    OutOfMemory {
        /// The device.
        device: String,
        /// What was asked for.
        bytes: usize,
    },
    /// An argument lies outside its memory or on another argument.
    #[error("{device}: {kernel}: {message}")]
    Argument {
        /// The device.
        device: String,
        /// The kernel.
        kernel: String,
        /// What is wrong.
        message: String,
    },
}

/// Memory of a device. Offsets are bytes; the start is aligned to at least 64.
pub trait Memory: Send + Sync + Any {
    /// Its size in bytes.
    fn len(&self) -> usize;
    /// Whether it has no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Enlarges it to at least `bytes`, keeping the contents.
    fn grow(&mut self, bytes: usize) -> Result<(), DeviceError>;
    /// Copies from the host.
    fn write(&mut self, offset: usize, from: &[u8]) -> Result<(), DeviceError>;
    /// Copies to the host.
    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), DeviceError>;
    /// Moves `bytes` bytes inside it; the ranges may overlap.
    fn copy_within(&mut self, from: usize, to: usize, bytes: usize) -> Result<(), DeviceError>;
    /// The bytes, where the host can see them.
    fn host(&self) -> Option<&[u8]>;
    /// The bytes to change, where the host can see them.
    fn host_mut(&mut self) -> Option<&mut [u8]>;
    /// For devices to find their own type.
    fn as_any(&self) -> &dyn Any;
    /// For devices to find their own type.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// A tensor that a kernel reads.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// In the arena of the launch.
    Arena {
        /// Start in bytes.
        offset: usize,
        /// Size in bytes.
        bytes: usize,
    },
    /// Bytes that the host holds; aligned for the dtype.
    Host(&'a [u8]),
}

/// A range of the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Start in bytes.
    pub offset: usize,
    /// Size in bytes.
    pub bytes: usize,
}

/// One launch of a prepared kernel. Outputs and scratch lie apart from one another and from the inputs.
pub struct Launch<'a> {
    /// Memory that holds intermediate tensors.
    pub arena: &'a mut dyn Memory,
    /// Tensors that are read.
    pub inputs: &'a [Input<'a>],
    /// Tensors that are written.
    pub outputs: &'a [Span],
    /// Scratch of at least the size that the kernel asked for.
    pub scratch: Span,
}

/// A kernel made ready for bound dims.
pub trait PreparedKernel: Send + Sync {
    /// Bytes of scratch that a launch needs.
    fn scratch_bytes(&self) -> usize;
    /// What runs, for profiles: `reference` where the device has no code of its own.
    fn implementation(&self) -> &'static str;
    /// Runs it.
    fn launch(&self, launch: Launch<'_>) -> Result<(), DeviceError>;
}

/// A device.
pub trait Device: Send + Sync {
    /// Its name: `cpu`, `cuda:0`.
    fn name(&self) -> &str;
    /// Allocates memory.
    fn allocate(&self, bytes: usize) -> Result<Box<dyn Memory>, DeviceError>;
    /// Makes a kernel ready for bound dims.
    fn prepare(&self, spec: &BoundSpec) -> Result<Box<dyn PreparedKernel>, DeviceError>;
}
