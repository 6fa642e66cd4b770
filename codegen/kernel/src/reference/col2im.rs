//! Overlapping blocks summed back into an image (ONNX Col2Im).

use super::check::{Axes, Counter};
use super::element::Number;
use super::window::{Windows, elements, elements_mut, volume};
use super::{Call, KernelError};
use crate::with_number;
use graphc_base::attrs::Col2Im;

/// `x[N, C·∏block, L] → y[N, C, image…]`.
pub(super) fn col2im(call: &mut Call<'_, '_>, attrs: &Col2Im) -> Result<(), KernelError> {
    call.dense(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let n_axes = attrs.image.len();
    call.ensure(
        x.shape.len() == 3 && y.shape.len() == 2 + n_axes,
        "ranks do not fit",
    )?;
    call.ensure(
        attrs.block.len() == n_axes,
        "block and image differ in rank",
    )?;
    let mut windows = Windows::new(
        call,
        &y.shape[2..],
        &attrs.strides,
        &attrs.dilations,
        &attrs.pads,
    )?;
    let mut block = Axes::new();
    for (axis, size) in attrs.block.iter().enumerate() {
        let size = usize::try_from(call.moderate(call.bound(size)?)?).unwrap_or(0);
        call.ensure(size > 0, "block has no elements")?;
        block.push(size);
        // From here on the windows' size is the number of blocks.
        windows.size[axis] = windows.n_windows(axis, size);
    }
    let n_blocks = windows
        .size
        .iter()
        .fold(1usize, |n, &size| n.saturating_mul(size as usize));
    call.ensure(
        x.shape[0] == y.shape[0]
            && y.shape[1].checked_mul(volume(&block)) == Some(x.shape[1])
            && x.shape[2] == n_blocks,
        "shapes do not fit",
    )?;
    with_number!(
        x.dtype,
        T => gather::<T>(call, &windows, &block),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

// Relies on `col2im`: a tap has a row of x, a block a column.
fn gather<T: Number>(call: &mut Call<'_, '_>, windows: &Windows, block: &[usize]) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let image = &spec.outputs[0].shape[2..];
    let (n_image, n_taps, n_blocks) = (volume(image), volume(block), spec.inputs[0].shape[2]);
    for (plane_idx, plane) in y.chunks_exact_mut(n_image.max(1)).enumerate() {
        let mut at = Counter::new(image);
        for value in plane {
            let mut sum = T::ZERO_SUM;
            let mut tap = Counter::new(block);
            for tap_idx in 0..n_taps {
                if let Some(position) = windows.source(&at.at, &tap.at) {
                    sum = T::sum_add(
                        sum,
                        x[(plane_idx * n_taps + tap_idx) * n_blocks + position].to_sum(),
                    );
                }
                tap.advance();
            }
            *value = T::from_sum(sum);
            at.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::{Run, padding};
    use crate::spec::Kernel;
    use graphc_base::attrs::Col2Im;
    use graphc_base::{DType, Dim};

    #[test]
    fn overlapping_blocks_add_and_padding_is_dropped() {
        let kernel = Kernel::Col2Im(Col2Im {
            image: vec![Dim::constant(3)],
            block: vec![Dim::constant(2)],
            dilations: vec![1],
            pads: padding(&[[1, 0]]),
            strides: vec![1],
        });
        let y: Vec<f32> = Run::new(kernel)
            .input(DType::F32, &[1, 2, 3], &[1f32, 2.0, 3.0, 10.0, 20.0, 30.0])
            .output(DType::F32, &[1, 1, 3])
            .get();
        // Blocks at -1, 0 and 1; the first tap of the first lies on padding.
        assert_eq!(y, [12.0, 23.0, 30.0]);
    }
}
