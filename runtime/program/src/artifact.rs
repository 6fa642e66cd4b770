//! The file form: a safetensors file whose metadata hold the program and whose tensors are the constants.
//!
//! Constants start at multiples of 64 (gaps are filled by `pad.N` tensors, since the format allows no holes) and are mapped,
//! not read. At every load the header must be, byte for byte, what would be written for its contents, with a hash of
//! program, tensor table and checksums; the program is then validated as hostile. The metadata also carry a checksum of each
//! constant, tested by [`Artifact::check_constants`]. A file is written under a temporary name and renamed.

use crate::memory::ALIGNMENT;
use crate::program::{ConstRef, Program, SCHEMA};
use crate::validate::ValidateError;
use graphc_base::{DType, MappedFile, PrimaryMap};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const METADATA: &str = "__metadata__";
const PROGRAM_KEY: &str = "graphc.program";
const CHECKSUMS_KEY: &str = "graphc.checksums";
const HASH_KEY: &str = "graphc.hash";

/// Why an artifact cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is none of ours, or was cut or changed.
    #[error("{path}: not a graphc artifact or damaged: {message}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The file was written by another version.
    #[error(
        "{path}: artifact of schema {schema}, this version reads {SCHEMA}: compile the model again",
        path = path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
    },
    /// The program inside is not sound.
    #[error("{path}: {source}", path = path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ValidateError,
    },
    /// Contents of constants differ from their checksums.
    #[error("{path}: contents of {names:?} differ from their checksums", path = path.display())]
    Checksums {
        /// The file.
        path: PathBuf,
        /// The constants.
        names: Vec<String>,
    },
}

/// Where the contents of constants come from while an artifact is written.
pub trait ConstSource {
    /// Writes the bytes of a constant, exactly as many as its type takes.
    fn write(&mut self, constant: ConstRef, to: &mut dyn Write) -> io::Result<()>;
}

/// One row of the tensor table, as the safetensors header has it.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
struct Row {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// What of a program can be read whatever its schema.
#[derive(serde::Deserialize)]
struct Schema {
    schema: u32,
}

/// Writes a program with its constants. An existing file stays as it is until the new one is whole.
pub fn save(
    path: &Path,
    program: &Program,
    source: &mut dyn ConstSource,
) -> Result<u64, ArtifactError> {
    let io_error = |source| ArtifactError::Io {
        path: path.to_owned(),
        source,
    };
    let temporary =
        partial_path(path).ok_or_else(|| io_error(io::Error::from(io::ErrorKind::InvalidInput)))?;
    let written = write_file(&temporary, program, source)
        .and_then(|bytes| std::fs::rename(&temporary, path).map(|()| bytes));
    if written.is_err() {
        // The error that matters is the first one; a file that cannot be removed either is left behind.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(io_error)
}

/// The name under which this process writes an artifact until it is whole; `None` where the path names no file.
pub fn partial_path(path: &Path) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name()?);
    name.push(format!(".{}.partial", std::process::id()));
    Some(path.with_file_name(name))
}

fn write_file(path: &Path, program: &Program, source: &mut dyn ConstSource) -> io::Result<u64> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut order: Vec<(Option<ConstRef>, String, usize)> = Vec::new();
    let mut end = 0usize;
    for (id, constant) in program.consts.iter() {
        if constant.literal.is_some() {
            continue;
        }
        let n_bytes = constant_bytes(constant.dtype, &constant.shape)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let gap = end.next_multiple_of(ALIGNMENT) - end;
        if gap > 0 {
            let name = format!("pad.{}", rows.len());
            rows.insert(name.clone(), row("U8", vec![gap], end, gap));
            order.push((None, name, gap));
            end += gap;
        }
        let (stored, shape) = stored_type(constant.dtype, &constant.shape, n_bytes);
        let row = row(stored, shape, end, n_bytes);
        if constant.name == METADATA || rows.insert(constant.name.clone(), row).is_some() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("constant `{}` has a name that is taken", constant.name),
            ));
        }
        order.push((Some(id), constant.name.clone(), n_bytes));
        end += n_bytes;
    }
    let program_text = serde_json::to_string(program)?;
    let blank: BTreeMap<&str, String> = order
        .iter()
        .filter(|(id, ..)| id.is_some())
        .map(|(_, name, _)| (name.as_str(), "0".repeat(16)))
        .collect();
    let placeholder = header(&rows, &program_text, &serde_json::to_string(&blank)?)?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&placeholder)?;
    let mut checksums: BTreeMap<&str, String> = BTreeMap::new();
    for (id, name, n_bytes) in &order {
        let mut hashed = HashedWriter {
            inner: &mut file,
            hasher: Xxh3::new(),
            n_bytes: 0,
        };
        match id {
            Some(id) => source.write(*id, &mut hashed)?,
            None => hashed.write_all(&vec![0; *n_bytes])?,
        }
        if hashed.n_bytes != *n_bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "constant {name} has {} bytes, {n_bytes} expected",
                    hashed.n_bytes
                ),
            ));
        }
        if id.is_some() {
            checksums.insert(name, format!("{:016x}", hashed.hasher.digest()));
        }
    }
    let final_header = header(&rows, &program_text, &serde_json::to_string(&checksums)?)?;
    debug_assert_eq!(final_header.len(), placeholder.len());
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&final_header)?;
    file.flush()?;
    Ok((final_header.len() + end) as u64)
}

