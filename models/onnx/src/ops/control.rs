//! If and Loop.
//!
//! A branch or body becomes a block that is given all it uses from outside. What a loop carries may change its sizes
//! from turn to turn: the body is converted with the sizes of the initial values, and again with those axes left open
//! that did not stay, until all do.

use super::optional::get_from;
use super::{Converted, OpEntry, onnx};
use crate::import::{Captures, ConvertError, FreshAxes, NodeCx, ParamType};
use crate::proto::GraphProto;
use graphc_base::{DType, Dim, Interval, Tri};
use graphc_ir::op::{BinaryOp, If, Loop, Op, SequenceOp, UnaryOp};
use graphc_ir::{DimCheckKind, ElementType, TensorType, ValueDef, ValueId, ValueType};

pub(super) const OPS: &[OpEntry] = &[onnx("If", branch), onnx("Loop", onnx_loop)];

fn branch(cx: &mut NodeCx<'_, '_>) -> Converted {
    let cond = cx.input(0)?;
    let cond = cx.bool_scalar(cond)?;
    let (then_graph, else_graph) = (cx.graph_attr("then_branch")?, cx.graph_attr("else_branch")?);
    match cx.known_bool(cond) {
        Some(true) => return cx.inline(then_graph, &[]),
        Some(false) => return cx.inline(else_graph, &[]),
        None => {}
    }
    let sizes = SizeTest::of(cx, cond);
    let before = sizes.is_some().then(|| cx.b.clone());
    match (
        both_branches(cx, cond, then_graph, else_graph),
        sizes,
        before,
    ) {
        (Err(ConvertError::Unsupported(_)), Some(sizes), Some(before)) => {
            *cx.b = before;
            let takes_then = sizes.assume(cx)?;
            cx.inline(if takes_then { then_graph } else { else_graph }, &[])
        }
        (converted, ..) => converted,
    }
}

/// Both branches as regions.
fn both_branches(
    cx: &mut NodeCx<'_, '_>,
    cond: ValueId,
    then_graph: &GraphProto,
    else_graph: &GraphProto,
) -> Converted {
    let captures = cx.captures(&[then_graph, else_graph]);
    let n_outer = cx.n_symbols();
    let mut then_region = cx.region(&[], &captures, |cx, _| cx.inline(then_graph, &[]))?;
    let mut else_region = cx.region(&[], &captures, |cx, _| cx.inline(else_graph, &[]))?;
    if then_region.results.len() != else_region.results.len() {
        return Err(ConvertError::Invalid(format!(
            "one branch gives {} results, the other {}",
            then_region.results.len(),
            else_region.results.len()
        )));
    }
    for result_idx in 0..then_region.results.len() {
        cx.match_scalars(&mut then_region, &else_region, result_idx)?;
        cx.match_scalars(&mut else_region, &then_region, result_idx)?;
    }
    let mut fresh = FreshAxes::default();
    let mut results = Vec::with_capacity(then_region.results.len());
    let pairs = then_region.results.iter().zip(&else_region.results);
    for (result_idx, (a, b)) in pairs.enumerate() {
        results.push(cx.join(a, b, n_outer, result_idx, &mut fresh)?);
    }
    let op = Op::If(Box::new(If {
        then_block: then_region.block,
        else_block: else_region.block,
        results,
    }));
    let mut operands = vec![cond];
    operands.extend(&captures.operands);
    cx.op_with_fresh_axes(op, &operands, fresh)
}

/// A condition that compares two sizes: exporters write `x.squeeze(1)` as a branch on whether the axis has size 1, and
/// the branches give different ranks.
struct SizeTest {
    sizes: [Dim; 2],
    /// Whether the condition is that they differ.
    is_negated: bool,
}

