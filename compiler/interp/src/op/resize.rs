//! Resampling to another size (ONNX Resize): one axis after the other, each by a table of taps.
//!
//! Coordinates are `f32`, step by step as runtimes compute them, because elements are picked by them.

use super::call::Call;
use crate::error::Result;
use crate::tensor::{Tensor, picked, with_elements};
use crate::walk::{Split, for_each_position, strides};
use graphc_base::DType;
use graphc_ir::op::{CoordinateMode, InterpolationMode, NearestMode, Resize, ResizePolicy};

/// Coordinates this near to a half are one, which rounding has moved.
const TIE: f64 = 1e-6;

/// What one output position of an axis mixes.
struct Mix {
    taps: Vec<(usize, f64)>,
    /// Whether it lies outside x under [`CoordinateMode::TfCropAndResize`].
    is_outside: bool,
}

/// One axis of a resize.
struct Axis {
    from: usize,
    to: usize,
    scale: f32,
    /// `scale · from` where the scale is given, which need not be whole; else the size of the result.
    length: f32,
    /// Normalised start and end of the region of interest.
    roi: [f32; 2],
}

pub(super) fn resize(call: &Call<'_>, resize: &Resize) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let axes = axes(call, resize, x.shape(), &shape)?;
    for (axis, entry) in axes.iter().enumerate() {
        let is_scale = entry.scale > 0.0 && entry.scale.is_finite();
        if entry.to > 0 && (entry.from == 0 || !is_scale) {
            return Err(call.fail(format!(
                "axis {axis} of size {} cannot be scaled by {}",
                entry.from, entry.scale
            )));
        }
    }
    let tables: Vec<Vec<Mix>> = axes
        .iter()
        .map(|axis| {
            (0..axis.to)
                .map(|position| mix(resize, axis, position))
                .collect()
        })
        .collect();
    if resize.mode == InterpolationMode::Nearest && !is_cropping(resize) {
        return nearest(x, &shape, &tables);
    }
    let mut values = x.to_f64()?;
    let mut current = x.shape().to_vec();
    for (axis, table) in tables.iter().enumerate() {
        values = along_axis(&values, &mut current, axis, table);
    }
    if is_cropping(resize) {
        let mut slots = values.iter_mut();
        for_each_position(&shape, |position| {
            let mut along = position.iter().zip(&tables);
            let is_outside = along.any(|(&position, table)| table[position].is_outside);
            if let (Some(slot), true) = (slots.next(), is_outside) {
                *slot = resize.extrapolation.get();
            }
        });
    }
    mixed(x.dtype(), &shape, values)
}

/// A tensor of means. Those of integers are cut, but not where rounded coordinates have kept one from being whole.
pub(super) fn mixed(dtype: DType, shape: &[usize], mut values: Vec<f64>) -> Result<Tensor> {
    if !dtype.is_float() {
        for value in &mut values {
            let whole = value.round();
            if (*value - whole).abs() < (1e-6 * whole.abs().max(1.0)).min(1e-3) {
                *value = whole;
            }
        }
    }
    Tensor::from_f64(dtype, shape, &values)
}

fn is_cropping(resize: &Resize) -> bool {
    resize.coordinates == CoordinateMode::TfCropAndResize
}

