//! Tensors of a model: type, shape and contents, checked against one another, copied only where the file spells them out.

use crate::error::OnnxError;
use crate::file::Model;
use crate::proto::{SparseTensorProto, TensorProto};
use bytes::Bytes;
use graphc_base::{DType, DTypeKind, MappedFile, float};
use std::ops::Range;

/// Largest dense form of a sparse tensor, in bytes.
const MAX_SPARSE_BYTES: usize = 1 << 28;

/// A tensor of a model.
#[derive(Clone, Debug)]
pub struct TensorView {
    /// Its name; may be empty.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Shape.
    pub dims: Vec<usize>,
    /// Contents.
    pub data: TensorData,
}

/// Contents of a tensor.
#[derive(Clone, Debug)]
pub enum TensorData {
    /// Little-endian packed bytes.
    Bytes {
        /// The bytes.
        bytes: Bytes,
        /// Where they lie in a mapped file, if they do.
        source: Option<FileRange>,
    },
    /// Strings, row-major.
    Strings(Vec<String>),
}

/// Bytes of a mapped file.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The file.
    pub file: MappedFile,
    /// Bytes within it.
    pub range: Range<usize>,
}

/// The dtype of an ONNX data type number.
///
/// # Errors
/// [`OnnxError::DataType`] for complex and unknown ones.
pub fn data_type_to_dtype(data_type: i32) -> Result<DType, OnnxError> {
    Ok(match data_type {
        1 => DType::F32,
        2 => DType::U8,
        3 => DType::I8,
        4 => DType::U16,
        5 => DType::I16,
        6 => DType::I32,
        7 => DType::I64,
        8 => DType::String,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        12 => DType::U32,
        13 => DType::U64,
        16 => DType::BF16,
        17 => DType::F8E4M3FN,
        18 => DType::F8E4M3FNUZ,
        19 => DType::F8E5M2,
        20 => DType::F8E5M2FNUZ,
        21 => DType::U4,
        22 => DType::I4,
        23 => DType::F4E2M1,
        24 => DType::F8E8M0,
        25 => DType::U2,
        26 => DType::I2,
        _ => return Err(OnnxError::DataType(data_type)),
    })
}

impl Model {
    /// A tensor of the model, checked.
    pub fn tensor(&self, proto: &TensorProto) -> Result<TensorView, OnnxError> {
        tensor_view(proto, self.file_name(), Some(self))
    }

    /// A sparse tensor as a dense one.
    pub fn sparse_tensor(&self, proto: &SparseTensorProto) -> Result<TensorView, OnnxError> {
        let (Some(values), Some(indices)) = (&proto.values, &proto.indices) else {
            return Err(self.graph_error("a sparse tensor has no values or no indices".to_owned()));
        };
        let (values, indices) = (self.tensor(values)?, self.tensor(indices)?);
        let fault = |message: &str| OnnxError::Tensor {
            file: self.file_name().to_owned(),
            name: values.name.clone(),
            message: message.to_owned(),
        };
        let dims: Vec<usize> = proto
            .dims
            .iter()
            .map(|&dim| usize::try_from(dim).map_err(|_| fault("a dim is negative")))
            .collect::<Result<_, _>>()?;
        let width = values.dtype.bits() / 8;
        let n_bytes = dims
            .iter()
            .try_fold(width, |n, &dim| n.checked_mul(dim))
            .filter(|&n| n <= MAX_SPARSE_BYTES && width > 0)
            .ok_or_else(|| {
                fault("a sparse tensor is too large or of a type without whole bytes")
            })?;
        let (
            TensorData::Bytes { bytes: from, .. },
            TensorData::Bytes {
                bytes: index_bytes, ..
            },
        ) = (&values.data, &indices.data)
        else {
            return Err(fault("a sparse tensor holds strings"));
        };
        if indices.dtype != DType::I64 {
            return Err(fault("indices of a sparse tensor must be i64"));
        }
        let indices_flat: Vec<i64> = index_bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|raw| i64::from_le_bytes(*raw))
            .collect();
        let n_values = from.len() / width;
        let per_value = if indices.dims.len() == 2 {
            dims.len()
        } else {
            1
        };
        if indices_flat.len() != n_values * per_value {
            return Err(fault("a sparse tensor has other indices than values"));
        }
        let mut dense = vec![0; n_bytes];
        for (value, index) in from
            .chunks_exact(width)
            .zip(indices_flat.chunks_exact(per_value.max(1)))
        {
            let position = if per_value == 1 && indices.dims.len() != 2 {
                usize::try_from(index[0]).ok()
            } else {
                index
                    .iter()
                    .zip(&dims)
                    .try_fold(0usize, |position, (&index, &dim)| {
                        let index = usize::try_from(index).ok().filter(|&index| index < dim)?;
                        Some(position * dim + index)
                    })
            };
            position
                .and_then(|position| {
                    dense
                        .get_mut(position.checked_mul(width)?..)?
                        .get_mut(..width)
                })
                .ok_or_else(|| fault("an index of a sparse tensor is out of range"))?
                .copy_from_slice(value);
        }
        Ok(TensorView {
            name: values.name,
            dtype: values.dtype,
            dims,
            data: TensorData::Bytes {
                bytes: dense.into(),
                source: None,
            },
        })
    }
}

