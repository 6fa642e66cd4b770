//! Products: matrices, convolutions, determinants, Fourier transforms.

use super::TypeError;
use super::call::{Call, FLOAT, NUMBER, Outputs, one};
use super::reduce::dim_axis;
use crate::op::{Conv, ConvTranspose, DeformConv, Padding};
use crate::types::TensorType;
use graphc_base::Dim;

pub(super) fn matmul(call: &mut Call<'_>) -> Outputs {
    let [lhs, rhs] = call.tensors(["lhs", "rhs"])?;
    call.ensure(lhs.dtype == rhs.dtype, "dtypes differ")?;
    call.want("lhs", lhs.dtype, NUMBER)?;
    let ([lhs_batch @ .., m, lhs_k], [rhs_batch @ .., rhs_k, n]) = (&lhs.shape[..], &rhs.shape[..])
    else {
        return Err(call.fail("both must have rank 2 or more"));
    };
    call.equal(lhs_k, rhs_k, "inner dims differ")?;
    let mut shape = call.broadcast(lhs_batch, rhs_batch)?;
    shape.extend([m.clone(), n.clone()]);
    one(lhs.dtype, shape)
}

/// What all convolutions share: x and w of one dtype and rank, attributes with one entry per spatial axis.
struct Windows<'a> {
    n_spatial: usize,
    strides: &'a [usize],
    pads: &'a [Padding],
    dilations: &'a [usize],
    groups: Dim,
}

fn windows<'a>(
    call: &Call<'_>,
    x: &TensorType,
    w: &TensorType,
    strides: &'a [usize],
    pads: &'a [Padding],
    dilations: &'a [usize],
    groups: usize,
) -> Result<Windows<'a>, TypeError> {
    call.want("x", x.dtype, NUMBER)?;
    call.same_dtype("w", w, x.dtype)?;
    call.rank_at_least("x", x, 3)?;
    call.rank("w", w, x.rank())?;
    let n_spatial = x.rank() - 2;
    call.length("strides", strides.len(), n_spatial)?;
    call.length("pads", pads.len(), n_spatial)?;
    call.length("dilations", dilations.len(), n_spatial)?;
    for kernel in &w.shape[2..] {
        call.ensure(call.dims().bounds(kernel).hi >= 1, "kernel has no elements")?;
    }
    Ok(Windows {
        n_spatial,
        strides,
        pads,
        dilations,
        groups: call.positive("groups", groups)?,
    })
}

impl Windows<'_> {
    /// `dilation · (kernel - 1) + 1`: what one window spans.
    fn span(&self, call: &Call<'_>, axis: usize, kernel: &Dim) -> Result<Dim, TypeError> {
        let dims = call.dims();
        let dilation = call.positive("dilation", self.dilations[axis])?;
        let one = Dim::constant(1);
        Ok(dims.add(&dims.mul(&dilation, &dims.sub(kernel, &one)), &one))
    }

    fn stride(&self, call: &Call<'_>, axis: usize) -> Result<Dim, TypeError> {
        call.positive("stride", self.strides[axis])
    }

    /// Spatial shape of a convolution.
    fn out(&self, call: &Call<'_>, x: &TensorType, w: &TensorType) -> Result<Vec<Dim>, TypeError> {
        let dims = call.dims();
        (0..self.n_spatial)
            .map(|axis| {
                let span = self.span(call, axis, &w.shape[axis + 2])?;
                let pad = &self.pads[axis];
                let padded = dims.sum([
                    x.shape[axis + 2].clone(),
                    pad.before.clone(),
                    pad.after.clone(),
                ]);
                let room = dims.sub(&padded, &span);
                let steps = dims.floor_div(&room, &self.stride(call, axis)?);
                Ok(dims.add(&steps, &Dim::constant(1)))
            })
            .collect()
    }
}

/// `x[N, C, …]` and `w[M, C/groups, …]` to `[N, M]`, with the bias tested.
fn conv_channels(
    call: &mut Call<'_>,
    x: &TensorType,
    w: &TensorType,
    bias: Option<&TensorType>,
    groups: &Dim,
) -> Result<Vec<Dim>, TypeError> {
    let wanted = call.dims().mul(&w.shape[1], groups);
    call.equal(&x.shape[1], &wanted, "channels of x and w differ")?;
    call.divides(
        groups,
        &w.shape[0],
        "groups do not divide the channels of w",
    )?;
    if let Some(bias) = bias {
        call.vector("bias", bias, x.dtype, &w.shape[0])?;
    }
    Ok(vec![x.shape[0].clone(), w.shape[0].clone()])
}

pub(super) fn conv(call: &mut Call<'_>, conv: &Conv) -> Outputs {
    let ([x, w], [bias]) = call.tensors_then(["x", "w"], ["bias"])?;
    let Conv {
        strides,
        pads,
        dilations,
        groups,
    } = conv;
    let windows = windows(call, x, w, strides, pads, dilations, *groups)?;
    let mut shape = conv_channels(call, x, w, bias, &windows.groups)?;
    shape.extend(windows.out(call, x, w)?);
    one(x.dtype, shape)
}

