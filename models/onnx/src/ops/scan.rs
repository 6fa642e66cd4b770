//! Scan, as a loop that takes one slice of each scanned operand per turn.

use super::control::{Repeat, TurnResult, repeat};
use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use crate::proto::GraphProto;
use graphc_base::Dim;
use graphc_ir::ValueId;
use graphc_ir::op::{Op, PadMode};

pub(super) const OPS: &[OpEntry] = &[onnx("Scan", scan)];

/// An operand that is scanned.
#[derive(Clone, Copy)]
struct Scanned {
    value: ValueId,
    axis: usize,
    is_reversed: bool,
}

fn scan(cx: &mut NodeCx<'_, '_>) -> Converted {
    if cx.opset() < 9 {
        scan_8(cx)
    } else {
        scan_9(cx)
    }
}

/// One flag or axis per entry; all 0 where the attribute is missing.
fn per_entry(cx: &NodeCx<'_, '_>, name: &str, n_entries: usize) -> Result<Vec<i64>, ConvertError> {
    let values = cx.ints_opt(name)?.unwrap_or_else(|| vec![0; n_entries]);
    if values.len() != n_entries {
        return Err(ConvertError::Invalid(format!(
            "attribute {name} has {} entries, not {n_entries}",
            values.len()
        )));
    }
    Ok(values)
}

/// Splits the operands from number `first` on into states and scanned ones.
fn operands(
    cx: &NodeCx<'_, '_>,
    first: usize,
) -> Result<(Vec<ValueId>, Vec<ValueId>), ConvertError> {
    let n_scanned = operand::size("num_scan_inputs", cx.int_req("num_scan_inputs")?)?;
    let all = (first..cx.n_inputs())
        .map(|i| cx.input(i))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(n_states) = all.len().checked_sub(n_scanned).filter(|_| n_scanned > 0) else {
        return Err(ConvertError::Invalid(format!(
            "num_scan_inputs is {n_scanned} for {} operands",
            all.len()
        )));
    };
    let (states, scanned) = all.split_at(n_states);
    Ok((states.to_vec(), scanned.to_vec()))
}

fn scan_9(cx: &mut NodeCx<'_, '_>) -> Converted {
    let body = cx.graph_attr("body")?;
    let (states, values) = operands(cx, 0)?;
    let directions = per_entry(cx, "scan_input_directions", values.len())?;
    let axes = per_entry(cx, "scan_input_axes", values.len())?;
    let mut scanned = Vec::with_capacity(values.len());
    for (entry_idx, &value) in values.iter().enumerate() {
        scanned.push(Scanned {
            value,
            axis: operand::axis(axes[entry_idx], cx.b.rank(value)?)?,
            is_reversed: directions[entry_idx] != 0,
        });
    }
    let n_states = states.len();
    let n_outputs = body.output.len().saturating_sub(n_states);
    let output_directions = per_entry(cx, "scan_output_directions", n_outputs)?;
    let output_axes = per_entry(cx, "scan_output_axes", n_outputs)?;
    let mut results = scan_over(cx, body, states, &scanned, None)?;
    for (output_idx, result) in results.iter_mut().skip(n_states).enumerate() {
        if output_directions[output_idx] != 0 {
            *result = cx.flip(*result, 0)?;
        }
        let rank = cx.b.rank(*result)?;
        let axis = operand::axis(output_axes[output_idx], rank)?;
        let mut perm: Vec<usize> = (1..rank).collect();
        perm.insert(axis, 0);
        *result = cx.b.transpose(*result, perm)?;
    }
    Ok(results)
}