/// A tensor, checked. Contents in other files are read only where there is a model whose folder they may lie in.
pub(crate) fn tensor_view(
    proto: &TensorProto,
    file: &str,
    model: Option<&Model>,
) -> Result<TensorView, OnnxError> {
    let fault = |message: String| OnnxError::Tensor {
        file: file.to_owned(),
        name: proto.name.clone(),
        message,
    };
    let dtype = data_type_to_dtype(proto.data_type).map_err(|error| fault(error.to_string()))?;
    let dims: Vec<usize> = proto
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim).map_err(|_| fault(format!("dim {dim} is negative"))))
        .collect::<Result<_, _>>()?;
    let n_elements = dims
        .iter()
        .try_fold(1usize, |n, &dim| n.checked_mul(dim))
        .ok_or_else(|| fault(format!("dims {dims:?} overflow")))?;
    let n_bytes = dtype
        .byte_len(n_elements)
        .ok_or_else(|| fault(format!("dims {dims:?} overflow")))?;
    let data = if dtype == DType::String {
        if proto.string_data.len() != n_elements {
            return Err(fault(format!(
                "has {} strings where dims {dims:?} ask for {n_elements}",
                proto.string_data.len()
            )));
        }
        let strings = proto
            .string_data
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        TensorData::Strings(strings.collect())
    } else {
        let (bytes, source) = if proto.data_location == 1 {
            let model =
                model.ok_or_else(|| fault("its contents lie in another file".to_owned()))?;
            let (bytes, source) = model.external(proto, n_bytes)?;
            (bytes, Some(source))
        } else if !proto.raw_data.is_empty() {
            (
                proto.raw_data.clone(),
                model.and_then(|model| model.locate(&proto.raw_data)),
            )
        } else {
            (Bytes::from(typed_bytes(proto, dtype).map_err(fault)?), None)
        };
        if bytes.len() != n_bytes {
            return Err(fault(format!(
                "has {} bytes where {dtype}{dims:?} takes {n_bytes}",
                bytes.len()
            )));
        }
        TensorData::Bytes { bytes, source }
    };
    Ok(TensorView {
        name: proto.name.clone(),
        dtype,
        dims,
        data,
    })
}

/// Bytes of a tensor whose elements are spelled out in a typed field, each in the range of the element type.
fn typed_bytes(proto: &TensorProto, dtype: DType) -> Result<Vec<u8>, String> {
    Ok(match dtype {
        DType::F32 => proto
            .float_data
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        DType::F64 => proto
            .double_data
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        DType::I64 => proto
            .int64_data
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        DType::U64 => proto
            .uint64_data
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        DType::U32 => {
            let mut bytes = Vec::with_capacity(4 * proto.uint64_data.len());
            for (position, &value) in proto.uint64_data.iter().enumerate() {
                let narrow = u32::try_from(value)
                    .map_err(|_| format!("element {position}: {value} does not fit u32"))?;
                bytes.extend(narrow.to_le_bytes());
            }
            bytes
        }
        _ if dtype.is_packed() => packed_bytes(proto, dtype)?,
        _ => {
            // Floats of 16 and 8 bits are spelled out as their bits.
            check_range(&proto.int32_data, dtype, dtype.bits())?;
            let width = dtype.bits() / 8;
            proto
                .int32_data
                .iter()
                .flat_map(|value| value.to_le_bytes().into_iter().take(width))
                .collect()
        }
    })
}

/// Elements of less than a byte: an entry holds one element, or as many as a byte of the raw form does.
fn packed_bytes(proto: &TensorProto, dtype: DType) -> Result<Vec<u8>, String> {
    let entries = &proto.int32_data;
    let n_elements = proto.dims.iter().try_fold(1usize, |n, &dim| {
        usize::try_from(dim).ok().and_then(|dim| n.checked_mul(dim))
    });
    if n_elements == Some(entries.len()) && entries.len() > 1 {
        check_range(entries, dtype, dtype.bits())?;
        let mut packed = vec![0; (entries.len() * dtype.bits()).div_ceil(8)];
        for (position, &value) in entries.iter().enumerate() {
            float::set_packed(&mut packed, dtype.bits(), position, value as u8);
        }
        return Ok(packed);
    }
    check_range(entries, DType::U8, 8)?;
    Ok(entries.iter().map(|&value| value as u8).collect())
}

/// Refuses entries that an element of so many bits cannot hold.
fn check_range(entries: &[i32], dtype: DType, n_bits: usize) -> Result<(), String> {
    let range = match (dtype, dtype.kind()) {
        (DType::Bool, _) => 0..=1,
        (_, DTypeKind::Signed) => -(1i64 << (n_bits - 1))..=(1i64 << (n_bits - 1)) - 1,
        _ => 0..=(1i64 << n_bits) - 1,
    };
    match entries
        .iter()
        .position(|&value| !range.contains(&i64::from(value)))
    {
        Some(position) => Err(format!(
            "element {position}: {} does not fit {dtype}",
            entries[position]
        )),
        None => Ok(()),
    }
}
