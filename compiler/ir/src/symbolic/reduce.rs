//! Reductions and scans over known elements.

use super::space::{flat, positions};
use super::{SymElement, SymTensor, pointwise};
use crate::op::{BinaryOp, CumulativeKind, ReduceKind};
use graphc_base::{Dim, DimCx};

/// A reduction over constant axes. Floats are not summed here, as the order of rounding is that of the kernel.
pub(super) fn reduce(
    cx: &DimCx,
    kind: ReduceKind,
    reduced: &[Dim],
    x: &SymTensor,
) -> Option<Vec<SymElement>> {
    let flags: Vec<bool> = reduced
        .iter()
        .map(|flag| flag.as_const().map(|flag| flag != 0))
        .collect::<Option<_>>()?;
    let (join, start) = match kind {
        ReduceKind::Sum => (BinaryOp::Add, Some(Dim::ZERO)),
        ReduceKind::Prod => (BinaryOp::Mul, Some(Dim::ONE)),
        ReduceKind::Min => (BinaryOp::Min, None),
        ReduceKind::Max => (BinaryOp::Max, None),
        ReduceKind::Mean | ReduceKind::LogSumExp => return None,
    };
    if x.dtype.is_float() || flags.len() != x.shape.len() {
        return None;
    }
    // Axes that are dropped count as size 1, so that the order of elements is that of either form.
    let kept = x.shape.iter().zip(&flags);
    let kept: Vec<usize> = kept
        .map(|(&size, &flag)| if flag { 1 } else { size })
        .collect();
    let n_results = kept.iter().product();
    let mut results: Vec<Option<SymElement>> = vec![start.map(SymElement::Dim); n_results];
    for (at, element) in positions(&x.shape).zip(&x.elements) {
        let to: Vec<usize> = at
            .iter()
            .zip(&flags)
            .map(|(&index, &flag)| if flag { 0 } else { index })
            .collect();
        let result = results.get_mut(flat(&kept, &to)?)?;
        *result = Some(match result.take() {
            Some(sum) => pointwise::binary(cx, join, x.dtype, &sum, element),
            None => element.clone(),
        });
    }
    results.into_iter().collect()
}

/// A running sum or product of integers along a constant axis.
pub(super) fn cumulative(
    cx: &DimCx,
    kind: CumulativeKind,
    axis: &Dim,
    exclusive: bool,
    reverse: bool,
    x: &SymTensor,
) -> Option<Vec<SymElement>> {
    let axis = usize::try_from(axis.as_const()?).ok()?;
    let size = *x.shape.get(axis)?;
    let (join, start) = match kind {
        CumulativeKind::Sum => (BinaryOp::Add, Dim::ZERO),
        CumulativeKind::Prod => (BinaryOp::Mul, Dim::ONE),
    };
    if x.dtype.is_float() {
        return None;
    }
    positions(&x.shape)
        .map(|at| {
            let here = at[axis];
            let parts = if reverse { here..size } else { 0..here + 1 };
            let mut sum = SymElement::Dim(start.clone());
            let mut from = at.clone();
            for index in parts.filter(|&index| !exclusive || index != here) {
                from[axis] = index;
                let part = x.elements.get(flat(&x.shape, &from)?)?;
                sum = pointwise::binary(cx, join, x.dtype, &sum, part);
            }
            Some(sum)
        })
        .collect()
}
