//! Order and selection: NonZero, Compress, Unique, TopK. Sizes that data decide are bound from a count.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Interval};
use graphc_ir::ValueId;
use graphc_ir::op::{Op, SliceAxis};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Compress", compress),
    onnx("NonZero", |cx| {
        let x = cx.input(0)?;
        Ok(vec![non_zero(cx, x)?])
    }),
    onnx("TopK", top_k),
    onnx("Unique", unique),
];

impl NodeCx<'_, '_> {
    /// A count that data decide, as a dim of at most `most`.
    pub(crate) fn count(
        &mut self,
        count: ValueId,
        name: &str,
        most: &Dim,
    ) -> Result<Dim, ConvertError> {
        let hi = self.b.dims().bounds(most).hi.max(0);
        let range = Interval { lo: 0, hi };
        match &self.dims_in(count, name, range)?[..] {
            [dim] => Ok(dim.clone()),
            _ => Err(ConvertError::Invalid(format!(
                "{name} must have one element"
            ))),
        }
    }

    /// The first `len` elements along an axis.
    pub(crate) fn first(
        &mut self,
        x: ValueId,
        axis: usize,
        len: Dim,
    ) -> Result<ValueId, ConvertError> {
        let entry = SliceAxis::range(Dim::constant(0), len);
        Ok(self.b.slice_axis(x, axis, entry)?)
    }
}

/// `i64[rank, n]`: positions of what is not zero; a scalar counts as one element.
pub(crate) fn non_zero(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Result<ValueId, ConvertError> {
    let x = match cx.b.rank(x)? {
        0 => cx.b.reshape(x, vec![Dim::constant(1)])?,
        _ => x,
    };
    let most = cx.numel(x)?;
    let results = cx.b.op(Op::NonZero, &[x])?;
    let [positions, count] = results[..] else {
        return Err(ConvertError::Invalid("nonzero gives two results".into()));
    };
    let n_found = cx.count(count, "nonzero", &most)?;
    cx.first(positions, 1, n_found)
}

/// The slices whose condition holds; a condition shorter than the axis leaves the rest out.
fn compress(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (mut x, cond) = (cx.input(0)?, cx.input(1)?);
    let axis = match cx.int_opt("axis")? {
        Some(axis) => operand::axis(axis, cx.b.rank(x)?)?,
        None => {
            let n_elements = cx.numel(x)?;
            x = cx.b.reshape(x, vec![n_elements])?;
            0
        }
    };
    let cond = cx.vector(cond)?;
    let positions = non_zero(cx, cond)?;
    let positions = cx.b.squeeze(positions, &[0])?;
    Ok(vec![cx.b.gather(x, positions, axis)?])
}

fn unique(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let sorted = cx.flag("sorted", true)?;
    let axis = cx.int_opt("axis")?;
    Ok(unique_of(cx, x, axis, sorted)?.to_vec())
}

/// Distinct slices along an axis, or elements: themselves, where each is first, which one each slice is, and how many.
pub(super) fn unique_of(
    cx: &mut NodeCx<'_, '_>,
    mut x: ValueId,
    raw_axis: Option<i64>,
    sorted: bool,
) -> Result<[ValueId; 4], ConvertError> {
    let axis = match raw_axis {
        Some(axis) => Some(operand::axis(axis, cx.b.rank(x)?)?),
        None => {
            let n_elements = cx.numel(x)?;
            x = cx.b.reshape(x, vec![n_elements])?;
            None
        }
    };
    let cut = axis.unwrap_or(0);
    let most = cx.b.shape(x)?[cut].clone();
    let results = cx.b.op(Op::Unique { axis, sorted }, &[x])?;
    let [y, first, inverse, counts, count] = results[..] else {
        return Err(ConvertError::Invalid("unique gives five results".into()));
    };
    let n_found = cx.count(count, "unique", &most)?;
    Ok([
        cx.first(y, cut, n_found.clone())?,
        cx.first(first, 0, n_found.clone())?,
        inverse,
        cx.first(counts, 0, n_found)?,
    ])
}

/// `k` is an attribute before opset 10, then an operand that may be data.
fn top_k(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let axis = operand::axis(cx.int("axis", -1)?, cx.b.rank(x)?)?;
    let k = if cx.opset() < 10 {
        let k = cx.int_req("k")?;
        operand::size("k", k)?;
        Dim::constant(k)
    } else {
        let k = cx.input(1)?;
        let k = cx.b.cast(k, DType::I64)?;
        cx.size_of(k, "k")?
    };
    let largest = cx.flag("largest", true)?;
    // Sorted is a right order even where any order would do.
    cx.ignore(&["sorted"]);
    Ok(cx.b.op(Op::TopK { axis, k, largest }, &[x])?)
}
