//! How close a result must be to its reference, and how closeness is measured: the one place that tests and
//! `graphc compare` read.
//!
//! The measure of a model's output `y` against a reference `r` is `max|y − r| / max(rms(r), 1e-6)`, with the cosine
//! beside it. NaN and infinities must stand in the same places and count in neither. Integers, truth values and strings
//! have no tolerance.

use graphc_base::{DType, DTypeKind, float};
use graphc_runtime::{Tensor, Value};
use half::{bf16, f16};

/// Largest error of an output of a model computed in 32-bit floats or wider.
pub const MODEL_F32: f64 = 1e-4;
/// Largest error of an output of a model computed in binary16.
pub const MODEL_F16: f64 = 1e-2;
/// Largest error of an output of a model computed in bfloat16.
pub const MODEL_BF16: f64 = 3e-2;
/// Least signal-to-noise ratio, in decibels, of an output of a quantised model against another tool's result.
pub const QUANTIZED_SQNR_DB: f64 = 20.0;
/// Least share of the elements of a quantised tensor that lie within one quantum of the reference.
pub const QUANTIZED_SHARE: f64 = 0.99;
/// Relative tolerance of the ONNX backend tests, where a test does not state its own.
pub const ONNX_RTOL: f64 = 1e-3;
/// Absolute tolerance of the ONNX backend tests, where a test does not state its own.
pub const ONNX_ATOL: f64 = 1e-7;

/// The scale below which a reference counts as zero.
const SMALLEST_SCALE: f64 = 1e-6;

/// Largest error of a model's output of this type: 0 for what must be equal.
pub fn model_tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F32 | DType::F64 => MODEL_F32,
        DType::F16 => MODEL_F16,
        // The 8-bit floats and below are stored, never computed in.
        _ if dtype.kind() == DTypeKind::Float => MODEL_BF16,
        _ => 0.0,
    }
}

/// Largest difference of one element of one operator that sums `n_terms` products: `(2 + √K/8) · ε · Σ|terms|`, where
/// `epsilon` is the distance from 1 to the next number of the type and `sum_of_magnitudes` is that of the terms.
pub fn one_op_bound(n_terms: usize, epsilon: f64, sum_of_magnitudes: f64) -> f64 {
    (2.0 + (n_terms as f64).sqrt() / 8.0) * epsilon * sum_of_magnitudes
}

/// How far a result is from its reference.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Difference {
    /// `max|y − r| / max(rms(r), 1e-6)`; 0 where all elements are equal.
    pub error: f64,
    /// Cosine of the angle between both as vectors; 1 where all elements are equal.
    pub cosine: f64,
}

impl Difference {
    /// No difference.
    pub const NONE: Self = Self {
        error: 0.0,
        cosine: 1.0,
    };

    /// The larger error and the smaller cosine.
    fn or(self, other: Self) -> Self {
        Self {
            error: self.error.max(other.error),
            cosine: self.cosine.min(other.cosine),
        }
    }
}

/// Why a result cannot be measured against its reference: no tolerance allows it.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Mismatch {
    /// Kind, element type or shape differ.
    #[error("is {ours}, {reference} is expected")]
    Type {
        /// What came out.
        ours: String,
        /// What was expected.
        reference: String,
    },
    /// An element differs that has no tolerance, or by more than its tolerance.
    #[error("element {index} is {ours}, {reference} is expected{}", more(*n_wrong))]
    Element {
        /// Which, row-major.
        index: usize,
        /// What came out.
        ours: String,
        /// What was expected.
        reference: String,
        /// How many elements differ so.
        n_wrong: usize,
    },
}

fn more(n_wrong: usize) -> String {
    match n_wrong {
        0 | 1 => String::new(),
        n => format!(" ({n} elements differ)"),
    }
}

/// Measures a result against its reference; of sequences the worst element.
///
/// # Errors
/// Where types, shapes or strings differ, or where NaN or infinity stand in other places.
pub fn difference(ours: &Value, reference: &Value) -> Result<Difference, Mismatch> {
    pairwise(ours, reference, &mut |ours, reference| {
        if ours.bytes() == reference.bytes() {
            return Ok(Difference::NONE);
        }
        let (y, r) = (numbers(ours), numbers(reference));
        same_specials(&y, &r)?;
        let mut difference = measure(&y, &r);
        if ours.dtype().kind() != DTypeKind::Float {
            // 64-bit integers may differ by less than their size as floats shows.
            difference.error = difference.error.max(f64::MIN_POSITIVE);
        }
        Ok(difference)
    })
}

