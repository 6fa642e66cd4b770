//! One operator on concrete operands, family by family.

mod binary;
mod boxes;
mod call;
mod cast;
mod col2im;
mod conv;
mod conv_transpose;
mod deform_conv;
mod determinant;
mod erf;
mod fourier;
mod gather;
mod gemm;
mod grid_sample;
mod leaf;
mod matmul;
mod movement;
mod norm;
mod number_text;
mod order;
mod pad;
mod pool;
mod quantize;
mod random;
mod recurrent;
mod reduce;
mod resize;
mod roi;
mod scan;
mod scatter;
mod sequence;
mod softmax;
mod table;
mod text;
mod tf_idf;
mod threads;
mod unary;
mod unique;
mod windows;

pub(crate) use call::test;
pub(crate) use leaf::constant_tensor;

use crate::error::{Result, op_error};
use crate::symbols::Symbols;
use crate::tensor::Tensor;
use crate::value::Value;
use call::Call;
use graphc_base::DimCx;
use graphc_ir::{ConstStore, Op};

/// What an operator may look at besides its operands.
#[derive(Clone, Copy)]
pub struct OpCx<'a> {
    /// Symbols and their ranges.
    pub dims: &'a DimCx,
    /// The constants.
    pub consts: &'a ConstStore,
    /// What symbols are bound to.
    pub symbols: &'a Symbols,
}

/// The results of one operator, in the order of its doc. Operators with regions are an error: they need an
/// [`Evaluator`](crate::Evaluator).
pub fn eval_op(op: &Op, inputs: &[&Value], cx: OpCx<'_>) -> Result<Vec<Value>> {
    if let Op::Sequence(sequence_op) = op {
        return sequence::sequence(op, sequence_op, inputs);
    }
    let mut tensors = Vec::with_capacity(inputs.len());
    for (idx, input) in inputs.iter().enumerate() {
        let tensor = input.as_tensor();
        tensors.push(tensor.ok_or_else(|| {
            op_error(op.name(), format!("operand {idx} is {}", input.describe()))
        })?);
    }
    let results = eval_tensors(op, &Call::new(op, tensors, cx)?)?;
    Ok(results.into_iter().map(Value::Tensor).collect())
}

fn one(tensor: Result<Tensor>) -> Result<Vec<Tensor>> {
    Ok(vec![tensor?])
}

