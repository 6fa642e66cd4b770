//! The nodes of each family. Every step draws operands, then attributes that fit them.

use super::typed::{Family, Maker};
use super::{Choices, regions};
use crate::consts::SMALL_CONST_BYTES;
use crate::graph::ValueId;
use crate::op::{
    BinaryOp, Conv, CumulativeKind, Op, PadMode, Padding, Pool, PoolKind, ReduceKind,
    ScatterReduction, SliceAxis, UnaryOp,
};
use crate::types::TensorType;
use graphc_base::{DType, Dim, Interval, Real};

/// Adds one to a few nodes; `None` where the operands there are do not fit.
pub(super) fn add(maker: &mut Maker, choices: &mut Choices<'_>, family: Family) -> Option<()> {
    match family {
        Family::Pointwise => pointwise(maker, choices),
        Family::Movement => movement(maker, choices),
        Family::Reduction => reduction(maker, choices),
        Family::Norm => norm(maker, choices),
        Family::Linear => linear(maker, choices),
        Family::Spatial => spatial(maker, choices),
        Family::Indexing => indexing(maker, choices),
        Family::Data => data(maker, choices),
        Family::Region => regions::region(maker, choices),
        Family::Sequence => regions::sequence(maker, choices),
    }
}

pub(super) fn is_float(ty: &TensorType) -> bool {
    ty.dtype.is_float() && !ty.dtype.is_storage_only()
}

fn is_number(ty: &TensorType) -> bool {
    is_float(ty) || (ty.dtype.is_int() && !ty.dtype.is_storage_only())
}

fn alpha(choices: &mut Choices<'_>) -> Real {
    Real::new(choices.of([0.5, 0.01, 1.0, 2.0]))
}

/// A unary operator on floats.
pub(super) fn float_unary(choices: &mut Choices<'_>) -> UnaryOp {
    let alpha = alpha(choices);
    choices.of([
        UnaryOp::Relu,
        UnaryOp::Neg,
        UnaryOp::Abs,
        UnaryOp::Tanh,
        UnaryOp::Sigmoid,
        UnaryOp::Erf,
        UnaryOp::Gelu,
        UnaryOp::Exp,
        UnaryOp::Sqrt,
        UnaryOp::Floor,
        UnaryOp::Round,
        UnaryOp::Softplus,
        UnaryOp::HardSwish,
        UnaryOp::Swish { alpha },
        UnaryOp::LeakyRelu { alpha },
        UnaryOp::Elu { alpha },
        UnaryOp::HardSigmoid { alpha, beta: alpha },
    ])
}

fn pointwise(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    match choices.below(6) {
        0 => {
            let x = maker.pick(choices, is_float)?;
            maker.add(Op::Unary(float_unary(choices)), &[x])
        }
        1 => {
            let x = maker.pick(choices, |ty| ty.dtype == DType::Bool)?;
            maker.add(Op::Unary(UnaryOp::Not), &[x])
        }
        2 => {
            let x = maker.pick(choices, is_number)?;
            let to = choices.of([DType::F32, DType::I64, DType::Bool, DType::F16]);
            maker.add(Op::Cast { to, saturate: true }, &[x])
        }
        3 => {
            let cond = maker.pick(choices, |ty| ty.dtype == DType::Bool)?;
            let shape = maker.tensor(cond)?.shape.clone();
            let a = maker.pick(choices, |ty| ty.shape == shape)?;
            let dtype = maker.tensor(a)?.dtype;
            let b = maker.pick(choices, |ty| ty.dtype == dtype && ty.rank() <= shape.len())?;
            maker.add(Op::Select, &[cond, a, b])
        }
        _ => binary(maker, choices),
    }
}

fn binary(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let a = maker.pick(choices, is_number)?;
    let dtype = maker.tensor(a)?.dtype;
    let op = choices.of([
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::Min,
        BinaryOp::Max,
        BinaryOp::Less,
        BinaryOp::Equal,
        BinaryOp::Div,
    ]);
    // Of a few candidates one broadcasts without a check, at the latest a itself.
    for _ in 0..3 {
        let b = maker.pick(choices, |ty| ty.dtype == dtype)?;
        if maker.add(Op::Binary(op), &[a, b]).is_some() {
            return Some(());
        }
    }
    maker.add(Op::Binary(op), &[a, a])
}

