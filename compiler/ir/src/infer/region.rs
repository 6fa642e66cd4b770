//! Operators with regions. Their results are what the attribute says: the verifier compares it with the blocks.

use super::TypeError;
use super::call::{Call, Outputs, counted};
use crate::op::{If, Loop};
use crate::types::ValueType;
use graphc_base::DType;

pub(super) fn branch(call: &mut Call<'_>, branch: &If) -> Outputs {
    call.ensure(!call.inputs().is_empty(), "takes at least the condition")?;
    let cond = call.tensor(0)?;
    call.scalar("condition", cond, DType::Bool)?;
    Ok(branch.results.clone())
}

pub(super) fn repeat(call: &mut Call<'_>, repeat: &Loop) -> Outputs {
    let mut next = 0;
    if repeat.has_trip_count {
        let trip_count = call.tensor(next)?;
        call.scalar("trip count", trip_count, DType::I64)?;
        next += 1;
    }
    if repeat.has_condition {
        let cond = call.tensor(next)?;
        call.scalar("condition", cond, DType::Bool)?;
        next += 1;
    }
    let n_results = repeat.n_carried.checked_add(repeat.n_scanned);
    call.ensure(
        n_results == Some(repeat.results.len()),
        format_args!(
            "has {}, not {} carried and {} scanned",
            counted(repeat.results.len(), "result"),
            repeat.n_carried,
            repeat.n_scanned
        ),
    )?;
    let (carried, scanned) = repeat.results.split_at(repeat.n_carried);
    let initial = call.inputs().get(next..).unwrap_or_default();
    call.ensure(
        initial.len() >= carried.len(),
        format_args!("takes {}", counted(carried.len(), "carried operand")),
    )?;
    for (carried_idx, (initial, result)) in initial.iter().zip(carried).enumerate() {
        call.ensure(
            is_like(initial, result),
            format_args!("carried value {carried_idx} changes its kind, dtype or rank"),
        )?;
    }
    for (scanned_idx, result) in scanned.iter().enumerate() {
        stacked(call, scanned_idx, result)?;
    }
    Ok(repeat.results.clone())
}

fn stacked(call: &Call<'_>, scanned_idx: usize, result: &ValueType) -> Result<(), TypeError> {
    call.ensure(
        result.as_tensor().is_some_and(|ty| ty.rank() >= 1),
        format_args!("scanned result {scanned_idx} is not a tensor of rank 1 or more"),
    )
}

/// Whether a value of type `given` may be used as a `wanted`: the same but for dims, which may differ, and ranks of
/// elements that `wanted` leaves open.
pub(super) fn is_like(given: &ValueType, wanted: &ValueType) -> bool {
    match (given, wanted) {
        (ValueType::Tensor(given), ValueType::Tensor(wanted)) => {
            given.dtype == wanted.dtype && given.rank() == wanted.rank()
        }
        (ValueType::Sequence(given), ValueType::Sequence(wanted)) => {
            let ranks_fit = match (given.rank, wanted.rank) {
                (Some(given), Some(wanted)) => given == wanted,
                (None, _) | (_, None) => true,
            };
            given.dtype == wanted.dtype && ranks_fit
        }
        (ValueType::Optional(given), ValueType::Optional(wanted)) => is_like(given, wanted),
        _ => false,
    }
}
