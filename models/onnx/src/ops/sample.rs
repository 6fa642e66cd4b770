//! Operators that read or write a tensor at places that data or geometry give: sampling by a grid, regions of interest,
//! deformable convolution, blocks put back into an image, pooling undone.

use super::conv::{list_of_sizes, padding, per_axis};
use super::{Converted, OpEntry, ms, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{
    BinaryOp, Col2Im, Conv, DeformConv, GridPadding, GridSample, InterpolationMode, Op, PadMode,
    ReduceKind, RoiAlign, UnaryOp,
};

pub(super) const OPS: &[OpEntry] = &[
    onnx("AffineGrid", affine_grid),
    onnx("Col2Im", col2im),
    onnx("DeformConv", deform_conv),
    onnx("GlobalLpPool", global_lp_pool),
    onnx("GridSample", grid_sample),
    onnx("MaxRoiPool", max_roi_pool),
    onnx("MaxUnpool", max_unpool),
    onnx("RoiAlign", roi_align),
    ms("GridSample", grid_sample),
];

/// Modes are named by the number of axes before opset 20.
fn grid_sample(cx: &mut NodeCx<'_, '_>) -> Converted {
    let mode = match cx.string("mode", "linear")?.as_str() {
        "nearest" => InterpolationMode::Nearest,
        "linear" | "bilinear" => InterpolationMode::Linear,
        "cubic" | "bicubic" => InterpolationMode::Cubic,
        other => {
            return Err(ConvertError::Invalid(format!(
                "mode must be nearest, linear or cubic, is `{other}`"
            )));
        }
    };
    let padding = match cx.string("padding_mode", "zeros")?.as_str() {
        "zeros" => GridPadding::Zeros,
        "border" => GridPadding::Border,
        "reflection" => GridPadding::Reflection,
        other => {
            return Err(ConvertError::Invalid(format!(
                "padding_mode must be zeros, border or reflection, is `{other}`"
            )));
        }
    };
    let op = Op::GridSample(GridSample {
        mode,
        padding,
        align_corners: cx.flag("align_corners", false)?,
    });
    let (x, grid) = (cx.input(0)?, cx.input(1)?);
    Ok(vec![cx.b.op1(op, &[x, grid])?])
}

/// `theta[N, d, d+1]` applied to the homogeneous coordinates of an image of `size`, the last axis first. Along an axis
/// of n elements they are `(2 i + 1 - n) / n`, or with aligned corners `(2 i + 1 - n) / (n - 1)`; one element alone lies
/// at 0.
fn affine_grid(cx: &mut NodeCx<'_, '_>) -> Converted {
    let align_corners = cx.flag("align_corners", false)?;
    let (theta, size) = (cx.input(0)?, cx.input(1)?);
    let theta_shape = cx.b.shape(theta)?;
    let [samples, n_rows, _] = &theta_shape[..] else {
        return Err(ConvertError::Invalid("theta must have rank 3".into()));
    };
    let size = cx.int_vector(size)?;
    let sizes = cx.sizes(size, "grid")?;
    let n_axes = sizes.len().saturating_sub(2);
    if !matches!(n_axes, 2 | 3) || *n_rows != Dim::from(n_axes) {
        return Err(ConvertError::Invalid(format!(
            "size has {} entries, 4 or 5 are needed, and theta must fit them",
            sizes.len()
        )));
    }
    let sizes = &sizes[2..];
    let to = cx.b.dtype(theta)?;
    let dtype = if to == DType::F64 { to } else { DType::F32 };
    let mut column = sizes.to_vec();
    column.push(Dim::ONE);
    let mut columns = Vec::with_capacity(n_axes + 1);
    for axis in (0..n_axes).rev() {
        let along = axis_coordinates(cx, dtype, sizes, axis, align_corners)?;
        columns.push(cx.b.expand(along, column.clone())?);
    }
    let one = cx.b.const_scalar(dtype, 1.0);
    columns.push(cx.b.expand(one, column)?);
    let points = cx.b.concat(&columns, n_axes)?;
    let n_points = cx.b.dims().product(sizes);
    let points =
        cx.b.reshape(points, vec![n_points, Dim::from(n_axes + 1)])?;
    let theta = cx.b.cast(theta, dtype)?;
    let theta = cx.b.transpose(theta, vec![0, 2, 1])?;
    let moved = cx.b.matmul(points, theta)?;
    let mut shape = vec![samples.clone()];
    shape.extend_from_slice(sizes);
    shape.push(Dim::from(n_axes));
    let grid = cx.b.reshape(moved, shape)?;
    Ok(vec![cx.b.cast(grid, to)?])
}

/// Coordinates along one axis, shaped to broadcast over all of them and a last axis of 1.
fn axis_coordinates(
    cx: &mut NodeCx<'_, '_>,
    dtype: DType,
    sizes: &[Dim],
    axis: usize,
    align_corners: bool,
) -> Result<ValueId, ConvertError> {
    let size = &sizes[axis];
    let steps = cx.iota_along(dtype, size, axis, sizes.len() + 1)?;
    let two = cx.b.const_scalar(dtype, 2.0);
    let doubled = cx.b.mul(steps, two)?;
    let last = cx.b.dims().sub(size, &Dim::ONE);
    let shift = cx.b.dim_scalar(&last)?;
    let shift = cx.b.cast(shift, dtype)?;
    let centred = cx.b.sub(doubled, shift)?;
    let span = if align_corners {
        cx.b.dims().max(&last, &Dim::ONE)
    } else {
        size.clone()
    };
    let span = cx.b.dim_scalar(&span)?;
    let span = cx.b.cast(span, dtype)?;
    Ok(cx.b.div(centred, span)?)
}

/// Regions are not shifted by half an element before opset 16.
fn roi_align(cx: &mut NodeCx<'_, '_>) -> Converted {
    let default = if cx.opset() < 16 {
        "output_half_pixel"
    } else {
        "half_pixel"
    };
    let half_pixel = match cx
        .string("coordinate_transformation_mode", default)?
        .as_str()
    {
        "half_pixel" => true,
        "output_half_pixel" => false,
        other => {
            return Err(ConvertError::Invalid(format!(
                "coordinate_transformation_mode must be half_pixel or output_half_pixel, is `{other}`"
            )));
        }
    };
    let max = match cx.string("mode", "avg")?.as_str() {
        "avg" => false,
        "max" => true,
        other => {
            return Err(ConvertError::Invalid(format!(
                "mode must be avg or max, is `{other}`"
            )));
        }
    };
    let height = operand::size("output_height", cx.int("output_height", 1)?)?;
    let width = operand::size("output_width", cx.int("output_width", 1)?)?;
    let op = Op::RoiAlign(RoiAlign {
        pooled: [height, width],
        sampling_ratio: operand::size("sampling_ratio", cx.int("sampling_ratio", 0)?)?,
        spatial_scale: Real::from(cx.float("spatial_scale", 1.0)?),
        half_pixel,
        max,
    });
    let (x, rois, samples) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let samples = cx.int_vector(samples)?;
    Ok(vec![cx.b.op1(op, &[x, rois, samples])?])
}

fn max_roi_pool(cx: &mut NodeCx<'_, '_>) -> Converted {
    let pooled = list_of_sizes(cx, "pooled_shape")?;
    let Some(&[height, width]) = pooled.as_deref() else {
        return Err(ConvertError::Invalid(
            "pooled_shape must have two entries".into(),
        ));
    };
    let op = Op::MaxRoiPool {
        pooled: [height, width],
        spatial_scale: Real::from(cx.float("spatial_scale", 1.0)?),
    };
    let (x, rois) = (cx.input(0)?, cx.input(1)?);
    Ok(vec![cx.b.op1(op, &[x, rois])?])
}

fn col2im(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, image, block) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (image, block) = (cx.int_vector(image)?, cx.int_vector(block)?);
    let image = cx.sizes(image, "image")?;
    let block = cx.sizes(block, "block")?;
    let n_axes = image.len();
    let strides = list_of_sizes(cx, "strides")?;
    let dilations = list_of_sizes(cx, "dilations")?;
    let op = Op::Col2Im(Col2Im {
        strides: per_axis("strides", strides, n_axes)?,
        dilations: per_axis("dilations", dilations, n_axes)?,
        pads: padding(cx, n_axes)?,
        image,
        block,
    });
    Ok(vec![cx.b.op1(op, &[x])?])
}

