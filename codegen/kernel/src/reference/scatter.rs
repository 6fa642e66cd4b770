//! Kernels that write updates at positions that data name.
//!
//! Relied on and checked: the result has data's shape. Updates apply in row-major order; positions are checked.

use super::check::Counter;
use super::gather::{copy_run, elements_fit, ensure_index, flat, integer, resolve, tuple};
use super::scalar::{binary, load, round_to, store};
use super::{Call, KernelError};
use graphc_base::DType;
use graphc_base::attrs::{BinaryOp, ScatterReduction};

/// Applies `n` neighbouring updates.
fn update(
    reduction: ScatterReduction,
    dtype: DType,
    (to, at): (&mut [u8], usize),
    (from, start): (&[u8], usize),
    n: usize,
) {
    let op = match reduction {
        ScatterReduction::Replace => return copy_run(dtype, to, at, from, start, n),
        // On truth values these are "or" and "and".
        ScatterReduction::Add if dtype == DType::Bool => BinaryOp::Max,
        ScatterReduction::Mul if dtype == DType::Bool => BinaryOp::Min,
        ScatterReduction::Add => BinaryOp::Add,
        ScatterReduction::Mul => BinaryOp::Mul,
        ScatterReduction::Max => BinaryOp::Max,
        ScatterReduction::Min => BinaryOp::Min,
    };
    for step in 0..n {
        let (old, new) = (load(to, dtype, at + step), load(from, dtype, start + step));
        store(
            to,
            dtype,
            at + step,
            round_to(dtype, binary(op, dtype, old, new)),
        );
    }
}

/// `data, indices, updates → y` (ONNX ScatterElements).
pub(super) fn scatter_elements(
    call: &mut Call<'_, '_>,
    axis: usize,
    reduction: ScatterReduction,
) -> Result<(), KernelError> {
    call.plain(3..=3, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let [data, indices, updates] = [&spec.inputs[0], &spec.inputs[1], &spec.inputs[2]];
    let result = &spec.outputs[0];
    call.same_dtype(data, result)?;
    call.same_dtype(data, updates)?;
    ensure_index(call, indices)?;
    call.ensure(
        data.shape == result.shape,
        "result and data differ in shape",
    )?;
    call.ensure(
        indices.shape == updates.shape,
        "updates and positions differ in shape",
    )?;
    call.ensure(
        elements_fit(&data.shape, &indices.shape, axis),
        "positions do not fit into data",
    )?;
    let output = &mut *call.outputs[0];
    copy_run(data.dtype, output, 0, inputs[0], 0, data.n_elements());
    let mut counter = Counter::new(&indices.shape);
    for slot in 0..indices.n_elements() {
        let index = integer(inputs[1], indices.dtype, slot);
        let position = resolve(spec, index, data.shape[axis])?;
        let at = flat(&data.shape, &counter.at, axis, position);
        update(reduction, data.dtype, (output, at), (inputs[2], slot), 1);
        counter.advance();
    }
    Ok(())
}

/// `data, indices, updates → y` (ONNX ScatterND).
pub(super) fn scatter_nd(
    call: &mut Call<'_, '_>,
    reduction: ScatterReduction,
) -> Result<(), KernelError> {
    call.plain(3..=3, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let [data, indices, updates] = [&spec.inputs[0], &spec.inputs[1], &spec.inputs[2]];
    let result = &spec.outputs[0];
    call.same_dtype(data, result)?;
    call.same_dtype(data, updates)?;
    ensure_index(call, indices)?;
    call.ensure(
        data.shape == result.shape,
        "result and data differ in shape",
    )?;
    let Some((&depth, lead)) = indices.shape.split_last() else {
        return Err(call.error("positions are a scalar"));
    };
    call.ensure(
        depth <= data.shape.len()
            && updates
                .shape
                .iter()
                .eq(lead.iter().chain(&data.shape[depth..])),
        "the updates' shape does not follow from data and positions",
    )?;
    let output = &mut *call.outputs[0];
    copy_run(data.dtype, output, 0, inputs[0], 0, data.n_elements());
    if updates.n_elements() == 0 {
        return Ok(());
    }
    let inner: usize = data.shape[depth..].iter().product();
    let n_tuples: usize = lead.iter().product();
    for tuple_idx in 0..n_tuples {
        let slice = tuple(
            spec,
            (inputs[1], indices.dtype),
            tuple_idx,
            &data.shape[..depth],
        )?;
        update(
            reduction,
            data.dtype,
            (output, slice * inner),
            (inputs[2], tuple_idx * inner),
            inner,
        );
    }
    Ok(())
}
