//! Binds and evaluates one kernel over given elements, for tests.

use super::{Call, KernelError, evaluate, scratch_bytes};
use crate::spec::{Kernel, KernelSpec, TensorArg, View};
use bytemuck::Pod;
use graphc_base::{DType, Dim};

/// One evaluation: operands and results are added in order.
pub(super) struct Run {
    spec: KernelSpec,
    inputs: Vec<Vec<u64>>,
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let mut words = vec![0u64; bytes.len().div_ceil(8)];
    bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
    words
}

fn dims(shape: &[i64]) -> Vec<Dim> {
    shape.iter().map(|&size| Dim::constant(size)).collect()
}

impl Run {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self {
            spec: KernelSpec {
                kernel,
                inputs: Vec::new(),
                outputs: Vec::new(),
            },
            inputs: Vec::new(),
        }
    }

    /// Adds a contiguous operand.
    pub(super) fn input<T: Pod>(mut self, dtype: DType, shape: &[i64], data: &[T]) -> Self {
        self.spec.inputs.push(TensorArg::new(dtype, dims(shape)));
        self.inputs.push(words(bytemuck::cast_slice(data)));
        self
    }

    /// Adds a viewed operand.
    pub(super) fn view<T: Pod>(
        mut self,
        dtype: DType,
        shape: &[i64],
        view: View,
        data: &[T],
    ) -> Self {
        self = self.input(dtype, shape, data);
        if let Some(arg) = self.spec.inputs.last_mut() {
            arg.view = Some(view);
        }
        self
    }

    /// Adds a result.
    pub(super) fn output(mut self, dtype: DType, shape: &[i64]) -> Self {
        self.spec.outputs.push(TensorArg::new(dtype, dims(shape)));
        self
    }

    /// Evaluates; one buffer per result, filled with ones before.
    pub(super) fn evaluate(&self) -> Result<Vec<Vec<u8>>, KernelError> {
        let spec = self.spec.bind(&[]).expect("spec binds");
        let inputs: Vec<&[u8]> = self
            .inputs
            .iter()
            .map(|words| bytemuck::cast_slice(words))
            .collect();
        let mut outputs: Vec<Vec<u64>> = spec
            .outputs
            .iter()
            .map(|arg| vec![u64::MAX; arg.byte_len().div_ceil(8)])
            .collect();
        let mut slices: Vec<&mut [u8]> = outputs
            .iter_mut()
            .map(|words| bytemuck::cast_slice_mut(words.as_mut_slice()))
            .collect();
        let mut scratch = vec![u64::MAX; scratch_bytes(&spec).div_ceil(8)];
        evaluate(&mut Call {
            spec: &spec,
            inputs: &inputs,
            outputs: &mut slices,
            scratch: bytemuck::cast_slice_mut(&mut scratch),
        })?;
        Ok(slices
            .iter()
            .zip(&spec.outputs)
            .map(|(bytes, arg)| bytes[..arg.byte_len()].to_vec())
            .collect())
    }

    /// The elements of the first result.
    pub(super) fn get<T: Pod>(&self) -> Vec<T> {
        let outputs = self.evaluate().expect("kernel runs");
        bytemuck::pod_collect_to_vec(&outputs[0])
    }

    /// The message of the failure.
    pub(super) fn error(&self) -> String {
        match self.evaluate() {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

/// Padding attributes from pairs.
pub(super) fn padding(pads: &[[i64; 2]]) -> Vec<graphc_base::attrs::Padding> {
    pads.iter()
        .map(|&[before, after]| graphc_base::attrs::Padding {
            before: Dim::constant(before),
            after: Dim::constant(after),
        })
        .collect()
}