fn deform_conv(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, weights, offset) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let shape = cx.b.shape(weights)?;
    let kernel = shape.get(2..).unwrap_or_default();
    let n_axes = kernel.len();
    if let Some(given) = list_of_sizes(cx, "kernel_shape")?
        && kernel != given.iter().copied().map(Dim::from).collect::<Vec<_>>()
    {
        return Err(ConvertError::Invalid(format!(
            "kernel_shape {given:?} is not that of the weights"
        )));
    }
    let strides = list_of_sizes(cx, "strides")?;
    let dilations = list_of_sizes(cx, "dilations")?;
    let (bias, mask) = (cx.opt(3), cx.opt(4));
    let op = Op::DeformConv(DeformConv {
        conv: Conv {
            strides: per_axis("strides", strides, n_axes)?,
            dilations: per_axis("dilations", dilations, n_axes)?,
            pads: padding(cx, n_axes)?,
            groups: operand::size("group", cx.int("group", 1)?)?,
        },
        offset_groups: operand::size("offset_group", cx.int("offset_group", 1)?)?,
        has_bias: bias.is_some(),
        has_mask: mask.is_some(),
    });
    let operands: Vec<ValueId> = [Some(x), Some(weights), Some(offset), bias, mask]
        .into_iter()
        .flatten()
        .collect();
    Ok(vec![cx.b.op1(op, &operands)?])
}

