//! Directed passes: what is dead goes, what is equal is made once, what is known becomes a constant or a dim.
//!
//! A pass is a free function from a sound graph to a sound graph that computes the same; passes do not call each other.
//! [`canonicalize`] runs [`PASSES`] in turn until nothing changes. Nothing here computes on weights: constants that follow
//! from constants become derivations, which are evaluated when the artifact is written.
#![forbid(unsafe_code)]

mod dead;
mod fold;
mod inline;
mod known;
mod merge;
mod pass;
mod replace;
mod rows;
mod simplify;
mod sink;
mod symbols;
#[cfg(test)]
mod tests;

pub use dead::remove_dead;
pub use fold::fold_constants;
pub use inline::inline_branches;
pub use known::replace_known;
pub use merge::merge_equal_nodes;
pub use pass::{
    MAX_ROUNDS, OptError, PASSES, Pass, PassCx, PassReport, canonicalize, canonicalize_with,
};
pub use rows::pick_rows_first;
pub use simplify::simplify;
pub use sink::sink_constant_work;
pub use symbols::resolve_symbols;
