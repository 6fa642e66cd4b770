//! Regions: blocks of their own, to which everything that they use from outside is passed.
//!
//! Constants and symbolic shapes are not passed but made again inside, so that shape arithmetic in a region knows them.

use super::cx::{ConvertError, NodeCx};
use super::free_names::free_names;
use crate::proto::GraphProto;
use graphc_base::{DType, Dim, EntityId, Interval, SymId, Tri};
use graphc_ir::op::Op;
use graphc_ir::{BlockId, ConstId, ElementType, TensorType, ValueId, ValueType};

/// What regions use from outside.
pub(crate) struct Captures {
    names: Vec<(String, Captured)>,
    /// The values to pass, in the order of the blocks' last parameters.
    pub(crate) operands: Vec<ValueId>,
}

enum Captured {
    /// Passed as the operand of this number.
    Operand(usize),
    /// Made again: a constant.
    Const(ConstId),
    /// Made again: the values of dims.
    Dims {
        dims: Vec<Dim>,
        is_scalar: bool,
        dtype: DType,
    },
    /// An optional operand that a function was not given.
    Absent,
}

/// The type of a region's parameter.
#[derive(Clone)]
pub(crate) struct ParamType {
    /// The type; dims of loose axes do not matter.
    pub(crate) ty: ValueType,
    /// Axes whose size is bound from the parameter, as it may differ from run to run of the region.
    pub(crate) loose: Vec<usize>,
}

impl From<ValueType> for ParamType {
    fn from(ty: ValueType) -> Self {
        Self {
            ty,
            loose: Vec::new(),
        }
    }
}

/// A converted region.
pub(crate) struct Region {
    /// Its block.
    pub(crate) block: BlockId,
    /// Types of its results.
    pub(crate) results: Vec<ValueType>,
}

/// Axes of results whose sizes are symbols, to be bound once the node that gives the results is there.
#[derive(Default)]
pub(crate) struct FreshAxes {
    axes: Vec<(usize, usize, SymId)>,
}

impl NodeCx<'_, '_> {
    /// What these graphs use of the names that are in scope here.
    pub(crate) fn captures(&mut self, graphs: &[&GraphProto]) -> Captures {
        let mut captures = Captures {
            names: Vec::new(),
            operands: Vec::new(),
        };
        for name in free_names(graphs) {
            // What nothing defines is reported where it is used.
            let Some(meaning) = self.lookup(&name) else {
                continue;
            };
            let captured = match meaning {
                None => Captured::Absent,
                Some(value) => self.captured(value, &mut captures.operands),
            };
            captures.names.push((name, captured));
        }
        captures
    }

    fn captured(&self, value: ValueId, operands: &mut Vec<ValueId>) -> Captured {
        if let Some(id) = self.b.graph().as_const(value) {
            return Captured::Const(id);
        }
        if let Some(dims) = self.known_dims(value) {
            return dims;
        }
        let operand_idx = operands.iter().position(|&operand| operand == value);
        Captured::Operand(operand_idx.unwrap_or_else(|| {
            operands.push(value);
            operands.len() - 1
        }))
    }

    /// The elements of an integer tensor of rank 0 or 1 that are all known, and known from sizes of inputs.
    fn known_dims(&self, value: ValueId) -> Option<Captured> {
        let ty = self.b.tensor(value).ok()?;
        if ty.rank() > 1 || !ty.dtype.is_int() {
            return None;
        }
        let n_elements = match ty.shape.first() {
            None => 1,
            Some(len) => usize::try_from(len.as_const()?).ok()?,
        };
        let dims: Vec<Dim> = (0..n_elements)
            .map(|element_idx| self.known_dim(value, element_idx))
            .collect::<Option<_>>()?;
        if !dims.iter().all(|dim| self.is_size_like(dim)) {
            return None;
        }
        Some(Captured::Dims {
            dims,
            is_scalar: ty.rank() == 0,
            dtype: ty.dtype,
        })
    }

