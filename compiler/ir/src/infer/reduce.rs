//! Reductions, scans and softmax.

use super::TypeError;
use super::call::{Call, FLOAT, NUMBER, NUMBER_OR_BOOL, Outputs, one};
use crate::op::ReduceKind;
use graphc_base::{DType, Dim, Tri};

pub(super) fn reduce(
    call: &mut Call<'_>,
    kind: ReduceKind,
    reduced: &[Dim],
    keep_dims: bool,
) -> Outputs {
    let [x] = call.tensors(["x"])?;
    let class = match kind {
        ReduceKind::Sum | ReduceKind::Mean | ReduceKind::Prod => NUMBER,
        ReduceKind::Max | ReduceKind::Min => NUMBER_OR_BOOL,
        ReduceKind::LogSumExp => FLOAT,
    };
    call.want("x", x.dtype, class)?;
    call.length("reduced", reduced.len(), x.rank())?;
    let mut shape = Vec::with_capacity(x.rank());
    for (axis, (flag, size)) in reduced.iter().zip(&x.shape).enumerate() {
        match flag.as_const() {
            Some(0) => shape.push(size.clone()),
            Some(1) if keep_dims => shape.push(Dim::ONE),
            Some(1) => {}
            Some(_) => return Err(call.fail(format_args!("flag of axis {axis} is not 0 or 1"))),
            None => {
                call.ensure(
                    keep_dims,
                    format_args!("flag of axis {axis} is not constant, so the rank is unknown"),
                )?;
                shape.push(kept_or_one(call, axis, flag, size)?);
            }
        }
    }
    one(x.dtype, shape)
}

/// `size` where the flag is 0 and 1 where it is 1: `size · (1 - flag) + flag`.
fn kept_or_one(call: &mut Call<'_>, axis: usize, flag: &Dim, size: &Dim) -> Result<Dim, TypeError> {
    let what = format!("flag of axis {axis} is not 0 or 1");
    call.within(flag, &Dim::ZERO, &Dim::ONE, &what)?;
    let dims = call.dims();
    let kept = dims.mul(size, &dims.sub(&Dim::ONE, flag));
    Ok(dims.add(&kept, flag))
}

pub(super) fn arg_reduce(call: &mut Call<'_>, axis: usize, keep_dims: bool) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, NUMBER)?;
    call.axis(axis, x.rank())?;
    call.ensure(
        call.dims().eq(&x.shape[axis], &Dim::ZERO) != Tri::Yes,
        format_args!("axis {axis} is empty"),
    )?;
    let mut shape = x.shape.clone();
    if keep_dims {
        shape[axis] = Dim::ONE;
    } else {
        shape.remove(axis);
    }
    one(DType::I64, shape)
}

pub(super) fn cumulative(call: &mut Call<'_>, axis: &Dim) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, NUMBER)?;
    dim_axis(call, axis, x.rank())?;
    one(x.dtype, x.shape.clone())
}

/// An axis that may be a symbol, `0 ≤ axis < n_axes`.
pub(super) fn dim_axis(call: &mut Call<'_>, axis: &Dim, n_axes: usize) -> Result<(), TypeError> {
    let last = call.dims().sub(&call.count("rank", n_axes)?, &Dim::ONE);
    let what = format!("axis {} is not below {n_axes}", call.dims().display(axis));
    call.within(axis, &Dim::ZERO, &last, &what)
}

pub(super) fn softmax(call: &mut Call<'_>, axis: usize) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, FLOAT)?;
    call.axis(axis, x.rank())?;
    one(x.dtype, x.shape.clone())
}
