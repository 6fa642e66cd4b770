//! Nodes on constants become constants that are derived when the artifact is written.

use crate::pass::{PassCx, PassReport};
use crate::replace::{Replacements, blocks};
use graphc_base::DType;
use graphc_ir::{ConstData, ConstId, Graph, NodeId, Op, TensorType};

/// Results up to this many bytes are derived whatever their operands take.
///
/// Larger ones are derived where they take no more bytes than their operands: an artifact is not to grow by what repeats a
/// few elements or widens packed weights.
const ALWAYS_DERIVED_BYTES: usize = 64 << 10;

/// Replaces nodes whose operands are all constants by derived constants; a reshaped constant is the same bytes under
/// another type. Operators with regions, randomness, strings or host values stay.
///
/// Requires a sound graph. Ensures that no constant is computed here. Never changes types.
pub fn fold_constants(graph: &mut Graph, cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    let mut replacements = Replacements::default();
    for block in blocks(graph) {
        let mut kept = Vec::new();
        for node in graph.block(block).nodes.clone() {
            replacements.update(graph, node);
            let Some(constants) = derive(graph, node, cx.derive) else {
                kept.push(node);
                continue;
            };
            report.count("derived_constant", 1);
            if let [constant] = constants[..] {
                graph.set_op(node, Op::Const(constant));
                graph.inputs_mut(node).clear();
                kept.push(node);
                continue;
            }
            let outputs = graph.node(node).outputs.clone();
            for (&old, constant) in outputs.iter().zip(constants) {
                let (ty, sources) = (graph.ty(old).clone(), graph.value(old).sources.clone());
                let made =
                    graph.append_node(block, Op::Const(constant), Vec::new(), vec![ty], sources);
                kept.push(made);
                let new = graph.node(made).outputs[0];
                replacements.replace(graph, old, new);
            }
        }
        graph.set_nodes(block, kept);
    }
    replacements.apply(graph);
    report
}

/// One constant per result, if the node can be folded.
fn derive(graph: &mut Graph, node: NodeId, may_derive: bool) -> Option<Vec<ConstId>> {
    let node = graph.node(node);
    if !is_foldable(&node.op) || node.outputs.is_empty() {
        return None;
    }
    let inputs: Vec<ConstId> = node
        .inputs
        .iter()
        .map(|&input| graph.as_const(input))
        .collect::<Option<_>>()?;
    let mut operand_bytes = 0usize;
    for &input in &inputs {
        operand_bytes = operand_bytes.checked_add(bytes_of(&graph.consts[input].ty)?)?;
    }
    let outputs: Vec<TensorType> = node
        .outputs
        .iter()
        .map(|&output| graph.tensor_ty(output).cloned())
        .collect::<Option<_>>()?;
    for output in &outputs {
        let bytes = bytes_of(output)?;
        if bytes > ALWAYS_DERIVED_BYTES && bytes > operand_bytes {
            return None;
        }
    }
    let op = node.op.clone();
    let is_same_bytes = matches!(op, Op::Reshape { .. })
        && inputs
            .iter()
            .all(|&input| same_bytes(&graph.consts[input].data).is_some());
    if !may_derive && !is_same_bytes {
        return None;
    }
    let made = outputs.into_iter().enumerate().map(|(output, ty)| {
        let data = match (&op, &inputs[..]) {
            (Op::Reshape { .. }, [input]) => same_bytes(&graph.consts[*input].data),
            _ => None,
        };
        let data = data.unwrap_or_else(|| ConstData::Derived {
            op: Box::new(op.clone()),
            inputs: inputs.clone(),
            output,
        });
        graph.consts.insert(ty, data, None)
    });
    Some(made.collect())
}

/// The contents, where they do not depend on the shape.
fn same_bytes(data: &ConstData) -> Option<ConstData> {
    match data {
        ConstData::Mapped { .. } | ConstData::Inline(_) => Some(data.clone()),
        ConstData::Strings(_) | ConstData::Derived { .. } => None,
    }
}

fn is_foldable(op: &Op) -> bool {
    let is_host = matches!(
        op,
        Op::Sequence(_) | Op::Text(_) | Op::TfIdf(_) | Op::LabelMap(_) | Op::TreeEnsemble(_)
    );
    let is_other = matches!(
        op,
        Op::Const(_) | Op::DimTensor { .. } | Op::Random { .. } | Op::If(_) | Op::Loop(_)
    );
    if is_host || is_other {
        return false;
    }
    let mut are_dims_constant = true;
    op.visit_dims(&mut |dim| are_dims_constant &= dim.is_const());
    are_dims_constant
}

/// Bytes of a tensor of constant shape; `None` for strings.
fn bytes_of(ty: &TensorType) -> Option<usize> {
    if ty.dtype == DType::String {
        return None;
    }
    let n_elements = ty
        .const_shape()?
        .into_iter()
        .try_fold(1usize, usize::checked_mul)?;
    ty.dtype.byte_len(n_elements)
}
