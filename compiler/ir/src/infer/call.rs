//! One operator on its operands while it is being typed: access to operands, relations between dims, and messages.
//!
//! A relation that the algebra of dims proves costs nothing, one that it refutes is a [`TypeError`], and one that it
//! leaves open is kept as a check.

mod class;
mod relation;

pub(super) use class::{
    BOOL, COMPARABLE, DTypeClass, FLOAT, I64, INDEX, INT, NOT_STRING, NUMBER, NUMBER_OR_BOOL,
    STRING,
};

use super::show::operand_list;
use super::{InferCx, OpTypes, TypeError};
use crate::graph::DimCheckKind;
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, Dim, DimCx};
use std::fmt;

/// Most operands that one operator names.
const MAX_ROLES: usize = 8;

pub(super) type Outputs = Result<Vec<ValueType>, TypeError>;

pub(super) struct Call<'a> {
    op: &'static str,
    inputs: &'a [&'a ValueType],
    cx: InferCx<'a>,
    roles: [&'static str; MAX_ROLES],
    n_roles: usize,
    checks: Vec<DimCheckKind>,
}

impl<'a> Call<'a> {
    pub(super) fn new(op: &'static str, inputs: &'a [&'a ValueType], cx: InferCx<'a>) -> Self {
        Self {
            op,
            inputs,
            cx,
            roles: [""; MAX_ROLES],
            n_roles: 0,
            checks: Vec::new(),
        }
    }

    pub(super) fn cx(&self) -> InferCx<'a> {
        self.cx
    }

