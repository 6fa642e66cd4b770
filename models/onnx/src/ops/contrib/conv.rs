//! Convolutions and pooling with an activation, a sum, or channels last.

use super::super::{Converted, OpEntry, conv, ms};
use super::fused_activation;
use super::norm::{to_first, to_last};
use crate::import::NodeCx;
use graphc_ir::op::{Op, PoolKind};

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("FusedConv", |cx| fused(cx, false)),
    ms("NhwcConv", |cx| fused(cx, true)),
    ms("NhwcFusedConv", |cx| fused(cx, true)),
    ms("NhwcMaxPool", |cx| {
        let x = cx.input(0)?;
        let x = to_first(cx, x)?;
        let y = conv::pool_of(cx, x, PoolKind::Max, false)?;
        Ok(vec![to_last(cx, y[0])?])
    }),
    ms("QLinearConv", quantized),
];

/// `activation(conv(x) + z)`; weights are channels first always.
fn fused(cx: &mut NodeCx<'_, '_>, is_last: bool) -> Converted {
    let activation = cx.string("activation", "")?;
    let params = cx.floats_opt("activation_params")?.unwrap_or_default();
    let (mut x, weights) = (cx.input(0)?, cx.input(1)?);
    if is_last {
        x = to_first(cx, x)?;
    }
    let attrs = conv::conv_attrs(cx, x, weights)?;
    let mut operands = vec![x, weights];
    operands.extend(cx.opt(2));
    let mut y = cx.b.op1(Op::Conv(attrs), &operands)?;
    if let Some(mut other) = cx.opt(3) {
        if is_last {
            other = to_first(cx, other)?;
        }
        y = cx.b.add(y, other)?;
    }
    y = fused_activation(cx, y, &activation, &params)?;
    if is_last {
        y = to_last(cx, y)?;
    }
    Ok(vec![y])
}

fn quantized(cx: &mut NodeCx<'_, '_>) -> Converted {
    let mut x = cx.input(0)?;
    if !cx.flag("channels_last", false)? {
        return conv::qlinear_conv_of(cx, x);
    }
    x = to_first(cx, x)?;
    let y = conv::qlinear_conv_of(cx, x)?;
    Ok(vec![to_last(cx, y[0])?])
}
