//! Operators on string tensors.

use super::binary::zip;
use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use graphc_base::DType;
use graphc_ir::op::StringOp;

/// Largest compiled size of a regular expression.
const MAX_REGEX_BYTES: usize = 1 << 24;

pub(super) fn text(call: &Call<'_>, op: &StringOp) -> Result<Vec<Tensor>> {
    let x = call.input(0)?;
    match op {
        StringOp::Concat => {
            let shape = call.out_shape(0)?;
            let joined = |a: &String, b: &String| format!("{a}{b}");
            Ok(vec![zip(x, call.input(1)?, DType::String, &shape, joined)?])
        }
        StringOp::Split {
            delimiter,
            max_splits,
            ..
        } => split(x, delimiter.as_deref(), *max_splits),
        StringOp::RegexFullMatch { pattern } => {
            let regex = regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
                .size_limit(MAX_REGEX_BYTES)
                .build()
                .map_err(|error| call.fail(error.to_string()))?;
            let texts = x.slice::<String>()?;
            let flags: Vec<bool> = texts.iter().map(|text| regex.is_match(text)).collect();
            Ok(vec![Tensor::bools(x.shape(), &flags)?])
        }
        StringOp::Normalize {
            upper,
            case_sensitive,
            stop_words,
            ..
        } => Ok(vec![normalize(x, *upper, *case_sensitive, stop_words)?]),
    }
}

fn split(x: &Tensor, delimiter: Option<&str>, max_splits: Option<usize>) -> Result<Vec<Tensor>> {
    let texts = x.slice::<String>()?;
    let pieces: Vec<Vec<&str>> = texts
        .iter()
        .map(|text| match delimiter {
            Some(delimiter) if !delimiter.is_empty() => match max_splits {
                Some(most) => text.splitn(most.saturating_add(1), delimiter).collect(),
                None => text.split(delimiter).collect(),
            },
            _ => split_at_space(text, max_splits),
        })
        .collect();
    let most = pieces.iter().map(Vec::len).max().unwrap_or(0);
    let mut padded = Vec::with_capacity(pieces.len() * most);
    for pieces in &pieces {
        padded.extend(pieces.iter().map(|piece| (*piece).to_owned()));
        padded.extend((pieces.len()..most).map(|_| String::new()));
    }
    let counts = pieces.iter().map(|pieces| pieces.len() as i64).collect();
    let shape = [x.shape(), &[most]].concat();
    Ok(vec![
        Tensor::of(&shape, padded)?,
        Tensor::of::<i64>(x.shape(), counts)?,
    ])
}

/// Words between runs of white space; after `max_splits` cuts the rest stays whole.
fn split_at_space(text: &str, max_splits: Option<usize>) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if max_splits.is_some_and(|most| pieces.len() >= most) {
            pieces.push(rest.trim_end());
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        pieces.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    pieces
}

fn normalize(
    x: &Tensor,
    upper: Option<bool>,
    case_sensitive: bool,
    stop_words: &[String],
) -> Result<Tensor> {
    let changed = |text: &String| match upper {
        Some(true) => text.to_uppercase(),
        Some(false) => text.to_lowercase(),
        None => text.clone(),
    };
    let folded = |text: &String| {
        if case_sensitive {
            text.clone()
        } else {
            text.to_lowercase()
        }
    };
    let stop_words: Vec<String> = stop_words.iter().map(folded).collect();
    let kept = x.slice::<String>()?.iter();
    let mut kept: Vec<String> = kept
        .filter(|text| !stop_words.contains(&folded(text)))
        .map(changed)
        .collect();
    if kept.is_empty() {
        // ONNX: where nothing is left, the result is one empty string.
        kept.push(String::new());
    }
    let mut shape = x.shape().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = kept.len();
    }
    Tensor::of(&shape, kept)
}
