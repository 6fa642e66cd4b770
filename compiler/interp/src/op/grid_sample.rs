//! Sampling at given coordinates (ONNX GridSample), for any number of spatial axes.

use super::call::Call;
use super::resize::{cubic, mixed};
use crate::error::Result;
use crate::tensor::Tensor;
use graphc_base::DType;
use graphc_ir::op::{GridPadding, GridSample, InterpolationMode};

/// Coefficient of the cubic kernel that the operator fixes.
const CUBIC_A: f64 = -0.75;

pub(super) fn grid_sample(call: &Call<'_>, sample: GridSample) -> Result<Tensor> {
    let (x, grid) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let image = &x.shape()[2..];
    let n_axes = image.len();
    let n_image: usize = image.iter().product();
    let n_points: usize = shape[2..].iter().product();
    let (values, points) = (x.to_f64()?, grid.to_f64()?);
    if n_image == 0 {
        return Tensor::from_f64(x.dtype(), &shape, &vec![0.0; shape.iter().product()]);
    }
    // Which element is nearest is decided on coordinates of the grid's own precision, as runtimes do.
    let is_narrow = grid.dtype() != DType::F64;
    let n_channels = shape[1];
    let mut result = vec![0.0; shape.iter().product()];
    for batch in 0..shape[0] {
        for point in 0..n_points {
            let start = (batch * n_points + point) * n_axes;
            // The last component of a point belongs to the first spatial axis.
            let axes: Vec<Vec<(Option<usize>, f64)>> = (0..n_axes)
                .map(|axis| {
                    let normal = points[start + n_axes - 1 - axis];
                    axis_taps(sample, normal, image[axis], is_narrow)
                })
                .collect();
            let corners = corners(&axes, image);
            for channel in 0..n_channels {
                let row = batch * n_channels + channel;
                let plane = &values[row * n_image..][..n_image];
                result[row * n_points + point] =
                    corners.iter().map(|&(at, weight)| weight * plane[at]).sum();
            }
        }
    }
    mixed(x.dtype(), &shape, result)
}

/// Flat positions and weights of all combinations of the taps of each axis; those outside weigh nothing.
fn corners(axes: &[Vec<(Option<usize>, f64)>], image: &[usize]) -> Vec<(usize, f64)> {
    let mut corners = vec![(0, 1.0)];
    for (taps, &size) in axes.iter().zip(image) {
        corners = corners
            .iter()
            .flat_map(|&(flat, weight)| {
                let inside = taps.iter().filter_map(|&(at, tap)| Some((at?, tap)));
                inside.map(move |(at, tap)| (flat * size + at, weight * tap))
            })
            .collect();
    }
    corners
}

/// The taps of one axis, `None` for those that read zero.
fn axis_taps(
    sample: GridSample,
    normal: f64,
    size: usize,
    is_narrow: bool,
) -> Vec<(Option<usize>, f64)> {
    let n = size as f64;
    let (low, high) = if sample.align_corners {
        (0.0, n - 1.0)
    } else {
        (-0.5, n - 0.5)
    };
    let mut x = if sample.align_corners {
        (normal + 1.0) / 2.0 * (n - 1.0)
    } else {
        ((normal + 1.0) * n - 1.0) / 2.0
    };
    if is_narrow {
        x = f64::from(x as f32);
    }
    if sample.mode == InterpolationMode::Nearest {
        x = x.round_ties_even();
    }
    if x < low || x > high {
        x = match sample.padding {
            GridPadding::Zeros => x,
            // A cubic takes four elements around x itself, each from within.
            GridPadding::Border if sample.mode == InterpolationMode::Cubic => x,
            GridPadding::Border => x.clamp(0.0, n - 1.0),
            GridPadding::Reflection => reflect(x, low, high),
        };
    }
    let read = |at: f64| -> Option<usize> {
        let is_inside = at >= 0.0 && at < n;
        let at = match sample.padding {
            _ if is_inside => at,
            GridPadding::Zeros => return None,
            GridPadding::Border => at,
            GridPadding::Reflection => reflect(at, low, high),
        };
        // NaN and what rounding left just outside go to the border.
        Some((at.clamp(0.0, n - 1.0)) as usize)
    };
    let before = x.floor();
    let ratio = x - before;
    match sample.mode {
        InterpolationMode::Nearest => vec![(read(x.trunc()), 1.0)],
        InterpolationMode::Linear => {
            vec![(read(before), 1.0 - ratio), (read(before + 1.0), ratio)]
        }
        InterpolationMode::Cubic => (-1..3)
            .map(|step| {
                let step = f64::from(step);
                (read(before + step), cubic(CUBIC_A, (step - ratio).abs()))
            })
            .collect(),
    }
}

/// Mirrors `x` at both ends until it lies between them.
fn reflect(x: f64, low: f64, high: f64) -> f64 {
    let range = high - low;
    if range <= 0.0 || !x.is_finite() {
        return low;
    }
    let (distance, from, to) = if x < low {
        (low - x, low, high)
    } else if x > high {
        (x - high, high, low)
    } else {
        return x;
    };
    let n_mirrors = (distance / range).trunc();
    let rest = distance - n_mirrors * range;
    let direction = if from < to { rest } else { -rest };
    if n_mirrors % 2.0 == 0.0 {
        from + direction
    } else {
        to - direction
    }
}