fn movement(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |ty| ty.rank() > 0)?;
    let shape = maker.tensor(x)?.shape.clone();
    let rank = shape.len();
    let axis = choices.below(rank);
    match choices.below(8) {
        0 => {
            let mut perm: Vec<usize> = (0..rank).collect();
            perm.rotate_left(choices.below(rank));
            perm.swap(0, axis);
            maker.add(Op::Transpose { perm }, &[x])
        }
        1 => {
            // Two neighbouring axes become one.
            let next = shape.get(axis + 1)?;
            let mut merged = shape.clone();
            let joined = maker.builder.dims().mul(&shape[axis], next);
            merged.splice(axis..axis + 2, [joined]);
            maker.add(Op::Reshape { shape: merged }, &[x])
        }
        2 => {
            let mut wider = shape;
            wider.insert(axis, Dim::ONE);
            let x = maker.op1(
                Op::Reshape {
                    shape: wider.clone(),
                },
                &[x],
            )?;
            wider[axis] = Dim::constant(choices.between(1, 3) as i64);
            maker.keep(x)?;
            maker.add(Op::Expand { shape: wider }, &[x])
        }
        3 => maker.add(slice(choices, &shape, axis)?, &[x]),
        4 => {
            let dtype = maker.tensor(x)?.dtype;
            let y = maker.pick(choices, |ty| {
                ty.dtype == dtype
                    && ty.rank() == rank
                    && (0..rank).all(|other| other == axis || ty.shape[other] == shape[other])
            })?;
            maker.add(Op::Concat { axis }, &[x, y, x])
        }
        5 => {
            let mut repeats = vec![Dim::ONE; rank];
            repeats[axis] = Dim::constant(2);
            maker.add(Op::Tile { repeats }, &[x])
        }
        _ => {
            let mode = choices.of([PadMode::Edge, PadMode::Constant]);
            let mut before = vec![Dim::ZERO; rank];
            let mut after = before.clone();
            before[axis] = Dim::constant(choices.below(2) as i64);
            after[axis] = Dim::constant(choices.below(3) as i64);
            let mut inputs = vec![x];
            if mode == PadMode::Constant {
                let dtype = maker.tensor(x)?.dtype;
                inputs.push(maker.builder.const_scalar(dtype, 1.0));
            }
            let op = Op::Pad {
                mode,
                before,
                after,
            };
            maker.add(op, &inputs)
        }
    }
}

/// The whole of all axes but one, which is cut at constants or reversed.
fn slice(choices: &mut Choices<'_>, shape: &[Dim], axis: usize) -> Option<Op> {
    let mut axes: Vec<SliceAxis> = shape.iter().map(SliceAxis::full).collect();
    axes[axis] = match shape[axis].as_const() {
        Some(size @ 1..) => {
            let start = choices.below(usize::try_from(size).ok()?) as i64;
            if choices.flag() {
                SliceAxis {
                    start: Dim::constant(start),
                    step: Dim::constant(-1),
                    len: Dim::constant(start + 1),
                }
            } else {
                SliceAxis::range(Dim::constant(start), Dim::constant(size - start))
            }
        }
        // Symbols are at least 1.
        _ => SliceAxis::range(Dim::ZERO, Dim::ONE),
    };
    Some(Op::Slice { axes })
}

fn reduction(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |ty| is_number(ty) && ty.rank() > 0)?;
    let ty = maker.tensor(x)?;
    let (rank, is_float) = (ty.rank(), is_float(ty));
    let axis = choices.below(rank);
    let keep_dims = choices.flag();
    match choices.below(5) {
        0 if is_float => maker.add(Op::Softmax { axis }, &[x]),
        1 if is_float => maker.add(Op::LogSoftmax { axis }, &[x]),
        2 => {
            let op = Op::ArgReduce {
                largest: choices.flag(),
                axis,
                keep_dims,
                last: choices.flag(),
            };
            maker.add(op, &[x])
        }
        3 => {
            let op = Op::Cumulative {
                kind: CumulativeKind::Sum,
                axis: Dim::from(axis),
                exclusive: choices.flag(),
                reverse: choices.flag(),
            };
            maker.add(op, &[x])
        }
        _ => {
            let kind = choices.of([
                ReduceKind::Sum,
                ReduceKind::Mean,
                ReduceKind::Max,
                ReduceKind::Min,
                ReduceKind::Prod,
            ]);
            let second = choices.below(rank);
            let reduced = (0..rank)
                .map(|other| Dim::from(usize::from(other == axis || other == second)))
                .collect();
            let op = Op::Reduce {
                kind,
                reduced,
                keep_dims,
            };
            maker.add(op, &[x])
        }
    }
}

