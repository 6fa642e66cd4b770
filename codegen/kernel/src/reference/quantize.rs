//! Quantize and dequantize: per tensor, per axis, blocked.

use super::check::around;
use super::scalar::{Scalar, convert, load, round_to, store};
use super::{Call, KernelError};
use crate::spec::BoundArg;
use graphc_base::{DType, DTypeKind};

/// Position of an element's scale.
struct Scales {
    n_axis: usize,
    inner: usize,
    block: usize,
    n_blocks: usize,
    is_single: bool,
}

impl Scales {
    fn new(
        call: &Call<'_, '_>,
        x: &BoundArg,
        scale: &BoundArg,
        axis: Option<usize>,
        block: usize,
    ) -> Result<Self, KernelError> {
        let n_scales = scale.n_elements();
        let is_single = axis.is_none() || (n_scales == 1 && block == 0);
        if is_single {
            call.ensure(n_scales >= 1, "the scale is missing")?;
            return Ok(Self {
                n_axis: 1,
                inner: 1,
                block: 0,
                n_blocks: 1,
                is_single,
            });
        }
        let axis = axis.unwrap_or(0);
        call.ensure(axis < x.shape.len(), "axis is out of range")?;
        let (outer, n_axis, inner) = around(&x.shape, axis);
        let n_blocks = if block == 0 {
            n_axis
        } else {
            n_axis.div_ceil(block)
        };
        let expected = if block == 0 {
            n_axis
        } else {
            outer * n_blocks * inner
        };
        call.ensure(n_scales == expected, "scales do not fit the axis")?;
        Ok(Self {
            n_axis,
            inner,
            block,
            n_blocks,
            is_single,
        })
    }

    fn position(&self, element: usize) -> usize {
        if self.is_single {
            return 0;
        }
        let along = element / self.inner % self.n_axis;
        if self.block == 0 {
            return along;
        }
        let outer = element / (self.inner * self.n_axis);
        (outer * self.n_blocks + along / self.block) * self.inner + element % self.inner
    }
}

fn float(value: Scalar) -> f64 {
    match value {
        Scalar::Float(value) => value,
        Scalar::Int(value) => value as f64,
    }
}

fn range(dtype: DType) -> (f64, f64) {
    let bits = dtype.bits() as i32;
    match dtype.kind() {
        DTypeKind::Unsigned => (0.0, 2f64.powi(bits) - 1.0),
        _ => (-(2f64.powi(bits - 1)), 2f64.powi(bits - 1) - 1.0),
    }
}

pub(super) fn quantize(
    call: &mut Call<'_, '_>,
    axis: Option<usize>,
    block: usize,
    saturate: bool,
) -> Result<(), KernelError> {
    call.arity(2..=3, 1)?;
    let spec = call.spec;
    let (x, scale, y) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    call.ensure(x.shape == y.shape, "shapes differ")?;
    let scales = Scales::new(call, x, scale, axis, block)?;
    if let Some(zero_point) = spec.inputs.get(2) {
        call.ensure(
            zero_point.n_elements() == scale.n_elements(),
            "zero points do not fit the scales",
        )?;
    }
    for element in 0..x.n_elements() {
        let at = scales.position(element);
        let value = float(load(call.inputs[0], x.dtype, element));
        // ONNX divides in the type of the scale.
        let divisor = float(load(call.inputs[1], scale.dtype, at));
        let quotient = float(round_to(scale.dtype, Scalar::Float(value / divisor)));
        let result = if y.dtype.is_float() {
            convert(DType::F32, y.dtype, Scalar::Float(quotient), saturate)
        } else {
            let zero_point = spec
                .inputs
                .get(2)
                .map_or(0.0, |arg| float(load(call.inputs[2], arg.dtype, at)));
            let (lo, hi) = range(y.dtype);
            let rounded = quotient.round_ties_even() + zero_point;
            Scalar::Int(if rounded.is_nan() {
                0
            } else {
                rounded.clamp(lo, hi) as i64
            })
        };
        store(call.outputs[0], y.dtype, element, result);
    }
    Ok(())
}

pub(super) fn dequantize(
    call: &mut Call<'_, '_>,
    axis: Option<usize>,
    block: usize,
) -> Result<(), KernelError> {
    call.arity(2..=3, 1)?;
    let spec = call.spec;
    let (q, scale, y) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    call.ensure(q.shape == y.shape, "shapes differ")?;
    let scales = Scales::new(call, q, scale, axis, block)?;
    if let Some(zero_point) = spec.inputs.get(2) {
        call.ensure(
            zero_point.n_elements() == scale.n_elements(),
            "zero points do not fit the scales",
        )?;
    }
    for element in 0..q.n_elements() {
        let at = scales.position(element);
        let zero_point = spec
            .inputs
            .get(2)
            .map_or(0.0, |arg| float(load(call.inputs[2], arg.dtype, at)));
        let shifted = float(load(call.inputs[0], q.dtype, element)) - zero_point;
        let value = shifted * float(load(call.inputs[1], scale.dtype, at));
        store(
            call.outputs[0],
            y.dtype,
            element,
            round_to(y.dtype, Scalar::Float(value)),
        );
    }
    Ok(())
}
