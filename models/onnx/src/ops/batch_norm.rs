//! BatchNormalization of all opsets: for inference, and for training with the running statistics that it gives.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::Real;
use graphc_ir::ValueId;
use graphc_ir::op::{Op, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[onnx("BatchNormalization", batch_norm)];

/// Results of the training form before opset 14 whose meaning was never written down: the variance's estimator is not
/// named there, and the saved statistics are what suits an implementation. They are not computed.
const DEFINED_SINCE: i64 = 14;

/// The operands after x.
struct Statistics {
    scale: ValueId,
    bias: ValueId,
    mean: ValueId,
    variance: ValueId,
}

fn batch_norm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let epsilon = Real::from(cx.float("epsilon", 1e-5)?);
    let momentum = f64::from(cx.float("momentum", 0.9)?);
    let x = cx.input(0)?;
    let given = Statistics {
        scale: cx.input(1)?,
        bias: cx.input(2)?,
        mean: cx.input(3)?,
        variance: cx.input(4)?,
    };
    let opset = cx.opset();
    let is_spatial = opset >= 9 || cx.flag("spatial", true)?;
    let is_training = if opset >= 14 {
        cx.flag("training_mode", false)?
    } else {
        // Then the number of results says which form it is.
        let is_test = opset < 7 && cx.flag("is_test", false)?;
        !is_test && (1..5).any(|result_idx| cx.output_used(result_idx))
    };
    let rank = cx.b.rank(x)?;
    let is_per_activation = !is_spatial && rank > 2;
    if !is_training {
        return Ok(vec![normalised(cx, x, &given, epsilon, is_per_activation)?]);
    }
    let axes: Vec<usize> = if is_spatial {
        (0..rank).filter(|&axis| axis != 1).collect()
    } else {
        vec![0]
    };
    let broadcast_mean = cx.b.reduce(ReduceKind::Mean, x, &axes, true)?;
    let distance = cx.b.sub(x, broadcast_mean)?;
    let square = cx.b.mul(distance, distance)?;
    let of_batch = Statistics {
        mean: cx.b.reduce(ReduceKind::Mean, x, &axes, false)?,
        variance: cx.b.reduce(ReduceKind::Mean, square, &axes, false)?,
        ..given
    };
    let mut results = vec![normalised(cx, x, &of_batch, epsilon, is_per_activation)?];
    results.push(blended(cx, given.mean, of_batch.mean, momentum)?);
    if opset >= DEFINED_SINCE {
        results.push(blended(cx, given.variance, of_batch.variance, momentum)?);
    }
    Ok(results)
}

/// `(x - mean) / √(variance + epsilon) · scale + bias`, with a statistic per channel, or per element of a sample.
fn normalised(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    statistics: &Statistics,
    epsilon: Real,
    is_per_activation: bool,
) -> Result<ValueId, ConvertError> {
    let dtype = cx.b.dtype(x)?;
    let mut operands = Vec::with_capacity(5);
    operands.push(x);
    for value in [
        statistics.scale,
        statistics.bias,
        statistics.mean,
        statistics.variance,
    ] {
        operands.push(cx.b.cast(value, dtype)?);
    }
    if !is_per_activation {
        return Ok(cx.b.op1(Op::BatchNorm { epsilon }, &operands)?);
    }
    let rank = cx.b.rank(x)?;
    for &statistic in &operands[1..] {
        if cx.b.rank(statistic)? + 1 != rank {
            return Err(ConvertError::Invalid(format!(
                "without spatial, statistics must have rank {}",
                rank - 1
            )));
        }
    }
    let [x, scale, bias, mean, variance] = operands[..] else {
        return Err(ConvertError::Invalid("takes five operands".into()));
    };
    let epsilon = cx.b.const_scalar(dtype, epsilon.get());
    let shifted = cx.b.add(variance, epsilon)?;
    let inverse = cx.b.unary(UnaryOp::Rsqrt, shifted)?;
    let distance = cx.b.sub(x, mean)?;
    let unit = cx.b.mul(distance, inverse)?;
    let scaled = cx.b.mul(unit, scale)?;
    Ok(cx.b.add(scaled, bias)?)
}

/// `momentum · running + (1 - momentum) · current`, in the dtype of the running statistic.
fn blended(
    cx: &mut NodeCx<'_, '_>,
    running: ValueId,
    current: ValueId,
    momentum: f64,
) -> Result<ValueId, ConvertError> {
    let dtype = cx.b.dtype(running)?;
    let keep = cx.b.const_scalar(dtype, momentum);
    let take = cx.b.const_scalar(dtype, 1.0 - momentum);
    let current = cx.b.cast(current, dtype)?;
    let (old, new) = (cx.b.mul(running, keep)?, cx.b.mul(current, take)?);
    Ok(cx.b.add(old, new)?)
}
