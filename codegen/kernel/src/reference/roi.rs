//! Pooling of regions of interest.

use super::element::Number;
use super::scalar::{Scalar, load};
use super::window::{elements, elements_mut, fault};
use super::{Call, KernelError};
use crate::with_float;
use graphc_base::attrs::RoiAlign;
use graphc_base::{DType, Real};

/// Most samples along one axis of a bin; regions that would take more are refused.
const MOST_SAMPLES: f64 = 65536.0;

fn checked(call: &Call<'_, '_>, n_columns: usize, pooled: [usize; 2]) -> Result<(), KernelError> {
    let (x, rois, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(rois.dtype.is_float(), "regions are not floats")?;
    call.ensure(
        x.shape.len() == 4 && rois.shape.len() == 2 && y.shape.len() == 4,
        "ranks do not fit",
    )?;
    call.ensure(
        rois.shape[1] == n_columns
            && y.shape[..] == [rois.shape[0], x.shape[1], pooled[0], pooled[1]],
        "shapes do not fit",
    )?;
    call.coordinates(&x.shape)?;
    call.coordinates(&y.shape)?;
    Ok(())
}

fn float(call: &Call<'_, '_>, input: usize, position: usize) -> f64 {
    match load(call.inputs[input], call.spec.inputs[input].dtype, position) {
        Scalar::Float(value) => value,
        Scalar::Int(value) => value as f64,
    }
}

fn sample_index(call: &Call<'_, '_>, value: i64) -> Result<usize, KernelError> {
    let n_samples = call.input(0)?.shape[0];
    match usize::try_from(value) {
        Ok(index) if index < n_samples => Ok(index),
        _ => Err(call.error(format!("sample {value} is outside of {n_samples}"))),
    }
}

/// `x[N, C, H, W], rois[R, 4], batch: i64[R] → y[R, C, oh, ow]`: bins of bilinear samples; a maximum is taken over the
/// weighted corners of all samples, as ONNX has it.
pub(super) fn roi_align(call: &mut Call<'_, '_>, align: &RoiAlign) -> Result<(), KernelError> {
    call.dense(3..=3, 1)?;
    checked(call, 4, align.pooled)?;
    let (x, rois, batch) = (call.input(0)?, call.input(1)?, call.input(2)?);
    call.ensure(
        batch.dtype == DType::I64 && batch.shape[..] == rois.shape[..1],
        "samples do not fit",
    )?;
    with_float!(
        x.dtype,
        T => align_regions::<T>(call, align),
        else Err(call.error(format!("{} is no dtype of it", x.dtype)))
    )
}

/// Bins of a region along one axis.
struct Bins {
    start: f64,
    size: f64,
    n_samples: usize,
}

impl Bins {
    fn new(
        call: &Call<'_, '_>,
        align: &RoiAlign,
        bounds: [f64; 2],
        n_bins: usize,
    ) -> Result<Self, KernelError> {
        let shift = if align.half_pixel { 0.5 } else { 0.0 };
        let [start, end] = bounds.map(|bound| bound * align.spatial_scale.get() - shift);
        // Regions without half pixels have at least one element.
        let length = if align.half_pixel {
            end - start
        } else {
            (end - start).max(1.0)
        };
        let size = length / n_bins as f64;
        let n_samples = match align.sampling_ratio {
            0 => size.ceil(),
            ratio => ratio as f64,
        };
        if !(start.is_finite() && n_samples <= MOST_SAMPLES) {
            return Err(call.error(format!("region from {start} to {end} is out of range")));
        }
        Ok(Self {
            start,
            size,
            n_samples: n_samples.max(0.0) as usize,
        })
    }

    fn coordinate(&self, bin: usize, sample: usize) -> f64 {
        self.start + self.size * (bin as f64 + (sample as f64 + 0.5) / self.n_samples as f64)
    }
}

/// Two neighbours of a coordinate and their weights; `None` outside.
fn neighbours(coordinate: f64, size: usize) -> Option<[(usize, f64); 2]> {
    if !(-1.0..=size as f64).contains(&coordinate) || size == 0 {
        return None;
    }
    let coordinate = coordinate.max(0.0);
    let low = coordinate as usize;
    if low >= size - 1 {
        return Some([(size - 1, 1.0), (size - 1, 0.0)]);
    }
    let fraction = coordinate - low as f64;
    Some([(low, 1.0 - fraction), (low + 1, fraction)])
}

fn align_regions<T: Number>(call: &mut Call<'_, '_>, align: &RoiAlign) -> Result<(), KernelError> {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let batch: &[i64] = elements(&spec.inputs[2], call.inputs[2]);
    let shape = &spec.inputs[0].shape;
    let (n_channels, height, width) = (shape[1], shape[2], shape[3]);
    let [n_rows, n_columns] = align.pooled;
    if spec.outputs[0].shape.contains(&0) {
        return Ok(());
    }
    for region in 0..batch.len() {
        let sample = sample_index(call, batch[region])?;
        let bound = |column| float(call, 1, region * 4 + column);
        let across = Bins::new(call, align, [bound(0), bound(2)], n_columns)?;
        let down = Bins::new(call, align, [bound(1), bound(3)], n_rows)?;
        let count = (across.n_samples * down.n_samples).max(1) as f64;
        let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
        for channel in 0..n_channels {
            // Of no element where x is empty: then no sample has neighbours.
            let plane = &x[(sample * n_channels + channel) * height * width..];
            for bin in 0..n_rows * n_columns {
                let (row, column) = (bin / n_columns, bin % n_columns);
                let (mut sum, mut largest) = (0.0, None::<f64>);
                for sample in 0..down.n_samples * across.n_samples {
                    let rows = neighbours(down.coordinate(row, sample / across.n_samples), height);
                    let columns =
                        neighbours(across.coordinate(column, sample % across.n_samples), width);
                    let (Some(rows), Some(columns)) = (rows, columns) else {
                        largest = Some(largest.map_or(0.0, |largest| largest.max(0.0)));
                        continue;
                    };
                    for (row, row_weight) in rows {
                        for (column, column_weight) in columns {
                            let value =
                                row_weight * column_weight * plane[row * width + column].to_f64();
                            sum += value;
                            largest = Some(largest.map_or(value, |largest| largest.max(value)));
                        }
                    }
                }
                let value = if align.max {
                    largest.unwrap_or(0.0)
                } else {
                    sum / count
                };
                y[(region * n_channels + channel) * n_rows * n_columns + bin] = T::from_f64(value);
            }
        }
    }
    Ok(())
}

/// `x[N, C, H, W], rois[R, 5] → y[R, C, oh, ow]`: regions are a sample and inclusive corners, rounded; empty bins give 0.
pub(super) fn max_roi_pool(
    call: &mut Call<'_, '_>,
    pooled: [usize; 2],
    spatial_scale: Real,
) -> Result<(), KernelError> {
    call.dense(2..=2, 1)?;
    checked(call, 5, pooled)?;
    let dtype = call.input(0)?.dtype;
    with_float!(
        dtype,
        T => pool_regions::<T>(call, pooled, spatial_scale.get()),
        else Err(call.error(format!("{dtype} is no dtype of it")))
    )
}

/// Elements of a bin along one axis; integer division, so that no rounding widens a bin.
fn bin_range(bounds: [i64; 2], bin: usize, n_bins: usize, size: usize) -> std::ops::Range<usize> {
    let length = (bounds[1] - bounds[0] + 1).max(1);
    let (bin, n_bins, size) = (bin as i64, n_bins as i64, size as i64);
    let start = bounds[0] + bin * length / n_bins;
    let end = bounds[0] + ((bin + 1) * length + n_bins - 1) / n_bins;
    start.clamp(0, size) as usize..end.clamp(0, size) as usize
}

fn pool_regions<T: Number>(
    call: &mut Call<'_, '_>,
    pooled: [usize; 2],
    scale: f64,
) -> Result<(), KernelError> {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let shape = &spec.inputs[0].shape;
    let (n_channels, height, width) = (shape[1], shape[2], shape[3]);
    if spec.outputs[0].shape.contains(&0) {
        return Ok(());
    }
    let [n_rows, n_columns] = pooled;
    for region in 0..spec.inputs[1].shape[0] {
        let sample = float(call, 1, region * 5);
        if sample.fract() != 0.0 {
            return Err(fault(spec, format!("sample {sample} is no integer")));
        }
        let sample = sample_index(call, sample as i64)?;
        let mut corners = [0i64; 4];
        for (column, corner) in corners.iter_mut().enumerate() {
            let value = (float(call, 1, region * 5 + 1 + column) * scale).round();
            // Products with the number of bins stay in 64 bits.
            if value.is_nan() || value.abs() >= (1u64 << 30) as f64 {
                return Err(fault(spec, format!("corner {value} is out of range")));
            }
            *corner = value as i64;
        }
        let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
        for channel in 0..n_channels {
            for bin in 0..n_rows * n_columns {
                let rows = bin_range([corners[1], corners[3]], bin / n_columns, n_rows, height);
                let columns =
                    bin_range([corners[0], corners[2]], bin % n_columns, n_columns, width);
                let mut largest: Option<T> = None;
                for row in rows {
                    for column in columns.clone() {
                        let value =
                            x[((sample * n_channels + channel) * height + row) * width + column];
                        if largest.is_none_or(|largest| value > largest) {
                            largest = Some(value);
                        }
                    }
                }
                y[(region * n_channels + channel) * n_rows * n_columns + bin] =
                    largest.unwrap_or(T::from_f64(0.0));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::Run;
    use crate::spec::Kernel;
    use graphc_base::attrs::RoiAlign;
    use graphc_base::{DType, Real};

    fn align(max: bool, roi: [f32; 4], sample: i64) -> Run {
        Run::new(Kernel::RoiAlign(RoiAlign {
            pooled: [1, 2],
            sampling_ratio: 1,
            spatial_scale: Real::new(1.0),
            half_pixel: false,
            max,
        }))
        .input(
            DType::F32,
            &[1, 1, 2, 3],
            &[0f32, 2.0, 4.0, 8.0, 10.0, 12.0],
        )
        .input(DType::F32, &[1, 4], &roi)
        .input(DType::I64, &[1], &[sample])
        .output(DType::F32, &[1, 1, 1, 2])
    }

    #[test]
    fn roi_align_samples_the_middle_of_each_bin() {
        assert_eq!(
            align(false, [0.0, 0.0, 2.0, 1.0], 0).get::<f32>(),
            [5.0, 7.0]
        );
    }

    #[test]
    fn roi_align_maximum_is_over_weighted_corners() {
        assert_eq!(
            align(true, [0.0, 0.0, 2.0, 1.0], 0).get::<f32>(),
            [2.5, 3.0]
        );
    }

    #[test]
    fn regions_of_no_sample_or_without_end_are_refused() {
        let error = align(false, [0.0, 0.0, 2.0, 1.0], 1).error();
        assert_eq!(error, "roi_align: sample 1 is outside of 1");
        let error = align(false, [f32::NEG_INFINITY, 0.0, 2.0, 1.0], 0).error();
        assert_eq!(error, "roi_align: region from -inf to 2 is out of range");
    }

    #[test]
    fn max_roi_pool_takes_inclusive_corners_and_leaves_outside_bins_zero() {
        let y: Vec<f32> = Run::new(Kernel::MaxRoiPool {
            pooled: [1, 2],
            spatial_scale: Real::new(0.5),
        })
        .input(DType::F32, &[1, 1, 1, 3], &[-1f32, -2.0, -3.0])
        .input(
            DType::F32,
            &[2, 5],
            &[0f32, 2.0, 0.0, 4.0, 0.0, 0.0, 4.0, 0.0, 12.0, 0.0],
        )
        .output(DType::F32, &[2, 1, 1, 2])
        .get();
        assert_eq!(y, [-2.0, -3.0, -3.0, 0.0]);
    }
}
