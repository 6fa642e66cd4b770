//! Resize of all opsets, and Upsample: scales or sizes that are constant, symbolic or data.
//!
//! A size under a constant scale stays symbolic where integer arithmetic gives it for every input; otherwise the run
//! computes it in f32, as runtimes do.

use super::{Converted, OpEntry, onnx, operand, ratio};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real};
use graphc_ir::op::{
    BinaryOp, CoordinateMode, InterpolationMode, NearestMode, Op, Resize, ResizePolicy, UnaryOp,
};
use graphc_ir::{SymElement, ValueId};

pub(super) const OPS: &[OpEntry] = &[onnx("Resize", resize), onnx("Upsample", upsample)];

/// The name of a size that only the run knows.
const SIZE: &str = "resized";

/// How elements are mixed and where they are read; all that does not concern sizes.
#[derive(Clone)]
struct Sampling {
    mode: InterpolationMode,
    coordinates: CoordinateMode,
    nearest: NearestMode,
    cubic_a: Real,
    exclude_outside: bool,
    antialias: bool,
    extrapolation: Real,
}

/// A factor per axis of x.
#[derive(Clone)]
enum Scales {
    /// Constants.
    Known(Vec<Real>),
    /// `f32[rank]`, and the elements of it that are known.
    Data(ValueId, Vec<Option<Real>>),
}

/// Start and end of the region of interest per axis.
#[derive(Clone)]
enum Region {
    None,
    Known(Vec<[Real; 2]>),
    /// Starts of all axes, then ends.
    Data(ValueId),
}

fn resize(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    if cx.opset() < 11 {
        let mode = interpolation(&cx.string("mode", "nearest")?)?;
        let scales = cx.input(1)?;
        let scales = scales_of(cx, scales, &all(rank), rank)?;
        return by_old_scales(cx, x, mode, scales);
    }
    let axes = match cx.ints_opt("axes")? {
        Some(axes) => operand::axes(&axes, rank)?,
        None => all(rank),
    };
    let policy = policy(&cx.string("keep_aspect_ratio_policy", "stretch")?)?;
    let sampling = sampling(cx)?;
    let region = if sampling.coordinates == CoordinateMode::TfCropAndResize {
        region(cx, &axes, rank)?
    } else {
        Region::None
    };
    match (filled(cx, 2)?, filled(cx, 3)?) {
        (Some(_), Some(_)) => Err(ConvertError::Invalid(
            "scales and sizes are both given".into(),
        )),
        (None, None) => Err(ConvertError::Invalid(
            "neither scales nor sizes are given".into(),
        )),
        (Some(scales), None) => {
            let scales = scales_of(cx, scales, &axes, rank)?;
            Ok(vec![by_scales(cx, x, &sampling, scales, region)?])
        }
        (None, Some(sizes)) => by_sizes(cx, x, &sampling, sizes, &axes, policy, region),
    }
}

/// Upsample gives scales as attributes of their own (opset 1), as a list (7) or as an operand (9).
fn upsample(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    let mode = interpolation(&cx.string("mode", "nearest")?)?;
    let scales = if let Some(scales) = cx.opt(1) {
        scales_of(cx, scales, &all(rank), rank)?
    } else {
        let listed = match cx.floats_opt("scales")? {
            Some(scales) => scales,
            None => match (cx.float_opt("height_scale")?, cx.float_opt("width_scale")?) {
                (Some(height), Some(width)) => vec![1.0, 1.0, height, width],
                _ => return Err(ConvertError::Invalid("scales are missing".into())),
            },
        };
        let listed: Vec<Real> = listed.into_iter().map(Real::from).collect();
        Scales::Known(fitting(listed, rank)?)
    };
    by_old_scales(cx, x, mode, scales)
}

fn all(rank: usize) -> Vec<usize> {
    (0..rank).collect()
}

/// An operand that is there and not the empty tensor, by which exporters say that it is not.
fn filled(cx: &NodeCx<'_, '_>, i: usize) -> Result<Option<ValueId>, ConvertError> {
    match cx.opt(i) {
        Some(value) if cx.b.shape(value)? != [Dim::ZERO] => Ok(Some(value)),
        _ => Ok(None),
    }
}

