//! Nodes with regions, and on sequences.

use super::Choices;
use super::families::{float_unary, is_float};
use super::typed::Maker;
use crate::graph::{BlockId, ValueId};
use crate::op::{If, Loop, Op, ReduceKind, SequenceOp};
use crate::types::{ElementType, TensorType, ValueType};
use graphc_base::{DType, Dim};

pub(super) fn region(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, is_float)?;
    if choices.flag() {
        branch(maker, choices, x)
    } else {
        repeat(maker, choices, x)
    }
}

/// A block with parameters of these types, whose nodes `fill` adds; it gives the results.
fn block(
    maker: &mut Maker,
    params: &[ValueType],
    fill: impl FnOnce(&mut Maker, &[ValueId]) -> Option<Vec<ValueId>>,
) -> Option<BlockId> {
    let graph = maker.builder.graph_mut();
    let block = graph.add_block();
    let params: Vec<ValueId> = params
        .iter()
        .map(|ty| graph.add_param(block, ty.clone(), None))
        .collect();
    let outer = maker.builder.set_block(block);
    let results = fill(maker, &params);
    maker.builder.set_block(outer);
    maker.builder.graph_mut().block_mut(block).results = results?;
    Some(block)
}

/// One of two functions of x, by whether its sum is positive.
fn branch(maker: &mut Maker, choices: &mut Choices<'_>, x: ValueId) -> Option<()> {
    let ty = maker.builder.ty(x).clone();
    let rank = maker.tensor(x)?.rank();
    let dtype = maker.tensor(x)?.dtype;
    let sum = maker.op1(
        Op::Reduce {
            kind: ReduceKind::Sum,
            reduced: vec![Dim::ONE; rank],
            keep_dims: false,
        },
        &[x],
    )?;
    let zero = maker.builder.const_scalar(dtype, 0.0);
    let cond = maker.op1(Op::Binary(crate::op::BinaryOp::Greater), &[sum, zero])?;
    let mut arm = |maker: &mut Maker| {
        let op = Op::Unary(float_unary(choices));
        block(maker, std::slice::from_ref(&ty), |maker, params| {
            maker.op(op, params)
        })
    };
    let then_block = arm(maker)?;
    let else_block = arm(maker)?;
    let op = Op::If(Box::new(If {
        then_block,
        else_block,
        results: vec![ty],
    }));
    maker.add(op, &[cond, x])
}

/// x through one function a few times; every step is stacked.
fn repeat(maker: &mut Maker, choices: &mut Choices<'_>, x: ValueId) -> Option<()> {
    let ty = maker.builder.ty(x).clone();
    let tensor = maker.tensor(x)?.clone();
    let n_steps = choices.between(1, 3) as i64;
    let step = Op::Unary(float_unary(choices));
    let params = [
        TensorType::scalar(DType::I64).into(),
        TensorType::scalar(DType::Bool).into(),
        ty.clone(),
    ];
    let body = block(maker, &params, |maker, params| {
        let next = maker.op1(step, &params[2..])?;
        Some(vec![params[1], next, next])
    })?;
    let stacked = TensorType {
        dtype: tensor.dtype,
        shape: [vec![Dim::constant(n_steps)], tensor.shape].concat(),
    };
    let trip_count = maker.builder.const_scalar_i64(DType::I64, n_steps);
    let op = Op::Loop(Box::new(Loop {
        body,
        has_trip_count: true,
        has_condition: false,
        n_carried: 1,
        n_scanned: 1,
        results: vec![ty, stacked.into()],
    }));
    maker.add(op, &[trip_count, x])
}

pub(super) fn sequence(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |_| true)?;
    let ty = maker.tensor(x)?.clone();
    if choices.flag() {
        let some = maker.op1(Op::Sequence(SequenceOp::Some), &[x])?;
        let has = maker.op1(Op::Sequence(SequenceOp::Has), &[some])?;
        maker.keep(has)?;
        let result = ValueType::Tensor(ty);
        return maker.add(Op::Sequence(SequenceOp::Get { result }), &[some]);
    }
    let made = if choices.flag() {
        maker.op1(Op::Sequence(SequenceOp::Construct), &[x, x])?
    } else {
        let element = ElementType {
            dtype: ty.dtype,
            rank: Some(ty.rank()),
        };
        let empty = maker.op1(Op::Sequence(SequenceOp::Empty { element }), &[])?;
        maker.op1(Op::Sequence(SequenceOp::Insert), &[empty, x])?
    };
    let length = maker.op1(Op::Sequence(SequenceOp::Length), &[made])?;
    maker.keep(length)?;
    let first = maker.builder.const_scalar_i64(DType::I64, 0);
    maker.add(Op::Sequence(SequenceOp::At { result: ty }), &[made, first])
}
