//! What many families ask of their operands: constants, axes, scalars, dtypes.

use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Interval};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind};

/// An axis of a tensor of this rank; negative ones count from the end.
pub(crate) fn axis(raw: i64, rank: usize) -> Result<usize, ConvertError> {
    let signed_rank = rank as i64;
    let wrapped = if raw < 0 {
        raw.checked_add(signed_rank)
    } else {
        Some(raw)
    };
    match wrapped {
        Some(axis) if (0..signed_rank).contains(&axis) => Ok(axis as usize),
        _ => Err(ConvertError::Invalid(format!(
            "axis {raw} is out of range for rank {rank}"
        ))),
    }
}

/// An axis as [`axis`] takes it, or `rank` itself.
pub(crate) fn axis_or_end(raw: i64, rank: usize) -> Result<usize, ConvertError> {
    if raw == rank as i64 {
        return Ok(rank);
    }
    axis(raw, rank)
}

/// Distinct axes of a tensor of this rank.
pub(crate) fn axes(raw: &[i64], rank: usize) -> Result<Vec<usize>, ConvertError> {
    let mut found = Vec::with_capacity(raw.len());
    for &raw_axis in raw {
        let one = axis(raw_axis, rank)?;
        if found.contains(&one) {
            return Err(ConvertError::Invalid(format!(
                "axis {raw_axis} stands twice"
            )));
        }
        found.push(one);
    }
    Ok(found)
}

/// A size of the model as an index; negative ones are refused.
pub(crate) fn size(what: &str, raw: i64) -> Result<usize, ConvertError> {
    usize::try_from(raw)
        .map_err(|_| ConvertError::Invalid(format!("{what} must not be negative, is {raw}")))
}

/// Most numbers that an operand may list one by one: axes, bounds, sizes, pieces.
const MAX_LISTED: usize = 1 << 16;

impl NodeCx<'_, '_> {
    /// A tensor with one element as a rank-0 tensor.
    pub(crate) fn scalar(&mut self, value: ValueId) -> Result<ValueId, ConvertError> {
        if self.b.rank(value)? == 0 {
            return Ok(value);
        }
        Ok(self.b.reshape(value, Vec::new())?)
    }

    /// A tensor of rank 0 or 1 as one of rank 1.
    pub(crate) fn vector(&mut self, value: ValueId) -> Result<ValueId, ConvertError> {
        match self.b.rank(value)? {
            0 => Ok(self.b.reshape(value, vec![Dim::constant(1)])?),
            1 => Ok(value),
            rank => Err(ConvertError::Invalid(format!(
                "expected a vector, found a tensor of rank {rank}"
            ))),
        }
    }

    /// An integer vector as i64.
    pub(crate) fn int_vector(&mut self, value: ValueId) -> Result<ValueId, ConvertError> {
        let vector = self.vector(value)?;
        Ok(self.b.cast(vector, DType::I64)?)
    }

    /// An integer with one element as `i64[]`.
    pub(crate) fn int_scalar(&mut self, value: ValueId) -> Result<ValueId, ConvertError> {
        let scalar = self.scalar(value)?;
        Ok(self.b.cast(scalar, DType::I64)?)
    }

    /// A truth value with one element as `bool[]`.
    pub(crate) fn bool_scalar(&mut self, value: ValueId) -> Result<ValueId, ConvertError> {
        let scalar = self.scalar(value)?;
        Ok(self.b.cast(scalar, DType::Bool)?)
    }