// ---- attributes ----

fn unknown(attribute: &str, word: &str) -> ConvertError {
    ConvertError::Invalid(format!("{attribute} `{word}` is unknown"))
}

fn interpolation(word: &str) -> Result<InterpolationMode, ConvertError> {
    Ok(match word {
        "nearest" => InterpolationMode::Nearest,
        "linear" | "bilinear" | "trilinear" => InterpolationMode::Linear,
        "cubic" => InterpolationMode::Cubic,
        other => return Err(unknown("mode", other)),
    })
}

fn policy(word: &str) -> Result<ResizePolicy, ConvertError> {
    Ok(match word {
        "stretch" => ResizePolicy::Stretch,
        "not_larger" => ResizePolicy::NotLarger,
        "not_smaller" => ResizePolicy::NotSmaller,
        other => return Err(unknown("keep_aspect_ratio_policy", other)),
    })
}

fn sampling(cx: &mut NodeCx<'_, '_>) -> Result<Sampling, ConvertError> {
    let mode = interpolation(&cx.string("mode", "nearest")?)?;
    let coordinates = match cx
        .string("coordinate_transformation_mode", "half_pixel")?
        .as_str()
    {
        "half_pixel" => CoordinateMode::HalfPixel,
        "half_pixel_symmetric" => CoordinateMode::HalfPixelSymmetric,
        "pytorch_half_pixel" => CoordinateMode::PytorchHalfPixel,
        "align_corners" => CoordinateMode::AlignCorners,
        "asymmetric" => CoordinateMode::Asymmetric,
        "tf_half_pixel_for_nn" => CoordinateMode::TfHalfPixelForNearest,
        "tf_crop_and_resize" => CoordinateMode::TfCropAndResize,
        other => return Err(unknown("coordinate_transformation_mode", other)),
    };
    let nearest = match cx.string("nearest_mode", "round_prefer_floor")?.as_str() {
        "round_prefer_floor" => NearestMode::RoundPreferFloor,
        "round_prefer_ceil" => NearestMode::RoundPreferCeil,
        "floor" => NearestMode::Floor,
        "ceil" => NearestMode::Ceil,
        other => return Err(unknown("nearest_mode", other)),
    };
    let antialias = cx.flag("antialias", false)?;
    if antialias && mode == InterpolationMode::Nearest {
        return Err(ConvertError::Invalid(
            "antialias needs mode linear or cubic".into(),
        ));
    }
    Ok(Sampling {
        mode,
        coordinates,
        nearest,
        cubic_a: Real::from(cx.float("cubic_coeff_a", -0.75)?),
        exclude_outside: cx.flag("exclude_outside", false)?,
        antialias,
        extrapolation: Real::from(cx.float("extrapolation_value", 0.0)?),
    })
}

// ---- operands ----

/// One entry for each of `axes`, spread to all axes of x.
fn spread<T: Clone>(
    given: &[T],
    what: &str,
    axes: &[usize],
    rest: T,
    rank: usize,
) -> Result<Vec<T>, ConvertError> {
    if given.len() != axes.len() {
        return Err(ConvertError::Invalid(format!(
            "{} {what} for {} axes",
            given.len(),
            axes.len()
        )));
    }
    let mut entries = vec![rest; rank];
    for (&axis, entry) in axes.iter().zip(given) {
        entries[axis] = entry.clone();
    }
    Ok(entries)
}

/// As [`spread`], of a vector that is data: `places[j]` is where entry `j` of the result stands in `vector ++ rest`.
fn spread_data(
    cx: &mut NodeCx<'_, '_>,
    vector: ValueId,
    rest: &[f32],
    places: &[i64],
) -> Result<ValueId, ConvertError> {
    let rest = cx.b.const_f32(&[rest.len()], rest);
    let joined = cx.b.concat(&[vector, rest], 0)?;
    let places = cx.b.const_i64(places);
    Ok(cx.b.gather(joined, places, 0)?)
}

