//! Determinants by elimination with partial pivoting, in `f64`.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;

pub(super) fn det(call: &Call<'_>) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let n = x.shape()[x.rank() - 1];
    let mut values = x.to_f64()?;
    let determinants: Vec<f64> = if n == 0 {
        // The empty product.
        vec![1.0; shape.iter().product()]
    } else {
        values
            .chunks_exact_mut(n * n)
            .map(|matrix| eliminate(matrix, n))
            .collect()
    };
    Tensor::from_f64(x.dtype(), &shape, &determinants)
}

fn eliminate(matrix: &mut [f64], n: usize) -> f64 {
    let mut determinant = 1.0;
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| {
                let size = |row: usize| matrix[row * n + column].abs();
                size(a).total_cmp(&size(b))
            })
            .unwrap_or(column);
        if matrix[pivot * n + column] == 0.0 {
            return 0.0;
        }
        if pivot != column {
            (0..n).for_each(|j| matrix.swap(pivot * n + j, column * n + j));
            determinant = -determinant;
        }
        determinant *= matrix[column * n + column];
        for row in column + 1..n {
            let factor = matrix[row * n + column] / matrix[column * n + column];
            for j in column..n {
                matrix[row * n + j] -= factor * matrix[column * n + j];
            }
        }
    }
    determinant
}
