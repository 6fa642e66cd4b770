//! Reductions over axes.

use super::call::Call;
use crate::error::Result;
use crate::number::{Accumulator, Exact, Number, with_number};
use crate::tensor::Tensor;
use crate::walk::{for_each_position, strides};
use graphc_base::{DType, Dim};
use graphc_ir::op::ReduceKind;

pub(super) fn reduce(call: &Call<'_>, kind: ReduceKind, reduced: &[Dim]) -> Result<Tensor> {
    let x = call.input(0)?;
    let shape = call.out_shape(0)?;
    let mut flags = Vec::with_capacity(reduced.len());
    for flag in reduced {
        flags.push(match call.dim(flag)? {
            0 => false,
            1 => true,
            other => return Err(call.fail(format!("flag {other} is not 0 or 1"))),
        });
    }
    let groups = Groups::new(x.shape(), &flags);
    with_number!(x.dtype(), T => {
        let elements = x.slice::<T>()?;
        let result = groups.map(|positions| reduce_group::<T>(kind, x.dtype(), elements, positions));
        Tensor::new::<T>(x.dtype(), &shape, result)
    }, else Err(call.fail("x is no number")))
}

/// The positions that each element of a result is reduced from.
struct Groups {
    /// Flat starts of the groups, in order of the result.
    starts: Vec<usize>,
    /// Positions of a group relative to its start, in row-major order.
    offsets: Vec<usize>,
}

impl Groups {
    fn new(shape: &[usize], is_reduced: &[bool]) -> Self {
        let strides = strides(shape);
        let flat = |wanted: bool| {
            let axes: Vec<usize> = (0..shape.len())
                .filter(|&axis| is_reduced[axis] == wanted)
                .collect();
            let sizes: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
            let mut positions = Vec::new();
            for_each_position(&sizes, |position| {
                let terms = position.iter().zip(&axes);
                positions.push(terms.map(|(&p, &axis)| p * strides[axis] as usize).sum());
            });
            positions
        };
        Self {
            starts: flat(false),
            offsets: flat(true),
        }
    }

    fn map<R>(&self, mut f: impl FnMut(&mut dyn Iterator<Item = usize>) -> R) -> Vec<R> {
        self.starts
            .iter()
            .map(|start| f(&mut self.offsets.iter().map(|offset| start + offset)))
            .collect()
    }
}

fn reduce_group<T: Number>(
    kind: ReduceKind,
    dtype: DType,
    elements: &[T],
    positions: &mut dyn Iterator<Item = usize>,
) -> T {
    let mut group = positions.map(|position| elements[position]);
    match kind {
        ReduceKind::Sum => T::from_sum(group.fold(T::Sum::ZERO, |sum, x| sum.add(x.to_sum()))),
        ReduceKind::Prod => {
            T::from_sum(group.fold(T::Sum::ONE, |product, x| product.mul(x.to_sum())))
        }
        ReduceKind::Mean => mean(group),
        ReduceKind::Max if dtype == DType::Bool => T::from_exact(Exact::Int(i128::from(
            group.any(|x| !x.to_exact().is_zero()),
        ))),
        ReduceKind::Min if dtype == DType::Bool => T::from_exact(Exact::Int(i128::from(
            group.all(|x| !x.to_exact().is_zero()),
        ))),
        ReduceKind::Max => group.fold(
            T::lowest(),
            |max, x| {
                if x > max || x.is_nan() { x } else { max }
            },
        ),
        ReduceKind::Min => group.fold(
            T::highest(),
            |min, x| {
                if x < min || x.is_nan() { x } else { min }
            },
        ),
        ReduceKind::LogSumExp => {
            let values: Vec<f64> = group.map(Number::to_f64).collect();
            T::from_f64(log_sum_exp(&values))
        }
    }
}

/// Of integers the exact mean, truncated; 0 of none.
fn mean<T: Number>(group: impl Iterator<Item = T>) -> T {
    let mut n = 0u32;
    let (mut int_sum, mut float_sum) = (0i128, 0f64);
    for x in group {
        n += 1;
        match x.to_exact() {
            Exact::Int(value) => int_sum += value,
            Exact::Float(value) => float_sum += value,
        }
    }
    if T::IS_FLOAT {
        T::from_f64(float_sum / f64::from(n))
    } else {
        T::from_exact(Exact::Int(int_sum.checked_div(i128::from(n)).unwrap_or(0)))
    }
}

/// `log Σ exp x`; -∞ of none.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let max = values.iter().fold(f64::NEG_INFINITY, |max, &x| {
        if x > max || x.is_nan() { x } else { max }
    });
    if max.is_infinite() {
        // Also right where others are finite: they vanish beside +∞, and are absent beside -∞.
        return if values.iter().any(|x| x.is_nan()) {
            f64::NAN
        } else {
            max
        };
    }
    max + values.iter().map(|x| (x - max).exp()).sum::<f64>().ln()
}