fn eval_tensors(op: &Op, call: &Call<'_>) -> Result<Vec<Tensor>> {
    match op {
        Op::Const(id) => one(leaf::constant(call, *id)),
        Op::DimTensor { dims, scalar } => one(leaf::dim_tensor(call, dims, *scalar)),
        Op::Iota { dtype, .. } => one(leaf::iota(call, *dtype)),
        Op::Random {
            kind,
            dtype,
            seed,
            instance,
            ..
        } => one(random::random(call, *kind, *dtype, *seed, *instance)),

        Op::Unary(op) => one(unary::unary(call, *op)),
        Op::Binary(op) => one(binary::binary(call, *op)),
        Op::Select => one(binary::select(call)),
        Op::Cast { to, saturate } => one(cast::cast(call, *to, *saturate)),
        Op::Bitcast { to } => one(cast::bitcast(call, *to)),
        Op::Quantize {
            to,
            axis,
            block,
            saturate,
        } => one(quantize::quantize(call, *to, *axis, *block, *saturate)),
        Op::Dequantize { axis, block } => one(quantize::dequantize(call, *axis, *block)),

        Op::Reshape { .. } => one(movement::reshape(call)),
        Op::Transpose { perm } => one(movement::transpose(call, perm)),
        Op::Expand { .. } => one(movement::expand(call)),
        Op::Slice { axes } => one(movement::slice(call, axes)),
        Op::Concat { axis } => one(movement::concat(call, *axis)),
        Op::Pad { mode, before, .. } => one(pad::pad(call, *mode, before)),
        Op::Tile { .. } => one(movement::tile(call)),

        Op::Gather { axis } => one(gather::gather(call, *axis)),
        Op::GatherElements { axis } => one(gather::gather_elements(call, *axis)),
        Op::GatherNd { batch_dims } => one(gather::gather_nd(call, *batch_dims)),
        Op::ScatterElements { axis, reduction } => {
            one(scatter::scatter_elements(call, *axis, *reduction))
        }
        Op::ScatterNd { reduction } => one(scatter::scatter_nd(call, *reduction)),
        Op::ReverseSequence {
            batch_axis,
            time_axis,
        } => one(gather::reverse_sequence(call, *batch_axis, *time_axis)),

        Op::Reduce { kind, reduced, .. } => one(reduce::reduce(call, *kind, reduced)),
        Op::ArgReduce {
            largest,
            axis,
            last,
            ..
        } => one(order::arg_reduce(call, *axis, *largest, *last)),
        Op::Cumulative {
            kind,
            axis,
            exclusive,
            reverse,
        } => one(scan::cumulative(call, *kind, axis, *exclusive, *reverse)),
        Op::Softmax { axis } => one(softmax::softmax(call, *axis, false)),
        Op::LogSoftmax { axis } => one(softmax::softmax(call, *axis, true)),

        Op::LayerNorm { axis, epsilon } => one(norm::layer_norm(call, *axis, *epsilon)),
        Op::RmsNorm { axis, epsilon } => one(norm::rms_norm(call, *axis, *epsilon)),
        Op::BatchNorm { epsilon } => one(norm::batch_norm(call, *epsilon)),
        Op::GroupNorm { groups, epsilon } => one(norm::group_norm(call, groups, *epsilon)),
        Op::LocalResponseNorm {
            size,
            alpha,
            beta,
            bias,
        } => one(norm::local_response_norm(call, *size, *alpha, *beta, *bias)),

        Op::MatMul => one(matmul::matmul(call)),
        Op::Conv(conv) => one(conv::conv(call, conv)),
        Op::ConvTranspose(conv) => one(conv_transpose::conv_transpose(call, conv)),
        Op::DeformConv(conv) => one(deform_conv::deform_conv(call, conv)),
        Op::Det => one(determinant::det(call)),
        Op::Dft {
            axis,
            inverse,
            halved,
            ..
        } => one(fourier::dft(call, axis, *inverse, *halved)),

        Op::Pool(pool) => one(pool::pool(call, pool)),
        Op::MaxPoolIndices { pool, column_major } => {
            one(pool::max_pool_indices(call, pool, *column_major))
        }
        Op::MaxUnpool { .. } => one(pool::max_unpool(call)),
        Op::Resize(resize) => one(resize::resize(call, resize)),
        Op::GridSample(sample) => one(grid_sample::grid_sample(call, *sample)),
        Op::RoiAlign(roi_align) => one(roi::roi_align(call, *roi_align)),
        Op::MaxRoiPool {
            pooled,
            spatial_scale,
        } => one(roi::max_roi_pool(call, *pooled, *spatial_scale)),
        Op::Col2Im(col2im) => one(col2im::col2im(call, col2im)),
        Op::NonMaxSuppression {
            center_point_box, ..
        } => boxes::non_max_suppression(call, *center_point_box),

        Op::TopK { axis, largest, .. } => order::top_k(call, *axis, *largest),
        Op::NonZero => order::non_zero(call),
        Op::Unique { axis, sorted } => unique::unique(call, *axis, *sorted),

        Op::Recurrent(layer) => recurrent::recurrent(call, layer),

        Op::If(_) | Op::Loop(_) => Err(call.fail("needs an evaluator of its graph")),

        Op::Sequence(_) => Err(call.fail("takes sequences")),
        Op::Text(op) => text::text(call, op),
        Op::TfIdf(tf_idf) => one(tf_idf::tf_idf(call, tf_idf)),
        Op::LabelMap(map) => one(table::label_map(call, map)),
        Op::TreeEnsemble(trees) => one(table::tree_ensemble(call, trees)),
    }
}
