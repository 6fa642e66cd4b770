//! Operators on string tensors: joining, cutting, matching, normalising.

use super::fail;
use super::value::{HostTensor, HostValue, StringTensor};
use crate::reference::KernelError;
use crate::reference::table::{count_ngram, each_ngram};
use graphc_base::DType;
use graphc_base::attrs::{StringOp, TfIdf};
use regex::Regex;

fn strings(value: &HostValue) -> Result<&StringTensor, KernelError> {
    match value {
        HostValue::Strings(strings) if strings.is_filled() => Ok(strings),
        other => Err(fail(format!("{} is no string tensor", other.describe()))),
    }
}

pub(super) fn tensor<T: bytemuck::Pod>(
    dtype: DType,
    shape: &[usize],
    data: &[T],
) -> Result<HostValue, KernelError> {
    HostTensor::from_elements(dtype, shape, data)
        .map(HostValue::Tensor)
        .ok_or_else(|| fail("elements do not fill the result"))
}

fn texts(shape: Vec<usize>, data: Vec<String>) -> HostValue {
    HostValue::Strings(StringTensor { shape, data })
}

/// Runs an operator on strings.
pub(super) fn call(op: &StringOp, inputs: &[&HostValue]) -> Result<Vec<HostValue>, KernelError> {
    match (op, inputs) {
        (StringOp::Concat, [a, b]) => Ok(vec![concat(strings(a)?, strings(b)?)?]),
        (
            StringOp::Split {
                delimiter,
                max_splits,
                ..
            },
            [x],
        ) => split(strings(x)?, delimiter.as_deref(), *max_splits),
        (StringOp::RegexFullMatch { pattern }, [x]) => {
            let x = strings(x)?;
            // The group keeps an alternation from escaping the anchors.
            let regex = Regex::new(&format!(r"\A(?:{pattern})\z"))
                .map_err(|error| fail(format!("the pattern {pattern:?} is refused: {error}")))?;
            let matched: Vec<u8> = x
                .data
                .iter()
                .map(|text| u8::from(regex.is_match(text)))
                .collect();
            Ok(vec![tensor(DType::Bool, &x.shape, &matched)?])
        }
        (
            StringOp::Normalize {
                upper,
                case_sensitive,
                stop_words,
                ..
            },
            [x],
        ) => normalize(strings(x)?, *upper, *case_sensitive, stop_words).map(|value| vec![value]),
        _ => Err(fail(format!("{} operands do not fit {op:?}", inputs.len()))),
    }
}

fn concat(a: &StringTensor, b: &StringTensor) -> Result<HostValue, KernelError> {
    let rank = a.shape.len().max(b.shape.len());
    let size = |of: &StringTensor, axis: usize| {
        (axis + of.shape.len())
            .checked_sub(rank)
            .map_or(1, |axis| of.shape[axis])
    };
    let mut shape = Vec::with_capacity(rank);
    for axis in 0..rank {
        shape.push(match (size(a, axis), size(b, axis)) {
            (left, right) if left == right || right == 1 => left,
            (1, right) => right,
            (left, right) => {
                return Err(fail(format!("sizes {left} and {right} do not broadcast")));
            }
        });
    }
    let n_elements = shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .ok_or_else(|| fail("the result is too large"))?;
    let pick = |of: &StringTensor, position: usize| {
        let (mut rest, mut stride, mut at) = (position, 1, 0);
        for axis in (0..rank).rev() {
            let own = size(of, axis);
            let along = rest % shape[axis];
            rest /= shape[axis];
            at += if own == 1 { 0 } else { along * stride };
            stride *= own;
        }
        at
    };
    let data = (0..n_elements)
        .map(|position| format!("{}{}", a.data[pick(a, position)], b.data[pick(b, position)]))
        .collect();
    Ok(texts(shape, data))
}

