//! One match over all kernels.

use super::{Call, KernelError, conv, gather, matmul, order, pool, recurrent, scatter, suppress, table};
use crate::spec::{BoundSpec, Kernel};

/// Computes a spec.
pub fn evaluate(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    let spec = call.spec;
    match &spec.kernel {
        Kernel::MatMul => matmul::matmul(call),
        Kernel::Conv(attrs) => conv::conv(call, attrs),
        Kernel::ConvTranspose(attrs) => conv::conv_transpose(call, attrs),
        Kernel::Pool(attrs) => pool::pool(call, attrs),
        Kernel::MaxPoolIndices(attrs) => pool::max_pool_indices(call, attrs),
        Kernel::MaxUnpool => pool::max_unpool(call),
        Kernel::Gather { axis } => gather::gather(call, *axis),
        Kernel::GatherElements { axis } => gather::gather_elements(call, *axis),
        Kernel::GatherNd { batch_dims } => gather::gather_nd(call, *batch_dims),
        Kernel::ReverseSequence { batch_axis, time_axis } => {
            gather::reverse_sequence(call, *batch_axis, *time_axis)
        }
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
        _ => Err(call.error("has no evaluator")),
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
        _ => 0,
    }
}
