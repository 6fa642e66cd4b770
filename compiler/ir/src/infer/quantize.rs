//! Quantisation and its reverse: one scale, one per slice of an axis, or one per block along it.

use super::call::{Call, DTypeClass, FLOAT, Outputs, one};
use crate::types::TensorType;
use graphc_base::DType;

const QUANTIZED: DTypeClass = DTypeClass {
    words: "an integer of at most 16 bits, float8 or float4",
    has: is_quantized,
};
const DEQUANTIZABLE: DTypeClass = DTypeClass {
    words: "i32, an integer of at most 16 bits, float8 or float4",
    has: |dtype| dtype == DType::I32 || is_quantized(dtype),
};
const QUANTIZABLE: DTypeClass = DTypeClass {
    words: "a float or i32",
    has: |dtype| dtype == DType::I32 || (FLOAT.has)(dtype),
};

/// F8E8M0 holds only powers of two: it is a type of scales.
fn is_quantized(dtype: DType) -> bool {
    let is_small_int = dtype.is_int() && dtype.bits() <= 16;
    let is_small_float = dtype.is_float() && dtype.is_storage_only() && dtype != DType::F8E8M0;
    is_small_int || is_small_float
}

pub(super) fn quantize(
    call: &mut Call<'_>,
    to: DType,
    axis: Option<usize>,
    block: usize,
) -> Outputs {
    let ([x, scale], [zero_point]) = call.tensors_then(["x", "scale"], ["zero_point"])?;
    call.want("x", x.dtype, QUANTIZABLE)?;
    call.want("scale", scale.dtype, FLOAT)?;
    call.want("result", to, QUANTIZED)?;
    scales(call, x, scale, zero_point, to, axis, block)?;
    one(to, x.shape.clone())
}

pub(super) fn dequantize(call: &mut Call<'_>, axis: Option<usize>, block: usize) -> Outputs {
    let ([q, scale], [zero_point]) = call.tensors_then(["q", "scale"], ["zero_point"])?;
    call.want("q", q.dtype, DEQUANTIZABLE)?;
    call.want("scale", scale.dtype, FLOAT)?;
    scales(call, q, scale, zero_point, q.dtype, axis, block)?;
    one(scale.dtype, q.shape.clone())
}

fn scales(
    call: &mut Call<'_>,
    x: &TensorType,
    scale: &TensorType,
    zero_point: Option<&TensorType>,
    quantized: DType,
    axis: Option<usize>,
    block: usize,
) -> Result<(), super::TypeError> {
    match axis {
        None => {
            call.ensure(block == 0, "blocks need an axis")?;
            call.rank("scale", scale, 0)?;
        }
        Some(axis) => {
            call.axis(axis, x.rank())?;
            if block == 0 {
                call.rank("scale", scale, 1)?;
                let what = "scale and x differ along the axis";
                call.equal(&scale.shape[0], &x.shape[axis], what)?;
            } else {
                let block = call.count("block", block)?;
                let mut wanted = x.shape.clone();
                wanted[axis] = call.dims().ceil_div(&x.shape[axis], &block);
                let what = "scale does not fit x in blocks";
                call.equal_shapes(&scale.shape, &wanted, what)?;
            }
        }
    }
    if let Some(zero_point) = zero_point {
        call.same_dtype("zero_point", zero_point, quantized)?;
        let what = "zero_point and scale differ in shape";
        call.equal_shapes(&zero_point.shape, &scale.shape, what)?;
    }
    Ok(())
}
