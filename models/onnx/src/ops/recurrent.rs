//! LSTM, GRU and RNN.

use super::quant::dynamic_quantize_of;
use super::{Converted, OpEntry, ms, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real};
use graphc_ir::ValueId;
use graphc_ir::op::{
    Activation, ActivationKind, Direction, Op, Recurrent, RecurrentKind, SliceAxis,
};

pub(super) const OPS: &[OpEntry] = &[
    onnx("GRU", |cx| {
        let linear_before_reset = cx.flag("linear_before_reset", false)?;
        layer(
            cx,
            RecurrentKind::Gru {
                linear_before_reset,
            },
        )
    }),
    onnx("LSTM", |cx| {
        let input_forget = cx.flag("input_forget", false)?;
        layer(cx, RecurrentKind::Lstm { input_forget })
    }),
    onnx("RNN", |cx| layer(cx, RecurrentKind::Plain)),
    ms("DynamicQuantizeLSTM", dynamic_quantize_lstm),
];

fn layer(cx: &mut NodeCx<'_, '_>, kind: RecurrentKind) -> Converted {
    let operands = [cx.input(0)?, cx.input(1)?, cx.input(2)?];
    layer_of(cx, kind, operands)
}

/// The layer of these input sequences, weights and recurrent weights, which operands 0 to 2 became.
fn layer_of(
    cx: &mut NodeCx<'_, '_>,
    kind: RecurrentKind,
    [mut x, w, r]: [ValueId; 3],
) -> Converted {
    cx.ignore(&["output_sequence"]);
    let direction = match cx.string("direction", "forward")?.as_str() {
        "forward" => Direction::Forward,
        "reverse" => Direction::Reverse,
        "bidirectional" => Direction::Bidirectional,
        other => {
            return Err(ConvertError::Invalid(format!(
                "direction {other} is unknown"
            )));
        }
    };
    let batch_first = cx.flag("layout", false)?;
    if batch_first {
        x = cx.b.transpose(x, vec![1, 0, 2])?;
    }
    let hidden = match cx.int_opt("hidden_size")? {
        Some(hidden) => operand::size("hidden_size", hidden)?,
        None => {
            cx.b.shape(r)?
                .last()
                .and_then(Dim::as_const)
                .and_then(|hidden| usize::try_from(hidden).ok())
                .ok_or_else(|| {
                    ConvertError::Unsupported("the hidden size is known at run time only".into())
                })?
        }
    };
    let is_lstm = matches!(kind, RecurrentKind::Lstm { .. });
    let (bias, lens, mut h0) = (cx.opt(3), cx.opt(4), cx.opt(5));
    let (mut c0, peephole) = if is_lstm {
        (cx.opt(6), cx.opt(7))
    } else {
        (None, None)
    };
    if batch_first {
        for state in [&mut h0, &mut c0].into_iter().flatten() {
            *state = cx.b.transpose(*state, vec![1, 0, 2])?;
        }
    }
    let op = Recurrent {
        kind,
        direction,
        hidden,
        activations: activations(cx, kind, direction)?,
        clip: cx
            .float_opt("clip")?
            .filter(|&clip| clip > 0.0)
            .map(Real::from),
        has_bias: bias.is_some(),
        has_lens: lens.is_some(),
        has_h0: h0.is_some(),
        has_c0: c0.is_some(),
        has_peephole: peephole.is_some(),
    };
    let mut operands = vec![x, w, r];
    operands.extend(bias);
    if let Some(lens) = lens {
        operands.push(cx.b.cast(lens, DType::I32)?);
    }
    operands.extend([h0, c0, peephole].into_iter().flatten());
    let mut outputs = cx.b.op(Op::Recurrent(Box::new(op)), &operands)?;
    // y is [T, D, B, H], the states [D, B, H]; batch-first layouts are [B, T, D, H] and [B, D, H].
    if batch_first {
        for (index, output) in outputs.iter_mut().enumerate() {
            let perm = if index == 0 {
                vec![2, 0, 1, 3]
            } else {
                vec![1, 0, 2]
            };
            *output = cx.b.transpose(*output, perm)?;
        }
    }
    Ok(outputs)
}

/// Weights are integers under `[directions, inputs, gates]`; inputs are quantised over their range at each run.
///
/// The hidden state of each step stays a float: onnxruntime quantises it too, which moves its results by less than a
/// step of that quantisation.
fn dynamic_quantize_lstm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let input_forget = cx.flag("input_forget", false)?;
    let x = cx.input(0)?;
    let quantized = dynamic_quantize_of(cx, x)?;
    let op = Op::Dequantize {
        axis: None,
        block: 0,
    };
    let x = cx.b.op1(op, &quantized)?;
    let w = quantized_weights(cx, 1, 8)?;
    let r = quantized_weights(cx, 2, 10)?;
    layer_of(cx, RecurrentKind::Lstm { input_forget }, [x, w, r])
}

