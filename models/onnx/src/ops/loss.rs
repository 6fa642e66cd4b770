//! Losses of classifiers: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.

use super::{OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::DType;
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("NegativeLogLikelihoodLoss", |cx| {
        let log_probabilities = cx.input(0)?;
        Ok(vec![likelihood_loss(cx, log_probabilities)?])
    }),
    onnx("SoftmaxCrossEntropyLoss", |cx| {
        let scores = cx.input(0)?;
        let log_probabilities = cx.b.op1(Op::LogSoftmax { axis: 1 }, &[scores])?;
        let loss = likelihood_loss(cx, log_probabilities)?;
        Ok(vec![loss, log_probabilities])
    }),
];

/// What becomes of the losses of the elements.
enum Reduction {
    None,
    Sum,
    /// By the sum of the weights that count.
    Mean,
}

/// `-weight[target] · x[n, target, …]` for `x[N, C, …]` and targets `[N, …]`, reduced. Targets equal to `ignore_index`
/// have no loss and no weight, whether or not they name a class.
fn likelihood_loss(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    let reduction = match cx.string("reduction", "mean")?.as_str() {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        "mean" => Reduction::Mean,
        other => {
            return Err(ConvertError::Invalid(format!(
                "reduction must be none, sum or mean, is `{other}`"
            )));
        }
    };
    let dtype = cx.b.dtype(x)?;
    let raw_target = cx.input(1)?;
    let mut target = cx.b.cast(raw_target, DType::I64)?;
    let mut counts = None;
    if let Some(ignored) = cx.int_opt("ignore_index")? {
        let ignored = cx.int_const(ignored);
        let is_ignored = cx.b.binary(BinaryOp::Equal, target, ignored)?;
        let first_class = cx.int_const(0);
        target = cx.b.select(is_ignored, first_class, target)?;
        counts = Some(cx.b.unary(UnaryOp::Not, is_ignored)?);
    }
    let position = cx.b.unsqueeze(target, &[1])?;
    let picked = cx.b.op1(Op::GatherElements { axis: 1 }, &[x, position])?;
    let picked = cx.b.squeeze(picked, &[1])?;
    let zero = cx.const_like(x, 0.0)?;
    let mut weight = match cx.opt(2) {
        Some(weight) => Some(cx.b.gather(weight, target, 0)?),
        None => None,
    };
    if let Some(counts) = counts {
        let full = match weight {
            Some(weight) => weight,
            None => cx.const_like(x, 1.0)?,
        };
        weight = Some(cx.b.select(counts, full, zero)?);
    }
    let mut loss = cx.b.unary(UnaryOp::Neg, picked)?;
    if let Some(weight) = weight {
        loss = cx.b.mul(loss, weight)?;
    }
    if let Some(counts) = counts {
        // Not a product with 0, which would keep an infinity or a NaN.
        loss = cx.b.select(counts, loss, zero)?;
    }
    let axes: Vec<usize> = (0..cx.b.rank(loss)?).collect();
    Ok(match (reduction, weight) {
        (Reduction::None, _) => loss,
        (Reduction::Sum, _) => cx.b.reduce(ReduceKind::Sum, loss, &axes, false)?,
        (Reduction::Mean, None) => cx.b.reduce(ReduceKind::Mean, loss, &axes, false)?,
        (Reduction::Mean, Some(weight)) => {
            let total = cx.b.reduce(ReduceKind::Sum, loss, &axes, false)?;
            let weights = cx.b.reduce(ReduceKind::Sum, weight, &axes, false)?;
            let weights = cx.b.cast(weights, dtype)?;
            cx.b.div(total, weights)?
        }
    })
}
