//! The names of inputs and outputs, and what blocks give.

use super::Cx;
use super::error::Errors;
use super::places::Place;
use crate::graph::{BlockId, Graph};
use std::collections::BTreeSet;

pub(super) fn verify_interface(graph: &Graph, errors: &mut Errors<'_>) {
    let main = graph.block(Graph::MAIN);
    verify_names("input", &graph.input_names, main.params.len(), errors);
    verify_names("output", &graph.output_names, main.results.len(), errors);
}

fn verify_names(what: &str, names: &[String], n_values: usize, errors: &mut Errors<'_>) {
    if names.len() != n_values {
        errors.graph(format_args!(
            "has {} {what} names for {n_values} {what}s",
            names.len()
        ));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            errors.graph(format_args!("has two {what}s named {name:?}"));
        }
    }
}

/// Results of a block are its own.
pub(super) fn verify_block(cx: &Cx<'_>, id: BlockId, errors: &mut Errors<'_>) {
    let block = cx.graph.block(id);
    let end = Place {
        block: id,
        position: block.nodes.len() + 1,
    };
    for &result in &block.results {
        match cx.places.value(result) {
            Some(place) if place.block == end.block => {}
            Some(place) => errors.block(
                id,
                format_args!("gives {result}, which is defined in {}", place.block),
            ),
            None => errors.block(id, format_args!("gives {result}, which is not defined")),
        }
    }
}
