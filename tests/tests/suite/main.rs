//! The CPU target from the model file to its numbers.

mod chain;
mod conformance;
mod fuzz;
mod models;
mod symbolic;
