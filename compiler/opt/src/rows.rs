//! Rows of a table are picked before arithmetic on the whole table.

use crate::pass::{PassCx, PassReport};
use crate::replace::{blocks, types_of};
use graphc_base::Dim;
use graphc_ir::{Graph, NodeId, Op, TensorType, ValueId, ValueType};
use std::sync::Arc;

/// Longest chain of operators between a constant and the gather of its rows.
const MAX_CHAIN: usize = 8;

/// Moves gathers of a constant's rows before the pointwise operators between them, so that a table that is stored narrow
/// (integers with a scale, half precision) is never widened as a whole.
///
/// Requires a sound graph. Ensures that results keep their ids and types, bit by bit. Never changes a gather of what the
/// run computes.
pub fn pick_rows_first(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    for block in blocks(graph) {
        let mut kept = Vec::new();
        for node in graph.block(block).nodes.clone() {
            if let Some(chain) = chain_of(graph, node) {
                move_before(graph, node, &chain, &mut kept);
                report.count("gather_before_pointwise", 1);
            }
            kept.push(node);
        }
        graph.set_nodes(block, kept);
    }
    report
}

/// A pointwise operator on the table.
struct Link {
    node: NodeId,
    /// Which operand comes from the table.
    operand: usize,
    /// Which operands have an element, or elements of their own, for each row: their rows are picked, too.
    by_row: Vec<usize>,
}

/// The operators between a constant and a gather of its rows, from the constant on; `None` where there are none or where
/// one of them computes other rows from a row.
fn chain_of(graph: &Graph, gather: NodeId) -> Option<Vec<Link>> {
    let node = graph.node(gather);
    let (Op::Gather { axis }, &[data, _]) = (&node.op, &node.inputs[..]) else {
        return None;
    };
    let table = graph.tensor_ty(data)?;
    let picked = graph.tensor_ty(node.outputs[0])?;
    let mut chain = Vec::new();
    let mut value = data;
    while graph.as_const(value).is_none() {
        let link = link(graph, value, *axis, table, picked)?;
        value = graph.node(link.node).inputs[link.operand];
        chain.push(link);
        if chain.len() > MAX_CHAIN {
            return None;
        }
    }
    chain.reverse();
    (!chain.is_empty()).then_some(chain)
}

fn link(
    graph: &Graph,
    value: ValueId,
    axis: usize,
    table: &TensorType,
    picked: &TensorType,
) -> Option<Link> {
    let id = graph.def_node(value)?;
    let node = graph.node(id);
    let broadcasts = matches!(node.op, Op::Binary(_));
    let is_pointwise = matches!(
        node.op,
        Op::Cast { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Dequantize {
                axis: None,
                block: 0
            }
    );
    let has_table_shape = |&value: &ValueId| {
        graph
            .tensor_ty(value)
            .is_some_and(|ty| ty.shape == table.shape)
    };
    let operand = node.inputs.iter().position(has_table_shape)?;
    let mut by_row = Vec::new();
    for (position, &other) in node.inputs.iter().enumerate() {
        let shape = &graph.tensor_ty(other)?.shape;
        let is_single = shape.iter().all(|size| *size == Dim::ONE)
            && shape.len() <= table.rank().min(picked.rank());
        let is_of_one_row = broadcasts && shape.len() < table.rank() - axis;
        if position == operand || is_single || is_of_one_row {
            continue;
        }
        if !broadcasts || shape.len() != table.rank() || shape[axis] != table.shape[axis] {
            return None;
        }
        by_row.push(position);
    }
    is_pointwise.then_some(Link {
        node: id,
        operand,
        by_row,
    })
}

/// Makes the gather on the constant and each operator on the rows; the last of them takes the place of the gather.
fn move_before(graph: &mut Graph, gather: NodeId, chain: &[Link], kept: &mut Vec<NodeId>) {
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
        return;
    };
    let block = graph.node(gather).block;
    let pick = graph.node(gather).op.clone();
    let constant = graph.node(first.node).inputs[first.operand];
    let indices = graph.node(gather).inputs[1];
    let sources = Arc::clone(&graph.value(graph.node(gather).outputs[0]).sources);
    let mut append = |graph: &mut Graph, op: Op, inputs: Vec<ValueId>, sources| {
        let types: Vec<ValueType> =
            types_of(graph, &op, &inputs).map_or(Vec::new(), |types| types.outputs);
        let made = graph.append_node(block, op, inputs, types, sources);
        kept.push(made);
        graph.node(made).outputs[0]
    };
    let mut rows = append(
        graph,
        pick.clone(),
        vec![constant, indices],
        Arc::clone(&sources),
    );
    for link in chain {
        let mut inputs = graph.node(link.node).inputs.clone();
        inputs[link.operand] = rows;
        for &position in &link.by_row {
            let operands = vec![inputs[position], indices];
            inputs[position] = append(graph, pick.clone(), operands, Arc::clone(&sources));
        }
        let op = graph.node(link.node).op.clone();
        if link.node == last.node {
            graph.set_op(gather, op);
            *graph.inputs_mut(gather) = inputs;
            return;
        }
        let sources = Arc::clone(&graph.value(graph.node(link.node).outputs[0]).sources);
        rows = append(graph, op, inputs, sources);
    }
}
