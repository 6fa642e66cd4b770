//! Text of constants: small contents in full, others by where they are and their hash.

use super::writer::Writer;
use crate::consts::{ConstData, ConstId, Constant, SMALL_CONST_BYTES};
use crate::types::ValueType;
use graphc_base::DType;
use half::{bf16, f16};
use std::fmt::Debug;

/// `const c0 "name": f32[2] = [1.0,2.0]`.
pub(super) fn write_constant(writer: &mut Writer<'_>, id: ConstId, constant: &Constant) {
    writer.text("const ");
    writer.constant(id);
    if let Some(name) = &constant.name {
        writer.text(" ");
        writer.quoted(name);
    }
    let ty = ValueType::Tensor(constant.ty.clone());
    writer.text(": ");
    writer.ty(&ty);
    writer.text(" = ");
    match &constant.data {
        ConstData::Mapped { .. } => writer.show(format_args!("mapped 0x{:016x}", constant.hash)),
        ConstData::Inline(bytes) if bytes.len() > SMALL_CONST_BYTES => {
            writer.show(format_args!("inline 0x{:016x}", constant.hash));
        }
        ConstData::Inline(bytes) => write_bytes(writer, constant, bytes),
        ConstData::Strings(strings) => {
            let n_bytes: usize = strings.iter().map(String::len).sum();
            if n_bytes > SMALL_CONST_BYTES || strings.len() > SMALL_CONST_BYTES {
                writer.show(format_args!("strings 0x{:016x}", constant.hash));
            } else {
                write_list(writer, strings.iter(), |writer, text| writer.quoted(text));
            }
        }
        ConstData::Derived { op, inputs, output } => {
            writer.show(format_args!("derived output={output} "));
            writer.op(op, std::slice::from_ref(&ty));
            if !inputs.is_empty() {
                writer.text(" ");
                writer.list(inputs, |writer, input| writer.constant(*input));
            }
        }
    }
}

/// Elements where they are numbers that people read and there are as many as the type says; else the bytes.
fn write_bytes(writer: &mut Writer<'_>, constant: &Constant, bytes: &[u8]) {
    let is_whole = n_elements(constant)
        .and_then(|n_elements| constant.ty.dtype.byte_len(n_elements))
        .is_some_and(|n_bytes| n_bytes == bytes.len());
    if !is_whole || !write_elements(writer, constant.ty.dtype, bytes) {
        writer.text("hex \"");
        for byte in bytes {
            writer.show(format_args!("{byte:02x}"));
        }
        writer.text("\"");
    }
}

fn n_elements(constant: &Constant) -> Option<usize> {
    constant
        .ty
        .const_shape()?
        .into_iter()
        .try_fold(1usize, usize::checked_mul)
}

/// Whether they could be written as a list.
fn write_elements(writer: &mut Writer<'_>, dtype: DType, bytes: &[u8]) -> bool {
    match dtype {
        DType::Bool => {
            if bytes.iter().any(|byte| *byte > 1) {
                return false;
            }
            write_list(writer, bytes, |writer, byte| writer.show(*byte == 1));
        }
        DType::U8 => integers(writer, bytes, u8::from_le_bytes),
        DType::I8 => integers(writer, bytes, i8::from_le_bytes),
        DType::U16 => integers(writer, bytes, u16::from_le_bytes),
        DType::I16 => integers(writer, bytes, i16::from_le_bytes),
        DType::U32 => integers(writer, bytes, u32::from_le_bytes),
        DType::I32 => integers(writer, bytes, i32::from_le_bytes),
        DType::U64 => integers(writer, bytes, u64::from_le_bytes),
        DType::I64 => integers(writer, bytes, i64::from_le_bytes),
        DType::F16 => elements(writer, bytes, |writer, element| {
            let value = f16::from_le_bytes(element);
            let bits = u64::from(value.to_bits());
            float(writer, value.to_f32(), value.is_nan(), bits, 4);
        }),
        DType::BF16 => elements(writer, bytes, |writer, element| {
            let value = bf16::from_le_bytes(element);
            let bits = u64::from(value.to_bits());
            float(writer, value.to_f32(), value.is_nan(), bits, 4);
        }),
        DType::F32 => elements(writer, bytes, |writer, element| {
            let value = f32::from_le_bytes(element);
            float(writer, value, value.is_nan(), u64::from(value.to_bits()), 8);
        }),
        DType::F64 => elements(writer, bytes, |writer, element| {
            let value = f64::from_le_bytes(element);
            float(writer, value, value.is_nan(), value.to_bits(), 16);
        }),
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2
        | DType::String => return false,
    }
    true
}

fn integers<T: std::fmt::Display, const N: usize>(
    writer: &mut Writer<'_>,
    bytes: &[u8],
    read: fn([u8; N]) -> T,
) {
    elements(writer, bytes, |writer, element| writer.show(read(element)));
}

fn elements<const N: usize>(
    writer: &mut Writer<'_>,
    bytes: &[u8],
    mut write: impl FnMut(&mut Writer<'_>, [u8; N]),
) {
    let (elements, _) = bytes.as_chunks::<N>();
    write_list(writer, elements, |writer, element| write(writer, *element));
}

/// The value; NaN always with its bits.
fn float(writer: &mut Writer<'_>, value: impl Debug, is_nan: bool, bits: u64, n_digits: usize) {
    if is_nan {
        writer.show(format_args!("nan({bits:0n_digits$x})"));
    } else {
        writer.show(format_args!("{value:?}"));
    }
}

fn write_list<T>(
    writer: &mut Writer<'_>,
    items: impl IntoIterator<Item = T>,
    write: impl FnMut(&mut Writer<'_>, T),
) {
    writer.text("[");
    writer.list(items, write);
    writer.text("]");
}
