//! Recurrent layers: ONNX LSTM, GRU and RNN.
//!
//! One row of one direction at a time, all in `f64`; results are rounded where they are stored.

use super::element::Number;
use super::gather::{fail, integer};
use super::{Call, KernelError};
use crate::spec::{BoundArg, BoundSpec, Kernel};
use crate::with_float;
use bytemuck::Pod;
use graphc_base::DType;
use graphc_base::attrs::{Activation, ActivationKind, Direction, Recurrent, RecurrentKind};

/// The elements of an operand.
pub(super) fn elements<'b, T: Pod>(
    spec: &BoundSpec,
    arg: &BoundArg,
    bytes: &'b [u8],
) -> Result<&'b [T], KernelError> {
    bytes
        .get(..arg.byte_len())
        .and_then(|bytes| bytemuck::try_cast_slice(bytes).ok())
        .ok_or_else(|| fail(spec, "a buffer is misaligned for its dtype"))
}

/// The elements of a result.
pub(super) fn elements_mut<'b, T: Pod>(
    spec: &BoundSpec,
    arg: &BoundArg,
    bytes: &'b mut [u8],
) -> Result<&'b mut [T], KernelError> {
    bytes
        .get_mut(..arg.byte_len())
        .and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok())
        .ok_or_else(|| fail(spec, "a buffer is misaligned for its dtype"))
}

/// Scratch as words.
pub(super) fn words<'s, T: Pod>(
    spec: &BoundSpec,
    scratch: &'s mut [u8],
    n_words: usize,
) -> Result<&'s mut [T], KernelError> {
    n_words
        .checked_mul(size_of::<T>())
        .and_then(|n_bytes| scratch.get_mut(..n_bytes))
        .and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok())
        .ok_or_else(|| fail(spec, "scratch is too small"))
}

/// Words of scratch for a hidden size: h, c, the next h, and the gates.
const ROWS: usize = 7;

/// Bytes of scratch that [`recurrent`] needs.
pub(super) fn recurrent_scratch(spec: &BoundSpec) -> usize {
    match (&spec.kernel, spec.outputs.first()) {
        (Kernel::Recurrent(_), Some(y)) => {
            let hidden = y.shape.last().copied().unwrap_or(0);
            hidden.saturating_mul(ROWS * size_of::<f64>())
        }
        _ => 0,
    }
}

/// Positions of the operands, and sizes.
struct Layout {
    bias: Option<usize>,
    lens: Option<usize>,
    h0: Option<usize>,
    c0: Option<usize>,
    peephole: Option<usize>,
    n_steps: usize,
    n_rows: usize,
    n_features: usize,
    n_gates: usize,
    hidden: usize,
}

/// Operands and results as [`Recurrent`] says.
pub(super) fn recurrent(call: &mut Call<'_, '_>, layer: &Recurrent) -> Result<(), KernelError> {
    let is_lstm = matches!(layer.kind, RecurrentKind::Lstm { .. });
    call.plain(3..=8, 2 + usize::from(is_lstm))?;
    let layout = layout(call, layer, is_lstm)?;
    with_float!(
        call.spec.inputs[0].dtype,
        T => run::<T>(call, layer, &layout),
        else Err(call.error(format!("does not compute in {}", call.spec.inputs[0].dtype)))
    )
}

