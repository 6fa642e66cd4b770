//! Resampling to another size (ONNX Resize).
//!
//! Every element is a weighted mean over a box of x, the weights a product over axes and computed where they are used:
//! a symbolic scale may make any number of them. Indices beyond an edge read the edge. Coordinates are computed in f32,
//! step by step as runtimes do: which element is nearest, and what lies outside, depends on their last bit.

use super::check::{Axes, Counter};
use super::element::Number;
use super::scalar::{Scalar, load};
use super::window::{elements, elements_mut};
use super::{Call, KernelError};
use crate::bind::MAX_RANK;
use crate::with_number;
use graphc_base::DType;
use graphc_base::attrs::{CoordinateMode, InterpolationMode, NearestMode, Resize, ResizePolicy};
use smallvec::SmallVec;

/// Coordinates beyond this are as far outside as any.
const FAR: f64 = (1u64 << 40) as f64;
/// Coordinates this near to a half are one, which rounding has moved.
const TIE: f64 = 1e-6;
/// Weights per axis that are kept while an output position stays on its coordinate.
const KEPT_WEIGHTS: usize = 8;
/// Widest filter that a scale may ask for.
const MOST_TAPS: f64 = (1u64 << 31) as f64;

/// One axis of the resampling.
#[derive(Clone, Copy)]
struct Axis {
    n_in: usize,
    n_out: usize,
    scale: f32,
    /// Size of the result that corners are aligned to: with given scales it need not be whole.
    length: f32,
    roi: [f32; 2],
}

/// What an output position reads along one axis.
#[derive(Clone, Copy)]
struct Taps {
    /// Normalised weights of the first taps.
    weights: [f64; KEPT_WEIGHTS],
    /// Coordinate in x.
    center: f64,
    first: i64,
    n_taps: usize,
    /// Sum of the weights where they are normalised.
    norm: f64,
    /// Whether the position gives the extrapolation value.
    outside: bool,
}

