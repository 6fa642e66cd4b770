//! What a kernel costs at bound sizes: arithmetic and traffic, as reports show them.
//!
//! A multiplication with its addition counts as two operations; an instruction of a scalar program, a comparison and a
//! step of a reduction as one. Movement of data counts none. Traffic is each tensor once, however often it is read.

use crate::spec::{BoundArg, BoundSpec, Kernel};
use serde::{Deserialize, Serialize};

/// Operations of softmax per element: maximum, difference, exponential, sum, quotient.
const SOFTMAX_OPS: u64 = 5;

/// Operations of a normalisation per element: mean, difference, square, sum, product with the deviation, scale, bias.
const NORM_OPS: u64 = 7;

/// What one launch costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Arithmetic operations.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

impl BoundSpec {
    /// Arithmetic and traffic of one launch; huge sizes saturate.
    pub fn cost(&self) -> Cost {
        let bytes = |args: &[BoundArg]| args.iter().map(traffic).fold(0, u64::saturating_add);
        let (mut read, written) = (bytes(&self.inputs), bytes(&self.outputs));
        let picks = matches!(
            self.kernel,
            Kernel::Gather { .. } | Kernel::GatherElements { .. } | Kernel::GatherNd { .. }
        );
        if let (true, Some(table)) = (picks, self.inputs.first()) {
            // Of the table only what is picked is read.
            read = read - traffic(table) + traffic(table).min(written);
        }
        Cost {
            flops: self.flops(),
            bytes: read.saturating_add(written),
        }
    }

    fn flops(&self) -> u64 {
        let input = |idx: usize| self.inputs.get(idx).map_or(0, n_elements);
        let output = self.outputs.first().map_or(0, n_elements);
        let last_axis = |idx: usize| {
            let size = self.inputs.get(idx).and_then(|arg| arg.shape.last());
            size.map_or(1, |&size| size as u64)
        };
        let first_axis = |idx: usize| {
            let size = self.inputs.get(idx).and_then(|arg| arg.shape.first());
            size.map_or(1, |&size| (size as u64).max(1))
        };
        match &self.kernel {
            Kernel::Pointwise(program) => output.saturating_mul(program.instructions.len() as u64),
            Kernel::Quantize { .. } | Kernel::Dequantize { .. } => output.saturating_mul(2),
            Kernel::Random { .. } | Kernel::LabelMap(_) => output,
            Kernel::Reduce { .. }
            | Kernel::ArgReduce { .. }
            | Kernel::Cumulative { .. }
            | Kernel::TopK { .. }
            | Kernel::NonZero
            | Kernel::Unique { .. } => input(0),
            Kernel::Softmax { .. } => output.saturating_mul(SOFTMAX_OPS),
            Kernel::LayerNorm { .. } | Kernel::RmsNorm { .. } | Kernel::GroupNorm { .. } => {
                output.saturating_mul(NORM_OPS)
            }
            Kernel::LocalResponseNorm { size, .. } => {
                output.saturating_mul((*size as u64).saturating_mul(2))
            }
            Kernel::MatMul => output.saturating_mul(last_axis(0)).saturating_mul(2),
            // Every output channel has its own slice of the weights, in a transposed convolution every input channel.
            Kernel::Conv(_) | Kernel::DeformConv(_) => output
                .saturating_mul(input(1) / first_axis(1))
                .saturating_mul(2),
            Kernel::ConvTranspose(_) => input(0)
                .saturating_mul(input(1) / first_axis(1))
                .saturating_mul(2),
            // Each step of each row meets all weights of input and of state.
            Kernel::Recurrent(_) => (input(0) / last_axis(0).max(1))
                .saturating_mul(input(1).saturating_add(input(2)))
                .saturating_mul(2),
            Kernel::Det => input(0).saturating_mul(last_axis(0)),
            Kernel::Dft { axis, .. } => {
                let size = axis.as_const().and_then(|axis| {
                    let shape = &self.inputs.first()?.shape;
                    shape.get(usize::try_from(axis).ok()?).copied()
                });
                output
                    .saturating_mul(size.unwrap_or(1) as u64)
                    .saturating_mul(4)
            }
            Kernel::Pool(pool) | Kernel::MaxPoolIndices(crate::PoolIndices { pool, .. }) => {
                let window = pool.kernel.iter().map(|&size| size as u64);
                output.saturating_mul(window.fold(1, u64::saturating_mul))
            }
            Kernel::Resize(_)
            | Kernel::GridSample(_)
            | Kernel::RoiAlign(_)
            | Kernel::MaxRoiPool { .. }
            | Kernel::TfIdf(_)
            | Kernel::TreeEnsemble(_) => output,
            Kernel::NonMaxSuppression { .. } => input(1),
            Kernel::Copy
            | Kernel::Concat { .. }
            | Kernel::Pad { .. }
            | Kernel::Tile
            | Kernel::Dims(_)
            | Kernel::Iota
            | Kernel::MaxUnpool
            | Kernel::Col2Im(_)
            | Kernel::Gather { .. }
            | Kernel::GatherElements { .. }
            | Kernel::GatherNd { .. }
            | Kernel::ScatterElements { .. }
            | Kernel::ScatterNd { .. }
            | Kernel::ReverseSequence { .. } => 0,
        }
    }
}

fn n_elements(arg: &BoundArg) -> u64 {
    let sizes = arg.shape.iter().map(|&size| size as u64);
    sizes.fold(1, u64::saturating_mul)
}

/// Bytes of an argument; where a view repeats elements, those of its buffer.
fn traffic(arg: &BoundArg) -> u64 {
    let bytes = |n: u64| n.saturating_mul(arg.dtype.bits() as u64).div_ceil(8);
    let viewed = bytes(n_elements(arg));
    match arg.buffer_elements() {
        Some(n) => viewed.min(bytes(n as u64)),
        None => viewed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KernelSpec, TensorArg};
    use graphc_base::{DType, Dim};

    fn arg(shape: &[i64]) -> TensorArg {
        TensorArg::new(
            DType::F32,
            shape.iter().map(|&n| Dim::constant(n)).collect(),
        )
    }

    fn cost(kernel: Kernel, inputs: &[&[i64]], output: &[i64]) -> Cost {
        let spec = KernelSpec {
            kernel,
            inputs: inputs.iter().map(|shape| arg(shape)).collect(),
            outputs: vec![arg(output)],
        };
        spec.bind(&[]).unwrap().cost()
    }

    #[test]
    fn matmul_counts_a_multiplication_and_an_addition_per_term() {
        let found = cost(Kernel::MatMul, &[&[2, 3, 5], &[5, 7]], &[2, 3, 7]);
        assert_eq!(found.flops, 2 * 2 * 3 * 7 * 5);
        assert_eq!(found.bytes, 4 * (30 + 35 + 42));
    }

    #[test]
    fn moves_count_traffic_only() {
        let found = cost(Kernel::Copy, &[&[4, 8]], &[4, 8]);
        assert_eq!(
            found,
            Cost {
                flops: 0,
                bytes: 256
            }
        );
    }

    #[test]
    fn a_gather_reads_what_it_picks() {
        let found = cost(Kernel::Gather { axis: 0 }, &[&[1000, 4], &[2]], &[2, 4]);
        assert_eq!(found.bytes, 4 * (8 + 2 + 8));
    }

    #[test]
    fn a_softmax_counts_per_element() {
        let softmax = Kernel::Softmax {
            axis: 1,
            log: false,
        };
        assert_eq!(cost(softmax, &[&[4, 8]], &[4, 8]).flops, 32 * SOFTMAX_OPS);
    }
}
