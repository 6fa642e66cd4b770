//! Non-maximum suppression of boxes.

use super::gather::fail;
use super::recurrent::{elements, elements_mut, words};
use super::{Call, KernelError};
use crate::spec::BoundSpec;
use graphc_base::DType;

/// Bytes of scratch that [`non_max_suppression`] needs.
pub(super) fn non_max_suppression_scratch(spec: &BoundSpec) -> usize {
    let n_boxes = spec.inputs.first().and_then(|boxes| boxes.shape.get(1));
    n_boxes.map_or(0, |n| n.saturating_mul(size_of::<usize>()))
}

/// Low and high corner. In `f32`, as are overlaps, because a threshold decides on them: runtimes compute them so.
fn corners(of: &[f32], center_point_box: bool) -> [f32; 4] {
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| of[at]);
    if center_point_box {
        [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0]
    } else {
        [a.min(c), b.min(d), a.max(c), b.max(d)]
    }
}

/// Intersection over union; 0 where a box has no area.
fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let side = |axis: usize| (a[axis + 2].min(b[axis + 2]) - a[axis].max(b[axis])).max(0.0);
    let area = |of: [f32; 4]| (of[2] - of[0]) * (of[3] - of[1]);
    let shared = side(0) * side(1);
    let joined = area(a) + area(b) - shared;
    if shared > 0.0 && area(a) > 0.0 && area(b) > 0.0 && joined > 0.0 {
        shared / joined
    } else {
        0.0
    }
}

/// `boxes, scores, max_per_class, iou, score → i64[capacity, 3], count: i64[]`: rows `batch, class, box`.
///
/// A box is a candidate where its score is beyond the threshold, and falls where its overlap with a better one is.
pub(super) fn non_max_suppression(
    call: &mut Call<'_, '_>,
    center_point_box: bool,
) -> Result<(), KernelError> {
    call.plain(5..=5, 2)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let &[n_batches, n_boxes, 4] = spec.inputs[0].shape.as_slice() else {
        return Err(call.error("boxes are not of shape [n, boxes, 4]"));
    };
    let &[_, n_classes, _] = spec.inputs[1].shape.as_slice() else {
        return Err(call.error("scores are not of rank 3"));
    };
    let dtypes = [DType::F32, DType::F32, DType::I64, DType::F32, DType::F32];
    let outputs = &spec.outputs;
    call.ensure(
        spec.inputs[1].shape.as_slice() == [n_batches, n_classes, n_boxes]
            && spec
                .inputs
                .iter()
                .zip(dtypes)
                .all(|(arg, dtype)| arg.dtype == dtype)
            && spec.inputs[2..].iter().all(|arg| arg.n_elements() == 1)
            && outputs.iter().all(|arg| arg.dtype == DType::I64)
            && outputs[0].shape.len() == 2
            && outputs[0].shape[1] == 3
            && outputs[1].shape.is_empty(),
        "operands and results do not fit one another",
    )?;
    let boxes = elements::<f32>(spec, &spec.inputs[0], inputs[0])?;
    let scores = elements::<f32>(spec, &spec.inputs[1], inputs[1])?;
    let max_per_class = elements::<i64>(spec, &spec.inputs[2], inputs[2])?[0];
    let max_per_class = usize::try_from(max_per_class).unwrap_or(0);
    let max_overlap = elements::<f32>(spec, &spec.inputs[3], inputs[3])?[0];
    let min_score = elements::<f32>(spec, &spec.inputs[4], inputs[4])?[0];
    let candidates = words::<usize>(spec, call.scratch, n_boxes)?;
    let [rows, count] = &mut *call.outputs else {
        return Err(fail(spec, "results are missing"));
    };
    let rows = elements_mut::<i64>(spec, &outputs[0], rows)?;
    let count = elements_mut::<i64>(spec, &outputs[1], count)?;
    rows.fill(0);
    let mut n_kept = 0;
    // Without boxes there is nothing to keep, however many classes the shape names.
    let n_groups = if n_boxes == 0 {
        0
    } else {
        n_batches * n_classes
    };
    for group in 0..n_groups {
        let (batch, class) = (group / n_classes, group % n_classes);
        let scores = &scores[group * n_boxes..][..n_boxes];
        let boxes = &boxes[batch * n_boxes * 4..][..n_boxes * 4];
        let mut n_candidates = 0;
        for box_idx in 0..n_boxes {
            if scores[box_idx] > min_score {
                candidates[n_candidates] = box_idx;
                n_candidates += 1;
            }
        }
        let candidates = &mut candidates[..n_candidates];
        candidates.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let first = n_kept;
        for &candidate in &*candidates {
            if n_kept - first >= max_per_class {
                break;
            }
            let own = corners(&boxes[candidate * 4..], center_point_box);
            let falls = rows[first * 3..n_kept * 3].chunks_exact(3).any(|kept| {
                let other = corners(&boxes[kept[2] as usize * 4..], center_point_box);
                overlap(own, other) > max_overlap
            });
            if falls {
                continue;
            }
            let Some(row) = rows.get_mut(n_kept * 3..n_kept * 3 + 3) else {
                return Err(fail(spec, format!("more than {n_kept} boxes are kept")));
            };
            row.copy_from_slice(&[batch as i64, class as i64, candidate as i64]);
            n_kept += 1;
        }
    }
    count[0] = n_kept as i64;
    Ok(())
}
