//! MultiHeadAttention of com.microsoft, and what the spellings of that domain share: projected operands, biases, masks.

use super::super::{Converted, OpEntry, ms};
use super::{
    HEADS, Made, Positions, ROWS, appended, bias_of, both, dims_of, fitted, head_count,
    merge_heads, part, scale_attr, scale_of, scores, softmax, split_heads, sum,
};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Tri};
use graphc_ir::ValueId;
use graphc_ir::op::BinaryOp;

pub(in super::super) const OPS: &[OpEntry] = &[ms("MultiHeadAttention", multi_head)];

/// What masked scores are filled with where the model does not say.
const FILTER: f32 = -10000.0;

/// What is added to the scores.
pub(super) struct Masking {
    /// Which keys count, by rank: lengths, `[batch, keys]`, `[batch, queries, keys]`.
    pub(super) padding: Option<ValueId>,
    /// Added as it is.
    pub(super) bias: Option<ValueId>,
    /// Whether a query sees no later key.
    pub(super) is_causal: bool,
    /// Added where a key does not count.
    pub(super) filter: f64,
}

impl Masking {
    /// Reads the attributes.
    pub(super) fn read(
        cx: &NodeCx<'_, '_>,
        padding: Option<ValueId>,
        bias: Option<ValueId>,
    ) -> Result<Self, ConvertError> {
        Ok(Self {
            padding,
            bias,
            is_causal: cx.flag("unidirectional", false)?,
            filter: f64::from(cx.float("mask_filter_value", FILTER)?),
        })
    }
}

/// Results of attention: values by query, and the scores before the softmax.
pub(super) struct Attended {
    /// `[batch, queries, heads · size]`.
    pub(super) y: ValueId,
    /// `[batch, heads, queries, keys]`.
    pub(super) scores: ValueId,
}

/// Attention of `[batch, heads, …, size]` operands, of which keys and values hold the past already.
pub(super) fn attend(
    cx: &mut NodeCx<'_, '_>,
    [q, k, v]: [ValueId; 3],
    n_past: &Dim,
    masking: &Masking,
    scale: Option<f32>,
) -> Result<Attended, ConvertError> {
    let [batch, n_heads, n_queries, _] = dims_of(cx, "query", q)?;
    let n_keys = cx.b.shape(k)?[ROWS].clone();
    let target = [batch, n_heads, n_queries, n_keys];
    let dtype = cx.b.dtype(q)?;
    let mut bias = match masking.padding {
        Some(mask) => {
            let counts = counting_keys(cx, mask, &target)?;
            Some(bias_of(cx, counts, dtype, masking.filter)?)
        }
        None => None,
    };
    if masking.is_causal {
        let is_seen = causal(cx, &target, n_past)?;
        // Whatever the filter is, later keys get no share.
        let filter = bias_of(cx, is_seen, dtype, f64::NEG_INFINITY)?;
        bias = sum(cx, bias, Some(filter))?;
    }
    let given = match masking.bias {
        Some(given) => Some(fitted(cx, given, &target)?),
        None => None,
    };
    let bias = sum(cx, bias, given)?;
    let scale = scale_of(cx, scale, q)?;
    let mut scores = scores(cx, q, k, scale)?;
    if let Some(bias) = bias {
        scores = cx.b.add(scores, bias)?;
    }
    let probabilities = softmax(cx, scores)?;
    let y = cx.b.matmul(probabilities, v)?;
    Ok(Attended {
        y: merge_heads(cx, y)?,
        scores,
    })
}

/// `bool[queries, keys]`: keys that are not later than the query. Where there are not as many new keys as queries, the
/// last query sees all, as in the kernels of that domain.
fn causal(cx: &mut NodeCx<'_, '_>, target: &[Dim; 4], n_past: &Dim) -> Made {
    let [_, _, n_queries, n_keys] = target;
    let Positions { queries, keys } = Positions::new(cx, n_queries, n_keys)?;
    let offset = cx.b.dim_scalar(n_past)?;
    let limit = cx.b.add(queries, offset)?;
    let is_seen = cx.b.binary(BinaryOp::LessEqual, keys, limit)?;
    let n_new = cx.b.dims().sub(n_keys, n_past);
    if cx.b.dims().eq(&n_new, n_queries) == Tri::Yes {
        return Ok(is_seen);
    }
    let last = cx.b.dims().sub(n_queries, &Dim::ONE);
    let last = cx.b.dim_scalar(&last)?;
    let is_last = cx.b.binary(BinaryOp::Equal, queries, last)?;
    Ok(cx.b.binary(BinaryOp::Or, is_seen, is_last)?)
}