/// Tests a result as the ONNX backend tests do: `|y − r| ≤ atol + rtol · |r|` for floats, equality for all else; NaN equals
/// NaN.
///
/// # Errors
/// The first element that fails, or that types or shapes differ.
pub fn all_close(ours: &Value, reference: &Value, rtol: f64, atol: f64) -> Result<(), Mismatch> {
    pairwise(ours, reference, &mut |ours, reference| {
        if ours.bytes() == reference.bytes() {
            return Ok(Difference::NONE);
        }
        let (y, r) = (numbers(ours), numbers(reference));
        if ours.dtype().kind() == DTypeKind::Float {
            differing(&y, &r, |y, r| {
                let is_close = r.is_finite() && (y - r).abs() <= atol + rtol * r.abs();
                is_close || y == r || (y.is_nan() && r.is_nan())
            })?;
        } else {
            let (y, r) = (integers(ours), integers(reference));
            differing(&y, &r, |y, r| y == r)?;
        }
        Ok(Difference::NONE)
    })
    .map(|_| ())
}

/// Signal-to-quantisation-noise ratio in decibels, `10 · log₁₀(Σr² / Σ(y − r)²)`; infinite where both are equal.
///
/// # Errors
/// As [`difference`].
pub fn sqnr_db(ours: &Tensor, reference: &Tensor) -> Result<f64, Mismatch> {
    same_types(ours, reference)?;
    let (y, r) = (numbers(ours), numbers(reference));
    same_specials(&y, &r)?;
    let (mut signal, mut noise) = (0.0, 0.0);
    for (y, r) in finite(&y, &r) {
        signal += r * r;
        noise += (y - r) * (y - r);
    }
    Ok(if noise == 0.0 {
        f64::INFINITY
    } else {
        10.0 * (signal / noise).log10()
    })
}

/// The share of elements that lie within `quantum` of the reference; 1 where there are none.
///
/// # Errors
/// As [`difference`].
pub fn share_within(ours: &Tensor, reference: &Tensor, quantum: f64) -> Result<f64, Mismatch> {
    same_types(ours, reference)?;
    let (y, r) = (numbers(ours), numbers(reference));
    same_specials(&y, &r)?;
    let n_within = finite(&y, &r)
        .filter(|(y, r)| (y - r).abs() <= quantum)
        .count();
    let n_finite = finite(&y, &r).count();
    Ok(if n_finite == 0 {
        1.0
    } else {
        n_within as f64 / n_finite as f64
    })
}

/// The elements as floats: exact but for 64-bit integers beyond 2⁵³.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let dtype = tensor.dtype();
    let bytes = tensor.bytes();
    macro_rules! each {
        ($ty:ty) => {
            bytes
                .as_chunks::<{ size_of::<$ty>() }>()
                .0
                .iter()
                .map(|raw| f64::from(<$ty>::from_le_bytes(*raw)))
                .collect()
        };
    }
    match dtype {
        DType::F32 => each!(f32),
        DType::F64 => each!(f64),
        DType::F16 => each!(f16),
        DType::BF16 => each!(bf16),
        DType::F8E4M3FN | DType::F8E4M3FNUZ | DType::F8E5M2 | DType::F8E5M2FNUZ | DType::F8E8M0 => {
            bytes
                .iter()
                .map(|&code| f64::from(float::f8_to_f32(dtype, code)))
                .collect()
        }
        _ if dtype.kind() == DTypeKind::Float => (0..tensor.n_elements())
            .map(|i| float::get_packed(bytes, dtype.bits(), i))
            .map(|code| f64::from(float::f8_to_f32(dtype, code)))
            .collect(),
        _ => integers(tensor).into_iter().map(|x| x as f64).collect(),
    }
}

/// The elements of a tensor of integers or truth values; empty for other tensors.
fn integers(tensor: &Tensor) -> Vec<i128> {
    let dtype = tensor.dtype();
    let bytes = tensor.bytes();
    let bits = dtype.bits();
    let is_signed = match dtype.kind() {
        DTypeKind::Signed => true,
        DTypeKind::Unsigned | DTypeKind::Bool => false,
        DTypeKind::Float | DTypeKind::String => return Vec::new(),
    };
    let code = |i: usize| -> u64 {
        if bits < 8 {
            return u64::from(float::get_packed(bytes, bits, i));
        }
        let raw = &bytes[i * bits / 8..(i + 1) * bits / 8];
        raw.iter()
            .rev()
            .fold(0, |code, &byte| code << 8 | u64::from(byte))
    };
    let value = |code: u64| {
        if is_signed {
            i128::from((code as i64) << (64 - bits) >> (64 - bits))
        } else {
            i128::from(code)
        }
    };
    (0..tensor.n_elements()).map(|i| value(code(i))).collect()
}

