//! The text form of graphs, written; [`parse`](crate::parse()) reads it back. `docs/ir.md` is its reference.
//!
//! The text of a graph depends on nothing but the graph: blocks stand breadth first from the main one, nodes in the order
//! of their block. What the main block does not reach is left out: regions of removed nodes, constants that no node uses,
//! symbols that nothing mentions. Any graph can be written, sound or not; ids that are not of the graph are shown as they
//! are.

mod constant;
mod numbers;
#[cfg(test)]
mod tests;
mod ty;
mod writer;

pub(crate) use numbers::Reach;
pub(crate) use ty::{Show, ShowTensor};
pub(crate) use writer::Writer;

use crate::graph::{Binding, BlockId, DimCheckKind, Graph, NodeId, SourceId, ValueId};
use crate::types::ValueType;
use graphc_base::{Interval, SymId};
use numbers::Numbers;
use std::fmt;

/// Source names that the comment behind a node lists before it leaves the rest out.
const MAX_LISTED_SOURCES: usize = 3;

impl fmt::Display for Graph {
    /// The text form, with the graph's own ids and source names as comments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = Reach::of(self);
        f.write_str(&write(self, &reach, &Numbers::as_they_are(), true))
    }
}

impl Graph {
    /// The text form with dense ids in the order of the text and without comments: equal for graphs that differ only in
    /// ids and in what nothing reaches.
    pub fn normal_text(&self) -> String {
        let reach = Reach::of(self);
        write(self, &reach, &Numbers::dense(self, &reach), false)
    }

    /// Whether both are the same graph, up to ids and what nothing reaches. Large constants are compared by their hashes.
    pub fn is_same(&self, other: &Graph) -> bool {
        self.normal_text() == other.normal_text()
    }

    /// The line of one node, as messages show it: `%3: f32[8] = relu %2`.
    pub fn node_text(&self, node: NodeId) -> String {
        let numbers = Numbers::as_they_are();
        let mut writer = Writer::new(&self.dims, &numbers);
        write_node(&mut writer, self, node);
        writer.finish()
    }
}

fn write(graph: &Graph, reach: &Reach, numbers: &Numbers, comments: bool) -> String {
    let mut writer = Writer::new(&graph.dims, numbers);
    writer.text("graph ");
    writer.quoted(&graph.name);
    writer.text(" {\n");
    write_names(&mut writer, "inputs", &graph.input_names);
    write_names(&mut writer, "outputs", &graph.output_names);
    for &symbol in &reach.symbols {
        write_symbol(&mut writer, graph, symbol);
    }
    write_checks(&mut writer, graph, Graph::MAIN, "  ");
    for &id in &reach.constants {
        writer.text("  ");
        constant::write_constant(&mut writer, id, &graph.consts[id]);
        writer.text("\n");
    }
    for &id in &reach.sources {
        if let Some(source) = graph.sources.get(id) {
            writer.text("  source ");
            writer.source(id);
            writer.text(" ");
            writer.quoted(&source.name);
            writer.text(" ");
            writer.quoted(&source.op_type);
            writer.text("\n");
        }
    }
    for &block in &reach.blocks {
        write_block(&mut writer, graph, block, comments);
    }
    writer.text("}\n");
    writer.finish()
}

fn write_names(writer: &mut Writer<'_>, word: &str, names: &[String]) {
    if !names.is_empty() {
        writer.show(format_args!("  {word} "));
        writer.list(names, |writer, name| writer.quoted(name));
        writer.text("\n");
    }
}

/// `check equal batch, n "what"`, a line each.
fn write_checks(writer: &mut Writer<'_>, graph: &Graph, block: BlockId, indent: &str) {
    for check in graph.checks.iter().filter(|check| check.block == block) {
        let word = match &check.kind {
            DimCheckKind::Equal(..) => "equal",
            DimCheckKind::Broadcast(..) => "broadcast",
            DimCheckKind::LessEqual(..) => "at_most",
        };
        let (a, b) = check.kind.sides();
        writer.show(format_args!("{indent}check {word} "));
        writer.dim(a);
        writer.text(", ");
        writer.dim(b);
        writer.text(" ");
        writer.quoted(&check.what);
        writer.text("\n");
    }
}

