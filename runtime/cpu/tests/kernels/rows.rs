//! Softmax, norms and reductions.

use crate::harness::{Case, Random, Tensor, values};
use graphc_base::attrs::ReduceKind;
use graphc_base::{DType, Dim, Real};
use graphc_kernel::Kernel;

const EPS: f64 = f32::EPSILON as f64;

#[test]
fn softmax_of_rows_and_columns() {
    let mut random = Random::new(1);
    for (shape, axis) in [
        (&[1][..], 0),
        (&[3, 1], 1),
        (&[5, 7], 1),
        (&[5, 7], 0),
        (&[2, 12, 64, 129], 3),
        (&[3, 127, 65], 1),
        (&[2, 5000], 1),
        (&[0, 4], 1),
        (&[4, 0], 1),
    ] {
        for log in [false, true] {
            let x = random.tensor(DType::F32, shape, 30.0);
            let case = Case::new(Kernel::Softmax { axis, log }, &[&x], DType::F32, shape);
            let y = values(DType::F32, &case.reference().expect("reference runs")[0]);
            // The shift by the largest element rounds; the exponential turns that into a relative error.
            let distances: Vec<f64> = y
                .iter()
                .map(|y| {
                    if log {
                        (4.0 + y.abs()) * EPS
                    } else {
                        y * (8.0 - y.ln()) * EPS + 1e-44
                    }
                })
                .collect();
            case.is_within(&distances);
        }
    }
}

#[test]
fn softmax_of_infinities_and_nan() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let rows = [
        [-inf, 0.0, 1.0, -inf],
        [-inf, -inf, -inf, -inf],
        [inf, 0.0, 1.0, 2.0],
        [0.0, nan, 1.0, 2.0],
        [-3e38, 3e38, 0.0, -inf],
    ];
    for log in [false, true] {
        let x = Tensor::new(DType::F32, &[5, 4], &rows.concat());
        let case = Case::new(Kernel::Softmax { axis: 1, log }, &[&x], DType::F32, &[5, 4]);
        let y = values(DType::F32, &case.reference().expect("reference runs")[0]);
        let distances: Vec<f64> = y.iter().map(|y| 4.0 * EPS * (1.0 + y.abs())).collect();
        case.is_within(&distances);
        let transposed: Vec<f64> = (0..20).map(|at| rows[at % 5][at / 5]).collect();
        let x = Tensor::new(DType::F32, &[4, 5], &transposed);
        let case = Case::new(Kernel::Softmax { axis: 0, log }, &[&x], DType::F32, &[4, 5]);
        let y = values(DType::F32, &case.reference().expect("reference runs")[0]);
        let distances: Vec<f64> = y.iter().map(|y| 4.0 * EPS * (1.0 + y.abs())).collect();
        case.is_within(&distances);
    }
}

/// Terms of a norm: distances over the deviation (at most √n) times scales below 1, and a bias below 1.
fn check_norm(kernel: Kernel, inputs: &[&Tensor], n_row: usize) {
    let shape = inputs[0].shape.clone();
    let case = Case::new(kernel, inputs, DType::F32, &shape);
    let y = values(DType::F32, &case.reference().expect("reference runs")[0]);
    let factor = (2.0 + (n_row as f64).sqrt() / 8.0) * EPS;
    let distances: Vec<f64> = y.iter().map(|y| factor * (y.abs() + 2.0)).collect();
    case.is_within(&distances);
}

#[test]
fn layer_and_rms_norm() {
    let mut random = Random::new(2);
    let epsilon = Real::new(1e-5);
    for (shape, axis) in [
        (&[3, 5][..], 1),
        (&[2, 3, 768], 2),
        (&[40, 127, 65], 1),
        (&[7], 0),
        (&[2, 0], 1),
        (&[0, 3], 1),
        (&[2, 5000], 1),
    ] {
        let x = random.tensor(DType::F32, shape, 3.0);
        let row = &shape[axis..];
        let scale = random.tensor(DType::F32, row, 1.0);
        let bias = random.tensor(
            DType::F32,
            &[&[1][..], row].concat()[usize::from(axis == 0)..],
            1.0,
        );
        let n_row = row.iter().product();
        let layer = || Kernel::LayerNorm { axis, epsilon };
        check_norm(layer(), &[&x], n_row);
        check_norm(layer(), &[&x, &scale], n_row);
        check_norm(layer(), &[&x, &scale, &bias], n_row);
        let rms = || Kernel::RmsNorm { axis, epsilon };
        check_norm(rms(), &[&x], n_row);
        check_norm(rms(), &[&x, &scale], n_row);
    }
}

#[test]
fn a_mean_far_from_zero_keeps_the_distances() {
    let mut random = Random::new(3);
    let numbers: Vec<f64> = (0..4 * 512)
        .map(|_| f64::from((1000.3 + random.signed()) as f32))
        .collect();
    let x = Tensor::new(DType::F32, &[4, 512], &numbers);
    let kernel = Kernel::LayerNorm {
        axis: 1,
        epsilon: Real::new(1e-5),
    };
    check_norm(kernel, &[&x], 512);
}

