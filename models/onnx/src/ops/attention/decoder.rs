//! DecoderMaskedMultiHeadAttention of com.microsoft, without beams and shared buffers.

use super::super::{Converted, OpEntry, ms};
use super::multi_head::{Masking, Operands, with_past};
use super::{dims_of, head_count, part, refuse_shared_buffers, scale_attr};
use crate::import::{ConvertError, NodeCx};
use graphc_base::Dim;

pub(in super::super) const OPS: &[OpEntry] =
    &[ms("DecoderMaskedMultiHeadAttention", decoder_attention)];

/// One new row; keys and values of rank 4 are those of the encoder.
fn decoder_attention(cx: &mut NodeCx<'_, '_>) -> Converted {
    refuse_shared_buffers(cx)?;
    let n_heads = head_count(cx, "num_heads")?;
    let scale = scale_attr(cx)?;
    cx.ignore(&["output_qk"]);
    if let Some(beams) = cx.opt(8)
        && cx.known_int(beams) != Some(1)
    {
        return Err(ConvertError::Unsupported("beams are not supported".into()));
    }
    if cx.opt(9).is_some() {
        return Err(ConvertError::Unsupported(
            "cache_indirection is not supported".into(),
        ));
    }
    let masking = Masking::read(cx, cx.opt(3), cx.opt(4))?;
    let mut operands = Operands {
        query: cx.input(0)?,
        key: cx.opt(1),
        value: cx.opt(2),
        bias: cx.opt(10),
    };
    if operands.key.is_none() && operands.value.is_none() {
        // Query, key and value side by side.
        let [_, _, hidden] = dims_of(cx, "query", operands.query)?;
        let size = super::head_size(cx, &hidden, 3)?;
        let packed = operands.query;
        let mut start = Dim::ZERO;
        let mut parts = Vec::with_capacity(3);
        for _ in 0..3 {
            parts.push(part(cx, packed, 2, start.clone(), size.clone())?);
            start = cx.b.dims().add(&start, &size);
        }
        operands.query = parts[0];
        operands.key = Some(parts[1]);
        operands.value = Some(parts[2]);
    }
    let past = [cx.opt(5), cx.opt(6)];
    with_past(cx, n_heads, operands, past, &masking, scale)
}