/// Positions count in the smallest tensor that the pooling could have come from; one of `output_shape` holds it in its
/// first corner.
fn max_unpool(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, indices) = (cx.input(0)?, cx.input(1)?);
    let shape = cx.b.shape(x)?;
    let Some(kernel) = list_of_sizes(cx, "kernel_shape")? else {
        return Err(ConvertError::Invalid(
            "attribute kernel_shape is missing".into(),
        ));
    };
    let n_axes = kernel.len();
    if shape.len() != n_axes + 2 {
        return Err(ConvertError::Invalid(format!(
            "{n_axes} spatial axes, and an operand of rank {}",
            shape.len()
        )));
    }
    let strides = list_of_sizes(cx, "strides")?;
    let strides = per_axis("strides", strides, n_axes)?;
    let pads = padding(cx, n_axes)?;
    let dims = cx.b.dims();
    let mut inferred = shape[..2].to_vec();
    for axis in 0..n_axes {
        let steps = dims.sub(&shape[axis + 2], &Dim::ONE);
        let reach = dims.mul(&steps, &Dim::from(strides[axis]));
        let full = dims.add(&reach, &Dim::from(kernel[axis]));
        let cropped = dims.add(&pads[axis].before, &pads[axis].after);
        inferred.push(dims.sub(&full, &cropped));
    }
    let indices = cx.b.cast(indices, DType::I64)?;
    let op = Op::MaxUnpool {
        shape: inferred.clone(),
    };
    let y = cx.b.op1(op, &[x, indices])?;
    let Some(wanted) = cx.opt(2) else {
        return Ok(vec![y]);
    };
    let wanted = cx.int_vector(wanted)?;
    let wanted = cx.sizes(wanted, "unpooled")?;
    if wanted.len() != inferred.len() {
        return Err(ConvertError::Invalid(format!(
            "output_shape has {} entries for a result of rank {}",
            wanted.len(),
            inferred.len()
        )));
    }
    let dims = cx.b.dims();
    // Samples and channels are x's own.
    let after: Vec<Dim> = (0..inferred.len())
        .map(|axis| match axis {
            0 | 1 => Dim::ZERO,
            _ => dims.sub(&wanted[axis], &inferred[axis]),
        })
        .collect();
    if after.iter().all(|amount| *amount == Dim::ZERO) {
        return Ok(vec![y]);
    }
    let zero = cx.zero_like(y)?;
    let pad = Op::Pad {
        mode: PadMode::Constant,
        before: vec![Dim::ZERO; inferred.len()],
        after,
    };
    Ok(vec![cx.b.op1(pad, &[y, zero])?])
}

/// `(Σ |x|^p)^(1/p)` over the spatial axes; p is a float in opset 1.
fn global_lp_pool(cx: &mut NodeCx<'_, '_>) -> Converted {
    let p = if cx.opset() < 2 {
        f64::from(cx.float("p", 2.0)?)
    } else {
        cx.int("p", 2)? as f64
    };
    if !(p.is_finite() && p > 0.0) {
        return Err(ConvertError::Invalid(format!("p must be positive, is {p}")));
    }
    let x = cx.input(0)?;
    let axes: Vec<usize> = (2..cx.b.rank(x)?).collect();
    let magnitude = cx.b.unary(UnaryOp::Abs, x)?;
    let power = cx.const_like(x, p)?;
    let root = cx.const_like(x, 1.0 / p)?;
    let powers = cx.b.binary(BinaryOp::Pow, magnitude, power)?;
    let total = cx.b.reduce(ReduceKind::Sum, powers, &axes, true)?;
    Ok(vec![cx.b.binary(BinaryOp::Pow, total, root)?])
}