/// Pieces of one string, at most `max_splits + 1`.
fn pieces<'t>(text: &'t str, delimiter: Option<&str>, max_splits: usize) -> Vec<&'t str> {
    match delimiter.filter(|delimiter| !delimiter.is_empty()) {
        Some(delimiter) => text
            .splitn(max_splits.saturating_add(1), delimiter)
            .collect(),
        None => {
            let mut all = Vec::new();
            let mut rest = text.trim_start();
            while !rest.is_empty() {
                match rest
                    .find(char::is_whitespace)
                    .filter(|_| all.len() < max_splits)
                {
                    Some(end) => {
                        all.push(&rest[..end]);
                        rest = rest[end..].trim_start();
                    }
                    None => {
                        all.push(rest);
                        break;
                    }
                }
            }
            all
        }
    }
}

fn split(
    x: &StringTensor,
    delimiter: Option<&str>,
    max_splits: Option<usize>,
) -> Result<Vec<HostValue>, KernelError> {
    let max_splits = max_splits.unwrap_or(usize::MAX);
    let all: Vec<Vec<&str>> = x
        .data
        .iter()
        .map(|text| pieces(text, delimiter, max_splits))
        .collect();
    let most = all.iter().map(Vec::len).max().unwrap_or(0);
    let counts: Vec<i64> = all.iter().map(|pieces| pieces.len() as i64).collect();
    let data = all
        .iter()
        .flat_map(|pieces| {
            (0..most).map(|at| {
                pieces
                    .get(at)
                    .map_or(String::new(), |&piece| piece.to_owned())
            })
        })
        .collect();
    let mut shape = x.shape.clone();
    shape.push(most);
    Ok(vec![
        texts(shape, data),
        tensor(DType::I64, &x.shape, &counts)?,
    ])
}

fn normalize(
    x: &StringTensor,
    upper: Option<bool>,
    case_sensitive: bool,
    stop_words: &[String],
) -> Result<HostValue, KernelError> {
    if !matches!(x.shape[..], [_] | [1, _]) {
        return Err(fail(format!(
            "string{:?} is neither a row nor one row",
            x.shape
        )));
    }
    let folded: Vec<String> = stop_words.iter().map(|word| word.to_lowercase()).collect();
    let is_stop = |text: &str| {
        if case_sensitive {
            stop_words.iter().any(|word| word == text)
        } else {
            folded.contains(&text.to_lowercase())
        }
    };
    let mut data: Vec<String> = x
        .data
        .iter()
        .filter(|text| !is_stop(text))
        .map(|text| match upper {
            Some(true) => text.to_uppercase(),
            Some(false) => text.to_lowercase(),
            None => text.clone(),
        })
        .collect();
    // The result is never empty: ONNX asks for one empty string.
    if data.is_empty() {
        data.push(String::new());
    }
    let mut shape = x.shape.clone();
    if let Some(last) = shape.last_mut() {
        *last = data.len();
    }
    Ok(texts(shape, data))
}

/// `x: string[C] or string[N, C] → f32[…, out]`.
pub(super) fn tf_idf(attrs: &TfIdf, x: &HostValue) -> Result<HostValue, KernelError> {
    let x = strings(x)?;
    let Some((&n_elements, lead)) = x.shape.split_last() else {
        return Err(fail("x is a scalar"));
    };
    let n_rows: usize = lead.iter().product();
    let mut shape = lead.to_vec();
    shape.push(attrs.out);
    let mut result =
        HostTensor::zeros(DType::F32, &shape).ok_or_else(|| fail("the result is too large"))?;
    let rows: &mut [f32] = bytemuck::try_cast_slice_mut(result.bytes_mut())
        .map_err(|_| fail("the result is misaligned"))?;
    for row_idx in 0..n_rows {
        let row = &mut rows[row_idx * attrs.out..][..attrs.out];
        let matches = |element: usize, entry: usize| {
            attrs.pool_strings.get(entry) == Some(&x.data[row_idx * n_elements + element])
        };
        let sizes = (n_elements, attrs.pool_strings.len());
        each_ngram(attrs, sizes, &matches, &mut |number| {
            count_ngram(attrs, row, number)
        })
        .map_err(fail)?;
    }
    Ok(HostValue::Tensor(result))
}
