//! ONNX LSTM, GRU and RNN. Gates are computed in `f64`; the states are rounded to the dtype after every step.

use super::call::Call;
use super::gemm::{PANEL, Rows, gemm};
use super::threads;
use super::unary::{sigmoid, softplus};
use crate::error::Result;
use crate::number::{Number, with_float};
use crate::tensor::Tensor;
use graphc_ir::op::{Activation, ActivationKind, Direction, Recurrent, RecurrentKind};

pub(super) fn recurrent(call: &Call<'_>, layer: &Recurrent) -> Result<Vec<Tensor>> {
    let x = call.input(0)?;
    let round: fn(f64) -> f64 = with_float!(x.dtype(), T => {
        |value| Number::to_f64(<T as Number>::from_f64(value))
    }, else return Err(call.fail("x is no float")));
    let operands = Operands::read(call, layer)?;
    let n_directions = layer.direction.n_directions();
    let (n_steps, n_rows, hidden) = (x.shape()[0], x.shape()[1], layer.hidden);
    let state_len = n_rows * hidden;
    let mut outputs = vec![0.0; n_steps * n_directions * state_len];
    let (mut last_h, mut last_c) = (Vec::new(), Vec::new());
    for direction in 0..n_directions {
        let is_reverse = match layer.direction {
            Direction::Forward => false,
            Direction::Reverse => true,
            Direction::Bidirectional => direction == 1,
        };
        let mut cell = Cell::new(layer, &operands, direction, n_rows, x.shape()[2], round);
        let inputs = cell.project_inputs(&operands, n_steps);
        for step in 0..n_steps {
            for row in 0..n_rows {
                cell.is_active[row] = step < operands.lens[row];
                let len = operands.lens[row];
                cell.time[row] = if is_reverse && step < len {
                    len - 1 - step
                } else {
                    step
                };
            }
            cell.step(&inputs, n_steps);
            for row in (0..n_rows).filter(|&row| cell.is_active[row]) {
                let start = (cell.time[row] * n_directions + direction) * state_len + row * hidden;
                outputs[start..start + hidden].copy_from_slice(&cell.h[row * hidden..][..hidden]);
            }
        }
        last_h.append(&mut cell.h);
        last_c.append(&mut cell.c);
    }
    let dtype = x.dtype();
    let state_shape = [n_directions, n_rows, hidden];
    let mut results = vec![
        Tensor::from_f64(dtype, &[n_steps, n_directions, n_rows, hidden], &outputs)?,
        Tensor::from_f64(dtype, &state_shape, &last_h)?,
    ];
    if matches!(layer.kind, RecurrentKind::Lstm { .. }) {
        results.push(Tensor::from_f64(dtype, &state_shape, &last_c)?);
    }
    Ok(results)
}

/// The operands as floats; absent ones as zeros.
struct Operands {
    x: Vec<f64>,
    w: Vec<f64>,
    r: Vec<f64>,
    bias: Vec<f64>,
    lens: Vec<usize>,
    h0: Vec<f64>,
    c0: Vec<f64>,
    peephole: Vec<f64>,
}

impl Operands {
    fn read(call: &Call<'_>, layer: &Recurrent) -> Result<Self> {
        let (n_steps, n_rows) = (call.input(0)?.shape()[0], call.input(0)?.shape()[1]);
        let n_directions = layer.direction.n_directions();
        let mut next = 3;
        let mut optional = |is_there: bool| {
            let found = is_there.then(|| call.input(next)).transpose();
            next += usize::from(is_there);
            found
        };
        let or_zeros = |tensor: Option<&Tensor>, len: usize| match tensor {
            Some(tensor) => tensor.to_f64(),
            None => Ok(vec![0.0; len]),
        };
        let state_len = n_directions * n_rows * layer.hidden;
        let bias_len = n_directions * 2 * layer.kind.n_gates() * layer.hidden;
        let bias = or_zeros(optional(layer.has_bias)?, bias_len)?;
        let mut lens = vec![n_steps; n_rows];
        if let Some(given) = optional(layer.has_lens)? {
            for (slot, len) in lens.iter_mut().zip(given.to_i64()?) {
                *slot = usize::try_from(len)
                    .ok()
                    .filter(|&len| len <= n_steps)
                    .ok_or_else(|| {
                        call.fail(format!("length {len} is not within 0 and {n_steps}"))
                    })?;
            }
        }
        Ok(Self {
            x: call.input(0)?.to_f64()?,
            w: call.input(1)?.to_f64()?,
            r: call.input(2)?.to_f64()?,
            bias,
            lens,
            h0: or_zeros(optional(layer.has_h0)?, state_len)?,
            c0: or_zeros(optional(layer.has_c0)?, state_len)?,
            peephole: or_zeros(
                optional(layer.has_peephole)?,
                n_directions * 3 * layer.hidden,
            )?,
        })
    }
}

