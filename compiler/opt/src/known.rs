//! Small tensors whose elements are known: constants, or dims as data.

use crate::pass::{PassCx, PassReport};
use crate::replace::blocks;
use graphc_base::{DType, Dim};
use graphc_ir::{ConstData, Graph, NodeId, Op, SymTensor, TensorType, ValueType, known_values};
use std::sync::Arc;

/// Replaces nodes whose small result is known by a constant or by a [`Op::DimTensor`] in the result's dtype and shape, so
/// that no arithmetic on dims is left that data do not decide.
///
/// Requires a sound graph. Ensures that results keep their ids and types. Never changes the order of other nodes.
pub fn replace_known(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    let known = known_values(graph);
    for block in blocks(graph) {
        let nodes = graph.block(block).nodes.clone();
        let mut kept = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let [output] = graph.node(node).outputs[..]
                && !matches!(graph.node(node).op, Op::Const(_) | Op::DimTensor { .. })
                && let Some(known) = &known[output]
            {
                replace(graph, node, known, &mut kept, &mut report);
            }
            kept.push(node);
        }
        graph.set_nodes(block, kept);
    }
    report
}

fn replace(
    graph: &mut Graph,
    node: NodeId,
    known: &SymTensor,
    kept: &mut Vec<NodeId>,
    report: &mut PassReport,
) {
    if let Some(bytes) = known.constant_bytes() {
        let ty = TensorType::new(known.dtype, known.shape.iter().copied());
        let id = graph
            .consts
            .insert(ty, ConstData::Inline(bytes.into()), None);
        set(graph, node, Op::Const(id), Vec::new());
        report.count("known_constant", 1);
        return;
    }
    let Some(dims) = known.dims() else { return };
    if is_view_of_dims(graph, node) {
        return;
    }
    let is_scalar = known.shape.is_empty();
    let leaf = Op::DimTensor {
        dims: dims.clone(),
        scalar: is_scalar,
    };
    let is_vector = known.shape.len() <= 1;
    if is_vector && known.dtype == DType::I64 {
        set(graph, node, leaf, Vec::new());
        report.count("known_dims", 1);
        return;
    }
    let sources = graph.value(graph.node(node).outputs[0]).sources.clone();
    let block = graph.node(node).block;
    let mut append = |graph: &mut Graph, op: Op, inputs: Vec<_>, dtype: DType, shape: &[usize]| {
        let ty = ValueType::Tensor(TensorType::new(dtype, shape.iter().copied()));
        let made = graph.append_node(block, op, inputs, vec![ty], Arc::clone(&sources));
        kept.push(made);
        graph.node(made).outputs[0]
    };
    let length = if is_scalar {
        Vec::new()
    } else {
        vec![dims.len()]
    };
    let vector = append(graph, leaf, Vec::new(), DType::I64, &length);
    let cast = Op::Cast {
        to: known.dtype,
        saturate: true,
    };
    let reshape = Op::Reshape {
        shape: known.shape.iter().map(|&size| Dim::from(size)).collect(),
    };
    match (is_vector, known.dtype) {
        (true, _) => set(graph, node, cast, vec![vector]),
        (false, DType::I64) => set(graph, node, reshape, vec![vector]),
        (false, dtype) => {
            let converted = append(graph, cast, vec![vector], dtype, &length);
            set(graph, node, reshape, vec![converted]);
        }
    }
    report.count("known_dims", 1);
}

/// Whether a node is what [`replace`] would make of it.
fn is_view_of_dims(graph: &Graph, node: NodeId) -> bool {
    let mut node = graph.node(node);
    while let (Op::Cast { .. } | Op::Reshape { .. }, [input]) = (&node.op, &node.inputs[..]) {
        match graph.def_node(*input) {
            Some(def) => node = graph.node(def),
            None => return false,
        }
    }
    matches!(node.op, Op::DimTensor { .. })
}

fn set(graph: &mut Graph, node: NodeId, op: Op, inputs: Vec<graphc_ir::ValueId>) {
    graph.set_op(node, op);
    *graph.inputs_mut(node) = inputs;
}
