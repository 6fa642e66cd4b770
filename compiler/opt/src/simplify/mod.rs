//! Small rewrites of one node and what stands before it.
//!
//! Each rewrite has a name, holds for every value of the operands bit by bit (NaN payloads aside), and gives a result of
//! provably equal type without a new check.

mod convert;
mod movement;
mod pointwise;

use crate::pass::{PassCx, PassReport};
use crate::replace::{Replacements, add_checks, blocks, have_equal_types, is_like, join_sources};
use graphc_base::SecondaryMap;
use graphc_ir::{Graph, NodeId, Op, SymElement, SymTensor, ValueId, known_values};

/// Rewrites of one node in a row after which it is left as it is; each makes its operands simpler.
const MAX_REWRITES_OF_A_NODE: usize = 16;

/// What a node becomes.
enum Change {
    /// An operand, or something before it.
    Value(ValueId),
    /// Another operator on other operands.
    Node(Op, Vec<ValueId>),
}

/// A change with the name of the rewrite.
type Rewrite = Option<(&'static str, Change)>;

/// Applies every rewrite of the [module](self) wherever it fits, from the first node to the last.
///
/// Requires a sound graph. Ensures that no rewrite fits any more, but for what a later pass makes possible. Never changes
/// the types of values beyond provable equality.
pub fn simplify(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let mut report = PassReport::default();
    let known = known_values(graph);
    let mut replacements = Replacements::default();
    for block in blocks(graph) {
        let mut kept = Vec::new();
        for node in graph.block(block).nodes.clone() {
            replacements.update(graph, node);
            if !simplify_node(graph, node, &known, &mut replacements, &mut report) {
                kept.push(node);
            }
        }
        graph.set_nodes(block, kept);
    }
    replacements.apply(graph);
    report
}

/// Rewrites a node until nothing fits; true where another value stands for it.
fn simplify_node(
    graph: &mut Graph,
    node: NodeId,
    known: &SecondaryMap<ValueId, Option<SymTensor>>,
    replacements: &mut Replacements,
    report: &mut PassReport,
) -> bool {
    let [output] = graph.node(node).outputs[..] else {
        return false;
    };
    for _ in 0..MAX_REWRITES_OF_A_NODE {
        let site = Site {
            graph,
            known,
            node,
            output,
        };
        let Some((name, change)) = site.rewrite() else {
            return false;
        };
        report.count(name, 1);
        match change {
            Change::Value(value) => {
                replacements.replace(graph, output, value);
                return true;
            }
            Change::Node(op, inputs) => {
                for &dropped in &graph.node(node).inputs.clone() {
                    if !inputs.contains(&dropped) && graph.as_const(dropped).is_none() {
                        join_sources(graph, output, dropped);
                    }
                }
                graph.set_op(node, op);
                *graph.inputs_mut(node) = inputs;
                add_checks(graph, node);
            }
        }
    }
    false
}

/// A node that is looked at.
struct Site<'a> {
    graph: &'a Graph,
    known: &'a SecondaryMap<ValueId, Option<SymTensor>>,
    node: NodeId,
    output: ValueId,
}

impl<'a> Site<'a> {
    /// The first rewrite that fits and gives the right type.
    fn rewrite(&self) -> Rewrite {
        let node = self.graph.node(self.node);
        let (op, inputs) = (&node.op, &node.inputs[..]);
        let found = match op {
            Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Expand { .. }
            | Op::Slice { .. }
            | Op::Concat { .. }
            | Op::Pad { .. }
            | Op::Tile { .. } => movement::rewrite(self, op, inputs),
            Op::Cast { .. } | Op::Bitcast { .. } => convert::rewrite(self, op, inputs),
            Op::Unary(_) | Op::Binary(_) | Op::Select => pointwise::rewrite(self, op, inputs),
            _ => None,
        };
        found.filter(|(_, change)| match change {
            Change::Value(value) => have_equal_types(self.graph, *value, self.output),
            Change::Node(op, inputs) => is_like(self.graph, op, inputs, self.output),
        })
    }

    /// The operator that makes a value, and its operands.
    fn def(&self, value: ValueId) -> Option<(&'a Op, &'a [ValueId])> {
        let node = self.graph.node(self.graph.def_node(value)?);
        Some((&node.op, &node.inputs))
    }

    /// The element that all elements of a known tensor are.
    fn uniform(&self, value: ValueId) -> Option<&'a SymElement> {
        let known = self.known[value].as_ref()?;
        let (first, rest) = known.elements.split_first()?;
        rest.iter().all(|other| other == first).then_some(first)
    }

    fn has_same_type(&self, value: ValueId) -> bool {
        have_equal_types(self.graph, value, self.output)
    }
}