/// A float vector of this length; where its length is symbolic, the run tests it.
fn float_vector(
    cx: &mut NodeCx<'_, '_>,
    value: ValueId,
    what: &str,
    len: usize,
) -> Result<ValueId, ConvertError> {
    match cx.known_len(value)? {
        Some(given) if given != len => Err(ConvertError::Invalid(format!(
            "{what} has {given} entries, {len} are needed"
        ))),
        _ => {
            let vector = cx.b.reshape(value, vec![Dim::from(len)])?;
            Ok(cx.b.cast(vector, DType::F32)?)
        }
    }
}

/// Positive and finite, and as many as x has axes.
fn fitting(scales: Vec<Real>, rank: usize) -> Result<Vec<Real>, ConvertError> {
    if scales.len() != rank {
        return Err(ConvertError::Invalid(format!(
            "{} scales for an operand of rank {rank}",
            scales.len()
        )));
    }
    for scale in &scales {
        if !(scale.get() > 0.0 && scale.get().is_finite()) {
            return Err(ConvertError::Invalid(format!(
                "scales must be positive, one is {scale}"
            )));
        }
    }
    Ok(scales)
}

fn scales_of(
    cx: &mut NodeCx<'_, '_>,
    scales: ValueId,
    axes: &[usize],
    rank: usize,
) -> Result<Scales, ConvertError> {
    let one = Real::new(1.0);
    let scales = float_vector(cx, scales, "scales", axes.len())?;
    let given: Vec<Option<Real>> = (0..axes.len())
        .map(|entry_idx| known_float(cx, scales, entry_idx))
        .collect();
    let known = spread(&given, "scales", axes, Some(one), rank)?;
    if let Some(all) = known.iter().copied().collect::<Option<Vec<Real>>>() {
        return Ok(Scales::Known(fitting(all, rank)?));
    }
    let is_whole = axes.iter().copied().eq(0..rank);
    let data = if is_whole {
        scales
    } else {
        let n = axes.len() as i64;
        let places = (0..n).collect::<Vec<i64>>();
        let places = spread(&places, "scales", axes, n, rank)?;
        spread_data(cx, scales, &[1.0], &places)?
    };
    Ok(Scales::Data(data, known))
}

fn known_float(cx: &NodeCx<'_, '_>, value: ValueId, entry_idx: usize) -> Option<Real> {
    match cx.b.symbolic(value)?.elements.get(entry_idx)? {
        SymElement::Float(float) => Some(*float),
        SymElement::Dim(dim) => dim.as_const().map(|whole| Real::new(whole as f64)),
        SymElement::Unknown => None,
    }
}

fn region(cx: &mut NodeCx<'_, '_>, axes: &[usize], rank: usize) -> Result<Region, ConvertError> {
    let Some(roi) = filled(cx, 1)? else {
        return Err(ConvertError::Invalid(
            "coordinate_transformation_mode tf_crop_and_resize needs a roi".into(),
        ));
    };
    let n_axes = axes.len();
    let roi = float_vector(cx, roi, "roi", 2 * n_axes)?;
    if let Some(known) = cx.b.known_f64(roi) {
        let bounds: Vec<[Real; 2]> = (0..n_axes)
            .map(|entry_idx| [known[entry_idx], known[n_axes + entry_idx]].map(Real::new))
            .collect();
        let whole = [Real::new(0.0), Real::new(1.0)];
        return Ok(Region::Known(spread(&bounds, "bounds", axes, whole, rank)?));
    }
    let n = n_axes as i64;
    let starts: Vec<i64> = (0..n).collect();
    let ends: Vec<i64> = (n..2 * n).collect();
    let mut places = spread(&starts, "bounds", axes, 2 * n, rank)?;
    places.extend(spread(&ends, "bounds", axes, 2 * n + 1, rank)?);
    Ok(Region::Data(spread_data(cx, roi, &[0.0, 1.0], &places)?))
}

// ---- sizes ----

