//! GroupQueryAttention of com.microsoft: several heads of queries share one of keys and values, whose cache may hold
//! samples of different lengths.

use super::super::{Converted, OpEntry, ms};
use super::rotary::rotate;
use super::{
    HEADS, Made, Positions, ROWS, SIZE, bias_of, both, dims_of, fitted, head_count, merge_heads,
    part, repeat_heads, scale_attr, scale_of, scores, softcapped, softmax, split_heads, sum,
    without_empty_rows,
};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Real, Tri};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op};

pub(in super::super) const OPS: &[OpEntry] = &[ms("GroupQueryAttention", grouped)];

/// What the attributes say.
struct Attributes {
    n_heads: usize,
    n_kv_heads: usize,
    scale: Option<f32>,
    softcap: f32,
    is_causal: bool,
    /// How many keys a query sees, itself included.
    window: Option<i64>,
    has_rotary: bool,
    is_interleaved: bool,
    has_smooth_softmax: bool,
    /// Which scores result 3 shows: none, before the softmax with zeros where keys are not seen, after it.
    shown: i64,
}

impl Attributes {
    fn read(cx: &NodeCx<'_, '_>) -> Result<Self, ConvertError> {
        for name in ["k_quant_type", "v_quant_type"] {
            if cx.string(name, "NONE")? != "NONE" {
                return Err(ConvertError::Unsupported(
                    "quantised caches are not supported".into(),
                ));
            }
        }
        cx.ignore(&["kv_cache_bit_width"]);
        if cx.flag("sliding_window_cache", false)? {
            return Err(ConvertError::Unsupported(
                "caches of the size of the window are not supported".into(),
            ));
        }
        let unsupported = [(12, "k_scale"), (13, "v_scale"), (16, "query_seqlens")];
        if let Some((_, name)) = unsupported.iter().find(|(i, _)| cx.opt(*i).is_some()) {
            return Err(ConvertError::Unsupported(format!(
                "operand {name} is not supported"
            )));
        }
        let is_causal = cx.flag("causal", true)?;
        let window = Some(cx.int("local_window_size", -1)?).filter(|&window| window > 0);
        if window.is_some() && !is_causal {
            return Err(ConvertError::Invalid(
                "local_window_size needs a causal mask".into(),
            ));
        }
        let shown = cx.int("qk_output", 0)?;
        if !(0..=2).contains(&shown) {
            return Err(ConvertError::Invalid(format!(
                "qk_output must be 0, 1 or 2, is {shown}"
            )));
        }
        Ok(Self {
            n_heads: head_count(cx, "num_heads")?,
            n_kv_heads: head_count(cx, "kv_num_heads")?,
            scale: scale_attr(cx)?,
            softcap: cx.float("softcap", 0.0)?,
            is_causal,
            window,
            has_rotary: cx.flag("do_rotary", false)?,
            is_interleaved: cx.flag("rotary_interleaved", false)?,
            has_smooth_softmax: cx.int("smooth_softmax", -1)? == 1,
            shown,
        })
    }
}

/// Where the rows of each sample lie. `i64[batch, 1, 1, 1]` both.
struct Lengths {
    /// Rows that are there before the new ones.
    past: ValueId,
    /// Rows that are there with the new ones.
    total: ValueId,
}

impl Lengths {
    fn new(cx: &mut NodeCx<'_, '_>, n_new: &Dim, n_total: &Dim) -> Result<Self, ConvertError> {
        let last = cx.input(5)?;
        let last = cx.b.cast(last, DType::I64)?;
        let batch = cx.numel(last)?;
        let last =
            cx.b.reshape(last, vec![batch, Dim::ONE, Dim::ONE, Dim::ONE])?;
        let one = cx.int_const(1);
        let total = cx.b.add(last, one)?;
        let new = cx.b.dim_scalar(n_new)?;
        let before = cx.b.sub(total, new)?;
        let zero = cx.int_const(0);
        // A prompt is as long as the whole, and shorter samples of it are padded.
        let past = match cx.b.dims().eq(n_new, n_total) {
            Tri::Yes => {
                let shape = cx.b.shape(total)?;
                cx.b.expand(zero, shape)?
            }
            Tri::No => before,
            Tri::Unknown => {
                let n_total = cx.b.dim_scalar(n_total)?;
                let is_prompt = cx.b.binary(BinaryOp::Equal, new, n_total)?;
                cx.b.select(is_prompt, zero, before)?
            }
        };
        Ok(Self { past, total })
    }
}

