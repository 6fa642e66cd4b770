//! Operators that move elements by position: reshape, transpose, expand, slice, concat, pad, tile.

use super::TypeError;
use super::call::{Call, NUMBER_OR_BOOL, Outputs, one};
use crate::op::{PadMode, SliceAxis};
use graphc_base::{Dim, Tri};

pub(super) fn reshape(call: &mut Call<'_>, shape: &[Dim]) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.sizes("shape", shape)?;
    let from = call.n_elements(&x.shape);
    let to = call.n_elements(shape);
    call.equal(
        &from,
        &to,
        format_args!("shape {} has another number of elements", show(call, shape)),
    )?;
    one(x.dtype, shape.to_vec())
}

fn show(call: &Call<'_>, shape: &[Dim]) -> String {
    let dims: Vec<String> = shape
        .iter()
        .map(|dim| call.dims().display(dim).to_string())
        .collect();
    format!("[{}]", dims.join(","))
}

pub(super) fn transpose(call: &mut Call<'_>, perm: &[usize]) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.length("perm", perm.len(), x.rank())?;
    let mut is_taken = vec![false; x.rank()];
    for &axis in perm {
        match is_taken.get_mut(axis) {
            Some(taken) if !*taken => *taken = true,
            _ => return Err(call.fail(format_args!("{perm:?} is not a permutation"))),
        }
    }
    one(
        x.dtype,
        perm.iter().map(|&axis| x.shape[axis].clone()).collect(),
    )
}

pub(super) fn expand(call: &mut Call<'_>, shape: &[Dim]) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.sizes("shape", shape)?;
    let what = format!("x does not broadcast to {}", show(call, shape));
    call.broadcast_to(&x.shape, shape, &what)?;
    one(x.dtype, shape.to_vec())
}

pub(super) fn slice(call: &mut Call<'_>, axes: &[SliceAxis]) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.length("axes", axes.len(), x.rank())?;
    for (axis, (entry, size)) in axes.iter().zip(&x.shape).enumerate() {
        slice_axis(call, axis, entry, size)?;
    }
    one(
        x.dtype,
        axes.iter().map(|entry| entry.len.clone()).collect(),
    )
}

/// Refuses what is provably out of bounds. What is open needs no check: slices are made with clamped bounds.
fn slice_axis(
    call: &Call<'_>,
    axis: usize,
    entry: &SliceAxis,
    size: &Dim,
) -> Result<(), TypeError> {
    let dims = call.dims();
    let zero = Dim::constant(0);
    call.ensure(
        dims.eq(&entry.step, &zero) != Tri::Yes,
        format_args!("step of axis {axis} is 0"),
    )?;
    call.sizes("len", std::slice::from_ref(&entry.len))?;
    let out_of_bounds = |holds: Tri| {
        call.ensure(
            holds != Tri::No,
            format_args!(
                "axis {axis} is read out of bounds, start {}, step {}, len {}",
                dims.display(&entry.start),
                dims.display(&entry.step),
                dims.display(&entry.len)
            ),
        )
    };
    if dims.le(&Dim::constant(1), &entry.len) != Tri::Yes {
        return Ok(());
    }
    // Full slices are the common case and need no algebra.
    if entry.start == zero && entry.len == *size && call.is_one(&entry.step) {
        return Ok(());
    }
    let n_steps = dims.sub(&entry.len, &Dim::constant(1));
    let last = dims.add(&entry.start, &dims.mul(&n_steps, &entry.step));
    for end in [&entry.start, &last] {
        out_of_bounds(dims.le(&zero, end))?;
        out_of_bounds(dims.lt(end, size))?;
    }
    Ok(())
}

pub(super) fn concat(call: &mut Call<'_>, axis: usize) -> Outputs {
    call.ensure(!call.inputs().is_empty(), "takes at least one operand")?;
    let first = call.tensor(0)?;
    call.axis(axis, first.rank())?;
    let mut shape = first.shape.clone();
    let mut joined = vec![first.shape[axis].clone()];
    for operand_idx in 1..call.inputs().len() {
        let ty = call.tensor(operand_idx)?;
        call.ensure(ty.dtype == first.dtype, "dtypes differ")?;
        call.ensure(ty.rank() == first.rank(), "ranks differ")?;
        for (other_axis, dim) in shape.iter_mut().enumerate() {
            if other_axis != axis {
                let what = format_args!("sizes of axis {other_axis} differ");
                *dim = call.equal(dim, &ty.shape[other_axis], what)?;
            }
        }
        joined.push(ty.shape[axis].clone());
    }
    shape[axis] = call.dims().sum(joined);
    one(first.dtype, shape)
}

pub(super) fn pad(call: &mut Call<'_>, mode: PadMode, before: &[Dim], after: &[Dim]) -> Outputs {
    let [x, value] = call.flagged([("x", true), ("value", mode == PadMode::Constant)])?;
    let Some(x) = x else {
        return Err(call.fail("x is missing"));
    };
    call.want("x", x.dtype, NUMBER_OR_BOOL)?;
    if let Some(value) = value {
        call.scalar("value", value, x.dtype)?;
    }
    call.length("before", before.len(), x.rank())?;
    call.length("after", after.len(), x.rank())?;
    let zero = Dim::constant(0);
    let dims = call.dims();
    let mut shape = Vec::with_capacity(x.rank());
    for (axis, size) in x.shape.iter().enumerate() {
        let padded = dims.sum([size.clone(), before[axis].clone(), after[axis].clone()]);
        let has_source = mode == PadMode::Constant
            || dims.eq(size, &zero) != Tri::Yes
            || dims.le(&padded, &zero) != Tri::No;
        call.ensure(
            has_source,
            format_args!("axis {axis} has no element to repeat"),
        )?;
        shape.push(padded);
    }
    one(x.dtype, shape)
}

pub(super) fn tile(call: &mut Call<'_>, repeats: &[Dim]) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.length("repeats", repeats.len(), x.rank())?;
    call.sizes("repeats", repeats)?;
    let dims = call.dims();
    let sizes = x.shape.iter().zip(repeats);
    one(x.dtype, sizes.map(|(size, n)| dims.mul(size, n)).collect())
}
