//! Operators on strings, and counts of n-grams.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, FreshAxes, NodeCx};
use graphc_base::Real;
use graphc_ir::op::{Op, StringOp, TfIdf, TfIdfWeighting};

pub(super) const OPS: &[OpEntry] = &[
    onnx("RegexFullMatch", |cx| {
        let pattern = cx.string_req("pattern")?;
        let x = cx.input(0)?;
        Ok(vec![cx.b.op1(
            Op::Text(StringOp::RegexFullMatch { pattern }),
            &[x],
        )?])
    }),
    onnx("StringConcat", |cx| {
        let (lhs, rhs) = (cx.input(0)?, cx.input(1)?);
        Ok(vec![cx.b.op1(Op::Text(StringOp::Concat), &[lhs, rhs])?])
    }),
    onnx("StringNormalizer", normalize),
    onnx("StringSplit", split),
    onnx("TfIdfVectorizer", tf_idf),
];

/// An empty delimiter means white space, as a missing one does.
fn split(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let delimiter = cx.string_opt("delimiter")?.filter(|text| !text.is_empty());
    let max_splits = match cx.int_opt("maxsplit")? {
        Some(most) => Some(operand::size("maxsplit", most)?),
        None => None,
    };
    let rank = cx.b.rank(x)?;
    let mut fresh = FreshAxes::default();
    let most = cx.fresh_size(0, rank, &mut fresh);
    let op = Op::Text(StringOp::Split {
        delimiter,
        max_splits,
        most,
    });
    cx.op_with_fresh_axes(op, &[x], fresh)
}

fn normalize(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    cx.ignore(&["locale"]);
    let upper = match cx.string("case_change_action", "NONE")?.as_str() {
        "NONE" => None,
        "LOWER" => Some(false),
        "UPPER" => Some(true),
        other => {
            return Err(ConvertError::Invalid(format!(
                "case_change_action must be NONE, LOWER or UPPER, is `{other}`"
            )));
        }
    };
    let case_sensitive = cx.flag("is_case_sensitive", false)?;
    let stop_words = cx.strings_opt("stopwords")?.unwrap_or_default();
    let mut fresh = FreshAxes::default();
    let last_axis = cx.b.rank(x)?.saturating_sub(1);
    let kept = cx.fresh_size(0, last_axis, &mut fresh);
    let op = Op::Text(StringOp::Normalize {
        upper,
        case_sensitive,
        stop_words,
        kept,
    });
    cx.op_with_fresh_axes(op, &[x], fresh)
}

fn tf_idf(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let sizes = |name: &str| -> Result<Vec<usize>, ConvertError> {
        let raw = cx.ints_opt(name)?.unwrap_or_default();
        raw.into_iter()
            .map(|value| operand::size(name, value))
            .collect()
    };
    let ngram_counts = sizes("ngram_counts")?;
    let ngram_indexes = sizes("ngram_indexes")?;
    let weighting = match cx.string_req("mode")?.as_str() {
        "TF" => TfIdfWeighting::Tf,
        "IDF" => TfIdfWeighting::Idf,
        "TFIDF" => TfIdfWeighting::TfIdf,
        other => {
            return Err(ConvertError::Invalid(format!(
                "mode must be TF, IDF or TFIDF, is `{other}`"
            )));
        }
    };
    let weights = cx.floats_opt("weights")?.unwrap_or_default();
    let out = match ngram_indexes.iter().max() {
        Some(&last) => last.saturating_add(1),
        None => 0,
    };
    let op = Op::TfIdf(Box::new(TfIdf {
        min_gram: operand::size("min_gram_length", cx.int_req("min_gram_length")?)?,
        max_gram: operand::size("max_gram_length", cx.int_req("max_gram_length")?)?,
        max_skip: operand::size("max_skip_count", cx.int_req("max_skip_count")?)?,
        weighting,
        ngram_counts,
        ngram_indexes,
        pool_ints: cx.ints_opt("pool_int64s")?.unwrap_or_default(),
        pool_strings: cx.strings_opt("pool_strings")?.unwrap_or_default(),
        weights: weights.into_iter().map(Real::from).collect(),
        out,
    }));
    Ok(vec![cx.b.op1(op, &[x])?])
}
