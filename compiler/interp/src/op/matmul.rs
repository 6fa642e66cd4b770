//! Matrix products with broadcast batch axes.

use super::call::Call;
use super::gemm::{PANEL, Rows, gemm};
use super::threads;
use crate::error::Result;
use crate::number::{Accumulator, Number, with_number};
use crate::tensor::Tensor;
use crate::walk::{broadcast_strides, gather_strided};

pub(super) fn matmul(call: &Call<'_>) -> Result<Tensor> {
    let a = call.input(0)?;
    with_number!(a.dtype(), T => product::<T>(call), else Err(call.fail("operands are no numbers")))
}

fn product<T: Number>(call: &Call<'_>) -> Result<Tensor> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let (lhs, rhs) = (a.slice::<T>()?, b.slice::<T>()?);
    let batch_shape = &shape[..shape.len() - 2];
    let [a_batch, b_batch] = [a, b].map(|x| &x.shape()[..x.rank() - 2]);
    let (m, n) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let k = a.shape()[a.rank() - 1];
    let dtype = a.dtype();

    if b_batch.iter().all(|&size| size == 1) && a_batch.len() == batch_shape.len() {
        // One right matrix: all left ones are one tall matrix.
        let m = batch_shape.iter().product::<usize>() * m;
        let n_threads = threads::n_threads(m * n * k);
        return Tensor::new(dtype, &shape, multiply(lhs, rhs, m, n, k, n_threads));
    }

    let starts = |from: &[usize], matrix_len: usize| {
        let numbers: Vec<usize> = (0..from.iter().product()).collect();
        let strides = broadcast_strides(from, batch_shape);
        let picked = gather_strided(&numbers, batch_shape, &strides, 0);
        picked.into_iter().map(move |number| number * matrix_len)
    };
    let pairs: Vec<(usize, usize)> = starts(a_batch, m * k).zip(starts(b_batch, k * n)).collect();
    let n_threads = threads::n_threads(pairs.len() * m * n * k);
    let (per_batch, n_threads) = if pairs.len() < n_threads {
        (n_threads, 1)
    } else {
        (1, n_threads)
    };
    let products = threads::map(pairs.len(), n_threads, |pair_idx| {
        let (a_start, b_start) = pairs[pair_idx];
        multiply(
            &lhs[a_start..][..m * k],
            &rhs[b_start..][..k * n],
            m,
            n,
            k,
            per_batch,
        )
    });
    Tensor::new(dtype, &shape, products.concat())
}

fn multiply<T: Number>(
    lhs: &[T],
    rhs: &[T],
    m: usize,
    n: usize,
    k: usize,
    n_threads: usize,
) -> Vec<T> {
    let rows = Rows::pack(m, k, |row, p| lhs[row * k + p].to_sum());
    let product = gemm(&rows, n, n_threads, |first, panel| {
        let width = (n - first).min(PANEL);
        for (p, slots) in panel.chunks_exact_mut(PANEL).enumerate() {
            let from = &rhs[p * n + first..][..width];
            for (slot, x) in slots.iter_mut().zip(from) {
                *slot = x.to_sum();
            }
            slots[width..].fill(T::Sum::ZERO);
        }
    });
    product.into_iter().map(T::from_sum).collect()
}