/// `bool[…]` that broadcasts to the scores: which keys a mask lets count.
fn counting_keys(cx: &mut NodeCx<'_, '_>, mask: ValueId, target: &[Dim; 4]) -> Made {
    let [batch, _, _, n_keys] = target;
    let shape = cx.b.shape(mask)?;
    let zero = cx.zero_like(mask)?;
    match &shape[..] {
        [len] => lengths(cx, mask, len, batch, n_keys),
        [_, _] => {
            let rows = cx.b.unsqueeze(mask, &[1, 2])?;
            let counts = cx.b.binary(BinaryOp::Greater, rows, zero)?;
            fitted(cx, counts, target)
        }
        [_, _, _] => {
            let rows = cx.b.unsqueeze(mask, &[1])?;
            let counts = cx.b.binary(BinaryOp::Greater, rows, zero)?;
            fitted(cx, counts, target)
        }
        _ => Err(ConvertError::Unsupported(format!(
            "masks of rank {} are not supported",
            shape.len()
        ))),
    }
}

/// Keys before the end of their sample and, where there are twice as many numbers as samples, from its start on.
fn lengths(cx: &mut NodeCx<'_, '_>, mask: ValueId, len: &Dim, batch: &Dim, n_keys: &Dim) -> Made {
    let double = cx.b.dims().mul(batch, &Dim::constant(2));
    let has_starts = cx.b.dims().eq(len, &double) == Tri::Yes;
    if !has_starts && cx.b.dims().eq(len, batch) != Tri::Yes {
        return Err(ConvertError::Unsupported(format!(
            "a mask of {} numbers for {} samples is not supported",
            cx.b.dims().display(len),
            cx.b.dims().display(batch)
        )));
    }
    let mask = cx.int_vector(mask)?;
    let keys = cx.iota_along(DType::I64, n_keys, 3, 4)?;
    let bound = |cx: &mut NodeCx<'_, '_>, start: Dim| -> Made {
        let bound = part(cx, mask, 0, start, batch.clone())?;
        Ok(cx.b.unsqueeze(bound, &[1, 2, 3])?)
    };
    let ends = bound(cx, Dim::ZERO)?;
    let is_before = cx.b.binary(BinaryOp::Less, keys, ends)?;
    if !has_starts {
        return Ok(is_before);
    }
    let starts = bound(cx, batch.clone())?;
    let is_behind = cx.b.binary(BinaryOp::GreaterEqual, keys, starts)?;
    both(cx, Some(is_before), is_behind)
}

/// Operands of attention in the order that most spellings have them.
pub(super) struct Operands {
    pub(super) query: ValueId,
    pub(super) key: Option<ValueId>,
    pub(super) value: Option<ValueId>,
    /// For query, key and value one after another.
    pub(super) bias: Option<ValueId>,
}

/// Query, key and value as `[batch, heads, rows, size]`, biases added.
pub(super) struct Projected {
    pub(super) q: ValueId,
    pub(super) k: ValueId,
    pub(super) v: ValueId,
}

impl Operands {
    /// Takes packed operands apart. Keys and values of rank 4 are a cache of another attention and get no bias.
    pub(super) fn project(
        self,
        cx: &mut NodeCx<'_, '_>,
        n_heads: usize,
    ) -> Result<Projected, ConvertError> {
        let query_rank = cx.b.rank(self.query)?;
        let key_rank = match self.key {
            Some(key) => Some(cx.b.rank(key)?),
            None => None,
        };
        match (query_rank, key_rank, self.value) {
            (5, None, None) => {
                let [q, k, v] = unpacked(cx, self.query)?;
                self.biased(cx, n_heads, [q, k, v])
            }
            (3, Some(5), None) => {
                let [k, v] = unpacked(cx, self.key.unwrap_or(self.query))?;
                let query = self.query;
                self.biased(cx, n_heads, [query, k, v])
            }
            (3, Some(3), Some(value)) => {
                let (query, key) = (self.query, self.key.unwrap_or(value));
                self.biased(cx, n_heads, [query, key, value])
            }
            (3, Some(4), Some(v)) => {
                dims_of::<4>(cx, "value", v)?;
                let mut query = self.query;
                if let Some(bias) = self.bias {
                    let [_, _, hidden] = dims_of(cx, "query", query)?;
                    let bias = part(cx, bias, 0, Dim::ZERO, hidden)?;
                    query = cx.b.add(query, bias)?;
                }
                Ok(Projected {
                    q: split_heads(cx, "query", query, n_heads)?,
                    k: self.key.unwrap_or(v),
                    v,
                })
            }
            (rank, key_rank, value) => Err(ConvertError::Invalid(format!(
                "a query of rank {rank}, {} and {} value do not go together",
                key_rank.map_or("no key".into(), |rank| format!("a key of rank {rank}")),
                if value.is_some() { "a" } else { "no" }
            ))),
        }
    }

