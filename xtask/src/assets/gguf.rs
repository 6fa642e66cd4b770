//! Reads a GGUF file: its keys, and its tensors as f32.
//!
//! Takes the storage types that the pinned file uses (F32, Q4_1, Q8_0) and refuses all others. The layout is that of
//! the GGUF specification, version 3: little-endian, dims from fastest to slowest, tensor data at an aligned offset.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use half::f16;

/// Elements in one block of a quantised type.
const BLOCK: usize = 32;

/// The value of one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Float(f32),
    Text(String),
    Texts(Vec<String>),
    /// A kind that nothing here asks for.
    Other,
}

/// One tensor and where its bytes are.
pub(super) struct Tensor {
    pub(super) name: String,
    /// From slowest to fastest, as in row-major order.
    pub(super) shape: Vec<usize>,
    kind: u32,
    offset: usize,
}

/// A parsed file that still lies in its bytes.
pub(super) struct Gguf<'a> {
    bytes: &'a [u8],
    keys: BTreeMap<String, Value>,
    pub(super) tensors: Vec<Tensor>,
}

impl<'a> Gguf<'a> {
    /// Reads the header.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader { bytes, pos: 0 };
        if reader.take(4)? != b"GGUF" {
            bail!("not a GGUF file");
        }
        let version = reader.u32()?;
        if version != 3 {
            bail!("GGUF version {version} is not supported");
        }
        let (n_tensors, n_keys) = (reader.size()?, reader.size()?);
        let mut keys = BTreeMap::new();
        for _ in 0..n_keys {
            let key = reader.text()?;
            let kind = reader.u32()?;
            keys.insert(key, reader.value(kind)?);
        }
        let mut tensors = vec![];
        for _ in 0..n_tensors {
            let name = reader.text()?;
            let rank = reader.u32()?;
            let mut shape = (0..rank)
                .map(|_| reader.size())
                .collect::<Result<Vec<_>>>()?;
            shape.reverse();
            tensors.push(Tensor {
                name,
                shape,
                kind: reader.u32()?,
                offset: reader.size()?,
            });
        }
        let mut gguf = Self {
            bytes,
            keys,
            tensors,
        };
        let alignment = match gguf.keys.get("general.alignment") {
            Some(Value::Integer(alignment)) => usize::try_from(*alignment)?,
            _ => 32,
        };
        let data_start = reader.pos.div_ceil(alignment.max(1)) * alignment.max(1);
        for tensor in &mut gguf.tensors {
            tensor.offset = tensor
                .offset
                .checked_add(data_start)
                .context("a tensor offset overflows")?;
        }
        Ok(gguf)
    }

    fn key(&self, key: &str) -> Result<&Value> {
        self.keys
            .get(key)
            .with_context(|| format!("the file has no key {key}"))
    }

    /// An integer key.
    pub(super) fn integer(&self, key: &str) -> Result<i64> {
        match self.key(key)? {
            Value::Integer(integer) => Ok(*integer),
            _ => bail!("key {key} is not an integer"),
        }
    }

    /// A float key.
    pub(super) fn float(&self, key: &str) -> Result<f32> {
        match self.key(key)? {
            Value::Float(float) => Ok(*float),
            _ => bail!("key {key} is not a float"),
        }
    }

    /// A string key.
    pub(super) fn text(&self, key: &str) -> Result<&str> {
        match self.key(key)? {
            Value::Text(text) => Ok(text),
            _ => bail!("key {key} is not a string"),
        }
    }

    /// A key that holds a list of strings.
    pub(super) fn texts(&self, key: &str) -> Result<&[String]> {
        match self.key(key)? {
            Value::Texts(texts) => Ok(texts),
            _ => bail!("key {key} is not a list of strings"),
        }
    }

    /// The elements of a tensor in row-major order.
    pub(super) fn values(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        let n_elements = tensor
            .shape
            .iter()
            .try_fold(1usize, |n, &dim| n.checked_mul(dim));
        let n_elements =
            n_elements.with_context(|| format!("{}: its size overflows", tensor.name))?;
        let (block, block_bytes) = match tensor.kind {
            0 => (1, 4),
            3 => (BLOCK, 20),
            8 => (BLOCK, 34),
            kind => bail!("{}: storage type {kind} is not supported", tensor.name),
        };
        let bytes = n_elements
            .is_multiple_of(block)
            .then(|| {
                (n_elements / block)
                    .checked_mul(block_bytes)?
                    .checked_add(tensor.offset)
            })
            .flatten()
            .and_then(|end| self.bytes.get(tensor.offset..end))
            .with_context(|| format!("{}: its data is not in the file", tensor.name))?;
        let mut values = Vec::with_capacity(n_elements);
        for block in bytes.chunks_exact(block_bytes) {
            match tensor.kind {
                0 => values.push(f32::from_le_bytes([block[0], block[1], block[2], block[3]])),
                3 => push_q4_1(block, &mut values),
                _ => push_q8_0(block, &mut values),
            }
        }
        Ok(values)
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Scale, minimum, then 16 bytes whose low halves are the first 16 elements and whose high halves the rest.
fn push_q4_1(block: &[u8], values: &mut Vec<f32>) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    values.extend(
        block[4..]
            .iter()
            .map(|byte| f32::from(byte & 15) * scale + min),
    );
    values.extend(
        block[4..]
            .iter()
            .map(|byte| f32::from(byte >> 4) * scale + min),
    );
}

