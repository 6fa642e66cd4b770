//! SVMRegressor and SVMClassifier of `ai.onnx.ml`: kernels against support vectors, or linear without them.

use super::scores::{Labels, PostTransform, matrix};
use super::{Converted, OpEntry, coupling, ml, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::DType;
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    ml("SVMClassifier", classifier),
    ml("SVMRegressor", regressor),
];

/// Similarity of a sample x and a support vector v.
enum Kernel {
    /// `x · v`.
    Linear,
    /// `(gamma x · v + coef0)^degree`.
    Polynomial,
    /// `exp(-gamma |x - v|²)`.
    Radial,
    /// `tanh(gamma x · v + coef0)`.
    Sigmoid,
}

struct KernelParams {
    kernel: Kernel,
    gamma: f64,
    coef0: f64,
    degree: f64,
}

impl KernelParams {
    fn read(cx: &NodeCx<'_, '_>) -> Result<Self, ConvertError> {
        let kernel = match cx.string("kernel_type", "LINEAR")?.as_str() {
            "LINEAR" => Kernel::Linear,
            "POLY" => Kernel::Polynomial,
            "RBF" => Kernel::Radial,
            "SIGMOID" => Kernel::Sigmoid,
            other => {
                return Err(ConvertError::Invalid(format!(
                    "kernel_type `{other}` is unknown"
                )));
            }
        };
        let params = cx.floats_opt("kernel_params")?.unwrap_or_default();
        let param = |position: usize| f64::from(params.get(position).copied().unwrap_or(0.0));
        Ok(Self {
            kernel,
            gamma: param(0),
            coef0: param(1),
            degree: param(2),
        })
    }

    /// `[N, V]` of `x[N, F]` and `vectors[V, F]`, in f64: distances are differences of squares here.
    fn apply(
        &self,
        cx: &mut NodeCx<'_, '_>,
        x: ValueId,
        vectors: ValueId,
    ) -> Result<ValueId, ConvertError> {
        let transposed = cx.b.transpose(vectors, vec![1, 0])?;
        let products = cx.b.matmul(x, transposed)?;
        let gamma = cx.b.const_scalar(DType::F64, self.gamma);
        let scaled = |cx: &mut NodeCx<'_, '_>| -> Result<ValueId, ConvertError> {
            let coef0 = cx.b.const_scalar(DType::F64, self.coef0);
            let scaled = cx.b.mul(products, gamma)?;
            Ok(cx.b.add(scaled, coef0)?)
        };
        Ok(match self.kernel {
            Kernel::Linear => products,
            Kernel::Polynomial => {
                let base = scaled(cx)?;
                let degree = cx.b.const_scalar(DType::F64, self.degree);
                cx.b.binary(BinaryOp::Pow, base, degree)?
            }
            Kernel::Sigmoid => {
                let angle = scaled(cx)?;
                cx.b.unary(UnaryOp::Tanh, angle)?
            }
            Kernel::Radial => {
                let of_x = square_norms(cx, x, true)?;
                let of_vectors = square_norms(cx, vectors, false)?;
                let both = cx.b.add(of_x, of_vectors)?;
                let two = cx.b.const_scalar(DType::F64, 2.0);
                let twice = cx.b.mul(products, two)?;
                let distance = cx.b.sub(both, twice)?;
                let distance = cx.b.unary(UnaryOp::Relu, distance)?;
                let scaled = cx.b.mul(distance, gamma)?;
                let exponent = cx.b.unary(UnaryOp::Neg, scaled)?;
                cx.b.unary(UnaryOp::Exp, exponent)?
            }
        })
    }
}

/// The squared length of each row.
fn square_norms(
    cx: &mut NodeCx<'_, '_>,
    rows: ValueId,
    keep_dims: bool,
) -> Result<ValueId, ConvertError> {
    let square = cx.b.mul(rows, rows)?;
    Ok(cx.b.reduce(ReduceKind::Sum, square, &[1], keep_dims)?)
}

/// An attribute of floats as a constant `f64[rows, columns]`, one of both sizes being known.
fn table(
    cx: &mut NodeCx<'_, '_>,
    name: &str,
    values: &[f32],
    n_rows: usize,
) -> Result<ValueId, ConvertError> {
    if n_rows == 0 || values.is_empty() || !values.len().is_multiple_of(n_rows) {
        return Err(ConvertError::Invalid(format!(
            "attribute {name}: {} values do not make {n_rows} rows",
            values.len()
        )));
    }
    let table = cx.b.const_f32(&[n_rows, values.len() / n_rows], values);
    Ok(cx.b.cast(table, DType::F64)?)
}