    /// Operands `[batch, rows, hidden]` with their parts of the bias, in heads.
    fn biased(
        self,
        cx: &mut NodeCx<'_, '_>,
        n_heads: usize,
        operands: [ValueId; 3],
    ) -> Result<Projected, ConvertError> {
        let mut start = Dim::ZERO;
        let mut made = Vec::with_capacity(3);
        for (what, mut x) in ["query", "key", "value"].into_iter().zip(operands) {
            if let Some(bias) = self.bias {
                let [_, _, hidden] = dims_of(cx, what, x)?;
                let bias = part(cx, bias, 0, start.clone(), hidden.clone())?;
                start = cx.b.dims().add(&start, &hidden);
                x = cx.b.add(x, bias)?;
            }
            made.push(split_heads(cx, what, x, n_heads)?);
        }
        Ok(Projected {
            q: made[0],
            k: made[1],
            v: made[2],
        })
    }
}

/// `[batch, rows, heads, N, size]` as N times `[batch, rows, heads · size]`.
fn unpacked<const N: usize>(
    cx: &mut NodeCx<'_, '_>,
    packed: ValueId,
) -> Result<[ValueId; N], ConvertError> {
    let [batch, rows, n_heads, n_parts, size] = dims_of(cx, "a packed operand", packed)?;
    if cx.b.dims().eq(&n_parts, &Dim::from(N)) != Tri::Yes {
        return Err(ConvertError::Invalid(format!(
            "a packed operand must have {N} parts on axis 3"
        )));
    }
    let hidden = cx.b.dims().mul(&n_heads, &size);
    let mut parts = [packed; N];
    for (part_idx, slot) in parts.iter_mut().enumerate() {
        let one = part(cx, packed, 3, Dim::from(part_idx), Dim::ONE)?;
        *slot =
            cx.b.reshape(one, vec![batch.clone(), rows.clone(), hidden.clone()])?;
    }
    Ok(parts)
}

fn multi_head(cx: &mut NodeCx<'_, '_>) -> Converted {
    let n_heads = head_count(cx, "num_heads")?;
    let scale = scale_attr(cx)?;
    if cx.opt(8).is_some() || cx.opt(9).is_some() {
        return Err(ConvertError::Unsupported(
            "past and present in one buffer are not supported".into(),
        ));
    }
    let masking = Masking::read(cx, cx.opt(4), cx.opt(5))?;
    let operands = Operands {
        query: cx.input(0)?,
        key: cx.opt(1),
        value: cx.opt(2),
        bias: cx.opt(3),
    };
    let past = [cx.opt(6), cx.opt(7)];
    with_past(cx, n_heads, operands, past, &masking, scale)
}

/// Attention over the past and the new rows: gives the result, both presents, and the scores.
pub(super) fn with_past(
    cx: &mut NodeCx<'_, '_>,
    n_heads: usize,
    operands: Operands,
    past: [Option<ValueId>; 2],
    masking: &Masking,
    scale: Option<f32>,
) -> Converted {
    let Projected { q, k, v } = operands.project(cx, n_heads)?;
    let [past_key, past_value] = past;
    if past_key.is_some() != past_value.is_some() {
        return Err(ConvertError::Invalid(
            "past_key and past_value come together".into(),
        ));
    }
    let n_past = match past_key {
        Some(past) => dims_of::<4>(cx, "past_key", past)?[ROWS].clone(),
        None => Dim::ZERO,
    };
    let k = appended(cx, past_key, k)?;
    let v = appended(cx, past_value, v)?;
    let n_key_heads = cx.b.shape(k)?[HEADS].clone();
    if cx.b.dims().eq(&n_key_heads, &Dim::from(n_heads)) == Tri::No {
        return Err(ConvertError::Invalid(format!(
            "the key has {} heads, num_heads is {n_heads}",
            cx.b.dims().display(&n_key_heads)
        )));
    }
    let attended = attend(cx, [q, k, v], &n_past, masking, scale)?;
    Ok(vec![attended.y, k, v, attended.scores])
}
