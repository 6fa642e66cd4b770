//! Small tensors whose elements are known: as dims, as numbers, or not at all.
//!
//! So the shape arithmetic that exporters spell as data (Shape, Gather, Mul, Concat, Reshape) becomes dims of types, and
//! the data nodes die.

mod encode;
mod pointwise;

pub(crate) use encode::{encode_float, encode_int};

use crate::consts::ConstId;
use crate::graph::{Graph, ValueId};
use crate::op::{Op, ReduceKind};
use crate::types::ValueType;
use graphc_base::{DType, Dim, DimCx, Real, SecondaryMap};

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
            shape: if rank == 0 { Vec::new() } else { vec![dims.len()] },
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
    let operand = |index: usize| known[*inputs.get(index)?].as_ref();
    let cx = &graph.dims;
    let elements: Vec<SymElement> = match op {
        Op::Const(id) => return of_constant(graph, *id),
        Op::DimTensor { dims, .. } => dims.iter().cloned().map(SymElement::Dim).collect(),
        Op::Iota { .. } if ty.dtype.is_int() => (0..n_elements)
            .map(|position| SymElement::Dim(Dim::from(position)))
            .collect(),
        Op::Unary(op) => {
            let x = operand(0)?;
            x.elements.iter().map(|x| pointwise::unary(cx, *op, ty.dtype, x)).collect()
        }
        Op::Binary(op) => {
            let (a, b) = (operand(0)?, operand(1)?);
            positions(&shape)
                .map(|at| pointwise::binary(cx, *op, a.dtype, broadcast(a, &at), broadcast(b, &at)))
                .collect()
        }
        Op::Select => {
            let (cond, a, b) = (operand(0)?, operand(1)?, operand(2)?);
            positions(&shape)
                .map(|at| match broadcast(cond, &at) {
                    SymElement::Dim(dim) if *dim == Dim::ZERO => broadcast(b, &at).clone(),
                    SymElement::Dim(dim) if dim.is_const() => broadcast(a, &at).clone(),
                    _ if broadcast(a, &at) == broadcast(b, &at) => broadcast(a, &at).clone(),
                    _ => SymElement::Unknown,
                })
                .collect()
        }
        Op::Cast { to, .. } => {
            let x = operand(0)?;
            x.elements.iter().map(|x| pointwise::cast(cx, x, *to)).collect()
        }
        Op::Reshape { .. } => operand(0)?.elements.clone(),
        Op::Expand { .. } => {
            let x = operand(0)?;
            positions(&shape).map(|at| broadcast(x, &at).clone()).collect()
        }
        Op::Transpose { perm } => {
            let x = operand(0)?;
            pick(&shape, x, |at| {
                let mut from = vec![0; at.len()];
                for (axis, &source) in perm.iter().enumerate() {
                    from[source] = at[axis];
                }
                Some(from)
            })?
        }
        Op::Slice { axes } => {
            let x = operand(0)?;
            pick(&shape, x, |at| {
                axes.iter()
                    .zip(at)
                    .map(|(axis, &position)| {
                        let (start, step) = (axis.start.as_const()?, axis.step.as_const()?);
                        usize::try_from(start.checked_add(step.checked_mul(position as i64)?)?).ok()
                    })
                    .collect()
            })?
        }
        Op::Tile { .. } => {
            let x = operand(0)?;
            pick(&shape, x, |at| {
                Some(at.iter().zip(&x.shape).map(|(&position, &size)| position % size.max(1)).collect())
            })?
        }
        Op::Concat { axis } => concat(&shape, *axis, inputs, known)?,
        Op::Gather { axis } => {
            let (x, indices) = (operand(0)?, operand(1)?);
            let n_index_axes = indices.shape.len();
            pick(&shape, x, |at| {
                let index = flat(&indices.shape, at.get(*axis..axis + n_index_axes)?)?;
                let SymElement::Dim(index) = indices.elements.get(index)? else {
                    return None;
                };
                let size = *x.shape.get(*axis)? as i64;
                let index = index.as_const()?;
                let index = usize::try_from(if index < 0 { index + size } else { index }).ok()?;
                let mut from = at[..*axis].to_vec();
                from.push(index);
                from.extend(&at[axis + n_index_axes..]);
                Some(from)
            })?
        }
        Op::Reduce { kind, reduced, .. } => reduce(cx, *kind, reduced, operand(0)?, n_elements)?,
        _ => return None,
    };
    (elements.len() == n_elements).then(|| SymTensor {
        dtype: ty.dtype,
        shape,
        elements,
    })
}

