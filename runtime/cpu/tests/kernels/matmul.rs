//! Products of matrices.

use crate::harness::{Case, Random, Tensor};
use graphc_base::DType;
use graphc_kernel::Kernel;

fn product(a: &Tensor, b: &Tensor) -> Case {
    let (n_a, n_b) = (a.shape.len(), b.shape.len());
    let (batch_a, batch_b) = (&a.shape[..n_a - 2], &b.shape[..n_b - 2]);
    let rank = batch_a.len().max(batch_b.len());
    let size = |batch: &[usize], axis: usize| {
        (axis + batch.len())
            .checked_sub(rank)
            .map_or(1, |axis| batch[axis])
    };
    let mut shape: Vec<usize> = (0..rank)
        .map(|axis| match (size(batch_a, axis), size(batch_b, axis)) {
            (1, other) => other,
            (size, _) => size,
        })
        .collect();
    shape.extend([a.shape[n_a - 2], b.shape[n_b - 1]]);
    Case::new(Kernel::MatMul, &[a, b], a.dtype, &shape)
}

fn check(a: &Tensor, b: &Tensor) {
    product(a, b).sums_terms(a.shape[a.shape.len() - 1]);
}

#[test]
fn products_of_all_sizes() {
    let mut random = Random::new(1);
    let sizes = [
        [1, 1, 1],
        [1, 7, 3],
        [1, 128, 129],
        [1, 300, 40],
        [2, 129, 65],
        [3, 257, 31],
        [4, 33, 17],
        [5, 1, 700],
        [13, 31, 8],
        [14, 32, 128],
        [15, 33, 127],
        [28, 64, 385],
        [29, 16, 769],
        [127, 129, 31],
        [128, 17, 400],
        [129, 128, 13],
        [170, 40, 20],
        [337, 5, 3],
        [6, 515, 2],
    ];
    for [m, n, k] in sizes {
        let (a, b) = (
            random.tensor(DType::F32, &[m, k], 1.0),
            random.tensor(DType::F32, &[k, n], 1.0),
        );
        check(&a, &b);
        let a_transposed = random.tensor(DType::F32, &[k, m], 1.0).transposed();
        let b_transposed = random.tensor(DType::F32, &[n, k], 1.0).transposed();
        check(&a_transposed, &b);
        check(&a, &b_transposed);
        check(&a_transposed, &b_transposed);
    }
}

#[test]
fn products_over_no_depth_and_of_nothing() {
    let mut random = Random::new(2);
    for [m, n, k] in [
        [0, 3, 2],
        [3, 0, 2],
        [3, 2, 0],
        [1, 2, 0],
        [2, 1, 0],
        [40, 40, 0],
    ] {
        check(
            &random.tensor(DType::F32, &[m, k], 1.0),
            &random.tensor(DType::F32, &[k, n], 1.0),
        );
    }
    check(
        &random.tensor(DType::F32, &[0, 2, 3], 1.0),
        &random.tensor(DType::F32, &[3, 4], 1.0),
    );
}

#[test]
fn batches_broadcast() {
    let mut random = Random::new(3);
    let batches: [[&[usize]; 2]; 7] = [
        [&[3], &[]],
        [&[], &[3]],
        [&[2, 1, 3], &[5, 1]],
        [&[2, 3], &[2, 3]],
        [&[2, 1], &[1, 3]],
        [&[1, 1, 1, 1, 1, 2], &[3, 1]],
        [&[2, 4], &[4]],
    ];
    for [a, b] in batches {
        for [m, n, k] in [[1, 1, 5], [1, 37, 5], [17, 1, 5], [5, 33, 19]] {
            let a = random.tensor(DType::F32, &[a, &[m, k]].concat(), 1.0);
            let b = random.tensor(DType::F32, &[b, &[k, n]].concat(), 1.0);
            check(&a, &b);
        }
    }
}

#[test]
fn views_step_over_repeat_and_reverse_elements() {
    let mut random = Random::new(4);
    let (m, n, k) = (19, 37, 21);
    let buffer = || Random::new(5).tensor(DType::F32, &[5000], 1.0);
    let dense = random.tensor(DType::F32, &[k, n], 1.0);
    for (offset, strides) in [
        (7, [50, 2]),
        (900, [-21, -1]),
        (0, [0, 1]),
        (3, [1, 0]),
        (4, [2, 60]),
    ] {
        check(&buffer().viewed(&[m, k], offset, &strides), &dense);
    }
    let dense = random.tensor(DType::F32, &[m, k], 1.0);
    for (offset, strides) in [
        (7, [100, 2]),
        (900, [-37, -1]),
        (0, [0, 1]),
        (3, [1, 0]),
        (800, [-37, 1]),
    ] {
        check(&dense, &buffer().viewed(&[k, n], offset, &strides));
    }
    let heads = buffer().viewed(&[2, 3, 19, 21], 5, &[1200, 21, 63, 1]);
    check(&heads, &random.tensor(DType::F32, &[21, 40], 1.0));
}

#[test]
fn nan_and_infinity_stay_in_their_rows() {
    let mut random = Random::new(6);
    let mut values: Vec<f64> = (0..20 * 9).map(|_| random.signed()).collect();
    (values[9], values[40], values[41]) = (f64::NAN, f64::INFINITY, f64::NEG_INFINITY);
    let a = Tensor::new(DType::F32, &[20, 9], &values);
    check(&a, &random.tensor(DType::F32, &[9, 35], 1.0));
}

#[test]
fn integers_wrap_and_doubles_are_precise() {
    let mut random = Random::new(7);
    for dtype in [
        DType::I32,
        DType::U8,
        DType::I8,
        DType::I64,
        DType::U32,
        DType::F64,
    ] {
        for [m, n, k] in [
            [1, 1, 1],
            [1, 70, 9],
            [70, 1, 9],
            [5, 33, 17],
            [67, 130, 40],
            [3, 2, 0],
        ] {
            let (a, b) = (
                random.tensor(dtype, &[2, m, k], 1e5),
                random.tensor(dtype, &[k, n], 1e5),
            );
            let c = random.tensor(dtype, &[n, k], 1e5).transposed();
            for b in [b, c] {
                match dtype {
                    DType::F64 => check(&a, &b),
                    _ => product(&a, &b).is_exact(),
                }
            }
        }
    }
}

#[test]
fn halves_are_summed_wide() {
    let mut random = Random::new(8);
    for dtype in [DType::F16, DType::BF16] {
        for [m, n, k] in [[1, 1, 1], [1, 70, 9], [40, 1, 9], [17, 130, 385], [3, 2, 0]] {
            let (a, b) = (
                random.tensor(dtype, &[m, k], 1.0),
                random.tensor(dtype, &[n, k], 1.0).transposed(),
            );
            check(&a, &b);
        }
    }
}