/// x as a matrix of f64.
fn samples(cx: &mut NodeCx<'_, '_>) -> Result<ValueId, ConvertError> {
    let x = cx.input(0)?;
    let x = matrix(cx, x)?;
    Ok(cx.b.cast(x, DType::F64)?)
}

fn regressor(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = samples(cx)?;
    cx.ignore(&["n_targets"]);
    let n_supports = operand::size("n_supports", cx.int("n_supports", 0)?)?;
    let coefficients = cx.floats_opt("coefficients")?.unwrap_or_default();
    let rho = cx.floats_opt("rho")?.unwrap_or_default();
    let vectors = cx.floats_opt("support_vectors")?.unwrap_or_default();
    let params = KernelParams::read(cx)?;
    let [rho] = rho[..] else {
        return Err(ConvertError::Invalid("rho must have one value".into()));
    };
    let (inputs, weights) = if n_supports > 0 {
        let vectors = table(cx, "support_vectors", &vectors, n_supports)?;
        let kernels = params.apply(cx, x, vectors)?;
        let weights = table(cx, "coefficients", &coefficients, n_supports)?;
        (kernels, weights)
    } else {
        let n_features = coefficients.len();
        (x, table(cx, "coefficients", &coefficients, n_features)?)
    };
    let y = cx.b.matmul(inputs, weights)?;
    let rho = cx.b.const_scalar(DType::F64, f64::from(rho));
    let y = cx.b.add(y, rho)?;
    let mut y = cx.b.cast(y, DType::F32)?;
    if cx.flag("one_class", false)? {
        let (zero, one) = (cx.const_like(y, 0.0)?, cx.const_like(y, 1.0)?);
        let minus_one = cx.const_like(y, -1.0)?;
        let is_inside = cx.b.binary(BinaryOp::Greater, y, zero)?;
        y = cx.b.select(is_inside, one, minus_one)?;
    }
    let post = PostTransform::read(cx)?;
    Ok(vec![post.apply(cx, y)?])
}

fn classifier(cx: &mut NodeCx<'_, '_>) -> Converted {
    let labels = Labels::read(cx, "classlabels_ints", "classlabels_strings")?;
    let per_class = cx.ints_opt("vectors_per_class")?.unwrap_or_default();
    let per_class: Vec<usize> = per_class
        .iter()
        .map(|&n| operand::size("vectors_per_class", n))
        .collect::<Result<_, _>>()?;
    let n_vectors = per_class
        .iter()
        .try_fold(0usize, |total, &n| total.checked_add(n))
        .ok_or_else(|| ConvertError::Invalid("vectors_per_class overflows".into()))?;
    if n_vectors > 0 {
        return pairwise(cx, &labels, &per_class, n_vectors);
    }
    cx.ignore(&["kernel_type", "kernel_params", "support_vectors"]);
    cx.ignore(&["prob_a", "prob_b"]);
    let x = samples(cx)?;
    let coefficients = cx.floats_opt("coefficients")?.unwrap_or_default();
    let rho = cx.floats_opt("rho")?.unwrap_or_default();
    let Some(&rho) = rho.first() else {
        return Err(ConvertError::Invalid("rho is missing".into()));
    };
    let weights = table(cx, "coefficients", &coefficients, labels.len)?;
    let weights = cx.b.transpose(weights, vec![1, 0])?;
    let scores = cx.b.matmul(x, weights)?;
    let rho = cx.b.const_scalar(DType::F64, f64::from(rho));
    let scores = cx.b.add(scores, rho)?;
    let scores = cx.b.cast(scores, DType::F32)?;
    let label = labels.of_largest(cx, scores)?;
    let post = PostTransform::read(cx)?;
    let scores = post.apply(cx, scores)?;
    Ok(vec![label, scores])
}