/// One direction of a layer, with its state `[rows, hidden]`.
struct Cell<'a> {
    layer: &'a Recurrent,
    activations: &'a [Activation],
    n_rows: usize,
    hidden: usize,
    n_gates: usize,
    w: Rows<f64>,
    r: Rows<f64>,
    input_bias: &'a [f64],
    recurrent_bias: &'a [f64],
    peephole: &'a [f64],
    round: fn(f64) -> f64,
    h: Vec<f64>,
    c: Vec<f64>,
    /// Per row: whether this step is within its length, and which time it takes.
    is_active: Vec<bool>,
    time: Vec<usize>,
}

impl<'a> Cell<'a> {
    fn new(
        layer: &'a Recurrent,
        operands: &'a Operands,
        direction: usize,
        n_rows: usize,
        n_inputs: usize,
        round: fn(f64) -> f64,
    ) -> Self {
        let hidden = layer.hidden;
        let n_gates = layer.kind.n_gates();
        let gates = n_gates * hidden;
        let n_activations = layer.kind.n_activations();
        let state = direction * n_rows * hidden..(direction + 1) * n_rows * hidden;
        let (input_bias, recurrent_bias) =
            operands.bias[direction * 2 * gates..][..2 * gates].split_at(gates);
        let pack = |weights: &[f64], width: usize| {
            let own = &weights[direction * gates * width..][..gates * width];
            Rows::pack(gates, width, |row, p| own[row * width + p])
        };
        Self {
            layer,
            activations: &layer.activations[direction * n_activations..][..n_activations],
            n_rows,
            hidden,
            n_gates,
            w: pack(&operands.w, n_inputs),
            r: pack(&operands.r, hidden),
            input_bias,
            recurrent_bias,
            peephole: &operands.peephole[direction * 3 * hidden..][..3 * hidden],
            round,
            h: operands.h0[state.clone()].to_vec(),
            c: operands.c0[state].to_vec(),
            is_active: vec![true; n_rows],
            time: vec![0; n_rows],
        }
    }

    /// `W xᵀ` for all times and rows: `[gates · hidden, times · rows]`.
    fn project_inputs(&self, operands: &Operands, n_steps: usize) -> Vec<f64> {
        let n_columns = n_steps * self.n_rows;
        let width = operands.x.len().checked_div(n_columns).unwrap_or(0);
        let n_threads = threads::n_threads(self.n_gates * self.hidden * width * n_columns);
        product(&self.w, &operands.x, n_columns, width, n_threads)
    }