/// `⌊size · scale⌋` for every axis.
fn scaled_shape(
    cx: &mut NodeCx<'_, '_>,
    shape: &[Dim],
    scales: &Scales,
) -> Result<Vec<Dim>, ConvertError> {
    let known: Vec<Option<Dim>> = match scales {
        Scales::Known(scales) => shape
            .iter()
            .zip(scales)
            .map(|(size, scale)| ratio::scaled(cx.b.dims(), size, scale.get() as f32))
            .collect(),
        Scales::Data(_, scales) => shape
            .iter()
            .zip(scales)
            .map(|(size, scale)| ratio::scaled(cx.b.dims(), size, scale.as_ref()?.get() as f32))
            .collect(),
    };
    if let Some(known) = known.iter().cloned().collect::<Option<Vec<Dim>>>() {
        return Ok(known);
    }
    let scales = match scales {
        Scales::Known(scales) => {
            let narrow: Vec<f32> = scales.iter().map(|scale| scale.get() as f32).collect();
            cx.b.const_f32(&[narrow.len()], &narrow)
        }
        Scales::Data(scales, _) => *scales,
    };
    let sizes = cx.b.dim_tensor(shape)?;
    let sizes = cx.b.cast(sizes, DType::F32)?;
    let scaled = cx.b.mul(sizes, scales)?;
    let whole = cx.b.unary(UnaryOp::Floor, scaled)?;
    let whole = cx.b.cast(whole, DType::I64)?;
    known
        .into_iter()
        .enumerate()
        .map(|(axis, known)| match known {
            Some(known) => Ok(known),
            None => {
                let size = cx.element(whole, axis as i64)?;
                cx.size_of(size, SIZE)
            }
        })
        .collect()
}

/// Sizes under a keep-aspect policy: with the scale `s_j / in_j` that the policy picks among the axes, every size is
/// `in · s_j / in_j` rounded, halves up. Rounding keeps order, so that the sizes are picked instead of the scale.
fn kept_sizes(
    cx: &NodeCx<'_, '_>,
    shape: &[Dim],
    wanted: &[(usize, Dim)],
    policy: ResizePolicy,
) -> Vec<(usize, Dim)> {
    let dims = cx.b.dims();
    let two = Dim::constant(2);
    let by_axis = |axis: usize| {
        let candidates = wanted.iter().map(|(other, size)| {
            if *other == axis {
                return size.clone();
            }
            let doubled = dims.product([&two, size, &shape[axis]]);
            let divisor = dims.mul(&two, &shape[*other]);
            dims.floor_div(&dims.add(&doubled, &shape[*other]), &divisor)
        });
        candidates.reduce(|a, b| match policy {
            ResizePolicy::NotSmaller => dims.max(&a, &b),
            ResizePolicy::Stretch | ResizePolicy::NotLarger => dims.min(&a, &b),
        })
    };
    wanted
        .iter()
        .map(|(axis, size)| (*axis, by_axis(*axis).unwrap_or_else(|| size.clone())))
        .collect()
}

// ---- nodes ----

fn op(sampling: &Sampling, shape: Vec<Dim>) -> Resize {
    Resize {
        shape,
        scales: None,
        has_scales: false,
        mode: sampling.mode,
        coordinates: sampling.coordinates,
        nearest: sampling.nearest,
        cubic_a: sampling.cubic_a,
        exclude_outside: sampling.exclude_outside,
        antialias: sampling.antialias,
        extrapolation: sampling.extrapolation,
        roi: None,
        has_roi: false,
        policy: ResizePolicy::Stretch,
        requested: Vec::new(),
    }
}

fn append(
    cx: &mut NodeCx<'_, '_>,
    mut resize: Resize,
    mut operands: Vec<ValueId>,
    region: Region,
) -> Result<ValueId, ConvertError> {
    match region {
        Region::None => {}
        Region::Known(bounds) => resize.roi = Some(bounds),
        Region::Data(bounds) => {
            resize.has_roi = true;
            operands.push(bounds);
        }
    }
    Ok(cx.b.op1(Op::Resize(resize), &operands)?)
}

fn by_scales(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    sampling: &Sampling,
    scales: Scales,
    region: Region,
) -> Result<ValueId, ConvertError> {
    let shape = cx.b.shape(x)?;
    let mut resize = op(sampling, scaled_shape(cx, &shape, &scales)?);
    let mut operands = vec![x];
    match scales {
        Scales::Known(scales) => resize.scales = Some(scales),
        Scales::Data(scales, _) => {
            resize.has_scales = true;
            operands.push(scales);
        }
    }
    append(cx, resize, operands, region)
}

