//! Signals: Fourier transforms, windows, and the weights of mel filters.

use super::{Converted, OpEntry, ms, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Interval};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, SliceAxis, UnaryOp};
use std::f64::consts::{LN_10, PI, TAU};

pub(super) const OPS: &[OpEntry] = &[
    onnx("BlackmanWindow", |cx| window(cx, Window::Blackman)),
    onnx("DFT", dft),
    onnx("HammingWindow", |cx| window(cx, Window::Hamming)),
    onnx("HannWindow", |cx| window(cx, Window::Hann)),
    onnx("MelWeightMatrix", mel_weight_matrix),
    onnx("STFT", stft),
    ms("Irfft", irfft),
    ms("Rfft", rfft),
];

// ---- transforms ----

/// The transformed axis.
enum Axis {
    Known(usize),
    /// `i64[]`, wrapped into the axes of x.
    Data(ValueId),
}

/// The axis is an attribute before opset 20, then an operand.
fn dft(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    if rank < 2 {
        return Err(ConvertError::Invalid(
            "x needs an axis of signals and one of components".into(),
        ));
    }
    let inverse = cx.flag("inverse", false)?;
    let onesided = cx.flag("onesided", false)?;
    let axis = match cx.opt(2) {
        Some(axis) if cx.opset() >= 20 => match cx.known_int(axis) {
            Some(axis) => Axis::Known(operand::axis(axis, rank)?),
            None => {
                let wrapped = cx.wrapped_axes(axis, rank)?;
                Axis::Data(cx.scalar(wrapped)?)
            }
        },
        _ => {
            let default = if cx.opset() < 20 { 1 } else { -2 };
            Axis::Known(operand::axis(cx.int("axis", default)?, rank)?)
        }
    };
    let len = match cx.opt(1) {
        Some(len) => Some(cx.size_of(len, "dft_length")?),
        None => None,
    };
    let transform = Transform {
        len,
        inverse,
        onesided,
    };
    Ok(vec![match axis {
        Axis::Known(axis) if axis + 1 == rank => {
            return Err(ConvertError::Invalid(format!(
                "axis {axis} holds the components"
            )));
        }
        Axis::Known(axis) => transform.along(cx, x, axis)?,
        Axis::Data(axis) => transform.along_data(cx, x, axis)?,
    }])
}

/// A transform of x, cut or padded with zeros to its length.
struct Transform {
    /// Number of elements; by default as many as x has, or stands for.
    len: Option<Dim>,
    inverse: bool,
    /// Of a real signal, whose frequencies beyond `len / 2` follow from the others: forward to those, inverse from them.
    onesided: bool,
}

impl Transform {
    /// Whether x is half of what is transformed.
    fn is_halved(&self) -> bool {
        self.inverse && self.onesided
    }

    fn n_components(&self) -> Dim {
        Dim::constant(if self.is_halved() { 1 } else { 2 })
    }

    fn along(
        &self,
        cx: &mut NodeCx<'_, '_>,
        x: ValueId,
        axis: usize,
    ) -> Result<ValueId, ConvertError> {
        let mut shape = cx.b.shape(x)?;
        let last = shape.len() - 1;
        let len = match &self.len {
            Some(len) => len.clone(),
            None if self.is_halved() => {
                let dims = cx.b.dims();
                dims.mul(&Dim::constant(2), &dims.sub(&shape[axis], &Dim::ONE))
            }
            None => shape[axis].clone(),
        };
        shape[axis] = len.clone();
        shape[last] = self.n_components();
        let op = Op::Dft {
            axis: Dim::from(axis),
            shape,
            inverse: self.inverse,
            halved: self.is_halved(),
        };
        let y = cx.b.op1(op, &[x])?;
        if self.inverse || !self.onesided {
            return Ok(y);
        }
        // A transform of nothing has no frequency.
        let kept = n_frequencies(cx, &len);
        let kept = cx.b.dims().min(&kept, &len);
        cx.first(y, axis, kept)
    }

