//! Sequences. Those whose elements are known one by one dissolve: an element that is taken out is the value that was put
//! in. Others stay, and live on the host.

use super::control::{Repeat, TurnResult, repeat};
use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, FreshAxes, NodeCx};
use crate::proto::{GraphProto, type_proto};
use crate::tensor::data_type_to_dtype;
use graphc_base::{DType, Dim};
use graphc_ir::op::{Op, SequenceOp, SliceAxis};
use graphc_ir::{ElementType, ValueId, ValueType};

pub(super) const OPS: &[OpEntry] = &[
    onnx("ConcatFromSequence", concat_from_sequence),
    onnx("SequenceAt", at),
    onnx("SequenceConstruct", |cx| {
        let operands = cx.inputs()?;
        Ok(vec![
            cx.b.op1(Op::Sequence(SequenceOp::Construct), &operands)?,
        ])
    }),
    onnx("SequenceEmpty", |cx| {
        let dtype = cx.dtype_opt("dtype")?.unwrap_or(DType::F32);
        Ok(vec![empty(cx, ElementType { dtype, rank: None })?])
    }),
    onnx("SequenceErase", erase),
    onnx("SequenceInsert", insert),
    onnx("SequenceLength", length),
    onnx("SequenceMap", map),
    onnx("SplitToSequence", split_to_sequence),
];

/// Longest sequence that dissolves; longer ones would make graphs too long.
const MAX_KNOWN: usize = 1024;

/// Longest sequence over which SequenceMap is unrolled.
const MAX_UNROLLED: usize = 16;

impl NodeCx<'_, '_> {
    /// The elements of a sequence that was made from known values at known positions in this block.
    pub(crate) fn sequence_elements(&self, sequence: ValueId) -> Option<Vec<ValueId>> {
        let graph = self.b.graph();
        let node = graph.node(graph.def_node(sequence)?);
        let Op::Sequence(op) = &node.op else {
            return None;
        };
        match (op, &node.inputs[..]) {
            (SequenceOp::Empty { .. }, _) => Some(Vec::new()),
            (SequenceOp::Construct, elements) => Some(elements.to_vec()),
            _ => None,
        }
    }

    /// The type of a sequence's elements.
    fn element_type(&self, sequence: ValueId) -> Result<ElementType, ConvertError> {
        match self.b.ty(sequence) {
            ValueType::Sequence(element) => Ok(element.clone()),
            other => Err(ConvertError::Invalid(format!(
                "expected a sequence, found {}",
                self.show_type(other)
            ))),
        }
    }
}

fn empty(cx: &mut NodeCx<'_, '_>, element: ElementType) -> Result<ValueId, ConvertError> {
    Ok(cx.b.op1(Op::Sequence(SequenceOp::Empty { element }), &[])?)
}

/// A sequence of these values, of which there may be none.
fn construct(
    cx: &mut NodeCx<'_, '_>,
    elements: &[ValueId],
    element: ElementType,
) -> Result<ValueId, ConvertError> {
    if elements.is_empty() {
        return empty(cx, element);
    }
    Ok(cx.b.op1(Op::Sequence(SequenceOp::Construct), elements)?)
}

fn element_rank(element: &ElementType) -> Result<usize, ConvertError> {
    element.rank.ok_or_else(|| {
        ConvertError::Unsupported("the rank of the sequence's elements is not known".into())
    })
}

/// A position counted from the front, below `len`, or up to it where `may_end`.
fn position(raw: i64, len: usize, may_end: bool) -> Result<usize, ConvertError> {
    let found = if may_end {
        operand::axis_or_end(raw, len)
    } else {
        operand::axis(raw, len)
    };
    found.map_err(|_| {
        ConvertError::Invalid(format!(
            "position {raw} is outside a sequence of {len} elements"
        ))
    })
}

fn at(cx: &mut NodeCx<'_, '_>) -> Converted {
    let sequence = cx.input(0)?;
    let raw_position = cx.input(1)?;
    let raw_position = cx.int_scalar(raw_position)?;
    if let Some(elements) = cx.sequence_elements(sequence)
        && let Some(raw) = cx.known_int(raw_position)
    {
        return Ok(vec![elements[position(raw, elements.len(), false)?]]);
    }
    Ok(vec![element_at(cx, sequence, raw_position)?])
}

fn element_at(
    cx: &mut NodeCx<'_, '_>,
    sequence: ValueId,
    position: ValueId,
) -> Result<ValueId, ConvertError> {
    let element = cx.element_type(sequence)?;
    let rank = element_rank(&element)?;
    let mut fresh = FreshAxes::default();
    let result = cx.fresh_tensor(element.dtype, rank, 0, &mut fresh);
    let op = Op::Sequence(SequenceOp::At { result });
    one(cx.op_with_fresh_axes(op, &[sequence, position], fresh)?)
}

