//! Between strings and numbers: casts as ONNX Cast states them, and label maps with strings on either side.

use super::fail;
use super::value::{HostTensor, HostValue, StringTensor};
use crate::reference::KernelError;
use crate::reference::order::compare;
use crate::reference::scalar::{Scalar, convert, load, store};
use graphc_base::attrs::{LabelMap, TableKey};
use graphc_base::{DType, DTypeKind};
use half::{bf16, f16};
use std::cmp::Ordering;

/// The shortest digits that read back as the same value of the dtype, in scientific form (`-4.789e-1`).
fn shortest(dtype: DType, value: f64) -> String {
    let narrow = |reads_back: &dyn Fn(f64) -> bool| {
        (0..17)
            .map(|precision| format!("{value:.precision$e}"))
            .find(|text| text.parse().is_ok_and(reads_back))
            .unwrap_or_else(|| format!("{value:e}"))
    };
    match dtype {
        DType::F64 => format!("{value:e}"),
        DType::F16 => narrow(&|read| f64::from(f16::from_f64(read).to_f32()) == value),
        DType::BF16 => narrow(&|read| f64::from(bf16::from_f64(read).to_f32()) == value),
        _ => format!("{:e}", value as f32),
    }
}

/// A number as text: integers in decimal, floats with the fewest digits that name them, plain from 1e-4 to below 1e16.
fn to_text(dtype: DType, value: Scalar) -> String {
    match value {
        Scalar::Int(value) if dtype == DType::Bool => {
            if value != 0 { "True" } else { "False" }.to_owned()
        }
        Scalar::Int(value) if dtype == DType::U64 => (value as u64).to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) if value.is_nan() => "NaN".to_owned(),
        Scalar::Float(value) if value.is_infinite() => {
            if value > 0.0 { "INF" } else { "-INF" }.to_owned()
        }
        Scalar::Float(value) => {
            let scientific = shortest(dtype, value);
            let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            if (-4..16).contains(&exponent) || value == 0.0 {
                place_point(digits, exponent)
            } else {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", exponent.abs())
            }
        }
    }
}

/// Scientific digits (`-1.5`) with the point moved by a small exponent.
fn place_point(digits: &str, exponent: i32) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let n_whole = exponent + 1;
    if n_whole <= 0 {
        return format!(
            "{sign}0.{}{digits}",
            "0".repeat(n_whole.unsigned_abs() as usize)
        );
    }
    let n_whole = n_whole as usize;
    if digits.len() <= n_whole {
        format!("{sign}{digits}{}.0", "0".repeat(n_whole - digits.len()))
    } else {
        format!("{sign}{}.{}", &digits[..n_whole], &digits[n_whole..])
    }
}

/// Text as a number; `None` when it is none. Infinities and NaN are read in any case.
fn from_text(dtype: DType, text: &str) -> Option<Scalar> {
    let text = text.trim();
    match dtype.kind() {
        DTypeKind::Bool => match text {
            "1" | "True" | "true" => Some(Scalar::Int(1)),
            "0" | "False" | "false" => Some(Scalar::Int(0)),
            _ => None,
        },
        DTypeKind::Float => {
            let value = match dtype {
                // One rounding only, from text to the narrow type.
                DType::F32 => f64::from(text.parse::<f32>().ok()?),
                _ => text.parse::<f64>().ok()?,
            };
            Some(convert(DType::F64, dtype, Scalar::Float(value), true))
        }
        _ => {
            let whole = match text.parse::<i128>() {
                Ok(whole) => whole,
                Err(_) => {
                    let value: f64 = text.parse().ok()?;
                    value.is_finite().then_some(value as i128)?
                }
            };
            let wide = i64::try_from(whole)
                .ok()
                .or_else(|| u64::try_from(whole).ok().map(|value| value as i64))?;
            Some(convert(DType::I64, dtype, Scalar::Int(wide), true))
        }
    }
}

