//! One match over all kernels.

use super::{
    Call, KernelError, col2im, conv, deform_conv, fill, gather, grid_sample, linear, matmul,
    movement, norm, order, pointwise, pool, quantize, recurrent, reduce, resize, roi, scatter,
    suppress, table,
};
use crate::spec::{BoundSpec, Kernel};

/// Computes a spec.
pub fn evaluate(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    let spec = call.spec;
    match &spec.kernel {
        Kernel::Pointwise(program) => pointwise::pointwise(call, program),
        Kernel::Copy => movement::copy(call),
        Kernel::Concat { axis } => movement::concat(call, *axis),
        Kernel::Pad {
            mode,
            before,
            after,
        } => movement::pad(call, *mode, before, after),
        Kernel::Tile => movement::tile(call),
        Kernel::Dims(dims) => fill::dims(call, dims),
        Kernel::Iota => fill::iota(call),
        Kernel::Random {
            kind,
            seed,
            instance,
        } => fill::random(call, *kind, *seed, *instance),
        Kernel::Quantize {
            axis,
            block,
            saturate,
        } => quantize::quantize(call, *axis, *block, *saturate),
        Kernel::Dequantize { axis, block } => quantize::dequantize(call, *axis, *block),
        Kernel::Reduce { kind, reduced } => reduce::reduce(call, *kind, reduced),
        Kernel::ArgReduce {
            largest,
            axis,
            last,
        } => reduce::arg_reduce(call, *largest, *axis, *last),
        Kernel::Cumulative {
            kind,
            axis,
            exclusive,
            reverse,
        } => reduce::cumulative(call, *kind, axis, *exclusive, *reverse),
        Kernel::Softmax { axis, log } => norm::softmax(call, *axis, *log),
        Kernel::LayerNorm { axis, epsilon } => norm::row_norm(call, *axis, *epsilon, true),
        Kernel::RmsNorm { axis, epsilon } => norm::row_norm(call, *axis, *epsilon, false),
        Kernel::GroupNorm { groups, epsilon } => norm::group_norm(call, groups, *epsilon),
        Kernel::LocalResponseNorm {
            size,
            alpha,
            beta,
            bias,
        } => norm::local_response_norm(call, *size, *alpha, *beta, *bias),
        Kernel::MatMul => matmul::matmul(call),
        Kernel::Conv(attrs) => conv::conv(call, attrs),
        Kernel::ConvTranspose(attrs) => conv::conv_transpose(call, attrs),
        Kernel::Pool(attrs) => pool::pool(call, attrs),
        Kernel::MaxPoolIndices(attrs) => pool::max_pool_indices(call, attrs),
        Kernel::MaxUnpool => pool::max_unpool(call),
        Kernel::Gather { axis } => gather::gather(call, *axis),
        Kernel::GatherElements { axis } => gather::gather_elements(call, *axis),
        Kernel::GatherNd { batch_dims } => gather::gather_nd(call, *batch_dims),
        Kernel::ReverseSequence {
            batch_axis,
            time_axis,
        } => gather::reverse_sequence(call, *batch_axis, *time_axis),
        Kernel::ScatterElements { axis, reduction } => {
            scatter::scatter_elements(call, *axis, *reduction)
        }
        Kernel::ScatterNd { reduction } => scatter::scatter_nd(call, *reduction),
        Kernel::TopK { axis, largest } => order::top_k(call, *axis, *largest),
        Kernel::NonZero => order::non_zero(call),
        Kernel::Unique { axis, sorted } => order::unique(call, *axis, *sorted),
        Kernel::NonMaxSuppression { center_point_box } => {
            suppress::non_max_suppression(call, *center_point_box)
        }
        Kernel::TfIdf(attrs) => table::tf_idf(call, attrs),
        Kernel::LabelMap(map) => table::label_map(call, map),
        Kernel::TreeEnsemble(forest) => table::tree_ensemble(call, forest),
        Kernel::Recurrent(layer) => recurrent::recurrent(call, layer),
        Kernel::Resize(attrs) => resize::resize(call, attrs),
        Kernel::RoiAlign(attrs) => roi::roi_align(call, attrs),
        Kernel::MaxRoiPool {
            pooled,
            spatial_scale,
        } => roi::max_roi_pool(call, *pooled, *spatial_scale),
        Kernel::Col2Im(attrs) => col2im::col2im(call, attrs),
        Kernel::Det => linear::det(call),
        Kernel::Dft {
            axis,
            inverse,
            halved,
        } => linear::dft(call, axis, *inverse, *halved),
        Kernel::GridSample(attrs) => grid_sample::grid_sample(call, attrs),
        Kernel::DeformConv(attrs) => deform_conv::deform_conv(call, attrs),
    }
}

/// Bytes of scratch that [`evaluate`] needs.
pub fn scratch_bytes(spec: &BoundSpec) -> usize {
    match &spec.kernel {
        Kernel::TopK { .. } => order::top_k_scratch(spec),
        Kernel::Unique { .. } => order::unique_scratch(spec),
        Kernel::NonMaxSuppression { .. } => suppress::non_max_suppression_scratch(spec),
        Kernel::TreeEnsemble(_) => table::tree_ensemble_scratch(spec),
        Kernel::Recurrent(_) => recurrent::recurrent_scratch(spec),
        Kernel::Det => linear::det_scratch(spec),
        Kernel::Dft { axis, .. } => linear::dft_scratch(spec, axis),
        _ => 0,
    }
}
