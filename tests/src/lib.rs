//! What the suites share; the suites themselves are the integration tests and binaries of this crate.

#![forbid(unsafe_code)]

pub mod assets;
pub mod conformance;
pub mod fuzz;
pub mod gaps;
pub mod models;
pub mod parallel;