/// Scale, then 32 signed bytes.
fn push_q8_0(block: &[u8], values: &mut Vec<f32>) {
    let scale = half_at(block, 0);
    values.extend(
        block[2..]
            .iter()
            .map(|&byte| scale * f32::from(byte.cast_signed())),
    );
}

/// A cursor whose every read is checked.
struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n_bytes: usize) -> Result<&'a [u8]> {
        let end = self
            .pos
            .checked_add(n_bytes)
            .context("a length overflows")?;
        let taken = self
            .bytes
            .get(self.pos..end)
            .context("the file ends within its header")?;
        self.pos = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Result<usize> {
        Ok(usize::try_from(u64::from_le_bytes(self.array()?))?)
    }

    fn text(&mut self) -> Result<String> {
        let n_bytes = self.size()?;
        Ok(String::from_utf8_lossy(self.take(n_bytes)?).into_owned())
    }

    fn value(&mut self, kind: u32) -> Result<Value> {
        Ok(match kind {
            0 | 1 | 7 => Value::Integer(i64::from(self.array::<1>()?[0])),
            2 => Value::Integer(i64::from(u16::from_le_bytes(self.array()?))),
            3 => Value::Integer(i64::from(i16::from_le_bytes(self.array()?))),
            4 => Value::Integer(i64::from(self.u32()?)),
            5 => Value::Integer(i64::from(i32::from_le_bytes(self.array()?))),
            6 => Value::Float(f32::from_le_bytes(self.array()?)),
            8 => Value::Text(self.text()?),
            9 => {
                let (item_kind, n_items) = (self.u32()?, self.size()?);
                if item_kind == 9 {
                    bail!("a list of lists is not supported");
                }
                let mut texts = vec![];
                for _ in 0..n_items {
                    if let Value::Text(text) = self.value(item_kind)? {
                        texts.push(text);
                    }
                }
                if item_kind == 8 {
                    Value::Texts(texts)
                } else {
                    Value::Other
                }
            }
            10..=12 => {
                self.take(8)?;
                Value::Other
            }
            _ => bail!("key type {kind} is unknown"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }

    /// One key, one F32 tensor `[1, 2]`, one Q8_0 and one Q4_1 tensor of 32 elements.
    fn sample() -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3u32.to_le_bytes());
        file.extend(3u64.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        file.extend(text("names"));
        file.extend([9, 0, 0, 0, 8, 0, 0, 0]);
        file.extend(2u64.to_le_bytes());
        file.extend([text("a"), text("b")].concat());
        for (name, dims, kind, offset) in [
            ("plain", &[2u64, 1][..], 0u32, 0u64),
            ("bytes", &[32], 8, 32),
            ("nibbles", &[32], 3, 96),
        ] {
            file.extend(text(name));
            file.extend((dims.len() as u32).to_le_bytes());
            dims.iter().for_each(|dim| file.extend(dim.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend(offset.to_le_bytes());
        }
        file.resize(file.len().next_multiple_of(32), 0);
        let start = file.len();
        file.extend([1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat());
        file.resize(start + 32, 0);
        file.extend(f16::from_f32(0.5).to_le_bytes());
        file.extend((0..32i8).map(|idx| (idx - 16).cast_unsigned()));
        file.resize(start + 96, 0);
        file.extend(f16::from_f32(2.0).to_le_bytes());
        file.extend(f16::from_f32(-1.0).to_le_bytes());
        file.extend((0..16u8).map(|idx| idx | ((15 - idx) << 4)));
        file
    }

    #[test]
    fn keys_and_all_three_storage_types_are_read() {
        let file = sample();
        let gguf = Gguf::parse(&file).unwrap();
        assert_eq!(gguf.texts("names").unwrap(), ["a", "b"]);
        assert_eq!(gguf.tensors[0].shape, [1, 2]);
        assert_eq!(gguf.values(&gguf.tensors[0]).unwrap(), [1.5, -2.0]);
        let bytes = gguf.values(&gguf.tensors[1]).unwrap();
        assert_eq!((bytes[0], bytes[16], bytes[31]), (-8.0, 0.0, 7.5));
        let nibbles = gguf.values(&gguf.tensors[2]).unwrap();
        assert_eq!(
            (nibbles[0], nibbles[15], nibbles[16], nibbles[31]),
            (-1.0, 29.0, 29.0, -1.0)
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        let file = sample();
        for n_bytes in 0..file.len() {
            let cut = &file[..n_bytes];
            let whole = Gguf::parse(cut).is_ok_and(|gguf| {
                gguf.tensors
                    .iter()
                    .all(|tensor| gguf.values(tensor).is_ok())
            });
            assert!(!whole, "{n_bytes} bytes were taken for the whole file");
        }
    }
}