/// Walks two values of one structure down to their tensors; strings are compared here.
fn pairwise(
    ours: &Value,
    reference: &Value,
    compare: &mut impl FnMut(&Tensor, &Tensor) -> Result<Difference, Mismatch>,
) -> Result<Difference, Mismatch> {
    let mismatch = || Mismatch::Type {
        ours: ours.describe(),
        reference: reference.describe(),
    };
    match (ours, reference) {
        (Value::Tensor(ours), Value::Tensor(reference)) => {
            same_types(ours, reference)?;
            compare(ours, reference)
        }
        (Value::Strings(a), Value::Strings(b)) if a.shape == b.shape => {
            differing(&a.data, &b.data, |a, b| a == b)?;
            Ok(Difference::NONE)
        }
        (Value::Sequence(a), Value::Sequence(b)) if a.len() == b.len() => {
            let mut worst = Difference::NONE;
            for (ours, reference) in a.iter().zip(b) {
                worst = worst.or(pairwise(ours, reference, compare)?);
            }
            Ok(worst)
        }
        (Value::Optional(None), Value::Optional(None)) => Ok(Difference::NONE),
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => pairwise(a, b, compare),
        _ => Err(mismatch()),
    }
}

fn same_types(ours: &Tensor, reference: &Tensor) -> Result<(), Mismatch> {
    if ours.dtype() == reference.dtype() && ours.shape() == reference.shape() {
        return Ok(());
    }
    let show = |tensor: &Tensor| format!("{}{:?}", tensor.dtype(), tensor.shape());
    Err(Mismatch::Type {
        ours: show(ours),
        reference: show(reference),
    })
}

fn same_specials(y: &[f64], r: &[f64]) -> Result<(), Mismatch> {
    differing(y, r, |y, r| {
        y.is_nan() == r.is_nan() && (y.is_finite() && r.is_finite() || y == r || y.is_nan())
    })
}

fn differing<T: std::fmt::Debug>(
    ours: &[T],
    reference: &[T],
    agree: impl Fn(&T, &T) -> bool,
) -> Result<(), Mismatch> {
    let mut wrong = ours
        .iter()
        .zip(reference)
        .enumerate()
        .filter(|(_, (a, b))| !agree(a, b));
    match wrong.next() {
        None => Ok(()),
        Some((index, (a, b))) => Err(Mismatch::Element {
            index,
            ours: format!("{a:?}"),
            reference: format!("{b:?}"),
            n_wrong: 1 + wrong.count(),
        }),
    }
}

fn finite<'a>(y: &'a [f64], r: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    let pairs = y.iter().copied().zip(r.iter().copied());
    pairs.filter(|(y, r)| y.is_finite() && r.is_finite())
}

