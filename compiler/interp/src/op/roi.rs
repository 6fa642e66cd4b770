//! Pooling of regions of interest.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use graphc_base::Real;
use graphc_ir::op::RoiAlign;

/// Most samples along one axis of a bin, so that a huge region is an error and no endless loop.
const MAX_SAMPLES: f64 = 65_536.0;

/// Four positions in a plane and their weights.
type Corners = [(usize, f64); 4];

pub(super) fn roi_align(call: &Call<'_>, roi_align: RoiAlign) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let rois = call.input(1)?.to_f64()?;
    let batches = call.input(2)?.to_i64()?;
    let [n_samples, n_channels, height, width] = dims4(x);
    let values = x.to_f64()?;
    let mut result = Vec::with_capacity(shape.iter().product());
    for (roi, &batch) in rois.chunks_exact(4).zip(&batches) {
        let sample = usize::try_from(batch)
            .ok()
            .filter(|&sample| sample < n_samples);
        let sample = sample.ok_or_else(|| call.fail(format!("there is no sample {batch}")))?;
        let bins = bins(call, roi_align, roi, height, width)?;
        for channel in 0..n_channels {
            let start = (sample * n_channels + channel) * height * width;
            let plane = &values[start..start + height * width];
            result.extend(
                bins.iter()
                    .map(|samples| pool_bin(samples, plane, roi_align.max)),
            );
        }
    }
    Tensor::from_f64(x.dtype(), &shape, &result)
}

fn dims4(x: &Tensor) -> [usize; 4] {
    [x.shape()[0], x.shape()[1], x.shape()[2], x.shape()[3]]
}

/// Mean of the samples, or the largest of all weighted corners (as ONNX defines the maximum).
fn pool_bin(samples: &[Corners], plane: &[f64], is_max: bool) -> f64 {
    let weighted = |corners: &Corners| corners.map(|(at, weight)| weight * plane[at]);
    if is_max {
        let all = samples.iter().flat_map(weighted);
        return all.reduce(f64::max).unwrap_or(0.0);
    }
    let sum: f64 = samples.iter().flat_map(weighted).sum();
    sum / samples.len().max(1) as f64
}

/// The samples of every bin of a region, bins in row-major order.
fn bins(
    call: &Call<'_>,
    roi_align: RoiAlign,
    roi: &[f64],
    height: usize,
    width: usize,
) -> Result<Vec<Vec<Corners>>> {
    let offset = if roi_align.half_pixel { 0.5 } else { 0.0 };
    let [left, top, right, bottom] =
        [0, 1, 2, 3].map(|idx| roi[idx] * roi_align.spatial_scale.get() - offset);
    let (mut roi_width, mut roi_height) = (right - left, bottom - top);
    if !roi_align.half_pixel {
        // Malformed regions count as one element.
        roi_width = roi_width.max(1.0);
        roi_height = roi_height.max(1.0);
    }
    let [rows, columns] = roi_align.pooled;
    let (bin_height, bin_width) = (roi_height / rows as f64, roi_width / columns as f64);
    let n_samples = |bin: f64| {
        if roi_align.sampling_ratio > 0 {
            roi_align.sampling_ratio as f64
        } else {
            bin.ceil().max(0.0)
        }
    };
    let (n_down, n_across) = (n_samples(bin_height), n_samples(bin_width));
    if n_down > MAX_SAMPLES || n_across > MAX_SAMPLES {
        return Err(call.fail("a region is too large"));
    }
    let mut bins = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let mut samples = Vec::new();
            for i in 0..n_down as usize {
                let y = top + (row as f64 + (i as f64 + 0.5) / n_down) * bin_height;
                for j in 0..n_across as usize {
                    let x = left + (column as f64 + (j as f64 + 0.5) / n_across) * bin_width;
                    samples.push(corners(y, x, height, width));
                }
            }
            bins.push(samples);
        }
    }
    Ok(bins)
}

/// The corners around a point; one more than an element outside, all weigh nothing.
fn corners(y: f64, x: f64, height: usize, width: usize) -> Corners {
    let (Some((top, bottom, down)), Some((left, right, across))) =
        (between(y, height), between(x, width))
    else {
        return [(0, 0.0); 4];
    };
    [
        (top * width + left, (1.0 - down) * (1.0 - across)),
        (top * width + right, (1.0 - down) * across),
        (bottom * width + left, down * (1.0 - across)),
        (bottom * width + right, down * across),
    ]
}

/// The elements before and behind a coordinate, and how far it is from the first.
fn between(at: f64, size: usize) -> Option<(usize, usize, f64)> {
    if size == 0 || at.is_nan() || at < -1.0 || at > size as f64 {
        return None;
    }
    let at = at.max(0.0);
    let before = at as usize;
    if before >= size - 1 {
        Some((size - 1, size - 1, 0.0))
    } else {
        Some((before, before + 1, at - before as f64))
    }
}

/// ONNX MaxRoiPool: bins of whole elements; empty ones give 0.
pub(super) fn max_roi_pool(
    call: &Call<'_>,
    pooled: [usize; 2],
    spatial_scale: Real,
) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let rois = call.input(1)?.to_f64()?;
    let [n_samples, n_channels, height, width] = dims4(x);
    let values = x.to_f64()?;
    let mut result = Vec::with_capacity(shape.iter().product());
    for roi in rois.chunks_exact(5) {
        let sample = (0..n_samples).find(|&sample| sample as f64 == roi[0]);
        let sample = sample.ok_or_else(|| call.fail(format!("there is no sample {}", roi[0])))?;
        let [left, top, right, bottom] =
            [1, 2, 3, 4].map(|idx| (roi[idx] * spatial_scale.get()).round());
        let rows: Vec<_> = (0..pooled[0])
            .map(|bin| whole_bin(bin, pooled[0], top, bottom, height))
            .collect();
        let columns: Vec<_> = (0..pooled[1])
            .map(|bin| whole_bin(bin, pooled[1], left, right, width))
            .collect();
        for channel in 0..n_channels {
            let start = (sample * n_channels + channel) * height * width;
            for row in &rows {
                for column in &columns {
                    let seen = row
                        .clone()
                        .flat_map(|y| column.clone().map(move |x| start + y * width + x));
                    let largest = seen.map(|at| values[at]).reduce(f64::max);
                    result.push(largest.unwrap_or(0.0));
                }
            }
        }
    }
    Tensor::from_f64(x.dtype(), &shape, &result)
}

/// The elements of one of `n_bins` bins between `first` and `last`, within an axis of `size`.
fn whole_bin(
    bin: usize,
    n_bins: usize,
    first: f64,
    last: f64,
    size: usize,
) -> std::ops::Range<usize> {
    let bin_size = (last - first + 1.0).max(1.0) / n_bins as f64;
    let clamp = |at: f64| (at + first).clamp(0.0, size as f64) as usize;
    let start = (bin as f64 * bin_size).floor();
    let end = ((bin + 1) as f64 * bin_size).ceil();
    clamp(start)..clamp(end)
}
