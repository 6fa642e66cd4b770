//! Tensors in NumPy's `.npz` files, read and written.
//!
//! Types that NumPy lacks are raw void of their width (bfloat16, float8), integers below a byte one to a byte. Arrays may
//! be in Fortran order, big-endian, compressed, in archives beyond 4 GiB. Files are hostile input: a damaged one is an
//! error that names the array, and no memory is taken that the file's size does not account for. Complex numbers, dates,
//! records and Python objects are refused.

mod array;
mod header;
#[cfg(test)]
mod tests;

use crate::whole_file::write_whole;
use anyhow::{Context, Result, bail};
use graphc_runtime::{DType, Value};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes that deflate can make of one.
const MAX_INFLATION: u64 = 1032;

/// Arrays of at least this many bytes get zip64 entries.
const LARGE_ARRAY: usize = 1 << 31;

/// Reads all arrays of a file by name. Raw void of two bytes is taken for bfloat16.
pub fn read(path: &Path) -> Result<BTreeMap<String, Value>> {
    read_as(path, &|_| None)
}

/// Reads all arrays of a file by name. `wanted` says which element type an array is meant to have, where that is known; it
/// decides what raw void and bytes of small integers are, and converts nothing else.
pub fn read_as(
    path: &Path,
    wanted: &dyn Fn(&str) -> Option<DType>,
) -> Result<BTreeMap<String, Value>> {
    let shown = || path.display().to_string();
    crate::whole_file::require_file(path)?;
    let file = File::open(path).with_context(shown)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| {
        anyhow::anyhow!(
            "{}: not an npz file, or a damaged one: {error}",
            path.display()
        )
    })?;
    let mut values = BTreeMap::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).with_context(shown)?;
        let member_name = member.name().with_context(shown)?.into_owned();
        let Some(name) = member_name.strip_suffix(".npy") else {
            bail!("{}: `{member_name}` is no .npy array", path.display());
        };
        let context = || format!("{}: array `{name}`", path.display());
        let (size, packed) = (member.size(), member.compressed_size());
        let credible = size.min(packed.saturating_mul(MAX_INFLATION).saturating_add(1 << 12));
        let value = array::read(&mut member, credible, wanted(name)).with_context(context)?;
        if values.insert(name.to_owned(), value).is_some() {
            bail!("{}: array `{name}` stands twice", path.display());
        }
    }
    Ok(values)
}

/// Writes values by name; the file appears only when it is whole, and replaces another only then. Elements of sequences
/// become `NAME.0`, `NAME.1` and so on; optionals that are absent are left out.
pub fn write(path: &Path, values: &[(String, Value)]) -> Result<()> {
    let mut arrays: Vec<(String, &Value)> = Vec::new();
    for (name, value) in values {
        flatten(name, value, &mut arrays);
    }
    write_whole(path, |file| {
        let mut archive = ZipWriter::new(file);
        for (name, value) in arrays {
            let bytes = array::payload(value).with_context(|| format!("output `{name}`"))?;
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(bytes.len() >= LARGE_ARRAY);
            archive.start_file(format!("{name}.npy"), options)?;
            archive.write_all(&header::write(&bytes.descr, bytes.shape))?;
            archive.write_all(&bytes.data)?;
        }
        archive.finish()?;
        Ok(())
    })
}

fn flatten<'a>(name: &str, value: &'a Value, arrays: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Tensor(_) | Value::Strings(_) => arrays.push((name.to_owned(), value)),
        Value::Sequence(elements) => {
            for (position, element) in elements.iter().enumerate() {
                flatten(&format!("{name}.{position}"), element, arrays);
            }
        }
        Value::Optional(None) => {}
        Value::Optional(Some(inner)) => flatten(name, inner, arrays),
    }
}
