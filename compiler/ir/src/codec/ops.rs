//! The attributes of every operator, in the order of the text form.
//!
//! Each arm takes all fields apart: a new field does not compile until it is described here. What the operator's name says
//! already (see [`Op::name`]) is not an attribute of the text form.

use super::{Codec, regions, spatial, tables};
use crate::op::{BinaryOp, CumulativeKind, Op, RandomKind, ReduceKind, UnaryOp};

/// Hands every attribute of `op` to `codec`.
pub(crate) fn describe<C: Codec>(op: &mut Op, codec: &mut C) -> Result<(), C::Error> {
    match op {
        Op::Const(id) => codec.bare(id),
        Op::DimTensor { dims, scalar } => {
            codec.bare(dims)?;
            codec.flag("scalar", scalar)
        }
        Op::Iota { dtype, len } => {
            codec.attr("dtype", dtype)?;
            codec.attr("len", len)
        }
        Op::Random {
            kind,
            dtype,
            shape,
            seed,
            instance,
        } => {
            random_kind(kind, codec)?;
            codec.attr("dtype", dtype)?;
            codec.attr("shape", shape)?;
            codec.attr("seed", seed)?;
            codec.attr("instance", instance)
        }

        Op::Unary(op) => unary(op, codec),
        Op::Binary(op) => binary(*op),
        Op::Select | Op::MatMul | Op::Det | Op::NonZero => Ok(()),
        Op::Cast { to, saturate } => {
            codec.attr("to", to)?;
            codec.flag("saturate", saturate)
        }
        Op::Bitcast { to } => codec.attr("to", to),
        Op::Quantize {
            to,
            axis,
            block,
            saturate,
        } => {
            codec.attr("to", to)?;
            codec.option("axis", axis)?;
            codec.attr("block", block)?;
            codec.flag("saturate", saturate)
        }
        Op::Dequantize { axis, block } => {
            codec.option("axis", axis)?;
            codec.attr("block", block)
        }

        Op::Reshape { shape } | Op::Expand { shape } | Op::MaxUnpool { shape } => {
            codec.attr("shape", shape)
        }
        Op::Transpose { perm } => codec.attr("perm", perm),
        Op::Slice { axes } => codec.bare(axes),
        Op::Concat { axis } | Op::Gather { axis } | Op::GatherElements { axis } => {
            codec.attr("axis", axis)
        }
        Op::Pad {
            mode,
            before,
            after,
        } => {
            codec.attr("mode", mode)?;
            codec.attr("before", before)?;
            codec.attr("after", after)
        }
        Op::Tile { repeats } => codec.attr("repeats", repeats),
        Op::GatherNd { batch_dims } => codec.attr("batch_dims", batch_dims),
        Op::ScatterElements { axis, reduction } => {
            codec.attr("axis", axis)?;
            codec.attr("reduction", reduction)
        }
        Op::ScatterNd { reduction } => codec.attr("reduction", reduction),
        Op::ReverseSequence {
            batch_axis,
            time_axis,
        } => {
            codec.attr("batch_axis", batch_axis)?;
            codec.attr("time_axis", time_axis)
        }

        Op::Reduce {
            kind,
            reduced,
            keep_dims,
        } => {
            reduce_kind(*kind)?;
            codec.attr("reduced", reduced)?;
            codec.flag("keep_dims", keep_dims)
        }
        Op::ArgReduce {
            largest: _,
            axis,
            keep_dims,
            last,
        } => {
            codec.attr("axis", axis)?;
            codec.flag("keep_dims", keep_dims)?;
            codec.flag("last", last)
        }
        Op::Cumulative {
            kind,
            axis,
            exclusive,
            reverse,
        } => {
            cumulative_kind(*kind)?;
            codec.attr("axis", axis)?;
            codec.flag("exclusive", exclusive)?;
            codec.flag("reverse", reverse)
        }
        Op::Softmax { axis } | Op::LogSoftmax { axis } => codec.attr("axis", axis),
        Op::LayerNorm { axis, epsilon } | Op::RmsNorm { axis, epsilon } => {
            codec.attr("axis", axis)?;
            codec.attr("epsilon", epsilon)
        }
        Op::BatchNorm { epsilon } => codec.attr("epsilon", epsilon),
        Op::GroupNorm { groups, epsilon } => {
            codec.attr("groups", groups)?;
            codec.attr("epsilon", epsilon)
        }
        Op::LocalResponseNorm {
            size,
            alpha,
            beta,
            bias,
        } => {
            codec.attr("size", size)?;
            codec.attr("alpha", alpha)?;
            codec.attr("beta", beta)?;
            codec.attr("bias", bias)
        }

        Op::Conv(conv) => spatial::conv(conv, codec),
        Op::ConvTranspose(conv) => spatial::conv_transpose(conv, codec),
        Op::DeformConv(conv) => spatial::deform_conv(conv, codec),
        Op::Dft {
            axis,
            shape,
            inverse,
            halved,
        } => {
            codec.attr("axis", axis)?;
            codec.attr("shape", shape)?;
            codec.flag("inverse", inverse)?;
            codec.flag("halved", halved)
        }

        Op::Pool(pool) => spatial::pool(pool, codec),
        Op::MaxPoolIndices { pool, column_major } => {
            spatial::pool(pool, codec)?;
            codec.flag("column_major", column_major)
        }
        Op::Resize(resize) => spatial::resize(resize, codec),
        Op::GridSample(sample) => spatial::grid_sample(sample, codec),
        Op::RoiAlign(align) => spatial::roi_align(align, codec),
        Op::MaxRoiPool {
            pooled,
            spatial_scale,
        } => {
            codec.attr("pooled", pooled)?;
            codec.attr("spatial_scale", spatial_scale)
        }
        Op::Col2Im(col2im) => spatial::col2im(col2im, codec),
        Op::NonMaxSuppression {
            center_point_box,
            capacity,
        } => {
            codec.attr("capacity", capacity)?;
            codec.flag("center_point_box", center_point_box)
        }

        Op::TopK { axis, k, largest } => {
            codec.attr("axis", axis)?;
            codec.attr("k", k)?;
            codec.flag("largest", largest)
        }
        Op::Unique { axis, sorted } => {
            codec.option("axis", axis)?;
            codec.flag("sorted", sorted)
        }

        Op::Recurrent(layer) => regions::recurrent(layer, codec),
        Op::If(branch) => regions::branch(branch, codec),
        Op::Loop(repeat) => regions::repeat(repeat, codec),

        Op::Sequence(op) => regions::sequence(op, codec),
        Op::Text(op) => tables::text(op, codec),
        Op::TfIdf(tf_idf) => tables::tf_idf(tf_idf, codec),
        Op::LabelMap(map) => tables::label_map(map, codec),
        Op::TreeEnsemble(trees) => tables::tree_ensemble(trees, codec),
    }
}

