//! Small models, and short descriptions of the graphs that they become.

use crate::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_type, tensor_shape_proto,
    type_proto,
};
use crate::{ImportOptions, Model, OnnxError, import};
use bytes::Bytes;
use graphc_ir::{Graph, ValueId, ValueType};
use prost::Message;
use std::collections::BTreeSet;

pub(super) const F32: i32 = 1;
pub(super) const I16: i32 = 5;
pub(super) const I32: i32 = 6;
pub(super) const I64: i32 = 7;
pub(super) const STRING: i32 = 8;
pub(super) const BOOL: i32 = 9;

/// A node; names are separated by blanks, `_` is a missing one.
pub(super) fn node(op_type: &str, inputs: &str, outputs: &str) -> NodeProto {
    let names = |text: &str| {
        text.split_whitespace()
            .map(|name| if name == "_" { "" } else { name }.to_owned())
            .collect()
    };
    NodeProto {
        op_type: op_type.to_owned(),
        name: format!("/{op_type}"),
        input: names(inputs),
        output: names(outputs),
        ..NodeProto::default()
    }
}

/// Attributes, and a domain, put on to a node one after another.
pub(super) trait With: Sized {
    fn attribute(self, attribute: AttributeProto) -> Self;
    fn domain(self, domain: &str) -> Self;

    fn int(self, name: &str, value: i64) -> Self {
        self.attribute(AttributeProto {
            i: value,
            ..attribute(name, attribute_type::INT)
        })
    }

    fn ints(self, name: &str, values: &[i64]) -> Self {
        self.attribute(AttributeProto {
            ints: values.to_vec(),
            ..attribute(name, attribute_type::INTS)
        })
    }

    fn float(self, name: &str, value: f32) -> Self {
        self.attribute(AttributeProto {
            f: value,
            ..attribute(name, attribute_type::FLOAT)
        })
    }

    fn floats(self, name: &str, values: &[f32]) -> Self {
        self.attribute(AttributeProto {
            floats: values.to_vec(),
            ..attribute(name, attribute_type::FLOATS)
        })
    }

    fn string(self, name: &str, value: &str) -> Self {
        self.attribute(AttributeProto {
            s: Bytes::copy_from_slice(value.as_bytes()),
            ..attribute(name, attribute_type::STRING)
        })
    }

    fn strings(self, name: &str, values: &[&str]) -> Self {
        self.attribute(AttributeProto {
            strings: values
                .iter()
                .map(|value| Bytes::copy_from_slice(value.as_bytes()))
                .collect(),
            ..attribute(name, attribute_type::STRINGS)
        })
    }

    fn graph(self, name: &str, value: GraphProto) -> Self {
        self.attribute(AttributeProto {
            g: Some(value),
            ..attribute(name, attribute_type::GRAPH)
        })
    }

    fn tensor(self, name: &str, value: TensorProto) -> Self {
        self.attribute(AttributeProto {
            t: Some(value),
            ..attribute(name, attribute_type::TENSOR)
        })
    }

    /// An attribute of the surrounding function.
    fn reference(self, name: &str, kind: i32, outer: &str) -> Self {
        self.attribute(AttributeProto {
            ref_attr_name: outer.to_owned(),
            ..attribute(name, kind)
        })
    }
}

impl With for NodeProto {
    fn attribute(mut self, attribute: AttributeProto) -> Self {
        self.attribute.push(attribute);
        self
    }

    fn domain(mut self, domain: &str) -> Self {
        self.domain = domain.to_owned();
        self
    }
}

pub(super) fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: kind,
        ..AttributeProto::default()
    }
}

/// A value's name and type; dims are separated by blanks: numbers, names, or `?`.
pub(super) fn value(name: &str, elem_type: i32, dims: &str) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let dim = dims
        .split_whitespace()
        .map(|dim| Dimension {
            value: match (dim, dim.parse()) {
                ("?", _) => None,
                (_, Ok(size)) => Some(Value::DimValue(size)),
                (name, Err(_)) => Some(Value::DimParam(name.to_owned())),
            },
        })
        .collect();
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type,
                shape: Some(TensorShapeProto { dim }),
            })),
        }),
    }
}

