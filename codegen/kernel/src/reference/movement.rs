//! Kernels that move elements of any width: copy, concat, pad, tile.

use super::check::{Counter, Walk, around};
use super::{Call, KernelError};
use graphc_base::attrs::PadMode;
use graphc_base::float::{get_packed, set_packed};
use graphc_base::{DType, Dim};

/// Moves one element.
fn move_element(dtype: DType, from: &[u8], source: usize, to: &mut [u8], target: usize) {
    match dtype.bits() {
        bits @ (2 | 4) => set_packed(to, bits, target, get_packed(from, bits, source)),
        bits => {
            let width = bits / 8;
            to[target * width..][..width].copy_from_slice(&from[source * width..][..width]);
        }
    }
}

pub(super) fn copy(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let mut source = Walk::new(x, &y.shape).ok_or_else(|| call.error("shapes differ"))?;
    let mut target = Walk::new(y, &y.shape).ok_or_else(|| call.error("shapes differ"))?;
    for _ in 0..y.n_elements() {
        move_element(
            y.dtype,
            call.inputs[0],
            source.position(),
            call.outputs[0],
            target.position(),
        );
        source.advance();
        target.advance();
    }
    Ok(())
}

pub(super) fn concat(call: &mut Call<'_, '_>, axis: usize) -> Result<(), KernelError> {
    call.arity(1..=usize::MAX, 1)?;
    let y = call.output(0)?;
    call.ensure(axis < y.shape.len() && y.contiguous, "axis is out of range")?;
    let mut joined = 0;
    for x in &call.spec.inputs {
        call.same_dtype(x, y)?;
        let fits = x.shape.len() == y.shape.len()
            && x.contiguous
            && x.shape
                .iter()
                .zip(&y.shape)
                .enumerate()
                .all(|(at, (a, b))| at == axis || a == b);
        call.ensure(fits, "operands differ in shape off the axis")?;
        joined += x.shape[axis];
    }
    call.ensure(
        joined == y.shape[axis],
        "sizes along the axis do not add up",
    )?;
    let (outer, n_axis, inner) = around(&y.shape, axis);
    let mut start = 0;
    for (x, from) in call.spec.inputs.iter().zip(call.inputs) {
        let run = x.shape[axis] * inner;
        if y.dtype.bits() >= 8 {
            let width = y.dtype.bits() / 8;
            for row in 0..outer {
                let target = (row * n_axis + start) * inner * width;
                call.outputs[0][target..][..run * width]
                    .copy_from_slice(&from[row * run * width..][..run * width]);
            }
        } else {
            for position in 0..outer * run {
                let target = (position / run * n_axis + start) * inner + position % run;
                move_element(y.dtype, from, position, call.outputs[0], target);
            }
        }
        start += x.shape[axis];
    }
    Ok(())
}

pub(super) fn tile(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.arity(1..=1, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    call.ensure(
        x.shape.len() == y.shape.len() && x.contiguous && y.contiguous,
        "ranks differ",
    )?;
    let n_elements = y.n_elements();
    call.ensure(
        n_elements == 0 || x.n_elements() > 0,
        "an empty tensor cannot be repeated",
    )?;
    let mut counter = Counter::new(&y.shape);
    for target in 0..n_elements {
        let source = x
            .shape
            .iter()
            .zip(&counter.at)
            .fold(0, |source, (&size, &at)| source * size + at % size);
        move_element(y.dtype, call.inputs[0], source, call.outputs[0], target);
        counter.advance();
    }
    Ok(())
}

pub(super) fn pad(
    call: &mut Call<'_, '_>,
    mode: PadMode,
    before: &[Dim],
    after: &[Dim],
) -> Result<(), KernelError> {
    call.arity(1..=2, 1)?;
    let (x, y) = (call.input(0)?, call.output(0)?);
    call.same_dtype(x, y)?;
    let rank = x.shape.len();
    call.ensure(
        y.shape.len() == rank
            && before.len() == rank
            && after.len() == rank
            && x.contiguous
            && y.contiguous,
        "ranks differ",
    )?;
    call.ensure(
        (mode == PadMode::Constant) == (call.spec.inputs.len() == 2),
        "the value is missing",
    )?;
    if let Some(value) = call.spec.inputs.get(1) {
        call.same_dtype(value, y)?;
        call.ensure(value.n_elements() >= 1, "the value is missing")?;
    }
    let mut counter = Counter::new(&y.shape);
    for target in 0..y.n_elements() {
        let mut source = Some(0usize);
        for axis in 0..rank {
            let lead = before[axis].as_const().unwrap_or(0);
            let at = counter.at[axis] as i64 - lead;
            source = source
                .zip(reach(mode, at, x.shape[axis]))
                .map(|(source, at)| source * x.shape[axis] + at);
        }
        match source {
            Some(source) => move_element(y.dtype, call.inputs[0], source, call.outputs[0], target),
            None if mode == PadMode::Constant => {
                move_element(y.dtype, call.inputs[1], 0, call.outputs[0], target)
            }
            None => return Err(call.error(format!("{mode:?} padding of an empty axis"))),
        }
        counter.advance();
    }
    Ok(())
}

/// The element that stands at a position outside or inside an axis; `None` for the constant.
fn reach(mode: PadMode, at: i64, size: usize) -> Option<usize> {
    let n = size as i64;
    if (0..n).contains(&at) {
        return Some(at as usize);
    }
    let reached = match mode {
        PadMode::Constant => return None,
        _ if n == 0 => return None,
        PadMode::Edge => at.clamp(0, n - 1),
        PadMode::Wrap => at.rem_euclid(n),
        PadMode::Reflect if n == 1 => 0,
        PadMode::Reflect => {
            let period = 2 * (n - 1);
            let folded = at.rem_euclid(period);
            folded.min(period - folded)
        }
    };
    Some(reached as usize)
}
