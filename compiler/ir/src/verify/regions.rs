//! Regions against the operators that they belong to.

use super::Cx;
use super::error::Errors;
use crate::graph::{Binding, BlockId, NodeId, ValueId};
use crate::op::{If, Loop};
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, Dim};

pub(super) fn verify_if(cx: &Cx<'_>, id: NodeId, branch: &If, errors: &mut Errors<'_>) {
    let node = cx.graph.node(id);
    let captures = node.inputs.get(1..).unwrap_or_default();
    for (word, block) in [("then", branch.then_block), ("else", branch.else_block)] {
        let Some(region) = Region::of(cx, id, block) else {
            continue;
        };
        if region.has_lists(captures.len(), branch.results.len(), word, errors) {
            for (position, capture) in captures.iter().enumerate() {
                region.takes(position, cx.graph.ty(*capture), "the capture", errors);
            }
            for (position, &output) in node.outputs.iter().enumerate() {
                region.gives(position, output, errors);
            }
        }
    }
}

pub(super) fn verify_loop(cx: &Cx<'_>, id: NodeId, repeat: &Loop, errors: &mut Errors<'_>) {
    let node = cx.graph.node(id);
    let n_leading = usize::from(repeat.has_trip_count) + usize::from(repeat.has_condition);
    let operands = node.inputs.get(n_leading..).unwrap_or_default();
    let Some(region) = Region::of(cx, id, repeat.body) else {
        return;
    };
    // That there are as many operands and results as the attributes say is part of the typing.
    let n_results = repeat.n_carried.checked_add(repeat.n_scanned);
    if operands.len() < repeat.n_carried || n_results != Some(node.outputs.len()) {
        return;
    }
    if !region.has_lists(2 + operands.len(), 1 + node.outputs.len(), "body", errors) {
        return;
    }
    let iteration = ValueType::Tensor(TensorType::scalar(DType::I64));
    let condition = ValueType::Tensor(TensorType::scalar(DType::Bool));
    region.takes(0, &iteration, "the iteration", errors);
    region.takes(1, &condition, "the condition", errors);
    region.gives_condition(&condition, errors);
    for (position, operand) in operands.iter().enumerate() {
        region.takes(2 + position, cx.graph.ty(*operand), "the operand", errors);
    }
    let (carried, scanned) = node.outputs.split_at(repeat.n_carried);
    for (position, &output) in carried.iter().enumerate() {
        // The next iteration takes what this one gave; without iterations the result is the operand.
        if let Some(given) = region.result_ty(1 + position) {
            region.takes(
                2 + position,
                given,
                "what the iteration before gives",
                errors,
            );
        }
        region.gives(1 + position, output, errors);
        if !accepts(cx, output, cx.graph.ty(operands[position])) {
            errors.node(
                id,
                format_args!("result {output} cannot be operand {}", operands[position]),
            );
        }
    }
    for (position, &output) in scanned.iter().enumerate() {
        region.stacks(1 + repeat.n_carried + position, output, errors);
    }
}

/// A region of a node, with parameters and results that exist.
struct Region<'a> {
    cx: &'a Cx<'a>,
    node: NodeId,
    block: BlockId,
    params: &'a [ValueId],
    results: &'a [ValueId],
}

impl<'a> Region<'a> {
    /// `None` where something does not exist, which is reported elsewhere.
    fn of(cx: &'a Cx<'a>, node: NodeId, block: BlockId) -> Option<Self> {
        let graph = cx.graph;
        if !graph.has_block(block) {
            return None;
        }
        let lists = graph.block(block);
        let has_all = lists
            .params
            .iter()
            .chain(&lists.results)
            .all(|value| graph.has_value(*value));
        has_all.then_some(Self {
            cx,
            node,
            block,
            params: &lists.params,
            results: &lists.results,
        })
    }

    fn has_lists(
        &self,
        n_params: usize,
        n_results: usize,
        word: &str,
        errors: &mut Errors<'_>,
    ) -> bool {
        let mut holds = true;
        for (what, length, wanted) in [
            ("parameters", self.params.len(), n_params),
            ("results", self.results.len(), n_results),
        ] {
            if length != wanted {
                holds = false;
                errors.node(
                    self.node,
                    format_args!(
                        "{word} region {} has {length} {what} and not {wanted}",
                        self.block
                    ),
                );
            }
        }
        holds
    }

