//! Convolutions of any spatial rank: float sums in `f64`, integers wrapping.

use super::check::Counter;
use super::element::Number;
use super::window::{Windows, elements, elements_mut, volume};
use super::{Call, KernelError};
use crate::with_number;
use graphc_base::attrs::{Conv, ConvTranspose};

/// How channels fall into groups.
#[derive(Clone, Copy)]
pub(super) struct Groups {
    pub(super) n_groups: usize,
    /// Channels of x in a group.
    pub(super) n_in: usize,
    /// Channels of the result in a group.
    pub(super) n_out: usize,
}

/// Checks operands that convolutions share: dtype, ranks, channels, bias. `transposed` weights have x's channels first.
pub(super) fn groups(
    call: &Call<'_, '_>,
    n_groups: usize,
    bias: Option<usize>,
    transposed: bool,
) -> Result<Groups, KernelError> {
    let (x, w, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    call.same_dtype(x, w)?;
    call.same_dtype(x, y)?;
    let rank = x.shape.len();
    call.ensure(
        rank >= 2 && w.shape.len() == rank && y.shape.len() == rank,
        "ranks do not fit",
    )?;
    call.ensure(x.shape[0] == y.shape[0], "samples differ")?;
    call.ensure(
        n_groups > 0 && x.shape[1] % n_groups == 0 && y.shape[1] % n_groups == 0,
        "groups do not divide the channels",
    )?;
    let (n_in, n_out) = (x.shape[1] / n_groups, y.shape[1] / n_groups);
    let wanted = if transposed {
        [x.shape[1], n_out]
    } else {
        [y.shape[1], n_in]
    };
    call.ensure(w.shape[..2] == wanted, "weights do not fit the channels")?;
    if let Some(index) = bias {
        let bias = call.input(index)?;
        call.same_dtype(x, bias)?;
        call.ensure(
            bias.shape[..] == y.shape[1..2],
            "bias does not fit the channels",
        )?;
    }
    Ok(Groups {
        n_groups,
        n_in,
        n_out,
    })
}

/// `x[N, C, …], w[M, C/g, …], bias[M]? → y[N, M, …]`.
pub(super) fn conv(call: &mut Call<'_, '_>, conv: &Conv) -> Result<(), KernelError> {
    call.dense(2..=3, 1)?;
    let bias = (call.spec.inputs.len() == 3).then_some(2);
    let groups = groups(call, conv.groups, bias, false)?;
    let (x, w) = (call.input(0)?, call.input(1)?);
    let windows = Windows::new(
        call,
        &x.shape[2..],
        &conv.strides,
        &conv.dilations,
        &conv.pads,
    )?;
    call.coordinates(&w.shape)?;
    call.coordinates(&call.output(0)?.shape)?;
    with_number!(
        x.dtype,
        T => convolve::<T>(call, &windows, groups),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

// Relies on `groups` and `Windows::new`: shapes agree, and positions that windows give lie in x.
fn convolve<T: Number>(call: &mut Call<'_, '_>, windows: &Windows, groups: Groups) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let w: &[T] = elements(&spec.inputs[1], call.inputs[1]);
    let bias: Option<&[T]> = spec.inputs.get(2).map(|arg| elements(arg, call.inputs[2]));
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let (kernel, out) = (&spec.inputs[1].shape[2..], &spec.outputs[0].shape[2..]);
    let n_x = volume(&spec.inputs[0].shape[2..]);
    let (n_taps, n_y) = (volume(kernel), volume(out));
    if y.is_empty() {
        return;
    }
    // Without channels there is nothing to sum, however many taps a spec names.
    let n_taps = if groups.n_in == 0 { 0 } else { n_taps };
    let n_channels = groups.n_groups * groups.n_out;
    for (plane_idx, plane) in y.chunks_exact_mut(n_y).enumerate() {
        let (sample, channel) = (plane_idx / n_channels, plane_idx % n_channels);
        let group = channel / groups.n_out;
        let first = (sample * groups.n_groups + group) * groups.n_in;
        let start = bias.map_or(T::ZERO_SUM, |bias| bias[channel].to_sum());
        let mut at = Counter::new(out);
        for value in plane {
            let mut sum = start;
            let mut tap = Counter::new(kernel);
            for tap_idx in 0..n_taps {
                if let Some(position) = windows.position(&at.at, &tap.at) {
                    for c in 0..groups.n_in {
                        let left = x[(first + c) * n_x + position].to_sum();
                        let right = w[(channel * groups.n_in + c) * n_taps + tap_idx].to_sum();
                        sum = T::sum_add(sum, T::sum_mul(left, right));
                    }
                }
                tap.advance();
            }
            *value = T::from_sum(sum);
            at.advance();
        }
    }
}

/// `x[N, C, …], w[C, M/g, …], bias[M]? → y[N, M, …]`: every element of x scattered by the window over y.
pub(super) fn conv_transpose(
    call: &mut Call<'_, '_>,
    conv: &ConvTranspose,
) -> Result<(), KernelError> {
    call.dense(2..=3, 1)?;
    let bias = (call.spec.inputs.len() == 3).then_some(2);
    let groups = groups(call, conv.groups, bias, true)?;
    let (x, w) = (call.input(0)?, call.input(1)?);
    let windows = Windows::new(
        call,
        &x.shape[2..],
        &conv.strides,
        &conv.dilations,
        &conv.pads,
    )?;
    call.coordinates(&w.shape)?;
    call.coordinates(&call.output(0)?.shape)?;
    with_number!(
        x.dtype,
        T => scatter::<T>(call, &windows, groups),
        else return Err(call.error(format!("{} is no dtype of it", x.dtype)))
    );
    Ok(())
}

// As `convolve`; gathers what falls on each element of y, so that sums stay in `f64`.
fn scatter<T: Number>(call: &mut Call<'_, '_>, windows: &Windows, groups: Groups) {
    let spec = call.spec;
    let x: &[T] = elements(&spec.inputs[0], call.inputs[0]);
    let w: &[T] = elements(&spec.inputs[1], call.inputs[1]);
    let bias: Option<&[T]> = spec.inputs.get(2).map(|arg| elements(arg, call.inputs[2]));
    let y: &mut [T] = elements_mut(&spec.outputs[0], call.outputs[0]);
    let (kernel, out) = (&spec.inputs[1].shape[2..], &spec.outputs[0].shape[2..]);
    let n_x = volume(&spec.inputs[0].shape[2..]);
    let (n_taps, n_y) = (volume(kernel), volume(out));
    if y.is_empty() {
        return;
    }
    // Without channels there is nothing to sum, however many taps a spec names.
    let n_taps = if groups.n_in == 0 { 0 } else { n_taps };
    let n_channels = groups.n_groups * groups.n_out;
    for (plane_idx, plane) in y.chunks_exact_mut(n_y).enumerate() {
        let (sample, channel) = (plane_idx / n_channels, plane_idx % n_channels);
        let (group, m) = (channel / groups.n_out, channel % groups.n_out);
        let start = bias.map_or(T::ZERO_SUM, |bias| bias[channel].to_sum());
        let mut at = Counter::new(out);
        for value in plane {
            let mut sum = start;
            let mut tap = Counter::new(kernel);
            for tap_idx in 0..n_taps {
                if let Some(position) = windows.source(&at.at, &tap.at) {
                    for c in group * groups.n_in..(group + 1) * groups.n_in {
                        let left = x[(sample * groups.n_groups * groups.n_in + c) * n_x + position]
                            .to_sum();
                        let right = w[(c * groups.n_out + m) * n_taps + tap_idx].to_sum();
                        sum = T::sum_add(sum, T::sum_mul(left, right));
                    }
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
    use graphc_base::DType;
    use graphc_base::attrs::{Conv, ConvTranspose};

    fn conv(strides: &[usize], pads: &[[i64; 2]], groups: usize) -> Kernel {
        Kernel::Conv(Conv {
            strides: strides.to_vec(),
            pads: padding(pads),
            dilations: vec![1; strides.len()],
            groups,
        })
    }

    fn transposed(stride: usize, pads: [i64; 2]) -> Kernel {
        Kernel::ConvTranspose(ConvTranspose {
            strides: vec![stride],
            pads: padding(&[pads]),
            dilations: vec![1],
            output_padding: vec![],
            groups: 1,
        })
    }

    #[test]
    fn conv_pads_with_zeros_and_adds_the_bias() {
        let y: Vec<f32> = Run::new(conv(&[2], &[[1, 1]], 1))
            .input(DType::F32, &[1, 1, 5], &[1f32, 2.0, 3.0, 4.0, 5.0])
            .input(DType::F32, &[1, 1, 3], &[1f32, 10.0, 100.0])
            .input(DType::F32, &[1], &[0.5f32])
            .output(DType::F32, &[1, 1, 3])
            .get();
        assert_eq!(y, [210.5, 432.5, 54.5]);
    }

    #[test]
    fn conv_of_groups_keeps_channels_apart() {
        let y: Vec<i32> = Run::new(conv(&[1, 1], &[[0, 0], [0, 0]], 2))
            .input(DType::I32, &[1, 2, 1, 2], &[1i32, 2, 3, 4])
            .input(DType::I32, &[2, 1, 1, 1], &[10i32, 100])
            .output(DType::I32, &[1, 2, 1, 2])
            .get();
        assert_eq!(y, [10, 20, 300, 400]);
    }

    #[test]
    fn conv_transpose_spreads_by_the_stride_and_crops() {
        let run = |pads, n| {
            Run::new(transposed(2, pads))
                .input(DType::F32, &[1, 1, 2], &[1f32, 2.0])
                .input(DType::F32, &[1, 1, 3], &[1f32, 10.0, 100.0])
                .output(DType::F32, &[1, 1, n])
                .get::<f32>()
        };
        assert_eq!(run([0, 0], 5), [1.0, 10.0, 102.0, 20.0, 200.0]);
        assert_eq!(run([1, 1], 3), [10.0, 102.0, 20.0]);
        assert_eq!(run([0, 0], 6), [1.0, 10.0, 102.0, 20.0, 200.0, 0.0]);
    }

    #[test]
    fn conv_of_no_sample_writes_nothing() {
        let y: Vec<f32> = Run::new(conv(&[1], &[[0, 0]], 1))
            .input::<f32>(DType::F32, &[0, 1, 2], &[])
            .input(DType::F32, &[1, 1, 1], &[1f32])
            .output(DType::F32, &[0, 1, 2])
            .get();
        assert!(y.is_empty());
    }

    #[test]
    fn conv_whose_weights_do_not_fit_is_refused() {
        let error = Run::new(conv(&[1], &[[0, 0]], 1))
            .input(DType::F32, &[1, 1, 2], &[0f32; 2])
            .input(DType::F32, &[1, 2, 1], &[0f32; 2])
            .output(DType::F32, &[1, 1, 2])
            .error();
        assert_eq!(error, "conv: weights do not fit the channels");
    }
}
