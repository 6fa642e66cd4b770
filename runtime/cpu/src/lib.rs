//! The CPU device: kernels by SIMD where it has them, by the reference evaluator elsewhere.
//!
//! Holds the project's unsafe code for memory and threads; every block says why it is sound.

mod device;
mod isa;
mod kernels;
mod memory;
mod pool;

pub use device::CpuDevice;
pub use isa::Isa;
pub use memory::AlignedBytes;
pub use pool::Pool;