/// Every pair of classes has a decision of its own, and each class a vote for each decision that it wins.
fn pairwise(
    cx: &mut NodeCx<'_, '_>,
    labels: &Labels,
    per_class: &[usize],
    n_vectors: usize,
) -> Converted {
    let n_classes = per_class.len();
    if n_classes != labels.len || n_classes < 2 {
        return Err(ConvertError::Invalid(format!(
            "vectors of {n_classes} classes for {} labels",
            labels.len
        )));
    }
    let pairs: Vec<(usize, usize)> = (0..n_classes)
        .flat_map(|first| (first + 1..n_classes).map(move |second| (first, second)))
        .collect();
    let x = samples(cx)?;
    let vectors = cx.floats_opt("support_vectors")?.unwrap_or_default();
    let vectors = table(cx, "support_vectors", &vectors, n_vectors)?;
    let kernels = KernelParams::read(cx)?.apply(cx, x, vectors)?;
    let weights = pair_weights(cx, per_class, n_vectors, &pairs)?;
    let rho = cx.floats_opt("rho")?.unwrap_or_default();
    if rho.len() != pairs.len() {
        return Err(ConvertError::Invalid(format!(
            "rho has {} values for {} pairs of classes",
            rho.len(),
            pairs.len()
        )));
    }
    let rho = table(cx, "rho", &rho, 1)?;
    let scores = cx.b.matmul(kernels, weights)?;
    let scores = cx.b.add(scores, rho)?;
    let scores = cx.b.cast(scores, DType::F32)?;
    let votes = votes(cx, scores, n_classes, &pairs)?;
    let label = labels.of_largest(cx, votes)?;
    let post = PostTransform::read(cx)?;
    let (a, b) = (cx.floats_opt("prob_a")?, cx.floats_opt("prob_b")?);
    let probabilities = match (a, b) {
        (Some(a), Some(b)) if !a.is_empty() => {
            coupling::probabilities(cx, scores, n_classes, &pairs, &a, &b)?
        }
        _ if n_classes == 2 => {
            let opposite = cx.b.unary(UnaryOp::Neg, scores)?;
            cx.b.concat(&[opposite, scores], 1)?
        }
        _ => scores,
    };
    Ok(vec![label, post.apply(cx, probabilities)?])
}

/// `f64[V, P]`: what each support vector adds to each pair's decision. A vector of class i has one coefficient for every
/// other class, in row j - 1 for a class j behind it and in row j for one before it.
fn pair_weights(
    cx: &mut NodeCx<'_, '_>,
    per_class: &[usize],
    n_vectors: usize,
    pairs: &[(usize, usize)],
) -> Result<ValueId, ConvertError> {
    let coefficients = cx.floats_opt("coefficients")?.unwrap_or_default();
    let n_rows = per_class.len() - 1;
    if Some(coefficients.len()) != n_rows.checked_mul(n_vectors) {
        return Err(ConvertError::Invalid(format!(
            "{} coefficients for {n_vectors} support vectors and {n_rows} rows",
            coefficients.len()
        )));
    }
    let class_of: Vec<usize> = (0..per_class.len())
        .flat_map(|class| vec![class; per_class[class]])
        .collect();
    let mut weights = Vec::with_capacity(n_vectors * pairs.len());
    for (vector, &class) in class_of.iter().enumerate() {
        for &(first, second) in pairs {
            weights.push(if class == first {
                coefficients[(second - 1) * n_vectors + vector]
            } else if class == second {
                coefficients[first * n_vectors + vector]
            } else {
                0.0
            });
        }
    }
    table(cx, "coefficients", &weights, n_vectors)
}

/// `[N, classes]`: how many decisions each class wins; the first of a pair wins where the score is above zero.
fn votes(
    cx: &mut NodeCx<'_, '_>,
    scores: ValueId,
    n_classes: usize,
    pairs: &[(usize, usize)],
) -> Result<ValueId, ConvertError> {
    let mut for_first = vec![0.0f32; pairs.len() * n_classes];
    let mut for_second = for_first.clone();
    for (pair_idx, &(first, second)) in pairs.iter().enumerate() {
        for_first[pair_idx * n_classes + first] = 1.0;
        for_second[pair_idx * n_classes + second] = 1.0;
    }
    let shape = [pairs.len(), n_classes];
    let for_first = cx.b.const_f32(&shape, &for_first);
    let for_second = cx.b.const_f32(&shape, &for_second);
    let zero = cx.const_like(scores, 0.0)?;
    let wins = cx.b.binary(BinaryOp::Greater, scores, zero)?;
    let loses = cx.b.unary(UnaryOp::Not, wins)?;
    let (wins, loses) = (cx.b.cast(wins, DType::F32)?, cx.b.cast(loses, DType::F32)?);
    let (won, lost) = (
        cx.b.matmul(wins, for_first)?,
        cx.b.matmul(loses, for_second)?,
    );
    Ok(cx.b.add(won, lost)?)
}
