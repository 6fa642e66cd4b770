//! Attributes of operators on strings, and of the table operators of `ai.onnx.ml`.

use super::Codec;
use crate::op::{LabelMap, StringOp, TfIdf, TreeEnsemble};

pub(super) fn text<C: Codec>(op: &mut StringOp, codec: &mut C) -> Result<(), C::Error> {
    match op {
        StringOp::Concat => Ok(()),
        StringOp::Split {
            delimiter,
            max_splits,
            most,
        } => {
            codec.option("delimiter", delimiter)?;
            codec.option("max_splits", max_splits)?;
            codec.result_dim("most", most)
        }
        StringOp::RegexFullMatch { pattern } => codec.attr("pattern", pattern),
        StringOp::Normalize {
            upper,
            case_sensitive,
            stop_words,
            kept,
        } => {
            codec.option("upper", upper)?;
            codec.flag("case_sensitive", case_sensitive)?;
            codec.attr("stop_words", stop_words)?;
            codec.result_dim("kept", kept)
        }
    }
}

pub(super) fn tf_idf<C: Codec>(tf_idf: &mut TfIdf, codec: &mut C) -> Result<(), C::Error> {
    let TfIdf {
        min_gram,
        max_gram,
        max_skip,
        weighting,
        ngram_counts,
        ngram_indexes,
        pool_ints,
        pool_strings,
        weights,
        out,
    } = tf_idf;
    codec.attr("min_gram", min_gram)?;
    codec.attr("max_gram", max_gram)?;
    codec.attr("max_skip", max_skip)?;
    codec.attr("weighting", weighting)?;
    codec.attr("ngram_counts", ngram_counts)?;
    codec.attr("ngram_indexes", ngram_indexes)?;
    codec.attr("pool_ints", pool_ints)?;
    codec.attr("pool_strings", pool_strings)?;
    codec.attr("weights", weights)?;
    codec.attr("out", out)
}

pub(super) fn label_map<C: Codec>(map: &mut LabelMap, codec: &mut C) -> Result<(), C::Error> {
    let LabelMap {
        entries,
        default,
        to,
    } = map;
    codec.attr("to", to)?;
    codec.attr("entries", entries)?;
    codec.attr("default", default)
}

pub(super) fn tree_ensemble<C: Codec>(
    trees: &mut TreeEnsemble,
    codec: &mut C,
) -> Result<(), C::Error> {
    let TreeEnsemble {
        nodes,
        roots,
        n_targets,
        aggregate,
        base_values,
    } = trees;
    codec.attr("nodes", nodes)?;
    codec.attr("roots", roots)?;
    codec.attr("targets", n_targets)?;
    codec.attr("aggregate", aggregate)?;
    codec.attr("base_values", base_values)
}
