//! Operators on string tensors, and counts of n-grams.

use super::TypeError;
use super::call::{Call, DTypeClass, Outputs, STRING, one, tensor};
use crate::op::{StringOp, TfIdf};
use graphc_base::{DType, Dim};

const TOKENS: DTypeClass = DTypeClass {
    words: "i32, i64 or a string",
    has: |dtype| matches!(dtype, DType::I32 | DType::I64 | DType::String),
};

pub(super) fn text(call: &mut Call<'_>, op: &StringOp) -> Outputs {
    if let StringOp::Concat = op {
        let [lhs, rhs] = call.tensors(["lhs", "rhs"])?;
        call.want("lhs", lhs.dtype, STRING)?;
        call.want("rhs", rhs.dtype, STRING)?;
        let shape = call.broadcast(&lhs.shape, &rhs.shape)?;
        return one(DType::String, shape);
    }
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, STRING)?;
    match op {
        StringOp::Concat | StringOp::RegexFullMatch { .. } => one(DType::Bool, x.shape.clone()),
        StringOp::Split { most, .. } => {
            let mut pieces = x.shape.clone();
            pieces.push(most.clone());
            Ok(vec![
                tensor(DType::String, pieces),
                tensor(DType::I64, x.shape.clone()),
            ])
        }
        StringOp::Normalize { kept, .. } => {
            let mut shape = x.shape.clone();
            match &mut shape[..] {
                [last] => *last = kept.clone(),
                [rows, last] => {
                    let what = "first dim of x is not 1";
                    *rows = call.equal(rows, &Dim::constant(1), what)?;
                    *last = kept.clone();
                }
                _ => return Err(call.fail("x must have rank 1 or 2")),
            }
            one(DType::String, shape)
        }
    }
}

pub(super) fn tf_idf(call: &mut Call<'_>, tf_idf: &TfIdf) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, TOKENS)?;
    vocabulary(call, tf_idf, x.dtype == DType::String)?;
    let out = call.count("out", tf_idf.out)?;
    match &x.shape[..] {
        [_] => one(DType::F32, vec![out]),
        [rows, _] => one(DType::F32, vec![rows.clone(), out]),
        _ => Err(call.fail("x must have rank 1 or 2")),
    }
}

/// Whether the tables agree with one another, so that those who count need not test it.
fn vocabulary(call: &Call<'_>, tf_idf: &TfIdf, is_text: bool) -> Result<(), TypeError> {
    call.positive("min_gram", tf_idf.min_gram)?;
    call.ensure(
        tf_idf.min_gram <= tf_idf.max_gram,
        "min_gram exceeds max_gram",
    )?;
    let (pool_len, other_len) = if is_text {
        (tf_idf.pool_strings.len(), tf_idf.pool_ints.len())
    } else {
        (tf_idf.pool_ints.len(), tf_idf.pool_strings.len())
    };
    call.ensure(other_len == 0, "the pool is of another type than x")?;
    let starts = &tf_idf.ngram_counts;
    call.ensure(
        starts.is_sorted() && starts.last().is_none_or(|&last| last <= pool_len),
        "ngram_counts do not rise within the pool",
    )?;
    let n_ngrams = n_ngrams(starts, pool_len);
    call.ensure(
        n_ngrams == Some(tf_idf.ngram_indexes.len()),
        "ngram_indexes do not match the pool",
    )?;
    call.ensure(
        tf_idf.ngram_indexes.iter().all(|&index| index < tf_idf.out),
        "ngram_indexes exceed the result",
    )?;
    if !tf_idf.weights.is_empty() {
        call.length("weights", tf_idf.weights.len(), tf_idf.ngram_indexes.len())?;
    }
    Ok(())
}

/// How many n-grams the pool holds; `None` where a part of it is no whole number of them.
fn n_ngrams(starts: &[usize], pool_len: usize) -> Option<usize> {
    let ends = starts.iter().skip(1).copied().chain([pool_len]);
    let mut total = 0usize;
    for (part_idx, (&start, end)) in starts.iter().zip(ends).enumerate() {
        let n_items = end.checked_sub(start)?;
        let gram_len = part_idx + 1;
        if n_items % gram_len != 0 {
            return None;
        }
        total = total.checked_add(n_items / gram_len)?;
    }
    Some(total)
}
