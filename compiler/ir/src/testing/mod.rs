//! Graphs for the tests of this and other crates, made from a list of choices.
//!
//! [`arbitrary_graph`] gives anything that can be written down, for what must not panic.

mod arbitrary;
mod choices;

pub use arbitrary::{Arbitrary, arbitrary_graph};
pub use choices::Choices;
