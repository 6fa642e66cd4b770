//! Operators without operands.

use super::call::{Call, FLOAT, NUMBER, Outputs, one};
use crate::consts::ConstId;
use crate::types::ValueType;
use graphc_base::{DType, Dim};

pub(super) fn constant(call: &mut Call<'_>, id: ConstId) -> Outputs {
    call.no_operands()?;
    match call.cx().consts.get(id) {
        Some(constant) => Ok(vec![ValueType::Tensor(constant.ty.clone())]),
        None => Err(call.fail(format_args!("{id} is not in the constant store"))),
    }
}

pub(super) fn dim_tensor(call: &mut Call<'_>, dims: &[Dim], scalar: bool) -> Outputs {
    call.no_operands()?;
    if scalar {
        call.length("dims", dims.len(), 1)?;
        return one(DType::I64, Vec::new());
    }
    let len = call.count("number of dims", dims.len())?;
    one(DType::I64, vec![len])
}

pub(super) fn iota(call: &mut Call<'_>, dtype: DType, len: &Dim) -> Outputs {
    call.no_operands()?;
    call.want("dtype", dtype, NUMBER)?;
    one(dtype, vec![len.clone()])
}

pub(super) fn random(call: &mut Call<'_>, dtype: DType, shape: &[Dim]) -> Outputs {
    call.no_operands()?;
    call.want("dtype", dtype, FLOAT)?;
    one(dtype, shape.to_vec())
}
