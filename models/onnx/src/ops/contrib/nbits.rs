//! Weights of 2, 4 or 8 bits in blocks that share a scale: MatMulNBits, GatherBlockQuantized.
//!
//! Constant 4-bit weights keep their bytes: two codes a byte, the first in the low bits, is how such tensors are held.

use super::super::linear::matmul;
use super::super::{Converted, OpEntry, ms, operand};
use super::Made;
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Tri};
use graphc_ir::op::{BinaryOp, Op, SliceAxis};
use graphc_ir::{ConstData, TensorType, ValueId};

pub(in super::super) const OPS: &[OpEntry] = &[
    ms("GatherBlockQuantized", gather_block_quantized),
    ms("MatMulNBits", matmul_nbits),
];

/// Bits of a code, of those that are supported.
fn bits(cx: &NodeCx<'_, '_>) -> Result<u32, ConvertError> {
    match cx.int("bits", 4)? {
        bits @ (2 | 4 | 8) => Ok(bits as u32),
        bits => Err(ConvertError::Unsupported(format!(
            "weights of {bits} bits are not supported"
        ))),
    }
}

/// A size of the weights, small enough that the number of their bits can be counted.
fn extent(cx: &NodeCx<'_, '_>, name: &str) -> Result<usize, ConvertError> {
    let size = cx.int_req(name)?;
    match u32::try_from(size) {
        Ok(size) if size > 0 => Ok(size as usize),
        _ => Err(ConvertError::Invalid(format!(
            "{name} must be positive and below 2^32, is {size}"
        ))),
    }
}

fn block_size(cx: &NodeCx<'_, '_>, default: Option<i64>) -> Result<usize, ConvertError> {
    let size = match default {
        Some(default) => cx.int("block_size", default)?,
        None => cx.int_req("block_size")?,
    };
    match u32::try_from(size) {
        Ok(size) if size >= 16 && size.is_power_of_two() => Ok(size as usize),
        _ => Err(ConvertError::Invalid(format!(
            "block_size must be a power of two from 16 on, is {size}"
        ))),
    }
}

/// `u8[…, n]` with several codes a byte as `[…, n · 8 / bits]` codes: u4 where it is constant, else u8.
fn unpacked(cx: &mut NodeCx<'_, '_>, packed: ValueId, bits: u32, keeps_bytes: bool) -> Made {
    if bits == 8 {
        return Ok(packed);
    }
    let per_byte = i64::from(8 / bits);
    let mut shape = cx.b.shape(packed)?;
    let Some(last) = shape.last_mut() else {
        return Err(ConvertError::Invalid(
            "packed codes must not be a scalar".into(),
        ));
    };
    *last = cx.b.dims().mul(last, &Dim::constant(per_byte));
    if bits == 4
        && keeps_bytes
        && let Some(constant) = constant_codes(cx, packed, &shape)?
    {
        return Ok(constant);
    }
    let column = cx.b.rank(packed)?;
    let wide = cx.b.unsqueeze(packed, &[column])?;
    let shifts: Vec<i64> = (0..per_byte).map(|code| code * i64::from(bits)).collect();
    let shifts = cx.b.const_i64(&shifts);
    let shifts = cx.b.cast(shifts, DType::U8)?;
    let mask = cx.b.const_scalar_i64(DType::U8, (1 << bits) - 1);
    let shifted = cx.b.binary(BinaryOp::ShiftRight, wide, shifts)?;
    let codes = cx.b.binary(BinaryOp::BitAnd, shifted, mask)?;
    Ok(cx.b.reshape(codes, shape)?)
}

/// The same bytes as a constant of u4, where they are a constant.
fn constant_codes(
    cx: &mut NodeCx<'_, '_>,
    packed: ValueId,
    shape: &[Dim],
) -> Result<Option<ValueId>, ConvertError> {
    let graph = cx.b.graph();
    let Some(Op::Const(id)) = graph.def_node(packed).map(|node| &graph.node(node).op) else {
        return Ok(None);
    };
    let constant = &graph.consts[*id];
    if !matches!(
        constant.data,
        ConstData::Mapped { .. } | ConstData::Inline(_)
    ) {
        return Ok(None);
    }
    let (data, name) = (constant.data.clone(), constant.name.clone());
    let ty = TensorType::new(DType::U4, shape.iter().cloned());
    Ok(Some(cx.b.constant(ty, data, name)?))
}

