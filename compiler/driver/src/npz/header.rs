//! The header of a `.npy` array: a Python dictionary behind magic, version and length.
//!
//! The format is NEP 1 of NumPy (versions 1.0, 2.0 and 3.0).

use anyhow::{Context, Result, bail};
use graphc_runtime::DType;
use std::io::Read;

/// Longest header that is read; those of plain arrays take some hundred bytes.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// Most axes of an array.
const MAX_RANK: usize = 64;

/// What one element is in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Element {
    /// A number or truth value that NumPy knows.
    Number(DType),
    /// Raw bytes of this width.
    Void(usize),
    /// Text of this many UTF-32 units.
    Unicode(usize),
    /// Text of this many bytes.
    Bytes(usize),
}

impl Element {
    /// Its width in bytes.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Element::Number(dtype) => Some(dtype.bits() / 8),
            Element::Void(width) | Element::Bytes(width) => Some(width),
            Element::Unicode(units) => units.checked_mul(4),
        }
    }
}

/// A header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

/// Reads a header and leaves the reader at the first element.
pub(super) fn read(from: &mut dyn Read) -> Result<Header> {
    let mut start = [0u8; 8];
    from.read_exact(&mut start).context("it is cut")?;
    if &start[..6] != b"\x93NUMPY" {
        bail!("it is no .npy array");
    }
    let n_bytes = match start[6] {
        1 => {
            let mut length = [0u8; 2];
            from.read_exact(&mut length).context("it is cut")?;
            usize::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0u8; 4];
            from.read_exact(&mut length).context("it is cut")?;
            u32::from_le_bytes(length) as usize
        }
        version => bail!("version {version} of the .npy format is unknown"),
    };
    if n_bytes > MAX_HEADER_BYTES {
        bail!("its header has {n_bytes} bytes, more than any plain array needs");
    }
    let mut text = vec![0; n_bytes];
    from.read_exact(&mut text).context("its header is cut")?;
    let text = std::str::from_utf8(&text).context("its header is no text")?;
    parse(text)
}

/// A header for a C-ordered array, padded so that the elements start at a multiple of 64.
pub(super) fn write(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        sizes.join(", ")
    );
    while (text.len() + 11) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn parse(text: &str) -> Result<Header> {
    let mut words = Words { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    words.expect('{')?;
    while !words.eat('}') {
        let key = words.quoted()?;
        words.expect(':')?;
        match key {
            "descr" if words.at('[') => bail!("records of several fields are not read"),
            "descr" => descr = Some(words.quoted()?),
            "fortran_order" => fortran = Some(words.truth()?),
            "shape" => shape = Some(words.sizes()?),
            other => bail!("its header has an unknown key `{other}`"),
        }
        if !words.eat(',') && !words.at('}') {
            bail!("its header is damaged");
        }
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        bail!("its header is not complete");
    };
    let (element, big_endian) = element(descr)?;
    Ok(Header {
        element,
        big_endian,
        fortran,
        shape,
    })
}

/// What a NumPy type string says, and whether it is big-endian.
fn element(descr: &str) -> Result<(Element, bool)> {
    let (order, kind) = match descr.chars().next() {
        Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
        _ => ('=', descr),
    };
    let big_endian = order == '>' || (order == '=' && cfg!(target_endian = "big"));
    let width = |text: &str| {
        text.parse::<usize>()
            .with_context(|| format!("element type `{descr}` is unknown"))
    };
    let element = match kind {
        "b1" => Element::Number(DType::Bool),
        "i1" => Element::Number(DType::I8),
        "i2" => Element::Number(DType::I16),
        "i4" => Element::Number(DType::I32),
        "i8" => Element::Number(DType::I64),
        "u1" => Element::Number(DType::U8),
        "u2" => Element::Number(DType::U16),
        "u4" => Element::Number(DType::U32),
        "u8" => Element::Number(DType::U64),
        "f2" => Element::Number(DType::F16),
        "f4" => Element::Number(DType::F32),
        "f8" => Element::Number(DType::F64),
        _ => match kind.split_at_checked(1) {
            Some(("V", text)) => Element::Void(width(text)?),
            Some(("U", text)) => Element::Unicode(width(text)?),
            Some(("S", text)) => Element::Bytes(width(text)?),
            Some(("O", _)) => {
                bail!("Python objects are not read; for text use dtype=str, for numbers their own")
            }
            Some(("c", _)) => bail!("complex numbers are not read; give real and imaginary parts"),
            Some(("M" | "m", _)) => bail!("dates and times are not read"),
            _ => bail!("element type `{descr}` is not read"),
        },
    };
    Ok((element, big_endian))
}

/// What is left of the dictionary's text.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn at(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.starts_with(wanted)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.at(wanted);
        if found {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        if self.eat(wanted) {
            return Ok(());
        }
        bail!("its header is damaged: `{wanted}` expected")
    }

    fn quoted(&mut self) -> Result<&'a str> {
        let quote = if self.eat('"') {
            '"'
        } else {
            self.expect('\'')?;
            '\''
        };
        let Some((text, rest)) = self.rest.split_once(quote) else {
            bail!("its header is damaged: a string does not end");
        };
        self.rest = rest;
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool> {
        self.rest = self.rest.trim_start();
        for (word, truth) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(truth);
            }
        }
        bail!("its header is damaged: `fortran_order` is neither True nor False")
    }

    fn sizes(&mut self) -> Result<Vec<usize>> {
        self.expect('(')?;
        let mut sizes = Vec::new();
        while !self.eat(')') {
            self.rest = self.rest.trim_start();
            let n_digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, rest) = self.rest.split_at(n_digits);
            let size = digits
                .parse()
                .map_err(|_| anyhow::anyhow!("its shape is damaged"))?;
            sizes.push(size);
            // Python 2 marks long integers.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if sizes.len() > MAX_RANK {
                bail!("its shape has more than {MAX_RANK} axes");
            }
            if !self.eat(',') && !self.at(')') {
                bail!("its shape is damaged");
            }
        }
        Ok(sizes)
    }
}