    /// Along an axis that is data; the sizes of the result are, too.
    fn along_data(
        &self,
        cx: &mut NodeCx<'_, '_>,
        x: ValueId,
        axis: ValueId,
    ) -> Result<ValueId, ConvertError> {
        let shape = cx.b.shape(x)?;
        let last = shape.len() - 1;
        let range = Interval {
            lo: 0,
            hi: last.saturating_sub(1) as i64,
        };
        let axis_dim = match &cx.dims_in(axis, "axis", range)?[..] {
            [axis] => axis.clone(),
            _ => return Err(ConvertError::Invalid("axis must be a scalar".into())),
        };
        let sizes = cx.b.dim_tensor(&shape[..last])?;
        let positions = cx.positions(last);
        let is_axis = cx.b.binary(BinaryOp::Equal, positions, axis)?;
        let (one, two) = (cx.int_const(1), cx.int_const(2));
        let len = match &self.len {
            Some(len) => cx.b.dim_scalar(len)?,
            None => {
                let own = cx.b.gather(sizes, axis, 0)?;
                if self.is_halved() {
                    let steps = cx.b.sub(own, one)?;
                    cx.b.mul(steps, two)?
                } else {
                    own
                }
            }
        };
        let sized = |cx: &mut NodeCx<'_, '_>, len: ValueId| -> Result<Vec<Dim>, ConvertError> {
            let sizes = cx.b.select(is_axis, len, sizes)?;
            let mut shape = cx.sizes(sizes, "dft")?;
            shape.push(self.n_components());
            Ok(shape)
        };
        let op = Op::Dft {
            axis: axis_dim,
            shape: sized(cx, len)?,
            inverse: self.inverse,
            halved: self.is_halved(),
        };
        let y = cx.b.op1(op, &[x])?;
        if self.inverse || !self.onesided {
            return Ok(y);
        }
        let kept = cx.b.div(len, two)?;
        let kept = cx.b.add(kept, one)?;
        let kept = cx.b.binary(BinaryOp::Min, kept, len)?;
        let kept = sized(cx, kept)?;
        let entries = kept
            .into_iter()
            .map(|len| SliceAxis::range(Dim::ZERO, len))
            .collect();
        Ok(cx.b.slice(y, entries)?)
    }
}

/// `len / 2 + 1`: as many frequencies as a real signal of this length has.
fn n_frequencies(cx: &NodeCx<'_, '_>, len: &Dim) -> Dim {
    let dims = cx.b.dims();
    dims.add(&dims.floor_div(len, &Dim::constant(2)), &Dim::ONE)
}

/// Frames of the signal, one every `frame_step` elements, each multiplied by the window and transformed.
fn stft(cx: &mut NodeCx<'_, '_>) -> Converted {
    let onesided = cx.flag("onesided", true)?;
    let (signal, step) = (cx.input(0)?, cx.input(1)?);
    let signal = match cx.b.rank(signal)? {
        2 => cx.b.unsqueeze(signal, &[2])?,
        3 => signal,
        rank => {
            return Err(ConvertError::Invalid(format!(
                "signal must have rank 3, has {rank}"
            )));
        }
    };
    let signal_len = cx.b.shape(signal)?[1].clone();
    let step = cx.size_of(step, "frame_step")?;
    if step == Dim::ZERO {
        return Err(ConvertError::Invalid("frame_step must be positive".into()));
    }
    let window = cx.opt(2);
    let len = match (cx.opt(3), window) {
        (Some(len), _) => cx.size_of(len, "frame_length")?,
        (None, Some(window)) => match &cx.b.shape(window)?[..] {
            [len] => len.clone(),
            _ => return Err(ConvertError::Invalid("window must be a vector".into())),
        },
        (None, None) => signal_len.clone(),
    };
    let dims = cx.b.dims();
    let room = dims.sub(&signal_len, &len);
    let n_frames = dims.add(&dims.floor_div(&room, &step), &Dim::ONE);
    let n_frames = dims.max(&n_frames, &Dim::ZERO);
    let starts = cx.iota_along(DType::I64, &n_frames, 0, 2)?;
    let step = cx.b.dim_scalar(&step)?;
    let starts = cx.b.mul(starts, step)?;
    let offsets = cx.iota_along(DType::I64, &len, 1, 2)?;
    let places = cx.b.add(starts, offsets)?;
    let mut frames = cx.b.gather(signal, places, 1)?;
    if let Some(window) = window {
        let window = cx.b.reshape(window, vec![len.clone(), Dim::ONE])?;
        frames = cx.b.mul(frames, window)?;
    }
    let transform = Transform {
        len: Some(len),
        inverse: false,
        onesided,
    };
    Ok(vec![transform.along(cx, frames, 2)?])
}

/// How many of the last axes a contributed transform is over.
fn signal_rank(cx: &mut NodeCx<'_, '_>, rank: usize) -> Result<usize, ConvertError> {
    let n_axes = operand::size("signal_ndim", cx.int("signal_ndim", 1)?)?;
    if cx.int("normalized", 0)? != 0 {
        return Err(ConvertError::Unsupported("normalized transforms".into()));
    }
    if !cx.flag("onesided", true)? {
        return Err(ConvertError::Unsupported("two-sided transforms".into()));
    }
    if !(1..=3).contains(&n_axes) || n_axes > rank {
        return Err(ConvertError::Invalid(format!(
            "signal_ndim {n_axes} is out of range"
        )));
    }
    Ok(n_axes)
}

