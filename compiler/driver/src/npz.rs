//! Tensors in NumPy's `.npz` files. Types that NumPy lacks are raw void of their width.

use anyhow::{Context, Result, bail};
use graphc_runtime::{DType, StringTensor, Tensor, Value};
use npyz::WriterBuilder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::Path;

/// Reads all arrays of a file by name.
pub fn read(path: &Path) -> Result<BTreeMap<String, Value>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut archive = npyz::npz::NpzArchive::new(BufReader::new(file))
        .with_context(|| format!("{}: not an npz file", path.display()))?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut values = BTreeMap::new();
    for name in names {
        let array = archive
            .by_name(&name)?
            .with_context(|| format!("{}: array {name} is missing", path.display()))?;
        let value =
            read_array(array).with_context(|| format!("{}: array {name}", path.display()))?;
        values.insert(name, value);
    }
    Ok(values)
}

/// Reads one `.npy` file.
pub fn read_array<R: Read>(array: npyz::NpyFile<R>) -> Result<Value> {
    let shape: Vec<usize> = array
        .shape()
        .iter()
        .map(|&size| usize::try_from(size))
        .collect::<Result<_, _>>()?;
    if array.order() != npyz::Order::C && shape.len() > 1 {
        bail!("Fortran order is not read; save it with numpy.ascontiguousarray");
    }
    macro_rules! numbers {
        ($ty:ty, $dtype:expr) => {{
            let data: Vec<$ty> = array.into_vec()?;
            Tensor::from_elements($dtype, &shape, &data)
        }};
    }
    let text = array.dtype().descr();
    let tensor = match text.trim_matches('\'').trim_start_matches(['<', '|', '=']) {
        "f4" => numbers!(f32, DType::F32),
        "f8" => numbers!(f64, DType::F64),
        "i1" => numbers!(i8, DType::I8),
        "i2" => numbers!(i16, DType::I16),
        "i4" => numbers!(i32, DType::I32),
        "i8" => numbers!(i64, DType::I64),
        "u1" => numbers!(u8, DType::U8),
        "u2" => numbers!(u16, DType::U16),
        "u4" => numbers!(u32, DType::U32),
        "u8" => numbers!(u64, DType::U64),
        "b1" => {
            let data: Vec<bool> = array.into_vec()?;
            let bytes: Vec<u8> = data.into_iter().map(u8::from).collect();
            Tensor::from_bytes(DType::Bool, &shape, &bytes)
        }
        unicode if unicode.starts_with('U') => {
            let data: Vec<String> = array.into_vec()?;
            return Ok(Value::Strings(StringTensor { shape, data }));
        }
        other => bail!("element type {other} is not read"),
    };
    tensor
        .map(Value::from)
        .context("its size does not fit its shape")
}

/// Writes tensors by name; the file appears only when it is whole.
pub fn write(path: &Path, values: &[(String, Value)]) -> Result<()> {
    let partial = path.with_extension("npz.partial");
    let written = write_file(&partial, values).and_then(|()| Ok(std::fs::rename(&partial, path)?));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&partial);
    }
    written.with_context(|| path.display().to_string())
}

fn write_file(path: &Path, values: &[(String, Value)]) -> Result<()> {
    let mut archive = npyz::npz::NpzWriter::new(BufWriter::new(File::create(path)?));
    for (name, value) in values {
        let Value::Tensor(tensor) = value else {
            bail!(
                "output {name} is {}, which npz cannot hold",
                value.describe()
            );
        };
        let shape: Vec<u64> = tensor.shape().iter().map(|&size| size as u64).collect();
        macro_rules! numbers {
            ($ty:ty) => {{
                let mut writer = archive
                    .array(name, Default::default())?
                    .default_dtype()
                    .shape(&shape)
                    .begin_nd()?;
                writer.extend(
                    tensor
                        .elements::<$ty>()
                        .context("its width differs")?
                        .iter()
                        .copied(),
                )?;
                writer.finish()?;
            }};
        }
        match tensor.dtype() {
            DType::F32 => numbers!(f32),
            DType::F64 => numbers!(f64),
            DType::I8 => numbers!(i8),
            DType::I16 => numbers!(i16),
            DType::I32 => numbers!(i32),
            DType::I64 => numbers!(i64),
            DType::U8 => numbers!(u8),
            DType::U16 => numbers!(u16),
            DType::U32 => numbers!(u32),
            DType::U64 => numbers!(u64),
            DType::Bool => {
                let mut writer = archive
                    .array(name, Default::default())?
                    .default_dtype()
                    .shape(&shape)
                    .begin_nd()?;
                writer.extend(tensor.bytes().iter().map(|&byte| byte != 0))?;
                writer.finish()?;
            }
            other => bail!("output {name}: element type {other} is not written"),
        }
    }
    Ok(())
}
