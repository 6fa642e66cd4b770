//! Kernels that move elements: all of them exact.

use crate::harness::{Case, Random, Tensor};
use graphc_base::attrs::PadMode;
use graphc_base::{DType, Dim};
use graphc_kernel::Kernel;

const DTYPES: [DType; 4] = [DType::U8, DType::F16, DType::F32, DType::I64];

#[test]
fn copies_of_views() {
    let mut random = Random::new(1);
    for dtype in DTYPES {
        let mut check = |shape: &[usize], n: usize, offset: usize, strides: &[isize]| {
            let x = random
                .tensor(dtype, &[n], 99.0)
                .viewed(shape, offset, strides);
            Case::new(Kernel::Copy, &[&x], dtype, shape).is_exact();
        };
        check(&[], 1, 0, &[]);
        check(&[0, 3], 0, 0, &[3, 1]);
        check(&[127, 129], 127 * 129, 0, &[1, 127]);
        check(&[300, 400], 120_000, 0, &[1, 300]);
        check(&[2, 12, 17, 64], 2 * 12 * 17 * 64, 0, &[13056, 64, 768, 1]);
        check(&[2, 12, 64, 17], 2 * 12 * 17 * 64, 0, &[13056, 64, 1, 768]);
        check(&[3, 31, 33, 2], 6138, 0, &[1, 198, 6, 3]);
        check(&[5, 7, 9], 9, 0, &[0, 0, 1]);
        check(&[5, 7, 9], 7, 0, &[0, 1, 0]);
        check(&[50, 70], 3500, 3499, &[-70, -1]);
        check(&[20, 30], 5000, 3, &[120, 3]);
        check(
            &[2, 2, 2, 2, 2, 2, 2, 2],
            256,
            0,
            &[1, 2, 4, 8, 16, 32, 64, 128],
        );
        check(&[1000, 3], 3000, 0, &[1, 1000]);
    }
}

#[test]
fn concat_along_every_axis() {
    let mut random = Random::new(2);
    for dtype in DTYPES {
        for (axis, shapes, y) in [
            (0, [[2, 3, 4], [0, 3, 4], [5, 3, 4]], [7, 3, 4]),
            (1, [[2, 3, 4], [2, 1, 4], [2, 129, 4]], [2, 133, 4]),
            (2, [[300, 3, 1], [300, 3, 64], [300, 3, 7]], [300, 3, 72]),
            (1, [[0, 1, 1], [0, 1, 1], [0, 1, 1]], [0, 3, 1]),
        ] {
            let inputs = shapes.map(|shape| random.tensor(dtype, &shape, 99.0));
            let [a, b, c] = &inputs;
            Case::new(Kernel::Concat { axis }, &[a, b, c], dtype, &y).is_exact();
        }
    }
}

#[test]
fn tiles_repeat() {
    let mut random = Random::new(3);
    for dtype in DTYPES {
        for (x, y) in [
            (&[3][..], &[10][..]),
            (&[2, 3], &[6, 9]),
            (&[1, 5, 1], &[4, 5, 700]),
            (&[7, 100], &[70, 100]),
            (&[0, 2], &[0, 4]),
            (&[2, 3], &[0, 3]),
        ] {
            let x = random.tensor(dtype, x, 99.0);
            Case::new(Kernel::Tile, &[&x], dtype, y).is_exact();
        }
    }
}

fn gather(data: &Tensor, axis: usize, indices: &Tensor) -> Case {
    let shape = [&data.shape[..axis], &indices.shape, &data.shape[axis + 1..]].concat();
    Case::new(
        Kernel::Gather { axis },
        &[data, indices],
        data.dtype,
        &shape,
    )
}

#[test]
fn gathers_of_slices() {
    let mut random = Random::new(4);
    let indices = |dtype, shape: &[usize], size: f64| {
        let mut random = Random::new(5);
        let n: usize = shape.iter().product();
        let values: Vec<f64> = (0..n).map(|_| (random.signed() * size).floor()).collect();
        Tensor::new(dtype, shape, &values)
    };
    for dtype in DTYPES {
        let data = random.tensor(dtype, &[6, 5, 7], 99.0);
        for (axis, size) in [(0, 6.0), (1, 5.0), (2, 7.0)] {
            for shape in [&[][..], &[4], &[2, 3], &[0]] {
                gather(&data, axis, &indices(DType::I64, shape, size)).is_exact();
                gather(&data, axis, &indices(DType::I32, shape, size)).is_exact();
            }
        }
    }
    let table = random.tensor(DType::F32, &[100, 384], 99.0);
    gather(&table, 0, &indices(DType::I64, &[2, 130], 100.0)).is_exact();
}

#[test]
fn gathers_outside_are_refused() {
    let data = Random::new(6).tensor(DType::F32, &[4, 3], 1.0);
    for index in [4.0, -5.0] {
        gather(&data, 0, &Tensor::new(DType::I64, &[2], &[0.0, index])).is_refused();
    }
}

#[test]
fn pads_of_all_modes() {
    let mut random = Random::new(7);
    let dims = |values: &[i64]| {
        values
            .iter()
            .map(|&value| Dim::constant(value))
            .collect::<Vec<_>>()
    };
    for mode in [
        PadMode::Constant,
        PadMode::Edge,
        PadMode::Reflect,
        PadMode::Wrap,
    ] {
        for (shape, before, after) in [
            (&[5][..], &[2][..], &[3][..]),
            (&[4, 5], &[1, 2], &[3, 0]),
            (&[2, 3, 9, 11], &[0, 0, 1, 1], &[0, 0, 1, 1]),
            (&[3, 4, 5], &[0, 2, 0], &[0, 1, 0]),
            (&[6, 7], &[-2, 1], &[1, -3]),
            (&[6, 7], &[-7, 0], &[4, 0]),
            (&[1, 3], &[2, 0], &[0, 8]),
            (&[2, 0], &[1, 0], &[0, 0]),
            (&[64, 130], &[3, 3], &[3, 3]),
            (&[], &[], &[]),
        ] {
            for dtype in DTYPES {
                let x = random.tensor(dtype, shape, 99.0);
                let value = random.tensor(dtype, &[], 99.0);
                let y: Vec<usize> = (0..shape.len())
                    .map(|axis| (shape[axis] as i64 + before[axis] + after[axis]) as usize)
                    .collect();
                let kernel = Kernel::Pad {
                    mode,
                    before: dims(before),
                    after: dims(after),
                };
                let inputs = [&x, &value];
                let n_inputs = if mode == PadMode::Constant { 2 } else { 1 };
                Case::new(kernel, &inputs[..n_inputs], dtype, &y).is_exact();
            }
        }
    }
}