fn one(results: Vec<ValueId>) -> Result<ValueId, ConvertError> {
    results
        .first()
        .copied()
        .ok_or_else(|| ConvertError::Invalid("gives no result".into()))
}

fn insert(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (sequence, x) = (cx.input(0)?, cx.input(1)?);
    let at = cx.opt(2).map(|at| cx.int_scalar(at)).transpose()?;
    let element = cx.element_type(sequence)?;
    if let Some(mut elements) = cx.sequence_elements(sequence)
        && elements.len() < MAX_KNOWN
    {
        let raw = match at {
            None => Some(elements.len() as i64),
            Some(at) => cx.known_int(at),
        };
        if let Some(raw) = raw {
            if cx.b.dtype(x)? != element.dtype {
                return Err(ConvertError::Invalid(format!(
                    "a sequence of {} cannot hold {}",
                    element.dtype,
                    cx.b.dtype(x)?
                )));
            }
            let position = position(raw, elements.len(), true)?;
            elements.insert(position, x);
            return Ok(vec![construct(cx, &elements, element)?]);
        }
    }
    let mut operands = vec![sequence, x];
    operands.extend(at);
    Ok(vec![cx.b.op1(Op::Sequence(SequenceOp::Insert), &operands)?])
}

fn erase(cx: &mut NodeCx<'_, '_>) -> Converted {
    let sequence = cx.input(0)?;
    let at = cx.opt(1).map(|at| cx.int_scalar(at)).transpose()?;
    if let Some(mut elements) = cx.sequence_elements(sequence) {
        let raw = match at {
            None => Some(-1),
            Some(at) => cx.known_int(at),
        };
        if let Some(raw) = raw {
            let element = cx.element_type(sequence)?;
            elements.remove(position(raw, elements.len(), false)?);
            return Ok(vec![construct(cx, &elements, element)?]);
        }
    }
    let mut operands = vec![sequence];
    operands.extend(at);
    Ok(vec![cx.b.op1(Op::Sequence(SequenceOp::Erase), &operands)?])
}

fn length(cx: &mut NodeCx<'_, '_>) -> Converted {
    let sequence = cx.input(0)?;
    if let Some(elements) = cx.sequence_elements(sequence) {
        return Ok(vec![cx.int_const(elements.len() as i64)]);
    }
    Ok(vec![
        cx.b.op1(Op::Sequence(SequenceOp::Length), &[sequence])?,
    ])
}

fn concat_from_sequence(cx: &mut NodeCx<'_, '_>) -> Converted {
    let sequence = cx.input(0)?;
    let raw_axis = cx.int_req("axis")?;
    let new_axis = cx.flag("new_axis", false)?;
    if let Some(mut elements) = cx.sequence_elements(sequence)
        && let Some(&first) = elements.first()
    {
        let rank = cx.b.rank(first)? + usize::from(new_axis);
        let axis = operand::axis(raw_axis, rank)?;
        if new_axis {
            for element in &mut elements {
                *element = cx.b.unsqueeze(*element, &[axis])?;
            }
        }
        return Ok(vec![cx.b.concat(&elements, axis)?]);
    }
    let element = cx.element_type(sequence)?;
    let rank = element_rank(&element)? + usize::from(new_axis);
    let axis = operand::axis(raw_axis, rank)?;
    let mut fresh = FreshAxes::default();
    let result = cx.fresh_tensor(element.dtype, rank, 0, &mut fresh);
    let op = Op::Sequence(SequenceOp::Concat {
        axis,
        new_axis,
        result,
    });
    cx.op_with_fresh_axes(op, &[sequence], fresh)
}

fn split_to_sequence(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let axis = operand::axis(cx.int("axis", 0)?, shape.len())?;
    let keep_dims = cx.flag("keepdims", true)?;
    let split = match cx.opt(1) {
        Some(split) => Some(cx.b.cast(split, DType::I64)?),
        None => None,
    };
    if let Some(sizes) = known_pieces(cx, &shape[axis], split)? {
        let mut start = Dim::constant(0);
        let mut pieces = Vec::with_capacity(sizes.len());
        for size in sizes {
            let next = cx.b.dims().add(&start, &size);
            let mut piece = cx.b.slice_axis(x, axis, SliceAxis::range(start, size))?;
            if split.is_none() && !keep_dims {
                piece = cx.b.squeeze(piece, &[axis])?;
            }
            pieces.push(piece);
            start = next;
        }
        let element = ElementType {
            dtype: cx.b.dtype(x)?,
            rank: Some(shape.len() - usize::from(split.is_none() && !keep_dims)),
        };
        return Ok(vec![construct(cx, &pieces, element)?]);
    }
    let mut operands = vec![x];
    operands.extend(split);
    let op = Op::Sequence(SequenceOp::Split { axis, keep_dims });
    Ok(vec![cx.b.op1(op, &operands)?])
}

