//! Determinants and discrete Fourier transforms, in `f64`.

use super::check::around;
use super::element::{Number, typed_mut};
use super::window::{elements, elements_mut};
use super::{Call, KernelError};
use crate::spec::BoundSpec;
use crate::with_float;
use graphc_base::Dim;

/// Scratch of [`det`]: one matrix.
pub(super) fn det_scratch(spec: &BoundSpec) -> usize {
    let size = spec
        .inputs
        .first()
        .and_then(|x| x.shape.last())
        .map_or(0, |&n| n);
    size.saturating_mul(size).saturating_mul(size_of::<f64>())
}

/// `x[…, n, n] → y[…]`: by elimination with partial pivoting.
pub(super) fn det(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.dense(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let [ref batch @ .., rows, columns] = x.shape[..] else {
        return Err(call.error("x has less than two axes"));
    };
    call.ensure(
        rows == columns && y.shape[..] == *batch,
        "shapes do not fit",
    )?;
    if y.shape.contains(&0) {
        return Ok(());
    }
    let scratch_bytes = det_scratch(call.spec);
    call.ensure(call.scratch.len() >= scratch_bytes, "scratch is too small")?;
    with_float!(
        x.dtype,
        T => determinants::<T>(call, rows, scratch_bytes),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

fn determinants<T: Number>(call: &mut Call<'_, '_>, size: usize, scratch_bytes: usize) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    if size == 0 {
        y.fill(T::from_f64(1.0));
        return;
    }
    let matrix: &mut [f64] = typed_mut(&mut call.scratch[..scratch_bytes]);
    for (value, source) in y.iter_mut().zip(x.chunks_exact(size * size)) {
        for (element, source) in matrix.iter_mut().zip(source) {
            *element = source.to_f64();
        }
        *value = T::from_f64(eliminate(matrix, size));
    }
}

fn eliminate(matrix: &mut [f64], size: usize) -> f64 {
    let mut product = 1.0;
    for step in 0..size {
        let mut pivot = step;
        for row in step + 1..size {
            if matrix[row * size + step].abs() > matrix[pivot * size + step].abs() {
                pivot = row;
            }
        }
        if pivot != step {
            for column in 0..size {
                matrix.swap(pivot * size + column, step * size + column);
            }
            product = -product;
        }
        let diagonal = matrix[step * size + step];
        product *= diagonal;
        if diagonal == 0.0 {
            return product;
        }
        for row in step + 1..size {
            let factor = matrix[row * size + step] / diagonal;
            for column in step..size {
                matrix[row * size + column] -= factor * matrix[step * size + column];
            }
        }
    }
    product
}

/// The transformed axis, and the length of the transform: that of the result along it.
fn dft_len(spec: &BoundSpec, axis: &Dim) -> Option<(usize, usize)> {
    let axis = usize::try_from(axis.as_const()?).ok()?;
    Some((axis, *spec.outputs.first()?.shape.get(axis)?))
}

/// Scratch of [`dft`]: a turn for each step.
pub(super) fn dft_scratch(spec: &BoundSpec, axis: &Dim) -> usize {
    dft_len(spec, axis).map_or(0, |(_, len)| len.saturating_mul(size_of::<[f64; 2]>()))
}

/// `x[…, 1|2] → y[…, 1|2]`: by the sum itself, as long as the result along the axis; x is cut or padded with zeros to
/// that, or where it is `halved` continued by its conjugates. A result of one component holds the real parts.
pub(super) fn dft(
    call: &mut Call<'_, '_>,
    axis: &Dim,
    inverse: bool,
    halved: bool,
) -> Result<(), KernelError> {
    call.dense(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let Some((axis, len)) = dft_len(call.spec, axis) else {
        return Err(call.error("the axis is outside of x"));
    };
    let rank = x.shape.len();
    call.ensure(rank == y.shape.len() && axis + 1 < rank, "ranks do not fit")?;
    let components = |shape: &[usize]| matches!(shape[rank - 1], 1 | 2);
    let others = (0..rank - 1).all(|other| other == axis || x.shape[other] == y.shape[other]);
    call.ensure(
        components(&x.shape) && components(&y.shape) && others,
        "shapes do not fit",
    )?;
    call.ensure(
        !halved || x.shape[rank - 1] == 2,
        "half of a spectrum is not complex",
    )?;
    if y.shape.contains(&0) {
        return Ok(());
    }
    let scratch_bytes = dft_scratch(call.spec, &Dim::constant(axis as i64));
    call.ensure(call.scratch.len() >= scratch_bytes, "scratch is too small")?;
    with_float!(
        x.dtype,
        T => transform::<T>(call, axis, len, inverse, halved),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

// Relies on `dft`: x and y agree but for the axis and the components, and y has elements.
fn transform<T: Number>(
    call: &mut Call<'_, '_>,
    axis: usize,
    len: usize,
    inverse: bool,
    halved: bool,
) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let (x_shape, y_shape) = (&spec.inputs[0].shape, &spec.outputs[0].shape);
    let rank = x_shape.len();
    let (n_from, n_to) = (x_shape[rank - 1], y_shape[rank - 1]);
    let (outer, _, inner) = around(&y_shape[..rank - 1], axis);
    let n_x = x_shape[axis];
    let turns: &mut [[f64; 2]] = typed_mut(&mut call.scratch[..len * size_of::<[f64; 2]>()]);
    let direction = if inverse { 1.0 } else { -1.0 };
    for (step, turn) in turns.iter_mut().enumerate() {
        let (sine, cosine) = (std::f64::consts::TAU * step as f64 / len as f64).sin_cos();
        *turn = [cosine, direction * sine];
    }
    let scale = if inverse { len as f64 } else { 1.0 };
    for line in 0..outer * inner {
        let (block, lane) = (line / inner, line % inner);
        for frequency in 0..len {
            let mut sum = [0.0; 2];
            let mut turn = 0;
            for step in 0..if halved { len } else { n_x.min(len) } {
                let is_conjugate = halved && step > len / 2;
                let at = if is_conjugate { len - step } else { step };
                let [cosine, sine] = turns[turn];
                if at < n_x {
                    let first = ((block * n_x + at) * inner + lane) * n_from;
                    let real = x[first].to_f64();
                    sum[0] += real * cosine;
                    sum[1] += real * sine;
                    if n_from == 2 {
                        let imaginary = x[first + 1].to_f64();
                        let imaginary = if is_conjugate { -imaginary } else { imaginary };
                        sum[0] -= imaginary * sine;
                        sum[1] += imaginary * cosine;
                    }
                }
                turn += frequency;
                if turn >= len {
                    turn -= len;
                }
            }
            let first = ((block * len + frequency) * inner + lane) * n_to;
            for component in 0..n_to {
                y[first + component] = T::from_f64(sum[component] / scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::Run;
    use crate::spec::Kernel;
    use graphc_base::{DType, Dim};

    #[test]
    fn determinant_pivots_and_of_nothing_is_one() {
        let run = |shape: &[i64], x: &[f32]| {
            Run::new(Kernel::Det)
                .input(DType::F32, shape, x)
                .output(DType::F32, &shape[..1])
                .get::<f32>()
        };
        assert_eq!(
            run(&[2, 2, 2], &[0.0, 2.0, 3.0, 4.0, 1.0, 2.0, 2.0, 4.0]),
            [-6.0, 0.0]
        );
        assert_eq!(run(&[1, 0, 0], &[]), [1.0]);
    }

    fn dft(inverse: bool, shape: &[i64], x: &[f64], out: &[i64]) -> Vec<f64> {
        Run::new(Kernel::Dft {
            axis: Dim::ZERO,
            inverse,
            halved: false,
        })
        .input(DType::F64, shape, x)
        .output(DType::F64, out)
        .get()
    }

    fn assert_close(actual: &[f64], expected: &[f64]) {
        let close = actual.len() == expected.len()
            && actual
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close, "{actual:?} is not {expected:?}");
    }

    #[test]
    fn dft_is_as_long_as_its_result() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let y = dft(false, &[4, 1], &x, &[4, 2]);
        assert_close(&y, &[10.0, 0.0, -2.0, 2.0, -2.0, 0.0, -2.0, -2.0]);
        // Cut to two, and padded with zeros to eight, every second frequency of which is as before.
        let y = dft(false, &[4, 1], &x, &[2, 2]);
        assert_close(&y, &[3.0, 0.0, -1.0, 0.0]);
        let y = dft(false, &[4, 1], &x, &[8, 2]);
        assert_close(&y[4..6], &[-2.0, 2.0]);
    }

    #[test]
    fn inverse_dft_undoes_the_other_and_may_leave_the_real_part() {
        let x = [10.0, 0.0, -2.0, 2.0, -2.0, 0.0, -2.0, -2.0];
        let y = dft(true, &[4, 2], &x, &[4, 2]);
        assert_close(&y, &[1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 4.0, 0.0]);
        let y = dft(true, &[4, 2], &x, &[4, 1]);
        assert_close(&y, &[1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn half_of_a_spectrum_is_continued_by_its_conjugates() {
        for (x, len) in [
            (vec![10.0, 0.0, -2.0, 2.0, -2.0, 0.0], 4),
            (vec![6.0, 0.0, -1.5, 0.75f64.sqrt()], 3),
        ] {
            let y: Vec<f64> = Run::new(Kernel::Dft {
                axis: Dim::ZERO,
                inverse: true,
                halved: true,
            })
            .input(DType::F64, &[x.len() as i64 / 2, 2], &x)
            .output(DType::F64, &[len, 1])
            .get();
            assert_close(&y, &[1.0, 2.0, 3.0, 4.0][..len as usize]);
        }
    }
}