fn measure(y: &[f64], r: &[f64]) -> Difference {
    let (mut worst, mut yy, mut rr, mut yr, mut n) = (0f64, 0.0, 0.0, 0.0, 0usize);
    for (y, r) in finite(y, r) {
        worst = worst.max((y - r).abs());
        yy += y * y;
        rr += r * r;
        yr += y * r;
        n += 1;
    }
    if worst == 0.0 {
        return Difference::NONE;
    }
    let rms = (rr / n as f64).sqrt();
    Difference {
        error: worst / rms.max(SMALLEST_SCALE),
        cosine: if yy == 0.0 || rr == 0.0 {
            0.0
        } else {
            yr / (yy * rr).sqrt()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(elements: &[f32]) -> Value {
        Tensor::from_elements(DType::F32, &[elements.len()], elements)
            .expect("as many as the shape")
            .into()
    }

    fn longs(elements: &[i64]) -> Value {
        Tensor::from_elements(DType::I64, &[elements.len()], elements)
            .expect("as many as the shape")
            .into()
    }

    fn error(ours: &Value, reference: &Value) -> f64 {
        difference(ours, reference).expect("of one type").error
    }

    #[test]
    fn the_error_is_the_largest_difference_by_the_scale_of_the_reference() {
        let reference = floats(&[3.0, 4.0, 0.0, 0.0]);
        assert_eq!(error(&reference, &reference), 0.0);
        assert_eq!(error(&floats(&[3.0, 4.0, 0.5, 0.0]), &reference), 0.2);
        // Against nothing but zeros the scale is 1e-6.
        assert_eq!(error(&floats(&[1.0]), &floats(&[0.0])), 1e6);
    }

    #[test]
    fn specials_must_stand_in_the_same_places() {
        let inf = f32::INFINITY;
        let reference = floats(&[f32::NAN, inf, 1.0]);
        assert_eq!(error(&floats(&[-f32::NAN, inf, 1.0]), &reference), 0.0);
        assert!(difference(&floats(&[f32::NAN, -inf, 1.0]), &reference).is_err());
        assert!(difference(&floats(&[0.0, inf, 1.0]), &reference).is_err());
        assert!(difference(&floats(&[f32::NAN, inf, f32::NAN]), &reference).is_err());
        assert!(difference(&floats(&[f32::NAN, inf, -inf]), &reference).is_err());
    }

    #[test]
    fn integers_that_round_to_one_float_still_differ() {
        let big = 1 << 60;
        assert!(error(&longs(&[big + 1]), &longs(&[big])) > model_tolerance(DType::I64));
        assert!(all_close(&longs(&[big + 1]), &longs(&[big]), ONNX_RTOL, ONNX_ATOL).is_err());
        assert!(all_close(&longs(&[-1]), &longs(&[-1]), ONNX_RTOL, ONNX_ATOL).is_ok());
    }

    #[test]
    fn closeness_is_relative_to_the_reference() {
        let close = |ours: f32, reference: f32| {
            all_close(&floats(&[ours]), &floats(&[reference]), 1e-3, 1e-7).is_ok()
        };
        assert!(close(1000.9, 1000.0) && !close(1001.1, 1000.0));
        assert!(close(9e-8, 0.0) && !close(2e-7, 0.0));
        assert!(close(f32::NAN, f32::NAN) && !close(f32::NAN, 1.0) && !close(1.0, f32::NAN));
        assert!(close(f32::INFINITY, f32::INFINITY) && !close(f32::MAX, f32::INFINITY));
        assert!(!close(f32::INFINITY, 1.0));
    }

    #[test]
    fn types_and_shapes_have_no_tolerance() {
        let message = |ours: &Value| difference(ours, &floats(&[1.0])).map_err(|e| e.to_string());
        let expected = Err("is i64[1], f32[1] is expected".to_owned());
        assert_eq!(message(&longs(&[1])), expected);
        let expected = Err("is f32[2], f32[1] is expected".to_owned());
        assert_eq!(message(&floats(&[1.0, 1.0])), expected);
        let sequence = |n| Value::Sequence(vec![floats(&[1.0]); n]);
        assert!(difference(&sequence(2), &sequence(2)).is_ok());
        assert!(difference(&sequence(2), &sequence(1)).is_err());
        assert!(difference(&Value::Optional(None), &floats(&[1.0])).is_err());
    }

    #[test]
    fn packed_and_narrow_types_are_read_as_numbers() {
        let tensor = |dtype, n, bytes: &[u8]| {
            let tensor = Tensor::from_bytes(dtype, &[n], bytes).expect("as many as the shape");
            numbers(&tensor)
        };
        assert_eq!(tensor(DType::I4, 3, &[0xf1, 0x08]), [1.0, -1.0, -8.0]);
        assert_eq!(tensor(DType::U4, 3, &[0xf1, 0x08]), [1.0, 15.0, 8.0]);
        assert_eq!(tensor(DType::F4E2M1, 2, &[0xa7]), [6.0, -1.0]);
        assert_eq!(tensor(DType::F8E5M2, 1, &[0x3c]), [1.0]);
        assert_eq!(tensor(DType::BF16, 1, &[0x80, 0x3f]), [1.0]);
        assert_eq!(tensor(DType::I16, 1, &[0xfe, 0xff]), [-2.0]);
        assert_eq!(tensor(DType::U64, 1, &[0xff; 8]), [u64::MAX as f64]);
    }

    #[test]
    fn quantised_measures_count_noise_and_share() {
        let tensor = |elements: &[f32]| {
            Tensor::from_elements(DType::F32, &[elements.len()], elements).expect("fits")
        };
        let (ours, reference) = (
            tensor(&[10.0, 0.0, 10.0, 1.0]),
            tensor(&[10.0, 0.0, 10.0, 0.0]),
        );
        let sqnr = sqnr_db(&ours, &reference).expect("of one type");
        assert!((sqnr - 23.0).abs() < 0.02, "{sqnr}");
        assert_eq!(share_within(&ours, &reference, 0.5), Ok(0.75));
        assert_eq!(share_within(&ours, &reference, 1.0), Ok(1.0));
    }
}
