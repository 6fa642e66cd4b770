//! Attention of ai.onnx.

use super::super::{Converted, OpEntry, onnx};
use super::{
    HEADS, Made, Positions, ROWS, appended, bias_of, both, fitted, merge_heads, repeat_heads,
    scale_of, scores, softcapped, softmax, split_heads, sum, without_empty_rows,
};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Tri};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, PadMode};

pub(in super::super) const OPS: &[OpEntry] = &[onnx("Attention", attention)];

/// Which keys a query sees besides what a mask says.
struct Sight {
    is_causal: bool,
    /// How far back, and how far ahead; `None` is without end.
    window: [Option<i64>; 2],
}

impl Sight {
    fn read(cx: &NodeCx<'_, '_>) -> Result<Self, ConvertError> {
        let mut window = [None; 2];
        if cx.opset() >= 25 {
            for (side, name) in window
                .iter_mut()
                .zip(["left_window_size", "right_window_size"])
            {
                *side = match cx.int(name, -1)? {
                    -1 => None,
                    size if size >= 0 => Some(size),
                    size => {
                        return Err(ConvertError::Invalid(format!(
                            "{name} must be -1 or more, is {size}"
                        )));
                    }
                };
            }
        }
        Ok(Self {
            is_causal: cx.flag("is_causal", false)?,
            window,
        })
    }

    /// Bounds of `key - query`, both counted from the first key: least and most.
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let most = match (self.is_causal, self.window[1]) {
            (true, _) => Some(0),
            (false, ahead) => ahead,
        };
        (self.window[0].map(|back| -back), most)
    }

    /// `bool[…, queries, keys]`, where there is any bound; `offset` is the position of the first query among the keys.
    fn allowed(
        &self,
        cx: &mut NodeCx<'_, '_>,
        n_queries: &Dim,
        n_keys: &Dim,
        offset: Option<ValueId>,
    ) -> Result<Option<ValueId>, ConvertError> {
        let (least, most) = self.bounds();
        if least.is_none() && most.is_none() {
            return Ok(None);
        }
        let Positions { mut queries, keys } = Positions::new(cx, n_queries, n_keys)?;
        if let Some(offset) = offset {
            queries = cx.b.add(queries, offset)?;
        }
        let mut allowed = None;
        for (bound, op) in [(least, BinaryOp::GreaterEqual), (most, BinaryOp::LessEqual)] {
            let Some(bound) = bound else { continue };
            let limit = if bound == 0 {
                queries
            } else {
                let bound = cx.int_const(bound);
                cx.b.add(queries, bound)?
            };
            let within = cx.b.binary(op, keys, limit)?;
            allowed = Some(both(cx, allowed, within)?);
        }
        Ok(allowed)
    }
}

