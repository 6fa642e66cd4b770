//! From a graph to a program: each node becomes a kernel, a view or a host step.
//!
//! Knows no model format and no device code. Views that keep the bytes (Reshape) alias; everything else that a device can
//! compute becomes a launch; values without a byte layout and what works on them become host calls.
#![forbid(unsafe_code)]

mod block;
mod host;
mod kernel;
mod program;
mod whole;

pub use program::{PlanError, plan};
pub use whole::lower_whole;
