//! The names that a subgraph uses from outside.

use crate::proto::GraphProto;
use std::collections::BTreeSet;

/// Names that these graphs, or graphs within them, use and do not define, each once, in order of first use.
pub(super) fn free_names(graphs: &[&GraphProto]) -> Vec<String> {
    let mut found = Found::default();
    for graph in graphs {
        visit(graph, &mut Vec::new(), &mut found);
    }
    found.names
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
    seen: BTreeSet<String>,
}

/// The decoder bounds how deep graphs nest, so recursion is bounded too.
fn visit<'m>(graph: &'m GraphProto, outer: &mut Vec<BTreeSet<&'m str>>, found: &mut Found) {
    let mut defined = BTreeSet::new();
    defined.extend(graph.input.iter().map(|input| input.name.as_str()));
    defined.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    defined.extend(
        graph
            .sparse_initializer
            .iter()
            .filter_map(|sparse| sparse.values.as_ref().map(|values| values.name.as_str())),
    );
    for node in &graph.node {
        defined.extend(node.output.iter().map(String::as_str));
    }
    outer.push(defined);
    for node in &graph.node {
        for name in &node.input {
            note(name, outer, found);
        }
        for attribute in &node.attribute {
            for subgraph in attribute.g.iter().chain(&attribute.graphs) {
                visit(subgraph, outer, found);
            }
        }
    }
    for output in &graph.output {
        note(&output.name, outer, found);
    }
    outer.pop();
}

fn note(name: &str, outer: &[BTreeSet<&str>], found: &mut Found) {
    if name.is_empty() || outer.iter().any(|defined| defined.contains(name)) {
        return;
    }
    if found.seen.insert(name.to_owned()) {
        found.names.push(name.to_owned());
    }
}
