//! From scores to results, for the classifiers and regressors of `ai.onnx.ml`: post transforms, labels, and the linear
//! models.

use super::{Converted, OpEntry, ml, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::DType;
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind, UnaryOp};
use std::f64::consts::{PI, SQRT_2};

pub(super) const OPS: &[OpEntry] = &[
    ml("LinearClassifier", linear_classifier),
    ml("LinearRegressor", linear_regressor),
];

/// What is done to scores before they are given out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    /// The attribute `post_transform` as text.
    pub(super) fn read(cx: &NodeCx<'_, '_>) -> Result<Self, ConvertError> {
        Ok(match cx.string("post_transform", "NONE")?.as_str() {
            "NONE" => PostTransform::None,
            "LOGISTIC" => PostTransform::Logistic,
            "SOFTMAX" => PostTransform::Softmax,
            "SOFTMAX_ZERO" => PostTransform::SoftmaxZero,
            "PROBIT" => PostTransform::Probit,
            other => {
                return Err(ConvertError::Invalid(format!(
                    "post_transform `{other}` is unknown"
                )));
            }
        })
    }

    /// The attribute as TreeEnsemble numbers it.
    pub(super) fn from_number(number: i64) -> Result<Self, ConvertError> {
        Ok(match number {
            0 => PostTransform::None,
            1 => PostTransform::Softmax,
            2 => PostTransform::Logistic,
            3 => PostTransform::SoftmaxZero,
            4 => PostTransform::Probit,
            other => {
                return Err(ConvertError::Invalid(format!(
                    "post_transform {other} is unknown"
                )));
            }
        })
    }

    /// Applied to `scores[N, E]`.
    pub(super) fn apply(
        self,
        cx: &mut NodeCx<'_, '_>,
        scores: ValueId,
    ) -> Result<ValueId, ConvertError> {
        match self {
            PostTransform::None => Ok(scores),
            PostTransform::Logistic => Ok(cx.b.unary(UnaryOp::Sigmoid, scores)?),
            PostTransform::Softmax => Ok(cx.b.softmax(scores, 1)?),
            PostTransform::SoftmaxZero => softmax_zero(cx, scores),
            PostTransform::Probit => probit(cx, scores),
        }
    }
}

/// A softmax in which scores of zero have no share and stay zero.
fn softmax_zero(cx: &mut NodeCx<'_, '_>, scores: ValueId) -> Result<ValueId, ConvertError> {
    let zero = cx.const_like(scores, 0.0)?;
    let is_zero = cx.b.binary(BinaryOp::Equal, scores, zero)?;
    let largest = cx.b.reduce(ReduceKind::Max, scores, &[1], true)?;
    let shifted = cx.b.sub(scores, largest)?;
    let power = cx.b.unary(UnaryOp::Exp, shifted)?;
    let power = cx.b.select(is_zero, zero, power)?;
    let total = cx.b.reduce(ReduceKind::Sum, power, &[1], true)?;
    let has_none = cx.b.binary(BinaryOp::Equal, total, zero)?;
    let one = cx.const_like(scores, 1.0)?;
    let total = cx.b.select(has_none, one, total)?;
    Ok(cx.b.div(power, total)?)
}

/// `√2 · erf⁻¹(2 p - 1)`, with the inverse error function by Winitzki's approximation (2008).
fn probit(cx: &mut NodeCx<'_, '_>, scores: ValueId) -> Result<ValueId, ConvertError> {
    const A: f64 = 0.147;
    let one = cx.const_like(scores, 1.0)?;
    let two = cx.const_like(scores, 2.0)?;
    let doubled = cx.b.mul(scores, two)?;
    let x = cx.b.sub(doubled, one)?;
    let square = cx.b.mul(x, x)?;
    let rest = cx.b.sub(one, square)?;
    let log = cx.b.unary(UnaryOp::Log, rest)?;
    let half = cx.const_like(scores, 0.5)?;
    let half_log = cx.b.mul(log, half)?;
    let lead = cx.const_like(scores, 2.0 / (PI * A))?;
    let sum = cx.b.add(lead, half_log)?;
    let inverse_a = cx.const_like(scores, 1.0 / A)?;
    let scaled_log = cx.b.mul(log, inverse_a)?;
    let sum_square = cx.b.mul(sum, sum)?;
    let inner = cx.b.sub(sum_square, scaled_log)?;
    let root = cx.b.unary(UnaryOp::Sqrt, inner)?;
    let difference = cx.b.sub(root, sum)?;
    let magnitude = cx.b.unary(UnaryOp::Sqrt, difference)?;
    let sign = cx.b.unary(UnaryOp::Sign, x)?;
    let inverse = cx.b.mul(sign, magnitude)?;
    let scale = cx.const_like(scores, SQRT_2)?;
    Ok(cx.b.mul(inverse, scale)?)
}

/// The labels of a classifier, as a constant vector.
pub(super) struct Labels {
    pub(super) value: ValueId,
    pub(super) len: usize,
}

