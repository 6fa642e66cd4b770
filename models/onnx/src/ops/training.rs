//! Optimizers of `ai.onnx.preview.training`: one step for any number of tensors.
//!
//! Operands are the rate R and the count of past updates T, then all tensors, all gradients, and all states of each
//! kind; results are the new tensors, then the new states in the same order.

use super::{Converted, OpEntry, training};
use crate::import::{ConvertError, NodeCx};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    training("Adagrad", adagrad),
    training("Adam", adam),
    training("Momentum", momentum),
];

/// What one step sees of one tensor.
struct Step<'a> {
    /// Learning rate, a scalar.
    rate: ValueId,
    /// Number of updates so far, a scalar integer.
    n_updates: ValueId,
    /// The tensor.
    x: ValueId,
    /// Its gradient, with `norm_coefficient · x` added.
    gradient: ValueId,
    /// Its states.
    states: &'a [ValueId],
}

/// Reads the operands, steps once for each tensor, and sorts the results. `step` gives the new tensor and its new states.
fn update(
    cx: &mut NodeCx<'_, '_>,
    n_states: usize,
    step: impl Fn(&mut NodeCx<'_, '_>, Step<'_>) -> Result<Vec<ValueId>, ConvertError>,
) -> Converted {
    let inputs = cx.inputs()?;
    let n_kinds = 2 + n_states;
    let tensors = match inputs.get(2..) {
        Some(tensors) if !tensors.is_empty() && tensors.len().is_multiple_of(n_kinds) => tensors,
        _ => {
            return Err(ConvertError::Invalid(format!(
                "takes R, T and {n_kinds} operands for each tensor, found {} in all",
                inputs.len()
            )));
        }
    };
    let (rate, n_updates) = (cx.scalar(inputs[0])?, cx.scalar(inputs[1])?);
    let n_tensors = tensors.len() / n_kinds;
    let norm_coefficient = cx.float("norm_coefficient", 0.0)?;
    let mut results = vec![Vec::with_capacity(n_tensors); 1 + n_states];
    for tensor_idx in 0..n_tensors {
        let of_kind = |kind: usize| tensors[kind * n_tensors + tensor_idx];
        let (x, gradient) = (of_kind(0), of_kind(1));
        let states: Vec<ValueId> = (2..n_kinds).map(of_kind).collect();
        let decay = scaled(cx, x, norm_coefficient)?;
        let gradient = match decay {
            Some(decay) => cx.b.add(decay, gradient)?,
            None => gradient,
        };
        let dtype = cx.b.dtype(x)?;
        let step_of = Step {
            rate: cx.b.cast(rate, dtype)?,
            n_updates,
            x,
            gradient,
            states: &states,
        };
        for (kind, value) in step(cx, step_of)?.into_iter().enumerate() {
            results[kind].push(value);
        }
    }
    Ok(results.concat())
}

/// `factor · x`, if the factor is not zero.
fn scaled(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    factor: f32,
) -> Result<Option<ValueId>, ConvertError> {
    if factor == 0.0 {
        return Ok(None);
    }
    let factor = cx.const_like(x, f64::from(factor))?;
    Ok(Some(cx.b.mul(x, factor)?))
}

/// `share · old + (1 - share) · new`.
fn blended(
    cx: &mut NodeCx<'_, '_>,
    share: f32,
    old: ValueId,
    new: ValueId,
) -> Result<ValueId, ConvertError> {
    let keep = cx.const_like(old, f64::from(share))?;
    let take = cx.const_like(old, 1.0 - f64::from(share))?;
    let (old, new) = (cx.b.mul(old, keep)?, cx.b.mul(new, take)?);
    Ok(cx.b.add(old, new)?)
}

/// `√h + epsilon`.
fn root(cx: &mut NodeCx<'_, '_>, h: ValueId, epsilon: f32) -> Result<ValueId, ConvertError> {
    let root = cx.b.unary(UnaryOp::Sqrt, h)?;
    let epsilon = cx.const_like(h, f64::from(epsilon))?;
    Ok(cx.b.add(root, epsilon)?)
}

/// State: the sum of squared gradients.
fn adagrad(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (decay_factor, epsilon) = (cx.float("decay_factor", 0.0)?, cx.float("epsilon", 1e-6)?);
    update(cx, 1, |cx, step| {
        let n_updates = like(cx, step.n_updates, step.x)?;
        let factor = cx.const_like(step.x, f64::from(decay_factor))?;
        let one = cx.const_like(step.x, 1.0)?;
        let slowing = cx.b.mul(n_updates, factor)?;
        let slowing = cx.b.add(one, slowing)?;
        let rate = cx.b.div(step.rate, slowing)?;
        let square = cx.b.mul(step.gradient, step.gradient)?;
        let h = cx.b.add(step.states[0], square)?;
        let divisor = root(cx, h, epsilon)?;
        let scaled = cx.b.mul(rate, step.gradient)?;
        let change = cx.b.div(scaled, divisor)?;
        Ok(vec![cx.b.sub(step.x, change)?, h])
    })
}

/// States: the running means of gradients and of their squares.
fn adam(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (alpha, beta) = (cx.float("alpha", 0.9)?, cx.float("beta", 0.999)?);
    let epsilon = cx.float("epsilon", 1e-6)?;
    let norm_coefficient_post = cx.float("norm_coefficient_post", 0.0)?;
    update(cx, 2, |cx, step| {
        let v = blended(cx, alpha, step.states[0], step.gradient)?;
        let square = cx.b.mul(step.gradient, step.gradient)?;
        let h = blended(cx, beta, step.states[1], square)?;
        let divisor = root(cx, h, epsilon)?;
        let rate = unbiased_rate(cx, &step, alpha, beta)?;
        let scaled = cx.b.mul(rate, v)?;
        let change = cx.b.div(scaled, divisor)?;
        let mut x = cx.b.sub(step.x, change)?;
        if norm_coefficient_post != 0.0 {
            let rest = cx.const_like(x, 1.0 - f64::from(norm_coefficient_post))?;
            x = cx.b.mul(rest, x)?;
        }
        Ok(vec![x, v, h])
    })
}

/// `rate · √(1 - betaᵀ) / (1 - alphaᵀ)` once there were updates, before them the rate itself.
fn unbiased_rate(
    cx: &mut NodeCx<'_, '_>,
    step: &Step<'_>,
    alpha: f32,
    beta: f32,
) -> Result<ValueId, ConvertError> {
    let n_updates = like(cx, step.n_updates, step.x)?;
    let one = cx.const_like(step.x, 1.0)?;
    let rest = |cx: &mut NodeCx<'_, '_>, base: f32| -> Result<ValueId, ConvertError> {
        let base = cx.const_like(step.x, f64::from(base))?;
        let power = cx.b.binary(BinaryOp::Pow, base, n_updates)?;
        Ok(cx.b.sub(one, power)?)
    };
    let of_beta = rest(cx, beta)?;
    let of_alpha = rest(cx, alpha)?;
    let root = cx.b.unary(UnaryOp::Sqrt, of_beta)?;
    let scaled = cx.b.mul(step.rate, root)?;
    let corrected = cx.b.div(scaled, of_alpha)?;
    let is_later = was_updated(cx, step.n_updates)?;
    Ok(cx.b.select(is_later, corrected, step.rate)?)
}

/// State: the velocity. The gradient enters whole at the first update, later by the share `beta`.
fn momentum(cx: &mut NodeCx<'_, '_>) -> Converted {
    let required = |name: &str| ConvertError::Invalid(format!("attribute {name} is missing"));
    let alpha = cx.float_opt("alpha")?.ok_or_else(|| required("alpha"))?;
    let beta = cx.float_opt("beta")?.ok_or_else(|| required("beta"))?;
    let is_nesterov = match cx.string_req("mode")?.as_str() {
        "standard" => false,
        "nesterov" => true,
        other => {
            return Err(ConvertError::Invalid(format!(
                "mode must be standard or nesterov, is `{other}`"
            )));
        }
    };
    update(cx, 1, |cx, step| {
        let alpha = cx.const_like(step.x, f64::from(alpha))?;
        let beta = cx.const_like(step.x, f64::from(beta))?;
        let one = cx.const_like(step.x, 1.0)?;
        let is_later = was_updated(cx, step.n_updates)?;
        let share = cx.b.select(is_later, beta, one)?;
        let kept = cx.b.mul(alpha, step.states[0])?;
        let taken = cx.b.mul(share, step.gradient)?;
        let v = cx.b.add(kept, taken)?;
        let direction = if is_nesterov {
            let ahead = cx.b.mul(alpha, v)?;
            cx.b.add(step.gradient, ahead)?
        } else {
            v
        };
        let change = cx.b.mul(step.rate, direction)?;
        Ok(vec![cx.b.sub(step.x, change)?, v])
    })
}

fn was_updated(cx: &mut NodeCx<'_, '_>, n_updates: ValueId) -> Result<ValueId, ConvertError> {
    let zero = cx.zero_like(n_updates)?;
    Ok(cx.b.binary(BinaryOp::Greater, n_updates, zero)?)
}

/// A value in the dtype of another.
fn like(cx: &mut NodeCx<'_, '_>, value: ValueId, other: ValueId) -> Result<ValueId, ConvertError> {
    let dtype = cx.b.dtype(other)?;
    Ok(cx.b.cast(value, dtype)?)
}