/// Small values of a constant shape, different from element to element; `None` where they would not fit into the text
/// form.
fn weights(maker: &mut Maker, shape: &[usize]) -> Option<ValueId> {
    let n_elements: usize = shape.iter().product();
    if n_elements > SMALL_CONST_BYTES / size_of::<f32>() {
        return None;
    }
    let values: Vec<f32> = (0..n_elements)
        .map(|element| (element % 7) as f32 * 0.25 - 0.5)
        .collect();
    Some(maker.builder.const_f32(shape, &values))
}

fn const_size(dim: &Dim) -> Option<usize> {
    usize::try_from(dim.as_const()?).ok()
}

fn norm(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |ty| ty.dtype == DType::F32 && ty.rank() > 0)?;
    let shape = maker.tensor(x)?.shape.clone();
    let epsilon = Real::new(1e-5);
    let axis = shape.len() - 1;
    match choices.below(3) {
        0 => match const_size(&shape[axis]) {
            Some(size) => {
                let scale = weights(maker, &[size])?;
                maker.add(Op::LayerNorm { axis, epsilon }, &[x, scale, scale])
            }
            None => maker.add(Op::LayerNorm { axis, epsilon }, &[x]),
        },
        1 => maker.add(Op::RmsNorm { axis, epsilon }, &[x]),
        _ => {
            let channels = const_size(shape.get(1)?)?;
            let scale = weights(maker, &[channels])?;
            if choices.flag() {
                let var = maker.op1(Op::Unary(UnaryOp::Abs), &[scale])?;
                maker.add(Op::BatchNorm { epsilon }, &[x, scale, scale, scale, var])
            } else {
                let op = Op::GroupNorm {
                    groups: Dim::ONE,
                    epsilon,
                };
                maker.add(op, &[x, scale, scale])
            }
        }
    }
}

fn linear(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let a = maker.pick(choices, |ty| ty.dtype == DType::F32 && ty.rank() >= 2)?;
    let shape = maker.tensor(a)?.shape.clone();
    let rank = shape.len();
    if rank >= 3 && choices.flag() {
        return conv(maker, choices, a, &shape);
    }
    if let Some(inner) = const_size(&shape[rank - 1]).filter(|_| choices.flag()) {
        let columns = choices.between(1, 5);
        let b = weights(maker, &[inner, columns])?;
        return maker.add(Op::MatMul, &[a, b]);
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 1, rank - 2);
    let b = maker.op1(Op::Transpose { perm }, &[a])?;
    maker.add(Op::MatMul, &[a, b])
}

fn paddings(choices: &mut Choices<'_>, n_spatial: usize) -> Vec<Padding> {
    (0..n_spatial)
        .map(|_| Padding {
            before: Dim::ONE,
            after: Dim::constant(choices.between(1, 2) as i64),
        })
        .collect()
}

fn conv(maker: &mut Maker, choices: &mut Choices<'_>, x: ValueId, shape: &[Dim]) -> Option<()> {
    let channels = const_size(&shape[1])?;
    let n_spatial = shape.len() - 2;
    let groups = if choices.flag() { channels } else { 1 };
    let mut weight_shape = vec![groups * choices.between(1, 2), channels / groups];
    weight_shape.extend((0..n_spatial).map(|_| choices.between(1, 3)));
    let w = weights(maker, &weight_shape)?;
    let mut inputs = vec![x, w];
    if choices.flag() {
        inputs.push(weights(maker, &weight_shape[..1])?);
    }
    let op = Op::Conv(Conv {
        strides: (0..n_spatial).map(|_| choices.between(1, 2)).collect(),
        pads: paddings(choices, n_spatial),
        dilations: vec![1; n_spatial],
        groups,
    });
    maker.add(op, &inputs)
}

