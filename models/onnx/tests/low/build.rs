//! Small models made in memory.

use bytes::Bytes;
use graphc_onnx::proto::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use graphc_onnx::{Model, OnnxError};
use prost::Message;

pub(crate) fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: outputs.iter().map(|&name| name.into()).collect(),
        ..NodeProto::default()
    }
}

pub(crate) fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |&size: &i64| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(size)),
    };
    let tensor = type_proto::Tensor {
        elem_type: 1,
        shape: Some(TensorShapeProto {
            dim: dims.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
        }),
    }
}

pub(crate) fn tensor(name: &str, data_type: i32, dims: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type,
        dims: dims.to_vec(),
        ..TensorProto::default()
    }
}

pub(crate) fn raw(name: &str, data_type: i32, dims: &[i64], bytes: &[u8]) -> TensorProto {
    TensorProto {
        raw_data: Bytes::copy_from_slice(bytes),
        ..tensor(name, data_type, dims)
    }
}

pub(crate) fn external(name: &str, dims: &[i64], entries: &[(&str, &str)]) -> TensorProto {
    let entry = |&(key, value): &(&str, &str)| StringStringEntryProto {
        key: key.into(),
        value: value.into(),
    };
    TensorProto {
        data_location: 1,
        external_data: entries.iter().map(entry).collect(),
        ..tensor(name, 1, dims)
    }
}

/// `y = x + w`, all `f32[4]`.
pub(crate) fn add_model() -> ModelProto {
    let weights: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0]
        .iter()
        .flat_map(|weight| weight.to_le_bytes())
        .collect();
    model(GraphProto {
        name: "g".into(),
        node: vec![node("Add", &["x", "w"], &["y"])],
        initializer: vec![raw("w", 1, &[4], &weights)],
        input: vec![value("x", &[4])],
        output: vec![value("y", &[4])],
        ..GraphProto::default()
    })
}

pub(crate) fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

pub(crate) fn load(proto: &ModelProto) -> Result<Model, OnnxError> {
    Model::from_bytes(proto.encode_to_vec().into(), None, "m.onnx")
}

/// A model that holds this one tensor and does nothing.
pub(crate) fn holding(tensor: TensorProto) -> ModelProto {
    model(GraphProto {
        initializer: vec![tensor],
        ..GraphProto::default()
    })
}

/// The text of the error that must come.
pub(crate) fn message<T>(result: Result<T, OnnxError>) -> String {
    match result {
        Ok(_) => String::from("no error"),
        Err(error) => error.to_string(),
    }
}