fn grouped(cx: &mut NodeCx<'_, '_>) -> Converted {
    let attributes = Attributes::read(cx)?;
    let [q, k, v] = operands(cx, &attributes)?;
    let [q, k] = normalised(cx, [q, k])?;
    let [batch, _, n_new, _] = dims_of(cx, "query", q)?;
    let n_total = cx.input(6)?;
    let n_total = cx.size_of(n_total, "total_sequence_length")?;
    let lengths = Lengths::new(cx, &n_new, &n_total)?;
    let [q, k] = if attributes.has_rotary {
        turned(cx, [q, k], &n_new, &lengths, attributes.is_interleaved)?
    } else {
        [q, k]
    };
    let (past_key, past_value) = (cx.opt(3), cx.opt(4));
    if past_key.is_some() != past_value.is_some() {
        return Err(ConvertError::Invalid(
            "past_key and past_value come together".into(),
        ));
    }
    let key = present(cx, past_key, k, &n_total, &lengths)?;
    let value = present(cx, past_value, v, &n_total, &lengths)?;
    let n_keys = cx.b.shape(key)?[ROWS].clone();
    let heads = Dim::from(attributes.n_heads);
    let target = [batch, heads.clone(), n_new.clone(), n_keys.clone()];

    let dtype = cx.b.dtype(q)?;
    let seen = seen(cx, &attributes, &n_new, &n_keys, &lengths)?;
    let filter = bias_of(cx, seen, dtype, f64::NEG_INFINITY)?;
    let bias = match cx.opt(10) {
        Some(bias) => Some(given_bias(cx, bias, &target)?),
        None => None,
    };
    let bias = sum(cx, bias, Some(filter))?;
    let scale = scale_of(cx, attributes.scale, q)?;
    let keys = repeat_heads(cx, key, &heads)?;
    let values = repeat_heads(cx, value, &heads)?;
    let raw = scores(cx, q, keys, scale)?;
    let mut biased = softcapped(cx, raw, attributes.softcap)?;
    if let Some(bias) = bias {
        biased = cx.b.add(biased, bias)?;
    }
    let mut probabilities = probabilities(cx, &attributes, biased, &target)?;
    if attributes.window.is_some() {
        // Padding far behind its sample has no key in the window.
        probabilities = without_empty_rows(cx, probabilities, filter)?;
    }
    let y = cx.b.matmul(probabilities, values)?;
    let y = merge_heads(cx, y)?;
    let mut outputs = vec![y, key, value];
    if attributes.shown > 0 {
        let shown = if attributes.shown == 1 {
            let zero = cx.zero_like(biased)?;
            cx.b.select(seen, biased, zero)?
        } else {
            probabilities
        };
        outputs.push(part(cx, shown, SIZE, Dim::ZERO, n_total)?);
    }
    Ok(outputs)
}

