//! Sampling at given coordinates (ONNX GridSample), in any number of spatial axes.

use super::check::{Axes, Counter};
use super::element::Number;
use super::resize::{cubic, settled};
use super::scalar::{Scalar, load};
use super::window::{elements, elements_mut, volume};
use super::{Call, KernelError};
use crate::bind::MAX_RANK;
use crate::with_number;
use graphc_base::DType;
use graphc_base::attrs::{GridPadding, GridSample, InterpolationMode};
use smallvec::SmallVec;

/// Coordinates beyond this are as far outside as any.
const FAR: f64 = (1u64 << 40) as f64;
/// Cubic coefficient of the operator.
const CUBIC: f64 = -0.75;

/// `x[N, C, …], grid[N, out…, d] → y[N, C, out…]`; the last entry of a coordinate belongs to the first spatial axis.
pub(super) fn grid_sample(call: &mut Call<'_, '_>, sample: &GridSample) -> Result<(), KernelError> {
    call.dense(2..=2, 1)?;
    let (x, grid, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(grid.dtype.is_float(), "grid is not of floats")?;
    let rank = x.shape.len();
    call.ensure(
        rank >= 3 && grid.shape.len() >= 2 && y.shape.len() == grid.shape.len(),
        "ranks do not fit",
    )?;
    let [samples, ref out @ .., n_axes] = grid.shape[..] else {
        return Ok(());
    };
    call.ensure(
        n_axes == rank - 2
            && samples == x.shape[0]
            && y.shape[..2] == x.shape[..2]
            && y.shape[2..] == *out,
        "shapes do not fit",
    )?;
    if y.shape.contains(&0) {
        return Ok(());
    }
    call.coordinates(&x.shape)?;
    call.ensure(!x.shape.contains(&0), "x has no element to read")?;
    with_number!(
        x.dtype,
        T => sample_all::<T>(call, sample),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

/// Mirrors a coordinate into `[low, high]`.
fn reflect(value: f64, low: f64, high: f64) -> f64 {
    let range = high - low;
    let beyond = if value < low {
        low - value
    } else {
        value - high
    };
    if beyond.is_nan() || beyond <= 0.0 || range <= 0.0 {
        return if range <= 0.0 { low } else { value };
    }
    let turns = (beyond / range).floor();
    let rest = beyond - turns * range;
    if (value < low) == (turns % 2.0 == 0.0) {
        low + rest
    } else {
        high - rest
    }
}

/// One spatial axis at one grid position.
#[derive(Clone, Copy)]
struct Reading {
    size: i64,
    low: f64,
    high: f64,
    center: f64,
    first: i64,
}

impl Reading {
    fn new(sample: &GridSample, size: usize, value: f64, narrow: bool) -> Self {
        let (low, high) = if sample.align_corners {
            (0.0, size as f64 - 1.0)
        } else {
            (-0.5, size as f64 - 0.5)
        };
        let mut center = if narrow {
            f64::from(denormalised(
                sample.align_corners,
                value as f32,
                size as f32,
            ))
        } else {
            wide_denormalised(sample.align_corners, value, size as f64)
        };
        if sample.mode == InterpolationMode::Nearest {
            center = center.round_ties_even();
        }
        if center < low || center > high {
            center = match sample.padding {
                GridPadding::Zeros => center,
                // The taps of a cubic are clamped one by one.
                GridPadding::Border if sample.mode == InterpolationMode::Cubic => center,
                GridPadding::Border => center.clamp(0.0, size as f64 - 1.0),
                GridPadding::Reflection => reflect(center, low, high),
            };
        }
        let whole = match sample.mode {
            InterpolationMode::Nearest => center.trunc(),
            InterpolationMode::Linear => center.floor(),
            InterpolationMode::Cubic => center.floor() - 1.0,
        };
        Self {
            size: size as i64,
            low,
            high,
            center,
            first: whole.clamp(-FAR, FAR) as i64,
        }
    }

    /// What a tap reads; `None` for zero.
    fn index(&self, padding: GridPadding, tap: usize) -> Option<usize> {
        let index = self.first + tap as i64;
        let last = self.size - 1;
        match padding {
            _ if (0..=last).contains(&index) => Some(index as usize),
            GridPadding::Zeros => None,
            GridPadding::Border => Some(index.clamp(0, last) as usize),
            GridPadding::Reflection => {
                Some((reflect(index as f64, self.low, self.high) as i64).clamp(0, last) as usize)
            }
        }
    }

    fn weight(&self, mode: InterpolationMode, tap: usize) -> f64 {
        let distance = (self.center - (self.first + tap as i64) as f64).abs();
        match mode {
            InterpolationMode::Nearest => 1.0,
            // `max` would turn NaN into a number.
            InterpolationMode::Linear if distance > 1.0 => 0.0,
            InterpolationMode::Linear => 1.0 - distance,
            InterpolationMode::Cubic if distance.is_nan() => distance,
            InterpolationMode::Cubic => cubic(CUBIC, distance),
        }
    }
}

/// From `[-1, 1]` to elements, in the precision of the grid: halves must fall as they do there.
fn denormalised(align_corners: bool, value: f32, size: f32) -> f32 {
    if align_corners {
        (value + 1.0) / 2.0 * (size - 1.0)
    } else {
        ((value + 1.0) * size - 1.0) / 2.0
    }
}

fn wide_denormalised(align_corners: bool, value: f64, size: f64) -> f64 {
    if align_corners {
        (value + 1.0) / 2.0 * (size - 1.0)
    } else {
        ((value + 1.0) * size - 1.0) / 2.0
    }
}

// Relies on `grid_sample`: shapes agree and no tensor is empty.
fn sample_all<T: Number>(call: &mut Call<'_, '_>, sample: &GridSample) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let (n_channels, size) = (spec.inputs[0].shape[1], &spec.inputs[0].shape[2..]);
    let n_axes = size.len();
    let (n_x, n_y) = (volume(size), volume(&spec.outputs[0].shape[2..]));
    let grid_dtype = spec.inputs[1].dtype;
    let n_taps: Axes = SmallVec::from_elem(
        match sample.mode {
            InterpolationMode::Nearest => 1,
            InterpolationMode::Linear => 2,
            InterpolationMode::Cubic => 4,
        },
        n_axes,
    );
    for point in 0..spec.inputs[0].shape[0] * n_y {
        let readings: SmallVec<[Reading; MAX_RANK]> = (0..n_axes)
            .map(|axis| {
                let value = match load(
                    call.inputs[1],
                    grid_dtype,
                    point * n_axes + n_axes - 1 - axis,
                ) {
                    Scalar::Float(value) => value,
                    Scalar::Int(value) => value as f64,
                };
                Reading::new(sample, size[axis], value, grid_dtype != DType::F64)
            })
            .collect();
        let (batch, place) = (point / n_y, point % n_y);
        for channel in batch * n_channels..(batch + 1) * n_channels {
            let plane = &x[channel * n_x..][..n_x];
            let mut tap = Counter::new(&n_taps);
            let (mut sum, mut nearest) = (0.0, None);
            for _ in 0..volume(&n_taps) {
                let (mut position, mut weight) = (Some(0), 1.0);
                for (axis, reading) in readings.iter().enumerate() {
                    let index = reading.index(sample.padding, tap.at[axis]);
                    position = position
                        .zip(index)
                        .map(|(position, index)| position * size[axis] + index);
                    weight *= reading.weight(sample.mode, tap.at[axis]);
                }
                if let Some(position) = position
                    && weight != 0.0
                {
                    nearest = Some(plane[position]);
                    sum += weight * plane[position].to_f64();
                }
                tap.advance();
            }
            y[channel * n_y + place] = match (sample.mode, nearest) {
                // Copied, as `f64` does not hold every integer.
                (InterpolationMode::Nearest, Some(value)) => value,
                _ => T::from_f64(if T::IS_FLOAT { sum } else { settled(sum) }),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::Run;
    use crate::spec::Kernel;
    use graphc_base::DType;
    use graphc_base::attrs::{GridPadding, GridSample, InterpolationMode};

    fn line(
        mode: InterpolationMode,
        padding: GridPadding,
        align_corners: bool,
        grid: &[f32],
    ) -> Vec<f32> {
        Run::new(Kernel::GridSample(GridSample {
            mode,
            padding,
            align_corners,
        }))
        .input(DType::F32, &[1, 1, 3], &[1f32, 2.0, 4.0])
        .input(DType::F32, &[1, grid.len() as i64, 1], grid)
        .output(DType::F32, &[1, 1, grid.len() as i64])
        .get()
    }

    #[test]
    fn linear_samples_meet_the_padding() {
        let grid = [-1.0, 0.5, 1.0, 2.0, f32::INFINITY];
        let run = |padding| line(InterpolationMode::Linear, padding, true, &grid[..4]);
        assert_eq!(run(GridPadding::Zeros), [1.0, 3.0, 4.0, 0.0]);
        assert_eq!(run(GridPadding::Border), [1.0, 3.0, 4.0, 4.0]);
        assert_eq!(run(GridPadding::Reflection), [1.0, 3.0, 4.0, 2.0]);
        assert_eq!(
            line(
                InterpolationMode::Linear,
                GridPadding::Zeros,
                true,
                &grid[4..]
            ),
            [0.0]
        );
    }

    #[test]
    fn without_aligned_corners_the_ends_are_half_an_element_out() {
        let y = line(
            InterpolationMode::Linear,
            GridPadding::Zeros,
            false,
            &[-1.0, 0.0, 1.0],
        );
        assert_eq!(y, [0.5, 2.0, 2.0]);
    }

    #[test]
    fn nearest_halves_go_to_the_even_element() {
        let y = line(
            InterpolationMode::Nearest,
            GridPadding::Zeros,
            true,
            &[-0.5, 0.5, 3.0],
        );
        assert_eq!(y, [1.0, 4.0, 0.0]);
    }

    #[test]
    fn cubic_samples_weigh_four_elements() {
        // At 0.5 over 1, 1, 2, 4.
        let y = line(InterpolationMode::Cubic, GridPadding::Border, true, &[-0.5]);
        assert_eq!(y, [-0.09375 + 0.59375 + 2.0 * 0.59375 - 4.0 * 0.09375]);
    }

    #[test]
    fn first_entry_of_a_coordinate_is_the_last_axis() {
        let y: Vec<i64> = Run::new(Kernel::GridSample(GridSample {
            mode: InterpolationMode::Nearest,
            padding: GridPadding::Zeros,
            align_corners: true,
        }))
        .input(DType::I64, &[1, 1, 2, 2], &[1i64, i64::MAX, 3, 4])
        .input(DType::F32, &[1, 1, 1, 2], &[1f32, -1.0])
        .output(DType::I64, &[1, 1, 1, 1])
        .get();
        assert_eq!(y, [i64::MAX]);
    }
}