    /// The value of a constant with one element, if it is one.
    pub(crate) fn known_int(&self, value: ValueId) -> Option<i64> {
        match self.b.known_i64(value)?[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The truth value of a constant with one element, if it is one.
    pub(crate) fn known_bool(&self, value: ValueId) -> Option<bool> {
        Some(self.known_int(value)? != 0)
    }

    /// The constant length of a vector (1 for a scalar), at most [`MAX_LISTED`].
    pub(crate) fn known_len(&self, value: ValueId) -> Result<Option<usize>, ConvertError> {
        Ok(match &self.b.shape(value)?[..] {
            [] => Some(1),
            [len] => match len.as_const().and_then(|len| usize::try_from(len).ok()) {
                Some(len) if len > MAX_LISTED => {
                    return Err(ConvertError::Invalid(format!(
                        "lists {len} numbers, more than {MAX_LISTED}"
                    )));
                }
                len => len,
            },
            shape => {
                return Err(ConvertError::Invalid(format!(
                    "expected a vector, found a tensor of rank {}",
                    shape.len()
                )));
            }
        })
    }

    /// The elements of an integer vector as dims within `range`: known ones as they are, the others bound when they
    /// are there.
    pub(crate) fn dims_in(
        &mut self,
        value: ValueId,
        name: &str,
        range: Interval,
    ) -> Result<Vec<Dim>, ConvertError> {
        let dtype = self.b.dtype(value)?;
        if !dtype.is_int() {
            return Err(ConvertError::Invalid(format!(
                "{name} must be integers, not {dtype}"
            )));
        }
        let Some(len) = self.known_len(value)? else {
            return Err(ConvertError::Unsupported(format!(
                "the length of {name} is known at run time only"
            )));
        };
        // Runs bind sizes from elements of these two dtypes only.
        let mut source = value;
        let is_unknown = (0..len).any(|element_idx| self.known_dim(value, element_idx).is_none());
        if is_unknown && !matches!(dtype, DType::I32 | DType::I64) {
            source = self.b.cast(value, DType::I64)?;
        }
        let mut dims = Vec::with_capacity(len);
        for element_idx in 0..len {
            dims.push(match self.known_dim(value, element_idx) {
                Some(dim) => dim,
                None => self.b.bind_dim(source, element_idx, name, range),
            });
        }
        Ok(dims)
    }

    /// The elements of an integer vector as sizes.
    pub(crate) fn sizes(&mut self, value: ValueId, name: &str) -> Result<Vec<Dim>, ConvertError> {
        self.dims_in(value, name, Interval::SIZE)
    }

    /// The one element of an integer tensor as a size.
    pub(crate) fn size_of(&mut self, value: ValueId, name: &str) -> Result<Dim, ConvertError> {
        let scalar = self.scalar(value)?;
        match &self.sizes(scalar, name)?[..] {
            [dim] => Ok(dim.clone()),
            _ => Err(ConvertError::Invalid(format!(
                "{name} must have one element"
            ))),
        }
    }

    /// An element of a small integer tensor, where its symbolic value is known.
    pub(crate) fn known_dim(&self, value: ValueId, element_idx: usize) -> Option<Dim> {
        self.b.symbolic(value)?.dim(element_idx).cloned()
    }

    /// Whether the sign of a dim follows from the sizes of inputs alone, so that nobody means -1 by it.
    pub(crate) fn is_size_like(&self, dim: &Dim) -> bool {
        let mut all_sizes = true;
        dim.visit_symbols(&mut |symbol| all_sizes &= self.b.dims().range(symbol).lo >= 0);
        all_sizes
    }

    /// One element of a vector as a scalar.
    pub(crate) fn element(
        &mut self,
        vector: ValueId,
        position: i64,
    ) -> Result<ValueId, ConvertError> {
        let index = self.b.const_scalar_i64(DType::I64, position);
        Ok(self.b.gather(vector, index, 0)?)
    }

    /// An i64 scalar constant.
    pub(crate) fn int_const(&mut self, value: i64) -> ValueId {
        self.b.const_scalar_i64(DType::I64, value)
    }

    /// `0, 1, … n-1` as constants.
    pub(crate) fn positions(&mut self, n: usize) -> ValueId {
        let values: Vec<i64> = (0..n as i64).collect();
        self.b.const_i64(&values)
    }

    /// Axes given as data, wrapped into `0..rank`.
    pub(crate) fn wrapped_axes(
        &mut self,
        raw_axes: ValueId,
        rank: usize,
    ) -> Result<ValueId, ConvertError> {
        let raw_axes = self.int_vector(raw_axes)?;
        let rank = self.int_const(rank as i64);
        Ok(self.b.binary(BinaryOp::Mod, raw_axes, rank)?)
    }

    /// `bool[n_axes, rank]`: whether entry i of axes given as data is axis j.
    pub(crate) fn axis_hits(
        &mut self,
        raw_axes: ValueId,
        rank: usize,
    ) -> Result<ValueId, ConvertError> {
        let axes = self.wrapped_axes(raw_axes, rank)?;
        let column = self.b.unsqueeze(axes, &[1])?;
        let row = self.positions(rank);
        Ok(self.b.binary(BinaryOp::Equal, column, row)?)
    }

    /// `bool[rank]`: whether an axis is among axes given as data.
    pub(crate) fn axis_flags(
        &mut self,
        raw_axes: ValueId,
        rank: usize,
    ) -> Result<ValueId, ConvertError> {
        let hits = self.axis_hits(raw_axes, rank)?;
        let hits = self.b.cast(hits, DType::I64)?;
        let n_hits = self.b.reduce(ReduceKind::Sum, hits, &[0], false)?;
        let zero = self.int_const(0);
        Ok(self.b.binary(BinaryOp::Greater, n_hits, zero)?)
    }

    /// One value per axis of a tensor: `values[i]` for axis `raw_axes[i]`, and `rest[j]` for the axes not named.
    /// `values` and `raw_axes` are vectors of one length, `rest` is `i64[rank]`.
    pub(crate) fn spread_to_axes(
        &mut self,
        values: ValueId,
        raw_axes: ValueId,
        rest: ValueId,
        rank: usize,
    ) -> Result<ValueId, ConvertError> {
        let hits = self.axis_hits(raw_axes, rank)?;
        let values = self.int_vector(values)?;
        let column = self.b.unsqueeze(values, &[1])?;
        let zero = self.int_const(0);
        let placed = self.b.select(hits, column, zero)?;
        let named = self.b.reduce(ReduceKind::Sum, placed, &[0], false)?;
        let flags = self.axis_flags(raw_axes, rank)?;
        Ok(self.b.select(flags, named, rest)?)
    }

    /// A float that is only stored, as f32, in which it can be computed; others as they are.
    pub(crate) fn widened(&mut self, value: ValueId) -> Result<ValueId, ConvertError> {
        let dtype = self.b.dtype(value)?;
        if dtype.is_float() && dtype.is_storage_only() {
            return Ok(self.b.cast(value, DType::F32)?);
        }
        Ok(value)
    }

    /// A scalar constant of the dtype of `like`.
    pub(crate) fn const_like(
        &mut self,
        like: ValueId,
        value: f64,
    ) -> Result<ValueId, ConvertError> {
        let dtype = self.b.dtype(like)?;
        Ok(self.b.const_scalar(dtype, value))
    }

    /// The scalar 0, or `false`, of the dtype of `like`.
    pub(crate) fn zero_like(&mut self, like: ValueId) -> Result<ValueId, ConvertError> {
        let dtype = self.b.dtype(like)?;
        Ok(self.b.const_scalar_i64(dtype, 0))
    }

    /// Reverses an axis.
    pub(crate) fn flip(&mut self, x: ValueId, axis: usize) -> Result<ValueId, ConvertError> {
        let size = self.b.shape(x)?[axis].clone();
        let last = self.b.dims().sub(&size, &Dim::constant(1));
        let start = self.b.dims().max(&last, &Dim::constant(0));
        let entry = graphc_ir::op::SliceAxis {
            start,
            step: Dim::constant(-1),
            len: size,
        };
        Ok(self.b.slice_axis(x, axis, entry)?)
    }

    /// The number of elements as a dim.
    pub(crate) fn numel(&self, x: ValueId) -> Result<Dim, ConvertError> {
        let shape = self.b.shape(x)?;
        Ok(self.b.dims().product(shape))
    }

    /// `0, 1, …` along one axis of a tensor of this rank: shape `[1, …, len, …, 1]`.
    pub(crate) fn iota_along(
        &mut self,
        dtype: DType,
        len: &Dim,
        axis: usize,
        rank: usize,
    ) -> Result<ValueId, ConvertError> {
        let iota = self.b.op1(
            Op::Iota {
                dtype,
                len: len.clone(),
            },
            &[],
        )?;
        let mut shape = vec![Dim::constant(1); rank];
        shape[axis] = len.clone();
        Ok(self.b.reshape(iota, shape)?)
    }
}
