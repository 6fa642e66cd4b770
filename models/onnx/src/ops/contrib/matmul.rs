//! Products with transposes, factors, activations and scales of their own.

use super::super::linear::{centred, gemm, matmul};
use super::super::quant::dynamic_quantize_of;
use super::super::{Converted, OpEntry, ms};
use super::{Made, fused_activation};
use crate::import::NodeCx;
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::Op;

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("DynamicQuantizeMatMul", dynamic_quantize_matmul),
    ms("FusedGemm", fused_gemm),
    ms("FusedMatMul", fused_matmul),
    ms("MatMulInteger16", |cx| {
        let (a, b) = (cx.input(0)?, cx.input(1)?);
        let (a, b) = (centred(cx, a, None, 2)?, centred(cx, b, None, 1)?);
        Ok(vec![matmul(cx, a, b)?])
    }),
    ms("MatMulIntegerToFloat", matmul_integer_to_float),
    ms("QGemm", quantized_gemm),
    ms("TransposeMatMul", fused_matmul),
];

/// `alpha · A' B'`, where A' may have its first axis before its last, and then its last two exchanged; B' likewise.
fn fused_matmul(cx: &mut NodeCx<'_, '_>) -> Converted {
    let alpha = cx.float("alpha", 1.0)?;
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    let a = turned(cx, a, ["transBatchA", "transA"])?;
    let b = turned(cx, b, ["transBatchB", "transB"])?;
    let product = matmul(cx, a, b)?;
    Ok(vec![scaled(cx, product, alpha)?])
}

fn scaled(cx: &mut NodeCx<'_, '_>, x: ValueId, factor: f32) -> Made {
    if factor == 1.0 {
        return Ok(x);
    }
    let factor = cx.const_like(x, f64::from(factor))?;
    Ok(cx.b.mul(x, factor)?)
}

fn turned(cx: &mut NodeCx<'_, '_>, x: ValueId, [batch, inner]: [&str; 2]) -> Made {
    let (moves_batch, swaps) = (cx.flag(batch, false)?, cx.flag(inner, false)?);
    let rank = cx.b.rank(x)?;
    if rank < 2 {
        return Ok(x);
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    if moves_batch {
        perm[..rank - 1].rotate_left(1);
    }
    if swaps {
        perm.swap(rank - 2, rank - 1);
    }
    Ok(cx.b.transpose(x, perm)?)
}

fn fused_gemm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let activation = cx.string("activation", "")?;
    let mut params = Vec::new();
    for name in ["activation_alpha", "activation_beta", "activation_gamma"] {
        params.extend(cx.float_opt(name)?);
    }
    let y = gemm(cx)?;
    Ok(vec![fused_activation(cx, y[0], &activation, &params)?])
}

/// A scale or a bias that may have one element per column of the product.
fn scaled_sums(
    cx: &mut NodeCx<'_, '_>,
    sums: ValueId,
    [a_scale, b_scale]: [ValueId; 2],
    bias: Option<ValueId>,
) -> Made {
    let dtype = cx.b.dtype(a_scale)?;
    let sums = cx.b.cast(sums, dtype)?;
    let scale = cx.b.mul(a_scale, b_scale)?;
    let y = cx.b.mul(sums, scale)?;
    Ok(match bias {
        Some(bias) => cx.b.add(y, bias)?,
        None => y,
    })
}

/// A vector of one element as a scalar, so that a product has no axis more than its operands.
fn single(cx: &mut NodeCx<'_, '_>, value: ValueId) -> Made {
    if cx.b.shape(value)? == [Dim::ONE] {
        cx.scalar(value)
    } else {
        Ok(value)
    }
}

fn matmul_integer_to_float(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    let (a_scale, b_scale) = (cx.input(2)?, cx.input(3)?);
    let (a_zero, b_zero, bias) = (cx.opt(4), cx.opt(5), cx.opt(6));
    let left = centred(cx, a, a_zero, 2)?;
    let right = centred(cx, b, b_zero, 1)?;
    let sums = matmul(cx, left, right)?;
    let a_scale = single(cx, a_scale)?;
    let b_scale = single(cx, b_scale)?;
    Ok(vec![scaled_sums(cx, sums, [a_scale, b_scale], bias)?])
}

/// The first operand is quantised to u8 over its range at each run.
fn dynamic_quantize_matmul(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (a, b, b_scale) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (b_zero, bias) = (cx.opt(3), cx.opt(4));
    let [a, a_scale, a_zero] = dynamic_quantize_of(cx, a)?;
    let left = centred(cx, a, Some(a_zero), 2)?;
    let right = centred(cx, b, b_zero, 1)?;
    let sums = matmul(cx, left, right)?;
    let b_scale = single(cx, b_scale)?;
    Ok(vec![scaled_sums(cx, sums, [a_scale, b_scale], bias)?])
}

/// `alpha · scales · (A' B' + C)` of integers without their zero points, quantised where there is a scale for that.
fn quantized_gemm(cx: &mut NodeCx<'_, '_>) -> Converted {
    let alpha = cx.float("alpha", 1.0)?;
    let (trans_a, trans_b) = (cx.flag("transA", false)?, cx.flag("transB", false)?);
    let (a, a_scale, a_zero) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (b, b_scale, b_zero) = (cx.input(3)?, cx.input(4)?, cx.input(5)?);
    let transposed = |cx: &mut NodeCx<'_, '_>, x: ValueId, flag: bool| -> Made {
        Ok(if flag {
            cx.b.transpose(x, vec![1, 0])?
        } else {
            x
        })
    };
    let a = transposed(cx, a, trans_a)?;
    let b = transposed(cx, b, trans_b)?;
    let left = centred(cx, a, Some(a_zero), 2)?;
    let right = centred(cx, b, Some(b_zero), 1)?;
    let mut sums = matmul(cx, left, right)?;
    if let Some(c) = cx.opt(6) {
        let c = cx.b.cast(c, DType::I32)?;
        sums = cx.b.add(sums, c)?;
    }
    let a_scale = single(cx, a_scale)?;
    let b_scale = single(cx, b_scale)?;
    let a_scale = scaled(cx, a_scale, alpha)?;
    let y = scaled_sums(cx, sums, [a_scale, b_scale], None)?;
    let Some(y_scale) = cx.opt(7) else {
        return Ok(vec![y]);
    };
    let y_zero = cx.input(8)?;
    let op = Op::Quantize {
        to: cx.b.dtype(y_zero)?,
        axis: None,
        block: 0,
        saturate: true,
    };
    let (y_scale, y_zero) = (cx.scalar(y_scale)?, cx.scalar(y_zero)?);
    Ok(vec![cx.b.op1(op, &[y, y_scale, y_zero])?])
}
