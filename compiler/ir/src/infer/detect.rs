//! Regions of interest and boxes.

use super::TypeError;
use super::call::{Call, FLOAT, Outputs, one, tensor};
use crate::op::RoiAlign;
use crate::types::TensorType;
use graphc_base::{DType, Dim};

pub(super) fn roi_align(call: &mut Call<'_>, roi_align: &RoiAlign) -> Outputs {
    let [x, rois, batch] = call.tensors(["x", "rois", "batch"])?;
    let shape = rois_shape(call, x, rois, 4, roi_align.pooled)?;
    call.vector("batch", batch, DType::I64, &rois.shape[0])?;
    one(x.dtype, shape)
}

pub(super) fn max_roi_pool(call: &mut Call<'_>, pooled: [usize; 2]) -> Outputs {
    let [x, rois] = call.tensors(["x", "rois"])?;
    let shape = rois_shape(call, x, rois, 5, pooled)?;
    one(x.dtype, shape)
}

fn rois_shape(
    call: &mut Call<'_>,
    x: &TensorType,
    rois: &TensorType,
    n_columns: i64,
    pooled: [usize; 2],
) -> Result<Vec<Dim>, TypeError> {
    call.want("x", x.dtype, FLOAT)?;
    call.rank("x", x, 4)?;
    call.same_dtype("rois", rois, x.dtype)?;
    call.rank("rois", rois, 2)?;
    let what = format!("last dim of rois is not {n_columns}");
    call.equal(&rois.shape[1], &Dim::constant(n_columns), what)?;
    Ok(vec![
        rois.shape[0].clone(),
        x.shape[1].clone(),
        call.positive("pooled height", pooled[0])?,
        call.positive("pooled width", pooled[1])?,
    ])
}

pub(super) fn non_max_suppression(call: &mut Call<'_>, capacity: &Dim) -> Outputs {
    let [boxes, scores, max_per_class, iou, score] =
        call.tensors(["boxes", "scores", "max_per_class", "iou", "score"])?;
    for (role, ty) in [("boxes", boxes), ("scores", scores)] {
        call.same_dtype(role, ty, DType::F32)?;
        call.rank(role, ty, 3)?;
    }
    call.scalar("max_per_class", max_per_class, DType::I64)?;
    call.scalar("iou", iou, DType::F32)?;
    call.scalar("score", score, DType::F32)?;
    call.equal(
        &boxes.shape[2],
        &Dim::constant(4),
        "last dim of boxes is not 4",
    )?;
    let n_samples = call.equal(&boxes.shape[0], &scores.shape[0], "samples differ")?;
    let n_boxes = call.equal(&boxes.shape[1], &scores.shape[2], "numbers of boxes differ")?;
    let rows = call
        .dims()
        .product([n_samples, scores.shape[1].clone(), n_boxes]);
    let what = "capacity is not samples times classes times boxes";
    call.equal(capacity, &rows, what)?;
    Ok(vec![
        tensor(DType::I64, vec![capacity.clone(), Dim::constant(3)]),
        tensor(DType::I64, Vec::new()),
    ])
}
