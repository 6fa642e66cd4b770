//! Experimental operators of the first opsets, which files of that time still use: Affine, Crop, ImageScaler,
//! ParametricSoftplus, Scale, ScaledTanh.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::Dim;
use graphc_ir::ValueId;
use graphc_ir::op::{SliceAxis, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Affine", |cx| {
        let x = cx.input(0)?;
        let (alpha, beta) = (cx.float("alpha", 1.0)?, cx.float("beta", 0.0)?);
        let scaled = scaled(cx, x, alpha)?;
        let beta = cx.const_like(x, f64::from(beta))?;
        Ok(vec![cx.b.add(scaled, beta)?])
    }),
    onnx("Crop", crop),
    onnx("ImageScaler", image_scaler),
    onnx("ParametricSoftplus", |cx| curve(cx, UnaryOp::Softplus)),
    onnx("Scale", |cx| {
        let x = cx.input(0)?;
        let scale = cx.float("scale", 1.0)?;
        Ok(vec![scaled(cx, x, scale)?])
    }),
    onnx("ScaledTanh", |cx| curve(cx, UnaryOp::Tanh)),
];

fn scaled(cx: &mut NodeCx<'_, '_>, x: ValueId, factor: f32) -> Result<ValueId, ConvertError> {
    let factor = cx.const_like(x, f64::from(factor))?;
    Ok(cx.b.mul(x, factor)?)
}

/// `alpha · op(beta · x)`; there are no defaults.
fn curve(cx: &mut NodeCx<'_, '_>, op: UnaryOp) -> Converted {
    let given = (cx.float_opt("alpha")?, cx.float_opt("beta")?);
    let (Some(alpha), Some(beta)) = given else {
        return Err(ConvertError::Invalid(
            "attributes alpha and beta are needed".into(),
        ));
    };
    let x = cx.input(0)?;
    let inner = scaled(cx, x, beta)?;
    let y = cx.b.unary(op, inner)?;
    Ok(vec![scaled(cx, y, alpha)?])
}

/// `scale · x + bias[channel]` of an image `[N, C, H, W]`.
fn image_scaler(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let scale = cx.float("scale", 1.0)?;
    let bias = cx.floats_opt("bias")?.unwrap_or_default();
    let y = scaled(cx, x, scale)?;
    if bias.is_empty() {
        return Ok(vec![y]);
    }
    let bias = cx.b.const_f32(&[bias.len(), 1, 1], &bias);
    let dtype = cx.b.dtype(x)?;
    let bias = cx.b.cast(bias, dtype)?;
    Ok(vec![cx.b.add(y, bias)?])
}

/// An image without its borders (left, top, right, bottom); with `scale` (height, width), as much as that from the left
/// and top borders on.
fn crop(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let sizes = |name: &str, values: Vec<i64>| -> Result<Vec<Dim>, ConvertError> {
        let sizes = values.into_iter().map(|value| operand::size(name, value));
        sizes.map(|size| size.map(Dim::from)).collect()
    };
    let border = sizes("border", cx.ints_opt("border")?.unwrap_or_default())?;
    let [left, top, right, bottom] = &border[..] else {
        return Err(ConvertError::Invalid("border must have four values".into()));
    };
    let scale = sizes("scale", cx.ints_opt("scale")?.unwrap_or_default())?;
    let shape = cx.b.shape(x)?;
    let [_, _, height, width] = &shape[..] else {
        return Err(ConvertError::Invalid("x must have rank 4".into()));
    };
    let dims = cx.b.dims();
    let inner = |size: &Dim, before: &Dim, after: &Dim| {
        dims.max(&dims.sub(&dims.sub(size, before), after), &Dim::constant(0))
    };
    let (height, width) = match &scale[..] {
        [height, width] => (height.clone(), width.clone()),
        [] => (inner(height, top, bottom), inner(width, left, right)),
        _ => return Err(ConvertError::Invalid("scale must have two values".into())),
    };
    let mut entries: Vec<SliceAxis> = shape.iter().map(SliceAxis::full).collect();
    entries[2] = SliceAxis::range(top.clone(), height);
    entries[3] = SliceAxis::range(left.clone(), width);
    Ok(vec![cx.b.slice(x, entries)?])
}
