//! Arrays in NumPy's `.npy` format: writes i32, reads f32.
//!
//! Version 1.0 of the format, little-endian, row-major; the reader refuses anything else.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::repo;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Header text of an array.
fn header(descr: &str, shape: &[usize]) -> String {
    let dims: String = shape.iter().map(|dim| format!("{dim}, ")).collect();
    format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        dims.trim_end()
    )
}

/// Writes `values` in row-major order.
pub(super) fn write_i32(path: &Path, shape: &[usize], values: &[i32]) -> Result<()> {
    let mut text = header("<i4", shape);
    // The data start at a multiple of 64; the header ends with a newline.
    let length = (MAGIC.len() + 2 + text.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    text.push_str(&" ".repeat(length - text.len() - 1));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u16::try_from(length)?.to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    repo::write_whole(path, |writer| Ok(writer.write_all(&bytes)?))
}

/// Reads an array that must have this shape.
pub(super) fn read_f32(path: &Path, shape: &[usize]) -> Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse_f32(&bytes, shape).with_context(|| path.display().to_string())
}

fn parse_f32(bytes: &[u8], shape: &[usize]) -> Result<Vec<f32>> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .context("not a .npy file of version 1.0")?;
    let (length, rest) = rest
        .split_first_chunk::<2>()
        .context("the file ends within its header")?;
    let (text, data) = rest
        .split_at_checked(usize::from(u16::from_le_bytes(*length)))
        .context("the file ends within its header")?;
    let without_spaces = |text: &[u8]| -> Vec<u8> {
        text.iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect()
    };
    // Writers differ in spaces and in the comma after the last entry.
    let normal = |text: &[u8]| {
        String::from_utf8_lossy(&without_spaces(text))
            .replace(",}", "}")
            .replace(",)", ")")
    };
    let expected = header("<f4", shape);
    if normal(text) != normal(expected.as_bytes()) {
        bail!(
            "expected an array {expected}, got {}",
            String::from_utf8_lossy(text).trim_end()
        );
    }
    if data.len() != shape.iter().product::<usize>() * 4 {
        bail!("{} bytes of data do not fill {shape:?}", data.len());
    }
    Ok(data
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_arrays_have_an_aligned_header_and_their_data() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write_i32(&path, &[2, 1], &[1, -2]).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 128 + 8);
        assert!(bytes.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1,), }"));
        assert_eq!(bytes[127..], [b'\n', 1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn arrays_of_another_shape_type_or_length_are_refused() {
        let file = |text: &str, data: &[u8]| {
            [
                MAGIC,
                &(text.len() as u16).to_le_bytes(),
                text.as_bytes(),
                data,
            ]
            .concat()
        };
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}\n";
        let data = [0, 0, 128, 63, 0, 0, 0, 64];
        assert_eq!(parse_f32(&file(text, &data), &[1, 2]).unwrap(), [1.0, 2.0]);
        assert!(parse_f32(&file(text, &data), &[2, 1]).is_err());
        assert!(parse_f32(&file(text, &data[1..]), &[1, 2]).is_err());
        assert!(parse_f32(&file(&text.replace("f4", "i4"), &data), &[1, 2]).is_err());
        assert!(parse_f32(&file(text, &data)[..20], &[1, 2]).is_err());
    }
}