fn layout(call: &Call<'_, '_>, layer: &Recurrent, is_lstm: bool) -> Result<Layout, KernelError> {
    let mut next = 3;
    let mut place = |is_there: bool| {
        is_there.then(|| {
            next += 1;
            next - 1
        })
    };
    let bias = place(layer.has_bias);
    let lens = place(layer.has_lens);
    let h0 = place(layer.has_h0);
    let c0 = place(layer.has_c0);
    let peephole = place(layer.has_peephole);
    let spec = call.spec;
    call.ensure(
        next == spec.inputs.len(),
        "operands are not those that its attributes name",
    )?;
    call.ensure(
        is_lstm || (c0.is_none() && peephole.is_none()),
        "only an LSTM has a cell state",
    )?;
    let &[n_steps, n_rows, n_features] = spec.inputs[0].shape.as_slice() else {
        return Err(call.error("x is not of rank 3"));
    };
    let n_directions = layer.direction.n_directions();
    let (n_gates, hidden) = (layer.kind.n_gates(), layer.hidden);
    let Some(gate_rows) = n_gates
        .checked_mul(hidden)
        .filter(|&rows| rows <= usize::MAX / 2)
    else {
        return Err(call.error("hidden size overflows"));
    };
    let is = |arg: &BoundArg, shape: &[usize]| arg.shape.as_slice() == shape;
    let state = [n_directions, n_rows, hidden];
    call.ensure(
        is(&spec.inputs[1], &[n_directions, gate_rows, n_features])
            && is(&spec.inputs[2], &[n_directions, gate_rows, hidden])
            && bias.is_none_or(|at| is(&spec.inputs[at], &[n_directions, 2 * gate_rows]))
            && lens.is_none_or(|at| is(&spec.inputs[at], &[n_rows]))
            && h0.is_none_or(|at| is(&spec.inputs[at], &state))
            && c0.is_none_or(|at| is(&spec.inputs[at], &state))
            && peephole.is_none_or(|at| is(&spec.inputs[at], &[n_directions, 3 * hidden]))
            && is(&spec.outputs[0], &[n_steps, n_directions, n_rows, hidden])
            && spec.outputs[1..].iter().all(|arg| is(arg, &state)),
        "operands and results do not fit one another",
    )?;
    call.ensure(
        layer.activations.len() == n_directions * layer.kind.n_activations(),
        "activations are not as many as its cells need",
    )?;
    let dtype = spec.inputs[0].dtype;
    let mut floats = (spec.inputs.iter().enumerate())
        .filter(|&(at, _)| Some(at) != lens)
        .map(|(_, arg)| arg)
        .chain(&spec.outputs);
    call.ensure(
        floats.all(|arg| arg.dtype == dtype),
        "operands differ in dtype",
    )?;
    call.ensure(
        lens.is_none_or(|at| matches!(spec.inputs[at].dtype, DType::I32 | DType::I64)),
        "lengths are neither i32 nor i64",
    )?;
    Ok(Layout {
        bias,
        lens,
        h0,
        c0,
        peephole,
        n_steps,
        n_rows,
        n_features,
        n_gates,
        hidden,
    })
}

fn activate(function: &Activation, x: f64) -> f64 {
    let (alpha, beta) = (function.alpha.get(), function.beta.get());
    match function.kind {
        ActivationKind::Relu if x < 0.0 => 0.0,
        ActivationKind::Relu => x,
        ActivationKind::Tanh => x.tanh(),
        ActivationKind::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        ActivationKind::Affine => alpha * x + beta,
        ActivationKind::LeakyRelu if x < 0.0 => alpha * x,
        ActivationKind::LeakyRelu => x,
        ActivationKind::ThresholdedRelu if x < alpha => 0.0,
        ActivationKind::ThresholdedRelu => x,
        ActivationKind::ScaledTanh => alpha * (beta * x).tanh(),
        ActivationKind::HardSigmoid => (alpha * x + beta).clamp(0.0, 1.0),
        ActivationKind::Elu if x < 0.0 => alpha * x.exp_m1(),
        ActivationKind::Elu => x,
        ActivationKind::Softsign => x / (1.0 + x.abs()),
        ActivationKind::Softplus => {
            x.max(0.0) + (-x.abs()).exp().ln_1p() + if x.is_nan() { x } else { 0.0 }
        }
    }
}

/// The weights of one direction.
struct Cell<'a, T> {
    w: &'a [T],
    r: &'a [T],
    /// Input biases, then recurrent biases.
    bias: Option<&'a [T]>,
    /// Input, output and forget gate.
    peephole: Option<&'a [T]>,
    activations: &'a [Activation],
    clip: f64,
    n_features: usize,
    n_gates: usize,
    hidden: usize,
}