/// Of real x, over its last axes; a last axis of components is added.
fn rfft(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let rank = cx.b.rank(x)?;
    let n_axes = signal_rank(cx, rank)?;
    let mut y = cx.b.unsqueeze(x, &[rank])?;
    for axis in (rank - n_axes..rank).rev() {
        let transform = Transform {
            len: None,
            inverse: false,
            onesided: axis + 1 == rank,
        };
        y = transform.along(cx, y, axis)?;
    }
    Ok(vec![y])
}

/// The inverse of [`rfft`], to a last axis of even size.
fn irfft(cx: &mut NodeCx<'_, '_>) -> Converted {
    let mut y = cx.input(0)?;
    let rank = cx.b.rank(y)?.saturating_sub(1);
    let n_axes = signal_rank(cx, rank)?;
    for axis in rank - n_axes..rank {
        let transform = Transform {
            len: None,
            inverse: true,
            onesided: axis + 1 == rank,
        };
        y = transform.along(cx, y, axis)?;
    }
    Ok(vec![cx.b.squeeze(y, &[rank])?])
}

// ---- windows ----

#[derive(Clone, Copy)]
enum Window {
    Hann,
    Hamming,
    Blackman,
}

/// The element type of the result, which an attribute gives.
fn result_dtype(cx: &NodeCx<'_, '_>) -> Result<DType, ConvertError> {
    Ok(cx.dtype_opt("output_datatype")?.unwrap_or(DType::F32))
}

/// A window of `size` elements; a periodic one is the symmetric one of an element more without its last. Computed in
/// f64.
fn window(cx: &mut NodeCx<'_, '_>, window: Window) -> Converted {
    let to = result_dtype(cx)?;
    let periodic = cx.flag("periodic", true)?;
    let size = cx.input(0)?;
    let size = cx.size_of(size, "window")?;
    let iota = Op::Iota {
        dtype: DType::F64,
        len: size.clone(),
    };
    let position = cx.b.op1(iota, &[])?;
    let dims = cx.b.dims();
    let span = if periodic {
        size
    } else {
        dims.sub(&size, &Dim::ONE)
    };
    // A symmetric window of one element has no span to divide by.
    let span = dims.max(&span, &Dim::ONE);
    let span = cx.b.dim_scalar(&span)?;
    let span = cx.b.cast(span, DType::F64)?;
    let cosine = |cx: &mut NodeCx<'_, '_>, turns: f64, weight: f64| {
        let turns = cx.b.const_scalar(DType::F64, turns * TAU);
        let angle = cx.b.mul(position, turns)?;
        let angle = cx.b.div(angle, span)?;
        let cosine = cx.b.unary(UnaryOp::Cos, angle)?;
        let weight = cx.b.const_scalar(DType::F64, weight);
        cx.b.mul(cosine, weight)
    };
    let y = match window {
        Window::Hann => {
            let pi = cx.b.const_scalar(DType::F64, PI);
            let angle = cx.b.mul(position, pi)?;
            let angle = cx.b.div(angle, span)?;
            let sine = cx.b.unary(UnaryOp::Sin, angle)?;
            cx.b.mul(sine, sine)?
        }
        Window::Hamming => {
            let lead = 25.0 / 46.0;
            let wave = cosine(cx, 1.0, 1.0 - lead)?;
            let lead = cx.b.const_scalar(DType::F64, lead);
            cx.b.sub(lead, wave)?
        }
        Window::Blackman => {
            let slow = cosine(cx, 1.0, -0.5)?;
            let fast = cosine(cx, 2.0, 0.08)?;
            let waves = cx.b.add(slow, fast)?;
            let lead = cx.b.const_scalar(DType::F64, 0.42);
            cx.b.add(waves, lead)?
        }
    };
    Ok(vec![cx.b.cast(y, to)?])
}

// ---- mel filters ----

/// `2595 · log10(1 + f / 700)`.
fn mel_of(cx: &mut NodeCx<'_, '_>, hertz: ValueId) -> Result<ValueId, ConvertError> {
    let hertz = cx.scalar(hertz)?;
    let hertz = cx.b.cast(hertz, DType::F64)?;
    let base = cx.b.const_scalar(DType::F64, 700.0);
    let one = cx.b.const_scalar(DType::F64, 1.0);
    let ratio = cx.b.div(hertz, base)?;
    let ratio = cx.b.add(one, ratio)?;
    let log = cx.b.unary(UnaryOp::Log, ratio)?;
    let factor = cx.b.const_scalar(DType::F64, 2595.0);
    let scaled = cx.b.mul(factor, log)?;
    let ln_10 = cx.b.const_scalar(DType::F64, LN_10);
    Ok(cx.b.div(scaled, ln_10)?)
}

