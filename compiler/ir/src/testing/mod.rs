//! Graphs for the tests of this and other crates, made from a list of choices.
//!
//! [`typed_graph`] gives sound graphs that run at any sizes, [`arbitrary_graph`] anything that can be written down, for
//! what must not panic. [`Choices`] come from a property test or a fuzzer.

mod arbitrary;
mod choices;
mod families;
mod regions;
#[cfg(test)]
mod tests;
mod typed;

pub use arbitrary::{Arbitrary, arbitrary_graph};
pub use choices::Choices;
pub use typed::{Family, GraphOptions, typed_graph};
