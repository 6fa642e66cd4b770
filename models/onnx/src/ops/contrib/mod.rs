//! Operators of `com.microsoft`, onnxruntime's own, by family; attention has a module of its own.
//!
//! They become what they fuse, with the named core operators kept, so that later passes see the forms that they know.

mod activation;
mod conv;
mod matmul;
mod misc;
mod nbits;
mod norm;
mod qlinear;

use crate::import::{ConvertError, NodeCx};
use graphc_base::Real;
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, UnaryOp};

pub(super) use activation::OPS as ACTIVATION;
pub(super) use conv::OPS as CONV;
pub(super) use matmul::OPS as MATMUL;
pub(super) use misc::OPS as MISC;
pub(super) use nbits::OPS as NBITS;
pub(super) use norm::OPS as NORM;
pub(super) use qlinear::OPS as QLINEAR;

type Made = Result<ValueId, ConvertError>;

/// The activation of a fused operator, by name, with its parameters in the order of the function's own attributes.
fn fused_activation(cx: &mut NodeCx<'_, '_>, x: ValueId, name: &str, params: &[f32]) -> Made {
    let param = |param_idx: usize| {
        params.get(param_idx).copied().ok_or_else(|| {
            ConvertError::Invalid(format!("activation {name} lacks parameter {param_idx}"))
        })
    };
    let op = match name {
        "" => return Ok(x),
        "Relu" => UnaryOp::Relu,
        "Sigmoid" => UnaryOp::Sigmoid,
        "Tanh" => UnaryOp::Tanh,
        "Softplus" => UnaryOp::Softplus,
        "Softsign" => UnaryOp::Softsign,
        "HardSwish" => UnaryOp::HardSwish,
        "Gelu" => UnaryOp::Gelu,
        "LeakyRelu" => UnaryOp::LeakyRelu {
            alpha: Real::from(param(0)?),
        },
        "Elu" => UnaryOp::Elu {
            alpha: Real::from(param(0)?),
        },
        "ThresholdedRelu" => UnaryOp::ThresholdedRelu {
            alpha: Real::from(param(0)?),
        },
        "HardSigmoid" => UnaryOp::HardSigmoid {
            alpha: Real::from(param(0)?),
            beta: Real::from(param(1)?),
        },
        "Clip" => {
            let low = cx.const_like(x, f64::from(param(0)?))?;
            let high = cx.const_like(x, f64::from(param(1)?))?;
            let raised = cx.b.binary(BinaryOp::Max, x, low)?;
            return Ok(cx.b.binary(BinaryOp::Min, raised, high)?);
        }
        _ => {
            return Err(ConvertError::Unsupported(format!(
                "activation {name} is not supported"
            )));
        }
    };
    Ok(cx.b.unary(op, x)?)
}
