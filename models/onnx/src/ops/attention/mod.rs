//! Attention in all its spellings, as products, biases, softmax and products again; rotary positions.
//!
//! Every spelling becomes `softmax(scale · q kᵀ + bias) v` over `[batch, heads, rows, size]` with the named core operators,
//! so that later passes see one form. A mask is part of the bias: 0 where a key takes part, the spelling's filter elsewhere.

mod decoder;
mod grouped;
mod multi_head;
mod projected;
mod rotary;
mod standard;

use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Tri};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op, ReduceKind, SliceAxis, UnaryOp};

pub(super) use decoder::OPS as DECODER;
pub(super) use grouped::OPS as GROUPED;
pub(super) use multi_head::OPS as MULTI_HEAD;
pub(super) use projected::OPS as PROJECTED;
pub(super) use rotary::OPS as ROTARY;
pub(super) use standard::OPS as STANDARD;

type Made = Result<ValueId, ConvertError>;

/// Axis of the heads of a tensor `[batch, heads, rows, size]`.
const HEADS: usize = 1;
/// Axis of the rows of such a tensor.
const ROWS: usize = 2;
/// Axis of the elements of one head.
const SIZE: usize = 3;

/// A count of heads that the model must give.
fn head_count(cx: &NodeCx<'_, '_>, name: &str) -> Result<usize, ConvertError> {
    let count = cx.int_req(name)?;
    match u32::try_from(count) {
        Ok(count) if count > 0 => Ok(count as usize),
        _ => Err(ConvertError::Invalid(format!(
            "{name} must be positive, is {count}"
        ))),
    }
}

/// Size of one head of `hidden` elements in `n_heads`.
fn head_size(cx: &NodeCx<'_, '_>, hidden: &Dim, n_heads: usize) -> Result<Dim, ConvertError> {
    if let Some(size) = hidden.as_const()
        && size % n_heads as i64 != 0
    {
        return Err(ConvertError::Invalid(format!(
            "{n_heads} heads do not divide {size} elements"
        )));
    }
    Ok(cx.b.dims().div_exact(hidden, &Dim::from(n_heads)))
}

/// The dims of a tensor that must have this rank.
fn dims_of<const N: usize>(
    cx: &NodeCx<'_, '_>,
    what: &str,
    x: ValueId,
) -> Result<[Dim; N], ConvertError> {
    cx.b.shape(x)?.try_into().map_err(|shape: Vec<Dim>| {
        ConvertError::Invalid(format!("{what} must have rank {N}, has {}", shape.len()))
    })
}

/// `[batch, rows, heads · size]` as `[batch, heads, rows, size]`.
fn split_heads(cx: &mut NodeCx<'_, '_>, what: &str, x: ValueId, n_heads: usize) -> Made {
    let [batch, rows, hidden] = dims_of(cx, what, x)?;
    let size = head_size(cx, &hidden, n_heads)?;
    let split =
        cx.b.reshape(x, vec![batch, rows, Dim::from(n_heads), size])?;
    Ok(cx.b.transpose(split, vec![0, 2, 1, 3])?)
}

/// `[batch, heads, rows, size]` as `[batch, rows, heads · size]`.
fn merge_heads(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Made {
    let [batch, n_heads, rows, size] = dims_of(cx, "attention", x)?;
    let hidden = cx.b.dims().mul(&n_heads, &size);
    let rows_first = cx.b.transpose(x, vec![0, 2, 1, 3])?;
    Ok(cx.b.reshape(rows_first, vec![batch, rows, hidden])?)
}

/// Each head as often as queries share it, copies side by side.
fn repeat_heads(cx: &mut NodeCx<'_, '_>, x: ValueId, n_query_heads: &Dim) -> Made {
    let [batch, n_heads, rows, size] = dims_of(cx, "key or value", x)?;
    if cx.b.dims().eq(&n_heads, n_query_heads) == Tri::Yes {
        return Ok(x);
    }
    let (Some(n_kv), Some(n_query)) = (n_heads.as_const(), n_query_heads.as_const()) else {
        return Err(ConvertError::Unsupported(
            "the numbers of heads are known at run time only".into(),
        ));
    };
    if n_kv < 1 || n_query % n_kv != 0 {
        return Err(ConvertError::Invalid(format!(
            "{n_query} heads of queries do not share {n_kv} of keys evenly"
        )));
    }
    let copies = Dim::constant(n_query / n_kv);
    let column = cx.b.unsqueeze(x, &[2])?;
    let shape = vec![batch.clone(), n_heads, copies, rows.clone(), size.clone()];
    let wide = cx.b.expand(column, shape)?;
    Ok(cx
        .b
        .reshape(wide, vec![batch, n_query_heads.clone(), rows, size])?)
}

/// `len` neighbouring elements of an axis.
fn part(cx: &mut NodeCx<'_, '_>, x: ValueId, axis: usize, start: Dim, len: Dim) -> Made {
    Ok(cx.b.slice_axis(x, axis, SliceAxis::range(start, len))?)
}

/// The factor of the scores as a scalar: as given, else `1 / √size`.
fn scale_of(cx: &mut NodeCx<'_, '_>, given: Option<f32>, q: ValueId) -> Made {
    let (dtype, size) = (cx.b.dtype(q)?, cx.b.shape(q)?.pop().unwrap_or(Dim::ONE));
    if let Some(scale) = given {
        return Ok(cx.b.const_scalar(dtype, f64::from(scale)));
    }
    if let Some(size) = size.as_const() {
        return Ok(cx.b.const_scalar(dtype, 1.0 / (size as f64).sqrt()));
    }
    let size = cx.b.dim_scalar(&size)?;
    let size = cx.b.cast(size, dtype)?;
    Ok(cx.b.unary(UnaryOp::Rsqrt, size)?)
}

/// `scale · q kᵀ`; the factor is on the queries, which are fewer.
fn scores(cx: &mut NodeCx<'_, '_>, q: ValueId, k: ValueId, scale: ValueId) -> Made {
    let q = cx.b.mul(q, scale)?;
    let k = cx.b.transpose(k, vec![0, 1, 3, 2])?;
    Ok(cx.b.matmul(q, k)?)
}

/// `cap · tanh(x / cap)`; nothing where the cap is 0.
fn softcapped(cx: &mut NodeCx<'_, '_>, x: ValueId, cap: f32) -> Made {
    if cap <= 0.0 {
        return Ok(x);
    }
    let cap = cx.const_like(x, f64::from(cap))?;
    let small = cx.b.div(x, cap)?;
    let bent = cx.b.unary(UnaryOp::Tanh, small)?;
    Ok(cx.b.mul(bent, cap)?)
}

/// 0 where `allowed`, else `filter`, in this dtype.
fn bias_of(cx: &mut NodeCx<'_, '_>, allowed: ValueId, dtype: DType, filter: f64) -> Made {
    let zero = cx.b.const_scalar(dtype, 0.0);
    let filter = cx.b.const_scalar(dtype, filter);
    Ok(cx.b.select(allowed, zero, filter)?)
}

/// The sum of what there is.
fn sum(
    cx: &mut NodeCx<'_, '_>,
    a: Option<ValueId>,
    b: Option<ValueId>,
) -> Result<Option<ValueId>, ConvertError> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some(cx.b.add(a, b)?),
        (a, b) => a.or(b),
    })
}