/// Sizes of the pieces, where their number is known and small.
fn known_pieces(
    cx: &mut NodeCx<'_, '_>,
    size: &Dim,
    split: Option<ValueId>,
) -> Result<Option<Vec<Dim>>, ConvertError> {
    let piece = match split {
        Some(split) if cx.b.rank(split)? == 1 => {
            return match cx.known_len(split)? {
                Some(len) if len <= MAX_KNOWN => Ok(Some(cx.sizes(split, "piece")?)),
                _ => Ok(None),
            };
        }
        Some(split) => cx.known_int(split),
        None => Some(1),
    };
    let (Some(piece), Some(size)) = (piece, size.as_const()) else {
        return Ok(None);
    };
    if piece <= 0 {
        return Err(ConvertError::Invalid(format!(
            "split must be positive, is {piece}"
        )));
    }
    let n_pieces = (size.max(0) as u64).div_ceil(piece as u64);
    if n_pieces > MAX_KNOWN as u64 {
        return Ok(None);
    }
    let sizes = (0..n_pieces as i64)
        .map(|piece_idx| Dim::constant(piece.min(size - piece_idx * piece)))
        .collect();
    Ok(Some(sizes))
}

/// Applies a subgraph to each element: unrolled over known elements, else a loop that fills the results.
fn map(cx: &mut NodeCx<'_, '_>) -> Converted {
    let body = cx.graph_attr("body")?;
    let operands = cx.inputs()?;
    let Some(&first) = operands.first() else {
        return Err(ConvertError::Invalid("takes at least one operand".into()));
    };
    let results = body
        .output
        .iter()
        .map(|output| declared_element(body, &output.name))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(elements) = cx.sequence_elements(first)
        && elements.len() <= MAX_UNROLLED
        && let Some(turns) = known_turns(cx, &operands, elements.len())
    {
        let mut filled = vec![Vec::with_capacity(turns.len()); results.len()];
        for args in turns {
            for (list, value) in filled.iter_mut().zip(cx.inline(body, &args)?) {
                list.push(value);
            }
        }
        return filled
            .iter()
            .zip(results)
            .map(|(list, element)| construct(cx, list, element))
            .collect();
    }
    let n_turns = cx.b.op1(Op::Sequence(SequenceOp::Length), &[first])?;
    let carried = results
        .into_iter()
        .map(|element| empty(cx, element))
        .collect::<Result<Vec<_>, _>>()?;
    let captures = cx.captures(&[body]);
    let spec = Repeat {
        trip_count: Some(n_turns),
        condition: None,
        carried,
        passed: operands,
        captures: &captures,
        n_scanned: 0,
    };
    repeat(cx, spec, &|cx, turn| {
        let mut args = Vec::with_capacity(turn.passed.len());
        for &value in turn.passed {
            args.push(match cx.b.ty(value) {
                ValueType::Sequence(_) => element_at(cx, value, turn.iteration)?,
                _ => value,
            });
        }
        let mut carried = turn.carried.to_vec();
        for (sequence, value) in carried.iter_mut().zip(cx.inline(body, &args)?) {
            *sequence =
                cx.b.op1(Op::Sequence(SequenceOp::Insert), &[*sequence, value])?;
        }
        Ok(TurnResult {
            condition: None,
            carried,
            scanned: Vec::new(),
        })
    })
}

/// The arguments of each turn, where the elements of all sequences are known.
fn known_turns(
    cx: &NodeCx<'_, '_>,
    operands: &[ValueId],
    n_turns: usize,
) -> Option<Vec<Vec<ValueId>>> {
    let mut turns = vec![Vec::with_capacity(operands.len()); n_turns];
    for &operand in operands {
        let elements = match cx.b.ty(operand) {
            ValueType::Sequence(_) => cx.sequence_elements(operand)?,
            _ => vec![operand; n_turns],
        };
        if elements.len() != n_turns {
            return None;
        }
        for (args, element) in turns.iter_mut().zip(elements) {
            args.push(element);
        }
    }
    Some(turns)
}

/// What a subgraph says of its result: the element type of the sequence that collects it.
fn declared_element(body: &GraphProto, name: &str) -> Result<ElementType, ConvertError> {
    let declared = body.output.iter().find(|output| output.name == name);
    let ty = declared.and_then(|output| output.r#type.as_ref());
    match ty.and_then(|ty| ty.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => Ok(ElementType {
            dtype: data_type_to_dtype(tensor.elem_type)?,
            rank: tensor.shape.as_ref().map(|shape| shape.dim.len()),
        }),
        _ => Err(ConvertError::Unsupported(format!(
            "the body does not say the type of its result {name}"
        ))),
    }
}