impl SizeTest {
    /// The sizes that a condition compares, where it does nothing else.
    fn of(cx: &NodeCx<'_, '_>, cond: ValueId) -> Option<Self> {
        let graph = cx.b.graph();
        let mut value = cond;
        let mut is_negated = false;
        loop {
            let node = graph.node(graph.def_node(value)?);
            match (&node.op, &node.inputs[..]) {
                (Op::Unary(UnaryOp::Not), &[x]) => {
                    is_negated = !is_negated;
                    value = x;
                }
                (Op::Cast { .. } | Op::Reshape { .. }, &[x]) => value = x,
                (Op::Binary(BinaryOp::Equal), &[a, b]) => {
                    let sizes = [cx.known_dim(a, 0)?, cx.known_dim(b, 0)?];
                    let is_known = sizes.iter().all(|dim| cx.is_size_like(dim));
                    return is_known.then_some(Self { sizes, is_negated });
                }
                _ => return None,
            }
        }
    }

    /// Decides that the sizes are equal, or that they differ, and has the run test it. Gives whether the condition holds.
    ///
    /// A size of an input is taken to differ from 1, one that is computed from several to equal it; where the rest of the
    /// model refuses that, the importer comes back and takes the other.
    fn assume(&self, cx: &mut NodeCx<'_, '_>) -> Result<bool, ConvertError> {
        let [a, b] = &self.sizes;
        let size = match (a.as_const(), b.as_const()) {
            (_, Some(1)) => a,
            (Some(1), _) => b,
            _ => a,
        };
        let is_equal = cx.assumption(size.as_symbol().is_none())?;
        let kind = if is_equal {
            DimCheckKind::Equal(a.clone(), b.clone())
        } else if a.as_const() == Some(1) || b.as_const() == Some(1) {
            DimCheckKind::LessEqual(Dim::constant(2), size.clone())
        } else {
            return Err(ConvertError::Unsupported(
                "its branches differ in rank, and no check can say that two sizes differ".into(),
            ));
        };
        cx.check(kind);
        Ok(is_equal != self.is_negated)
    }
}

fn onnx_loop(cx: &mut NodeCx<'_, '_>) -> Converted {
    let body = cx.graph_attr("body")?;
    let trip_count = cx.opt(0).map(|count| cx.int_scalar(count)).transpose()?;
    let condition = cx.opt(1).map(|cond| cx.bool_scalar(cond)).transpose()?;
    let carried = (2..cx.n_inputs())
        .map(|i| cx.input(i))
        .collect::<Result<Vec<_>, _>>()?;
    let n_carried = carried.len();
    let n_results = body.output.len();
    if body.input.len() != n_carried + 2 || n_results < n_carried + 1 {
        return Err(ConvertError::Invalid(format!(
            "the body takes {} operands and gives {n_results} results, for {n_carried} carried values",
            body.input.len(),
        )));
    }
    let captures = cx.captures(&[body]);
    let spec = Repeat {
        trip_count,
        condition,
        carried,
        passed: Vec::new(),
        captures: &captures,
        n_scanned: n_results - n_carried - 1,
    };
    repeat(cx, spec, &|cx, turn| {
        let mut args = vec![turn.iteration, turn.condition];
        args.extend(turn.carried);
        let results = cx.inline(body, &args)?;
        let [condition, rest @ ..] = &results[..] else {
            return Err(ConvertError::Invalid("the body gives no condition".into()));
        };
        let condition = cx.bool_scalar(*condition)?;
        let (carried, scanned) = rest.split_at(n_carried.min(rest.len()));
        Ok(TurnResult {
            condition: Some(condition),
            carried: carried.to_vec(),
            scanned: scanned.to_vec(),
        })
    })
}

/// A loop to be made.
pub(crate) struct Repeat<'c> {
    /// Most turns, `i64[]`.
    pub(crate) trip_count: Option<ValueId>,
    /// Whether there is a first turn, `bool[]`.
    pub(crate) condition: Option<ValueId>,
    /// Initial values of what is carried from turn to turn.
    pub(crate) carried: Vec<ValueId>,
    /// What each turn is given unchanged.
    pub(crate) passed: Vec<ValueId>,
    /// What the body uses by name from outside.
    pub(crate) captures: &'c Captures,
    /// How many results of each turn are stacked.
    pub(crate) n_scanned: usize,
}