fn axes(call: &Call<'_>, resize: &Resize, from: &[usize], to: &[usize]) -> Result<Vec<Axis>> {
    let rank = from.len();
    let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    let given: Option<Vec<f32>> = match &resize.scales {
        Some(given) => Some(given.iter().map(|scale| scale.get() as f32).collect()),
        None if resize.has_scales => Some(narrow(call.input(1)?.to_f64()?)),
        None => None,
    };
    let scales: Vec<f32> = if let Some(given) = &given {
        given.clone()
    } else if resize.policy == ResizePolicy::Stretch {
        let pairs = from.iter().zip(to);
        pairs.map(|(&from, &to)| to as f32 / from as f32).collect()
    } else {
        let mut ratios = Vec::with_capacity(resize.requested.len());
        for (axis, size) in &resize.requested {
            ratios.push(call.size(size)? as f32 / from[*axis] as f32);
        }
        let chosen = if resize.policy == ResizePolicy::NotLarger {
            ratios.iter().copied().fold(f32::INFINITY, f32::min)
        } else {
            ratios.iter().copied().fold(0.0, f32::max)
        };
        let mut scales = vec![1.0; rank];
        for (axis, _) in &resize.requested {
            scales[*axis] = chosen;
        }
        scales
    };
    let mut rois = vec![[0.0, 1.0]; rank];
    if let Some(given) = &resize.roi {
        rois = given
            .iter()
            .map(|ends| ends.map(|end| end.get() as f32))
            .collect();
    } else if resize.has_roi {
        let ends: Vec<f32> = narrow(call.input(1 + usize::from(resize.has_scales))?.to_f64()?);
        rois = (0..rank)
            .map(|axis| [ends[axis], ends[rank + axis]])
            .collect();
    }
    Ok((0..rank)
        .map(|axis| Axis {
            from: from[axis],
            to: to[axis],
            scale: scales[axis],
            length: match &given {
                Some(given) => given[axis] * from[axis] as f32,
                None => to[axis] as f32,
            },
            roi: rois[axis],
        })
        .collect())
}

/// Where in x an output position lies.
fn coordinate(mode: CoordinateMode, axis: &Axis, position: f32) -> f32 {
    let (from, to) = (axis.from as f32, axis.to as f32);
    let half_pixel = (position + 0.5) / axis.scale - 0.5;
    match mode {
        CoordinateMode::HalfPixel => half_pixel,
        CoordinateMode::HalfPixelSymmetric => {
            let adjustment = to / (axis.scale * from);
            let offset = from / 2.0 * (1.0 - adjustment);
            // From here on runtimes compute in doubles.
            let distance = (f64::from(position) + 0.5) / f64::from(axis.scale);
            (f64::from(offset) + distance - 0.5) as f32
        }
        CoordinateMode::PytorchHalfPixel if axis.to <= 1 => 0.0,
        CoordinateMode::PytorchHalfPixel => half_pixel,
        CoordinateMode::AlignCorners if axis.to <= 1 || axis.length == 1.0 => 0.0,
        CoordinateMode::AlignCorners => position * (from - 1.0) / (axis.length - 1.0),
        CoordinateMode::Asymmetric => position / axis.scale,
        CoordinateMode::TfHalfPixelForNearest => (position + 0.5) / axis.scale,
        CoordinateMode::TfCropAndResize => {
            let [start, end] = axis.roi;
            if axis.to > 1 {
                let inside = position * (end - start) * (from - 1.0) / (to - 1.0);
                start * (from - 1.0) + inside
            } else {
                0.5 * (start + end) * (from - 1.0)
            }
        }
    }
}

fn mix(resize: &Resize, axis: &Axis, position: usize) -> Mix {
    // Axes that keep their size are not resampled.
    let is_kept = axis.scale == 1.0 && axis.from == axis.to && !is_cropping(resize);
    let x = if is_kept {
        position as f64
    } else {
        f64::from(coordinate(resize.coordinates, axis, position as f32))
    };
    // The tap before x and the distance from it, in (0, 1], so that a whole x belongs to the tap on it.
    let before = x.ceil() - 1.0;
    let ratio = x - before;
    let (first, weights) = weights(resize, f64::from(axis.scale), ratio);
    let last = axis.from as f64 - 1.0;
    let mut taps: Vec<(f64, f64)> = weights
        .into_iter()
        .enumerate()
        .map(|(idx, weight)| (before + first + idx as f64, weight))
        .collect();
    if resize.exclude_outside && resize.mode != InterpolationMode::Nearest {
        taps.retain(|(at, _)| (0.0..=last).contains(at));
        let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
        if sum != 0.0 {
            taps.iter_mut().for_each(|(_, weight)| *weight /= sum);
        }
    }
    Mix {
        taps: taps
            .into_iter()
            .filter(|(_, weight)| *weight != 0.0)
            .map(|(at, weight)| (at.clamp(0.0, last) as usize, weight))
            .collect(),
        is_outside: is_cropping(resize) && !(0.0..=last).contains(&x),
    }
}

