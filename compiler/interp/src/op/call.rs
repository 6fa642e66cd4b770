//! One operator on its operands while it is evaluated: operands, dims with values, result shapes and messages.
//!
//! [`infer`] has typed the call on the shapes that are there, so the families rely on its word for dtypes, ranks and
//! shapes; what it left as relations between dims has been tested too.

use super::OpCx;
use crate::error::{InterpError, Result, op_error};
use crate::tensor::Tensor;
use graphc_base::Dim;
use graphc_ir::{DimCheckKind, InferCx, Op, TensorType, ValueType, infer};

pub(crate) struct Call<'a> {
    name: &'static str,
    inputs: Vec<&'a Tensor>,
    outputs: Vec<ValueType>,
    cx: OpCx<'a>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(op: &Op, inputs: Vec<&'a Tensor>, cx: OpCx<'a>) -> Result<Self> {
        let types: Vec<ValueType> = inputs.iter().map(|x| tensor_type(x).into()).collect();
        let types: Vec<&ValueType> = types.iter().collect();
        let infer_cx = InferCx {
            dims: cx.dims,
            consts: cx.consts,
        };
        let typed = infer(op, &types, infer_cx)?;
        for check in &typed.checks {
            test(check, op.name(), cx)?;
        }
        Ok(Self {
            name: op.name(),
            inputs,
            outputs: typed.outputs,
            cx,
        })
    }

    pub(crate) fn cx(&self) -> OpCx<'a> {
        self.cx
    }

    /// Operand `idx`, which typing has shown to be there.
    pub(crate) fn input(&self, idx: usize) -> Result<&'a Tensor> {
        self.optional(idx)
            .ok_or_else(|| self.fail(format!("operand {idx} is missing")))
    }

    /// Operand `idx`, if there is one.
    pub(crate) fn optional(&self, idx: usize) -> Option<&'a Tensor> {
        self.inputs.get(idx).copied()
    }

    pub(crate) fn inputs(&self) -> &[&'a Tensor] {
        &self.inputs
    }

    /// The value of a dim.
    pub(crate) fn dim(&self, dim: &Dim) -> Result<i64> {
        self.cx
            .symbols
            .eval(dim)
            .map_err(|source| InterpError::Dim {
                op: self.name,
                source,
            })
    }

    /// The value of a dim as a size.
    pub(crate) fn size(&self, dim: &Dim) -> Result<usize> {
        let value = self.dim(dim)?;
        usize::try_from(value).map_err(|_| self.fail(format!("size {value} is negative")))
    }

    pub(crate) fn sizes(&self, dims: &[Dim]) -> Result<Vec<usize>> {
        dims.iter().map(|dim| self.size(dim)).collect()
    }

    /// The shape of result `idx`.
    pub(crate) fn out_shape(&self, idx: usize) -> Result<Vec<usize>> {
        let ty = self.outputs.get(idx).and_then(ValueType::as_tensor);
        let shape = self.sizes(&ty.ok_or_else(|| self.fail("result is missing"))?.shape)?;
        if let Some(ty) = ty {
            crate::tensor::n_elements(ty.dtype, &shape)?;
        }
        Ok(shape)
    }

    pub(crate) fn fail(&self, message: impl Into<String>) -> InterpError {
        op_error(self.name, message)
    }
}

/// The type of a tensor, all dims constant.
pub(crate) fn tensor_type(tensor: &Tensor) -> TensorType {
    TensorType::new(
        tensor.dtype(),
        tensor
            .shape()
            .iter()
            .map(|&size| Dim::constant(i64::try_from(size).unwrap_or(i64::MAX))),
    )
}

/// Tests a relation between dims whose symbols are bound.
pub(crate) fn test(check: &DimCheckKind, what: &str, cx: OpCx<'_>) -> Result<()> {
    let (DimCheckKind::Equal(lhs, rhs)
    | DimCheckKind::Broadcast(lhs, rhs)
    | DimCheckKind::LessEqual(lhs, rhs)) = check;
    let eval = |dim: &Dim| {
        cx.symbols.eval(dim).map_err(|error| InterpError::Check {
            what: what.to_owned(),
            message: format!("{} has no value: {error}", cx.dims.display(dim)),
        })
    };
    let (a, b) = (eval(lhs)?, eval(rhs)?);
    let (holds, relation) = match check {
        DimCheckKind::Equal(..) => (a == b, "equal to"),
        DimCheckKind::Broadcast(..) => (a == b || a == 1 || b == 1, "broadcastable with"),
        DimCheckKind::LessEqual(..) => (a <= b, "at most"),
    };
    if holds {
        return Ok(());
    }
    let shown = |dim: &Dim, value: i64| {
        if dim.is_const() {
            value.to_string()
        } else {
            format!("{} = {value}", cx.dims.display(dim))
        }
    };
    Err(InterpError::Check {
        what: what.to_owned(),
        message: format!("{} is not {relation} {}", shown(lhs, a), shown(rhs, b)),
    })
}
