//! Convolution whose taps are moved by data (ONNX DeformConv), two spatial axes.

use super::check::Counter;
use super::conv::{Groups, groups};
use super::element::Number;
use super::window::{Windows, elements, elements_mut};
use super::{Call, KernelError};
use crate::with_float;
use graphc_base::attrs::DeformConv;

/// `x, w, offset, bias?, mask? → y`: x is read between its elements, zero outside.
pub(super) fn deform_conv(call: &mut Call<'_, '_>, attrs: &DeformConv) -> Result<(), KernelError> {
    let n_inputs = 3 + usize::from(attrs.has_bias) + usize::from(attrs.has_mask);
    call.dense(n_inputs..=n_inputs, 1)?;
    let groups = groups(call, attrs.conv.groups, attrs.has_bias.then_some(3), false)?;
    let (x, w, offset, y) = (
        call.input(0)?,
        call.input(1)?,
        call.input(2)?,
        call.output(0)?,
    );
    call.ensure(x.shape.len() == 4, "x has other than two spatial axes")?;
    let conv = &attrs.conv;
    let windows = Windows::new(
        call,
        &x.shape[2..],
        &conv.strides,
        &conv.dilations,
        &conv.pads,
    )?;
    call.coordinates(&w.shape)?;
    call.coordinates(&y.shape)?;
    let n_groups = attrs.offset_groups;
    call.ensure(
        n_groups > 0 && x.shape[1] % n_groups == 0,
        "offset groups do not divide the channels",
    )?;
    let n_moved = w.shape[2]
        .checked_mul(w.shape[3])
        .and_then(|n_taps| n_taps.checked_mul(n_groups));
    let fits = |shape: &[usize], each: usize| {
        shape.len() == 4
            && shape[0] == x.shape[0]
            && n_moved.and_then(|n| n.checked_mul(each)) == Some(shape[1])
            && shape[2..] == y.shape[2..]
    };
    call.same_dtype(x, offset)?;
    call.ensure(fits(&offset.shape, 2), "offsets do not fit")?;
    if attrs.has_mask {
        let mask = call.input(n_inputs - 1)?;
        call.same_dtype(x, mask)?;
        call.ensure(fits(&mask.shape, 1), "mask does not fit")?;
    }
    if y.shape.contains(&0) {
        return Ok(());
    }
    with_float!(
        x.dtype,
        T => convolve::<T>(call, attrs, &windows, groups),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

/// The plane between its elements.
fn bilinear<T: Number>(plane: &[T], size: [usize; 2], row: f64, column: f64) -> f64 {
    let (top, left) = (row.floor(), column.floor());
    let mut sum = 0.0;
    for (tap_row, row_weight) in [(top, 1.0 - (row - top)), (top + 1.0, row - top)] {
        for (tap_column, column_weight) in
            [(left, 1.0 - (column - left)), (left + 1.0, column - left)]
        {
            let inside = (0.0..size[0] as f64).contains(&tap_row)
                && (0.0..size[1] as f64).contains(&tap_column);
            let weight = row_weight * column_weight;
            if inside && weight != 0.0 {
                sum += weight * plane[tap_row as usize * size[1] + tap_column as usize].to_f64();
            }
        }
    }
    sum
}

// Relies on `deform_conv`: shapes agree, and y has elements.
fn convolve<T: Number>(
    call: &mut Call<'_, '_>,
    attrs: &DeformConv,
    windows: &Windows,
    groups: Groups,
) {
    let spec = call.spec;
    let input = |index: usize| -> &[T] { elements(&spec.inputs[index], call.inputs[index]) };
    let (x, w, offset) = (input(0), input(1), input(2));
    let bias = attrs.has_bias.then(|| input(3));
    let mask = attrs.has_mask.then(|| input(spec.inputs.len() - 1));
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let (x_shape, kernel, out) = (
        &spec.inputs[0].shape,
        &spec.inputs[1].shape[2..],
        &spec.outputs[0].shape[2..],
    );
    let size = [x_shape[2], x_shape[3]];
    let (n_channels, n_x, n_y) = (x_shape[1], size[0] * size[1], out[0] * out[1]);
    // Without channels there is nothing to sum, however many taps a spec names.
    let n_taps = if groups.n_in == 0 {
        0
    } else {
        kernel[0] * kernel[1]
    };
    let n_sharing = n_channels / attrs.offset_groups;
    let n_out = groups.n_groups * groups.n_out;
    for (plane_idx, plane) in y.chunks_exact_mut(n_y).enumerate() {
        let (sample, channel) = (plane_idx / n_out, plane_idx % n_out);
        let first = channel / groups.n_out * groups.n_in;
        let mut at = Counter::new(out);
        for (place, value) in plane.iter_mut().enumerate() {
            let mut sum = bias.map_or(0.0, |bias| bias[channel].to_f64());
            for c in 0..groups.n_in {
                let source = sample * n_channels + first + c;
                let moving = sample * attrs.offset_groups + (first + c) / n_sharing;
                let mut tap = Counter::new(kernel);
                for tap_idx in 0..n_taps {
                    let moved = moving * n_taps + tap_idx;
                    let coordinate = |axis: usize| {
                        let still = windows.coordinate(axis, at.at[axis], tap.at[axis]);
                        still as f64 + offset[(moved * 2 + axis) * n_y + place].to_f64()
                    };
                    let read = bilinear(
                        &x[source * n_x..][..n_x],
                        size,
                        coordinate(0),
                        coordinate(1),
                    );
                    let weight = w[(channel * groups.n_in + c) * n_taps + tap_idx].to_f64();
                    sum +=
                        read * weight * mask.map_or(1.0, |mask| mask[moved * n_y + place].to_f64());
                    tap.advance();
                }
            }
            *value = T::from_f64(sum);
            at.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::reference::harness::{Run, padding};
    use crate::spec::Kernel;
    use graphc_base::DType;
    use graphc_base::attrs::{Conv, DeformConv};

    #[test]
    fn taps_move_by_their_offsets_and_fade_by_the_mask() {
        let kernel = Kernel::DeformConv(DeformConv {
            conv: Conv {
                strides: vec![1, 1],
                pads: padding(&[[0, 0], [0, 0]]),
                dilations: vec![1, 1],
                groups: 1,
            },
            offset_groups: 1,
            has_bias: true,
            has_mask: true,
        });
        // Two taps in a row: the first half an element down, the second one to the right, out of x.
        let y: Vec<f32> = Run::new(kernel)
            .input(DType::F32, &[1, 1, 2, 2], &[1f32, 2.0, 3.0, 4.0])
            .input(DType::F32, &[1, 1, 1, 2], &[10f32, 100.0])
            .input(
                DType::F32,
                &[1, 4, 2, 1],
                &[0.5f32, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            )
            .input(DType::F32, &[1], &[0.25f32])
            .input(DType::F32, &[1, 2, 2, 1], &[1f32, 0.5, 1.0, 1.0])
            .output(DType::F32, &[1, 1, 2, 1])
            .get();
        assert_eq!(y, [20.25, 415.25]);
    }
}
