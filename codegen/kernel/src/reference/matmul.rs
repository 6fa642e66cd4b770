//! Matrix products over views: float sums in `f64`, integers wrapping.

use super::check::Counter;
use super::element::Number;
use super::window::{elements, elements_mut};
use super::{Call, KernelError};
use crate::spec::BoundArg;
use crate::with_number;

/// Columns whose sums run side by side, so that rows of `b` are read in order.
const N_LANES: usize = 16;

/// `a[…, M, K] (viewed), b[…, K, N] (viewed) → y[…, M, N]`.
pub(super) fn matmul(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.arity(2..=2, 1)?;
    let (a, b, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    call.same_dtype(a, b)?;
    call.same_dtype(a, y)?;
    let rank = y.shape.len();
    call.ensure(
        a.shape.len() >= 2
            && b.shape.len() >= 2
            && a.shape.len() <= rank
            && b.shape.len() <= rank
            && y.contiguous,
        "ranks do not fit",
    )?;
    let [.., m, k] = a.shape[..] else {
        return Ok(());
    };
    let [.., b_k, n] = b.shape[..] else {
        return Ok(());
    };
    call.ensure(
        k == b_k && y.shape[rank - 2..] == [m, n],
        "shapes do not fit",
    )?;
    for arg in [a, b] {
        let batch = &arg.shape[..arg.shape.len() - 2];
        let target = &y.shape[rank - arg.shape.len()..];
        let fits = batch
            .iter()
            .zip(target)
            .all(|(&size, &wanted)| size == wanted || size == 1);
        call.ensure(fits, "batch axes do not broadcast")?;
    }
    with_number!(a.dtype, T => product::<T>(call), else return Err(call.error(format!("{} is no dtype of it", a.dtype))));
    Ok(())
}

/// Position of the first element of the matrix at `at`.
fn matrix_start(arg: &BoundArg, at: &[usize]) -> isize {
    let n_batch = arg.shape.len() - 2;
    let at = &at[at.len() - n_batch..];
    let mut position = arg.offset as isize;
    for axis in 0..n_batch {
        if arg.shape[axis] != 1 {
            position = position.wrapping_add(arg.strides[axis].wrapping_mul(at[axis] as isize));
        }
    }
    position
}

// Relies on what `matmul` checked: sizes agree, and no view leaves its buffer.
fn product<T: Number>(call: &mut Call<'_, '_>) {
    let spec = call.spec;
    let (a_arg, b_arg, y_arg) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    let a: &[T] = elements(a_arg, call.inputs[0]);
    let b: &[T] = elements(b_arg, call.inputs[1]);
    let y: &mut [T] = elements_mut(y_arg, call.outputs[0]);
    if y.is_empty() {
        return;
    }
    let (a_rank, b_rank, rank) = (a_arg.shape.len(), b_arg.shape.len(), y_arg.shape.len());
    let (n_rows, n_columns, depth) = (
        y_arg.shape[rank - 2],
        y_arg.shape[rank - 1],
        a_arg.shape[a_rank - 1],
    );
    let (a_row, a_step) = (a_arg.strides[a_rank - 2], a_arg.strides[a_rank - 1]);
    let (b_step, b_column) = (b_arg.strides[b_rank - 2], b_arg.strides[b_rank - 1]);
    let mut batch = Counter::new(&y_arg.shape[..rank - 2]);
    for matrix in y.chunks_exact_mut(n_rows * n_columns) {
        let (a_start, b_start) = (
            matrix_start(a_arg, &batch.at),
            matrix_start(b_arg, &batch.at),
        );
        for (row_idx, row) in matrix.chunks_exact_mut(n_columns).enumerate() {
            for (lanes_idx, lanes) in row.chunks_mut(N_LANES).enumerate() {
                let mut sums = [T::ZERO_SUM; N_LANES];
                for step in 0..depth as isize {
                    let left =
                        a[(a_start + row_idx as isize * a_row + step * a_step) as usize].to_sum();
                    let first = b_start + step * b_step + (lanes_idx * N_LANES) as isize * b_column;
                    for (lane, sum) in sums[..lanes.len()].iter_mut().enumerate() {
                        let right = b[(first + lane as isize * b_column) as usize].to_sum();
                        *sum = T::sum_add(*sum, T::sum_mul(left, right));
                    }
                }
                for (value, sum) in lanes.iter_mut().zip(sums) {
                    *value = T::from_sum(sum);
                }
            }
        }
        batch.advance();
    }
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::Run;
    use crate::spec::{Kernel, View};
    use graphc_base::{DType, Dim};

    fn view(offset: i64, strides: &[i64]) -> View {
        View {
            offset: Dim::constant(offset),
            strides: strides
                .iter()
                .map(|&stride| Dim::constant(stride))
                .collect(),
        }
    }

    #[test]
    fn matmul_broadcasts_batches_and_reads_a_transposed_view() {
        let y: Vec<f32> = Run::new(Kernel::MatMul)
            .input(DType::F32, &[2, 1, 2], &[1f32, 2.0, 3.0, 4.0])
            .view(
                DType::F32,
                &[2, 3],
                view(0, &[1, 2]),
                &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0],
            )
            .output(DType::F32, &[2, 1, 3])
            .get();
        assert_eq!(y, [5.0, 11.0, 17.0, 11.0, 25.0, 39.0]);
    }

    #[test]
    fn matmul_of_integers_wraps() {
        let y: Vec<u8> = Run::new(Kernel::MatMul)
            .input(DType::U8, &[1, 2], &[200u8, 100])
            .input(DType::U8, &[2, 1], &[2u8, 1])
            .output(DType::U8, &[1, 1])
            .get();
        assert_eq!(y, [244]);
    }

    #[test]
    fn matmul_over_no_depth_gives_zeros() {
        let y: Vec<f32> = Run::new(Kernel::MatMul)
            .input::<f32>(DType::F32, &[2, 0], &[])
            .input::<f32>(DType::F32, &[0, 1], &[])
            .output(DType::F32, &[2, 1])
            .get();
        assert_eq!(y, [0.0, 0.0]);
    }

    #[test]
    fn matmul_of_unfit_shapes_is_refused() {
        let error = Run::new(Kernel::MatMul)
            .input(DType::F32, &[1, 2], &[0f32; 2])
            .input(DType::F32, &[1, 2], &[0f32; 2])
            .output(DType::F32, &[1, 2])
            .error();
        assert_eq!(error, "matmul: shapes do not fit");
    }

    #[test]
    fn matmul_with_a_view_outside_its_buffer_is_refused() {
        let error = Run::new(Kernel::MatMul)
            .view(DType::F32, &[1, 2], view(0, &[0, -1]), &[0f32; 2])
            .input(DType::F32, &[2, 1], &[0f32; 2])
            .output(DType::F32, &[1, 1])
            .error();
        assert_eq!(error, "matmul: a buffer is smaller than its shape");
    }
}