/// The first `len` entries of the last axis.
fn first(cx: &mut NodeCx<'_, '_>, x: ValueId, len: &Dim) -> Made {
    let last = cx.b.rank(x)?.saturating_sub(1);
    Ok(cx
        .b
        .slice_axis(x, last, SliceAxis::range(Dim::ZERO, len.clone()))?)
}

/// `A Wᵀ + bias`, W being `[N, K]` codes in blocks along K.
fn matmul_nbits(cx: &mut NodeCx<'_, '_>) -> Converted {
    let bits = bits(cx)?;
    let block = block_size(cx, None)?;
    let (n, k) = (extent(cx, "N")?, extent(cx, "K")?);
    // How a kernel computes, not what.
    cx.ignore(&["accuracy_level"]);
    if cx.int("weight_prepacked", 0)? != 0 {
        return Err(ConvertError::Unsupported(
            "weights packed for a device are not supported".into(),
        ));
    }
    let (a, packed, scales) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (zero_points, groups, bias) = (cx.opt(3), cx.opt(4), cx.opt(5));
    let n_blocks = Dim::from(k.div_ceil(block));
    let (rows, columns) = (Dim::from(n), Dim::from(k));
    let padded = Dim::from(k.div_ceil(block) * block);
    let n_packed = cx.numel(packed)?;
    let row_bytes = Dim::from(k.div_ceil(block) * block / 8 * bits as usize);
    let n_wanted = cx.b.dims().mul(&rows, &row_bytes);
    if cx.b.dims().eq(&n_packed, &n_wanted) == Tri::No {
        return Err(ConvertError::Invalid(format!(
            "B has {} bytes, N, K, bits and block_size ask for {}",
            cx.b.dims().display(&n_packed),
            cx.b.dims().display(&n_wanted)
        )));
    }
    let scales = cx.b.reshape(scales, vec![rows.clone(), n_blocks.clone()])?;
    let is_float_zero = match zero_points {
        Some(zero_points) => cx.b.dtype(zero_points)? != DType::U8,
        None => false,
    };
    let keeps_bytes = !is_float_zero && groups.is_none();
    let packed = flat_rows(cx, packed, &rows)?;
    let codes = unpacked(cx, packed, bits, keeps_bytes)?;
    let code_dtype = cx.b.dtype(codes)?;
    let zero_points = match zero_points {
        Some(zero_points) if is_float_zero => {
            let shape = vec![rows.clone(), n_blocks.clone()];
            cx.b.reshape(zero_points, shape)?
        }
        Some(zero_points) => {
            let zero_points = flat_rows(cx, zero_points, &rows)?;
            let zero_points = unpacked(cx, zero_points, bits, false)?;
            let zero_points = first(cx, zero_points, &n_blocks)?;
            cx.b.cast(zero_points, code_dtype)?
        }
        None => {
            let middle = cx.b.const_scalar_i64(code_dtype, 1 << (bits - 1));
            cx.b.expand(middle, vec![rows.clone(), n_blocks.clone()])?
        }
    };
    let mut weights = match groups {
        None if !is_float_zero => {
            let op = Op::Dequantize {
                axis: Some(1),
                block,
            };
            cx.b.op1(op, &[codes, scales, zero_points])?
        }
        _ => {
            let codes = first(cx, codes, &columns)?;
            let scales = per_column(cx, scales, groups, block, &padded, &columns)?;
            let zero_points = per_column(cx, zero_points, groups, block, &padded, &columns)?;
            let dtype = cx.b.dtype(scales)?;
            let codes = cx.b.cast(codes, dtype)?;
            let zero_points = cx.b.cast(zero_points, dtype)?;
            let centred = cx.b.sub(codes, zero_points)?;
            cx.b.mul(centred, scales)?
        }
    };
    weights = first(cx, weights, &columns)?;
    let weights = cx.b.transpose(weights, vec![1, 0])?;
    let dtype = cx.b.dtype(a)?;
    let weights = cx.b.cast(weights, dtype)?;
    let mut y = matmul(cx, a, weights)?;
    if let Some(bias) = bias {
        y = cx.b.add(y, bias)?;
    }
    Ok(vec![y])
}