    fn result_ty(&self, position: usize) -> Option<&'a ValueType> {
        Some(self.cx.graph.ty(*self.results.get(position)?))
    }

    /// A parameter takes values of this type.
    fn takes(&self, position: usize, given: &ValueType, what: &str, errors: &mut Errors<'_>) {
        let Some(&param) = self.params.get(position) else {
            return;
        };
        if !accepts(self.cx, param, given) {
            let graph = self.cx.graph;
            errors.node(
                self.node,
                format_args!(
                    "parameter {param}: {} of {} does not take {what}, {}",
                    graph.ty(param).display(&graph.dims),
                    self.block,
                    given.display(&graph.dims)
                ),
            );
        }
    }

    /// What the region gives may be a result of the node.
    fn gives(&self, position: usize, output: ValueId, errors: &mut Errors<'_>) {
        let Some(given) = self.result_ty(position) else {
            return;
        };
        if !accepts(self.cx, output, given) {
            self.report_result(output, given, errors);
        }
    }

    fn gives_condition(&self, condition: &ValueType, errors: &mut Errors<'_>) {
        if self.result_ty(0).is_some_and(|ty| ty != condition) {
            errors.node(
                self.node,
                format_args!("{} does not give a bool[] first", self.block),
            );
        }
    }

    /// What the region gives may be an element of a stacked result.
    fn stacks(&self, position: usize, output: ValueId, errors: &mut Errors<'_>) {
        let Some(given) = self.result_ty(position) else {
            return;
        };
        let fits = match (given, self.cx.graph.ty(output)) {
            (ValueType::Tensor(given), ValueType::Tensor(stacked)) => {
                given.dtype == stacked.dtype
                    && stacked.rank() == given.rank() + 1
                    && (1..stacked.rank()).all(|axis| {
                        takes_dim(
                            self.cx,
                            output,
                            axis,
                            &stacked.shape[axis],
                            &given.shape[axis - 1],
                        )
                    })
            }
            _ => false,
        };
        if !fits {
            self.report_result(output, given, errors);
        }
    }

    fn report_result(&self, output: ValueId, given: &ValueType, errors: &mut Errors<'_>) {
        let graph = self.cx.graph;
        errors.node(
            self.node,
            format_args!(
                "result {output} does not take what {} gives, {}",
                self.block,
                given.display(&graph.dims)
            ),
        );
    }
}

/// Whether `target`, a parameter of a region or a result of its node, can hold values of type `given`.
fn accepts(cx: &Cx<'_>, target: ValueId, given: &ValueType) -> bool {
    accepts_type(cx, target, cx.graph.ty(target), given)
}

fn accepts_type(cx: &Cx<'_>, target: ValueId, wanted: &ValueType, given: &ValueType) -> bool {
    match (wanted, given) {
        (ValueType::Tensor(wanted), ValueType::Tensor(given)) => {
            wanted.dtype == given.dtype
                && wanted.rank() == given.rank()
                && wanted
                    .shape
                    .iter()
                    .zip(&given.shape)
                    .enumerate()
                    .all(|(axis, (wanted, given))| takes_dim(cx, target, axis, wanted, given))
        }
        (ValueType::Sequence(wanted), ValueType::Sequence(given)) => {
            wanted.dtype == given.dtype && (wanted.rank.is_none() || wanted.rank == given.rank)
        }
        (ValueType::Optional(wanted), ValueType::Optional(given)) => {
            accepts_type(cx, target, wanted, given)
        }
        _ => false,
    }
}

/// Whether an axis of `target` can have the size `given`.
fn takes_dim(cx: &Cx<'_>, target: ValueId, axis: usize, wanted: &Dim, given: &Dim) -> bool {
    let is_bound_from_itself = wanted
        .as_symbol()
        .is_some_and(|symbol| cx.graph.bindings.get(&symbol) == Some(&Binding::Axis(target, axis)));
    is_bound_from_itself || cx.are_equal(wanted, given)
}
