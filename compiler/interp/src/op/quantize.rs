//! Quantisation and its reverse.

use super::call::Call;
use super::cast::{encode, int_range};
use crate::error::Result;
use crate::number::{Exact, with_number};
use crate::tensor::Tensor;
use crate::walk::Split;
use graphc_base::{DType, float};

/// Which scale an element takes.
enum ScaleOf {
    All,
    Axis(Split),
    Blocks { split: Split, block: usize },
}

impl ScaleOf {
    fn new(shape: &[usize], axis: Option<usize>, block: usize) -> Self {
        match axis.map(|axis| Split::at(shape, axis)) {
            None => ScaleOf::All,
            Some(split) if block == 0 => ScaleOf::Axis(split),
            Some(split) => ScaleOf::Blocks { split, block },
        }
    }

    fn index(&self, element: usize) -> usize {
        match self {
            ScaleOf::All => 0,
            ScaleOf::Axis(split) => element / split.inner % split.size,
            ScaleOf::Blocks { split, block } => {
                let inner = element % split.inner;
                let along = element / split.inner % split.size;
                let outer = element / split.inner / split.size;
                (outer * split.size.div_ceil(*block) + along / block) * split.inner + inner
            }
        }
    }
}

fn zero_points(call: &Call<'_>, n: usize) -> Result<Vec<f64>> {
    match call.optional(2) {
        Some(zero_point) => zero_point.to_f64(),
        None => Ok(vec![0.0; n]),
    }
}

/// The quotient is rounded to binary32 before it is rounded to an integer (to binary64 for binary64), as every runtime
/// divides; so ties fall as theirs do.
pub(super) fn quantize(
    call: &Call<'_>,
    to: DType,
    axis: Option<usize>,
    block: usize,
    saturate: bool,
) -> Result<Tensor> {
    let (x, scale) = (call.input(0)?, call.input(1)?);
    let scales = scale.to_f64()?;
    let zero_points = zero_points(call, scales.len())?;
    let scale_of = ScaleOf::new(x.shape(), axis, block);
    let is_wide = x.dtype() == DType::F64 || scale.dtype() == DType::F64;
    let values = x.to_f64()?.into_iter().enumerate().map(|(element, x)| {
        let idx = scale_of.index(element);
        let quotient = x / scales[idx];
        let quotient = if is_wide {
            quotient
        } else {
            f64::from(quotient as f32)
        };
        if to.is_float() {
            quotient + zero_points[idx]
        } else {
            let (lowest, highest) = int_range(to);
            (quotient.round_ties_even() + zero_points[idx]).clamp(lowest, highest)
        }
    });
    if to.is_float() {
        let codes = values.map(|value| float::f64_to_f8(to, value, saturate));
        return Tensor::new::<u8>(to, x.shape(), codes.collect());
    }
    if to.is_storage_only() {
        let codes = values.map(|value| encode(Exact::Float(value), to, true));
        return Tensor::new::<u8>(to, x.shape(), codes.collect());
    }
    let values: Vec<f64> = values.collect();
    Tensor::from_f64(to, x.shape(), &values)
}

pub(super) fn dequantize(call: &Call<'_>, axis: Option<usize>, block: usize) -> Result<Tensor> {
    let (q, scale) = (call.input(0)?, call.input(1)?);
    let scales = scale.to_f64()?;
    let zero_points = zero_points(call, scales.len())?;
    let scale_of = ScaleOf::new(q.shape(), axis, block);
    let codes = q.to_f64()?;
    with_number!(scale.dtype(), T => {
        let values = codes.iter().enumerate().map(|(element, &q)| {
            let idx = scale_of.index(element);
            T::from_f64((q - zero_points[idx]) * scales[idx])
        });
        Tensor::new::<T>(scale.dtype(), q.shape(), values.collect())
    }, else Err(call.fail("scale is not computed in")))
}
