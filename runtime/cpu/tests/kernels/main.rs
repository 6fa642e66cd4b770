//! Every fast kernel against the reference evaluator, which is the meaning of its spec.

mod harness;
mod matmul;
mod movement;
mod pointwise;
mod quantize;
mod rows;
mod spatial;