/// `x, scales?: f32[rank], roi? → y`.
pub(super) fn resize(call: &mut Call<'_, '_>, resize: &Resize) -> Result<(), KernelError> {
    call.dense(1..=3, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(x.shape.len() == y.shape.len(), "ranks differ")?;
    if y.shape.contains(&0) {
        return Ok(());
    }
    call.ensure(!x.shape.contains(&0), "x has no element to read")?;
    let axes = axes(call, resize)?;
    with_number!(
        x.dtype,
        T => resample::<T>(call, resize, &axes),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

fn axes(call: &Call<'_, '_>, resize: &Resize) -> Result<SmallVec<[Axis; MAX_RANK]>, KernelError> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let rank = x.shape.len();
    let n_inputs = 1 + usize::from(resize.has_scales) + usize::from(resize.has_roi);
    call.ensure(
        call.spec.inputs.len() == n_inputs,
        "operands differ from attributes",
    )?;
    if resize.has_scales {
        let scales = call.input(1)?;
        call.ensure(
            scales.dtype == DType::F32 && scales.shape[..] == [rank],
            "scales do not fit",
        )?;
    }
    if resize.has_roi {
        let roi = call.input(n_inputs - 1)?;
        call.ensure(
            roi.dtype.is_float() && roi.shape[..] == [rank.saturating_mul(2)],
            "roi does not fit",
        )?;
    }
    let given = resize
        .scales
        .as_ref()
        .is_none_or(|scales| scales.len() == rank);
    call.ensure(
        given && resize.roi.as_ref().is_none_or(|roi| roi.len() == rank),
        "attributes do not fit",
    )?;
    let float = |input: usize, position: usize| match load(
        call.inputs[input],
        call.spec.inputs[input].dtype,
        position,
    ) {
        Scalar::Float(value) => value as f32,
        Scalar::Int(value) => value as f32,
    };
    let kept = kept_scale(call, resize)?;
    let mut axes = SmallVec::new();
    for axis in 0..rank {
        let (n_in, n_out) = (x.shape[axis], y.shape[axis]);
        let given = match &resize.scales {
            Some(scales) => Some(scales[axis].get() as f32),
            None if resize.has_scales => Some(float(1, axis)),
            None => None,
        };
        let is_kept = |&(kept_axis, _): &(usize, _)| kept_axis == axis;
        let scale = match (given, kept) {
            (Some(scale), _) => scale,
            (None, Some(scale)) if resize.requested.iter().any(is_kept) => scale,
            (None, Some(_)) => 1.0,
            (None, None) => n_out as f32 / n_in as f32,
        };
        if !(scale > 0.0 && scale.is_finite() && 8.0 / f64::from(scale) < MOST_TAPS) {
            return Err(call.error(format!("scale {scale} of axis {axis} is out of range")));
        }
        let roi = match &resize.roi {
            Some(roi) => roi[axis].map(|bound| bound.get() as f32),
            None if resize.has_roi => [float(n_inputs - 1, axis), float(n_inputs - 1, rank + axis)],
            None => [0.0, 1.0],
        };
        axes.push(Axis {
            n_in,
            n_out,
            scale,
            length: given.map_or(n_out as f32, |scale| scale * n_in as f32),
            roi,
        });
    }
    Ok(axes)
}

/// The one scale of a keep-aspect policy.
fn kept_scale(call: &Call<'_, '_>, resize: &Resize) -> Result<Option<f32>, KernelError> {
    let mut kept: Option<f32> = None;
    for (axis, size) in &resize.requested {
        let n_in = call.input(0)?.shape.get(*axis);
        let n_in = n_in.ok_or_else(|| call.error(format!("axis {axis} is outside of x")))?;
        let scale = call.bound(size)? as f32 / *n_in as f32;
        kept = match resize.policy {
            ResizePolicy::Stretch => None,
            ResizePolicy::NotLarger => Some(kept.map_or(scale, |kept| kept.min(scale))),
            ResizePolicy::NotSmaller => Some(kept.map_or(scale, |kept| kept.max(scale))),
        };
    }
    Ok(kept)
}

impl Axis {
    /// Where an output position lies in x.
    fn coordinate(&self, mode: CoordinateMode, at: usize) -> f32 {
        let (at, n_in, n_out) = (at as f32, self.n_in as f32, self.n_out as f32);
        match mode {
            CoordinateMode::HalfPixel => (at + 0.5) / self.scale - 0.5,
            CoordinateMode::HalfPixelSymmetric => {
                let offset = n_in / 2.0 * (1.0 - n_out / (self.scale * n_in));
                let step = (f64::from(at) + 0.5) / f64::from(self.scale);
                (f64::from(offset) + step - 0.5) as f32
            }
            CoordinateMode::PytorchHalfPixel if self.n_out == 1 => 0.0,
            CoordinateMode::PytorchHalfPixel => (at + 0.5) / self.scale - 0.5,
            CoordinateMode::AlignCorners if self.length == 1.0 || self.n_out == 1 => 0.0,
            CoordinateMode::AlignCorners => at * (n_in - 1.0) / (self.length - 1.0),
            CoordinateMode::Asymmetric => at / self.scale,
            CoordinateMode::TfHalfPixelForNearest => (at + 0.5) / self.scale,
            CoordinateMode::TfCropAndResize => {
                let [start, end] = self.roi;
                if self.n_out == 1 {
                    return 0.5 * (start + end) * (n_in - 1.0);
                }
                start * (n_in - 1.0) + at * (end - start) * (n_in - 1.0) / (n_out - 1.0)
            }
        }
    }

    fn taps(&self, resize: &Resize, at: usize) -> Taps {
        let cropped = resize.coordinates == CoordinateMode::TfCropAndResize;
        let same = self.n_in == self.n_out && self.scale == 1.0 && !cropped;
        let center = if same {
            at as f64
        } else {
            f64::from(self.coordinate(resize.coordinates, at))
        };
        let outside = cropped && !(0.0..=(self.n_in - 1) as f64).contains(&center);
        let center = if center.is_nan() {
            0.0
        } else {
            center.clamp(-FAR, FAR)
        };
        let floor = center.floor();
        let (first, n_taps) = match resize.mode {
            InterpolationMode::Nearest => (nearest(resize.nearest, center) as i64, 1),
            _ if center == floor && !resize.antialias => (floor as i64, 1),
            mode => {
                let radius = if mode == InterpolationMode::Cubic {
                    2.0
                } else {
                    1.0
                };
                let start = (-radius / self.stretch(resize)).floor() as i64 + 1;
                (floor as i64 + start, (2 - 2 * start) as usize)
            }
        };
        let mut taps = Taps {
            weights: [1.0; KEPT_WEIGHTS],
            center,
            first,
            n_taps,
            norm: 1.0,
            outside,
        };
        if (resize.antialias || resize.exclude_outside) && resize.mode != InterpolationMode::Nearest
        {
            let sum: f64 = (0..n_taps).map(|tap| self.weight(resize, &taps, tap)).sum();
            taps.norm = if sum == 0.0 { 1.0 } else { sum };
        }
        for tap in 0..n_taps.min(KEPT_WEIGHTS) {
            taps.weights[tap] = self.weight(resize, &taps, tap) / taps.norm;
        }
        taps
    }

    /// The normalised weight of a tap.
    fn normal_weight(&self, resize: &Resize, taps: &Taps, tap: usize) -> f64 {
        match taps.weights.get(tap) {
            Some(weight) => *weight,
            None => self.weight(resize, taps, tap) / taps.norm,
        }
    }

    /// How much narrower than its filter a step in x is.
    fn stretch(&self, resize: &Resize) -> f64 {
        if resize.antialias {
            f64::from(self.scale).min(1.0)
        } else {
            1.0
        }
    }

    /// The weight of a tap, not normalised.
    fn weight(&self, resize: &Resize, taps: &Taps, tap: usize) -> f64 {
        let index = taps.first + tap as i64;
        let inside = (0..self.n_in as i64).contains(&index);
        let distance = ((index as f64 - taps.center) * self.stretch(resize)).abs();
        match resize.mode {
            InterpolationMode::Nearest => 1.0,
            _ if resize.exclude_outside && !inside => 0.0,
            InterpolationMode::Linear => (1.0 - distance).max(0.0),
            InterpolationMode::Cubic => cubic(resize.cubic_a.get(), distance),
        }
    }
}

/// Cubic convolution (Keys 1981, "Cubic convolution interpolation for digital image processing").
pub(super) fn cubic(a: f64, distance: f64) -> f64 {
    let x = distance;
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn nearest(mode: NearestMode, center: f64) -> f64 {
    let floor = center.floor();
    match mode {
        _ if (center - floor - 0.5).abs() <= TIE => match mode {
            NearestMode::RoundPreferFloor | NearestMode::Floor => floor,
            NearestMode::RoundPreferCeil | NearestMode::Ceil => floor + 1.0,
        },
        NearestMode::RoundPreferFloor | NearestMode::RoundPreferCeil => center.round(),
        NearestMode::Floor => center.floor(),
        NearestMode::Ceil => center.ceil(),
    }
}

// Relies on `resize`: x and y have elements and equal ranks, and there is an axis for each.
fn resample<T: Number>(call: &mut Call<'_, '_>, resize: &Resize, axes: &[Axis]) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let strides = &spec.inputs[0].strides;
    let mut at = Counter::new(&spec.outputs[0].shape);
    let mut reads: SmallVec<[Taps; MAX_RANK]> =
        axes.iter().map(|axis| axis.taps(resize, 0)).collect();
    let mut n_taps: Axes = reads.iter().map(|taps| taps.n_taps).collect();
    let mut last: Axes = SmallVec::from_elem(0, axes.len());
    for value in y {
        for axis in 0..axes.len() {
            if last[axis] != at.at[axis] {
                last[axis] = at.at[axis];
                reads[axis] = axes[axis].taps(resize, at.at[axis]);
                n_taps[axis] = reads[axis].n_taps;
            }
        }
        at.advance();
        if reads.iter().any(|taps| taps.outside) {
            *value = T::from_f64(resize.extrapolation.get());
            continue;
        }
        let position = |tap: &[usize]| {
            let mut position = 0;
            for (axis, taps) in reads.iter().enumerate() {
                let index = (taps.first + tap[axis] as i64).clamp(0, axes[axis].n_in as i64 - 1);
                position += index as usize * strides[axis] as usize;
            }
            position
        };
        let mut tap = Counter::new(&n_taps);
        if resize.mode == InterpolationMode::Nearest {
            // Copied, as `f64` does not hold every integer.
            *value = x[position(&tap.at)];
            continue;
        }
        let mut sum = 0.0;
        for _ in 0..n_taps.iter().product() {
            let mut weight = 1.0;
            for (axis, taps) in reads.iter().enumerate() {
                weight *= axes[axis].normal_weight(resize, taps, tap.at[axis]);
            }
            // A tap without weight must not bring infinity or NaN.
            if weight != 0.0 {
                sum += weight * x[position(&tap.at)].to_f64();
            }
            tap.advance();
        }
        *value = T::from_f64(if T::IS_FLOAT { sum } else { settled(sum) });
    }
}

/// A mean of integers, put right where the rounding of coordinates to f32 keeps it from being an integer: truncation
/// follows.
pub(super) fn settled(value: f64) -> f64 {
    let whole = value.round();
    if (value - whole).abs() < (1e-6 * whole.abs().max(1.0)).min(1e-3) {
        whole
    } else {
        value
    }
}

#[cfg(test)]
mod tests;
