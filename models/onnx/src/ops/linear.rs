//! Matrix products: MatMul, Gemm, their integer forms, Det.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::Op;

pub(super) const OPS: &[OpEntry] = &[
    onnx("Det", |cx| {
        let x = cx.input(0)?;
        Ok(vec![cx.b.op1(Op::Det, &[x])?])
    }),
    onnx("Gemm", gemm),
    onnx("MatMul", |cx| {
        let (a, b) = (cx.input(0)?, cx.input(1)?);
        Ok(vec![matmul(cx, a, b)?])
    }),
    onnx("MatMulInteger", matmul_integer),
    onnx("QLinearMatMul", qlinear_matmul),
];

/// A matrix product as NumPy has it: a vector on the left is a row, one on the right a column, and that axis goes again.
pub(super) fn matmul(
    cx: &mut NodeCx<'_, '_>,
    a: ValueId,
    b: ValueId,
) -> Result<ValueId, ConvertError> {
    let (a_rank, b_rank) = (cx.b.rank(a)?, cx.b.rank(b)?);
    if a_rank == 0 || b_rank == 0 {
        return Err(ConvertError::Invalid(
            "a scalar has no matrix product".into(),
        ));
    }
    let left = if a_rank == 1 {
        cx.b.unsqueeze(a, &[0])?
    } else {
        a
    };
    let right = if b_rank == 1 {
        cx.b.unsqueeze(b, &[1])?
    } else {
        b
    };
    let product = cx.b.matmul(left, right)?;
    let rank = cx.b.rank(product)?;
    let mut dropped = Vec::new();
    if a_rank == 1 {
        dropped.push(rank - 2);
    }
    if b_rank == 1 {
        dropped.push(rank - 1);
    }
    Ok(cx.b.squeeze(product, &dropped)?)
}

/// `alpha · A' B' + beta · C`.
pub(super) fn gemm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (alpha, beta) = (cx.float("alpha", 1.0)?, cx.float("beta", 1.0)?);
    let (trans_a, trans_b) = (cx.flag("transA", false)?, cx.flag("transB", false)?);
    if cx.opset() < 7 {
        // The last operand broadcasts to the product; the attribute says whether it needs to.
        cx.ignore(&["broadcast"]);
    }
    let (mut a, mut b) = (cx.input(0)?, cx.input(1)?);
    if trans_a {
        a = cx.b.transpose(a, vec![1, 0])?;
    }
    if trans_b {
        b = cx.b.transpose(b, vec![1, 0])?;
    }
    let product = cx.b.matmul(a, b)?;
    let product = scaled(cx, product, alpha)?;
    Ok(vec![match cx.opt(2) {
        Some(c) => {
            let c = scaled(cx, c, beta)?;
            cx.b.add(product, c)?
        }
        None => product,
    }])
}

fn scaled(cx: &mut NodeCx<'_, '_>, x: ValueId, factor: f32) -> Result<ValueId, ConvertError> {
    if factor == 1.0 {
        return Ok(x);
    }
    let dtype = cx.b.dtype(x)?;
    let factor = cx.b.const_scalar(dtype, f64::from(factor));
    Ok(cx.b.mul(x, factor)?)
}

/// An integer operand without its zero point, in i32. A zero point with one element per row (or column) of the matrix
/// stands along `axis_from_end`.
pub(super) fn centred(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    zero_point: Option<ValueId>,
    axis_from_end: usize,
) -> Result<ValueId, ConvertError> {
    let wide = cx.b.cast(x, DType::I32)?;
    let Some(zero_point) = zero_point else {
        return Ok(wide);
    };
    let mut zero_point = cx.b.cast(zero_point, DType::I32)?;
    if cx.b.rank(zero_point)? == 1 && axis_from_end == 2 && cx.b.shape(zero_point)? != [Dim::ONE] {
        zero_point = cx.b.unsqueeze(zero_point, &[1])?;
    }
    Ok(cx.b.sub(wide, zero_point)?)
}

fn matmul_integer(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    let (a_zero, b_zero) = (cx.opt(2), cx.opt(3));
    let left = centred(cx, a, a_zero, 2)?;
    let right = centred(cx, b, b_zero, 1)?;
    Ok(vec![matmul(cx, left, right)?])
}

fn qlinear_matmul(cx: &mut NodeCx<'_, '_>) -> Converted {
    let inputs = cx.inputs()?;
    let [a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero] = inputs[..] else {
        return Err(ConvertError::Invalid("takes eight operands".into()));
    };
    let left = centred(cx, a, Some(a_zero), 2)?;
    let right = centred(cx, b, Some(b_zero), 1)?;
    let sums = matmul(cx, left, right)?;
    let float = cx.b.cast(sums, DType::F32)?;
    let (a_scale, b_scale) = (
        cx.b.cast(a_scale, DType::F32)?,
        cx.b.cast(b_scale, DType::F32)?,
    );
    let scale = cx.b.mul(a_scale, b_scale)?;
    let scaled = cx.b.mul(float, scale)?;
    let y_scale = cx.b.cast(y_scale, DType::F32)?;
    let to = cx.b.dtype(y_zero)?;
    let (y_scale, y_zero) = (cx.scalar(y_scale)?, cx.scalar(y_zero)?);
    let op = Op::Quantize {
        to,
        axis: None,
        block: 0,
        saturate: true,
    };
    Ok(vec![cx.b.op1(op, &[scaled, y_scale, y_zero])?])
}
