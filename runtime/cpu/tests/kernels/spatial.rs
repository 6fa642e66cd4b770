//! Convolutions and pooling.

use crate::harness::{Case, Random, Tensor};
use graphc_base::attrs::{Conv, ConvTranspose, Padding, Pool, PoolKind};
use graphc_base::{DType, Dim};
use graphc_kernel::Kernel;

fn padding(pads: &[[i64; 2]]) -> Vec<Padding> {
    pads.iter()
        .map(|&[before, after]| Padding {
            before: Dim::constant(before),
            after: Dim::constant(after),
        })
        .collect()
}

/// A window's attributes, one entry per spatial axis.
struct Window<'a> {
    kernel: &'a [usize],
    strides: &'a [usize],
    dilations: &'a [usize],
    pads: &'a [[i64; 2]],
}

impl Window<'_> {
    fn out(&self, size: &[usize]) -> Vec<usize> {
        (0..size.len())
            .map(|axis| {
                let reach = ((self.kernel[axis] - 1) * self.dilations[axis] + 1) as i64;
                let room = size[axis] as i64 + self.pads[axis][0] + self.pads[axis][1] - reach;
                (room.div_euclid(self.strides[axis] as i64) + 1).max(0) as usize
            })
            .collect()
    }
}

/// Convolution of samples × channels × size to a number of channels, with and without bias.
fn check_conv(x: &[usize], n_out: usize, groups: usize, window: &Window<'_>) {
    let mut random = Random::new(1);
    let kernel = Kernel::Conv(Conv {
        strides: window.strides.to_vec(),
        pads: padding(window.pads),
        dilations: window.dilations.to_vec(),
        groups,
    });
    let weights = [&[n_out, x[1] / groups], window.kernel].concat();
    let y = [&[x[0], n_out][..], &window.out(&x[2..])].concat();
    let x = random.tensor(DType::F32, x, 1.0);
    let w = random.tensor(DType::F32, &weights, 1.0);
    let bias = random.tensor(DType::F32, &[n_out], 1.0);
    let n_terms: usize = weights[1..].iter().product();
    Case::new(kernel.clone(), &[&x, &w], DType::F32, &y).sums_terms(n_terms);
    Case::new(kernel, &[&x, &w, &bias], DType::F32, &y).sums_terms(n_terms + 1);
}

/// Two spatial axes that are treated alike.
fn check_square(
    x: &[usize],
    n_out: usize,
    groups: usize,
    [kernel, stride, dilation]: [usize; 3],
    pad: [i64; 2],
) {
    let window = Window {
        kernel: &[kernel; 2],
        strides: &[stride; 2],
        dilations: &[dilation; 2],
        pads: &[pad; 2],
    };
    check_conv(x, n_out, groups, &window);
}

#[test]
fn convolutions_of_planes() {
    check_square(&[1, 3, 12, 12], 8, 1, [3, 1, 1], [1, 1]);
    check_square(&[2, 5, 9, 37], 17, 1, [3, 1, 1], [1, 1]);
    check_square(&[1, 3, 40, 40], 16, 1, [7, 2, 1], [3, 3]);
    check_square(&[1, 64, 14, 14], 33, 1, [1, 1, 1], [0, 0]);
    check_square(&[1, 16, 15, 15], 8, 1, [1, 2, 1], [0, 0]);
    check_square(&[1, 6, 11, 13], 4, 1, [3, 1, 2], [2, 2]);
    check_square(&[1, 6, 11, 13], 4, 1, [3, 3, 2], [0, 1]);
    check_square(&[1, 6, 11, 13], 4, 1, [5, 1, 1], [-1, 2]);
    check_square(&[3, 7, 5, 5], 6, 1, [5, 1, 1], [0, 0]);
    check_square(&[1, 48, 7, 7], 20, 1, [3, 1, 1], [1, 1]);
    check_square(&[1, 2, 3, 3], 3, 1, [2, 1, 1], [5, 5]);
    check_square(&[1, 1, 30, 30], 24, 1, [24, 1, 1], [12, 11]);
}

#[test]
fn convolutions_in_groups() {
    check_square(&[2, 8, 10, 10], 12, 4, [3, 1, 1], [1, 1]);
    check_square(&[1, 8, 9, 80], 8, 8, [3, 1, 1], [1, 1]);
    check_square(&[1, 8, 19, 80], 8, 8, [5, 2, 1], [2, 2]);
    check_square(&[2, 6, 20, 21], 12, 6, [3, 3, 1], [1, 0]);
    check_square(&[1, 4, 20, 40], 4, 4, [3, 1, 3], [3, 3]);
    check_square(&[1, 4, 7, 7], 4, 4, [5, 1, 1], [2, 2]);
    check_square(&[1, 4, 3, 3], 64, 4, [2, 1, 1], [0, 0]);
}

#[test]
fn convolutions_of_one_and_three_axes() {
    check_conv(
        &[2, 5, 100],
        7,
        1,
        &Window {
            kernel: &[9],
            strides: &[2],
            dilations: &[1],
            pads: &[[4, 4]],
        },
    );
    check_conv(
        &[1, 3, 5, 6, 7],
        4,
        1,
        &Window {
            kernel: &[2, 3, 1],
            strides: &[1, 2, 1],
            dilations: &[2, 1, 1],
            pads: &[[0, 1], [1, 1], [0, 0]],
        },
    );
    check_conv(
        &[1, 6, 5, 6, 40],
        6,
        6,
        &Window {
            kernel: &[2, 3, 3],
            strides: &[1, 2, 1],
            dilations: &[2, 1, 1],
            pads: &[[0, 1], [1, 1], [1, 1]],
        },
    );
}