    /// Makes a block with these parameters, then one per captured operand, and fills it: `body` gets the values of the
    /// first parameters and gives the block's results, and sees the captured names.
    pub(crate) fn region(
        &mut self,
        params: &[ParamType],
        captures: &Captures,
        body: impl FnOnce(&mut Self, &[ValueId]) -> Result<Vec<ValueId>, ConvertError>,
    ) -> Result<Region, ConvertError> {
        let block = self.b.graph_mut().add_block();
        let outer = self.b.set_block(block);
        let mut args = Vec::with_capacity(params.len());
        for param in params {
            args.push(self.region_param(block, param)?);
        }
        let mut passed = Vec::with_capacity(captures.operands.len());
        for &operand in &captures.operands {
            let value = self.b.graph().value(operand);
            let (ty, name) = (value.ty.clone(), value.name.clone());
            passed.push(self.b.graph_mut().add_param(block, ty, name));
        }
        let mut meanings = Vec::with_capacity(captures.names.len());
        for (name, captured) in &captures.names {
            let meaning = match captured {
                Captured::Absent => None,
                Captured::Operand(operand_idx) => passed.get(*operand_idx).copied(),
                Captured::Const(id) => Some(self.b.op1(Op::Const(*id), &[])?),
                Captured::Dims {
                    dims,
                    is_scalar,
                    dtype,
                } => {
                    let value = match (&dims[..], is_scalar) {
                        ([dim], true) => self.b.dim_scalar(dim)?,
                        _ => self.b.dim_tensor(dims)?,
                    };
                    Some(self.b.cast(value, *dtype)?)
                }
            };
            meanings.push((name.as_str(), meaning));
        }
        self.enter_region(meanings);
        let results = body(self, &args)?;
        self.leave_region();
        let types = results
            .iter()
            .map(|&value| self.b.ty(value).clone())
            .collect();
        self.b.graph_mut().block_mut(block).results = results;
        self.b.set_block(outer);
        Ok(Region {
            block,
            results: types,
        })
    }

    /// Gives a scalar result the rank of the other region's, where that too has one element only: exporters mix both.
    pub(crate) fn match_scalars(
        &mut self,
        region: &mut Region,
        other: &Region,
        result_idx: usize,
    ) -> Result<(), ConvertError> {
        let (Some(ValueType::Tensor(ty)), Some(ValueType::Tensor(wanted))) = (
            region.results.get(result_idx),
            other.results.get(result_idx),
        ) else {
            return Ok(());
        };
        let has_one_element = wanted.shape.iter().all(|dim| dim.as_const() == Some(1));
        if ty.rank() > 0 || wanted.rank() == 0 || !has_one_element {
            return Ok(());
        }
        let shape = wanted.shape.clone();
        let scalar = self.b.graph().block(region.block).results[result_idx];
        let outer = self.b.set_block(region.block);
        let value = self.b.reshape(scalar, shape)?;
        self.b.set_block(outer);
        self.b.graph_mut().block_mut(region.block).results[result_idx] = value;
        region.results[result_idx] = self.b.ty(value).clone();
        Ok(())
    }

    fn region_param(&mut self, block: BlockId, param: &ParamType) -> Result<ValueId, ConvertError> {
        let mut ty = param.ty.clone();
        let mut fresh = Vec::with_capacity(param.loose.len());
        if let ValueType::Tensor(tensor) = &mut ty {
            for &axis in &param.loose {
                if let Some(dim) = tensor.shape.get_mut(axis) {
                    let symbol = self.new_symbol("carried", Interval::SIZE);
                    *dim = Dim::symbol(symbol);
                    fresh.push((axis, symbol));
                }
            }
        }
        let value = self.b.graph_mut().add_param(block, ty, None);
        for (axis, symbol) in fresh {
            self.b.bind_axis(symbol, value, axis);
        }
        Ok(value)
    }

    /// Symbols made from now on are numbered from here.
    pub(crate) fn n_symbols(&self) -> usize {
        self.b.dims().n_symbols()
    }

    fn new_symbol(&mut self, name: &str, range: Interval) -> SymId {
        self.b.graph_mut().dims.new_symbol(name, range)
    }

    /// Whether a dim mentions only symbols made before there were `n_outer` of them.
    pub(crate) fn is_outer(&self, dim: &Dim, n_outer: usize) -> bool {
        let mut is_outer = true;
        dim.visit_symbols(&mut |symbol| is_outer &= symbol.index() < n_outer);
        is_outer
    }

