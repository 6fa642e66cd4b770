//! Numbers as text and back, as NumPy writes and ONNX Cast reads them.

use crate::number::{Exact, Number, with_float};
use graphc_base::{DType, float};

/// The shortest text that reads back as the same number of `dtype`: `1.0`, `0.1`, `1e+16`, `inf`, `nan`.
pub(super) fn show(value: Exact, dtype: DType) -> String {
    match value {
        Exact::Int(value) if dtype == DType::Bool => {
            (if value != 0 { "True" } else { "False" }).to_owned()
        }
        Exact::Int(value) => value.to_string(),
        Exact::Float(value) if value.is_nan() => "nan".to_owned(),
        Exact::Float(value) if value.is_infinite() => {
            (if value > 0.0 { "inf" } else { "-inf" }).to_owned()
        }
        Exact::Float(value) => plain_or_scientific(&shortest(value, dtype)),
    }
}

/// Digits and exponent, `-1.25e-7`.
fn shortest(value: f64, dtype: DType) -> String {
    match dtype {
        DType::F64 => format!("{value:e}"),
        DType::F32 => format!("{:e}", value as f32),
        // Narrower formats need at most five digits.
        _ => (0..8)
            .map(|n_digits| format!("{value:.n_digits$e}"))
            .find(|text| text.parse().is_ok_and(|back| rounded(back, dtype) == value))
            .unwrap_or_else(|| format!("{value:e}")),
    }
}

fn rounded(value: f64, dtype: DType) -> f64 {
    with_float!(dtype, T => <T as Number>::from_f64(value).to_f64(), else {
        f64::from(float::f8_to_f32(dtype, float::f64_to_f8(dtype, value, true)))
    })
}

/// Python's choice: plain between 1e-4 and 1e16, with a digit behind the point.
fn plain_or_scientific(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    if !(-4..16).contains(&exponent) {
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{direction}{:02}", exponent.abs());
    }
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let n_whole = exponent as usize + 1;
    if digits.len() <= n_whole {
        let zeros = "0".repeat(n_whole - digits.len());
        return format!("{sign}{digits}{zeros}.0");
    }
    format!("{sign}{}.{}", &digits[..n_whole], &digits[n_whole..])
}

/// The number that a text shows: a whole one for integers, else any that Rust or ONNX knows (`INF`, `+inf`, `nan`).
pub(super) fn parse(text: &str, to: DType) -> Option<Exact> {
    let text = text.trim();
    if to.is_int() || to == DType::Bool {
        return text.parse().map(Exact::Int).ok();
    }
    text.parse().map(Exact::Float).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_numpy_does() {
        let f32_text = |x: f32| show(Exact::Float(f64::from(x)), DType::F32);
        for (value, text) in [
            (0.1, "0.1"),
            (-1.0, "-1.0"),
            (0.0, "0.0"),
            (123.25, "123.25"),
            (1e20, "1e+20"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (16777216.0, "16777216.0"),
            (f32::INFINITY, "inf"),
            (f32::NAN, "nan"),
        ] {
            assert_eq!(f32_text(value), text);
        }
        assert_eq!(show(Exact::Float(0.099_975_585_937_5), DType::F16), "0.1");
        assert_eq!(show(Exact::Int(1), DType::Bool), "True");
    }

    #[test]
    fn texts_are_read_by_target() {
        assert_eq!(parse("1e3", DType::F32), Some(Exact::Float(1000.0)));
        assert_eq!(parse("+INF", DType::F32), Some(Exact::Float(f64::INFINITY)));
        assert_eq!(parse("-7", DType::I64), Some(Exact::Int(-7)));
        assert_eq!(parse("x", DType::F32), None);
        assert_eq!(parse("1.5", DType::I64), None);
    }
}