fn by_sizes(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    sampling: &Sampling,
    sizes: ValueId,
    axes: &[usize],
    policy: ResizePolicy,
    region: Region,
) -> Converted {
    let shape = cx.b.shape(x)?;
    let sizes = cx.int_vector(sizes)?;
    let sizes = match cx.known_len(sizes)? {
        Some(_) => sizes,
        None => cx.b.reshape(sizes, vec![Dim::from(axes.len())])?,
    };
    let sizes = cx.sizes(sizes, SIZE)?;
    let mut wanted = shape.clone();
    if sizes.len() != axes.len() {
        return Err(ConvertError::Invalid(format!(
            "{} sizes for {} axes",
            sizes.len(),
            axes.len()
        )));
    }
    let mut listed: Vec<(usize, Dim)> = axes.iter().copied().zip(sizes).collect();
    let requested = listed.clone();
    if policy != ResizePolicy::Stretch {
        listed = kept_sizes(cx, &shape, &listed, policy);
    }
    for (axis, size) in listed {
        if size.as_const().is_some_and(|size| size < 0) {
            return Err(ConvertError::Invalid(format!(
                "sizes must not be negative, that of axis {axis} is"
            )));
        }
        wanted[axis] = size;
    }
    let mut resize = op(sampling, wanted);
    if policy != ResizePolicy::Stretch {
        resize.policy = policy;
        resize.requested = requested;
    }
    Ok(vec![append(cx, resize, vec![x], region)?])
}

/// Before opset 11: coordinates are asymmetric, and the nearest element lies below where an axis grows and above where
/// it shrinks.
fn by_old_scales(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    mode: InterpolationMode,
    scales: Scales,
) -> Converted {
    if mode == InterpolationMode::Cubic {
        return Err(ConvertError::Invalid("mode `cubic` is unknown".into()));
    }
    let sampling = |nearest| Sampling {
        mode,
        coordinates: CoordinateMode::Asymmetric,
        nearest,
        cubic_a: Real::new(-0.75),
        exclude_outside: false,
        antialias: false,
        extrapolation: Real::new(0.0),
    };
    let (below, above) = (sampling(NearestMode::Floor), sampling(NearestMode::Ceil));
    if mode != InterpolationMode::Nearest {
        return Ok(vec![by_scales(cx, x, &below, scales, Region::None)?]);
    }
    // Axes do not meet in a nearest resize, so that those which shrink may go first.
    let y = match scales {
        Scales::Known(scales) => {
            let one = Real::new(1.0);
            let limited = |pick: fn(f64) -> bool| -> Vec<Real> {
                let keep = |scale: &Real| if pick(scale.get()) { *scale } else { one };
                scales.iter().map(keep).collect()
            };
            let (shrinking, growing) =
                (limited(|scale| scale < 1.0), limited(|scale| scale >= 1.0));
            let mut y = x;
            for (scales, sampling) in [(shrinking, &above), (growing, &below)] {
                if scales.iter().any(|scale| *scale != one) {
                    y = by_scales(cx, y, sampling, Scales::Known(scales), Region::None)?;
                }
            }
            y
        }
        Scales::Data(scales, known) => {
            let one = cx.b.const_scalar(DType::F32, 1.0);
            let mut y = x;
            for (limit, sampling) in [(BinaryOp::Min, &above), (BinaryOp::Max, &below)] {
                let limited = cx.b.binary(limit, scales, one)?;
                let known = known
                    .iter()
                    .map(|scale| {
                        let scale = scale.as_ref()?.get();
                        Some(Real::new(match limit {
                            BinaryOp::Min => scale.min(1.0),
                            _ => scale.max(1.0),
                        }))
                    })
                    .collect();
                y = by_scales(cx, y, sampling, Scales::Data(limited, known), Region::None)?;
            }
            y
        }
    };
    Ok(vec![y])
}
