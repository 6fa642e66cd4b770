//! Kernels that read elements at positions that data name: gathers and sequence reversal. Elements are copied, never read.
//!
//! Relied on and checked: the result's shape is what the operator's doc says. Positions come from data and are checked.

use super::check::{Counter, around};
use super::scalar::{Scalar, load};
use super::{Call, KernelError};
use crate::spec::{BoundArg, BoundSpec};
use graphc_base::DType;
use graphc_base::float::{get_packed, set_packed};

/// An error of the spec's kernel, where the call itself is borrowed.
pub(super) fn fail(spec: &BoundSpec, message: impl Into<String>) -> KernelError {
    KernelError {
        kernel: spec.kernel.name(),
        message: message.into(),
    }
}

/// Checks that an operand holds positions.
pub(super) fn ensure_index(call: &Call<'_, '_>, arg: &BoundArg) -> Result<(), KernelError> {
    call.ensure(
        matches!(arg.dtype, DType::I32 | DType::I64),
        "positions are neither i32 nor i64",
    )
}

/// The integer at a position of an index tensor.
pub(crate) fn integer(bytes: &[u8], dtype: DType, position: usize) -> i64 {
    match load(bytes, dtype, position) {
        Scalar::Int(value) => value,
        Scalar::Float(value) => value as i64,
    }
}

/// The position that an index names on an axis of this size; negative ones count from the end.
pub(super) fn resolve(spec: &BoundSpec, index: i64, size: usize) -> Result<usize, KernelError> {
    let wrapped = if index < 0 {
        index.checked_add_unsigned(size as u64)
    } else {
        Some(index)
    };
    match wrapped.and_then(|position| usize::try_from(position).ok()) {
        Some(position) if position < size => Ok(position),
        _ => Err(fail(
            spec,
            format!("index {index} is out of range for an axis of size {size}"),
        )),
    }
}

/// Copies `n` neighbouring elements of a dtype of any width.
pub(crate) fn copy_run(
    dtype: DType,
    to: &mut [u8],
    at: usize,
    from: &[u8],
    start: usize,
    n: usize,
) {
    let bits = dtype.bits();
    if bits < 8 {
        for step in 0..n {
            set_packed(to, bits, at + step, get_packed(from, bits, start + step));
        }
    } else {
        let width = bits / 8;
        to[at * width..][..n * width].copy_from_slice(&from[start * width..][..n * width]);
    }
}