fn spatial(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |ty| ty.dtype == DType::F32 && ty.rank() >= 3)?;
    let shape = maker.tensor(x)?.shape.clone();
    let n_spatial = shape.len() - 2;
    let kernel: Vec<usize> = (0..n_spatial).map(|_| choices.between(1, 2)).collect();
    let strides: Vec<usize> = (0..n_spatial).map(|_| choices.between(1, 2)).collect();
    let pads: Vec<Padding> = kernel
        .iter()
        .map(|size| Padding {
            before: Dim::ZERO,
            after: Dim::from(size - 1),
        })
        .collect();
    let dims = maker.builder.dims();
    // With this padding the last window starts at the last element.
    let out = shape[2..]
        .iter()
        .zip(&strides)
        .map(|(size, stride)| {
            let steps = dims.floor_div(&dims.sub(size, &Dim::ONE), &Dim::from(*stride));
            dims.add(&steps, &Dim::ONE)
        })
        .collect();
    let kind = choices.of([
        PoolKind::Max,
        PoolKind::Average {
            count_include_pad: true,
        },
        PoolKind::Average {
            count_include_pad: false,
        },
    ]);
    let pool = Pool {
        kind,
        dilations: vec![1; n_spatial],
        kernel,
        strides,
        pads,
        out,
    };
    maker.add(Op::Pool(pool), &[x])
}

fn indexing(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |ty| is_number(ty) && ty.rank() > 0)?;
    let shape = maker.tensor(x)?.shape.clone();
    let axis = choices.below(shape.len());
    match choices.below(4) {
        0 => {
            // Positions 0 and -1 are there at any size.
            let indices = maker.builder.const_i64(&[0, -1, 0]);
            maker.add(Op::Gather { axis }, &[x, indices])
        }
        1 => {
            let indices = maker.op1(
                Op::ArgReduce {
                    largest: true,
                    axis,
                    keep_dims: true,
                    last: false,
                },
                &[x],
            )?;
            if choices.flag() {
                return maker.add(Op::GatherElements { axis }, &[x, indices]);
            }
            let updates = maker.op1(Op::GatherElements { axis }, &[x, indices])?;
            let op = Op::ScatterElements {
                axis,
                reduction: choices.of([ScatterReduction::Replace, ScatterReduction::Add]),
            };
            maker.add(op, &[x, indices, updates])
        }
        2 => {
            let op = Op::TopK {
                axis,
                k: shape[axis].clone(),
                largest: choices.flag(),
            };
            maker.add(op, &[x])
        }
        _ => {
            let op = Op::Unique {
                axis: None,
                sorted: true,
            };
            maker.add(op, &[x])
        }
    }
}

fn data(maker: &mut Maker, choices: &mut Choices<'_>) -> Option<()> {
    let x = maker.pick(choices, |ty| is_number(ty) && ty.rank() > 0)?;
    let shape = maker.tensor(x)?.shape.clone();
    match choices.below(3) {
        0 => {
            let sizes = maker.builder.dim_tensor(&shape).ok()?;
            maker.keep(sizes)
        }
        1 => {
            let op = Op::Iota {
                dtype: DType::I64,
                len: shape[choices.below(shape.len())].clone(),
            };
            maker.add(op, &[])
        }
        _ => {
            // Positions of what is not zero, cut to as many as there are.
            let results = maker.op(Op::NonZero, &[x])?;
            let &[positions, count] = results.as_slice() else {
                return None;
            };
            let most = maker.tensor(positions)?.shape.get(1)?;
            let range = Interval {
                lo: 0,
                hi: maker.builder.dims().bounds(most).hi,
            };
            let n_found = maker.builder.bind_dim(count, 0, "found", range);
            let rank = Dim::from(shape.len());
            let axes = vec![SliceAxis::full(&rank), SliceAxis::range(Dim::ZERO, n_found)];
            maker.add(Op::Slice { axes }, &[positions])
        }
    }
}