/// `i64[n]`.
pub(super) fn i64s(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![values.len() as i64],
        data_type: I64,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// `f32[dims]`.
pub(super) fn f32s(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: F32,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A subgraph; results need no types.
pub(super) fn graph(
    inputs: Vec<ValueInfoProto>,
    nodes: Vec<NodeProto>,
    outputs: &str,
) -> GraphProto {
    GraphProto {
        name: "body".to_owned(),
        input: inputs,
        node: nodes,
        output: outputs
            .split_whitespace()
            .map(|name| ValueInfoProto {
                name: name.to_owned(),
                r#type: None,
            })
            .collect(),
        ..GraphProto::default()
    }
}

/// A model in the making.
pub(super) struct Net {
    model: ModelProto,
    graph: GraphProto,
}

impl Net {
    pub(super) fn new(opset: i64) -> Self {
        let import = |domain: &str, version| OperatorSetIdProto {
            domain: domain.to_owned(),
            version,
        };
        Self {
            model: ModelProto {
                ir_version: 8,
                opset_import: vec![
                    import("", opset),
                    import("ai.onnx.ml", 5),
                    import("ai.onnx.preview.training", 1),
                    import("com.microsoft", 1),
                    import("local", 1),
                ],
                ..ModelProto::default()
            },
            graph: graph(Vec::new(), Vec::new(), ""),
        }
    }

    pub(super) fn input(mut self, name: &str, elem_type: i32, dims: &str) -> Self {
        self.graph.input.push(value(name, elem_type, dims));
        self
    }

    pub(super) fn typed_input(mut self, input: ValueInfoProto) -> Self {
        self.graph.input.push(input);
        self
    }

    pub(super) fn constant(mut self, tensor: TensorProto) -> Self {
        self.graph.initializer.push(tensor);
        self
    }

    pub(super) fn node(mut self, node: NodeProto) -> Self {
        self.graph.node.push(node);
        self
    }

    pub(super) fn function(mut self, function: FunctionProto) -> Self {
        self.model.functions.push(function);
        self
    }

    pub(super) fn ir_version(mut self, version: i64) -> Self {
        self.model.ir_version = version;
        self
    }

    pub(super) fn without_imports(mut self) -> Self {
        self.model.opset_import.clear();
        self
    }

    fn build(mut self, outputs: &str) -> Model {
        self.graph.output = graph(Vec::new(), Vec::new(), outputs).output;
        self.model.graph = Some(self.graph);
        Model::from_bytes(self.model.encode_to_vec().into(), None, "net.onnx").unwrap()
    }

    pub(super) fn import_with(
        self,
        outputs: &str,
        options: &ImportOptions,
    ) -> Result<Graph, OnnxError> {
        let graph = import(&self.build(outputs), options)?;
        if let Err(errors) = graphc_ir::verify(&graph) {
            panic!("{errors}\n{graph}");
        }
        Ok(graph)
    }

    pub(super) fn import(self, outputs: &str) -> Graph {
        match self.import_with(outputs, &ImportOptions::default()) {
            Ok(graph) => graph,
            Err(error) => panic!("{error}"),
        }
    }

    /// The message of the error.
    pub(super) fn refusal(self, outputs: &str) -> String {
        match self.import_with(outputs, &ImportOptions::default()) {
            Ok(graph) => panic!("imported as\n{graph}"),
            Err(error) => error.to_string(),
        }
    }
}

/// Types of the outputs, and names of the operators that make them: `f32[n,4] = relu, add`. Constants are left out.
pub(super) fn summary(graph: &Graph) -> String {
    let types: Vec<String> = graph
        .outputs()
        .map(|(_, value)| show(graph, graph.ty(value)))
        .collect();
    format!("{} = {}", types.join(" "), ops(graph).join(", "))
}

fn show(graph: &Graph, ty: &ValueType) -> String {
    match ty {
        ValueType::Tensor(tensor) => {
            let dims: Vec<String> = tensor
                .shape
                .iter()
                .map(|dim| graph.dims.display(dim).to_string())
                .collect();
            format!("{}[{}]", tensor.dtype, dims.join(","))
        }
        ValueType::Sequence(element) => format!("seq({})", element.dtype),
        ValueType::Optional(inner) => format!("optional({})", show(graph, inner)),
    }
}

/// Names of the main block's operators from which outputs are reached, bindings of symbols left aside.
pub(super) fn ops(graph: &Graph) -> Vec<&'static str> {
    let mut pending: Vec<ValueId> = graph.outputs().map(|(_, value)| value).collect();
    let mut reached = BTreeSet::new();
    while let Some(value) = pending.pop() {
        if let Some(node) = graph.def_node(value)
            && reached.insert(node)
        {
            pending.extend(&graph.node(node).inputs);
        }
    }
    graph
        .block(Graph::MAIN)
        .nodes
        .iter()
        .filter(|node| reached.contains(node))
        .map(|&node| graph.node(node).op.name())
        .filter(|&name| name != "const")
        .collect()
}
