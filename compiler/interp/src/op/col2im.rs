//! Blocks summed back into an image (ONNX Col2Im).

use super::call::Call;
use super::windows::Windows;
use crate::error::Result;
use crate::number::{Accumulator, Number, with_number};
use crate::tensor::Tensor;
use graphc_ir::op::Col2Im;

pub(super) fn col2im(call: &Call<'_>, col2im: &Col2Im) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let image = &shape[2..];
    let block = call.sizes(&col2im.block)?;
    let out = block_counts(call, col2im, image, &block)?;
    let windows = Windows::new(
        call,
        image,
        &block,
        &out,
        &col2im.strides,
        &col2im.pads,
        &col2im.dilations,
    )?;
    let (n_taps, n_windows, n_image) = (windows.n_taps(), windows.n_windows(), windows.n_image());
    if x.shape()[2] != n_windows || x.shape()[1] != shape[1] * n_taps {
        return Err(call.fail("blocks do not fit x"));
    }
    with_number!(x.dtype(), T => {
        type Sum = <T as Number>::Sum;
        let values = x.slice::<T>()?;
        let mut sums = vec![<Sum as Accumulator>::ZERO; shape.iter().product()];
        for window in 0..n_windows {
            windows.taps(window, |tap, position| {
                let Some(position) = position else { return };
                for row in 0..shape[0] * shape[1] {
                    let value = values[(row * n_taps + tap) * n_windows + window].to_sum();
                    let sum = &mut sums[row * n_image + position];
                    *sum = sum.add(value);
                }
            });
        }
        Tensor::new::<T>(x.dtype(), &shape, sums.into_iter().map(T::from_sum).collect())
    }, else Err(call.fail("x is no number")))
}

/// Number of blocks along each axis.
fn block_counts(
    call: &Call<'_>,
    col2im: &Col2Im,
    image: &[usize],
    block: &[usize],
) -> Result<Vec<usize>> {
    let mut counts = Vec::with_capacity(image.len());
    for (axis, &size) in image.iter().enumerate() {
        let pad = &col2im.pads[axis];
        let padded =
            size as i128 + i128::from(call.dim(&pad.before)?) + i128::from(call.dim(&pad.after)?);
        let span = col2im.dilations[axis] as i128 * (block[axis] as i128 - 1) + 1;
        let count = (padded - span).div_euclid(col2im.strides[axis] as i128) + 1;
        let count = usize::try_from(count.max(0)).map_err(|_| call.fail("image is too large"))?;
        counts.push(count);
    }
    Ok(counts)
}
