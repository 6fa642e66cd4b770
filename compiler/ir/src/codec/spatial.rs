//! Attributes of convolutions, pooling, resampling and region operators.

use super::Codec;
use crate::op::{
    Col2Im, Conv, ConvTranspose, DeformConv, GridSample, Pool, PoolKind, Resize, RoiAlign,
};

pub(super) fn conv<C: Codec>(conv: &mut Conv, codec: &mut C) -> Result<(), C::Error> {
    let Conv {
        strides,
        pads,
        dilations,
        groups,
    } = conv;
    codec.attr("strides", strides)?;
    codec.attr("pads", pads)?;
    codec.attr("dilations", dilations)?;
    codec.attr("groups", groups)
}

pub(super) fn conv_transpose<C: Codec>(
    conv: &mut ConvTranspose,
    codec: &mut C,
) -> Result<(), C::Error> {
    let ConvTranspose {
        strides,
        pads,
        dilations,
        output_padding,
        groups,
    } = conv;
    codec.attr("strides", strides)?;
    codec.attr("pads", pads)?;
    codec.attr("dilations", dilations)?;
    codec.attr("output_padding", output_padding)?;
    codec.attr("groups", groups)
}

pub(super) fn deform_conv<C: Codec>(
    deform: &mut DeformConv,
    codec: &mut C,
) -> Result<(), C::Error> {
    let DeformConv {
        conv: base,
        offset_groups,
        has_bias,
        has_mask,
    } = deform;
    conv(base, codec)?;
    codec.attr("offset_groups", offset_groups)?;
    codec.flag("has_bias", has_bias)?;
    codec.flag("has_mask", has_mask)
}

pub(super) fn pool<C: Codec>(pool: &mut Pool, codec: &mut C) -> Result<(), C::Error> {
    let Pool {
        kind,
        kernel,
        strides,
        pads,
        dilations,
        out,
    } = pool;
    match kind {
        PoolKind::Max => {}
        PoolKind::Average { count_include_pad } => {
            codec.flag("count_include_pad", count_include_pad)?;
        }
        PoolKind::Lp { p } => codec.attr("p", p)?,
    }
    codec.attr("kernel", kernel)?;
    codec.attr("strides", strides)?;
    codec.attr("pads", pads)?;
    codec.attr("dilations", dilations)?;
    codec.attr("out", out)
}

pub(super) fn resize<C: Codec>(resize: &mut Resize, codec: &mut C) -> Result<(), C::Error> {
    let Resize {
        shape,
        scales,
        has_scales,
        mode,
        coordinates,
        nearest,
        cubic_a,
        exclude_outside,
        antialias,
        extrapolation,
        roi,
        has_roi,
        policy,
        requested,
    } = resize;
    codec.attr("shape", shape)?;
    codec.option("scales", scales)?;
    codec.flag("has_scales", has_scales)?;
    codec.attr("mode", mode)?;
    codec.attr("coordinates", coordinates)?;
    codec.attr("nearest", nearest)?;
    codec.attr("cubic_a", cubic_a)?;
    codec.flag("exclude_outside", exclude_outside)?;
    codec.flag("antialias", antialias)?;
    codec.attr("extrapolation", extrapolation)?;
    codec.option("roi", roi)?;
    codec.flag("has_roi", has_roi)?;
    codec.attr("policy", policy)?;
    codec.attr("requested", requested)
}

pub(super) fn grid_sample<C: Codec>(
    sample: &mut GridSample,
    codec: &mut C,
) -> Result<(), C::Error> {
    let GridSample {
        mode,
        padding,
        align_corners,
    } = sample;
    codec.attr("mode", mode)?;
    codec.attr("padding", padding)?;
    codec.flag("align_corners", align_corners)
}

pub(super) fn roi_align<C: Codec>(align: &mut RoiAlign, codec: &mut C) -> Result<(), C::Error> {
    let RoiAlign {
        pooled,
        sampling_ratio,
        spatial_scale,
        half_pixel,
        max,
    } = align;
    codec.attr("pooled", pooled)?;
    codec.attr("sampling_ratio", sampling_ratio)?;
    codec.attr("spatial_scale", spatial_scale)?;
    codec.flag("half_pixel", half_pixel)?;
    codec.flag("max", max)
}

pub(super) fn col2im<C: Codec>(col2im: &mut Col2Im, codec: &mut C) -> Result<(), C::Error> {
    let Col2Im {
        image,
        block,
        dilations,
        pads,
        strides,
    } = col2im;
    codec.attr("image", image)?;
    codec.attr("block", block)?;
    codec.attr("dilations", dilations)?;
    codec.attr("pads", pads)?;
    codec.attr("strides", strides)
}