/// As `[rows, the rest]`.
fn flat_rows(cx: &mut NodeCx<'_, '_>, x: ValueId, rows: &Dim) -> Made {
    let n_elements = cx.numel(x)?;
    let rest = cx.b.dims().div_exact(&n_elements, rows);
    let flat = vec![rows.clone(), rest];
    let before = cx.b.shape(x)?;
    if before == flat {
        return Ok(x);
    }
    // A constant gets the shape itself, so that it stays one.
    let graph = cx.b.graph();
    if let Some(Op::Const(id)) = graph.def_node(x).map(|node| &graph.node(node).op) {
        let constant = &graph.consts[*id];
        let dtype = constant.ty.dtype;
        let (data, name) = (constant.data.clone(), constant.name.clone());
        if !matches!(data, ConstData::Derived { .. }) {
            return Ok(cx.b.constant(TensorType::new(dtype, flat), data, name)?);
        }
    }
    Ok(cx.b.reshape(x, flat)?)
}

/// `[N, blocks]` as `[N, K]`: what block, or by `groups` what entry, each column takes.
fn per_column(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    groups: Option<ValueId>,
    block: usize,
    padded: &Dim,
    columns: &Dim,
) -> Made {
    if let Some(groups) = groups {
        let groups = cx.int_vector(groups)?;
        let groups = first(cx, groups, columns)?;
        return Ok(cx.b.gather(x, groups, 1)?);
    }
    let shape = cx.b.shape(x)?;
    let column = cx.b.unsqueeze(x, &[2])?;
    let wide = cx.b.expand(
        column,
        vec![shape[0].clone(), shape[1].clone(), Dim::from(block)],
    )?;
    let flat = cx.b.reshape(wide, vec![shape[0].clone(), padded.clone()])?;
    first(cx, flat, columns)
}

/// Rows looked up in codes, scales and zero points alike, then dequantised.
fn gather_block_quantized(cx: &mut NodeCx<'_, '_>) -> Converted {
    let block = block_size(cx, Some(128))?;
    let raw_gather = cx.int("gather_axis", 0)?;
    let raw_quantize = cx.int("quantize_axis", 1)?;
    let (data, indices, scales) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let mut zero_points = cx.opt(3);
    let rank = cx.b.rank(data)?;
    let gather_axis = operand::axis(raw_gather, rank)?;
    let quantize_axis = operand::axis(raw_quantize, rank)?;
    if gather_axis == quantize_axis {
        return Err(ConvertError::Invalid(
            "gather_axis and quantize_axis must differ".into(),
        ));
    }
    let dtype = cx.b.dtype(data)?;
    // Codes in bytes are unsigned and packed along the last axis, which is the one of the blocks.
    let bits = match dtype {
        DType::U8 => bits(cx)?,
        DType::U4 | DType::I4 => {
            cx.ignore(&["bits"]);
            0
        }
        other => {
            return Err(ConvertError::Unsupported(format!(
                "data of {other} is not supported"
            )));
        }
    };
    if bits != 0 && quantize_axis + 1 != rank {
        return Err(ConvertError::Invalid(
            "bytes of codes must be quantised along the last axis".into(),
        ));
    }
    let picked =
        |cx: &mut NodeCx<'_, '_>, x: ValueId| -> Made { Ok(cx.b.gather(x, indices, gather_axis)?) };
    let mut codes = picked(cx, data)?;
    let scales = picked(cx, scales)?;
    if let Some(given) = &mut zero_points {
        *given = picked(cx, *given)?;
    }
    let n_added = cx.b.rank(indices)?;
    let axis = if gather_axis < quantize_axis {
        quantize_axis + n_added - 1
    } else {
        quantize_axis
    };
    let mut operands = Vec::with_capacity(3);
    if bits != 0 {
        codes = unpacked(cx, codes, bits, false)?;
        let zero_points = match zero_points {
            Some(zero_points) => {
                let all = unpacked(cx, zero_points, bits, false)?;
                let n_blocks = cx.b.shape(scales)?.pop().unwrap_or(Dim::ONE);
                first(cx, all, &n_blocks)?
            }
            None => {
                let middle = cx.b.const_scalar_i64(DType::U8, 1 << (bits - 1));
                let shape = cx.b.shape(scales)?;
                cx.b.expand(middle, shape)?
            }
        };
        operands.extend([codes, scales, zero_points]);
    } else {
        operands.extend([codes, scales]);
        operands.extend(zero_points);
    }
    let op = Op::Dequantize {
        axis: Some(axis),
        block,
    };
    Ok(vec![cx.b.op1(op, &operands)?])
}