/// Operand `at`, whose scales are operand `scale` and zero points the one behind: one per direction, or one per gate.
fn quantized_weights(
    cx: &mut NodeCx<'_, '_>,
    at: usize,
    scale: usize,
) -> Result<ValueId, ConvertError> {
    let (weights, scales, zero_points) = (cx.input(at)?, cx.input(scale)?, cx.input(scale + 1)?);
    let [n_directions, inputs, gates] = &cx.b.shape(weights)?[..] else {
        return Err(ConvertError::Invalid("weights must have rank 3".into()));
    };
    let Some(n_directions @ 1..=2) = n_directions.as_const() else {
        return Err(ConvertError::Invalid(
            "weights must be of one or two directions".into(),
        ));
    };
    let (inputs, gates) = (inputs.clone(), gates.clone());
    let is_per_gate = cx.b.rank(scales)? == 2;
    let mut directions = Vec::with_capacity(2);
    for direction in 0..n_directions {
        let mut one = |value: ValueId, shape: Vec<Dim>| -> Result<ValueId, ConvertError> {
            let entry = SliceAxis::range(Dim::constant(direction), Dim::ONE);
            let part = cx.b.slice_axis(value, 0, entry)?;
            Ok(cx.b.reshape(part, shape)?)
        };
        let per_gate: Vec<Dim> = is_per_gate.then(|| gates.clone()).into_iter().collect();
        let operands = [
            one(weights, vec![inputs.clone(), gates.clone()])?,
            one(scales, per_gate.clone())?,
            one(zero_points, per_gate)?,
        ];
        let op = Op::Dequantize {
            axis: is_per_gate.then_some(1),
            block: 0,
        };
        let real = cx.b.op1(op, &operands)?;
        let real = cx.b.transpose(real, vec![1, 0])?;
        directions.push(cx.b.unsqueeze(real, &[0])?);
    }
    Ok(cx.b.concat(&directions, 0)?)
}

fn activations(
    cx: &NodeCx<'_, '_>,
    kind: RecurrentKind,
    direction: Direction,
) -> Result<Vec<Activation>, ConvertError> {
    let n_expected = kind.n_activations() * direction.n_directions();
    let names = match cx.strings_opt("activations")? {
        Some(names) => names,
        None => {
            let cell: &[&str] = match kind {
                RecurrentKind::Plain => &["Tanh"],
                RecurrentKind::Gru { .. } => &["Sigmoid", "Tanh"],
                RecurrentKind::Lstm { .. } => &["Sigmoid", "Tanh", "Tanh"],
            };
            cell.iter()
                .cycle()
                .take(n_expected)
                .map(|&name| name.to_owned())
                .collect()
        }
    };
    if names.len() != n_expected {
        return Err(ConvertError::Invalid(format!(
            "{} activations, {n_expected} are needed",
            names.len()
        )));
    }
    let mut alphas = cx
        .floats_opt("activation_alpha")?
        .unwrap_or_default()
        .into_iter();
    let mut betas = cx
        .floats_opt("activation_beta")?
        .unwrap_or_default()
        .into_iter();
    names
        .iter()
        .map(|name| {
            // Parameters are listed for those functions alone that take them.
            let (kind, alpha, beta) = match name.to_ascii_lowercase().as_str() {
                "relu" => (ActivationKind::Relu, None, None),
                "tanh" => (ActivationKind::Tanh, None, None),
                "sigmoid" => (ActivationKind::Sigmoid, None, None),
                "softsign" => (ActivationKind::Softsign, None, None),
                "softplus" => (ActivationKind::Softplus, None, None),
                "affine" => (ActivationKind::Affine, Some(1.0), Some(0.0)),
                "scaledtanh" => (ActivationKind::ScaledTanh, Some(1.0), Some(1.0)),
                "hardsigmoid" => (ActivationKind::HardSigmoid, Some(0.2), Some(0.5)),
                "leakyrelu" => (ActivationKind::LeakyRelu, Some(0.01), None),
                "thresholdedrelu" => (ActivationKind::ThresholdedRelu, Some(1.0), None),
                "elu" => (ActivationKind::Elu, Some(1.0), None),
                _ => {
                    return Err(ConvertError::Unsupported(format!(
                        "activation {name} is unknown"
                    )));
                }
            };
            let given = |default: Option<f32>, list: &mut dyn Iterator<Item = f32>| {
                Real::from(default.map_or(0.0, |default| list.next().unwrap_or(default)))
            };
            Ok(Activation {
                kind,
                alpha: given(alpha, &mut alphas),
                beta: given(beta, &mut betas),
            })
        })
        .collect()
}
