//! Rewrites of operators that move elements.

use super::{Change, Rewrite, Site};
use graphc_base::{Dim, Tri};
use graphc_ir::op::SliceAxis;
use graphc_ir::{Op, ValueId};

pub(super) fn rewrite(site: &Site<'_>, op: &Op, inputs: &[ValueId]) -> Rewrite {
    let &x = inputs.first()?;
    match op {
        Op::Reshape { .. } if site.has_same_type(x) => same("reshape_to_same_shape", x),
        Op::Reshape { .. } => match site.def(x)? {
            (Op::Reshape { .. }, before) => again("reshape_of_reshape", op, before),
            _ => None,
        },
        Op::Transpose { perm } => transpose(site, perm, x),
        Op::Expand { .. } if site.has_same_type(x) => same("expand_to_same_shape", x),
        Op::Expand { .. } => match site.def(x)? {
            (Op::Expand { .. }, before) => again("expand_of_expand", op, before),
            _ => None,
        },
        Op::Slice { axes } => slice(site, axes, x),
        Op::Concat { axis } => concat(site, *axis, inputs),
        Op::Pad { before, after, .. } if before.iter().chain(after).all(is_zero) => {
            same("pad_by_nothing", x)
        }
        Op::Tile { repeats } if repeats.iter().all(|n| *n == Dim::ONE) => same("tile_once", x),
        _ => None,
    }
}

fn is_zero(dim: &Dim) -> bool {
    *dim == Dim::ZERO
}

fn same(name: &'static str, value: ValueId) -> Rewrite {
    Some((name, Change::Value(value)))
}

/// The operator on what its operand was made of.
fn again(name: &'static str, op: &Op, inputs: &[ValueId]) -> Rewrite {
    Some((name, Change::Node(op.clone(), inputs.to_vec())))
}

fn transpose(site: &Site<'_>, perm: &[usize], x: ValueId) -> Rewrite {
    if perm.iter().copied().eq(0..perm.len()) {
        return same("transpose_by_identity", x);
    }
    // y[i] = x[p[i]], x[j] = w[q[j]]: y[i] = w[q[p[i]]].
    match site.def(x)? {
        (Op::Transpose { perm: first }, before) => {
            let perm: Vec<usize> = perm
                .iter()
                .map(|&axis| first.get(axis).copied())
                .collect::<Option<_>>()?;
            again("transpose_of_transpose", &Op::Transpose { perm }, before)
        }
        _ => None,
    }
}

fn slice(site: &Site<'_>, axes: &[SliceAxis], x: ValueId) -> Rewrite {
    let shape = &site.graph.tensor_ty(x)?.shape;
    let dims = &site.graph.dims;
    let is_full = axes.iter().zip(shape).all(|(axis, size)| {
        axis.start == Dim::ZERO && axis.step == Dim::ONE && dims.eq(&axis.len, size) == Tri::Yes
    });
    if is_full {
        return same("slice_of_everything", x);
    }
    // Element i is element s + i·d of x, which is element t + (s + i·d)·e of what x is a slice of.
    let (Op::Slice { axes: first }, before) = site.def(x)? else {
        return None;
    };
    let axes = axes
        .iter()
        .zip(first)
        .map(|(outer, inner)| {
            if *outer == SliceAxis::full(&inner.len) {
                return Some(inner.clone());
            }
            // An empty slice may start beyond the end of what it is composed with.
            if dims.le(&Dim::ONE, &outer.len) != Tri::Yes {
                return None;
            }
            let number = |dim: &Dim| dim.as_const();
            let (start, step) = (number(&outer.start)?, number(&outer.step)?);
            let (inner_start, inner_step) = (number(&inner.start)?, number(&inner.step)?);
            let start = start.checked_mul(inner_step)?.checked_add(inner_start)?;
            Some(SliceAxis {
                start: Dim::constant(start),
                step: Dim::constant(step.checked_mul(inner_step)?),
                len: outer.len.clone(),
            })
        })
        .collect::<Option<Vec<_>>>()?;
    again("slice_of_slice", &Op::Slice { axes }, before)
}

fn concat(site: &Site<'_>, axis: usize, inputs: &[ValueId]) -> Rewrite {
    if let [only] = inputs {
        return same("concat_of_one", *only);
    }
    let is_empty = |value: &ValueId| {
        site.graph
            .tensor_ty(*value)
            .and_then(|ty| ty.shape.get(axis))
            .is_some_and(is_zero)
    };
    let rest: Vec<ValueId> = inputs
        .iter()
        .copied()
        .filter(|value| !is_empty(value))
        .collect();
    if rest.is_empty() || rest.len() == inputs.len() {
        return None;
    }
    again("concat_with_empty", &Op::Concat { axis }, &rest)
}