    /// The type that covers both: dims that are provably equal and known outside stay, others become fresh symbols.
    pub(crate) fn join(
        &mut self,
        a: &ValueType,
        b: &ValueType,
        n_outer: usize,
        result_idx: usize,
        fresh: &mut FreshAxes,
    ) -> Result<ValueType, ConvertError> {
        match (a, b) {
            (ValueType::Tensor(a), ValueType::Tensor(b))
                if a.dtype == b.dtype && a.rank() == b.rank() =>
            {
                let mut shape = Vec::with_capacity(a.rank());
                for (axis, (left, right)) in a.shape.iter().zip(&b.shape).enumerate() {
                    shape.push(self.join_dims(left, right, n_outer, result_idx, axis, fresh));
                }
                Ok(ValueType::Tensor(TensorType {
                    dtype: a.dtype,
                    shape,
                }))
            }
            (ValueType::Sequence(a), ValueType::Sequence(b)) if a.dtype == b.dtype => {
                Ok(ValueType::Sequence(join_elements(a, b)))
            }
            (ValueType::Optional(a), ValueType::Optional(b)) => {
                let inner = self.join(a, b, n_outer, result_idx, fresh)?;
                Ok(ValueType::Optional(Box::new(inner)))
            }
            _ => Err(ConvertError::Unsupported(format!(
                "result {result_idx} is {} in one case and {} in another",
                self.show_type(a),
                self.show_type(b)
            ))),
        }
    }

    fn join_dims(
        &mut self,
        a: &Dim,
        b: &Dim,
        n_outer: usize,
        result_idx: usize,
        axis: usize,
        fresh: &mut FreshAxes,
    ) -> Dim {
        let dims = self.b.dims();
        if dims.eq(a, b) == Tri::Yes {
            for dim in [a, b] {
                if self.is_outer(dim, n_outer) {
                    return dim.clone();
                }
            }
        }
        let (left, right) = (dims.bounds(a), dims.bounds(b));
        let range = Interval {
            lo: left.lo.min(right.lo).max(0),
            hi: left.hi.max(right.hi).clamp(0, Interval::SIZE.hi),
        };
        self.fresh_axis(result_idx, axis, range, fresh)
    }

    /// A symbol for the size of an axis of a result that is not there yet.
    fn fresh_axis(
        &mut self,
        result_idx: usize,
        axis: usize,
        range: Interval,
        fresh: &mut FreshAxes,
    ) -> Dim {
        let symbol = self.new_symbol(&self.axis_name(result_idx, axis), range);
        fresh.axes.push((result_idx, axis, symbol));
        Dim::symbol(symbol)
    }

    /// A symbol of any size for an axis of a result that is not there yet.
    pub(crate) fn fresh_size(
        &mut self,
        result_idx: usize,
        axis: usize,
        fresh: &mut FreshAxes,
    ) -> Dim {
        self.fresh_axis(result_idx, axis, Interval::SIZE, fresh)
    }

    /// Applies an operator whose result types hold fresh axes, and binds them.
    pub(crate) fn op_with_fresh_axes(
        &mut self,
        op: Op,
        inputs: &[ValueId],
        fresh: FreshAxes,
    ) -> Result<Vec<ValueId>, ConvertError> {
        let results = self.b.op(op, inputs)?;
        for (result_idx, axis, symbol) in fresh.axes {
            if let Some(&value) = results.get(result_idx) {
                self.b.bind_axis(symbol, value, axis);
            }
        }
        Ok(results)
    }

    /// A tensor type of this dtype and rank, all of whose sizes are to be bound from the result of this number.
    pub(crate) fn fresh_tensor(
        &mut self,
        dtype: DType,
        rank: usize,
        result_idx: usize,
        fresh: &mut FreshAxes,
    ) -> TensorType {
        let shape = (0..rank)
            .map(|axis| self.fresh_size(result_idx, axis, fresh))
            .collect();
        TensorType { dtype, shape }
    }
}

fn join_elements(a: &ElementType, b: &ElementType) -> ElementType {
    ElementType {
        dtype: a.dtype,
        rank: a.rank.filter(|_| a.rank == b.rank),
    }
}