fn check_pool(kind: PoolKind, x: &Tensor, window: &Window<'_>) {
    let out = window.out(&x.shape[2..]);
    let y = [&x.shape[..2], &out].concat();
    let pool = Pool {
        kind,
        kernel: window.kernel.to_vec(),
        strides: window.strides.to_vec(),
        pads: padding(window.pads),
        dilations: window.dilations.to_vec(),
        out: out.iter().map(|&size| Dim::constant(size as i64)).collect(),
    };
    let case = Case::new(Kernel::Pool(pool), &[x], DType::F32, &y);
    match kind {
        PoolKind::Max => case.is_exact(),
        _ => case.sums_terms(window.kernel.iter().product()),
    }
}

const KINDS: [PoolKind; 3] = [
    PoolKind::Max,
    PoolKind::Average {
        count_include_pad: false,
    },
    PoolKind::Average {
        count_include_pad: true,
    },
];

#[test]
fn pools_of_planes() {
    let mut random = Random::new(2);
    for (size, kernel, strides, dilations, pads) in [
        ([12, 12], [2, 2], [2, 2], [1, 1], [[0, 0], [0, 0]]),
        ([13, 80], [3, 3], [2, 2], [1, 1], [[1, 1], [1, 1]]),
        ([13, 80], [3, 3], [1, 1], [1, 1], [[1, 1], [1, 1]]),
        ([9, 50], [2, 5], [3, 1], [2, 3], [[1, 0], [4, 2]]),
        ([20, 30], [20, 30], [1, 1], [1, 1], [[0, 0], [0, 0]]),
        ([20, 30], [5, 17], [2, 5], [1, 1], [[2, 1], [8, 9]]),
        ([3, 3], [2, 2], [2, 2], [1, 1], [[3, 3], [4, 4]]),
    ] {
        let x = random.tensor(DType::F32, &[2, 3, size[0], size[1]], 1.0);
        for kind in KINDS {
            check_pool(
                kind,
                &x,
                &Window {
                    kernel: &kernel,
                    strides: &strides,
                    dilations: &dilations,
                    pads: &pads,
                },
            );
        }
    }
}

#[test]
fn a_maximum_with_nan_is_nan() {
    let mut numbers: Vec<f64> = (0..200).map(f64::from).collect();
    for position in [0, 1, 50, 51, 52, 53, 54, 120] {
        numbers[position] = f64::NAN;
    }
    let x = Tensor::new(DType::F32, &[1, 2, 100], &numbers);
    let window = Window {
        kernel: &[3],
        strides: &[1],
        dilations: &[1],
        pads: &[[1, 1]],
    };
    check_pool(PoolKind::Max, &x, &window);
    let window = Window {
        kernel: &[20],
        strides: &[2],
        dilations: &[1],
        pads: &[[19, 30]],
    };
    check_pool(PoolKind::Max, &x, &window);
}

/// Transposed convolution of samples × channels × size to a number of channels in each group.
fn check_transposed(x: &[usize], n_out: usize, groups: usize, window: &Window<'_>, extra: &[i64]) {
    let mut random = Random::new(3);
    let kernel = Kernel::ConvTranspose(ConvTranspose {
        strides: window.strides.to_vec(),
        pads: padding(window.pads),
        dilations: window.dilations.to_vec(),
        output_padding: extra.iter().map(|&size| Dim::constant(size)).collect(),
        groups,
    });
    let size: Vec<usize> = (0..x.len() - 2)
        .map(|axis| {
            let whole = (x[2 + axis] - 1) * window.strides[axis]
                + window.dilations[axis] * (window.kernel[axis] - 1)
                + 1;
            (whole as i64 + extra[axis] - window.pads[axis][0] - window.pads[axis][1]) as usize
        })
        .collect();
    let weights = [&[x[1], n_out], window.kernel].concat();
    let y = [&[x[0], n_out * groups][..], &size].concat();
    let x = random.tensor(DType::F32, x, 1.0);
    let w = random.tensor(DType::F32, &weights, 1.0);
    let bias = random.tensor(DType::F32, &[n_out * groups], 1.0);
    let n_terms = weights.iter().product::<usize>() / n_out;
    Case::new(kernel.clone(), &[&x, &w], DType::F32, &y).sums_terms(n_terms);
    Case::new(kernel, &[&x, &w, &bias], DType::F32, &y).sums_terms(n_terms + 1);
}

#[test]
fn transposed_convolutions() {
    for (x, n_out, groups, kernel, strides, dilations, pads, extra) in [
        (
            [1, 6, 10, 11],
            4,
            1,
            [2, 2],
            [2, 2],
            [1, 1],
            [[0, 0], [0, 0]],
            [0, 0],
        ),
        (
            [2, 6, 7, 5],
            3,
            2,
            [3, 3],
            [2, 2],
            [1, 1],
            [[1, 1], [1, 1]],
            [1, 1],
        ),
        (
            [1, 3, 7, 5],
            5,
            1,
            [4, 3],
            [1, 3],
            [2, 1],
            [[2, 0], [0, 1]],
            [0, 0],
        ),
        (
            [1, 3, 7, 5],
            5,
            1,
            [4, 3],
            [1, 3],
            [2, 1],
            [[-1, 0], [0, -2]],
            [0, 0],
        ),
        (
            [1, 4, 1, 1],
            5,
            4,
            [3, 3],
            [1, 1],
            [1, 1],
            [[0, 0], [0, 0]],
            [0, 0],
        ),
        (
            [1, 2, 160, 160],
            16,
            1,
            [2, 2],
            [2, 2],
            [1, 1],
            [[0, 0], [0, 0]],
            [0, 0],
        ),
    ] {
        let window = Window {
            kernel: &kernel,
            strides: &strides,
            dilations: &dilations,
            pads: &pads,
        };
        check_transposed(&x, n_out, groups, &window, &extra);
    }
}
