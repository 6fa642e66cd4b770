//! Values from the operator's own conformance cases and by hand.

use crate::reference::harness::Run;
use crate::spec::Kernel;
use graphc_base::attrs::{CoordinateMode, InterpolationMode, NearestMode, Resize, ResizePolicy};
use graphc_base::{DType, Dim, Real};

fn resize(mode: InterpolationMode, coordinates: CoordinateMode) -> Resize {
    Resize {
        shape: vec![],
        scales: None,
        has_scales: false,
        mode,
        coordinates,
        nearest: NearestMode::RoundPreferFloor,
        cubic_a: Real::new(-0.75),
        exclude_outside: false,
        antialias: false,
        extrapolation: Real::new(-9.0),
        roi: None,
        has_roi: false,
        policy: ResizePolicy::Stretch,
        requested: vec![],
    }
}

fn line(resize: Resize, x: &[f32], n: i64) -> Vec<f32> {
    Run::new(Kernel::Resize(resize))
        .input(DType::F32, &[x.len() as i64], x)
        .output(DType::F32, &[n])
        .get()
}

fn assert_close(actual: &[f32], expected: &[f32]) {
    let close = actual.len() == expected.len()
        && actual
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(close, "{actual:?} is not {expected:?}");
}

#[test]
fn linear_half_pixel_repeats_the_edge() {
    let y = line(
        resize(InterpolationMode::Linear, CoordinateMode::HalfPixel),
        &[1.0, 3.0],
        4,
    );
    assert_eq!(y, [1.0, 1.5, 2.5, 3.0]);
}

#[test]
fn align_corners_uses_the_fractional_length() {
    let mut attrs = resize(InterpolationMode::Linear, CoordinateMode::AlignCorners);
    attrs.scales = Some(vec![Real::new(0.6)]);
    assert_close(&line(attrs, &[1.0, 2.0, 3.0, 4.0], 2), &[1.0, 3.142857]);
}

#[test]
fn nearest_modes_differ_at_halves() {
    let run = |mode| {
        let mut attrs = resize(InterpolationMode::Nearest, CoordinateMode::Asymmetric);
        attrs.nearest = mode;
        line(attrs, &[0.0, 1.0], 4)
    };
    assert_eq!(run(NearestMode::RoundPreferFloor), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(run(NearestMode::RoundPreferCeil), [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(run(NearestMode::Floor), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(run(NearestMode::Ceil), [0.0, 1.0, 1.0, 1.0]);
}

#[test]
fn coordinates_that_rounding_moves_off_a_half_are_halves() {
    let run = |nearest, n_in: usize, n_out: i64| {
        let mut attrs = resize(InterpolationMode::Nearest, CoordinateMode::Asymmetric);
        attrs.nearest = nearest;
        let x: Vec<f32> = (0..n_in).map(|at| at as f32).collect();
        line(attrs, &x, n_out)
    };
    // 1 / (2 / 7) is below 3.5 in f32, and 7 / (14 / 23) above 11.5.
    assert_eq!(run(NearestMode::RoundPreferCeil, 7, 2), [0.0, 4.0]);
    assert_eq!(run(NearestMode::RoundPreferFloor, 23, 14)[7], 11.0);
}

#[test]
fn cubic_weights_sum_to_one_with_and_without_the_outside() {
    let mut attrs = resize(InterpolationMode::Cubic, CoordinateMode::HalfPixel);
    // Weights at 1/2: -0.09375, 0.59375, 0.59375, -0.09375.
    assert_close(
        &line(attrs.clone(), &[0.0, 0.0, 32.0, 32.0], 2),
        &[-3.0, 35.0],
    );
    attrs.exclude_outside = true;
    assert_close(
        &line(attrs, &[0.0, 0.0, 32.0, 32.0], 2),
        &[-3.0 / 1.09375, 38.0 / 1.09375],
    );
}

#[test]
fn antialias_widens_the_filter() {
    let mut attrs = resize(InterpolationMode::Linear, CoordinateMode::HalfPixel);
    attrs.antialias = true;
    // Half the scale: weights 1/4, 3/4, 3/4, 1/4 over 2.
    assert_close(&line(attrs, &[0.0, 8.0, 16.0, 24.0], 2), &[5.0, 19.0]);
}

#[test]
fn crop_and_resize_extrapolates_outside_of_x() {
    let mut attrs = resize(InterpolationMode::Linear, CoordinateMode::TfCropAndResize);
    attrs.roi = Some(vec![[Real::new(0.5), Real::new(1.5)]]);
    assert_eq!(line(attrs, &[1.0, 2.0, 3.0], 3), [2.0, 3.0, -9.0]);
}

#[test]
fn keep_aspect_takes_the_smaller_scale() {
    let mut attrs = resize(InterpolationMode::Nearest, CoordinateMode::Asymmetric);
    attrs.policy = ResizePolicy::NotLarger;
    attrs.requested = vec![(0, Dim::constant(2)), (1, Dim::constant(6))];
    let y: Vec<i64> = Run::new(Kernel::Resize(attrs))
        .input(DType::I64, &[1, 2], &[1i64, i64::MAX])
        .output(DType::I64, &[2, 4])
        .get();
    assert_eq!(y, [1, 1, i64::MAX, i64::MAX, 1, 1, i64::MAX, i64::MAX]);
}

#[test]
fn a_scale_of_zero_is_refused() {
    let mut attrs = resize(InterpolationMode::Linear, CoordinateMode::HalfPixel);
    attrs.has_scales = true;
    let error = Run::new(Kernel::Resize(attrs))
        .input(DType::F32, &[1], &[1f32])
        .input(DType::F32, &[1], &[0f32])
        .output(DType::F32, &[1])
        .error();
    assert_eq!(error, "resize: scale 0 of axis 0 is out of range");
}
