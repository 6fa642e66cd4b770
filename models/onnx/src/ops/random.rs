//! Random numbers, and the operators that draw them. Their generator is ours: a seed gives the same numbers on every
//! device, but not those of another framework.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, CumulativeKind, Op, RandomKind, ReduceKind};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Bernoulli", bernoulli),
    onnx("Dropout", dropout),
    onnx("Multinomial", multinomial),
    onnx("RandomNormal", |cx| {
        let kind = normal(cx)?;
        random(cx, kind)
    }),
    onnx("RandomNormalLike", |cx| {
        let kind = normal(cx)?;
        random_like(cx, kind)
    }),
    onnx("RandomUniform", |cx| {
        let kind = uniform(cx)?;
        random(cx, kind)
    }),
    onnx("RandomUniformLike", |cx| {
        let kind = uniform(cx)?;
        random_like(cx, kind)
    }),
];

/// Uniform in [0, 1).
const UNIT: RandomKind = RandomKind::Uniform {
    low: Real::new(0.0),
    high: Real::new(1.0),
};

fn normal(cx: &NodeCx<'_, '_>) -> Result<RandomKind, ConvertError> {
    Ok(RandomKind::Normal {
        mean: Real::from(cx.float("mean", 0.0)?),
        scale: Real::from(cx.float("scale", 1.0)?),
    })
}

fn uniform(cx: &NodeCx<'_, '_>) -> Result<RandomKind, ConvertError> {
    Ok(RandomKind::Uniform {
        low: Real::from(cx.float("low", 0.0)?),
        high: Real::from(cx.float("high", 1.0)?),
    })
}

/// Draws numbers: with the node's seed, or where it gives none with a constant one, so that runs can be repeated.
fn draw(
    cx: &mut NodeCx<'_, '_>,
    kind: RandomKind,
    dtype: DType,
    shape: Vec<Dim>,
) -> Result<ValueId, ConvertError> {
    // Dropout's seed is an integer, all others' a float.
    let seed = if cx.op_type() == "Dropout" {
        Real::new(cx.int("seed", 0)? as f64)
    } else {
        Real::from(cx.float("seed", 0.0)?)
    };
    let instance = cx.next_instance();
    Ok(cx.b.op1(
        Op::Random {
            kind,
            dtype,
            shape,
            seed,
            instance,
        },
        &[],
    )?)
}

fn random(cx: &mut NodeCx<'_, '_>, kind: RandomKind) -> Converted {
    let dtype = cx.dtype_opt("dtype")?.unwrap_or(DType::F32);
    let Some(shape) = cx.ints_opt("shape")? else {
        return Err(ConvertError::Invalid("attribute shape is missing".into()));
    };
    for &size in &shape {
        operand::size("shape", size)?;
    }
    let shape = shape.into_iter().map(Dim::constant).collect();
    Ok(vec![draw(cx, kind, dtype, shape)?])
}

fn random_like(cx: &mut NodeCx<'_, '_>, kind: RandomKind) -> Converted {
    let x = cx.input(0)?;
    let dtype = match cx.dtype_opt("dtype")? {
        Some(dtype) => dtype,
        None => cx.b.dtype(x)?,
    };
    let shape = cx.b.shape(x)?;
    Ok(vec![draw(cx, kind, dtype, shape)?])
}

fn bernoulli(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let from = cx.b.dtype(x)?;
    let to = cx.dtype_opt("dtype")?.unwrap_or(from);
    let shape = cx.b.shape(x)?;
    // In a narrow dtype too many of the draws would be equal.
    let wide = if from == DType::F64 {
        DType::F64
    } else {
        DType::F32
    };
    let drawn = draw(cx, UNIT, wide, shape)?;
    let probability = cx.b.cast(x, wide)?;
    let hit = cx.b.binary(BinaryOp::Less, drawn, probability)?;
    Ok(vec![cx.b.cast(hit, to)?])
}

