//! A graph as data: its nodes with types and the user's names.

use graphc_ir::{BlockId, Graph, ValueId, ValueType};

/// A graph.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct GraphReport {
    /// Its name.
    pub name: String,
    /// Inputs with their types.
    pub inputs: Vec<ValueReport>,
    /// Outputs with their types.
    pub outputs: Vec<ValueReport>,
    /// Dims that are open, with their ranges.
    pub symbols: Vec<SymbolReport>,
    /// Number of nodes in all blocks, constants left out.
    pub node_count: usize,
    /// Number of constants that nodes read.
    pub constant_count: usize,
    /// Nodes of all blocks, constants left out.
    pub nodes: Vec<NodeReport>,
}

/// A named value.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct ValueReport {
    /// Its name in the user's model.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
}

/// An open dim.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct SymbolReport {
    /// Its name.
    pub name: String,
    /// Least value.
    pub lo: i64,
    /// Greatest value.
    pub hi: i64,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct NodeReport {
    /// Its operator in the text form.
    pub op: &'static str,
    /// The user's nodes that it came from.
    pub sources: Vec<String>,
    /// The block that holds it, 0 the main one.
    pub block: u32,
    /// Its operands: names in the user's model where they have one, else numbers.
    pub inputs: Vec<String>,
    /// Its results.
    pub outputs: Vec<ValueReport>,
}

/// Describes a graph.
pub fn graph_report(graph: &Graph) -> GraphReport {
    let named = |(name, id): (&str, ValueId)| ValueReport {
        name: name.to_owned(),
        ty: show_type(graph, graph.ty(id)),
    };
    let all: Vec<_> = graph
        .block_ids()
        .flat_map(|block| {
            graph
                .block(block)
                .nodes
                .iter()
                .map(move |&node| (block, node))
        })
        .collect();
    let is_const = |&(_, node): &(BlockId, graphc_ir::NodeId)| {
        matches!(graph.node(node).op, graphc_ir::Op::Const(_))
    };
    let nodes: Vec<NodeReport> = all
        .iter()
        .filter(|entry| !is_const(entry))
        .map(|&(block, id)| {
            let node = graph.node(id);
            NodeReport {
                op: node.op.name(),
                sources: node
                    .outputs
                    .first()
                    .map(|&output| source_names(graph, output))
                    .unwrap_or_default(),
                block: block.0,
                inputs: node
                    .inputs
                    .iter()
                    .map(|&input| value_name(graph, input))
                    .collect(),
                outputs: node
                    .outputs
                    .iter()
                    .map(|&output| ValueReport {
                        name: value_name(graph, output),
                        ty: show_type(graph, graph.ty(output)),
                    })
                    .collect(),
            }
        })
        .collect();
    GraphReport {
        name: graph.name.clone(),
        inputs: graph.inputs().map(named).collect(),
        outputs: graph.outputs().map(named).collect(),
        symbols: graph
            .dims
            .symbols()
            .map(|(_, symbol)| SymbolReport {
                name: symbol.name.clone(),
                lo: symbol.range.lo,
                hi: symbol.range.hi,
            })
            .collect(),
        node_count: nodes.len(),
        constant_count: all.len() - nodes.len(),
        nodes,
    }
}

/// The user's nodes that a value came from.
pub(super) fn source_names(graph: &Graph, value: ValueId) -> Vec<String> {
    let sources = graph.value(value).sources.iter();
    sources
        .filter_map(|&source| graph.sources.get(source))
        .map(|source| source.name.clone())
        .collect()
}

/// A value's name in the user's model, else its number.
pub(super) fn value_name(graph: &Graph, value: ValueId) -> String {
    match &graph.value(value).name {
        Some(name) => name.to_string(),
        None => value.to_string(),
    }
}

/// A type with the names of dims.
pub(super) fn show_type(graph: &Graph, ty: &ValueType) -> String {
    match ty {
        ValueType::Tensor(tensor) => {
            let dims: Vec<String> = tensor
                .shape
                .iter()
                .map(|dim| graph.dims.display(dim).to_string())
                .collect();
            format!("{}[{}]", tensor.dtype, dims.join(","))
        }
        ValueType::Sequence(element) => format!("seq({})", element.dtype),
        ValueType::Optional(inner) => format!("optional({})", show_type(graph, inner)),
    }
}
