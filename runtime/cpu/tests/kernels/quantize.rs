//! Quantisation, which is exact both ways.

use crate::harness::{Case, Random, Tensor};
use graphc_base::DType;
use graphc_kernel::Kernel;

/// Scales and zero points: one, one for each position along an axis.
fn check(shape: &[usize], axis: Option<usize>, n_scales: usize) {
    let mut random = Random::new(1);
    let n_elements = shape.iter().product::<usize>();
    let mut numbers: Vec<f64> = (0..n_elements).map(|_| random.signed() * 40.0).collect();
    for (number, special) in numbers
        .iter_mut()
        .zip([f64::NAN, f64::INFINITY, -1e30, 0.5, -1.5])
    {
        *number = special;
    }
    let scale_shape: Vec<usize> = if axis.is_some() {
        vec![n_scales]
    } else {
        Vec::new()
    };
    let scale = random.tensor(DType::F32, &scale_shape, 0.3).magnitudes();
    let x = Tensor::new(DType::F32, shape, &numbers);
    for dtype in [DType::U8, DType::I8, DType::I32] {
        let zero_point = random.tensor(dtype, &scale_shape, 100.0);
        let q = random.tensor(dtype, shape, if dtype == DType::I32 { 2e9 } else { 120.0 });
        for n_inputs in [2, 3] {
            if dtype != DType::I32 {
                let kernel = Kernel::Quantize {
                    axis,
                    block: 0,
                    saturate: true,
                };
                let inputs = [&x, &scale, &zero_point];
                Case::new(kernel, &inputs[..n_inputs], dtype, shape).is_exact();
            }
            let kernel = Kernel::Dequantize { axis, block: 0 };
            let inputs = [&q, &scale, &zero_point];
            Case::new(kernel, &inputs[..n_inputs], DType::F32, shape).is_exact();
        }
    }
}

#[test]
fn one_scale_or_one_for_each_position() {
    check(&[7], None, 1);
    check(&[3, 40_000], None, 1);
    check(&[3, 40], Some(1), 40);
    check(&[3, 40], Some(0), 3);
    check(&[5, 4, 9000], Some(1), 4);
    check(&[700, 130], Some(1), 130);
    check(&[5, 1], Some(1), 1);
    check(&[0, 3], Some(1), 3);
}
