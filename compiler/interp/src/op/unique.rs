//! Distinct elements, or distinct slices along an axis.

use super::call::Call;
use super::order::number_order;
use crate::error::Result;
use crate::number::with_number;
use crate::tensor::{Element, Tensor};
use crate::walk::Split;
use graphc_base::DType;
use std::cmp::Ordering;

pub(super) fn unique(call: &Call<'_>, axis: Option<usize>, sorted: bool) -> Result<Vec<Tensor>> {
    let x = call.input(0)?;
    let flat = x.reshaped(&[x.n_elements()])?;
    let (x, axis) = match axis {
        Some(axis) => (x, axis),
        None => (&flat, 0),
    };
    if x.dtype() == DType::String {
        return distinct::<String>(x, axis, sorted, String::cmp);
    }
    with_number!(x.dtype(), T => {
        distinct::<T>(x, axis, sorted, number_order)
    }, else Err(call.fail("x cannot be compared")))
}

fn distinct<T: Element>(
    x: &Tensor,
    axis: usize,
    sorted: bool,
    order: impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<Tensor>> {
    let elements = x.slice::<T>()?;
    let split = Split::at(x.shape(), axis);
    let n = split.size;
    let item = |idx: usize| {
        (0..split.outer).flat_map(move |outer| {
            let start = split.at_index(outer, idx, 0);
            elements[start..start + split.inner].iter()
        })
    };
    let compare = |a: usize, b: usize| {
        let pairs = item(a).zip(item(b));
        pairs
            .map(|(a, b)| order(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    // Equal items become neighbours, in order of position, so that each run starts with its first occurrence.
    let mut by_value: Vec<usize> = (0..n).collect();
    by_value.sort_by(|&a, &b| compare(a, b));
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for idx in by_value {
        match runs.last_mut() {
            Some(run) if compare(run[0], idx).is_eq() => run.push(idx),
            _ => runs.push(vec![idx]),
        }
    }
    if !sorted {
        runs.sort_by_key(|run| run[0]);
    }

    let (mut first, mut inverse, mut counts) = (vec![0i64; n], vec![0i64; n], vec![0i64; n]);
    for (run_idx, run) in runs.iter().enumerate() {
        first[run_idx] = run[0] as i64;
        counts[run_idx] = run.len() as i64;
        for &idx in run {
            inverse[idx] = run_idx as i64;
        }
    }
    let mut result = Vec::with_capacity(elements.len());
    for outer in 0..split.outer {
        for place in 0..n {
            // What pads is a copy of the first item of the result.
            let run = runs.get(place).unwrap_or(&runs[0]);
            let start = split.at_index(outer, run[0], 0);
            result.extend_from_slice(&elements[start..start + split.inner]);
        }
    }
    Ok(vec![
        Tensor::new(x.dtype(), x.shape(), result)?,
        Tensor::of(&[n], first)?,
        Tensor::of(&[n], inverse)?,
        Tensor::of(&[n], counts)?,
        Tensor::scalar(runs.len() as i64),
    ])
}