fn row(dtype: &str, shape: Vec<usize>, start: usize, n_bytes: usize) -> Row {
    Row {
        dtype: dtype.to_owned(),
        shape,
        data_offsets: [start, start + n_bytes],
    }
}

/// Length of the JSON, then the JSON padded with spaces so that the data start at a multiple of [`ALIGNMENT`].
fn header(rows: &BTreeMap<String, Row>, program: &str, checksums: &str) -> io::Result<Vec<u8>> {
    let hash = table_hash(rows, program, checksums)?;
    let mut object = serde_json::Map::new();
    object.insert(
        METADATA.to_owned(),
        serde_json::json!({ PROGRAM_KEY: program, CHECKSUMS_KEY: checksums, HASH_KEY: hash }),
    );
    for (name, row) in rows {
        object.insert(name.clone(), serde_json::to_value(row)?);
    }
    let mut text = serde_json::to_vec(&object)?;
    let padded = (text.len() + 8).next_multiple_of(ALIGNMENT) - 8;
    text.resize(padded, b' ');
    let mut bytes = (padded as u64).to_le_bytes().to_vec();
    bytes.extend(text);
    Ok(bytes)
}

fn table_hash(
    rows: &BTreeMap<String, Row>,
    program: &str,
    checksums: &str,
) -> serde_json::Result<String> {
    let table = serde_json::to_vec(&(rows, program, checksums))?;
    Ok(format!("{:016x}", xxh3_64(&table)))
}

fn constant_bytes(dtype: DType, shape: &[usize]) -> Option<usize> {
    let n_elements = shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))?;
    dtype.byte_len(n_elements)
}

/// The safetensors dtype and shape under which a constant is stored; types that the format lacks are stored as bytes.
fn stored_type(dtype: DType, shape: &[usize], n_bytes: usize) -> (&'static str, Vec<usize>) {
    let name = match dtype {
        DType::Bool => "BOOL",
        DType::U8 => "U8",
        DType::I8 => "I8",
        DType::U16 => "U16",
        DType::I16 => "I16",
        DType::U32 => "U32",
        DType::I32 => "I32",
        DType::U64 => "U64",
        DType::I64 => "I64",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::F32 => "F32",
        DType::F64 => "F64",
        DType::F8E4M3FN => "F8_E4M3",
        DType::F8E5M2 => "F8_E5M2",
        _ => return ("U8", vec![n_bytes]),
    };
    (name, shape.to_vec())
}

struct HashedWriter<'a> {
    inner: &'a mut dyn Write,
    hasher: Xxh3,
    n_bytes: usize,
}

impl Write for HashedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n_written]);
        self.n_bytes += n_written;
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A loaded artifact: the validated program and its mapped constants.
#[derive(Clone, Debug)]
pub struct Artifact {
    file: MappedFile,
    data_start: usize,
    program: Program,
    ranges: PrimaryMap<ConstRef, Range<usize>>,
    checksums: BTreeMap<String, String>,
}

impl Artifact {
    /// Maps and validates a file. Weights are not read.
    pub fn open(path: &Path) -> Result<Self, ArtifactError> {
        let file = MappedFile::open(path).map_err(|source| ArtifactError::Io {
            path: path.to_owned(),
            source,
        })?;
        let damaged = |message: String| ArtifactError::Damaged {
            path: path.to_owned(),
            message,
        };
        let (data_start, metadata, rows) = read_header(&file).map_err(damaged)?;
        let field = |key: &str| {
            metadata
                .get(key)
                .ok_or_else(|| damaged(format!("metadata `{key}` is missing")))
        };
        let (program_text, checksums_text) = (field(PROGRAM_KEY)?, field(CHECKSUMS_KEY)?);
        let written = header(&rows, program_text, checksums_text)
            .map_err(|error| damaged(error.to_string()))?;
        if file.get(..data_start) != Some(&written) {
            return Err(damaged(
                "header and plan are not as they were written".to_owned(),
            ));
        }
        let schema = serde_json::from_str::<Schema>(program_text).map(|found| found.schema);
        if let Ok(schema) = schema
            && schema != SCHEMA
        {
            return Err(ArtifactError::Schema {
                path: path.to_owned(),
                schema,
            });
        }
        let program: Program = serde_json::from_str(program_text)
            .map_err(|error| damaged(format!("plan: {error}")))?;
        program
            .validate()
            .map_err(|source| ArtifactError::Program {
                path: path.to_owned(),
                source,
            })?;
        let checksums = serde_json::from_str(checksums_text)
            .map_err(|error| damaged(format!("checksums: {error}")))?;
        let n_data = file.len() - data_start;
        check_rows(&rows, n_data).map_err(damaged)?;
        let mut ranges = PrimaryMap::new();
        for constant in program.consts.values() {
            if constant.literal.is_some() {
                ranges.push(0..0);
                continue;
            }
            let row = rows
                .get(&constant.name)
                .ok_or_else(|| damaged(format!("tensor `{}` is missing", constant.name)))?;
            let [start, end] = row.data_offsets;
            let fits = constant_bytes(constant.dtype, &constant.shape).is_some_and(|n_bytes| {
                let (stored, shape) = stored_type(constant.dtype, &constant.shape, n_bytes);
                n_bytes == end - start && stored == row.dtype && shape == row.shape
            });
            if !fits || start % ALIGNMENT != 0 {
                return Err(damaged(format!(
                    "tensor `{}` has a wrong place or size",
                    constant.name
                )));
            }
            ranges.push(data_start + start..data_start + end);
        }
        Ok(Self {
            file,
            data_start,
            program,
            ranges,
            checksums,
        })
    }

