//! Counts of n-grams (ONNX TfIdfVectorizer), whose tables typing has tested.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use graphc_base::DType;
use graphc_ir::op::{TfIdf, TfIdfWeighting};
use std::collections::BTreeMap;

pub(super) fn tf_idf(call: &Call<'_>, tf_idf: &TfIdf) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let n_columns = x.shape()[x.rank() - 1];
    let counts = if x.dtype() == DType::String {
        let tokens = x.slice::<String>()?;
        let pool = Pool::new(tf_idf, &tf_idf.pool_strings);
        rows(tokens, n_columns)
            .map(|row| pool.count(row))
            .collect::<Vec<_>>()
    } else {
        let tokens = x.to_i64()?;
        let pool = Pool::new(tf_idf, &tf_idf.pool_ints);
        rows(&tokens, n_columns)
            .map(|row| pool.count(row))
            .collect()
    };
    let mut result = Vec::with_capacity(shape.iter().product());
    for counts in counts {
        let mut row = vec![0f32; tf_idf.out];
        for (ngram, &count) in counts.iter().enumerate() {
            let weight = tf_idf.weights.get(ngram).map_or(1.0, |weight| weight.get());
            let value = match tf_idf.weighting {
                TfIdfWeighting::Tf => count as f64,
                TfIdfWeighting::Idf => {
                    if count > 0 {
                        weight
                    } else {
                        0.0
                    }
                }
                TfIdfWeighting::TfIdf => count as f64 * weight,
            };
            if count > 0 {
                row[tf_idf.ngram_indexes[ngram]] += value as f32;
            }
        }
        result.extend(row);
    }
    // A matrix without columns still has rows.
    result.resize(shape.iter().product(), 0.0);
    Tensor::of::<f32>(&shape, result)
}

fn rows<T>(tokens: &[T], n_columns: usize) -> impl Iterator<Item = &[T]> {
    tokens.chunks_exact(n_columns.max(1))
}

struct Pool<'a, T> {
    tf_idf: &'a TfIdf,
    /// Number of each n-gram of the vocabulary.
    ngrams: BTreeMap<&'a [T], usize>,
}

impl<'a, T: Ord + Clone> Pool<'a, T> {
    fn new(tf_idf: &'a TfIdf, pool: &'a [T]) -> Self {
        let mut ngrams = BTreeMap::new();
        let starts = &tf_idf.ngram_counts;
        let ends = starts.iter().skip(1).copied().chain([pool.len()]);
        for (part_idx, (&start, end)) in starts.iter().zip(ends).enumerate() {
            for ngram in pool[start..end].chunks_exact(part_idx + 1) {
                let number = ngrams.len();
                ngrams.entry(ngram).or_insert(number);
            }
        }
        Self { tf_idf, ngrams }
    }

    /// How often each n-gram of the vocabulary occurs, with up to `max_skip` tokens left out between neighbours.
    fn count(&self, row: &[T]) -> Vec<usize> {
        let mut counts = vec![0; self.tf_idf.ngram_indexes.len()];
        // Longer n-grams than the row cannot occur, whatever the attribute says.
        let longest = self.tf_idf.max_gram.min(row.len());
        for len in self.tf_idf.min_gram..=longest {
            // Single tokens have no neighbours to skip to.
            let max_skip = if len == 1 {
                0
            } else {
                self.tf_idf.max_skip.min(row.len())
            };
            for distance in 1..=max_skip + 1 {
                let span = (len - 1) * distance;
                for start in 0..row.len().saturating_sub(span) {
                    let ngram: Vec<T> = (0..len)
                        .map(|idx| row[start + idx * distance].clone())
                        .collect();
                    if let Some(&number) = self.ngrams.get(&ngram[..]) {
                        counts[number] += 1;
                    }
                }
            }
        }
        counts
    }
}
