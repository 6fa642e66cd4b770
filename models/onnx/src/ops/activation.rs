//! Activation functions.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{Dim, Real, Tri};
use graphc_ir::op::{BinaryOp, UnaryOp};

/// Slope and scale of Selu where the model gives none (ONNX Selu).
const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_GAMMA: f32 = 1.050_701;
/// The same before opset 6.
const SELU_1_ALPHA: f32 = 1.6732;
const SELU_1_GAMMA: f32 = 1.0507;

pub(super) const OPS: &[OpEntry] = &[
    onnx("Celu", |cx| {
        let alpha = real(cx, "alpha", 1.0)?;
        apply(cx, UnaryOp::Celu { alpha })
    }),
    onnx("Elu", |cx| {
        let alpha = real(cx, "alpha", 1.0)?;
        apply(cx, UnaryOp::Elu { alpha })
    }),
    onnx("Gelu", gelu),
    onnx("HardSigmoid", |cx| {
        let alpha = real(cx, "alpha", 0.2)?;
        let beta = real(cx, "beta", 0.5)?;
        apply(cx, UnaryOp::HardSigmoid { alpha, beta })
    }),
    onnx("HardSwish", |cx| apply(cx, UnaryOp::HardSwish)),
    onnx("LeakyRelu", |cx| {
        let alpha = real(cx, "alpha", 0.01)?;
        apply(cx, UnaryOp::LeakyRelu { alpha })
    }),
    onnx("Mish", |cx| apply(cx, UnaryOp::Mish)),
    onnx("PRelu", prelu),
    onnx("Relu", relu),
    onnx("Selu", |cx| {
        let (alpha, gamma) = if cx.opset() < 6 {
            (SELU_1_ALPHA, SELU_1_GAMMA)
        } else {
            (SELU_ALPHA, SELU_GAMMA)
        };
        let alpha = real(cx, "alpha", alpha)?;
        let gamma = real(cx, "gamma", gamma)?;
        apply(cx, UnaryOp::Selu { alpha, gamma })
    }),
    onnx("Shrink", shrink),
    onnx("Sigmoid", |cx| apply(cx, UnaryOp::Sigmoid)),
    onnx("Softplus", |cx| apply(cx, UnaryOp::Softplus)),
    onnx("Softsign", |cx| apply(cx, UnaryOp::Softsign)),
    onnx("SwiGLU", |cx| {
        let alpha = real(cx, "alpha", 1.0)?;
        let (gate, linear) = (cx.input(0)?, cx.input(1)?);
        let gate = cx.b.unary(UnaryOp::Swish { alpha }, gate)?;
        Ok(vec![cx.b.mul(gate, linear)?])
    }),
    onnx("Swish", |cx| {
        let alpha = real(cx, "alpha", 1.0)?;
        apply(cx, UnaryOp::Swish { alpha })
    }),
    onnx("ThresholdedRelu", |cx| {
        let alpha = real(cx, "alpha", 1.0)?;
        apply(cx, UnaryOp::ThresholdedRelu { alpha })
    }),
];

fn real(cx: &NodeCx<'_, '_>, name: &str, default: f32) -> Result<Real, ConvertError> {
    Ok(Real::from(cx.float(name, default)?))
}

fn apply(cx: &mut NodeCx<'_, '_>, op: UnaryOp) -> Converted {
    let x = cx.input(0)?;
    Ok(vec![cx.b.unary(op, x)?])
}

/// An unsigned number is never below zero.
fn relu(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    if cx.b.dtype(x)?.kind() == graphc_base::DTypeKind::Unsigned {
        return Ok(vec![x]);
    }
    Ok(vec![cx.b.unary(UnaryOp::Relu, x)?])
}

fn gelu(cx: &mut NodeCx<'_, '_>) -> Converted {
    let op = match cx.string("approximate", "none")?.as_str() {
        "none" => UnaryOp::Gelu,
        "tanh" => UnaryOp::GeluTanh,
        other => {
            return Err(ConvertError::Invalid(format!(
                "approximate must be none or tanh, is `{other}`"
            )));
        }
    };
    apply(cx, op)
}

/// Shrink takes integers too: there the bias is cut to the dtype, as the comparison is.
fn shrink(cx: &mut NodeCx<'_, '_>) -> Converted {
    let bias = real(cx, "bias", 0.0)?;
    let lambda = real(cx, "lambd", 0.5)?;
    let x = cx.input(0)?;
    let dtype = cx.b.dtype(x)?;
    let op = UnaryOp::Shrink { bias, lambda };
    if dtype.is_float() {
        return Ok(vec![cx.b.unary(op, x)?]);
    }
    let wide = cx.b.cast(x, graphc_base::DType::F64)?;
    let y = cx.b.unary(op, wide)?;
    Ok(vec![cx.b.cast(y, dtype)?])
}

/// The slope broadcasts to x. Before opset 7 a vector holds one slope per channel, as older exporters give it later too.
fn prelu(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, mut slope) = (cx.input(0)?, cx.input(1)?);
    let (shape, slope_shape) = (cx.b.shape(x)?, cx.b.shape(slope)?);
    if let ([n_slopes], [_, channels, rest @ ..]) = (&slope_shape[..], &shape[..])
        && let Some(last) = rest.last()
    {
        let dims = cx.b.dims();
        let is_single = n_slopes.as_const() == Some(1);
        let fits_last = dims.eq(n_slopes, last) != Tri::No;
        let fits_channels = dims.eq(n_slopes, channels);
        let is_per_channel = if cx.opset() < 7 {
            true
        } else {
            !fits_last && fits_channels == Tri::Yes
        };
        if !is_single && is_per_channel {
            let mut per_channel = vec![n_slopes.clone()];
            per_channel.extend(rest.iter().map(|_| Dim::constant(1)));
            slope = cx.b.reshape(slope, per_channel)?;
        }
    }
    let zero = cx.const_like(x, 0.0)?;
    let is_negative = cx.b.binary(BinaryOp::Less, x, zero)?;
    let scaled = cx.b.mul(x, slope)?;
    Ok(vec![cx.b.select(is_negative, scaled, x)?])
}