pub(super) fn conv_transpose(call: &mut Call<'_>, conv: &ConvTranspose) -> Outputs {
    let ([x, w], [bias]) = call.tensors_then(["x", "w"], ["bias"])?;
    let ConvTranspose {
        strides,
        pads,
        dilations,
        output_padding,
        groups,
    } = conv;
    let windows = windows(call, x, w, strides, pads, dilations, *groups)?;
    call.length("output_padding", output_padding.len(), windows.n_spatial)?;
    call.equal(&x.shape[1], &w.shape[0], "channels of x and w differ")?;
    let what = "groups do not divide the channels of x";
    call.divides(&windows.groups, &w.shape[0], what)?;
    let dims = call.dims();
    let channels = dims.mul(&w.shape[1], &windows.groups);
    if let Some(bias) = bias {
        call.vector("bias", bias, x.dtype, &channels)?;
    }
    let mut shape = vec![x.shape[0].clone(), channels];
    for axis in 0..windows.n_spatial {
        let n_steps = dims.sub(&x.shape[axis + 2], &Dim::constant(1));
        let first = dims.mul(&n_steps, &windows.stride(call, axis)?);
        let span = windows.span(call, axis, &w.shape[axis + 2])?;
        let full = dims.sum([first, span, output_padding[axis].clone()]);
        let cropped = dims.add(&pads[axis].before, &pads[axis].after);
        shape.push(dims.sub(&full, &cropped));
    }
    one(x.dtype, shape)
}

pub(super) fn deform_conv(call: &mut Call<'_>, deform: &DeformConv) -> Outputs {
    let [x, w, offset, bias, mask] = call.flagged([
        ("x", true),
        ("w", true),
        ("offset", true),
        ("bias", deform.has_bias),
        ("mask", deform.has_mask),
    ])?;
    let (Some(x), Some(w), Some(offset)) = (x, w, offset) else {
        return Err(call.fail("operands are missing"));
    };
    call.want("x", x.dtype, FLOAT)?;
    call.rank("x", x, 4)?;
    let Conv {
        strides,
        pads,
        dilations,
        groups,
    } = &deform.conv;
    let windows = windows(call, x, w, strides, pads, dilations, *groups)?;
    let mut shape = conv_channels(call, x, w, bias, &windows.groups)?;
    let out = windows.out(call, x, w)?;
    let offset_groups = call.positive("offset_groups", deform.offset_groups)?;
    let what = "offset_groups do not divide the channels of x";
    call.divides(&offset_groups, &x.shape[1], what)?;
    let dims = call.dims();
    let n_taps = dims.product([w.shape[2].clone(), w.shape[3].clone(), offset_groups]);
    let per_tap = [("offset", Some(offset), 2), ("mask", mask, 1)];
    for (role, ty, n_values) in per_tap {
        if let Some(ty) = ty {
            call.same_dtype(role, ty, x.dtype)?;
            let n_channels = dims.mul(&n_taps, &Dim::constant(n_values));
            let wanted = [&[x.shape[0].clone(), n_channels], &out[..]].concat();
            call.equal_shapes(&ty.shape, &wanted, &format!("{role} does not fit x and w"))?;
        }
    }
    shape.extend(out);
    one(x.dtype, shape)
}

pub(super) fn det(call: &mut Call<'_>) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, FLOAT)?;
    let [batch @ .., n_rows, n_columns] = &x.shape[..] else {
        return Err(call.fail("x must have rank 2 or more"));
    };
    call.equal(n_rows, n_columns, "x is not square")?;
    one(x.dtype, batch.to_vec())
}

pub(super) fn dft(call: &mut Call<'_>, axis: &Dim, shape: &[Dim], halved: bool) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, FLOAT)?;
    call.rank_at_least("x", x, 2)?;
    call.length("shape", shape.len(), x.rank())?;
    call.sizes("shape", shape)?;
    let last = x.rank() - 1;
    for (what, dim) in [("x", &x.shape[last]), ("result", &shape[last])] {
        call.ensure(
            matches!(dim.as_const(), Some(1 | 2)),
            format_args!("last dim of {what} must be a constant, 1 or 2"),
        )?;
    }
    let is_complex = x.shape[last] == Dim::constant(2);
    call.ensure(!halved || is_complex, "half of a spectrum must be complex")?;
    dim_axis(call, axis, last)?;
    let dims = call.dims();
    for (other_axis, (size, x_size)) in shape[..last].iter().zip(&x.shape).enumerate() {
        // Either this is the transformed axis or the sizes agree.
        let distance = dims.sub(axis, &call.count("axis", other_axis)?);
        let change = dims.sub(size, x_size);
        let what = format!("axis {other_axis} of the result differs from x");
        call.equal(&dims.mul(&distance, &change), &Dim::ZERO, what)?;
    }
    one(x.dtype, shape.to_vec())
}
