//! CausalConvWithState: a depthwise convolution over time that sees the present and the past alone.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{Conv, Op, PadMode, Padding, SliceAxis, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[onnx("CausalConvWithState", causal_conv)];

/// `x[B, C, L]` behind a state of the last k - 1 steps, which is zero where none is given; gives the convolution
/// `[B, C, L]` and the state that follows.
fn causal_conv(cx: &mut NodeCx<'_, '_>) -> Converted {
    let activation = match cx.string("activation", "none")?.as_str() {
        "none" => None,
        "silu" | "swish" => Some(UnaryOp::Swish {
            alpha: Real::new(1.0),
        }),
        other => {
            return Err(ConvertError::Invalid(format!(
                "activation must be none, silu or swish, is `{other}`"
            )));
        }
    };
    let (x, weight) = (cx.input(0)?, cx.input(1)?);
    let ([_, channels, len], [_, _, kernel]) = (&cx.b.shape(x)?[..], &cx.b.shape(weight)?[..])
    else {
        return Err(ConvertError::Invalid(
            "input and weight must have rank 3".into(),
        ));
    };
    let Some(groups) = channels.as_const().and_then(|n| usize::try_from(n).ok()) else {
        return Err(ConvertError::Unsupported(
            "the number of channels is known at run time only".into(),
        ));
    };
    let dims = cx.b.dims();
    let zero_len = Dim::constant(0);
    let past = dims.max(&dims.sub(kernel, &Dim::ONE), &zero_len);
    let (timeline, padding) = match cx.opt(3) {
        Some(state) => (cx.b.concat(&[state, x], 2)?, zero_len),
        None => (x, past.clone()),
    };
    let mut operands = vec![timeline, weight];
    operands.extend(cx.opt(2));
    let conv = Conv {
        strides: vec![1],
        pads: vec![Padding {
            before: padding.clone(),
            after: Dim::constant(0),
        }],
        dilations: vec![1],
        groups,
    };
    let mut y = cx.b.op1(Op::Conv(conv), &operands)?;
    if let Some(activation) = activation {
        y = cx.b.unary(activation, y)?;
    }
    if !cx.output_used(1) {
        return Ok(vec![y]);
    }
    let padded = leading_zeros(cx, timeline, padding)?;
    let entry = SliceAxis::range(len.clone(), past);
    let state = cx.b.slice_axis(padded, 2, entry)?;
    Ok(vec![y, state])
}

/// Zeros before the last of three axes.
fn leading_zeros(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    amount: Dim,
) -> Result<ValueId, ConvertError> {
    if amount.as_const() == Some(0) {
        return Ok(x);
    }
    let zero = cx.zero_like(x)?;
    let none = Dim::constant(0);
    let op = Op::Pad {
        mode: PadMode::Constant,
        before: vec![none.clone(), none.clone(), amount],
        after: vec![none; 3],
    };
    Ok(cx.b.op1(op, &[x, zero])?)
}