impl<T: Number> Cell<'_, T> {
    fn of_input(&self, gate_row: usize, x: &[T]) -> f64 {
        let weights = &self.w[gate_row * self.n_features..][..self.n_features];
        let sum: f64 = weights
            .iter()
            .zip(x)
            .map(|(w, x)| w.to_f64() * x.to_f64())
            .sum();
        sum + self.bias.map_or(0.0, |bias| bias[gate_row].to_f64())
    }

    fn of_hidden(&self, gate_row: usize, h: &[f64]) -> f64 {
        let weights = &self.r[gate_row * self.hidden..][..self.hidden];
        weights.iter().zip(h).map(|(r, h)| r.to_f64() * h).sum()
    }

    fn hidden_bias(&self, gate_row: usize) -> f64 {
        let n_rows = self.n_gates * self.hidden;
        self.bias
            .map_or(0.0, |bias| bias[n_rows + gate_row].to_f64())
    }

    /// Input and recurrent part of a gate, before peephole and clip.
    fn gate(&self, gate_row: usize, x: &[T], h: &[f64]) -> f64 {
        self.of_input(gate_row, x) + self.of_hidden(gate_row, h) + self.hidden_bias(gate_row)
    }

    fn peephole(&self, row: usize) -> f64 {
        self.peephole.map_or(0.0, |weights| weights[row].to_f64())
    }

    fn activate(&self, function: usize, x: f64) -> f64 {
        // NaN stays: `clamp` keeps it.
        activate(&self.activations[function], x.clamp(-self.clip, self.clip))
    }

    fn plain(&self, x: &[T], h: &mut [f64], next: &mut [f64]) {
        for unit in 0..self.hidden {
            next[unit] = self.activate(0, self.gate(unit, x, h));
        }
        h.copy_from_slice(next);
    }

    fn gru(
        &self,
        linear_before_reset: bool,
        x: &[T],
        h: &mut [f64],
        next: &mut [f64],
        gates: &mut [f64],
    ) {
        let hidden = self.hidden;
        let (update, gates) = gates.split_at_mut(hidden);
        let (reset, reset_h) = gates.split_at_mut(hidden);
        for unit in 0..hidden {
            update[unit] = self.activate(0, self.gate(unit, x, h));
            reset[unit] = self.activate(0, self.gate(hidden + unit, x, h));
            reset_h[unit] = reset[unit] * h[unit];
        }
        for unit in 0..hidden {
            let row = 2 * hidden + unit;
            let recurrent = if linear_before_reset {
                reset[unit] * (self.of_hidden(row, h) + self.hidden_bias(row))
            } else {
                self.of_hidden(row, reset_h) + self.hidden_bias(row)
            };
            let candidate = self.activate(1, self.of_input(row, x) + recurrent);
            next[unit] = (1.0 - update[unit]) * candidate + update[unit] * h[unit];
        }
        h.copy_from_slice(next);
    }

    fn lstm(&self, input_forget: bool, x: &[T], h: &mut [f64], c: &mut [f64], next: &mut [f64]) {
        let hidden = self.hidden;
        for unit in 0..hidden {
            let old = c[unit];
            let input = self.activate(0, self.gate(unit, x, h) + self.peephole(unit) * old);
            let forget = if input_forget {
                1.0 - input
            } else {
                let row = 2 * hidden + unit;
                self.activate(0, self.gate(row, x, h) + self.peephole(row) * old)
            };
            let candidate = self.activate(1, self.gate(3 * hidden + unit, x, h));
            let new = forget * old + input * candidate;
            let row = hidden + unit;
            let output = self.activate(0, self.gate(row, x, h) + self.peephole(row) * new);
            c[unit] = new;
            next[unit] = output * activate(&self.activations[2], new);
        }
        h.copy_from_slice(next);
    }
}

