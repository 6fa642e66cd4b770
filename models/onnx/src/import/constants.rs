//! Tensors of the model as constants: large ones stay where they are in their file, small ones are held.

use crate::tensor::{TensorData, TensorView};
use graphc_base::Dim;
use graphc_ir::{Builder, ConstData, SMALL_CONST_BYTES, TensorType, TypeError, ValueId};

/// A constant of the graph.
pub(super) fn constant(b: &mut Builder, view: TensorView) -> Result<ValueId, TypeError> {
    let ty = TensorType::new(view.dtype, view.dims.iter().copied().map(Dim::from));
    let data = match view.data {
        TensorData::Strings(strings) => ConstData::Strings(strings.into()),
        TensorData::Bytes {
            source: Some(source),
            bytes,
        } if bytes.len() > SMALL_CONST_BYTES => ConstData::Mapped {
            file: source.file,
            range: source.range,
        },
        TensorData::Bytes { bytes, .. } => ConstData::Inline(bytes[..].into()),
    };
    let name = (!view.name.is_empty()).then_some(view.name);
    b.constant(ty, data, name)
}
