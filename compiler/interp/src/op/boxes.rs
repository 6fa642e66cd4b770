//! Suppression of boxes that overlap better ones (ONNX NonMaxSuppression).
//!
//! Areas and overlaps are computed in `f32`, step by step as runtimes do, because a threshold decides on them.

use super::call::Call;
use super::order::number_order;
use crate::error::Result;
use crate::tensor::Tensor;

/// Lower and upper corner, `[y, x]` or `[x, y]`.
#[derive(Clone, Copy)]
struct Bounds {
    low: [f32; 2],
    high: [f32; 2],
}

impl Bounds {
    fn new(coordinates: &[f32], center_point: bool) -> Self {
        let [a, b, c, d] = [0, 1, 2, 3].map(|idx| coordinates[idx]);
        if center_point {
            return Self {
                low: [a - c / 2.0, b - d / 2.0],
                high: [a + c / 2.0, b + d / 2.0],
            };
        }
        Self {
            low: [a.min(c), b.min(d)],
            high: [a.max(c), b.max(d)],
        }
    }

    fn area(&self) -> f32 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }

    /// Whether the overlap with `other` over their union exceeds `threshold`.
    fn overlaps(&self, other: &Bounds, threshold: f32) -> bool {
        let side = |axis: usize| {
            let low = self.low[axis].max(other.low[axis]);
            let high = self.high[axis].min(other.high[axis]);
            (high - low).max(0.0)
        };
        let common = side(0) * side(1);
        let (own_area, other_area) = (self.area(), other.area());
        let union = own_area + other_area - common;
        common > 0.0
            && own_area > 0.0
            && other_area > 0.0
            && union > 0.0
            && common / union > threshold
    }
}

pub(super) fn non_max_suppression(call: &Call<'_>, center_point: bool) -> Result<Vec<Tensor>> {
    let (boxes, scores) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let max_per_class = call.input(2)?.to_i64()?;
    let max_per_class = usize::try_from(max_per_class[0]).unwrap_or(0);
    let iou_threshold = call.input(3)?.slice::<f32>()?[0];
    let score_threshold = call.input(4)?.slice::<f32>()?[0];
    let (n_samples, n_boxes) = (boxes.shape()[0], boxes.shape()[1]);
    let n_classes = scores.shape()[1];
    let (corners, scores) = (boxes.slice::<f32>()?, scores.slice::<f32>()?);

    let mut selected: Vec<i64> = Vec::new();
    for sample in 0..n_samples {
        let bounds: Vec<Bounds> = corners[sample * n_boxes * 4..][..n_boxes * 4]
            .chunks_exact(4)
            .map(|coordinates| Bounds::new(coordinates, center_point))
            .collect();
        for class in 0..n_classes {
            let scores = &scores[(sample * n_classes + class) * n_boxes..][..n_boxes];
            let mut candidates: Vec<usize> = (0..n_boxes)
                .filter(|&idx| scores[idx] > score_threshold)
                .collect();
            // A stable sort: the first of equal scores comes first.
            candidates.sort_by(|&a, &b| number_order(&scores[b], &scores[a]));
            let mut kept: Vec<usize> = Vec::new();
            for candidate in candidates {
                if kept.len() >= max_per_class {
                    break;
                }
                let is_suppressed = kept
                    .iter()
                    .any(|&better| bounds[candidate].overlaps(&bounds[better], iou_threshold));
                if !is_suppressed {
                    kept.push(candidate);
                }
            }
            for idx in kept {
                selected.extend([sample as i64, class as i64, idx as i64]);
            }
        }
    }
    let count = selected.len() / 3;
    selected.resize(shape[0] * 3, 0);
    Ok(vec![
        Tensor::of(&shape, selected)?,
        Tensor::scalar(count as i64),
    ])
}