/// Query, key and value in heads; they may come as one operand, side by side.
fn operands(
    cx: &mut NodeCx<'_, '_>,
    attributes: &Attributes,
) -> Result<[ValueId; 3], ConvertError> {
    let Attributes {
        n_heads,
        n_kv_heads,
        ..
    } = *attributes;
    let query = cx.input(0)?;
    match (cx.opt(1), cx.opt(2)) {
        (Some(key), Some(value)) => Ok([
            split_heads(cx, "query", query, n_heads)?,
            split_heads(cx, "key", key, n_kv_heads)?,
            split_heads(cx, "value", value, n_kv_heads)?,
        ]),
        (None, None) => {
            let all = split_heads(cx, "query", query, n_heads + 2 * n_kv_heads)?;
            let (n_query, n_kv) = (Dim::from(n_heads), Dim::from(n_kv_heads));
            let value_start = Dim::from(n_heads + n_kv_heads);
            Ok([
                part(cx, all, HEADS, Dim::ZERO, n_query.clone())?,
                part(cx, all, HEADS, n_query, n_kv.clone())?,
                part(cx, all, HEADS, value_start, n_kv)?,
            ])
        }
        _ => Err(ConvertError::Invalid("key and value come together".into())),
    }
}

/// Each head of queries and keys normalised, where there are weights for that.
fn normalised(
    cx: &mut NodeCx<'_, '_>,
    operands: [ValueId; 2],
) -> Result<[ValueId; 2], ConvertError> {
    let epsilon = cx.float("qk_norm_epsilon", 1e-6)?;
    let epsilons = [
        cx.float("q_norm_epsilon", epsilon)?,
        cx.float("k_norm_epsilon", epsilon)?,
    ];
    let (Some(q_weight), Some(k_weight)) = (cx.opt(14), cx.opt(15)) else {
        if cx.opt(14).is_some() || cx.opt(15).is_some() {
            return Err(ConvertError::Invalid(
                "q_norm_weight and k_norm_weight come together".into(),
            ));
        }
        return Ok(operands);
    };
    let mut made = operands;
    for ((x, weight), epsilon) in made.iter_mut().zip([q_weight, k_weight]).zip(epsilons) {
        let op = Op::RmsNorm {
            axis: SIZE,
            epsilon: Real::from(epsilon),
        };
        *x = cx.b.op1(op, &[*x, weight])?;
    }
    Ok(made)
}

/// Queries and keys turned by their positions: those given, else counted on from what is there.
fn turned(
    cx: &mut NodeCx<'_, '_>,
    [q, k]: [ValueId; 2],
    n_new: &Dim,
    lengths: &Lengths,
    is_interleaved: bool,
) -> Result<[ValueId; 2], ConvertError> {
    let positions = match cx.opt(9) {
        Some(positions) => {
            dims_of::<2>(cx, "position_ids", positions)?;
            cx.b.cast(positions, DType::I64)?
        }
        None => {
            let rows = cx.iota_along(DType::I64, n_new, 1, 2)?;
            let past = cx.b.squeeze(lengths.past, &[2, 3])?;
            cx.b.add(rows, past)?
        }
    };
    let mut caches = [cx.input(7)?, cx.input(8)?];
    for cache in &mut caches {
        dims_of::<2>(cx, "a cache of cosines or sines", *cache)?;
        let rows = cx.b.gather(*cache, positions, 0)?;
        *cache = cx.b.unsqueeze(rows, &[HEADS])?;
    }
    let [cos, sin] = caches;
    Ok([
        rotate(cx, q, cos, sin, is_interleaved)?,
        rotate(cx, k, cos, sin, is_interleaved)?,
    ])
}

