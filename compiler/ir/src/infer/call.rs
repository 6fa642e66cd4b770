//! One operator on its operands while it is being typed: access to operands, relations between dims, and messages.
//!
//! A relation that the algebra of dims proves costs nothing, one that it refutes is a [`TypeError`], and one that it
//! leaves open is kept as a check.

use super::show::operand_list;
use super::{InferCx, OpTypes, TypeError};
use crate::graph::DimCheckKind;
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, Dim, DimCx, Tri};
use std::fmt;

/// Most operands that one operator names.
const MAX_ROLES: usize = 8;

pub(super) type Outputs = Result<Vec<ValueType>, TypeError>;

/// A set of dtypes with the words for it: `x must be a float`.
#[derive(Clone, Copy)]
pub(super) struct DTypeClass {
    pub(super) words: &'static str,
    pub(super) has: fn(DType) -> bool,
}

/// Floats that are computed in: 16 bits and wider.
pub(super) const FLOAT: DTypeClass = DTypeClass {
    words: "a float",
    has: |dtype| dtype.is_float() && !dtype.is_storage_only(),
};
/// Integers that are computed in: 8 bits and wider.
pub(super) const INT: DTypeClass = DTypeClass {
    words: "an integer",
    has: |dtype| dtype.is_int() && !dtype.is_storage_only(),
};
/// Floats and integers that are computed in.
pub(super) const NUMBER: DTypeClass = DTypeClass {
    words: "a number",
    has: |dtype| (FLOAT.has)(dtype) || (INT.has)(dtype),
};
/// Numbers and truth values.
pub(super) const NUMBER_OR_BOOL: DTypeClass = DTypeClass {
    words: "a number or bool",
    has: |dtype| (NUMBER.has)(dtype) || dtype == DType::Bool,
};
/// Whatever can be compared for equality.
pub(super) const COMPARABLE: DTypeClass = DTypeClass {
    words: "a number, bool or string",
    has: |dtype| (NUMBER_OR_BOOL.has)(dtype) || dtype == DType::String,
};
/// Anything with a byte layout.
pub(super) const NOT_STRING: DTypeClass = DTypeClass {
    words: "something with a byte layout",
    has: |dtype| dtype != DType::String,
};
/// Index operands.
pub(super) const INDEX: DTypeClass = DTypeClass {
    words: "i32 or i64",
    has: |dtype| matches!(dtype, DType::I32 | DType::I64),
};
pub(super) const I64: DTypeClass = DTypeClass {
    words: "i64",
    has: |dtype| dtype == DType::I64,
};
pub(super) const BOOL: DTypeClass = DTypeClass {
    words: "bool",
    has: |dtype| dtype == DType::Bool,
};
pub(super) const STRING: DTypeClass = DTypeClass {
    words: "a string",
    has: |dtype| dtype == DType::String,
};

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
    pub(super) fn arity(&mut self, roles: &[&'static str], n_optional: usize) -> Result<(), TypeError> {
        self.n_roles = roles.len().min(MAX_ROLES);
        self.roles[..self.n_roles].copy_from_slice(&roles[..self.n_roles]);
        let most = roles.len();
        let least = most.saturating_sub(n_optional);
        let n_inputs = self.inputs.len();
        if (least..=most).contains(&n_inputs) {
            return Ok(());
        }
        Err(self.fail(if least == most {
            format!("takes {most} operands, not {n_inputs}")
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

    pub(super) fn want(&self, role: &str, dtype: DType, class: DTypeClass) -> Result<(), TypeError> {
        self.ensure(
            (class.has)(dtype),
            format_args!("{role} must be {}", class.words),
        )
    }

    pub(super) fn same_dtype(&self, role: &str, ty: &TensorType, dtype: DType) -> Result<(), TypeError> {
        self.ensure(ty.dtype == dtype, format_args!("{role} must be {dtype}"))
    }

    pub(super) fn rank(&self, role: &str, ty: &TensorType, rank: usize) -> Result<(), TypeError> {
        self.ensure(
            ty.rank() == rank,
            format_args!("{role} must have rank {rank}"),
        )
    }

    pub(super) fn rank_at_least(&self, role: &str, ty: &TensorType, least: usize) -> Result<(), TypeError> {
        self.ensure(
            ty.rank() >= least,
            format_args!("{role} must have rank {least} or more"),
        )
    }

    /// A scalar of one dtype.
    pub(super) fn scalar(&self, role: &str, ty: &TensorType, dtype: DType) -> Result<(), TypeError> {
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
            format_args!("{what} has {length} entries, not {wanted}"),
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

    // ---- relations between dims ----

    pub(super) fn is_one(&self, dim: &Dim) -> bool {
        dim.as_const() == Some(1)
    }

    fn is_never_one(&self, dim: &Dim) -> bool {
        self.dims().eq(dim, &Dim::constant(1)) == Tri::No
    }

    fn check(&mut self, kind: DimCheckKind) {
        if !self.checks.contains(&kind) {
            self.checks.push(kind);
        }
    }

    /// Both must be equal; gives the one that says more.
    pub(super) fn equal(
        &mut self,
        a: &Dim,
        b: &Dim,
        what: impl fmt::Display,
    ) -> Result<Dim, TypeError> {
        match self.dims().eq(a, b) {
            Tri::Yes => {}
            Tri::No => return Err(self.fail(what)),
            Tri::Unknown => self.check(DimCheckKind::Equal(a.clone(), b.clone())),
        }
        Ok(if b.is_const() { b } else { a }.clone())
    }

    /// The first must be at most the second.
    pub(super) fn at_most(
        &mut self,
        a: &Dim,
        b: &Dim,
        what: impl fmt::Display,
    ) -> Result<(), TypeError> {
        match self.dims().le(a, b) {
            Tri::Yes => {}
            Tri::No => return Err(self.fail(what)),
            Tri::Unknown => self.check(DimCheckKind::LessEqual(a.clone(), b.clone())),
        }
        Ok(())
    }

    /// `by` must divide `dim`.
    pub(super) fn divides(
        &mut self,
        by: &Dim,
        dim: &Dim,
        what: impl fmt::Display,
    ) -> Result<(), TypeError> {
        let rest = self.dims().modulo(dim, by);
        self.equal(&rest, &Dim::constant(0), what)?;
        Ok(())
    }

    /// Two shapes that must be equal axis by axis; gives the one that says more.
    pub(super) fn equal_shapes(
        &mut self,
        a: &[Dim],
        b: &[Dim],
        what: &str,
    ) -> Result<Vec<Dim>, TypeError> {
        self.ensure(a.len() == b.len(), what)?;
        a.iter()
            .zip(b)
            .map(|(a, b)| self.equal(a, b, what))
            .collect()
    }

    /// NumPy broadcasting of two dims.
    fn broadcast_dim(&mut self, a: &Dim, b: &Dim) -> Result<Dim, TypeError> {
        if a == b || self.is_one(b) {
            return Ok(a.clone());
        }
        if self.is_one(a) {
            return Ok(b.clone());
        }
        let are_equal = self.dims().eq(a, b);
        if are_equal == Tri::Yes {
            return Ok(if b.is_const() { b } else { a }.clone());
        }
        if self.is_never_one(a) && self.is_never_one(b) {
            return self.equal(a, b, "shapes do not broadcast");
        }
        self.check(DimCheckKind::Broadcast(a.clone(), b.clone()));
        Ok(self.dims().bcast(a, b))
    }

    /// NumPy broadcasting of two shapes.
    pub(super) fn broadcast(&mut self, a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, TypeError> {
        let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
        let n_leading = long.len() - short.len();
        let mut shape = long[..n_leading].to_vec();
        for (long_dim, short_dim) in long[n_leading..].iter().zip(short) {
            shape.push(self.broadcast_dim(long_dim, short_dim)?);
        }
        Ok(shape)
    }

    /// `from` must broadcast to exactly `to`.
    pub(super) fn broadcast_to(
        &mut self,
        from: &[Dim],
        to: &[Dim],
        what: &str,
    ) -> Result<(), TypeError> {
        let Some(n_leading) = to.len().checked_sub(from.len()) else {
            return Err(self.fail(what));
        };
        for (from, to) in from.iter().zip(&to[n_leading..]) {
            if self.is_one(from) || self.dims().eq(from, to) == Tri::Yes {
                continue;
            }
            if self.is_never_one(from) || self.is_one(to) {
                self.equal(from, to, what)?;
            } else if self.is_never_one(to) {
                self.check(DimCheckKind::Broadcast(from.clone(), to.clone()));
            } else {
                // `from` is 1 or `to`: exactly where the broadcast of both is `to`.
                let both = self.dims().bcast(from, to);
                self.check(DimCheckKind::Equal(both, to.clone()));
            }
        }
        Ok(())
    }

    /// Every dim of an attribute shape may be a size.
    pub(super) fn sizes(&self, what: &str, shape: &[Dim]) -> Result<(), TypeError> {
        for dim in shape {
            self.ensure(
                self.dims().bounds(dim).hi >= 0,
                format_args!("{what} has the negative size {}", self.dims().display(dim)),
            )?;
        }
        Ok(())
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

/// A tensor result.
pub(super) fn tensor(dtype: DType, shape: Vec<Dim>) -> ValueType {
    ValueType::Tensor(TensorType { dtype, shape })
}

/// One tensor result.
pub(super) fn one(dtype: DType, shape: Vec<Dim>) -> Outputs {
    Ok(vec![tensor(dtype, shape)])
}
