//! The CPU target from the model file to its numbers.

mod conformance;
