//! Rotary positions: RotaryEmbedding of ai.onnx and of com.microsoft.

use super::super::{Converted, OpEntry, ms, onnx, operand};
use super::{Made, SIZE, dims_of, part};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Tri};
use graphc_ir::ValueId;
use graphc_ir::op::SliceAxis;

pub(in super::super) const OPS: &[OpEntry] = &[
    onnx("RotaryEmbedding", standard),
    ms("RotaryEmbedding", microsoft),
];

/// Turns pairs of the first `2 · half` elements of each head; the rest stays.
///
/// `x` is `[…, size]` of rank 4; `cos` and `sin` are `[…, half]` and broadcast to it. Pairs are neighbours where
/// `is_interleaved`, else elements of the two halves.
pub(super) fn rotate(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    cos: ValueId,
    sin: ValueId,
    is_interleaved: bool,
) -> Made {
    let size = cx.b.shape(x)?[SIZE].clone();
    let half = cx.b.shape(cos)?[SIZE].clone();
    let turned = cx.b.dims().mul(&half, &Dim::constant(2));
    if cx.b.dims().le(&turned, &size) == Tri::No {
        return Err(ConvertError::Invalid(
            "the caches of cosines and sines are wider than a head".into(),
        ));
    }
    let (first, second) = if is_interleaved {
        let every_other = |start: i64| SliceAxis {
            start: Dim::constant(start),
            step: Dim::constant(2),
            len: half.clone(),
        };
        (
            cx.b.slice_axis(x, SIZE, every_other(0))?,
            cx.b.slice_axis(x, SIZE, every_other(1))?,
        )
    } else {
        (
            part(cx, x, SIZE, Dim::ZERO, half.clone())?,
            part(cx, x, SIZE, half.clone(), half.clone())?,
        )
    };
    let (cos_first, sin_second) = (cx.b.mul(first, cos)?, cx.b.mul(second, sin)?);
    let (sin_first, cos_second) = (cx.b.mul(first, sin)?, cx.b.mul(second, cos)?);
    let real = cx.b.sub(cos_first, sin_second)?;
    let imaginary = cx.b.add(sin_first, cos_second)?;
    let pairs = if is_interleaved {
        let mut shape = cx.b.shape(real)?;
        let columns = [
            cx.b.unsqueeze(real, &[4])?,
            cx.b.unsqueeze(imaginary, &[4])?,
        ];
        let pairs = cx.b.concat(&columns, 4)?;
        shape[SIZE] = turned.clone();
        cx.b.reshape(pairs, shape)?
    } else {
        cx.b.concat(&[real, imaginary], SIZE)?
    };
    if cx.b.dims().eq(&turned, &size) == Tri::Yes {
        return Ok(pairs);
    }
    let rest = cx.b.dims().sub(&size, &turned);
    let rest = part(cx, x, SIZE, turned, rest)?;
    Ok(cx.b.concat(&[pairs, rest], SIZE)?)
}

/// `x` of rank 4 with heads on one axis and rows on another; `[batch, rows, hidden]` gets an axis of heads.
struct Layout {
    x: ValueId,
    heads_axis: usize,
    rows: Dim,
    shape: Vec<Dim>,
}

impl Layout {
    fn flat(cx: &mut NodeCx<'_, '_>, x: ValueId, size: Dim) -> Result<Self, ConvertError> {
        let [batch, rows, hidden] = dims_of(cx, "the input", x)?;
        let n_heads = cx.b.dims().div_exact(&hidden, &size);
        let shape = vec![batch.clone(), rows.clone(), hidden];
        let x = cx.b.reshape(x, vec![batch, rows.clone(), n_heads, size])?;
        Ok(Self {
            x,
            heads_axis: 2,
            rows,
            shape,
        })
    }

