//! The elements of one array, to and from values.

use super::header::{self, Element, Header};
use anyhow::{Context, Result, bail};
use graphc_base::float::{get_packed, set_packed};
use graphc_runtime::{DType, StringTensor, Tensor, Value};
use std::borrow::Cow;
use std::io::Read;

/// Reads header and elements. The member has at most `credible` bytes, whatever the header claims.
pub(super) fn read(from: &mut dyn Read, credible: u64, wanted: Option<DType>) -> Result<Value> {
    let header = header::read(from)?;
    let overflow = || format!("its shape {:?} is too large", header.shape);
    let n_elements = n_elements(&header.shape).with_context(overflow)?;
    let width = header.element.width().with_context(overflow)?;
    let n_bytes = n_elements.checked_mul(width).with_context(overflow)?;
    if n_bytes as u64 > credible {
        bail!(
            "its shape {:?} takes {n_bytes} bytes, the file does not hold as many",
            header.shape
        );
    }
    let mut data = vec![0; n_bytes];
    from.read_exact(&mut data).context("its elements are cut")?;
    // Reading up to the end has the checksum compared.
    let mut beyond = [0u8; 1];
    if from.read(&mut beyond).context("it is damaged")? > 0 {
        bail!("it holds more bytes than its shape {:?}", header.shape);
    }
    if header.big_endian {
        let unit = match header.element {
            Element::Unicode(_) => 4,
            Element::Number(_) => width,
            Element::Void(_) | Element::Bytes(_) => 1,
        };
        data.chunks_exact_mut(unit.max(1)).for_each(<[u8]>::reverse);
    }
    if header.fortran && header.shape.len() > 1 {
        data = to_row_major(&data, &header.shape, width);
    }
    value(&header, n_elements, &data, wanted)
}

fn value(header: &Header, n_elements: usize, data: &[u8], wanted: Option<DType>) -> Result<Value> {
    let shape = &header.shape;
    let made = |tensor: Option<Tensor>| {
        tensor
            .map(Value::from)
            .context("its size does not fit its shape")
    };
    match header.element {
        Element::Number(DType::Bool) => {
            let bytes: Vec<u8> = data.iter().map(|&byte| u8::from(byte != 0)).collect();
            made(Tensor::from_bytes(DType::Bool, shape, &bytes))
        }
        Element::Number(dtype @ (DType::I8 | DType::U8)) => match wanted {
            Some(small @ (DType::I4 | DType::U4 | DType::I2 | DType::U2)) => {
                made(Some(pack(small, shape, data, dtype == DType::I8)?))
            }
            _ => made(Tensor::from_bytes(dtype, shape, data)),
        },
        Element::Number(dtype) => made(Tensor::from_bytes(dtype, shape, data)),
        Element::Void(width) => match wanted {
            Some(small) if small.is_packed() && width == 1 => {
                let signed = matches!(small, DType::I4 | DType::I2);
                made(Some(pack(small, shape, data, signed)?))
            }
            Some(dtype) if dtype.bits() == 8 * width => {
                made(Tensor::from_bytes(dtype, shape, data))
            }
            Some(dtype) => bail!("it is raw void of {width} bytes, which is no {dtype}"),
            None if width == 2 => made(Tensor::from_bytes(DType::BF16, shape, data)),
            None => bail!("it is raw void of {width} bytes, and nothing says of which type"),
        },
        Element::Unicode(units) => {
            let text = |element: &[u8]| -> Result<String> {
                let (codes, _) = element.as_chunks::<4>();
                let codes: Vec<u32> = codes.iter().map(|&code| u32::from_le_bytes(code)).collect();
                let n_used = codes
                    .iter()
                    .rposition(|&code| code != 0)
                    .map_or(0, |at| at + 1);
                codes[..n_used]
                    .iter()
                    .map(|&code| char::from_u32(code).context("a string holds no valid text"))
                    .collect()
            };
            strings(shape, n_elements, data, units * 4, &text)
        }
        Element::Bytes(width) => {
            let text = |element: &[u8]| -> Result<String> {
                let n_used = element
                    .iter()
                    .rposition(|&byte| byte != 0)
                    .map_or(0, |at| at + 1);
                String::from_utf8(element[..n_used].to_vec())
                    .context("a string holds bytes that are no UTF-8")
            };
            strings(shape, n_elements, data, width, &text)
        }
    }
}

fn strings(
    shape: &[usize],
    n_elements: usize,
    data: &[u8],
    width: usize,
    text: &dyn Fn(&[u8]) -> Result<String>,
) -> Result<Value> {
    let data = if width == 0 {
        // All strings are empty, and no byte of the file stands for one.
        if n_elements > 1 << 24 {
            bail!("it holds too many strings");
        }
        vec![String::new(); n_elements]
    } else {
        data.chunks_exact(width)
            .map(text)
            .collect::<Result<Vec<_>>>()?
    };
    Ok(Value::Strings(StringTensor {
        shape: shape.to_vec(),
        data,
    }))
}