fn run<T: Number>(
    call: &mut Call<'_, '_>,
    layer: &Recurrent,
    layout: &Layout,
) -> Result<(), KernelError> {
    let (spec, inputs) = (call.spec, call.inputs);
    let operand = |at: usize| elements::<T>(spec, &spec.inputs[at], inputs[at]);
    let given = |at: Option<usize>| at.map(operand).transpose();
    let (x, w, r) = (operand(0)?, operand(1)?, operand(2)?);
    let (bias, h0, c0) = (given(layout.bias)?, given(layout.h0)?, given(layout.c0)?);
    let peephole = given(layout.peephole)?;
    let (hidden, n_rows, n_features) = (layout.hidden, layout.n_rows, layout.n_features);
    let mut outputs = call.outputs.iter_mut().zip(&spec.outputs);
    let mut result = || match outputs.next() {
        Some((bytes, arg)) => elements_mut::<T>(spec, arg, bytes).map(Some),
        None => Ok(None),
    };
    let (Some(y), Some(last_h), mut last_c) = (result()?, result()?, result()?) else {
        return Err(fail(spec, "results are missing"));
    };
    y.fill(T::from_f64(0.0));
    if hidden == 0 || n_rows == 0 {
        return Ok(());
    }
    let words = words::<f64>(spec, call.scratch, hidden.saturating_mul(ROWS))?;
    let (h, words) = words.split_at_mut(hidden);
    let (c, words) = words.split_at_mut(hidden);
    let (next, gates) = words.split_at_mut(hidden);

    let n_directions = layer.direction.n_directions();
    let gate_rows = layout.n_gates * hidden;
    let n_activations = layer.kind.n_activations();
    for direction in 0..n_directions {
        let cell = Cell {
            w: &w[direction * gate_rows * n_features..][..gate_rows * n_features],
            r: &r[direction * gate_rows * hidden..][..gate_rows * hidden],
            bias: bias.map(|bias| &bias[direction * 2 * gate_rows..][..2 * gate_rows]),
            peephole: peephole.map(|weights| &weights[direction * 3 * hidden..][..3 * hidden]),
            activations: &layer.activations[direction * n_activations..][..n_activations],
            clip: layer
                .clip
                .map(|clip| clip.get().abs())
                .filter(|clip| !clip.is_nan())
                .unwrap_or(f64::INFINITY),
            n_features,
            n_gates: layout.n_gates,
            hidden,
        };
        let backwards = layer.direction == Direction::Reverse || direction == 1;
        for row in 0..n_rows {
            let len = match layout.lens {
                Some(at) => {
                    let len = integer(inputs[at], spec.inputs[at].dtype, row);
                    usize::try_from(len)
                        .ok()
                        .filter(|&len| len <= layout.n_steps)
                        .ok_or_else(|| {
                            fail(
                                spec,
                                format!(
                                    "length {len} is out of range for {} steps",
                                    layout.n_steps
                                ),
                            )
                        })?
                }
                None => layout.n_steps,
            };
            let state = (direction * n_rows + row) * hidden;
            for unit in 0..hidden {
                h[unit] = h0.map_or(0.0, |h0| h0[state + unit].to_f64());
                c[unit] = c0.map_or(0.0, |c0| c0[state + unit].to_f64());
            }
            for step in 0..len {
                let time = if backwards { len - 1 - step } else { step };
                let x = &x[(time * n_rows + row) * n_features..][..n_features];
                match layer.kind {
                    RecurrentKind::Plain => cell.plain(x, h, next),
                    RecurrentKind::Gru {
                        linear_before_reset,
                    } => {
                        cell.gru(linear_before_reset, x, h, next, gates);
                    }
                    RecurrentKind::Lstm { input_forget } => cell.lstm(input_forget, x, h, c, next),
                }
                let at = ((time * n_directions + direction) * n_rows + row) * hidden;
                for unit in 0..hidden {
                    y[at + unit] = T::from_f64(h[unit]);
                }
            }
            for unit in 0..hidden {
                last_h[state + unit] = T::from_f64(h[unit]);
                if let Some(last_c) = &mut last_c {
                    last_c[state + unit] = T::from_f64(c[unit]);
                }
            }
        }
    }
    Ok(())
}
