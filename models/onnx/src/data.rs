//! Values in files of their own: the inputs and outputs that come with a model as `TensorProto`, `SequenceProto` or
//! `OptionalProto` messages. Which of them a file holds is not written in it; the type of the model's value says so.

use crate::error::OnnxError;
use crate::proto::{
    OptionalProto, SequenceProto, TensorProto, TypeProto, element_type, type_proto,
};
use crate::tensor::{TensorView, tensor_view};
use bytes::Bytes;
use prost::Message;

/// A value that a file holds.
#[derive(Clone, Debug)]
pub enum DataValue {
    /// A tensor.
    Tensor(TensorView),
    /// A sequence of values.
    Sequence(Vec<DataValue>),
    /// A value that may be absent.
    Optional(Option<Box<DataValue>>),
}

/// Decodes the contents of a data file, `file` in messages, as a value of type `ty`.
///
/// # Errors
/// [`OnnxError::Decode`] where the contents are no such message, [`OnnxError::Tensor`] where a tensor contradicts itself,
/// [`OnnxError::Graph`] where the type is none that values have here (maps, sparse tensors).
pub fn decode_value(bytes: Bytes, ty: &TypeProto, file: &str) -> Result<DataValue, OnnxError> {
    match &ty.value {
        Some(type_proto::Value::TensorType(_)) => {
            tensor(&decode::<TensorProto>(bytes, file)?, file)
        }
        Some(type_proto::Value::SequenceType(_)) => {
            sequence(&decode::<SequenceProto>(bytes, file)?, file)
        }
        Some(type_proto::Value::OptionalType(_)) => {
            optional(&decode::<OptionalProto>(bytes, file)?, file)
        }
        Some(type_proto::Value::MapType(_)) => Err(fault(file, "maps are not read")),
        Some(type_proto::Value::SparseTensorType(_)) => {
            Err(fault(file, "sparse tensors are not read from data files"))
        }
        None => Err(fault(file, "the model states no type for it")),
    }
}

fn decode<M: Message + Default>(bytes: Bytes, file: &str) -> Result<M, OnnxError> {
    M::decode(bytes).map_err(|error| OnnxError::Decode {
        file: file.to_owned(),
        message: error.to_string(),
    })
}

fn fault(file: &str, message: &str) -> OnnxError {
    OnnxError::Graph {
        file: file.to_owned(),
        message: message.to_owned(),
    }
}

fn tensor(proto: &TensorProto, file: &str) -> Result<DataValue, OnnxError> {
    tensor_view(proto, file, None).map(DataValue::Tensor)
}

fn sequence(proto: &SequenceProto, file: &str) -> Result<DataValue, OnnxError> {
    let elements: Result<Vec<DataValue>, OnnxError> = match proto.elem_type {
        element_type::UNDEFINED => Ok(Vec::new()),
        element_type::TENSOR => proto
            .tensor_values
            .iter()
            .map(|element| tensor(element, file))
            .collect(),
        element_type::SEQUENCE => proto
            .sequence_values
            .iter()
            .map(|element| sequence(element, file))
            .collect(),
        element_type::OPTIONAL => proto
            .optional_values
            .iter()
            .map(|element| optional(element, file))
            .collect(),
        other => Err(fault(
            file,
            &format!("elements of kind {other} are not read"),
        )),
    };
    elements.map(DataValue::Sequence)
}

fn optional(proto: &OptionalProto, file: &str) -> Result<DataValue, OnnxError> {
    let inner = if let Some(value) = &proto.tensor_value {
        Some(tensor(value, file)?)
    } else if let Some(value) = &proto.sequence_value {
        Some(sequence(value, file)?)
    } else if let Some(value) = &proto.optional_value {
        Some(optional(value, file)?)
    } else {
        None
    };
    Ok(DataValue::Optional(inner.map(Box::new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f32]) -> TensorProto {
        TensorProto {
            dims: vec![values.len() as i64],
            data_type: 1,
            float_data: values.to_vec(),
            name: "x".to_owned(),
            ..TensorProto::default()
        }
    }

    fn ty(value: type_proto::Value) -> TypeProto {
        TypeProto { value: Some(value) }
    }

    fn sequence_type() -> type_proto::Value {
        type_proto::Value::SequenceType(type_proto::Sequence::default())
    }

    fn optional_type() -> type_proto::Value {
        type_proto::Value::OptionalType(type_proto::Sequence::default())
    }

    fn check(message: &impl Message, value: type_proto::Value, expected: &str) {
        let bytes = Bytes::from(message.encode_to_vec());
        let shown = match decode_value(bytes, &ty(value), "x.pb") {
            Ok(value) => show(&value),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected);
    }

    fn show(value: &DataValue) -> String {
        match value {
            DataValue::Tensor(tensor) => format!("{}{:?}", tensor.dtype, tensor.dims),
            DataValue::Sequence(elements) => {
                format!(
                    "seq({})",
                    elements.iter().map(show).collect::<Vec<_>>().join(" ")
                )
            }
            DataValue::Optional(None) => "absent".to_owned(),
            DataValue::Optional(Some(inner)) => format!("some({})", show(inner)),
        }
    }

    #[test]
    fn the_type_says_which_message_a_file_holds() {
        let tensor_type = type_proto::Value::TensorType(type_proto::Tensor::default());
        check(&numbers(&[1.0, 2.0]), tensor_type, "f32[2]");
        let two = SequenceProto {
            elem_type: element_type::TENSOR,
            tensor_values: vec![numbers(&[1.0]), numbers(&[])],
            ..SequenceProto::default()
        };
        check(&two, sequence_type(), "seq(f32[1] f32[0])");
        let present = OptionalProto {
            elem_type: element_type::SEQUENCE,
            sequence_value: Some(two),
            ..OptionalProto::default()
        };
        check(&present, optional_type(), "some(seq(f32[1] f32[0]))");
        check(&OptionalProto::default(), optional_type(), "absent");
    }

    #[test]
    fn a_tensor_that_contradicts_itself_is_refused_by_file_name() {
        let mut short = numbers(&[1.0]);
        short.dims = vec![3];
        let tensor_type = type_proto::Value::TensorType(type_proto::Tensor::default());
        check(
            &short,
            tensor_type,
            "error: x.pb: tensor x: has 4 bytes where f32[3] takes 12",
        );
    }
}
