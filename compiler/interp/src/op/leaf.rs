//! Operators without operands.

use super::OpCx;
use super::call::Call;
use crate::error::{InterpError, Result};
use crate::number::{Number, with_number};
use crate::tensor::Tensor;
use crate::value::Value;
use graphc_base::{DType, Dim};
use graphc_ir::{ConstData, ConstId};

/// Longest chain of derived constants.
const MAX_DERIVATIONS: usize = 256;

pub(super) fn constant(call: &Call<'_>, id: ConstId) -> Result<Tensor> {
    derive(call.cx(), id, MAX_DERIVATIONS)
}

/// The contents of a constant, read or computed anew: whoever needs it often keeps it.
fn derive(cx: OpCx<'_>, id: ConstId, n_left: usize) -> Result<Tensor> {
    constant_tensor(cx, id, &mut |input| match n_left.checked_sub(1) {
        Some(n_left) => derive(cx, input, n_left),
        None => Err(const_error(cx, id, "derived by too long a chain")),
    })
}

/// The contents of a constant, where `operand` gives those of the constants that it derives from.
pub(crate) fn constant_tensor(
    cx: OpCx<'_>,
    id: ConstId,
    operand: &mut dyn FnMut(ConstId) -> Result<Tensor>,
) -> Result<Tensor> {
    let fail = |message: &str| const_error(cx, id, message);
    let constant = cx
        .consts
        .get(id)
        .ok_or_else(|| fail("not in the constant store"))?;
    let shape = constant
        .ty
        .const_shape()
        .ok_or_else(|| fail("shape is not constant"))?;
    match &constant.data {
        ConstData::Mapped { .. } | ConstData::Inline(_) => {
            let bytes = constant
                .bytes()
                .ok_or_else(|| fail("range is not in its file"))?;
            Tensor::from_le_bytes(constant.ty.dtype, &shape, bytes)
        }
        ConstData::Strings(strings) => Tensor::of(&shape, strings.to_vec()),
        ConstData::Derived { op, inputs, output } => {
            let inputs: Result<Vec<Value>> = inputs
                .iter()
                .map(|&input| operand(input).map(Value::Tensor))
                .collect();
            let inputs = inputs?;
            let inputs: Vec<&Value> = inputs.iter().collect();
            let mut results = super::eval_op(op, &inputs, cx)?;
            if *output >= results.len() {
                return Err(fail("derived from a result that is not there"));
            }
            match results.swap_remove(*output) {
                Value::Tensor(tensor)
                    if tensor.dtype() == constant.ty.dtype && tensor.shape() == shape =>
                {
                    Ok(tensor)
                }
                other => Err(fail(&format!("derived as {}", other.describe()))),
            }
        }
    }
}

fn const_error(cx: OpCx<'_>, id: ConstId, message: &str) -> InterpError {
    let name = cx.consts.get(id).and_then(|constant| constant.name.clone());
    InterpError::Constant {
        name: name.unwrap_or_else(|| id.to_string()),
        message: message.to_owned(),
    }
}

pub(super) fn dim_tensor(call: &Call<'_>, dims: &[Dim], scalar: bool) -> Result<Tensor> {
    let values: Result<Vec<i64>> = dims.iter().map(|dim| call.dim(dim)).collect();
    let shape: &[usize] = if scalar { &[] } else { &[dims.len()] };
    Tensor::of(shape, values?)
}

pub(super) fn iota(call: &Call<'_>, dtype: DType) -> Result<Tensor> {
    let shape = call.out_shape(0)?;
    with_number!(dtype, T => {
        let values = (0..shape[0]).map(|i| <T as Number>::from_i64(i as i64)).collect();
        Tensor::new::<T>(dtype, &shape, values)
    }, else Err(call.fail("dtype is not computed in")))
}