/// `data, indices → y`.
pub(super) fn gather(call: &mut Call<'_, '_>, axis: usize) -> Result<(), KernelError> {
    call.plain(2..=2, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (data, indices, result) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    call.same_dtype(data, result)?;
    ensure_index(call, indices)?;
    call.ensure(
        axis < data.shape.len()
            && result.shape.iter().eq(data.shape[..axis]
                .iter()
                .chain(&indices.shape)
                .chain(&data.shape[axis + 1..])),
        "the result's shape is not that of data with the axis replaced by the positions' axes",
    )?;
    if result.n_elements() == 0 {
        return Ok(());
    }
    let (outer, size, inner) = around(&data.shape, axis);
    let n_indices = indices.n_elements();
    let output = &mut *call.outputs[0];
    for outer_idx in 0..outer {
        for slot in 0..n_indices {
            let index = integer(inputs[1], indices.dtype, slot);
            let position = resolve(spec, index, size)?;
            let to = (outer_idx * n_indices + slot) * inner;
            let from = (outer_idx * size + position) * inner;
            copy_run(data.dtype, output, to, inputs[0], from, inner);
        }
    }
    Ok(())
}

/// `data, indices → y` of the shape of `indices`.
pub(super) fn gather_elements(call: &mut Call<'_, '_>, axis: usize) -> Result<(), KernelError> {
    call.plain(2..=2, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (data, indices, result) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    call.same_dtype(data, result)?;
    ensure_index(call, indices)?;
    call.ensure(
        result.shape == indices.shape,
        "result and positions differ in shape",
    )?;
    call.ensure(
        elements_fit(&data.shape, &indices.shape, axis),
        "positions do not fit into data",
    )?;
    let output = &mut *call.outputs[0];
    let mut counter = Counter::new(&indices.shape);
    for slot in 0..indices.n_elements() {
        let index = integer(inputs[1], indices.dtype, slot);
        let position = resolve(spec, index, data.shape[axis])?;
        let from = flat(&data.shape, &counter.at, axis, position);
        copy_run(data.dtype, output, slot, inputs[0], from, 1);
        counter.advance();
    }
    Ok(())
}

/// Whether positions of this shape, replacing those along `axis`, lie in data.
pub(super) fn elements_fit(data: &[usize], indices: &[usize], axis: usize) -> bool {
    axis < data.len()
        && data.len() == indices.len()
        && (0..data.len()).all(|other| other == axis || indices[other] <= data[other])
}

/// The flat position of `at` with the position along `axis` replaced.
pub(super) fn flat(shape: &[usize], at: &[usize], axis: usize, position: usize) -> usize {
    (0..shape.len()).fold(0, |flat, other| {
        flat * shape[other] + if other == axis { position } else { at[other] }
    })
}

/// Reads index tuples of length `depth` into an array of this shape: the flat number of the slice that each names.
pub(super) fn tuple(
    spec: &BoundSpec,
    (bytes, dtype): (&[u8], DType),
    tuple_idx: usize,
    shape: &[usize],
) -> Result<usize, KernelError> {
    let mut number = 0;
    for (step, &size) in shape.iter().enumerate() {
        let index = integer(bytes, dtype, tuple_idx * shape.len() + step);
        number = number * size + resolve(spec, index, size)?;
    }
    Ok(number)
}

/// `data, indices → y` (ONNX GatherND).
pub(super) fn gather_nd(call: &mut Call<'_, '_>, batch_dims: usize) -> Result<(), KernelError> {
    call.plain(2..=2, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (data, indices, result) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    call.same_dtype(data, result)?;
    ensure_index(call, indices)?;
    let Some((&depth, lead)) = indices.shape.split_last() else {
        return Err(call.error("positions are a scalar"));
    };
    let sliced = batch_dims
        .checked_add(depth)
        .filter(|&end| end <= data.shape.len());
    let Some(sliced) = sliced.filter(|_| lead.len() >= batch_dims) else {
        return Err(call.error(format!("positions of {depth} axes do not fit into data")));
    };
    call.ensure(
        data.shape[..batch_dims] == lead[..batch_dims]
            && result
                .shape
                .iter()
                .eq(lead.iter().chain(&data.shape[sliced..])),
        "the result's shape does not follow from data and positions",
    )?;
    if result.n_elements() == 0 {
        return Ok(());
    }
    let n_batches: usize = lead[..batch_dims].iter().product();
    let n_tuples: usize = lead[batch_dims..].iter().product();
    let indexed = &data.shape[batch_dims..sliced];
    let inner: usize = data.shape[sliced..].iter().product();
    let n_slices = data.n_elements() / (n_batches * inner);
    let output = &mut *call.outputs[0];
    for tuple_idx in 0..n_batches * n_tuples {
        let slice = tuple(spec, (inputs[1], indices.dtype), tuple_idx, indexed)?;
        let from = (tuple_idx / n_tuples * n_slices + slice) * inner;
        copy_run(
            data.dtype,
            output,
            tuple_idx * inner,
            inputs[0],
            from,
            inner,
        );
    }
    Ok(())
}

/// `x, lens: i64[batch] → y`.
pub(super) fn reverse_sequence(
    call: &mut Call<'_, '_>,
    batch_axis: usize,
    time_axis: usize,
) -> Result<(), KernelError> {
    call.plain(2..=2, 1)?;
    let (spec, inputs) = (call.spec, call.inputs);
    let (x, lens, result) = (&spec.inputs[0], &spec.inputs[1], &spec.outputs[0]);
    call.same_dtype(x, result)?;
    ensure_index(call, lens)?;
    let last = batch_axis.max(time_axis);
    call.ensure(
        last < x.shape.len()
            && batch_axis != time_axis
            && x.shape == result.shape
            && lens.shape.as_slice() == &x.shape[batch_axis..=batch_axis],
        "batch axis, time axis and lengths do not fit x",
    )?;
    if x.n_elements() == 0 {
        return Ok(());
    }
    let lead = &x.shape[..=last];
    let inner: usize = x.shape[last + 1..].iter().product();
    let n_steps = x.shape[time_axis];
    let output = &mut *call.outputs[0];
    let mut counter = Counter::new(lead);
    for run in 0..x.n_elements() / inner {
        let len = integer(inputs[1], lens.dtype, counter.at[batch_axis]);
        let Some(len) = usize::try_from(len).ok().filter(|&len| len <= n_steps) else {
            return Err(fail(
                spec,
                format!("length {len} is out of range for {n_steps} steps"),
            ));
        };
        let step = counter.at[time_axis];
        let source = if step < len { len - 1 - step } else { step };
        let from = flat(lead, &counter.at, time_axis, source);
        copy_run(x.dtype, output, run * inner, inputs[0], from * inner, inner);
        counter.advance();
    }
    Ok(())
}
