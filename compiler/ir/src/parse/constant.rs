//! Declarations of constants.

use super::Reader;
use super::block;
use super::error::ParseError;
use super::pieces::float_text;
use crate::consts::ConstData;
use crate::types::{TensorType, ValueType};
use graphc_base::DType;
use half::{bf16, f16};

/// A constant whose contents are not in the text.
#[derive(Debug)]
pub struct ConstRequest<'a> {
    /// Its name in the model file.
    pub name: Option<&'a str>,
    /// Element type and shape.
    pub ty: &'a TensorType,
    /// The hash that the text gives: [`Constant::hash`](crate::Constant::hash) when it was written.
    pub hash: u64,
}

/// `c0 "name": f32[2] = [1.0, 2.0]`.
pub(super) fn declaration(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    let number = reader.number_after("c", "constant")?;
    let name = if reader.at("\"") {
        Some(reader.quoted()?)
    } else {
        None
    };
    reader.expect(":")?;
    let ty = reader.tensor_type()?;
    reader.expect("=")?;
    let data = contents(reader, name.as_deref(), &ty)?;
    let id = reader.graph.consts.insert(ty, data, name);
    reader.declare_constant(number, id)
}

fn contents(
    reader: &mut Reader<'_>,
    name: Option<&str>,
    ty: &TensorType,
) -> Result<ConstData, ParseError> {
    if reader.at("[") {
        return elements(reader, ty);
    }
    let start = reader.start();
    match reader.word() {
        "mapped" | "inline" | "strings" => {
            let hash = hash(reader)?;
            let request = ConstRequest { name, ty, hash };
            (reader.resolve)(&request)
                .ok_or_else(|| reader.error_at(start, "contents of the constant are not at hand"))
        }
        "hex" => hex(reader).map(|bytes| ConstData::Inline(bytes.into())),
        "derived" => derived(reader, ty),
        _ => Err(reader.error_at(
            start,
            "`[`, `hex`, `mapped`, `inline`, `strings` or `derived` expected",
        )),
    }
}

/// `0x0123456789abcdef`.
fn hash(reader: &mut Reader<'_>) -> Result<u64, ParseError> {
    let start = reader.start();
    reader
        .word()
        .strip_prefix("0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| reader.error_at(start, "hash expected"))
}

fn hex(reader: &mut Reader<'_>) -> Result<Vec<u8>, ParseError> {
    let start = reader.start();
    let text = reader.quoted()?;
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        })
        .collect();
    bytes
        .filter(|_| rest.is_empty())
        .ok_or_else(|| reader.error_at(start, "pairs of hexadecimal digits expected"))
}

/// `output=0 add c0, c1`.
fn derived(reader: &mut Reader<'_>, ty: &TensorType) -> Result<ConstData, ParseError> {
    if !reader.eat_key("output") {
        return Err(reader.error("`output=` expected"));
    }
    let output = reader.integer()?;
    let op = block::op(reader, &[ValueType::Tensor(ty.clone())])?;
    let mut inputs = Vec::new();
    if reader.at_constant() {
        inputs.push(reader.constant()?);
        while reader.eat(",") {
            inputs.push(reader.constant()?);
        }
    }
    Ok(ConstData::Derived {
        op: Box::new(op),
        inputs,
        output,
    })
}

/// The contents as a list, as many as the type says.
fn elements(reader: &mut Reader<'_>, ty: &TensorType) -> Result<ConstData, ParseError> {
    let start = reader.start();
    let (n_read, data) = if ty.dtype == DType::String {
        let mut strings = Vec::new();
        reader.list(|reader| {
            strings.push(reader.quoted()?);
            Ok(())
        })?;
        (strings.len(), ConstData::Strings(strings.into()))
    } else {
        let mut bytes = Vec::new();
        let mut n_read = 0;
        reader.list(|reader| {
            element(reader, ty.dtype, &mut bytes)?;
            n_read += 1;
            Ok(())
        })?;
        (n_read, ConstData::Inline(bytes.into()))
    };
    let n_elements = ty
        .const_shape()
        .and_then(|shape| shape.into_iter().try_fold(1usize, usize::checked_mul));
    if n_elements != Some(n_read) {
        return Err(reader.error_at(
            start,
            format!("constant has {n_read} elements, which is not what its type says"),
        ));
    }
    Ok(data)
}

fn element(reader: &mut Reader<'_>, dtype: DType, bytes: &mut Vec<u8>) -> Result<(), ParseError> {
    match dtype {
        DType::Bool => {
            let value = reader.one_of(&[("false", 0u8), ("true", 1u8)])?;
            bytes.push(value);
        }
        DType::U8 => bytes.extend(reader.integer::<u8>()?.to_le_bytes()),
        DType::I8 => bytes.extend(reader.integer::<i8>()?.to_le_bytes()),
        DType::U16 => bytes.extend(reader.integer::<u16>()?.to_le_bytes()),
        DType::I16 => bytes.extend(reader.integer::<i16>()?.to_le_bytes()),
        DType::U32 => bytes.extend(reader.integer::<u32>()?.to_le_bytes()),
        DType::I32 => bytes.extend(reader.integer::<i32>()?.to_le_bytes()),
        DType::U64 => bytes.extend(reader.integer::<u64>()?.to_le_bytes()),
        DType::I64 => bytes.extend(reader.integer::<i64>()?.to_le_bytes()),
        DType::F16 => bytes.extend(half(reader, f16::from_bits, f16::from_f32)?.to_le_bytes()),
        DType::BF16 => bytes.extend(half(reader, bf16::from_bits, bf16::from_f32)?.to_le_bytes()),
        DType::F32 => {
            let value = reader.float(
                |bits| u32::try_from(bits).ok().map(f32::from_bits),
                |token| float_text(token, f32::is_finite),
            )?;
            bytes.extend(value.to_le_bytes());
        }
        DType::F64 => bytes.extend(reader.f64()?.to_le_bytes()),
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
        | DType::String => {
            return Err(reader.error(format!("{dtype} contents must be `hex`")));
        }
    }
    Ok(())
}

/// A 16-bit float, whose text is that of the equal `f32`.
fn half<T: Copy + Into<f32>>(
    reader: &mut Reader<'_>,
    from_bits: fn(u16) -> T,
    from_f32: fn(f32) -> T,
) -> Result<T, ParseError> {
    reader.float(
        |bits| u16::try_from(bits).ok().map(from_bits),
        |token| {
            let wide = float_text(token, f32::is_finite)?;
            let value = from_f32(wide);
            // A number that is too large for the type is no text of it.
            (wide.is_finite() == value.into().is_finite()).then_some(value)
        },
    )
}
