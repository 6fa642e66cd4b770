//! Normalisations with what stands before them: skip connections, embeddings, channels last.

use super::super::{Converted, OpEntry, ms, norm, onnx};
use super::Made;
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind, SliceAxis, UnaryOp};

/// Epsilon of the normalisations of transformers where the model gives none.
const EPSILON: f32 = 1e-12;

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("EmbedLayerNormalization", embed),
    ms("GroupNorm", |cx| {
        let x = cx.input(0)?;
        Ok(vec![group_norm(cx, x)?])
    }),
    ms("LayerNormalization", norm::layer_norm),
    ms("QEmbedLayerNormalization", quantized_embed),
    ms("SimplifiedLayerNormalization", simplified),
    onnx("SimplifiedLayerNormalization", simplified),
    ms("SkipGroupNorm", skip_group_norm),
    ms("SkipLayerNormalization", |cx| skip(cx, Kind::Layer)),
    ms("SkipSimplifiedLayerNormalization", |cx| {
        skip(cx, Kind::RootMeanSquare)
    }),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Layer,
    RootMeanSquare,
}

/// The normalisation over the root mean square alone; result 1 is its inverse.
fn simplified(cx: &mut NodeCx<'_, '_>) -> Converted {
    let y = norm::rms_norm(cx)?;
    if !cx.output_used(1) {
        return Ok(y);
    }
    let x = cx.input(0)?;
    let axis = super::super::operand::axis(cx.int("axis", -1)?, cx.b.rank(x)?)?;
    let epsilon = cx.float("epsilon", 1e-5)?;
    let inverse = inverse_root(cx, x, axis, epsilon)?;
    Ok(vec![y[0], inverse])
}

/// `1 / √(mean of squares + epsilon)` over the axes from `axis` on, in f32 at least.
fn inverse_root(cx: &mut NodeCx<'_, '_>, x: ValueId, axis: usize, epsilon: f32) -> Made {
    let axes: Vec<usize> = (axis..cx.b.rank(x)?).collect();
    let wide = if cx.b.dtype(x)? == DType::F64 {
        x
    } else {
        cx.b.cast(x, DType::F32)?
    };
    let square = cx.b.mul(wide, wide)?;
    let mean = cx.b.reduce(ReduceKind::Mean, square, &axes, true)?;
    let epsilon = cx.const_like(mean, f64::from(epsilon))?;
    let shifted = cx.b.add(mean, epsilon)?;
    Ok(cx.b.unary(UnaryOp::Rsqrt, shifted)?)
}

/// The normalised sum of two branches and a bias. Result 3 is the sum; 1 and 2 are for training and computed nowhere.
fn skip(cx: &mut NodeCx<'_, '_>, kind: Kind) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", EPSILON)?);
    if cx.output_used(1) || cx.output_used(2) {
        return Err(ConvertError::Unsupported(
            "mean and deviation as results are not supported".into(),
        ));
    }
    let (x, other, scale) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (shift, bias) = match kind {
        Kind::Layer => (cx.opt(3), cx.opt(4)),
        Kind::RootMeanSquare => (None, cx.opt(3)),
    };
    let Some(axis) = cx.b.rank(x)?.checked_sub(1) else {
        return Err(ConvertError::Invalid("input must not be a scalar".into()));
    };
    let mut total = cx.b.add(x, other)?;
    if let Some(bias) = bias {
        total = cx.b.add(total, bias)?;
    }
    let mut operands = vec![total, scale];
    operands.extend(shift);
    let op = match kind {
        Kind::Layer => Op::LayerNorm { axis, epsilon },
        Kind::RootMeanSquare => Op::RmsNorm { axis, epsilon },
    };
    let y = cx.b.op1(op, &operands)?;
    // Results that are not used may stand for the ones in between.
    Ok(vec![y, y, y, total])
}

/// What an embedding is looked up in: values, and scale and zero point where they are quantised.
type Table = (ValueId, Option<(ValueId, ValueId)>);

fn dequantized(
    cx: &mut NodeCx<'_, '_>,
    value: ValueId,
    quantized: Option<(ValueId, ValueId)>,
) -> Made {
    let Some((scale, zero_point)) = quantized else {
        return Ok(value);
    };
    let (scale, zero_point) = (cx.scalar(scale)?, cx.scalar(zero_point)?);
    let op = Op::Dequantize {
        axis: None,
        block: 0,
    };
    Ok(cx.b.op1(op, &[value, scale, zero_point])?)
}

fn embed(cx: &mut NodeCx<'_, '_>) -> Converted {
    cx.ignore(&["mask_index_type"]);
    let segments = match (cx.opt(1), cx.opt(4)) {
        (Some(ids), Some(table)) => Some((ids, (table, None))),
        _ => None,
    };
    let tables = [(cx.input(2)?, None), (cx.input(3)?, None)];
    let (scale, shift) = (cx.input(5)?, cx.input(6)?);
    let (mask, positions) = (cx.opt(7), cx.opt(8));
    embedded(cx, tables, segments, positions, [scale, shift], mask)
}

fn quantized_embed(cx: &mut NodeCx<'_, '_>) -> Converted {
    let table = |cx: &NodeCx<'_, '_>, at: usize, scale: usize| -> Result<Table, ConvertError> {
        let quantized = (cx.input(scale)?, cx.input(scale + 5)?);
        Ok((cx.input(at)?, Some(quantized)))
    };
    let tables = [table(cx, 2, 8)?, table(cx, 3, 9)?];
    let segments = match (cx.opt(1), cx.opt(4)) {
        (Some(ids), Some(_)) => Some((ids, table(cx, 4, 10)?)),
        _ => None,
    };
    let mut params = [cx.input(5)?, cx.input(6)?];
    for (param_idx, param) in params.iter_mut().enumerate() {
        let (_, quantized) = table(cx, 5 + param_idx, 11 + param_idx)?;
        *param = dequantized(cx, *param, quantized)?;
    }
    let mask = cx.opt(7);
    embedded(cx, tables, segments, None, params, mask)
}

