//! Conversions between dtypes, as ONNX Cast states, and reinterpretation of bits.

use super::call::Call;
use super::number_text;
use crate::error::Result;
use crate::number::{Exact, Number, decode, with_number};
use crate::tensor::Tensor;
use graphc_base::{DType, DTypeKind, float};

pub(super) fn cast(call: &Call<'_>, to: DType, saturate: bool) -> Result<Tensor> {
    let x = call.input(0)?;
    let from = x.dtype();
    if from == to {
        return Ok(x.clone());
    }
    if from == DType::String {
        let texts = x.slice::<String>()?;
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            let value = number_text::parse(text, to)
                .ok_or_else(|| call.fail(format!("{text:?} is no {to}")))?;
            values.push(value);
        }
        return store(call, x.shape(), values.into_iter(), to, saturate);
    }
    if from.is_storage_only() {
        let codes = x.slice::<u8>()?.iter();
        let values = codes.map(|&code| exact_code(from, code));
        return store(call, x.shape(), values, to, saturate).or_else(|error| {
            if to == DType::String {
                texts(x)
            } else {
                Err(error)
            }
        });
    }
    if to == DType::String {
        return texts(x);
    }
    with_number!(from, T => {
        let values = x.slice::<T>()?.iter().map(|&element| element.to_exact());
        store(call, x.shape(), values, to, saturate)
    }, else Err(call.fail("x is no number")))
}

fn exact_code(dtype: DType, code: u8) -> Exact {
    let value = decode(dtype, code);
    if dtype.is_int() {
        Exact::Int(value as i128)
    } else {
        Exact::Float(value)
    }
}

fn texts(x: &Tensor) -> Result<Tensor> {
    let texts = if x.dtype().is_storage_only() {
        let codes = x.slice::<u8>()?.iter();
        let values = codes.map(|&code| exact_code(x.dtype(), code));
        values
            .map(|value| number_text::show(value, x.dtype()))
            .collect()
    } else {
        with_number!(x.dtype(), T => {
            let elements = x.slice::<T>()?.iter();
            elements.map(|element| number_text::show(element.to_exact(), x.dtype())).collect()
        }, else Vec::new())
    };
    Tensor::of::<String>(x.shape(), texts)
}

fn store(
    call: &Call<'_>,
    shape: &[usize],
    values: impl Iterator<Item = Exact>,
    to: DType,
    saturate: bool,
) -> Result<Tensor> {
    if to == DType::Bool {
        return Tensor::new::<u8>(to, shape, values.map(|x| u8::from(!x.is_zero())).collect());
    }
    if to.is_storage_only() {
        let codes = values.map(|value| encode(value, to, saturate)).collect();
        return Tensor::new::<u8>(to, shape, codes);
    }
    with_number!(to, T => {
        Tensor::new::<T>(to, shape, values.map(<T as Number>::from_exact).collect())
    }, else Err(call.fail(format!("{to} is no number"))))
}

/// The code of a value in a storage dtype: floats round to nearest, integers drop high bits, floats to integers truncate
/// and saturate.
pub(super) fn encode(value: Exact, to: DType, saturate: bool) -> u8 {
    let mask = 0xff >> (8 - to.bits());
    match (to.kind(), value) {
        (DTypeKind::Float, value) => float::f64_to_f8(to, value.to_f64(), saturate),
        (_, Exact::Int(value)) => value as u8 & mask,
        (_, Exact::Float(value)) => {
            let (lowest, highest) = int_range(to);
            value.clamp(lowest, highest) as i64 as u8 & mask
        }
    }
}

/// The ends of the range of an integer dtype of at most 32 bits.
pub(super) fn int_range(dtype: DType) -> (f64, f64) {
    let bits = dtype.bits() as i32;
    if dtype.kind() == DTypeKind::Signed {
        (-2f64.powi(bits - 1), 2f64.powi(bits - 1) - 1.0)
    } else {
        (0.0, 2f64.powi(bits) - 1.0)
    }
}

pub(super) fn bitcast(call: &Call<'_>, to: DType) -> Result<Tensor> {
    let x = call.input(0)?;
    if let Some(retyped) = x.retyped(to) {
        return Ok(retyped);
    }
    let bytes = x
        .to_le_bytes()
        .ok_or_else(|| call.fail("strings have no bits"))?;
    Tensor::from_le_bytes(to, x.shape(), &bytes)
}