/// All positions of a shape, row-major.
fn positions(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let n_elements: usize = shape.iter().product();
    (0..n_elements).map(|mut flat| {
        let mut at = vec![0; shape.len()];
        for (axis, &size) in shape.iter().enumerate().rev() {
            at[axis] = flat % size;
            flat /= size;
        }
        at
    })
}

fn flat(shape: &[usize], at: &[usize]) -> Option<usize> {
    let mut position = 0;
    for (&size, &index) in shape.iter().zip(at) {
        if index >= size {
            return None;
        }
        position = position * size + index;
    }
    Some(position)
}

/// The element of a tensor that broadcasts into the space of `at`.
fn broadcast<'a>(x: &'a SymTensor, at: &[usize]) -> &'a SymElement {
    const UNKNOWN: &SymElement = &SymElement::Unknown;
    let lead = at.len().saturating_sub(x.shape.len());
    let position = x
        .shape
        .iter()
        .zip(&at[lead..])
        .fold(0, |position, (&size, &index)| position * size + if size == 1 { 0 } else { index });
    x.elements.get(position).unwrap_or(UNKNOWN)
}

fn pick(
    shape: &[usize],
    x: &SymTensor,
    from: impl Fn(&[usize]) -> Option<Vec<usize>>,
) -> Option<Vec<SymElement>> {
    positions(shape)
        .map(|at| x.elements.get(flat(&x.shape, &from(&at)?)?).cloned())
        .collect()
}

fn concat(shape: &[usize], axis: usize, inputs: &[ValueId], known: &Known) -> Option<Vec<SymElement>> {
    let parts: Vec<&SymTensor> = inputs
        .iter()
        .map(|&input| known[input].as_ref())
        .collect::<Option<_>>()?;
    positions(shape)
        .map(|mut at| {
            for part in &parts {
                let size = *part.shape.get(axis)?;
                if at[axis] < size {
                    return part.elements.get(flat(&part.shape, &at)?).cloned();
                }
                at[axis] -= size;
            }
            None
        })
        .collect()
}

fn reduce(
    cx: &DimCx,
    kind: ReduceKind,
    reduced: &[Dim],
    x: &SymTensor,
    n_elements: usize,
) -> Option<Vec<SymElement>> {
    // All axes or none: shape arithmetic needs no more.
    if n_elements != 1 || reduced.iter().any(|flag| flag.as_const().is_none()) {
        return None;
    }
    let dims: Vec<&Dim> = x
        .elements
        .iter()
        .map(|element| match element {
            SymElement::Dim(dim) => Some(dim),
            SymElement::Float(_) | SymElement::Unknown => None,
        })
        .collect::<Option<_>>()?;
    let all = reduced.iter().zip(&x.shape).all(|(flag, &size)| *flag == Dim::ONE || size == 1);
    let result = match kind {
        _ if !all => return None,
        ReduceKind::Sum => cx.sum(dims),
        ReduceKind::Prod => cx.product(dims),
        ReduceKind::Min => dims.into_iter().cloned().reduce(|a, b| cx.min(&a, &b))?,
        ReduceKind::Max => dims.into_iter().cloned().reduce(|a, b| cx.max(&a, &b))?,
        ReduceKind::Mean | ReduceKind::LogSumExp => return None,
    };
    Some(vec![SymElement::Dim(result)])
}
