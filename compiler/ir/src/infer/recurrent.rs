//! LSTM, GRU and plain recurrent layers.

use super::call::{Call, FLOAT, Outputs, tensor};
use crate::op::{Recurrent, RecurrentKind};
use graphc_base::{DType, Dim};

pub(super) fn recurrent(call: &mut Call<'_>, layer: &Recurrent) -> Outputs {
    let [x, w, r, bias, lens, h0, c0, peephole] = call.flagged([
        ("x", true),
        ("w", true),
        ("r", true),
        ("bias", layer.has_bias),
        ("lens", layer.has_lens),
        ("h0", layer.has_h0),
        ("c0", layer.has_c0),
        ("peephole", layer.has_peephole),
    ])?;
    let (Some(x), Some(w), Some(r)) = (x, w, r) else {
        return Err(call.fail("operands are missing"));
    };
    let is_lstm = matches!(layer.kind, RecurrentKind::Lstm { .. });
    call.ensure(
        is_lstm || !(layer.has_c0 || layer.has_peephole),
        "only an lstm has a cell state and peepholes",
    )?;
    let n_directions = layer.direction.n_directions();
    let n_activations = layer.kind.n_activations() * n_directions;
    call.length("activations", layer.activations.len(), n_activations)?;

    call.want("x", x.dtype, FLOAT)?;
    call.rank("x", x, 3)?;
    let (n_steps, n_rows, n_inputs) = (&x.shape[0], &x.shape[1], &x.shape[2]);
    let n_gates = call.count("gates", layer.kind.n_gates())?;
    let directions = call.count("directions", n_directions)?;
    let hidden = call.positive("hidden", layer.hidden)?;
    let dims = call.dims();
    let peepholes = dims.mul(&Dim::constant(3), &hidden);
    let gates = dims.mul(&n_gates, &hidden);
    let biases = dims.mul(&Dim::constant(2), &gates);
    let state = vec![directions.clone(), n_rows.clone(), hidden.clone()];

    let wanted = [
        (
            "w",
            Some(w),
            vec![directions.clone(), gates.clone(), n_inputs.clone()],
        ),
        (
            "r",
            Some(r),
            vec![directions.clone(), gates, hidden.clone()],
        ),
        ("bias", bias, vec![directions.clone(), biases]),
        ("h0", h0, state.clone()),
        ("c0", c0, state.clone()),
        ("peephole", peephole, vec![directions.clone(), peepholes]),
    ];
    for (role, ty, shape) in wanted {
        if let Some(ty) = ty {
            call.same_dtype(role, ty, x.dtype)?;
            let what = format!(
                "{role} does not fit x and a hidden size of {}",
                layer.hidden
            );
            call.equal_shapes(&ty.shape, &shape, &what)?;
        }
    }
    if let Some(lens) = lens {
        call.vector("lens", lens, DType::I32, n_rows)?;
    }

    let mut outputs = vec![
        tensor(
            x.dtype,
            vec![n_steps.clone(), directions, n_rows.clone(), hidden],
        ),
        tensor(x.dtype, state.clone()),
    ];
    if is_lstm {
        outputs.push(tensor(x.dtype, state));
    }
    Ok(outputs)
}