    pub(super) fn dims(&self) -> &'a DimCx {
        self.cx.dims
    }

    pub(super) fn inputs(&self) -> &'a [&'a ValueType] {
        self.inputs
    }

    /// An error with the operand types behind the message.
    pub(super) fn fail(&self, what: impl fmt::Display) -> TypeError {
        let roles = &self.roles[..self.n_roles];
        let list = operand_list(roles, self.inputs, self.cx.dims);
        let message = if list.is_empty() {
            what.to_string()
        } else {
            format!("{what}, {list}")
        };
        TypeError {
            op: self.op,
            message,
        }
    }

    /// `Ok` where `holds`, else the error.
    pub(super) fn ensure(&self, holds: bool, what: impl fmt::Display) -> Result<(), TypeError> {
        if holds { Ok(()) } else { Err(self.fail(what)) }
    }

    // ---- operands ----

    /// Names the operands and checks how many there are; the last `n_optional` may be missing.
    pub(super) fn arity(
        &mut self,
        roles: &[&'static str],
        n_optional: usize,
    ) -> Result<(), TypeError> {
        self.n_roles = roles.len().min(MAX_ROLES);
        self.roles[..self.n_roles].copy_from_slice(&roles[..self.n_roles]);
        let most = roles.len();
        let least = most.saturating_sub(n_optional);
        let n_inputs = self.inputs.len();
        if (least..=most).contains(&n_inputs) {
            return Ok(());
        }
        Err(self.fail(if least == most {
            format!("takes {}, not {n_inputs}", counted(most, "operand"))
        } else {
            format!("takes {least} to {most} operands, not {n_inputs}")
        }))
    }

    /// Operand `operand_idx`, which must be a tensor.
    pub(super) fn tensor(&self, operand_idx: usize) -> Result<&'a TensorType, TypeError> {
        match self.inputs.get(operand_idx) {
            Some(ValueType::Tensor(ty)) => Ok(ty),
            Some(_) => Err(self.fail(format_args!("{} is not a tensor", self.role(operand_idx)))),
            None => Err(self.fail(format_args!("{} is missing", self.role(operand_idx)))),
        }
    }

    /// The word for an operand.
    pub(super) fn role(&self, operand_idx: usize) -> String {
        match self.roles[..self.n_roles].get(operand_idx) {
            Some(role) => (*role).to_owned(),
            None => format!("operand {operand_idx}"),
        }
    }

    /// No operands.
    pub(super) fn no_operands(&mut self) -> Result<(), TypeError> {
        self.arity(&[], 0)
    }

    /// Exactly these operands, all tensors.
    pub(super) fn tensors<const N: usize>(
        &mut self,
        roles: [&'static str; N],
    ) -> Result<[&'a TensorType; N], TypeError> {
        self.arity(&roles, 0)?;
        self.tensors_from(0)
    }

    /// These operands, then as many of the optional ones as there are, all tensors.
    pub(super) fn tensors_then<const N: usize, const M: usize>(
        &mut self,
        roles: [&'static str; N],
        optional: [&'static str; M],
    ) -> Result<([&'a TensorType; N], [Option<&'a TensorType>; M]), TypeError> {
        let all: Vec<&'static str> = roles.iter().chain(&optional).copied().collect();
        self.arity(&all, M)?;
        let required = self.tensors_from(0)?;
        let mut rest = [None; M];
        for (optional_idx, slot) in rest.iter_mut().enumerate() {
            if N + optional_idx < self.inputs.len() {
                *slot = Some(self.tensor(N + optional_idx)?);
            }
        }
        Ok((required, rest))
    }

    /// Those of the operands whose flag is set, in order, all tensors.
    pub(super) fn flagged<const N: usize>(
        &mut self,
        roles: [(&'static str, bool); N],
    ) -> Result<[Option<&'a TensorType>; N], TypeError> {
        let present: Vec<&'static str> = roles
            .iter()
            .filter(|(_, is_present)| *is_present)
            .map(|(role, _)| *role)
            .collect();
        self.arity(&present, 0)?;
        let mut operand_idx = 0;
        let mut found = [None; N];
        for (slot, (_, is_present)) in found.iter_mut().zip(roles) {
            if is_present {
                *slot = Some(self.tensor(operand_idx)?);
                operand_idx += 1;
            }
        }
        Ok(found)
    }

    fn tensors_from<const N: usize>(&self, first: usize) -> Result<[&'a TensorType; N], TypeError> {
        let mut found = Vec::with_capacity(N);
        for offset in 0..N {
            found.push(self.tensor(first + offset)?);
        }
        found
            .try_into()
            .map_err(|_| self.fail("operands are missing"))
    }

    // ---- what operands must be ----

    pub(super) fn want(
        &self,
        role: &str,
        dtype: DType,
        class: DTypeClass,
    ) -> Result<(), TypeError> {
        self.ensure(
            (class.has)(dtype),
            format_args!("{role} must be {}", class.words),
        )
    }

    pub(super) fn same_dtype(
        &self,
        role: &str,
        ty: &TensorType,
        dtype: DType,
    ) -> Result<(), TypeError> {
        self.ensure(ty.dtype == dtype, format_args!("{role} must be {dtype}"))
    }

    pub(super) fn rank(&self, role: &str, ty: &TensorType, rank: usize) -> Result<(), TypeError> {
        self.ensure(
            ty.rank() == rank,
            format_args!("{role} must have rank {rank}"),
        )
    }

    pub(super) fn rank_at_least(
        &self,
        role: &str,
        ty: &TensorType,
        least: usize,
    ) -> Result<(), TypeError> {
        self.ensure(
            ty.rank() >= least,
            format_args!("{role} must have rank {least} or more"),
        )
    }

    /// A scalar of one dtype.
    pub(super) fn scalar(
        &self,
        role: &str,
        ty: &TensorType,
        dtype: DType,
    ) -> Result<(), TypeError> {
        self.ensure(
            ty.dtype == dtype && ty.rank() == 0,
            format_args!("{role} must be {dtype}[]"),
        )
    }

    /// A vector of one dtype whose size is `size`.
    pub(super) fn vector(
        &mut self,
        role: &str,
        ty: &TensorType,
        dtype: DType,
        size: &Dim,
    ) -> Result<(), TypeError> {
        self.same_dtype(role, ty, dtype)?;
        self.rank(role, ty, 1)?;
        self.equal(&ty.shape[0], size, format_args!("{role} has another size"))?;
        Ok(())
    }

    pub(super) fn axis(&self, axis: usize, rank: usize) -> Result<(), TypeError> {
        self.ensure(axis < rank, format_args!("axis {axis} is not below {rank}"))
    }

    /// One attribute entry per axis.
    pub(super) fn length(&self, what: &str, length: usize, wanted: usize) -> Result<(), TypeError> {
        self.ensure(
            length == wanted,
            format_args!("{what} has length {length}, not {wanted}"),
        )
    }

    /// A count of the attributes as a dim.
    pub(super) fn count(&self, what: &str, count: usize) -> Result<Dim, TypeError> {
        match i64::try_from(count) {
            Ok(count) => Ok(Dim::constant(count)),
            Err(_) => Err(self.fail(format_args!("{what} {count} is too large"))),
        }
    }

    /// A count of the attributes that may not be zero, as a dim.
    pub(super) fn positive(&self, what: &str, count: usize) -> Result<Dim, TypeError> {
        self.ensure(count > 0, format_args!("{what} must not be 0"))?;
        self.count(what, count)
    }

    // ---- results ----

    /// The result, after the tests that hold for every result: no negative size, no more elements than can be addressed.
    pub(super) fn finish(self, outputs: Vec<ValueType>) -> Result<OpTypes, TypeError> {
        for output in &outputs {
            let mut held = output;
            while let ValueType::Optional(inner) = held {
                held = inner;
            }
            if let ValueType::Tensor(ty) = held {
                self.sizes("result", &ty.shape)?;
                self.addressable(ty)?;
            }
        }
        Ok(OpTypes {
            outputs,
            checks: self.checks,
        })
    }

    fn addressable(&self, ty: &TensorType) -> Result<(), TypeError> {
        let Some(shape) = ty.const_shape() else {
            return Ok(());
        };
        if shape.contains(&0) {
            return Ok(());
        }
        let bytes = shape
            .iter()
            .try_fold(1usize, |total, &size| total.checked_mul(size))
            .and_then(|n_elements| match ty.dtype {
                DType::String => n_elements.checked_mul(size_of::<String>()),
                _ => n_elements.checked_mul(ty.dtype.bits().max(8)),
            });
        self.ensure(
            bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok()),
            format_args!(
                "result {} is too large",
                super::show::ShowTensor(ty, self.dims())
            ),
        )
    }
}

/// `1 operand`, `2 operands`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A tensor result.
pub(super) fn tensor(dtype: DType, shape: Vec<Dim>) -> ValueType {
    ValueType::Tensor(TensorType { dtype, shape })
}

/// One tensor result.
pub(super) fn one(dtype: DType, shape: Vec<Dim>) -> Outputs {
    Ok(vec![tensor(dtype, shape)])
}