impl Labels {
    /// From the attributes of these names, of which one must be given.
    pub(super) fn read(
        cx: &mut NodeCx<'_, '_>,
        ints: &str,
        strings: &str,
    ) -> Result<Self, ConvertError> {
        match (cx.ints_opt(ints)?, cx.strings_opt(strings)?) {
            (Some(labels), None) => Ok(Self {
                value: cx.b.const_i64(&labels),
                len: labels.len(),
            }),
            (None, Some(labels)) => Ok(Self {
                len: labels.len(),
                value: cx.string_constant(&[labels.len()], labels)?,
            }),
            _ => Err(ConvertError::Invalid(format!(
                "exactly one of {ints} and {strings} must be given"
            ))),
        }
    }

    /// The label of the largest score of each row.
    pub(super) fn of_largest(
        &self,
        cx: &mut NodeCx<'_, '_>,
        scores: ValueId,
    ) -> Result<ValueId, ConvertError> {
        let op = Op::ArgReduce {
            largest: true,
            axis: 1,
            keep_dims: false,
            last: false,
        };
        let position = cx.b.op1(op, &[scores])?;
        Ok(cx.b.gather(self.value, position, 0)?)
    }

    /// Of two labels, the second where `is_second: bool[N]` holds.
    pub(super) fn of_two(
        &self,
        cx: &mut NodeCx<'_, '_>,
        is_second: ValueId,
    ) -> Result<ValueId, ConvertError> {
        let position = cx.b.cast(is_second, DType::I64)?;
        Ok(cx.b.gather(self.value, position, 0)?)
    }
}

/// x as a matrix of f32; a vector is one row.
pub(super) fn matrix(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    let x = match cx.b.rank(x)? {
        1 => cx.b.unsqueeze(x, &[0])?,
        2 => x,
        rank => {
            return Err(ConvertError::Invalid(format!(
                "x must have rank 1 or 2, has {rank}"
            )));
        }
    };
    Ok(cx.b.cast(x, DType::F32)?)
}

/// `x · coefficientsᵀ + intercepts`, with one row of coefficients per result.
fn linear(
    cx: &mut NodeCx<'_, '_>,
    n_rows: usize,
    intercepts: &[f32],
) -> Result<ValueId, ConvertError> {
    let x = cx.input(0)?;
    let x = matrix(cx, x)?;
    let coefficients = cx.floats_opt("coefficients")?.unwrap_or_default();
    if n_rows == 0 || coefficients.len() % n_rows != 0 {
        return Err(ConvertError::Invalid(format!(
            "{} coefficients for {n_rows} results",
            coefficients.len()
        )));
    }
    let n_columns = coefficients.len() / n_rows;
    let weights = cx.b.const_f32(&[n_rows, n_columns], &coefficients);
    let weights = cx.b.transpose(weights, vec![1, 0])?;
    let mut y = cx.b.matmul(x, weights)?;
    if !intercepts.is_empty() {
        if intercepts.len() != n_rows {
            return Err(ConvertError::Invalid(format!(
                "{} intercepts for {n_rows} results",
                intercepts.len()
            )));
        }
        let bias = cx.b.const_f32(&[n_rows], intercepts);
        y = cx.b.add(y, bias)?;
    }
    Ok(y)
}

fn linear_regressor(cx: &mut NodeCx<'_, '_>) -> Converted {
    let n_targets = operand::size("targets", cx.int("targets", 1)?)?;
    let intercepts = cx.floats_opt("intercepts")?.unwrap_or_default();
    let scores = linear(cx, n_targets, &intercepts)?;
    let post = PostTransform::read(cx)?;
    Ok(vec![post.apply(cx, scores)?])
}

/// With one row of coefficients for two labels, the score is the second's, and the first's is its opposite.
fn linear_classifier(cx: &mut NodeCx<'_, '_>) -> Converted {
    let labels = Labels::read(cx, "classlabels_ints", "classlabels_strings")?;
    cx.ignore(&["multi_class"]);
    let intercepts = cx.floats_opt("intercepts")?.unwrap_or_default();
    let n_rows = if intercepts.is_empty() {
        labels.len
    } else {
        intercepts.len()
    };
    let scores = linear(cx, n_rows, &intercepts)?;
    let post = PostTransform::read(cx)?;
    if n_rows == 1 && labels.len == 2 {
        let column = cx.b.squeeze(scores, &[1])?;
        let zero = cx.const_like(column, 0.0)?;
        let is_second = cx.b.binary(BinaryOp::Greater, column, zero)?;
        let label = labels.of_two(cx, is_second)?;
        let opposite = cx.b.unary(UnaryOp::Neg, scores)?;
        let both = cx.b.concat(&[opposite, scores], 1)?;
        let both = post.apply(cx, both)?;
        return Ok(vec![label, both]);
    }
    let label = labels.of_largest(cx, scores)?;
    let scores = post.apply(cx, scores)?;
    Ok(vec![label, scores])
}
