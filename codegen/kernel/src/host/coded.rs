//! Kernels on strings: every string becomes its rank among all that are there, a kernel moves or compares the ranks.
//!
//! Ranks keep equality and order, so every kernel that moves, compares for equality or sorts means the same on them.

use super::fail;
use super::value::{HostTensor, HostValue, StringTensor};
use crate::reference::{Call, KernelError, evaluate, scratch_bytes};
use crate::spec::KernelSpec;
use graphc_base::DType;

/// Runs a spec whose string operands and results are written as `i64`.
pub(super) fn call(
    spec: &KernelSpec,
    string_results: &[usize],
    inputs: &[&HostValue],
) -> Result<Vec<HostValue>, KernelError> {
    let bound = spec.bind(&[]).map_err(|error| fail(error.to_string()))?;
    if bound.inputs.len() != inputs.len() {
        return Err(fail(format!(
            "{} operands are given, {} taken",
            inputs.len(),
            bound.inputs.len()
        )));
    }
    let mut table: Vec<&str> = inputs
        .iter()
        .filter_map(|value| match value {
            HostValue::Strings(strings) => Some(strings.data.iter().map(String::as_str)),
            _ => None,
        })
        .flatten()
        .collect();
    table.sort_unstable();
    table.dedup();
    let mut coded = Vec::with_capacity(inputs.len());
    for (value, arg) in inputs.iter().zip(&bound.inputs) {
        let tensor = match value {
            HostValue::Tensor(tensor) => tensor.clone(),
            HostValue::Strings(strings) => {
                let ranks: Vec<i64> = strings
                    .data
                    .iter()
                    .map(|text| table.partition_point(|&other| other < text.as_str()) as i64)
                    .collect();
                HostTensor::from_elements(DType::I64, &[ranks.len()], &ranks)
                    .ok_or_else(|| fail("a string tensor is too large"))?
            }
            other => return Err(fail(format!("{} is no tensor", other.describe()))),
        };
        if tensor.dtype() != arg.dtype {
            return Err(fail(format!(
                "{} is not of dtype {}",
                value.describe(),
                arg.dtype
            )));
        }
        coded.push(tensor);
    }
    let mut results = bound
        .outputs
        .iter()
        .map(|arg| {
            HostTensor::zeros(arg.dtype, &arg.shape).ok_or_else(|| fail("a result is too large"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let input_bytes: Vec<&[u8]> = coded.iter().map(HostTensor::bytes).collect();
    let mut output_bytes: Vec<&mut [u8]> = results.iter_mut().map(HostTensor::bytes_mut).collect();
    let mut scratch = vec![0u64; scratch_bytes(&bound).div_ceil(8)];
    evaluate(&mut Call {
        spec: &bound,
        inputs: &input_bytes,
        outputs: &mut output_bytes,
        scratch: bytemuck::cast_slice_mut(&mut scratch),
    })?;
    results
        .into_iter()
        .enumerate()
        .map(|(result, tensor)| {
            if !string_results.contains(&result) {
                return Ok(HostValue::Tensor(tensor));
            }
            let ranks = tensor
                .elements::<i64>()
                .ok_or_else(|| fail("a string result is not written as i64"))?;
            let data = ranks
                .iter()
                .map(|&rank| {
                    let text = usize::try_from(rank).ok().and_then(|rank| table.get(rank));
                    text.map(|&text| text.to_owned())
                        .ok_or_else(|| fail(format!("{rank} stands for no string")))
                })
                .collect::<Result<Vec<_>, _>>()?;
            Ok(HostValue::Strings(StringTensor {
                shape: tensor.shape().to_vec(),
                data,
            }))
        })
        .collect()
}
