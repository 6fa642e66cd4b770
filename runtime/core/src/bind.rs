//! Symbols get values; facts about dims are tested.

use crate::error::RunError;
use graphc_base::{Dim, EntityId};
use graphc_program::{Body, CheckKind, Program};
use smallvec::SmallVec;

/// Value of a symbol that is not bound yet. No size, position or step has it.
pub(crate) const UNBOUND: i64 = i64::MIN;

/// Sizes of a tensor; the ranks that kernels take need no heap.
pub(crate) type Sizes = SmallVec<[usize; 12]>;

/// The value of a dim all of whose symbols are bound.
pub(crate) fn value_of(dim: &Dim, values: &[i64]) -> Result<i64, RunError> {
    if !is_known(dim, values) {
        return Err(RunError::Dims(format!("size {dim} is not known yet")));
    }
    dim.eval(values)
        .map_err(|error| RunError::dim(&dim.to_string(), &error))
}

/// Evaluates a shape.
pub(crate) fn shape_of(shape: &[Dim], values: &[i64]) -> Result<Sizes, RunError> {
    shape
        .iter()
        .map(|dim| {
            let value = value_of(dim, values)?;
            usize::try_from(value)
                .map_err(|_| RunError::Dims(format!("size {dim} is {value}, which is negative")))
        })
        .collect()
}

/// Whether every symbol of a dim is bound.
pub(crate) fn is_known(dim: &Dim, values: &[i64]) -> bool {
    let mut all = true;
    dim.visit_symbols(&mut |symbol| {
        all &= values
            .get(symbol.index())
            .is_some_and(|&value| value != UNBOUND);
    });
    all
}

/// Tests these facts of a body, those among them whose symbols are all bound.
pub(crate) fn check_dims(body: &Body, checks: &[usize], values: &[i64]) -> Result<(), RunError> {
    for check in checks.iter().map(|&index| &body.checks[index]) {
        let (CheckKind::Equal(a, b) | CheckKind::Broadcast(a, b) | CheckKind::LessEqual(a, b)) =
            &check.kind;
        if !is_known(a, values) || !is_known(b, values) {
            continue;
        }
        let value = |dim: &Dim| {
            dim.eval(values)
                .map_err(|error| RunError::dim(&check.what, &error))
        };
        let (left, right) = (value(a)?, value(b)?);
        let (holds, relation) = match check.kind {
            CheckKind::Equal(..) => (left == right, "equal"),
            CheckKind::Broadcast(..) => (
                left == right || left == 1 || right == 1,
                "equal, or one of them 1",
            ),
            CheckKind::LessEqual(..) => (left <= right, "in order"),
        };
        if !holds {
            return Err(RunError::Dims(format!(
                "{}: {left} and {right} must be {relation}",
                check.what
            )));
        }
    }
    Ok(())
}

/// Sets a symbol.
pub(crate) fn bind_symbol(
    program: &Program,
    values: &mut [i64],
    symbol: usize,
    value: i64,
) -> Result<(), RunError> {
    let declared = &program.symbols[symbol];
    if value < declared.lo || value > declared.hi || value == UNBOUND {
        return Err(RunError::Dims(format!(
            "`{}` is {value}, outside {}..={}",
            declared.name, declared.lo, declared.hi
        )));
    }
    values[symbol] = value;
    Ok(())
}