#[test]
fn norms_of_nan_and_infinity() {
    let mut random = Random::new(7);
    let mut numbers: Vec<f64> = (0..6 * 70).map(|_| random.signed()).collect();
    (numbers[3], numbers[80], numbers[215], numbers[216]) =
        (f64::NAN, f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY);
    let x = Tensor::new(DType::F32, &[6, 70], &numbers);
    let epsilon = Real::new(1e-5);
    check_norm(Kernel::LayerNorm { axis: 1, epsilon }, &[&x], 70);
    check_norm(Kernel::RmsNorm { axis: 1, epsilon }, &[&x], 70);
}

#[test]
fn group_norm_of_channels() {
    let mut random = Random::new(4);
    for (shape, groups) in [
        (&[2, 6, 5, 7][..], 3),
        (&[1, 8, 300], 8),
        (&[3, 4], 2),
        (&[2, 32, 28, 28], 1),
        (&[2, 4, 0], 2),
    ] {
        let x = random.tensor(DType::F32, shape, 3.0);
        let scale = random.tensor(DType::F32, &shape[1..2], 1.0);
        let bias = random.tensor(DType::F32, &shape[1..2], 1.0);
        let n_row = shape[1..].iter().product::<usize>() / groups;
        let kernel = || Kernel::GroupNorm {
            groups: Dim::constant(groups as i64),
            epsilon: Real::new(1e-5),
        };
        check_norm(kernel(), &[&x], n_row);
        check_norm(kernel(), &[&x, &scale, &bias], n_row);
    }
}

const KINDS: [ReduceKind; 5] = [
    ReduceKind::Sum,
    ReduceKind::Mean,
    ReduceKind::Prod,
    ReduceKind::Max,
    ReduceKind::Min,
];

fn reduce(x: &Tensor, kind: ReduceKind, flags: &[i64]) -> Case {
    let reduced = flags.iter().map(|&flag| Dim::constant(flag)).collect();
    let y: Vec<usize> = x
        .shape
        .iter()
        .zip(flags)
        .map(|(&size, &flag)| if flag == 1 { 1 } else { size })
        .collect();
    Case::new(Kernel::Reduce { kind, reduced }, &[x], DType::F32, &y)
}

#[test]
fn reductions_over_any_axes() {
    let mut random = Random::new(5);
    for (shape, flags) in [
        (&[7][..], &[1][..]),
        (&[7], &[0]),
        (&[], &[]),
        (&[3, 129], &[0, 1]),
        (&[129, 65], &[1, 0]),
        (&[2, 64, 7, 7], &[0, 0, 1, 1]),
        (&[2, 3, 4, 5], &[1, 0, 1, 0]),
        (&[2, 3, 4, 5], &[0, 1, 0, 1]),
        (&[2, 3, 4, 5], &[1, 1, 1, 1]),
        (&[1, 3, 1, 5], &[1, 0, 0, 1]),
        (&[40, 30, 200], &[0, 1, 0]),
        (&[2, 20_000], &[0, 1]),
        (&[3, 0], &[0, 1]),
        (&[0, 3], &[0, 1]),
        (&[0, 3], &[1, 0]),
    ] {
        let x = random.tensor(DType::F32, shape, 1.3);
        let n: usize = shape
            .iter()
            .zip(flags)
            .filter(|(_, flag)| **flag == 1)
            .map(|(size, _)| size)
            .product();
        for kind in KINDS {
            let case = reduce(&x, kind, flags);
            match kind {
                ReduceKind::Max | ReduceKind::Min => case.is_exact(),
                _ => case.sums_terms(n),
            }
        }
    }
}

#[test]
fn nan_decides_an_extremum() {
    let mut random = Random::new(6);
    let mut numbers: Vec<f64> = (0..600).map(|_| random.signed()).collect();
    for position in [0, 77, 299, 420] {
        numbers[position] = f64::NAN;
    }
    numbers[100] = f64::INFINITY;
    let x = Tensor::new(DType::F32, &[6, 100], &numbers);
    for kind in KINDS {
        for flags in [[0, 1], [1, 0], [1, 1]] {
            reduce(&x, kind, &flags).sums_terms(100);
        }
    }
}

#[test]
fn rows_of_halves() {
    let mut random = Random::new(8);
    for dtype in [DType::F16, DType::BF16] {
        let x = random.tensor(dtype, &[6, 500], 3.0);
        let distance = crate::harness::epsilon(dtype);
        let softmax = Case::new(
            Kernel::Softmax {
                axis: 1,
                log: false,
            },
            &[&x],
            dtype,
            &[6, 500],
        );
        softmax.is_within(&vec![distance / 100.0; 3000]);
        let kernel = Kernel::LayerNorm {
            axis: 1,
            epsilon: Real::new(1e-5),
        };
        let scale = random.tensor(dtype, &[500], 1.0);
        Case::new(kernel, &[&x, &scale], dtype, &[6, 500]).is_within(&vec![2.0 * distance; 3000]);
        let reduced = vec![Dim::ZERO, Dim::ONE];
        let kernel = Kernel::Reduce {
            kind: ReduceKind::Max,
            reduced,
        };
        Case::new(kernel, &[&x], dtype, &[6, 1]).is_exact();
    }
}