/// Integers of less than a byte, from one to a byte.
fn pack(dtype: DType, shape: &[usize], data: &[u8], signed: bool) -> Result<Tensor> {
    let bits = dtype.bits();
    let (lo, hi) = match dtype {
        DType::I4 | DType::I2 => (-(1i16 << (bits - 1)), (1i16 << (bits - 1)) - 1),
        _ => (0, (1i16 << bits) - 1),
    };
    let mut tensor = Tensor::zeros(dtype, shape).context("its size does not fit its shape")?;
    for (position, &byte) in data.iter().enumerate() {
        let number = if signed {
            i16::from(byte as i8)
        } else {
            i16::from(byte)
        };
        if number < lo || number > hi {
            bail!("it holds {number}, which is no {dtype}");
        }
        let code = (number & ((1 << bits) - 1)) as u8;
        set_packed(tensor.bytes_mut(), bits, position, code);
    }
    Ok(tensor)
}

/// An array as the file holds it.
pub(super) struct Payload<'a> {
    pub(super) descr: String,
    pub(super) shape: &'a [usize],
    pub(super) data: Cow<'a, [u8]>,
}

impl Payload<'_> {
    /// Bytes of all elements.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }
}

/// A tensor or strings as an array.
pub(super) fn payload(value: &Value) -> Result<Payload<'_>> {
    let tensor = match value {
        Value::Tensor(tensor) => tensor,
        Value::Strings(strings) => return Ok(text_payload(strings)),
        other => bail!("{} has no place in an npz file", other.describe()),
    };
    let dtype = tensor.dtype();
    let bits = dtype.bits();
    let plain = |descr: &str| (descr.to_owned(), Cow::Borrowed(tensor.bytes()));
    let (descr, data) = match dtype {
        DType::Bool => plain("|b1"),
        DType::U8 => plain("|u1"),
        DType::I8 => plain("|i1"),
        DType::U16 => plain("<u2"),
        DType::I16 => plain("<i2"),
        DType::U32 => plain("<u4"),
        DType::I32 => plain("<i4"),
        DType::U64 => plain("<u8"),
        DType::I64 => plain("<i8"),
        DType::F16 => plain("<f2"),
        DType::F32 => plain("<f4"),
        DType::F64 => plain("<f8"),
        DType::BF16 => plain("|V2"),
        DType::I4 | DType::U4 | DType::I2 | DType::U2 | DType::F4E2M1 => {
            let codes = (0..tensor.n_elements()).map(|at| get_packed(tensor.bytes(), bits, at));
            let signed = matches!(dtype, DType::I4 | DType::I2);
            let spread = |code: u8| match signed {
                true => (((code << (8 - bits)) as i8) >> (8 - bits)) as u8,
                false => code,
            };
            let descr = match dtype {
                DType::F4E2M1 => "|V1",
                _ if signed => "|i1",
                _ => "|u1",
            };
            (descr.to_owned(), Cow::Owned(codes.map(spread).collect()))
        }
        DType::F8E4M3FN | DType::F8E4M3FNUZ | DType::F8E5M2 | DType::F8E5M2FNUZ | DType::F8E8M0 => {
            plain("|V1")
        }
        DType::String => bail!("strings have no byte layout"),
    };
    Ok(Payload {
        descr,
        shape: tensor.shape(),
        data,
    })
}

fn text_payload(strings: &StringTensor) -> Payload<'_> {
    let longest = strings.data.iter().map(|text| text.chars().count()).max();
    let units = longest.unwrap_or(0).max(1);
    let mut data = Vec::with_capacity(strings.data.len() * units * 4);
    for text in &strings.data {
        let start = data.len();
        data.extend(text.chars().flat_map(|c| u32::from(c).to_le_bytes()));
        data.resize(start + units * 4, 0);
    }
    Payload {
        descr: format!("<U{units}"),
        shape: &strings.shape,
        data: Cow::Owned(data),
    }
}

fn n_elements(shape: &[usize]) -> Option<usize> {
    // A zero among overflowing sizes is still no array.
    shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size.max(1)))
        .map(|n| if shape.contains(&0) { 0 } else { n })
}

/// From column-major to row-major.
fn to_row_major(data: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut strides = vec![width; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0usize; shape.len()];
    let mut rows = Vec::with_capacity(data.len());
    while rows.len() < data.len() {
        let start: usize = index
            .iter()
            .zip(&strides)
            .map(|(at, stride)| at * stride)
            .sum();
        rows.extend_from_slice(&data[start..start + width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    rows
}
