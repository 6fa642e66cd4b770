//! The CPU target from the model file to its numbers.

mod chain;
mod conformance;
mod models;
mod symbolic;
mod fuzz;
