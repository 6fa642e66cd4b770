//! Discrete Fourier transforms by their definition, in `f64`.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use crate::walk::Split;
use graphc_base::Dim;

/// The length of the transform is that of the result along the axis; x is cut or padded with zeros to it, or where it
/// is `halved` continued by its conjugates.
pub(super) fn dft(call: &Call<'_>, axis: &Dim, inverse: bool, halved: bool) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let axis = call.size(axis)?;
    let last = x.rank() - 1;
    if axis >= last {
        return Err(call.fail(format!("axis {axis} is not below {last}")));
    }
    if (0..last).any(|other| other != axis && x.shape()[other] != shape[other]) {
        return Err(call.fail("x and the result differ off the axis"));
    }
    let (from_parts, to_parts) = (x.shape()[last], shape[last]);
    // The components are looked at apart from the other inner axes.
    let from = Split::at(&x.shape()[..last], axis);
    let to = Split::at(&shape[..last], axis);
    let n = to.size;
    let sign = if inverse { 1.0 } else { -1.0 };
    let scale = if inverse { 1.0 / n as f64 } else { 1.0 };
    let roots: Vec<(f64, f64)> = (0..n)
        .map(|step| {
            let angle = sign * std::f64::consts::TAU * step as f64 / n as f64;
            (angle.cos(), angle.sin())
        })
        .collect();
    let values = x.to_f64()?;
    let mut result = vec![0.0; shape.iter().product()];
    for outer in 0..to.outer {
        for inner in 0..to.inner {
            let read = |time: usize| {
                if time >= from.size {
                    return (0.0, 0.0);
                }
                let start = from.at_index(outer, time, inner) * from_parts;
                let imaginary = if from_parts == 2 {
                    values[start + 1]
                } else {
                    0.0
                };
                (values[start], imaginary)
            };
            let signal: Vec<(f64, f64)> = (0..n)
                .map(|time| {
                    match read(if halved && time > n / 2 {
                        n - time
                    } else {
                        time
                    }) {
                        (re, im) if halved && time > n / 2 => (re, -im),
                        pair => pair,
                    }
                })
                .collect();
            for frequency in 0..n {
                let (mut re, mut im) = (0.0, 0.0);
                let mut step = 0;
                for &(a, b) in &signal {
                    let (cos, sin) = roots[step];
                    re += a * cos - b * sin;
                    im += a * sin + b * cos;
                    // Positions on the circle are kept whole, so that no angle loses digits.
                    step = (step + frequency) % n;
                }
                let start = to.at_index(outer, frequency, inner) * to_parts;
                result[start] = re * scale;
                if to_parts == 2 {
                    result[start + 1] = im * scale;
                }
            }
        }
    }
    Tensor::from_f64(x.dtype(), &shape, &result)
}