    /// Whether a file looks like an artifact and not like a model, by its first bytes and metadata key.
    pub fn is_artifact(path: &Path) -> bool {
        let Ok(file) = MappedFile::open(path) else {
            return false;
        };
        read_header(&file).is_ok_and(|(_, metadata, _)| metadata.contains_key(PROGRAM_KEY))
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The path that it was loaded from.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Size of the file in bytes.
    pub fn file_bytes(&self) -> usize {
        self.file.len()
    }

    /// Bytes of all constants.
    pub fn constant_bytes(&self) -> usize {
        self.ranges.values().map(|range| range.len()).sum()
    }

    /// The bytes of a constant, 64-byte aligned; empty for literals.
    pub fn constant(&self, id: ConstRef) -> &[u8] {
        self.ranges
            .get(id)
            .and_then(|range| self.file.bytes().get(range.clone()))
            .unwrap_or(&[])
    }

    /// Places between constants that hold anything but zeros.
    fn filled_gaps(&self) -> Vec<String> {
        let mut ranges: Vec<&Range<usize>> = self.ranges.values().collect();
        ranges.sort_by_key(|range| range.start);
        let mut end = self.data_start;
        let mut filled = Vec::new();
        for range in ranges {
            let gap = self.file.bytes().get(end..range.start).unwrap_or(&[]);
            if gap.iter().any(|&byte| byte != 0) {
                filled.push(format!("bytes {end}..{}", range.start));
            }
            end = end.max(range.end);
        }
        filled
    }

    /// Reads every constant and compares it with its checksum.
    pub fn check_constants(&self) -> Result<(), ArtifactError> {
        let names: Vec<String> = self
            .program
            .consts
            .iter()
            .filter(|(_, constant)| constant.literal.is_none())
            .filter(|(id, constant)| {
                let digest = format!("{:016x}", xxh3_64(self.constant(*id)));
                self.checksums.get(&constant.name) != Some(&digest)
            })
            .map(|(_, constant)| constant.name.clone())
            .chain(self.filled_gaps())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(ArtifactError::Checksums {
            path: self.path().to_owned(),
            names,
        })
    }
}

/// Tensors fill the data of the file from its start to its end, in some order, without gaps and overlaps.
fn check_rows(rows: &BTreeMap<String, Row>, n_data: usize) -> Result<(), String> {
    let mut order: Vec<(&String, [usize; 2])> = rows
        .iter()
        .map(|(name, row)| (name, row.data_offsets))
        .collect();
    order.sort_by_key(|&(_, offsets)| offsets);
    let mut at = 0;
    for (name, [start, end]) in order {
        if start != at || end < start {
            return Err(format!(
                "tensor `{name}` does not begin where the one before ends"
            ));
        }
        at = end;
    }
    if at != n_data {
        return Err(format!("tensors take {at} bytes, the file holds {n_data}"));
    }
    Ok(())
}

type Header = (usize, BTreeMap<String, String>, BTreeMap<String, Row>);

fn read_header(bytes: &[u8]) -> Result<Header, String> {
    let length = bytes
        .first_chunk::<8>()
        .map(|length| u64::from_le_bytes(*length))
        .and_then(|length| usize::try_from(length).ok())
        .ok_or("the file is too short")?;
    let text = length
        .checked_add(8)
        .and_then(|end| bytes.get(8..end))
        .ok_or("the header is cut or no header")?;
    if !(length + 8).is_multiple_of(ALIGNMENT) {
        return Err("the data do not start at a multiple of 64".to_owned());
    }
    let mut object: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(text).map_err(|error| format!("header: {error}"))?;
    let metadata = object.remove(METADATA).ok_or("metadata are missing")?;
    let metadata =
        serde_json::from_value(metadata).map_err(|error| format!("metadata: {error}"))?;
    let rows = object
        .into_iter()
        .map(|(name, value)| serde_json::from_value(value).map(|row| (name, row)))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("tensor table: {error}"))?;
    Ok((length + 8, metadata, rows))
}