/// `f64[n]`: the frequency bins at which the filters begin, peak and end, `n = num_mel_bins + 2` of them, evenly spaced
/// on the mel scale.
fn mel_edges(
    cx: &mut NodeCx<'_, '_>,
    n_edges: &Dim,
    dft_length: &Dim,
) -> Result<ValueId, ConvertError> {
    let (rate, low, high) = (cx.input(2)?, cx.input(3)?, cx.input(4)?);
    let (low, high) = (mel_of(cx, low)?, mel_of(cx, high)?);
    let n_steps = cx.b.dim_scalar(n_edges)?;
    let n_steps = cx.b.cast(n_steps, DType::F64)?;
    let span = cx.b.sub(high, low)?;
    let step = cx.b.div(span, n_steps)?;
    let iota = Op::Iota {
        dtype: DType::F64,
        len: n_edges.clone(),
    };
    let iota = cx.b.op1(iota, &[])?;
    let reach = cx.b.mul(iota, step)?;
    let mel = cx.b.add(reach, low)?;
    // Back to hertz: 700 · (10^(mel / 2595) - 1).
    let factor = cx.b.const_scalar(DType::F64, 2595.0);
    let exponent = cx.b.div(mel, factor)?;
    let ten = cx.b.const_scalar(DType::F64, 10.0);
    let power = cx.b.binary(BinaryOp::Pow, ten, exponent)?;
    let one = cx.b.const_scalar(DType::F64, 1.0);
    let above = cx.b.sub(power, one)?;
    let base = cx.b.const_scalar(DType::F64, 700.0);
    let hertz = cx.b.mul(base, above)?;
    let n_bins = cx.b.dims().add(dft_length, &Dim::ONE);
    let n_bins = cx.b.dim_scalar(&n_bins)?;
    let n_bins = cx.b.cast(n_bins, DType::F64)?;
    let scaled = cx.b.mul(n_bins, hertz)?;
    let rate = cx.scalar(rate)?;
    let rate = cx.b.cast(rate, DType::F64)?;
    let bin = cx.b.div(scaled, rate)?;
    Ok(cx.b.unary(UnaryOp::Floor, bin)?)
}

/// `[dft_length / 2 + 1, num_mel_bins]`: triangles with a peak of 1.
fn mel_weight_matrix(cx: &mut NodeCx<'_, '_>) -> Converted {
    let to = result_dtype(cx)?;
    let (n_mel, dft_length) = (cx.input(0)?, cx.input(1)?);
    let n_mel = cx.size_of(n_mel, "num_mel_bins")?;
    let dft_length = cx.size_of(dft_length, "dft_length")?;
    let n_rows = n_frequencies(cx, &dft_length);
    let n_edges = cx.b.dims().add(&n_mel, &Dim::constant(2));
    let edges = mel_edges(cx, &n_edges, &dft_length)?;
    let corner = |cx: &mut NodeCx<'_, '_>, first: i64| {
        let entry = SliceAxis::range(Dim::constant(first), n_mel.clone());
        cx.b.slice_axis(edges, 0, entry)
    };
    let (left, peak, right) = (corner(cx, 0)?, corner(cx, 1)?, corner(cx, 2)?);
    let row = cx.iota_along(DType::F64, &n_rows, 0, 2)?;
    let (zero, one) = (
        cx.b.const_scalar(DType::F64, 0.0),
        cx.b.const_scalar(DType::F64, 1.0),
    );
    // Rising up to the peak, then falling; a side without width is its peak alone.
    let climbed = cx.b.sub(row, left)?;
    let climb = cx.b.sub(peak, left)?;
    let is_flat = cx.b.binary(BinaryOp::Equal, climb, zero)?;
    let climb = cx.b.binary(BinaryOp::Max, climb, one)?;
    let rising = cx.b.div(climbed, climb)?;
    let rising = cx.b.select(is_flat, one, rising)?;
    let left_of = cx.b.sub(right, row)?;
    let fall = cx.b.sub(right, peak)?;
    let fall = cx.b.binary(BinaryOp::Max, fall, one)?;
    let falling = cx.b.div(left_of, fall)?;
    let is_rising = cx.b.binary(BinaryOp::LessEqual, row, peak)?;
    let weight = cx.b.select(is_rising, rising, falling)?;
    let begins = cx.b.binary(BinaryOp::GreaterEqual, row, left)?;
    let ends = cx.b.binary(BinaryOp::Greater, row, right)?;
    let weight = cx.b.select(begins, weight, zero)?;
    let weight = cx.b.select(ends, zero, weight)?;
    Ok(vec![cx.b.cast(weight, to)?])
}