/// Both conditions, where there are two.
fn both(cx: &mut NodeCx<'_, '_>, a: Option<ValueId>, b: ValueId) -> Made {
    match a {
        Some(a) => Ok(cx.b.binary(BinaryOp::And, a, b)?),
        None => Ok(b),
    }
}

/// Positions `0, 1, …` of queries down the rows and of keys along the columns of a score matrix.
struct Positions {
    /// `i64[rows, 1]`.
    queries: ValueId,
    /// `i64[1, keys]`.
    keys: ValueId,
}

impl Positions {
    fn new(cx: &mut NodeCx<'_, '_>, n_queries: &Dim, n_keys: &Dim) -> Result<Self, ConvertError> {
        Ok(Self {
            queries: cx.iota_along(DType::I64, n_queries, 0, 2)?,
            keys: cx.iota_along(DType::I64, n_keys, 1, 2)?,
        })
    }
}

/// A mask whose last axes lie against `[…, target]`: where it is not known whether it has size 1 there or the target's,
/// it is broadcast to the target, so that the result's sizes are the target's.
fn fitted(cx: &mut NodeCx<'_, '_>, mask: ValueId, target: &[Dim]) -> Made {
    let mut shape = cx.b.shape(mask)?;
    let Some(n_missing) = target.len().checked_sub(shape.len()) else {
        return Err(ConvertError::Invalid(format!(
            "the mask has rank {}, scores have {}",
            shape.len(),
            target.len()
        )));
    };
    for (size, wanted) in shape.iter_mut().zip(&target[n_missing..]) {
        if *size != Dim::ONE {
            *size = wanted.clone();
        }
    }
    Ok(cx.b.expand(mask, shape)?)
}

/// Probabilities with rows of zeros where no key takes part: where the bias is -∞ all along.
fn without_empty_rows(cx: &mut NodeCx<'_, '_>, probabilities: ValueId, bias: ValueId) -> Made {
    let last = cx.b.rank(bias)?.saturating_sub(1);
    let most = cx.b.reduce(ReduceKind::Max, bias, &[last], true)?;
    let lowest = cx.const_like(bias, f64::NEG_INFINITY)?;
    let is_empty = cx.b.binary(BinaryOp::Equal, most, lowest)?;
    let zero = cx.zero_like(probabilities)?;
    Ok(cx.b.select(is_empty, zero, probabilities)?)
}

/// Softmax along the keys.
fn softmax(cx: &mut NodeCx<'_, '_>, scores: ValueId) -> Made {
    Ok(cx.b.op1(Op::Softmax { axis: SIZE }, &[scores])?)
}

/// Earlier rows before the new ones.
fn appended(cx: &mut NodeCx<'_, '_>, past: Option<ValueId>, new: ValueId) -> Made {
    match past {
        Some(past) => Ok(cx.b.concat(&[past, new], ROWS)?),
        None => Ok(new),
    }
}

/// Attributes of buffers that past and present share, whose contents only an in-place runtime can tell.
fn refuse_shared_buffers(cx: &NodeCx<'_, '_>) -> Result<(), ConvertError> {
    if cx.flag("past_present_share_buffer", false)? {
        return Err(ConvertError::Unsupported(
            "past and present in one buffer are not supported".into(),
        ));
    }
    Ok(())
}

/// A scale that an attribute gives; 0 means that it does not.
fn scale_attr(cx: &NodeCx<'_, '_>) -> Result<Option<f32>, ConvertError> {
    Ok(cx.float_opt("scale")?.filter(|&scale| scale != 0.0))
}