    fn step(&mut self, inputs: &[f64], n_steps: usize) {
        let (hidden, n_rows) = (self.hidden, self.n_rows);
        let recurrent = product(&self.r, &self.h, n_rows, hidden, 1);
        let n_columns = n_steps * n_rows;
        let mut next_h = self.h.clone();
        for row in (0..n_rows).filter(|&row| self.is_active[row]) {
            let column = self.time[row] * n_rows + row;
            let input = |gate: usize, unit: usize| {
                let at = gate * hidden + unit;
                inputs[at * n_columns + column] + self.input_bias[at]
            };
            let own = |gate: usize, unit: usize| {
                let at = gate * hidden + unit;
                recurrent[at * n_rows + row] + self.recurrent_bias[at]
            };
            let h = &self.h[row * hidden..][..hidden];
            let new = &mut next_h[row * hidden..][..hidden];
            match self.layer.kind {
                RecurrentKind::Plain => {
                    for (unit, new) in new.iter_mut().enumerate() {
                        *new = self.activate(0, input(0, unit) + own(0, unit));
                    }
                }
                RecurrentKind::Lstm { input_forget } => {
                    let c = &mut self.c[row * hidden..][..hidden];
                    for unit in 0..hidden {
                        let peephole = |which: usize| self.peephole[which * hidden + unit];
                        let sum = |gate: usize| input(gate, unit) + own(gate, unit);
                        let gate = |which: usize, x| {
                            activate(self.activations[which], clip(self.layer, x))
                        };
                        let i = gate(0, sum(0) + peephole(0) * c[unit]);
                        let f = if input_forget {
                            1.0 - i
                        } else {
                            gate(0, sum(2) + peephole(2) * c[unit])
                        };
                        let candidate = gate(1, sum(3));
                        c[unit] = (self.round)(f * c[unit] + i * candidate);
                        let o = gate(0, sum(1) + peephole(1) * c[unit]);
                        new[unit] = o * activate(self.activations[2], c[unit]);
                    }
                }
                RecurrentKind::Gru {
                    linear_before_reset,
                } => {
                    let reset: Vec<f64> = (0..hidden)
                        .map(|unit| self.activate(0, input(1, unit) + own(1, unit)))
                        .collect();
                    let gated: Vec<f64> = if linear_before_reset {
                        (0..hidden).map(|unit| reset[unit] * own(2, unit)).collect()
                    } else {
                        let kept: Vec<f64> = h.iter().zip(&reset).map(|(h, r)| h * r).collect();
                        let products = product(&self.r, &kept, 1, hidden, 1);
                        let at = |unit: usize| 2 * hidden + unit;
                        (0..hidden)
                            .map(|unit| products[at(unit)] + self.recurrent_bias[at(unit)])
                            .collect()
                    };
                    for unit in 0..hidden {
                        let update = self.activate(0, input(0, unit) + own(0, unit));
                        let candidate = self.activate(1, input(2, unit) + gated[unit]);
                        new[unit] = (1.0 - update) * candidate + update * h[unit];
                    }
                }
            }
            new.iter_mut().for_each(|h| *h = (self.round)(*h));
        }
        self.h = next_h;
    }

    fn activate(&self, which: usize, x: f64) -> f64 {
        activate(self.activations[which], clip(self.layer, x))
    }
}

fn clip(layer: &Recurrent, x: f64) -> f64 {
    match layer.clip {
        Some(clip) => x.max(-clip.get()).min(clip.get()),
        None => x,
    }
}

/// `rows · columnsᵀ` where columns are `[n, k]` row-major: `[m, n]`.
fn product(rows: &Rows<f64>, columns: &[f64], n: usize, k: usize, n_threads: usize) -> Vec<f64> {
    gemm(rows, n, n_threads, |first, panel| {
        for (p, slots) in panel.chunks_exact_mut(PANEL).enumerate() {
            for (j, slot) in slots.iter_mut().enumerate() {
                *slot = if first + j < n {
                    columns[(first + j) * k + p]
                } else {
                    0.0
                };
            }
        }
    })
}

fn activate(activation: Activation, x: f64) -> f64 {
    let (alpha, beta) = (activation.alpha.get(), activation.beta.get());
    match activation.kind {
        ActivationKind::Relu => x.max(0.0),
        ActivationKind::Tanh => x.tanh(),
        ActivationKind::Sigmoid => sigmoid(x),
        ActivationKind::Affine => alpha * x + beta,
        ActivationKind::LeakyRelu if x < 0.0 => alpha * x,
        ActivationKind::LeakyRelu => x,
        ActivationKind::ThresholdedRelu if x >= alpha => x,
        ActivationKind::ThresholdedRelu => 0.0,
        ActivationKind::ScaledTanh => alpha * (beta * x).tanh(),
        ActivationKind::HardSigmoid => (alpha * x + beta).clamp(0.0, 1.0),
        ActivationKind::Elu if x < 0.0 => alpha * x.exp_m1(),
        ActivationKind::Elu => x,
        ActivationKind::Softsign => x / (1.0 + x.abs()),
        ActivationKind::Softplus => softplus(x),
    }
}