fn random_kind<C: Codec>(kind: &mut RandomKind, codec: &mut C) -> Result<(), C::Error> {
    match kind {
        RandomKind::Uniform { low, high } => {
            codec.attr("low", low)?;
            codec.attr("high", high)
        }
        RandomKind::Normal { mean, scale } => {
            codec.attr("mean", mean)?;
            codec.attr("scale", scale)
        }
    }
}

fn unary<C: Codec>(op: &mut UnaryOp, codec: &mut C) -> Result<(), C::Error> {
    match op {
        UnaryOp::Neg
        | UnaryOp::Abs
        | UnaryOp::Sign
        | UnaryOp::Ceil
        | UnaryOp::Floor
        | UnaryOp::Round
        | UnaryOp::Trunc
        | UnaryOp::Sqrt
        | UnaryOp::Rsqrt
        | UnaryOp::Reciprocal
        | UnaryOp::Exp
        | UnaryOp::Log
        | UnaryOp::Sin
        | UnaryOp::Cos
        | UnaryOp::Tan
        | UnaryOp::Asin
        | UnaryOp::Acos
        | UnaryOp::Atan
        | UnaryOp::Sinh
        | UnaryOp::Cosh
        | UnaryOp::Tanh
        | UnaryOp::Asinh
        | UnaryOp::Acosh
        | UnaryOp::Atanh
        | UnaryOp::Erf
        | UnaryOp::Sigmoid
        | UnaryOp::Relu
        | UnaryOp::Softplus
        | UnaryOp::Softsign
        | UnaryOp::Gelu
        | UnaryOp::GeluTanh
        | UnaryOp::Mish
        | UnaryOp::HardSwish
        | UnaryOp::Not
        | UnaryOp::BitNot
        | UnaryOp::IsNan => Ok(()),
        UnaryOp::Swish { alpha }
        | UnaryOp::LeakyRelu { alpha }
        | UnaryOp::Elu { alpha }
        | UnaryOp::Celu { alpha }
        | UnaryOp::ThresholdedRelu { alpha } => codec.attr("alpha", alpha),
        UnaryOp::Selu { alpha, gamma } => {
            codec.attr("alpha", alpha)?;
            codec.attr("gamma", gamma)
        }
        UnaryOp::HardSigmoid { alpha, beta } => {
            codec.attr("alpha", alpha)?;
            codec.attr("beta", beta)
        }
        UnaryOp::Shrink { bias, lambda } => {
            codec.attr("bias", bias)?;
            codec.attr("lambda", lambda)
        }
        UnaryOp::IsInf { positive, negative } => {
            codec.flag("positive", positive)?;
            codec.flag("negative", negative)
        }
    }
}

/// The name says it all. Exhaustive so that an operator with attributes is not forgotten.
fn binary<E>(op: BinaryOp) -> Result<(), E> {
    match op {
        BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::Div
        | BinaryOp::Mod
        | BinaryOp::Rem
        | BinaryOp::Pow
        | BinaryOp::Min
        | BinaryOp::Max
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Xor
        | BinaryOp::BitAnd
        | BinaryOp::BitOr
        | BinaryOp::BitXor
        | BinaryOp::ShiftLeft
        | BinaryOp::ShiftRight
        | BinaryOp::Equal
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual => Ok(()),
    }
}

/// The name says it all.
fn reduce_kind<E>(kind: ReduceKind) -> Result<(), E> {
    match kind {
        ReduceKind::Sum
        | ReduceKind::Mean
        | ReduceKind::Max
        | ReduceKind::Min
        | ReduceKind::Prod
        | ReduceKind::LogSumExp => Ok(()),
    }
}

/// The name says it all.
fn cumulative_kind<E>(kind: CumulativeKind) -> Result<(), E> {
    match kind {
        CumulativeKind::Sum | CumulativeKind::Prod => Ok(()),
    }
}
