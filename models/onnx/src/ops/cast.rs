//! Conversions of elements, and Identity.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, DTypeKind};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, Op};

pub(super) const OPS: &[OpEntry] = &[
    onnx("BitCast", bit_cast),
    onnx("Cast", cast),
    onnx("CastLike", cast_like),
    onnx("Identity", |cx| Ok(vec![cx.input(0)?])),
];

/// From this opset on, floats that exceed an integer of 4 or 2 bits keep the low bits of their integer part, as wider
/// integers do; before it they become the nearest end of its range.
const WRAPPED_SINCE: i64 = 24;

fn cast(cx: &mut NodeCx<'_, '_>) -> Converted {
    // Before opset 6 the type is given by its name.
    let to = if cx.opset() < 6 {
        let name = cx.string_req("to")?;
        dtype_of_name(&name)
            .ok_or_else(|| ConvertError::Unsupported(format!("attribute to: data type `{name}`")))?
    } else {
        cx.dtype_req("to")?
    };
    convert(cx, to)
}

/// A dtype by its name in the file format, in capitals or not.
fn dtype_of_name(name: &str) -> Option<DType> {
    Some(match name.to_ascii_uppercase().as_str() {
        "FLOAT" => DType::F32,
        "UINT8" => DType::U8,
        "INT8" => DType::I8,
        "UINT16" => DType::U16,
        "INT16" => DType::I16,
        "INT32" => DType::I32,
        "INT64" => DType::I64,
        "STRING" => DType::String,
        "BOOL" => DType::Bool,
        "FLOAT16" => DType::F16,
        "DOUBLE" => DType::F64,
        "UINT32" => DType::U32,
        "UINT64" => DType::U64,
        _ => return None,
    })
}

fn cast_like(cx: &mut NodeCx<'_, '_>) -> Converted {
    let like = cx.input(1)?;
    let to = cx.b.dtype(like)?;
    convert(cx, to)
}

fn convert(cx: &mut NodeCx<'_, '_>, to: DType) -> Converted {
    let saturate = cx.flag("saturate", true)?;
    let round_mode = cx.string("round_mode", "up")?;
    let mut x = cx.input(0)?;
    if cx.b.dtype(x)? == to {
        return Ok(vec![x]);
    }
    if to.is_int() && to.is_packed() && cx.b.dtype(x)?.is_float() && cx.opset() >= WRAPPED_SINCE {
        x = wrapped(cx, x, to)?;
    }
    if to == DType::F8E8M0 && round_mode != "up" {
        x = to_power_of_two(cx, x, &round_mode)?;
    }
    Ok(vec![cx.b.op1(Op::Cast { to, saturate }, &[x])?])
}

/// The low bits of the integer part, as an i32 that `to` can hold.
fn wrapped(cx: &mut NodeCx<'_, '_>, x: ValueId, to: DType) -> Result<ValueId, ConvertError> {
    let int = cx.b.cast(x, DType::I32)?;
    let n_values = 1i64 << to.bits();
    let mask = cx.b.const_scalar_i64(DType::I32, n_values - 1);
    let low = cx.b.binary(BinaryOp::BitAnd, int, mask)?;
    if to.kind() == DTypeKind::Unsigned {
        return Ok(low);
    }
    let sign = cx.b.const_scalar_i64(DType::I32, n_values / 2);
    let flipped = cx.b.binary(BinaryOp::BitXor, low, sign)?;
    Ok(cx.b.sub(flipped, sign)?)
}

/// Rounds the exponent by hand, so that the cast that follows is exact: the exponent is all that float8e8m0 holds.
fn to_power_of_two(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    round_mode: &str,
) -> Result<ValueId, ConvertError> {
    let x = cx.b.cast(x, DType::F32)?;
    let mut bits = cx.b.op1(Op::Bitcast { to: DType::I32 }, &[x])?;
    match round_mode {
        "down" => {}
        "nearest" => {
            // Half of the mantissa's range, less one unless the exponent is odd: ties go to the even exponent.
            let exponent_unit = cx.b.const_scalar_i64(DType::I32, 1 << 23);
            let odd = cx.b.binary(BinaryOp::BitAnd, bits, exponent_unit)?;
            let odd = cx.b.div(odd, exponent_unit)?;
            let almost_half = cx.b.const_scalar_i64(DType::I32, (1 << 22) - 1);
            bits = cx.b.add(bits, almost_half)?;
            bits = cx.b.add(bits, odd)?;
        }
        other => {
            return Err(ConvertError::Invalid(format!(
                "round_mode must be up, down or nearest, is `{other}`"
            )));
        }
    }
    let exponent_mask = cx.b.const_scalar_i64(DType::I32, 0x7f80_0000);
    let bits = cx.b.binary(BinaryOp::BitAnd, bits, exponent_mask)?;
    Ok(cx.b.op1(Op::Bitcast { to: DType::F32 }, &[bits])?)
}

fn bit_cast(cx: &mut NodeCx<'_, '_>) -> Converted {
    let to = cx.dtype_req("to")?;
    let x = cx.input(0)?;
    let from = cx.b.dtype(x)?;
    if from == to {
        return Ok(vec![x]);
    }
    // A truth value has the bits of a byte that is 0 or 1.
    let x = match (from, to) {
        (DType::Bool, _) => cx.b.cast(x, DType::U8)?,
        (_, DType::Bool) => {
            let byte = cx.b.op1(Op::Bitcast { to: DType::U8 }, &[x])?;
            return Ok(vec![cx.b.cast(byte, DType::Bool)?]);
        }
        _ => x,
    };
    Ok(vec![cx.b.op1(Op::Bitcast { to }, &[x])?])
}