fn attention(cx: &mut NodeCx<'_, '_>) -> Converted {
    let sight = Sight::read(cx)?;
    let mode = cx.int("qk_matmul_output_mode", 0)?;
    if !(0..=3).contains(&mode) {
        return Err(ConvertError::Invalid(format!(
            "qk_matmul_output_mode must be 0 to 3, is {mode}"
        )));
    }
    let cap = cx.float("softcap", 0.0)?;
    let given_scale = cx.float_opt("scale")?;
    let precision = cx.dtype_opt("softmax_precision")?;
    let (q, k, v, is_flat) = operands(cx)?;
    let dtype = cx.b.dtype(q)?;
    let (past_key, past_value) = (cx.opt(4), cx.opt(5));
    if past_key.is_some() != past_value.is_some() {
        return Err(ConvertError::Invalid(
            "past_key and past_value come together".into(),
        ));
    }
    let lens = cx.opt(6);
    if lens.is_some() && past_key.is_some() {
        return Err(ConvertError::Invalid(
            "nonpad_kv_seqlen and past_key exclude each other".into(),
        ));
    }
    let present_key = appended(cx, past_key, k)?;
    let present_value = appended(cx, past_value, v)?;
    let query_shape = cx.b.shape(q)?;
    let n_queries = query_shape[ROWS].clone();
    let n_keys = cx.b.shape(present_key)?[ROWS].clone();
    let target = [
        query_shape[0].clone(),
        query_shape[HEADS].clone(),
        n_queries.clone(),
        n_keys.clone(),
    ];

    let lens = match lens {
        Some(lens) => {
            let lens = cx.int_vector(lens)?;
            Some(cx.b.unsqueeze(lens, &[1, 2, 3])?)
        }
        None => None,
    };
    let offset = match (past_key, lens) {
        (Some(past), _) => {
            let n_past = cx.b.shape(past)?[ROWS].clone();
            Some(cx.b.dim_scalar(&n_past)?)
        }
        (None, Some(lens)) => {
            let n_queries = cx.b.dim_scalar(&n_queries)?;
            Some(cx.b.sub(lens, n_queries)?)
        }
        (None, None) => None,
    };
    let mut allowed = sight.allowed(cx, &n_queries, &n_keys, offset)?;
    let mut bias = None;
    if let Some(mask) = cx.opt(3) {
        let mask = padded_mask(cx, mask, &n_keys)?;
        let mask = fitted(cx, mask, &target)?;
        if cx.b.dtype(mask)? == DType::Bool {
            allowed = Some(both(cx, allowed, mask)?);
        } else {
            bias = Some(cx.b.cast(mask, dtype)?);
        }
    }
    if let Some(lens) = lens {
        let keys = cx.iota_along(DType::I64, &n_keys, 3, 4)?;
        let is_there = cx.b.binary(BinaryOp::Less, keys, lens)?;
        allowed = Some(both(cx, allowed, is_there)?);
    }
    // Without mask, lengths and windows each query sees a key: the first one.
    let may_be_empty = cx.opt(3).is_some() || lens.is_some() || sight.window[0].is_some();
    let filter = match allowed {
        Some(allowed) => Some(bias_of(cx, allowed, dtype, f64::NEG_INFINITY)?),
        None => None,
    };
    let bias = sum(cx, bias, filter)?;

    let scale = scale_of(cx, given_scale, q)?;
    let heads = &query_shape[HEADS];
    let keys = repeat_heads(cx, present_key, heads)?;
    let values = repeat_heads(cx, present_value, heads)?;
    let raw = scores(cx, q, keys, scale)?;
    let capped = softcapped(cx, raw, cap)?;
    let biased = match bias {
        Some(bias) => cx.b.add(capped, bias)?,
        None => capped,
    };
    let precise = match precision {
        Some(precision) => cx.b.cast(biased, precision)?,
        None => biased,
    };
    let probabilities = softmax(cx, precise)?;
    let mut probabilities = cx.b.cast(probabilities, dtype)?;
    if let Some(bias) = bias.filter(|_| may_be_empty) {
        probabilities = without_empty_rows(cx, probabilities, bias)?;
    }
    let values = cx.b.cast(values, dtype)?;
    let mut y = cx.b.matmul(probabilities, values)?;
    if is_flat {
        y = merge_heads(cx, y)?;
    }
    let shown = [raw, capped, biased, probabilities][mode as usize];
    Ok(vec![y, present_key, present_value, shown])
}

/// Query, key and value as `[batch, heads, rows, size]`, and whether they were `[batch, rows, heads · size]`.
fn operands(cx: &mut NodeCx<'_, '_>) -> Result<(ValueId, ValueId, ValueId, bool), ConvertError> {
    let (q, k, v) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let ranks = [cx.b.rank(q)?, cx.b.rank(k)?, cx.b.rank(v)?];
    match ranks {
        [4, 4, 4] => {
            cx.ignore(&["q_num_heads", "kv_num_heads"]);
            Ok((q, k, v, false))
        }
        [3, 3, 3] => {
            let n_query = super::head_count(cx, "q_num_heads")?;
            let n_kv = super::head_count(cx, "kv_num_heads")?;
            Ok((
                split_heads(cx, "Q", q, n_query)?,
                split_heads(cx, "K", k, n_kv)?,
                split_heads(cx, "V", v, n_kv)?,
                true,
            ))
        }
        _ => Err(ConvertError::Invalid(format!(
            "Q, K and V must all have rank 3 or 4, they have {ranks:?}"
        ))),
    }
}

/// From opset 24 a mask may end before the keys do, and the rest takes no part.
fn padded_mask(cx: &mut NodeCx<'_, '_>, mask: ValueId, n_keys: &Dim) -> Made {
    let shape = cx.b.shape(mask)?;
    let Some(last) = shape.last() else {
        return Ok(mask);
    };
    if cx.opset() < 24 || cx.b.dims().eq(last, n_keys) == Tri::Yes {
        return Ok(mask);
    }
    let mut after = vec![Dim::ZERO; shape.len()];
    after[shape.len() - 1] = cx.b.dims().sub(n_keys, last);
    let filler = if cx.b.dtype(mask)? == DType::Bool {
        cx.zero_like(mask)?
    } else {
        cx.const_like(mask, f64::NEG_INFINITY)?
    };
    let op = Op::Pad {
        mode: PadMode::Constant,
        before: vec![Dim::ZERO; shape.len()],
        after,
    };
    Ok(cx.b.op1(op, &[mask, filler])?)
}