/// Weights of neighbouring taps, and where the first lies relative to the tap before x.
fn weights(resize: &Resize, scale: f64, ratio: f64) -> (f64, Vec<f64>) {
    let scale = if resize.antialias {
        scale.min(1.0)
    } else {
        1.0
    };
    match resize.mode {
        InterpolationMode::Nearest => {
            let is_upper = ratio == 1.0
                || match resize.nearest {
                    NearestMode::RoundPreferFloor => ratio > 0.5 + TIE,
                    NearestMode::RoundPreferCeil => ratio >= 0.5 - TIE,
                    NearestMode::Floor => false,
                    NearestMode::Ceil => true,
                };
            (if is_upper { 1.0 } else { 0.0 }, vec![1.0])
        }
        InterpolationMode::Linear => {
            filter(1.0, scale, ratio, |distance| (1.0 - distance).max(0.0))
        }
        InterpolationMode::Cubic => {
            let a = resize.cubic_a.get();
            filter(2.0, scale, ratio, |distance| cubic(a, distance))
        }
    }
}

/// Weights of a filter of this radius, stretched by `1 / scale`; they add up to 1.
fn filter(radius: f64, scale: f64, ratio: f64, f: impl Fn(f64) -> f64) -> (f64, Vec<f64>) {
    let first = (-radius / scale).floor() + 1.0;
    let n_taps = (2.0 - 2.0 * first) as usize;
    let taps = (0..n_taps).map(|idx| f(((first + idx as f64 - ratio) * scale).abs()));
    let mut weights: Vec<f64> = taps.collect();
    if scale < 1.0 {
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }
    (first, weights)
}

/// Keys' cubic convolution ("Cubic convolution interpolation for digital image processing", 1981).
pub(super) fn cubic(a: f64, distance: f64) -> f64 {
    let (x, x2) = (distance, distance * distance);
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x2 + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn nearest(x: &Tensor, shape: &[usize], tables: &[Vec<Mix>]) -> Result<Tensor> {
    let strides = strides(x.shape());
    let offsets: Vec<Vec<usize>> = tables
        .iter()
        .zip(&strides)
        .map(|(table, &stride)| {
            let first = |mix: &Mix| mix.taps.first().map_or(0, |(at, _)| at * stride as usize);
            table.iter().map(first).collect()
        })
        .collect();
    let mut positions = Vec::with_capacity(shape.iter().product());
    for_each_position(shape, |position| {
        let along = position.iter().zip(&offsets);
        positions.push(along.map(|(&position, offsets)| offsets[position]).sum());
    });
    with_elements!(x.data(), elements => {
        Tensor::new(x.dtype(), shape, picked(elements, &positions))
    })
}

fn along_axis(values: &[f64], shape: &mut [usize], axis: usize, table: &[Mix]) -> Vec<f64> {
    let is_identity = table.len() == shape[axis]
        && table
            .iter()
            .enumerate()
            .all(|(position, mix)| mix.taps == [(position, 1.0)]);
    if is_identity {
        return values.to_vec();
    }
    let split = Split::at(shape, axis);
    shape[axis] = table.len();
    let mut result = vec![0.0; shape.iter().product()];
    let to = Split::at(shape, axis);
    for outer in 0..split.outer {
        for (position, mix) in table.iter().enumerate() {
            let start = to.at_index(outer, position, 0);
            for &(at, weight) in &mix.taps {
                let from = split.at_index(outer, at, 0);
                let pairs = result[start..start + to.inner].iter_mut();
                for (sum, x) in pairs.zip(&values[from..from + split.inner]) {
                    *sum += weight * x;
                }
            }
        }
    }
    result
}