/// Numbers drawn by the inverse of each row's cumulative probability; x holds logarithms up to a constant per row.
fn multinomial(cx: &mut NodeCx<'_, '_>) -> Converted {
    let to = cx.dtype_opt("dtype")?.unwrap_or(DType::I32);
    let sample_size = cx.int("sample_size", 1)?;
    operand::size("sample_size", sample_size)?;
    let x = cx.input(0)?;
    let [rows, _] = &cx.b.shape(x)?[..] else {
        return Err(ConvertError::Invalid("x must have rank 2".into()));
    };
    let shape = vec![rows.clone(), Dim::constant(sample_size), Dim::constant(1)];
    let x = cx.b.cast(x, DType::F32)?;
    let probabilities = cx.b.softmax(x, 1)?;
    let cumulative = cx.b.op1(
        Op::Cumulative {
            kind: CumulativeKind::Sum,
            axis: Dim::constant(1),
            exclusive: true,
            reverse: false,
        },
        &[probabilities],
    )?;
    let cumulative = cx.b.unsqueeze(cumulative, &[1])?;
    let drawn = draw(cx, UNIT, DType::F32, shape)?;
    // The first class starts at 0, so at least one start is at or below each draw.
    let passed = cx.b.binary(BinaryOp::LessEqual, cumulative, drawn)?;
    let passed = cx.b.cast(passed, DType::I32)?;
    let n_passed = cx.b.reduce(ReduceKind::Sum, passed, &[2], false)?;
    let one = cx.b.const_scalar_i64(DType::I32, 1);
    let class = cx.b.sub(n_passed, one)?;
    Ok(vec![cx.b.cast(class, to)?])
}

/// Before opset 12 for inference only; later a third operand may switch training on, at run time too.
fn dropout(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    if cx.opset() < 12 {
        cx.ignore(&["ratio"]);
        if cx.opset() < 7 && !cx.flag("is_test", false)? {
            return Err(ConvertError::Unsupported(
                "it is to drop elements, and its opset does not say how the others are scaled"
                    .into(),
            ));
        }
    } else {
        cx.ignore(&["seed"]);
    }
    let training = match cx.opt(2) {
        Some(mode) => Some(cx.bool_scalar(mode)?),
        None => None,
    };
    let is_known = training.map_or(Some(false), |mode| cx.known_bool(mode));
    if is_known == Some(false) {
        let mut results = vec![x];
        if cx.output_used(1) {
            results.push(all_true(cx, x)?);
        }
        return Ok(results);
    }
    let dtype = cx.b.dtype(x)?;
    let ratio = match cx.opt(1) {
        Some(ratio) => {
            let ratio = cx.scalar(ratio)?;
            cx.b.cast(ratio, DType::F32)?
        }
        None => cx.b.const_scalar(DType::F32, 0.5),
    };
    let shape = cx.b.shape(x)?;
    let drawn = draw(cx, UNIT, DType::F32, shape)?;
    let kept = cx.b.binary(BinaryOp::GreaterEqual, drawn, ratio)?;
    let one = cx.b.const_scalar(DType::F32, 1.0);
    let share = cx.b.sub(one, ratio)?;
    let scale = cx.b.div(one, share)?;
    let scale = cx.b.cast(scale, dtype)?;
    let scaled = cx.b.mul(x, scale)?;
    // A ratio of 1 makes the scale infinite: what is dropped must be zero and not its product.
    let zero = cx.const_like(x, 0.0)?;
    let dropped = cx.b.select(kept, scaled, zero)?;
    let Some(mode) = training.filter(|_| is_known.is_none()) else {
        return Ok(vec![dropped, kept]);
    };
    let y = cx.b.select(mode, dropped, x)?;
    let not_training = cx.b.unary(graphc_ir::op::UnaryOp::Not, mode)?;
    let mask = cx.b.binary(BinaryOp::Or, kept, not_training)?;
    Ok(vec![y, mask])
}

/// The mask that drops nothing.
fn all_true(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    let shape = cx.b.shape(x)?;
    let yes = cx.b.const_scalar_i64(DType::Bool, 1);
    // Before opset 10 the mask has the dtype of x.
    let dtype = if cx.opset() < 10 {
        cx.b.dtype(x)?
    } else {
        DType::Bool
    };
    let yes = cx.b.cast(yes, dtype)?;
    Ok(cx.b.expand(yes, shape)?)
}
