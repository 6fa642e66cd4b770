//! The one function that types an operator. The builder, the verifier, the passes and the rule checker all call it.
//!
//! It is pure and total: any operator with any operands gives result types or a [`TypeError`], never a panic. What the
//! algebra of dims refutes is an error; what it can neither prove nor refute is a check for when dims are bound. Left to
//! that moment without a check, because whoever runs the operator tests it anyway: that a symbolic size is not negative,
//! that a slice stays in bounds, and that a window, a group or a padded axis is not empty.
//!
//! Storage-only dtypes (float8, int4 and the like) and strings may be moved, cast and selected by position, but are
//! never computed on.

mod call;
mod detect;
mod index;
mod leaf;
mod linear;
mod movement;
mod norm;
mod order;
mod pointwise;
mod quantize;
mod recurrent;
mod reduce;
mod region;
mod sequence;
mod show;
mod spatial;
mod table;
#[cfg(test)]
mod tests;
mod text;

use crate::consts::ConstStore;
use crate::graph::DimCheckKind;
use crate::op::Op;
use crate::types::ValueType;
use call::{Call, Outputs};
use graphc_base::DimCx;

/// What inference may look at besides operands.
#[derive(Clone, Copy)]
pub struct InferCx<'a> {
    /// Symbols and their ranges.
    pub dims: &'a DimCx,
    /// Types of constants.
    pub consts: &'a ConstStore,
}

/// Types of an operator's results, and what must hold of dims for the operator to be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpTypes {
    /// One type per result.
    pub outputs: Vec<ValueType>,
    /// Relations that could be neither proved nor refuted; refuted ones are a [`TypeError`].
    pub checks: Vec<DimCheckKind>,
}

/// Why an operator cannot have these operands: `matmul: inner dims differ, lhs f32[8,64], rhs f32[32,8]`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{op}: {message}")]
pub struct TypeError {
    /// Name of the operator in the text form.
    pub op: &'static str,
    /// What is wrong, with the operand types.
    pub message: String,
}

/// Types of the results of `op` on operands of these types.
pub fn infer(op: &Op, inputs: &[&ValueType], cx: InferCx<'_>) -> Result<OpTypes, TypeError> {
    let mut call = Call::new(op.name(), inputs, cx);
    let outputs = outputs(&mut call, op)?;
    call.finish(outputs)
}

fn outputs(call: &mut Call<'_>, op: &Op) -> Outputs {
    match op {
        Op::Const(id) => leaf::constant(call, *id),
        Op::DimTensor { dims, scalar } => leaf::dim_tensor(call, dims, *scalar),
        Op::Iota { dtype, len } => leaf::iota(call, *dtype, len),
        Op::Random { dtype, shape, .. } => leaf::random(call, *dtype, shape),

        Op::Unary(op) => pointwise::unary(call, *op),
        Op::Binary(op) => pointwise::binary(call, *op),
        Op::Select => pointwise::select(call),
        Op::Cast { to, .. } => pointwise::cast(call, *to),
        Op::Bitcast { to } => pointwise::bitcast(call, *to),
        Op::Quantize {
            to, axis, block, ..
        } => quantize::quantize(call, *to, *axis, *block),
        Op::Dequantize { axis, block } => quantize::dequantize(call, *axis, *block),

        Op::Reshape { shape } => movement::reshape(call, shape),
        Op::Transpose { perm } => movement::transpose(call, perm),
        Op::Expand { shape } => movement::expand(call, shape),
        Op::Slice { axes } => movement::slice(call, axes),
        Op::Concat { axis } => movement::concat(call, *axis),
        Op::Pad {
            mode,
            before,
            after,
        } => movement::pad(call, *mode, before, after),
        Op::Tile { repeats } => movement::tile(call, repeats),

        Op::Gather { axis } => index::gather(call, *axis),
        Op::GatherElements { axis } => index::gather_elements(call, *axis),
        Op::GatherNd { batch_dims } => index::gather_nd(call, *batch_dims),
        Op::ScatterElements { axis, reduction } => index::scatter_elements(call, *axis, *reduction),
        Op::ScatterNd { reduction } => index::scatter_nd(call, *reduction),
        Op::ReverseSequence {
            batch_axis,
            time_axis,
        } => index::reverse_sequence(call, *batch_axis, *time_axis),

        Op::Reduce {
            kind,
            reduced,
            keep_dims,
        } => reduce::reduce(call, *kind, reduced, *keep_dims),
        Op::ArgReduce {
            axis, keep_dims, ..
        } => reduce::arg_reduce(call, *axis, *keep_dims),
        Op::Cumulative { axis, .. } => reduce::cumulative(call, axis),
        Op::Softmax { axis } | Op::LogSoftmax { axis } => reduce::softmax(call, *axis),

        Op::LayerNorm { axis, .. } => norm::layer_norm(call, *axis),
        Op::RmsNorm { axis, .. } => norm::rms_norm(call, *axis),
        Op::BatchNorm { .. } => norm::batch_norm(call),
        Op::GroupNorm { groups, .. } => norm::group_norm(call, groups),
        Op::LocalResponseNorm { size, .. } => norm::local_response_norm(call, *size),

        Op::MatMul => linear::matmul(call),
        Op::Conv(conv) => linear::conv(call, conv),
        Op::ConvTranspose(conv) => linear::conv_transpose(call, conv),
        Op::DeformConv(conv) => linear::deform_conv(call, conv),
        Op::Det => linear::det(call),
        Op::Dft {
            axis,
            shape,
            halved,
            ..
        } => linear::dft(call, axis, shape, *halved),

        Op::Pool(pool) => spatial::pool(call, pool),
        Op::MaxPoolIndices { pool, .. } => spatial::max_pool_indices(call, pool),
        Op::MaxUnpool { shape } => spatial::max_unpool(call, shape),
        Op::Resize(resize) => spatial::resize(call, resize),
        Op::GridSample(_) => spatial::grid_sample(call),
        Op::Col2Im(col2im) => spatial::col2im(call, col2im),

        Op::RoiAlign(roi_align) => detect::roi_align(call, roi_align),
        Op::MaxRoiPool { pooled, .. } => detect::max_roi_pool(call, *pooled),
        Op::NonMaxSuppression { capacity, .. } => detect::non_max_suppression(call, capacity),

        Op::TopK { axis, k, .. } => order::top_k(call, *axis, k),
        Op::NonZero => order::non_zero(call),
        Op::Unique { axis, .. } => order::unique(call, *axis),

        Op::Recurrent(layer) => recurrent::recurrent(call, layer),

        Op::If(branch) => region::branch(call, branch),
        Op::Loop(repeat) => region::repeat(call, repeat),

        Op::Sequence(op) => sequence::sequence(call, op),
        Op::Text(op) => text::text(call, op),
        Op::TfIdf(tf_idf) => text::tf_idf(call, tf_idf),
        Op::LabelMap(map) => table::label_map(call, map),
        Op::TreeEnsemble(trees) => table::tree_ensemble(call, trees),
    }
}