/// Runs the body over slices; gives the last states, then what is stacked along a new first axis.
fn scan_over(
    cx: &mut NodeCx<'_, '_>,
    body: &GraphProto,
    states: Vec<ValueId>,
    scanned: &[Scanned],
    trip_count: Option<ValueId>,
) -> Converted {
    let Some(first) = scanned.first() else {
        return Err(ConvertError::Invalid("no operand is scanned".into()));
    };
    let n_turns = cx.b.shape(first.value)?[first.axis].clone();
    let trip_count = match trip_count {
        Some(count) => count,
        None => cx.b.dim_scalar(&n_turns)?,
    };
    let n_states = states.len();
    let captures = cx.captures(&[body]);
    let spec = Repeat {
        trip_count: Some(trip_count),
        condition: None,
        carried: states,
        passed: scanned.iter().map(|entry| entry.value).collect(),
        captures: &captures,
        n_scanned: body.output.len().saturating_sub(n_states),
    };
    repeat(cx, spec, &|cx, turn| {
        let mut args = turn.carried.to_vec();
        for (entry, &value) in scanned.iter().zip(turn.passed) {
            let mut index = turn.iteration;
            if entry.is_reversed {
                let size = cx.b.shape(value)?[entry.axis].clone();
                let last = cx.b.dims().sub(&size, &Dim::constant(1));
                let last = cx.b.dim_scalar(&last)?;
                index = cx.b.sub(last, index)?;
            }
            args.push(cx.b.gather(value, index, entry.axis)?);
        }
        let results = cx.inline(body, &args)?;
        let (carried, scanned) = results.split_at(n_states.min(results.len()));
        Ok(TurnResult {
            condition: None,
            carried: carried.to_vec(),
            scanned: scanned.to_vec(),
        })
    })
}

/// Opset 8 scans each row of a batch: a loop over the batch around the scan. Rows may have lengths of their own; what
/// they stack is padded with zeros.
fn scan_8(cx: &mut NodeCx<'_, '_>) -> Converted {
    let body = cx.graph_attr("body")?;
    let lens = cx.opt(0);
    let (states, values) = operands(cx, 1)?;
    let directions = per_entry(cx, "directions", values.len())?;
    let Some(&first) = values.first() else {
        return Err(ConvertError::Invalid("no operand is scanned".into()));
    };
    let [n_rows, n_turns, ..] = &cx.b.shape(first)?[..] else {
        return Err(ConvertError::Invalid(
            "scanned operands must have rank 2 or more".into(),
        ));
    };
    let (n_rows, n_turns) = (n_rows.clone(), n_turns.clone());
    let trip_count = cx.b.dim_scalar(&n_rows)?;
    let (n_states, n_values) = (states.len(), values.len());
    let captures = cx.captures(&[body]);
    let mut passed = states;
    passed.extend(values);
    passed.extend(lens);
    let spec = Repeat {
        trip_count: Some(trip_count),
        condition: None,
        carried: Vec::new(),
        passed,
        captures: &captures,
        n_scanned: body.output.len(),
    };
    repeat(cx, spec, &|cx, turn| {
        let mut rows = Vec::with_capacity(turn.passed.len());
        for &value in turn.passed {
            rows.push(cx.b.gather(value, turn.iteration, 0)?);
        }
        let (states, rest) = rows.split_at(n_states);
        let (values, lens) = rest.split_at(n_values);
        let scanned: Vec<Scanned> = values
            .iter()
            .zip(&directions)
            .map(|(&value, &direction)| Scanned {
                value,
                axis: 0,
                is_reversed: direction != 0,
            })
            .collect();
        let len = match lens {
            [len] => Some(cx.int_scalar(*len)?),
            _ => None,
        };
        let mut results = scan_over(cx, body, states.to_vec(), &scanned, len)?;
        if len.is_some() {
            for result in results.iter_mut().skip(n_states) {
                *result = padded(cx, *result, &n_turns)?;
            }
        }
        Ok(TurnResult {
            condition: None,
            carried: Vec::new(),
            scanned: results,
        })
    })
}

/// Zeros appended to the first axis up to a size.
fn padded(cx: &mut NodeCx<'_, '_>, x: ValueId, size: &Dim) -> Result<ValueId, ConvertError> {
    let shape = cx.b.shape(x)?;
    let mut after = vec![Dim::constant(0); shape.len()];
    after[0] = cx.b.dims().sub(size, &shape[0]);
    let value = cx.zero_like(x)?;
    let op = Op::Pad {
        mode: PadMode::Constant,
        before: vec![Dim::constant(0); shape.len()],
        after,
    };
    Ok(cx.b.op1(op, &[x, value])?)
}