/// Numbers to strings; strings stay.
pub(super) fn to_strings(x: &HostValue) -> Result<HostValue, KernelError> {
    match x {
        HostValue::Strings(_) => Ok(x.clone()),
        HostValue::Tensor(tensor) => Ok(HostValue::Strings(StringTensor {
            shape: tensor.shape().to_vec(),
            data: (0..tensor.n_elements())
                .map(|at| to_text(tensor.dtype(), load(tensor.bytes(), tensor.dtype(), at)))
                .collect(),
        })),
        other => Err(fail(format!("{} is no tensor", other.describe()))),
    }
}

fn zeros(dtype: DType, shape: &[usize]) -> Result<HostTensor, KernelError> {
    HostTensor::zeros(dtype, shape)
        .ok_or_else(|| fail(format!("no {dtype} tensor of shape {shape:?} can be made")))
}

/// Strings to numbers.
pub(super) fn from_strings(x: &HostValue, to: DType) -> Result<HostValue, KernelError> {
    let HostValue::Strings(strings) = x else {
        return Err(fail(format!("{} is no string tensor", x.describe())));
    };
    let mut result = zeros(to, &strings.shape)?;
    if result.n_elements() != strings.data.len() {
        return Err(fail(format!("{} does not fill its shape", x.describe())));
    }
    for (at, text) in strings.data.iter().enumerate() {
        let value = from_text(to, text).ok_or_else(|| fail(format!("{text:?} is no {to}")))?;
        store(result.bytes_mut(), to, at, value);
    }
    Ok(HostValue::Tensor(result))
}

/// A label map; keys, values or both may be strings.
pub(super) fn label_map(map: &LabelMap, x: &HostValue) -> Result<HostValue, KernelError> {
    let shape = x
        .shape()
        .ok_or_else(|| fail(format!("{} is no tensor", x.describe())))?;
    let find = |matches: &dyn Fn(&TableKey) -> bool| {
        let found = map.entries.iter().find(|(key, _)| matches(key));
        found.map_or(&map.default, |(_, value)| value)
    };
    let values: Vec<&TableKey> = match x {
        HostValue::Strings(strings) => strings
            .data
            .iter()
            .map(|text| find(&|key| matches!(key, TableKey::String(own) if own == text)))
            .collect(),
        HostValue::Tensor(tensor) => (0..tensor.n_elements())
            .map(|at| {
                let element = load(tensor.bytes(), tensor.dtype(), at);
                find(&|key| match (key, element) {
                    (TableKey::Int(own), Scalar::Int(element)) => *own == element,
                    (TableKey::Float(own), Scalar::Float(_)) => {
                        compare(tensor.dtype(), Scalar::Float(own.get()), element)
                            == Ordering::Equal
                    }
                    _ => false,
                })
            })
            .collect(),
        HostValue::Sequence(_) | HostValue::Optional(_) => Vec::new(),
    };
    if map.to == DType::String {
        let data = values
            .into_iter()
            .map(|value| match value {
                TableKey::String(text) => text.clone(),
                TableKey::Int(value) => value.to_string(),
                TableKey::Float(value) => to_text(DType::F32, Scalar::Float(value.get())),
            })
            .collect();
        return Ok(HostValue::Strings(StringTensor {
            shape: shape.to_vec(),
            data,
        }));
    }
    let mut result = zeros(map.to, shape)?;
    if result.n_elements() != values.len() {
        return Err(fail(format!("{} does not fill its shape", x.describe())));
    }
    for (at, value) in values.into_iter().enumerate() {
        let value = match value {
            TableKey::Int(value) => convert(DType::I64, map.to, Scalar::Int(*value), true),
            TableKey::Float(value) => convert(DType::F64, map.to, Scalar::Float(value.get()), true),
            TableKey::String(text) => {
                return Err(fail(format!("the value {text:?} is no {}", map.to)));
            }
        };
        store(result.bytes_mut(), map.to, at, value);
    }
    Ok(HostValue::Tensor(result))
}