/// What the body is given.
pub(crate) struct Turn<'t> {
    /// Number of the turn, `i64[]`.
    pub(crate) iteration: ValueId,
    /// The condition that let it run, `bool[]`.
    pub(crate) condition: ValueId,
    /// The carried values.
    pub(crate) carried: &'t [ValueId],
    /// What is passed unchanged.
    pub(crate) passed: &'t [ValueId],
}

/// What the body gives.
pub(crate) struct TurnResult {
    /// Whether there is a next turn, `bool[]`; always where it is `None`.
    pub(crate) condition: Option<ValueId>,
    /// The carried values.
    pub(crate) carried: Vec<ValueId>,
    /// What is stacked.
    pub(crate) scanned: Vec<ValueId>,
}

type Body<'f> = &'f dyn Fn(&mut NodeCx<'_, '_>, &Turn<'_>) -> Result<TurnResult, ConvertError>;

/// Makes a loop; gives the carried values, then the stacked ones.
pub(crate) fn repeat(cx: &mut NodeCx<'_, '_>, mut spec: Repeat<'_>, body: Body<'_>) -> Converted {
    let n_carried = spec.carried.len();
    let mut carried: Vec<ParamType> = spec
        .carried
        .iter()
        .map(|&value| cx.b.ty(value).clone().into())
        .collect();
    let mut has_hints = true;
    // Carried optionals that every turn fills: the body gives what they hold, and so does the loop.
    let mut is_filled = vec![false; n_carried];
    let (region, runs_on, n_outer) = loop {
        let before = cx.b.clone();
        let n_outer = cx.n_symbols();
        let mut params = vec![
            ParamType::from(ValueType::Tensor(TensorType::scalar(DType::I64))),
            ParamType::from(ValueType::Tensor(TensorType::scalar(DType::Bool))),
        ];
        params.extend(carried.iter().cloned());
        params.extend(
            spec.passed
                .iter()
                .map(|&value| cx.b.ty(value).clone().into()),
        );
        let mut runs_on = false;
        let mut ranks = Vec::new();
        let region = cx.region(&params, spec.captures, |cx, args| {
            let [iteration, condition, rest @ ..] = args else {
                return Err(ConvertError::Invalid("a turn has no number".into()));
            };
            number_turns(cx, *iteration)?;
            let (carried, passed) = rest.split_at(n_carried);
            let turn = Turn {
                iteration: *iteration,
                condition: *condition,
                carried,
                passed,
            };
            let result = body(cx, &turn)?;
            runs_on = match result.condition {
                None => true,
                Some(next) => next == *condition || cx.known_bool(next) == Some(true),
            };
            ranks = result
                .carried
                .iter()
                .map(|&value| inserted_rank(cx, value))
                .collect();
            let next = match result.condition {
                Some(next) => next,
                None => cx.b.const_scalar_i64(DType::Bool, 1),
            };
            let mut results = vec![next];
            for (carried_idx, mut value) in result.carried.into_iter().enumerate() {
                let is_optional = |ty: &ValueType| matches!(ty, ValueType::Optional(_));
                if carried
                    .get(carried_idx)
                    .is_some_and(|&param| is_optional(cx.b.ty(param)))
                    && !is_optional(cx.b.ty(value))
                {
                    value = cx.b.op1(Op::Sequence(SequenceOp::Some), &[value])?;
                    is_filled[carried_idx] = true;
                }
                results.push(value);
            }
            results.extend(result.scanned);
            Ok(results)
        })?;
        if region.results.len() != 1 + n_carried + spec.n_scanned {
            return Err(ConvertError::Invalid(format!(
                "the body gives {} results, not {}",
                region.results.len(),
                1 + n_carried + spec.n_scanned
            )));
        }
        // An empty sequence does not know the rank of what it will hold, but the body shows what is put into it.
        let hinted = has_hints && hint_ranks(&mut carried, &ranks);
        has_hints = false;
        if !hinted && !widen(cx, &mut carried, &region.results[1..])? {
            break (region, runs_on, n_outer);
        }
        *cx.b = before;
        if hinted {
            remake_empty(cx, &mut spec.carried, &carried)?;
        }
    };
    let starts = spec
        .condition
        .is_none_or(|cond| cx.known_bool(cond) == Some(true));
    let n_turns = spec
        .trip_count
        .filter(|_| starts && runs_on)
        .and_then(|count| cx.known_dim(count, 0))
        .map(|count| cx.b.dims().max(&count, &Dim::constant(0)));
    let mut fresh = FreshAxes::default();
    let mut results = Vec::with_capacity(n_carried + spec.n_scanned);
    for (result_idx, param) in carried.iter().enumerate() {
        results.push(carried_result(cx, param, result_idx, &mut fresh));
    }
    for (scanned_idx, ty) in region.results[1 + n_carried..].iter().enumerate() {
        let result_idx = n_carried + scanned_idx;
        results.push(stacked(
            cx,
            ty,
            n_turns.as_ref(),
            n_outer,
            result_idx,
            &mut fresh,
        )?);
    }
    let op = Op::Loop(Box::new(Loop {
        body: region.block,
        has_trip_count: spec.trip_count.is_some(),
        has_condition: spec.condition.is_some(),
        n_carried,
        n_scanned: spec.n_scanned,
        results,
    }));
    let mut operands = Vec::new();
    operands.extend(spec.trip_count);
    operands.extend(spec.condition);
    operands.extend(spec.carried);
    operands.extend(spec.passed);
    operands.extend(&spec.captures.operands);
    let mut results = cx.op_with_fresh_axes(op, &operands, fresh)?;
    for (result, is_filled) in results.iter_mut().zip(is_filled) {
        if is_filled {
            *result = get_from(cx, *result)?;
        }
    }
    Ok(results)
}

/// Makes the number of a turn known as a size, so that slices up to it have sizes without arithmetic on tensors.
fn number_turns(cx: &mut NodeCx<'_, '_>, iteration: ValueId) -> Result<(), ConvertError> {
    for dim in cx.b.dims_of(iteration)? {
        if let Some(symbol) = dim.as_symbol() {
            cx.b.graph_mut().dims.set_range(symbol, Interval::SIZE);
        }
    }
    Ok(())
}

/// Opens the axes, and forgets the ranks, that a turn changes. Gives whether there were any.
fn widen(
    cx: &NodeCx<'_, '_>,
    carried: &mut [ParamType],
    results: &[ValueType],
) -> Result<bool, ConvertError> {
    let mut is_changed = false;
    for (carried_idx, (param, result)) in carried.iter_mut().zip(results).enumerate() {
        let Some(is_wider) = widen_type(cx, &mut param.ty, &mut param.loose, result) else {
            return Err(ConvertError::Unsupported(format!(
                "carried value {carried_idx} becomes {} in the body",
                cx.show_type(result)
            )));
        };
        is_changed |= is_wider;
    }
    Ok(is_changed)
}

/// Widens one type so that it takes the other; `None` where it cannot.
fn widen_type(
    cx: &NodeCx<'_, '_>,
    ty: &mut ValueType,
    loose: &mut Vec<usize>,
    result: &ValueType,
) -> Option<bool> {
    match (ty, result) {
        (ValueType::Tensor(before), ValueType::Tensor(after)) => {
            if before.dtype != after.dtype || before.rank() != after.rank() {
                return None;
            }
            let n_loose = loose.len();
            for (axis, (before, after)) in before.shape.iter().zip(&after.shape).enumerate() {
                if !loose.contains(&axis) && cx.b.dims().eq(before, after) != Tri::Yes {
                    loose.push(axis);
                }
            }
            Some(loose.len() > n_loose)
        }
        (ValueType::Sequence(before), ValueType::Sequence(after)) => {
            if before.dtype != after.dtype {
                return None;
            }
            let is_wider = before.rank.is_some() && before.rank != after.rank;
            if is_wider {
                before.rank = None;
            }
            Some(is_wider)
        }
        (ValueType::Optional(before), ValueType::Optional(after)) => {
            // The sizes of what an optional holds are asked for when it is taken out.
            let mut sizes = Vec::new();
            let is_wider = widen_type(cx, before, &mut sizes, after)?;
            Some(is_wider && sizes.is_empty())
        }
        _ => None,
    }
}

fn carried_result(
    cx: &mut NodeCx<'_, '_>,
    param: &ParamType,
    result_idx: usize,
    fresh: &mut FreshAxes,
) -> ValueType {
    let mut ty = param.ty.clone();
    if let ValueType::Tensor(tensor) = &mut ty {
        for &axis in &param.loose {
            tensor.shape[axis] = cx.fresh_size(result_idx, axis, fresh);
        }
    }
    ty
}

/// The type of values of this type from all turns, stacked.
fn stacked(
    cx: &mut NodeCx<'_, '_>,
    ty: &ValueType,
    n_turns: Option<&Dim>,
    n_outer: usize,
    result_idx: usize,
    fresh: &mut FreshAxes,
) -> Result<ValueType, ConvertError> {
    let ValueType::Tensor(tensor) = ty else {
        return Err(ConvertError::Unsupported(
            "only tensors can be stacked over the turns of a loop".into(),
        ));
    };
    let mut shape = vec![match n_turns {
        Some(n_turns) => n_turns.clone(),
        None => cx.fresh_size(result_idx, 0, fresh),
    }];
    for (axis, dim) in tensor.shape.iter().enumerate() {
        shape.push(if cx.is_outer(dim, n_outer) {
            dim.clone()
        } else {
            cx.fresh_size(result_idx, axis + 1, fresh)
        });
    }
    Ok(ValueType::Tensor(TensorType {
        dtype: tensor.dtype,
        shape,
    }))
}

/// The rank of what was last put into a sequence.
fn inserted_rank(cx: &NodeCx<'_, '_>, sequence: ValueId) -> Option<usize> {
    let graph = cx.b.graph();
    let ValueDef::Node { node, .. } = graph.value(sequence).def else {
        return None;
    };
    let node = graph.node(node);
    match node.op {
        Op::Sequence(SequenceOp::Insert) => cx.b.rank(*node.inputs.get(1)?).ok(),
        _ => None,
    }
}

fn hint_ranks(carried: &mut [ParamType], ranks: &[Option<usize>]) -> bool {
    let mut is_changed = false;
    for (param, rank) in carried.iter_mut().zip(ranks) {
        if let ValueType::Sequence(ElementType { rank: known, .. }) = &mut param.ty
            && known.is_none()
            && rank.is_some()
        {
            *known = *rank;
            is_changed = true;
        }
    }
    is_changed
}

/// Makes empty initial sequences again with the ranks that were found; others keep their unknown rank.
fn remake_empty(
    cx: &mut NodeCx<'_, '_>,
    initial: &mut [ValueId],
    carried: &[ParamType],
) -> Result<(), ConvertError> {
    for (value, param) in initial.iter_mut().zip(carried) {
        let ValueType::Sequence(element) = &param.ty else {
            continue;
        };
        if *cx.b.ty(*value) == param.ty || cx.sequence_elements(*value) != Some(Vec::new()) {
            continue;
        }
        let op = Op::Sequence(SequenceOp::Empty {
            element: element.clone(),
        });
        *value = cx.b.op1(op, &[])?;
    }
    Ok(())
}
