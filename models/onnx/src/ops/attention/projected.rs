//! Attention and QAttention of com.microsoft: attention of what the node itself projects.

use super::super::linear::{centred, matmul};
use super::super::{Converted, OpEntry, ms, operand};
use super::multi_head::{Masking, attend};
use super::{
    HEADS, ROWS, appended, head_count, part, refuse_shared_buffers, scale_attr, split_heads,
};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("Attention", attention),
    ms("QAttention", quantized_attention),
];

/// Attributes that both have and that only other devices' kernels honour.
fn refuse_variants(cx: &NodeCx<'_, '_>) -> Result<(), ConvertError> {
    refuse_shared_buffers(cx)?;
    if cx.flag("do_rotary", false)? {
        return Err(ConvertError::Unsupported(
            "rotary positions inside it are not supported".into(),
        ));
    }
    cx.ignore(&["rotary_embedding_dim"]);
    Ok(())
}

fn attention(cx: &mut NodeCx<'_, '_>) -> Converted {
    refuse_variants(cx)?;
    let n_heads = head_count(cx, "num_heads")?;
    let scale = scale_attr(cx)?;
    let sizes = cx.ints_opt("qkv_hidden_sizes")?;
    if cx.opt(6).is_some() {
        return Err(ConvertError::Unsupported(
            "past and present in one buffer are not supported".into(),
        ));
    }
    let (x, weights) = (cx.input(0)?, cx.input(1)?);
    let mut projected = matmul(cx, x, weights)?;
    if let Some(bias) = cx.opt(2) {
        projected = cx.b.add(projected, bias)?;
    }
    let masking = Masking::read(cx, cx.opt(3), cx.opt(5))?;
    let past = cx.opt(4);
    finish(cx, projected, n_heads, sizes, past, &masking, scale)
}

/// The product is of integers, scaled once.
fn quantized_attention(cx: &mut NodeCx<'_, '_>) -> Converted {
    refuse_variants(cx)?;
    let n_heads = head_count(cx, "num_heads")?;
    let scale = scale_attr(cx)?;
    let (x, weights) = (cx.input(0)?, cx.input(1)?);
    let (bias, x_scale, w_scale) = (cx.input(2)?, cx.input(3)?, cx.input(4)?);
    let (x_zero, w_zero) = (cx.opt(6), cx.opt(7));
    let left = centred(cx, x, x_zero, 2)?;
    let right = centred(cx, weights, w_zero, 1)?;
    let sums = matmul(cx, left, right)?;
    let dtype = cx.b.dtype(bias)?;
    let sums = cx.b.cast(sums, DType::F32)?;
    let factor = cx.b.mul(x_scale, w_scale)?;
    let factor = cx.b.cast(factor, DType::F32)?;
    let scaled = cx.b.mul(sums, factor)?;
    let scaled = cx.b.cast(scaled, dtype)?;
    let projected = cx.b.add(scaled, bias)?;
    let masking = Masking::read(cx, cx.opt(5), None)?;
    let past = cx.opt(8);
    finish(cx, projected, n_heads, None, past, &masking, scale)
}

/// Takes the projection apart; `past` is `[2, batch, heads, rows, size]`, as is the present.
fn finish(
    cx: &mut NodeCx<'_, '_>,
    projected: ValueId,
    n_heads: usize,
    sizes: Option<Vec<i64>>,
    past: Option<ValueId>,
    masking: &Masking,
    scale: Option<f32>,
) -> Converted {
    let [_, _, hidden] = super::dims_of(cx, "the projection", projected)?;
    let sizes: Vec<Dim> = match sizes {
        Some(sizes) => {
            let [q, k, v] = sizes[..] else {
                return Err(ConvertError::Invalid(format!(
                    "qkv_hidden_sizes must be three, they are {}",
                    sizes.len()
                )));
            };
            let sizes = [q, k, v].map(|size| operand::size("qkv_hidden_sizes", size));
            sizes
                .into_iter()
                .map(|size| size.map(Dim::from))
                .collect::<Result<_, _>>()?
        }
        None => vec![super::head_size(cx, &hidden, 3)?; 3],
    };
    let mut start = Dim::ZERO;
    let mut heads = Vec::with_capacity(3);
    for size in &sizes {
        let one = part(cx, projected, 2, start.clone(), size.clone())?;
        start = cx.b.dims().add(&start, size);
        heads.push(split_heads(cx, "the projection", one, n_heads)?);
    }
    let (q, mut k, mut v) = (heads[0], heads[1], heads[2]);
    let mut n_past = Dim::ZERO;
    if let Some(past) = past {
        n_past = super::dims_of::<5>(cx, "past", past)?[ROWS + 1].clone();
        for (which, new) in [&mut k, &mut v].into_iter().enumerate() {
            let old = part(cx, past, 0, Dim::from(which), Dim::ONE)?;
            let old = cx.b.squeeze(old, &[0])?;
            *new = appended(cx, Some(old), *new)?;
        }
    }
    let attended = attend(cx, [q, k, v], &n_past, masking, scale)?;
    if !cx.output_used(1) {
        return Ok(vec![attended.y]);
    }
    let (key_shape, value_shape) = (cx.b.shape(k)?, cx.b.shape(v)?);
    if key_shape[HEADS..=ROWS] != value_shape[HEADS..=ROWS] || key_shape[3] != value_shape[3] {
        return Err(ConvertError::Invalid(
            "a present needs keys and values of one size".into(),
        ));
    }
    let parts = [cx.b.unsqueeze(k, &[0])?, cx.b.unsqueeze(v, &[0])?];
    let present = cx.b.concat(&parts, 0)?;
    Ok(vec![attended.y, present])
}