    fn with_heads(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<Self, ConvertError> {
        let shape = cx.b.shape(x)?;
        Ok(Self {
            x,
            heads_axis: 1,
            rows: shape[2].clone(),
            shape,
        })
    }

    /// Turned by `[batch, rows, half]` of cosines and sines.
    fn rotated(
        self,
        cx: &mut NodeCx<'_, '_>,
        [cos, sin]: [ValueId; 2],
        is_interleaved: bool,
    ) -> Made {
        let cos = cx.b.unsqueeze(cos, &[self.heads_axis])?;
        let sin = cx.b.unsqueeze(sin, &[self.heads_axis])?;
        let y = rotate(cx, self.x, cos, sin, is_interleaved)?;
        Ok(cx.b.reshape(y, self.shape)?)
    }
}

/// The part of a head that turns, where the model names it.
fn turned(cx: &NodeCx<'_, '_>) -> Result<Option<i64>, ConvertError> {
    match cx.int("rotary_embedding_dim", 0)? {
        0 => Ok(None),
        dim if dim > 0 && dim % 2 == 0 => Ok(Some(dim)),
        dim => Err(ConvertError::Invalid(format!(
            "rotary_embedding_dim must be even and positive, is {dim}"
        ))),
    }
}

fn expect_half(cx: &NodeCx<'_, '_>, cache: ValueId, turned: &Dim) -> Result<(), ConvertError> {
    let half = cx.b.shape(cache)?.pop().unwrap_or(Dim::ONE);
    let whole = cx.b.dims().mul(&half, &Dim::constant(2));
    if cx.b.dims().eq(&whole, turned) == Tri::No {
        return Err(ConvertError::Invalid(
            "the caches of cosines and sines do not have half as many columns as elements turn"
                .into(),
        ));
    }
    Ok(())
}

fn standard(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_interleaved = cx.flag("interleaved", false)?;
    let turned = turned(cx)?;
    let n_heads = operand::size("num_heads", cx.int("num_heads", 0)?)?;
    let x = cx.input(0)?;
    let layout = match cx.b.rank(x)? {
        4 => Layout::with_heads(cx, x)?,
        _ if n_heads == 0 => {
            return Err(ConvertError::Invalid(
                "num_heads is needed where X has rank 3".into(),
            ));
        }
        _ => {
            let [_, _, hidden] = dims_of(cx, "X", x)?;
            let size = super::head_size(cx, &hidden, n_heads)?;
            Layout::flat(cx, x, size)?
        }
    };
    let turned = match turned {
        Some(turned) => Dim::constant(turned),
        None => cx.b.shape(layout.x)?[SIZE].clone(),
    };
    let mut caches = [cx.input(1)?, cx.input(2)?];
    for cache in &mut caches {
        expect_half(cx, *cache, &turned)?;
        if let Some(positions) = cx.opt(3) {
            dims_of::<2>(cx, "a cache with positions", *cache)?;
            *cache = cx.b.gather(*cache, positions, 0)?;
        }
        dims_of::<3>(cx, "a cache at the positions", *cache)?;
    }
    Ok(vec![layout.rotated(cx, caches, is_interleaved)?])
}

/// Positions are one for each row, or the one of the first row.
fn microsoft(cx: &mut NodeCx<'_, '_>) -> Converted {
    let is_interleaved = cx.flag("interleaved", false)?;
    if cx.flag("is_packed_batching", false)? {
        return Err(ConvertError::Unsupported(
            "batches packed without padding are not supported".into(),
        ));
    }
    // Read by no kernel.
    cx.ignore(&["scale"]);
    let turned = turned(cx)?;
    let n_heads = operand::size("num_heads", cx.int("num_heads", 0)?)?;
    let (x, positions) = (cx.input(0)?, cx.input(1)?);
    let mut caches = [cx.input(2)?, cx.input(3)?];
    let [_, half] = dims_of(cx, "cos_cache", caches[0])?;
    dims_of::<2>(cx, "sin_cache", caches[1])?;
    let layout = match cx.b.rank(x)? {
        4 => Layout::with_heads(cx, x)?,
        _ => {
            let [_, _, hidden] = dims_of(cx, "the input", x)?;
            let size = match turned {
                Some(_) if n_heads == 0 => {
                    return Err(ConvertError::Invalid(
                        "rotary_embedding_dim needs num_heads".into(),
                    ));
                }
                Some(_) => super::head_size(cx, &hidden, n_heads)?,
                None => cx.b.dims().mul(&half, &Dim::constant(2)),
            };
            Layout::flat(cx, x, size)?
        }
    };
    let turned = match turned {
        Some(turned) => Dim::constant(turned),
        None => cx.b.shape(layout.x)?[SIZE].clone(),
    };
    let positions = match cx.b.rank(positions)? {
        2 => positions,
        1 => {
            let first = cx.int_vector(positions)?;
            let rows = cx.iota_along(DType::I64, &layout.rows, 1, 2)?;
            let first = cx.b.reshape(first, vec![Dim::ONE, Dim::ONE])?;
            cx.b.add(rows, first)?
        }
        rank => {
            return Err(ConvertError::Invalid(format!(
                "position_ids must have rank 1 or 2, has {rank}"
            )));
        }
    };
    for cache in &mut caches {
        expect_half(cx, *cache, &turned)?;
        *cache = cx.b.gather(*cache, positions, 0)?;
    }
    Ok(vec![layout.rotated(cx, caches, is_interleaved)?])
}
