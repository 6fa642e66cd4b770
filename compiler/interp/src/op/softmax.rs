//! Softmax and its logarithm, in `f64`.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use crate::walk::Split;

pub(super) fn softmax(call: &Call<'_>, axis: usize, is_log: bool) -> Result<Tensor> {
    let x = call.input(0)?;
    let split = Split::at(x.shape(), axis);
    let mut values = x.to_f64()?;
    let mut line = vec![0.0; split.size];
    for outer in 0..split.outer {
        for inner in 0..split.inner {
            for (idx, slot) in line.iter_mut().enumerate() {
                *slot = values[split.at_index(outer, idx, inner)];
            }
            let max = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = line.iter().map(|x| (x - max).exp()).sum();
            let log_sum = sum.ln();
            for (idx, x) in line.iter().enumerate() {
                values[split.at_index(outer, idx, inner)] = if is_log {
                    x - max - log_sum
                } else {
                    (x - max).exp() / sum
                };
            }
        }
    }
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}