/// The normalised sum of word, position and segment embeddings; result 1 counts the ones of the mask, result 2 is the sum.
fn embedded(
    cx: &mut NodeCx<'_, '_>,
    [words, places]: [Table; 2],
    segments: Option<(ValueId, Table)>,
    positions: Option<ValueId>,
    [scale, shift]: [ValueId; 2],
    mask: Option<ValueId>,
) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", EPSILON)?);
    let ids = cx.input(0)?;
    let [batch, rows] = &cx.b.shape(ids)?[..] else {
        return Err(ConvertError::Invalid("input_ids must have rank 2".into()));
    };
    let (batch, rows) = (batch.clone(), rows.clone());
    let lookup = |cx: &mut NodeCx<'_, '_>, (table, quantized): Table, ids: ValueId| -> Made {
        let found = cx.b.gather(table, ids, 0)?;
        dequantized(cx, found, quantized)
    };
    let mut total = lookup(cx, words, ids)?;
    let places = match positions {
        Some(positions) => lookup(cx, places, positions)?,
        None => {
            let (table, quantized) = places;
            let first = SliceAxis::range(Dim::ZERO, rows);
            let found = cx.b.slice_axis(table, 0, first)?;
            dequantized(cx, found, quantized)?
        }
    };
    total = cx.b.add(total, places)?;
    if let Some((ids, table)) = segments {
        let found = lookup(cx, table, ids)?;
        total = cx.b.add(total, found)?;
    }
    let op = Op::LayerNorm { axis: 2, epsilon };
    let y = cx.b.op1(op, &[total, scale, shift])?;
    let n_counted = match mask {
        Some(mask) => {
            let one = cx.const_like(mask, 1.0)?;
            let is_one = cx.b.binary(BinaryOp::Equal, mask, one)?;
            let ones = cx.b.cast(is_one, DType::I32)?;
            cx.b.reduce(ReduceKind::Sum, ones, &[1], false)?
        }
        None => {
            let zero = cx.b.const_scalar_i64(DType::I32, 0);
            cx.b.expand(zero, vec![batch])?
        }
    };
    Ok(vec![y, n_counted, total])
}

fn channels_last(cx: &NodeCx<'_, '_>) -> Result<bool, ConvertError> {
    cx.flag("channels_last", true)
}

fn group_norm(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Made {
    let epsilon = Real::from(cx.float("epsilon", 1e-5)?);
    let groups = Dim::constant(cx.int_req("groups")?);
    let activation = cx.int_req("activation")?;
    let is_last = channels_last(cx)?;
    let dtype = cx.b.dtype(x)?;
    let mut operands = vec![if is_last { to_first(cx, x)? } else { x }];
    for param in [cx.input(1)?, cx.input(2)?] {
        operands.push(cx.b.cast(param, dtype)?);
    }
    let mut y = cx.b.op1(Op::GroupNorm { groups, epsilon }, &operands)?;
    match activation {
        0 => {}
        1 => {
            let alpha = Real::from(1.0f32);
            y = cx.b.unary(UnaryOp::Swish { alpha }, y)?;
        }
        other => {
            return Err(ConvertError::Invalid(format!(
                "activation must be 0 or 1, is {other}"
            )));
        }
    }
    if is_last { to_last(cx, y) } else { Ok(y) }
}

/// The sum of x, skip and bias as result 1, normalised as result 0. A skip of one row per sample is for all positions.
fn skip_group_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_last = channels_last(cx)?;
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    let axis = if is_last { rank.saturating_sub(1) } else { 1 };
    let mut skip = cx.input(3)?;
    if cx.b.rank(skip)? == 2 {
        let added: Vec<usize> = (1..rank).filter(|&other| other != axis).collect();
        skip = cx.b.unsqueeze(skip, &added)?;
    } else if !is_last && cx.b.shape(skip)?.get(1..3) == Some(&[Dim::ONE, Dim::ONE]) {
        // One row per sample is channels last whatever x is.
        skip = to_first(cx, skip)?;
    }
    let mut total = cx.b.add(x, skip)?;
    if let Some(mut bias) = cx.opt(4) {
        if !is_last {
            let added: Vec<usize> = (1..rank.saturating_sub(1)).collect();
            bias = cx.b.unsqueeze(bias, &added)?;
        }
        total = cx.b.add(total, bias)?;
    }
    Ok(vec![group_norm(cx, total)?, total])
}

/// `[N, …, C]` as `[N, C, …]`.
pub(super) fn to_first(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Made {
    let rank = cx.b.rank(x)?;
    let perm = std::iter::once(0)
        .chain(rank.checked_sub(1).filter(|&last| last > 0))
        .chain(1..rank.saturating_sub(1))
        .collect();
    Ok(cx.b.transpose(x, perm)?)
}

/// `[N, C, …]` as `[N, …, C]`.
pub(super) fn to_last(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Made {
    let rank = cx.b.rank(x)?;
    let perm = std::iter::once(0)
        .chain(2..rank)
        .chain((rank > 1).then_some(1))
        .collect();
    Ok(cx.b.transpose(x, perm)?)
}
