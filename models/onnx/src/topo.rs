//! The order of nodes. ONNX demands a topological order; files that break it are put in order, cycles are named.

use crate::error::OnnxError;
use crate::proto::{FunctionProto, GraphProto, NodeProto};
use std::collections::{BTreeMap, BTreeSet};

/// Positions of a graph's nodes in topological order; the file's order where that is one.
pub(crate) fn order(graph: &GraphProto) -> Result<Vec<usize>, OnnxError> {
    let given = graph.input.iter().map(|input| input.name.as_str());
    sort(&graph.node, given).map_err(|message| OnnxError::Graph {
        file: format!("graph {}", graph.name),
        message,
    })
}

/// Positions of a function's nodes in topological order.
pub(crate) fn function_order(function: &FunctionProto) -> Result<Vec<usize>, OnnxError> {
    sort(&function.node, function.input.iter().map(String::as_str)).map_err(|message| {
        OnnxError::Graph {
            file: format!("function {}", function.name),
            message,
        }
    })
}

fn sort<'a>(
    nodes: &'a [NodeProto],
    given: impl Iterator<Item = &'a str>,
) -> Result<Vec<usize>, String> {
    let mut makers: BTreeMap<&str, usize> = BTreeMap::new();
    let given: BTreeSet<&str> = given.collect();
    for (position, node) in nodes.iter().enumerate() {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if given.contains(output.as_str()) || makers.insert(output, position).is_some() {
                return Err(format!("value {output} is defined twice"));
            }
        }
    }
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut n_missing = vec![0usize; nodes.len()];
    for (position, node) in nodes.iter().enumerate() {
        let mut reads: BTreeSet<&str> = BTreeSet::new();
        collect_reads(node, &mut reads);
        for read in reads {
            if let Some(&maker) = makers.get(read) {
                users[maker].push(position);
                n_missing[position] += 1;
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len())
        .filter(|&position| n_missing[position] == 0)
        .collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(position) = ready.pop_first() {
        order.push(position);
        for &user in &users[position] {
            n_missing[user] -= 1;
            if n_missing[user] == 0 {
                ready.insert(user);
            }
        }
    }
    if order.len() == nodes.len() {
        return Ok(order);
    }
    let stuck: Vec<String> = nodes
        .iter()
        .zip(&n_missing)
        .filter(|(_, missing)| **missing > 0)
        .take(8)
        .map(|(node, _)| format!("{} ({})", name_of(node), node.op_type))
        .collect();
    Err(format!(
        "nodes depend on one another in a cycle: {}",
        stuck.join(", ")
    ))
}

/// A node's name, or its first output's.
fn name_of(node: &NodeProto) -> &str {
    if node.name.is_empty() {
        node.output.first().map_or("", String::as_str)
    } else {
        &node.name
    }
}

/// Names that a node reads, those that its subgraphs may take from outside included. The decoder bounds the nesting.
fn collect_reads<'a>(node: &'a NodeProto, reads: &mut BTreeSet<&'a str>) {
    reads.extend(
        node.input
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty()),
    );
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            let mut inner: BTreeSet<&str> = graph
                .output
                .iter()
                .map(|output| output.name.as_str())
                .collect();
            for node in &graph.node {
                collect_reads(node, &mut inner);
            }
            let defined: BTreeSet<&str> = graph
                .node
                .iter()
                .flat_map(|node| &node.output)
                .map(String::as_str)
                .chain(graph.input.iter().map(|input| input.name.as_str()))
                .chain(graph.initializer.iter().map(|tensor| tensor.name.as_str()))
                .collect();
            reads.extend(inner.difference(&defined));
        }
    }
}