/// `symbol batch = 0..2147483647 from %0.0`.
fn write_symbol(writer: &mut Writer<'_>, graph: &Graph, symbol: SymId) {
    let range = graph.dims.range(symbol);
    writer.text("  symbol ");
    writer.dim(&symbol.into());
    writer.text(" = ");
    if range == Interval::ANY {
        writer.text("any");
    } else {
        writer.show(format_args!("{}..{}", range.lo, range.hi));
    }
    match graph.bindings.get(&symbol) {
        None => {}
        Some(Binding::Axis(value, axis)) => {
            writer.text(" from ");
            writer.value(*value);
            writer.show(format_args!(".{axis}"));
        }
        Some(Binding::Element(value, element)) => {
            writer.text(" from ");
            writer.value(*value);
            writer.show(format_args!("[{element}]"));
        }
    }
    writer.text("\n");
}

fn write_block(writer: &mut Writer<'_>, graph: &Graph, id: BlockId, comments: bool) {
    let block = graph.block(id);
    writer.text("  block ");
    writer.block(id);
    writer.text("(");
    writer.list(&block.params, |writer, param| {
        write_definition(writer, graph, *param, &[]);
    });
    writer.text(") {\n");
    if id != Graph::MAIN {
        write_checks(writer, graph, id, "    ");
    }
    for &node in &block.nodes {
        writer.text("    ");
        write_node(writer, graph, node);
        if comments {
            write_source_names(writer, graph, node);
        }
        writer.text("\n");
    }
    writer.text("    return");
    if !block.results.is_empty() {
        writer.text(" ");
        writer.list(&block.results, |writer, result| writer.value(*result));
    }
    writer.text("\n  }\n");
}

/// `%3 "name": f32[8]`, with the provenance where it is not `usual`.
fn write_definition(writer: &mut Writer<'_>, graph: &Graph, id: ValueId, usual: &[SourceId]) {
    writer.value(id);
    if !graph.has_value(id) {
        return;
    }
    let value = graph.value(id);
    if let Some(name) = &value.name {
        writer.text(" ");
        writer.quoted(name);
    }
    writer.text(": ");
    writer.ty(&value.ty);
    if *value.sources != *usual {
        write_sources(writer, &value.sources);
    }
}

fn write_sources(writer: &mut Writer<'_>, sources: &[SourceId]) {
    writer.text(" @");
    match sources {
        [source] => writer.source(*source),
        sources => {
            writer.text("[");
            writer.list(sources, |writer, source| writer.source(*source));
            writer.text("]");
        }
    }
}

/// The provenance of a node's first result, which stands once for all of them.
fn node_sources(graph: &Graph, outputs: &[ValueId]) -> Vec<SourceId> {
    outputs
        .first()
        .filter(|value| graph.has_value(**value))
        .map_or(Vec::new(), |value| graph.value(*value).sources.to_vec())
}

/// `%3: f32[8], %4: i64[8] = top_k axis=0 k=8 %2 @s1`.
fn write_node(writer: &mut Writer<'_>, graph: &Graph, id: NodeId) {
    if !graph.has_node(id) {
        writer.show(id);
        return;
    }
    let node = graph.node(id);
    let sources = node_sources(graph, &node.outputs);
    if node.outputs.is_empty() {
        writer.text("()");
    }
    writer.list(&node.outputs, |writer, output| {
        write_definition(writer, graph, *output, &sources);
    });
    writer.text(" = ");
    let types: Vec<ValueType> = node
        .outputs
        .iter()
        .filter(|output| graph.has_value(**output))
        .map(|output| graph.ty(*output).clone())
        .collect();
    writer.op(&node.op, &types);
    if !node.inputs.is_empty() {
        writer.text(" ");
        writer.list(&node.inputs, |writer, input| writer.value(*input));
    }
    if !sources.is_empty() {
        write_sources(writer, &sources);
    }
}

fn write_source_names(writer: &mut Writer<'_>, graph: &Graph, node: NodeId) {
    if !graph.has_node(node) {
        return;
    }
    let sources = node_sources(graph, &graph.node(node).outputs);
    if sources.is_empty() {
        return;
    }
    writer.text("  ; ");
    writer.list(
        sources.iter().take(MAX_LISTED_SOURCES),
        |writer, source| match graph.sources.get(*source) {
            Some(source) => writer.quoted(&source.name),
            None => writer.source(*source),
        },
    );
    if sources.len() > MAX_LISTED_SOURCES {
        writer.show(format_args!(
            ", {} more",
            sources.len() - MAX_LISTED_SOURCES
        ));
    }
}