/// The cache with the new rows of each sample behind those that it holds, and zeros behind them.
fn present(
    cx: &mut NodeCx<'_, '_>,
    past: Option<ValueId>,
    new: ValueId,
    n_total: &Dim,
    lengths: &Lengths,
) -> Made {
    let [batch, n_heads, n_new, _] = dims_of(cx, "key or value", new)?;
    let (source, n_past) = match past {
        Some(past) => {
            let n_past = dims_of::<4>(cx, "past", past)?[ROWS].clone();
            (cx.b.concat(&[past, new], ROWS)?, n_past)
        }
        None => (new, Dim::ZERO),
    };
    let n_rows = cx.b.dims().max(&n_past, n_total);
    if past.is_none() && cx.b.dims().eq(&n_new, &n_rows) == Tri::Yes {
        return Ok(new);
    }
    let rows = cx.iota_along(DType::I64, &n_rows, 2, 4)?;
    let is_old = cx.b.binary(BinaryOp::Less, rows, lengths.past)?;
    let into_new = cx.b.sub(rows, lengths.past)?;
    let n_new = cx.b.dim_scalar(&n_new)?;
    let is_new = cx.b.binary(BinaryOp::Less, into_new, n_new)?;
    let n_past = cx.b.dim_scalar(&n_past)?;
    let behind_past = cx.b.add(into_new, n_past)?;
    let zero = cx.int_const(0);
    let is_new_at = cx.b.select(is_new, behind_past, zero)?;
    let at = cx.b.select(is_old, rows, is_new_at)?;
    let at = cx.b.expand(at, vec![batch, n_heads, n_rows, Dim::ONE])?;
    let found = cx.b.op1(Op::GatherNd { batch_dims: 2 }, &[source, at])?;
    let zero = cx.zero_like(found)?;
    Ok(cx.b.select(is_new, found, zero)?)
}

/// `bool[batch, 1, queries, keys]`: keys that a query sees.
fn seen(
    cx: &mut NodeCx<'_, '_>,
    attributes: &Attributes,
    n_new: &Dim,
    n_keys: &Dim,
    lengths: &Lengths,
) -> Made {
    let Positions { queries, keys } = Positions::new(cx, n_new, n_keys)?;
    let is_there = cx.b.binary(BinaryOp::Less, keys, lengths.total)?;
    if !attributes.is_causal {
        return Ok(is_there);
    }
    let at = cx.b.add(queries, lengths.past)?;
    let is_before = cx.b.binary(BinaryOp::LessEqual, keys, at)?;
    let seen = both(cx, Some(is_there), is_before)?;
    let Some(window) = attributes.window else {
        return Ok(seen);
    };
    let window = cx.int_const(window);
    let beyond = cx.b.sub(at, window)?;
    let is_near = cx.b.binary(BinaryOp::Greater, keys, beyond)?;
    both(cx, Some(seen), is_near)
}

/// A bias for the keys of all samples together; a cache may have rows behind those.
fn given_bias(cx: &mut NodeCx<'_, '_>, bias: ValueId, target: &[Dim; 4]) -> Made {
    let [_, _, _, last] = dims_of(cx, "attention_bias", bias)?;
    let missing = cx.b.dims().sub(&target[SIZE], &last);
    if missing == Dim::ZERO {
        return fitted(cx, bias, target);
    }
    let zero = cx.zero_like(bias)?;
    let op = Op::Pad {
        mode: graphc_ir::op::PadMode::Constant,
        before: vec![Dim::ZERO; 4],
        after: vec![Dim::ZERO, Dim::ZERO, Dim::ZERO, missing],
    };
    let padded = cx.b.op1(op, &[bias, zero])?;
    fitted(cx, padded, target)
}

/// Softmax along the keys, with one more key of no value where the model has a sink: one per head, or 0 for all.
fn probabilities(
    cx: &mut NodeCx<'_, '_>,
    attributes: &Attributes,
    scores: ValueId,
    target: &[Dim; 4],
) -> Made {
    let sink = match cx.opt(11) {
        Some(sink) => Some(cx.b.reshape(
            sink,
            vec![Dim::ONE, target[HEADS].clone(), Dim::ONE, Dim::ONE],
        )?),
        None if attributes.has_smooth_softmax => {
            let zero = cx.zero_like(scores)?;
            Some(cx.b.reshape(zero, vec![Dim::ONE; 4])?)
        }
        None => None,
    };
    let Some(sink) = sink else {
        return softmax(cx, scores);
    };
    let mut shape = target.to_vec();
    shape[SIZE] = Dim::ONE;
    let sink = cx.b.expand(sink, shape)?;
    let with_sink = cx.b.concat(&[scores, sink], SIZE)?;
    let all = softmax(cx, with_sink)?;
    part(cx, all, SIZE, Dim::ZERO, target[SIZE].clone())
}
