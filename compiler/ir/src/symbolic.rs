//! Small tensors whose elements are known: as dims, as numbers, or not at all.
//!
//! So the shape arithmetic that exporters spell as data (Shape, Gather, Mul, Concat, Reshape) becomes dims of types, and
//! the data nodes die.

mod encode;
mod movement;
mod pointwise;
mod reduce;
mod space;
#[cfg(test)]
mod tests;

pub(crate) use encode::{encode_float, encode_int};

use crate::consts::ConstId;
use crate::graph::{DimCheckKind, Graph, ValueId};
use crate::op::Op;
use crate::types::ValueType;
use graphc_base::{DType, Dim, Real, SecondaryMap};
use space::{broadcast, positions};

/// Tensors with more elements than this are not followed.
pub const MAX_SYMBOLIC_ELEMENTS: usize = 64;

/// What is known of an element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SymElement {
    /// An integer; truth values are 0 and 1.
    Dim(Dim),
    /// A float.
    Float(Real),
    /// Nothing.
    Unknown,
}

/// What is known of a small tensor, row-major.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SymTensor {
    /// Element type.
    pub dtype: DType,
    /// Shape.
    pub shape: Vec<usize>,
    /// Elements.
    pub elements: Vec<SymElement>,
}

impl SymTensor {
    /// An integer tensor of rank 0 or 1.
    pub fn of_dims(dtype: DType, rank: usize, dims: &[Dim]) -> Self {
        Self {
            dtype,
            shape: if rank == 0 {
                Vec::new()
            } else {
                vec![dims.len()]
            },
            elements: dims.iter().cloned().map(SymElement::Dim).collect(),
        }
    }

    /// An element, where it is a known integer.
    pub fn dim(&self, position: usize) -> Option<&Dim> {
        match self.elements.get(position)? {
            SymElement::Dim(dim) => Some(dim),
            SymElement::Float(_) | SymElement::Unknown => None,
        }
    }
}

type Known = SecondaryMap<ValueId, Option<SymTensor>>;

/// What is known of a constant's elements.
pub(crate) fn of_constant(graph: &Graph, id: ConstId) -> Option<SymTensor> {
    let constant = graph.consts.get(id)?;
    let shape = constant.ty.const_shape()?;
    let n_elements = count(&shape)?;
    let bytes = constant.bytes()?;
    let dtype = constant.ty.dtype;
    let elements = (0..n_elements)
        .map(|position| encode::decode(dtype, bytes, position))
        .collect::<Option<_>>()?;
    Some(SymTensor {
        dtype,
        shape,
        elements,
    })
}

fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .filter(|&n| n <= MAX_SYMBOLIC_ELEMENTS)
}

/// What is known of a node's first result.
pub(crate) fn propagate(
    op: &Op,
    inputs: &[ValueId],
    outputs: &[ValueType],
    known: &Known,
    graph: &Graph,
) -> Option<SymTensor> {
    let ty = outputs.first()?.as_tensor()?;
    let shape = ty.const_shape()?;
    let n_elements = count(&shape)?;
    if let Op::Const(id) = op {
        return of_constant(graph, *id);
    }
    // Where no operand is known, nothing follows, and most nodes are of that kind.
    if !inputs.is_empty() && inputs.iter().all(|&input| known[input].is_none()) {
        return None;
    }
    let operands: Vec<SymTensor> = inputs
        .iter()
        .map(|&input| known[input].clone().or_else(|| unknown(graph, input)))
        .collect::<Option<_>>()?;
    let cx = &graph.dims;
    let elements: Vec<SymElement> = match (op, &operands[..]) {
        (Op::DimTensor { dims, .. }, []) => dims.iter().cloned().map(SymElement::Dim).collect(),
        (Op::Iota { .. }, []) if ty.dtype.is_int() => (0..n_elements)
            .map(|position| SymElement::Dim(Dim::from(position)))
            .collect(),
        (Op::Unary(op), [x]) => x
            .elements
            .iter()
            .map(|x| pointwise::unary(cx, *op, ty.dtype, x))
            .collect(),
        (Op::Binary(op), [a, b]) => positions(&shape)
            .map(|at| pointwise::binary(cx, *op, a.dtype, broadcast(a, &at), broadcast(b, &at)))
            .collect(),
        (Op::Select, [cond, a, b]) => positions(&shape)
            .map(|at| match broadcast(cond, &at) {
                SymElement::Dim(dim) if *dim == Dim::ZERO => broadcast(b, &at).clone(),
                SymElement::Dim(dim) if dim.is_const() => broadcast(a, &at).clone(),
                _ if broadcast(a, &at) == broadcast(b, &at) => broadcast(a, &at).clone(),
                _ => SymElement::Unknown,
            })
            .collect(),
        (Op::Cast { to, .. }, [x]) => x
            .elements
            .iter()
            .map(|element| match pointwise::cast(cx, element, *to) {
                SymElement::Unknown if is_checked_size(graph, element, *to) => element.clone(),
                known => known,
            })
            .collect(),
        (Op::Reduce { kind, reduced, .. }, [x]) => reduce::reduce(cx, *kind, reduced, x)?,
        (
            Op::Cumulative {
                kind,
                axis,
                exclusive,
                reverse,
            },
            [x],
        ) => reduce::cumulative(cx, *kind, axis, *exclusive, *reverse, x)?,
        (op, operands) => movement::moved(op, operands, &shape)?,
    };
    let is_something = elements
        .iter()
        .any(|element| *element != SymElement::Unknown);
    (elements.len() == n_elements && (is_something || n_elements == 0)).then_some(SymTensor {
        dtype: ty.dtype,
        shape,
        elements,
    })
}

/// What must hold for an element to stay as it is in a narrower dtype, where it is made of sizes: a product of sizes may
/// leave 32 bits by its bounds, though no model means it to wrap.
pub(crate) fn narrowing_check(
    graph: &Graph,
    element: &SymElement,
    to: DType,
) -> Option<DimCheckKind> {
    let SymElement::Dim(dim) = element else {
        return None;
    };
    let limit = match to {
        DType::I32 => i64::from(i32::MAX),
        DType::U32 => i64::from(u32::MAX),
        _ => return None,
    };
    let mut are_sizes = !dim.is_const() && !dim.is_overflow();
    dim.visit_symbols(&mut |symbol| are_sizes &= graph.dims.range(symbol).lo >= 0);
    let bounds = graph.dims.bounds(dim);
    (are_sizes && bounds.lo >= 0 && bounds.hi > limit)
        .then(|| DimCheckKind::LessEqual(dim.clone(), Dim::constant(limit)))
}

fn is_checked_size(graph: &Graph, element: &SymElement, to: DType) -> bool {
    narrowing_check(graph, element, to)
        .is_some_and(|kind| graph.checks.iter().any(|check| check.kind == kind))
}

/// A small tensor of which nothing is known but its shape.
fn unknown(graph: &Graph, value: ValueId) -> Option<SymTensor> {
    let ty = graph.tensor_ty(value)?;
    let shape = ty.const_shape()?;
    let n_elements = count(&shape)?;
    Some(SymTensor {
        dtype: ty.dtype,
        shape,
        elements: vec![SymElement::Unknown; n_elements],
    })
}
