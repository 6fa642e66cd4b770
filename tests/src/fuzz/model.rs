//! Small ONNX models: made of operators, attributes and types that seeds have, and changed piece by piece.

use super::random::Random;
use bytes::Bytes;
use graphc_onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_type, tensor_shape_proto, type_proto,
};
use graphc_onnx::{SupportedOp, supported_ops};
use std::sync::OnceLock;

/// Largest size of an axis of a tensor that is made with its contents.
const MAX_SIZE: usize = 4;
/// Data types of the format, those that nobody reads included.
const N_DATA_TYPES: usize = 26;
/// Domains that operators are in.
const DOMAINS: [&str; 4] = [
    "",
    "ai.onnx.ml",
    "com.microsoft",
    "ai.onnx.preview.training",
];
/// Names of symbolic sizes.
const SYMBOLS: [&str; 4] = ["n", "batch", "seq", "2*n"];

fn operators() -> &'static [SupportedOp] {
    static OPERATORS: OnceLock<Vec<SupportedOp>> = OnceLock::new();
    OPERATORS.get_or_init(|| supported_ops().collect())
}

/// A new model: inputs and constants of random types, and a few nodes that use them.
pub(super) fn generate(donors: &[ModelProto], random: &mut Random) -> ModelProto {
    let mut graph = GraphProto {
        name: "made".to_owned(),
        ..GraphProto::default()
    };
    for index in 0..1 + random.below(3) {
        graph.input.push(ValueInfoProto {
            name: format!("x{index}"),
            r#type: Some(random_type(random)),
        });
    }
    for index in 0..random.below(3) {
        graph
            .initializer
            .push(random_tensor(&format!("w{index}"), random));
    }
    for _ in 0..1 + random.below(4) {
        add_node(&mut graph, donors, random);
    }
    let ends: Vec<String> = graph
        .node
        .iter()
        .flat_map(|node| node.output.clone())
        .collect();
    graph.output.extend(ends.into_iter().map(untyped));
    ModelProto {
        ir_version: 8,
        opset_import: DOMAINS
            .iter()
            .map(|&domain| OperatorSetIdProto {
                domain: domain.to_owned(),
                version: if domain.is_empty() {
                    1 + random.below(24) as i64
                } else {
                    1 + random.below(3) as i64
                },
            })
            .collect(),
        graph: Some(graph),
        ..ModelProto::default()
    }
}

fn untyped(name: String) -> ValueInfoProto {
    ValueInfoProto { name, r#type: None }
}

/// Changes one piece.
pub(super) fn mutate(proto: &mut ModelProto, donors: &[ModelProto], random: &mut Random) {
    match random.below(24) {
        0 => change_opset(proto, random),
        1 => proto.ir_version = 3 + random.below(11) as i64,
        _ => {
            if let Some(graph) = proto.graph.as_mut() {
                mutate_graph(graph, donors, random, 0);
            }
        }
    }
}

fn change_opset(proto: &mut ModelProto, random: &mut Random) {
    let place = random.below(proto.opset_import.len());
    match proto.opset_import.get_mut(place) {
        Some(import) if !random.one_in(4) => import.version = 1 + random.below(26) as i64,
        _ => proto.opset_import.push(OperatorSetIdProto {
            domain: DOMAINS[random.below(DOMAINS.len())].to_owned(),
            version: 1 + random.below(5) as i64,
        }),
    }
}

fn mutate_graph(graph: &mut GraphProto, donors: &[ModelProto], random: &mut Random, depth: usize) {
    // Half of the changes go into a subgraph, where there is one.
    if depth < 4 && random.one_in(2) {
        let mut subgraphs: Vec<&mut GraphProto> = graph
            .node
            .iter_mut()
            .flat_map(|node| &mut node.attribute)
            .filter_map(|attribute| attribute.g.as_mut())
            .collect();
        if !subgraphs.is_empty() {
            let place = random.below(subgraphs.len());
            return mutate_graph(subgraphs[place], donors, random, depth + 1);
        }
    }
    match random.below(14) {
        0..=3 => mutate_attribute(graph, donors, random),
        4 | 5 => mutate_operands(graph, random),
        6 | 7 => mutate_type(graph, random),
        8 => mutate_tensor(graph, random),
        9 => input_to_constant(graph, random),
        10 => {
            add_node(graph, donors, random);
            if let Some(name) = graph.node.last().and_then(|node| node.output.first()) {
                graph.output.push(untyped(name.clone()));
            }
        }
        11 => {
            let place = random.below(graph.node.len());
            if let Some(node) = graph.node.get_mut(place) {
                retype_node(node, random);
            }
        }
        12 => mutate_interface(graph, random),
        _ => {
            if graph.node.len() > 1 {
                let place = random.below(graph.node.len());
                graph.node.remove(place);
            }
        }
    }
}

fn retype_node(node: &mut NodeProto, random: &mut Random) {
    if let Some(op) = random.pick(operators()) {
        node.op_type = op.op_type.to_owned();
        node.domain = normal(op.domain);
    }
}

fn normal(domain: &str) -> String {
    match domain {
        "ai.onnx" => String::new(),
        other => other.to_owned(),
    }
}

/// Outputs and their order, and inputs that are declared.
fn mutate_interface(graph: &mut GraphProto, random: &mut Random) {
    let names = names(graph);
    let place = random.below(graph.output.len());
    match (random.below(4), random.pick(&names)) {
        (0, Some(name)) => graph.output.push(untyped(name.clone())),
        (1, _) if graph.output.len() > 1 => drop(graph.output.remove(place)),
        (2, _) => {
            let name = format!("x{}", random.below(6));
            graph.input.push(ValueInfoProto {
                name,
                r#type: Some(random_type(random)),
            });
        }
        _ => {
            if let Some(output) = graph.output.get_mut(place) {
                output.r#type = None;
            }
        }
    }
}

/// Every name that a node may use.
fn names(graph: &GraphProto) -> Vec<String> {
    let inputs = graph.input.iter().map(|input| input.name.clone());
    let tensors = graph.initializer.iter().map(|tensor| tensor.name.clone());
    let results = graph.node.iter().flat_map(|node| node.output.clone());
    inputs.chain(tensors).chain(results).collect()
}

fn mutate_operands(graph: &mut GraphProto, random: &mut Random) {
    let names = names(graph);
    let place = random.below(graph.node.len());
    let Some(node) = graph.node.get_mut(place) else {
        return;
    };
    let operand = random.below(node.input.len());
    match random.below(7) {
        0 if !node.input.is_empty() => drop(node.input.remove(operand)),
        1 if !node.input.is_empty() => node.input[operand].clear(),
        2 if !node.input.is_empty() => {
            let other = random.below(node.input.len());
            node.input.swap(operand, other);
        }
        3 | 4 => {
            if let (Some(input), Some(name)) = (node.input.get_mut(operand), random.pick(&names)) {
                input.clone_from(name);
            }
        }
        5 => node.input.extend(random.pick(&names).cloned()),
        _ if random.one_in(2) => drop(node.output.pop()),
        _ => node.output.push(format!("more{}", random.below(1000))),
    }
}

/// A node of a random operator on names of the graph, with attributes of its kind.
fn add_node(graph: &mut GraphProto, donors: &[ModelProto], random: &mut Random) {
    let names = names(graph);
    let donor_nodes = |random: &mut Random| {
        let graph = random.pick(donors)?.graph.as_ref()?;
        random.pick(&graph.node).cloned()
    };
    let mut node = match random.below(3) {
        0 => NodeProto::default(),
        _ => donor_nodes(random).unwrap_or_default(),
    };
    if node.op_type.is_empty() {
        retype_node(&mut node, random);
        node.input = vec![String::new(); random.below(5)];
        node.output = vec![String::new(); 1 + random.below(2)];
        for _ in 0..random.below(3) {
            node.attribute.extend(donor_attribute(donors, random));
        }
    }
    for input in &mut node.input {
        if let Some(name) = random.pick(&names) {
            input.clone_from(name);
        }
    }
    let number = random.below(100_000);
    for (index, output) in node.output.iter_mut().enumerate() {
        *output = format!("y{number}_{index}");
    }
    graph.node.push(node);
}

fn donor_attribute(donors: &[ModelProto], random: &mut Random) -> Option<AttributeProto> {
    let graph = random.pick(donors)?.graph.as_ref()?;
    let node = random.pick(&graph.node)?;
    random.pick(&node.attribute).cloned()
}

fn mutate_attribute(graph: &mut GraphProto, donors: &[ModelProto], random: &mut Random) {
    let place = random.below(graph.node.len());
    let Some(node) = graph.node.get_mut(place) else {
        return;
    };
    let index = random.below(node.attribute.len());
    if node.attribute.is_empty() || random.one_in(6) {
        node.attribute.extend(donor_attribute(donors, random));
        return;
    }
    if random.one_in(8) {
        node.attribute.remove(index);
        return;
    }
    let attribute = &mut node.attribute[index];
    match attribute.r#type {
        attribute_type::INT => attribute.i = random.integer(),
        attribute_type::FLOAT => attribute.f = random.float(),
        attribute_type::INTS => mutate_list(&mut attribute.ints, random, Random::integer),
        attribute_type::FLOATS => mutate_list(&mut attribute.floats, random, Random::float),
        attribute_type::STRINGS => {
            mutate_list(&mut attribute.strings, random, |_| Bytes::from_static(b"x"));
        }
        attribute_type::STRING => {
            if let Some(other) = donor_attribute(donors, random) {
                attribute.s = other.s;
            }
        }
        attribute_type::TENSOR => {
            let name = attribute.t.as_ref().map_or("", |tensor| &tensor.name);
            attribute.t = Some(random_tensor(name, random));
        }
        _ => attribute.r#type = random.below(14) as i32,
    }
}

fn mutate_list<T: Clone>(list: &mut Vec<T>, random: &mut Random, make: fn(&mut Random) -> T) {
    let place = random.below(list.len());
    match random.below(5) {
        0 if !list.is_empty() => drop(list.remove(place)),
        1 => list.insert(place, make(random)),
        2 if !list.is_empty() => list.push(list[place].clone()),
        3 if random.one_in(3) => list.clear(),
        _ => {
            if let Some(item) = list.get_mut(place) {
                *item = make(random);
            }
        }
    }
}

fn mutate_type(graph: &mut GraphProto, random: &mut Random) {
    let place = random.below(graph.input.len());
    let Some(input) = graph.input.get_mut(place) else {
        return;
    };
    let tensor = input.r#type.as_mut().and_then(|ty| match &mut ty.value {
        Some(type_proto::Value::TensorType(tensor)) => Some(tensor),
        _ => None,
    });
    let Some(tensor) = tensor else {
        input.r#type = Some(random_type(random));
        return;
    };
    match (random.below(8), &mut tensor.shape) {
        (0, _) => tensor.elem_type = random.below(N_DATA_TYPES) as i32,
        (1, shape) if random.one_in(4) => *shape = None,
        (_, Some(shape)) => mutate_list(&mut shape.dim, random, random_dim),
        (_, shape) => *shape = Some(random_shape(random)),
    }
}

fn random_type(random: &mut Random) -> TypeProto {
    let tensor = type_proto::Tensor {
        elem_type: random_data_type(random),
        shape: (!random.one_in(16)).then(|| random_shape(random)),
    };
    let value = match random.below(32) {
        0 => type_proto::Value::SequenceType(type_proto::Sequence {
            elem_type: Some(Box::new(random_type(random))),
        }),
        1 => type_proto::Value::OptionalType(type_proto::Sequence {
            elem_type: Some(Box::new(random_type(random))),
        }),
        _ => type_proto::Value::TensorType(tensor),
    };
    TypeProto { value: Some(value) }
}

/// Mostly floats and indices.
fn random_data_type(random: &mut Random) -> i32 {
    match random.below(8) {
        0..=3 => 1,
        4 | 5 => 7,
        _ => random.below(N_DATA_TYPES) as i32,
    }
}

fn random_shape(random: &mut Random) -> TensorShapeProto {
    TensorShapeProto {
        dim: (0..random.below(5)).map(|_| random_dim(random)).collect(),
    }
}

fn random_dim(random: &mut Random) -> tensor_shape_proto::Dimension {
    use tensor_shape_proto::dimension::Value;
    let value = match random.below(8) {
        0 => Some(Value::DimParam(
            SYMBOLS[random.below(SYMBOLS.len())].to_owned(),
        )),
        1 if random.one_in(2) => None,
        2 => Some(Value::DimValue(random.integer())),
        _ => Some(Value::DimValue(random.below(5) as i64)),
    };
    tensor_shape_proto::Dimension { value }
}

/// A tensor with contents: mostly as many as its shape takes, small integers and odd floats.
fn random_tensor(name: &str, random: &mut Random) -> TensorProto {
    let rank = random.below(4);
    let dims: Vec<usize> = (0..rank).map(|_| random.below(MAX_SIZE + 1)).collect();
    let n_elements: usize = dims.iter().product();
    let mut tensor = TensorProto {
        name: name.to_owned(),
        dims: dims.iter().map(|&dim| dim as i64).collect(),
        data_type: random_data_type(random),
        ..TensorProto::default()
    };
    fill(&mut tensor, n_elements, random);
    if random.one_in(24) {
        tensor.dims.push(random.integer());
    }
    tensor
}

fn fill(tensor: &mut TensorProto, n_elements: usize, random: &mut Random) {
    match tensor.data_type {
        1 => tensor.float_data = (0..n_elements).map(|_| random.float()).collect(),
        7 => tensor.int64_data = (0..n_elements).map(|_| random.integer()).collect(),
        8 => tensor.string_data = vec![Bytes::from_static(b"a"); n_elements],
        11 => tensor.double_data = (0..n_elements).map(|_| f64::from(random.float())).collect(),
        12 | 13 => tensor.uint64_data = (0..n_elements).map(|_| random.bits() % 7).collect(),
        _ => {
            let small = |random: &mut Random| random.below(3) as i32;
            tensor.int32_data = (0..n_elements).map(|_| small(random)).collect();
        }
    }
}

fn mutate_tensor(graph: &mut GraphProto, random: &mut Random) {
    let place = random.below(graph.initializer.len());
    let Some(tensor) = graph.initializer.get_mut(place) else {
        return;
    };
    match random.below(5) {
        0 => {
            let name = std::mem::take(&mut tensor.name);
            *tensor = random_tensor(&name, random);
        }
        1 => mutate_list(&mut tensor.int64_data, random, Random::integer),
        2 => mutate_list(&mut tensor.float_data, random, Random::float),
        3 if !tensor.raw_data.is_empty() => {
            let mut raw = tensor.raw_data.to_vec();
            let place = random.below(raw.len());
            raw[place] = [0, 1, 2, 0x7f, 0x80, 0xff][random.below(6)];
            tensor.raw_data = raw.into();
        }
        _ => mutate_list(&mut tensor.dims, random, Random::integer),
    }
}

/// Gives a constant where the model takes an input, so that what may be known is known.
fn input_to_constant(graph: &mut GraphProto, random: &mut Random) {
    let place = random.below(graph.input.len());
    let Some(input) = graph.input.get(place) else {
        return;
    };
    let mut tensor = random_tensor(&input.name, random);
    if let Some(TypeProto {
        value: Some(type_proto::Value::TensorType(ty)),
    }) = &input.r#type
    {
        let sizes: Vec<usize> = ty
            .shape
            .iter()
            .flat_map(|shape| &shape.dim)
            .map(|dim| match dim.value {
                Some(tensor_shape_proto::dimension::Value::DimValue(size)) => {
                    usize::try_from(size).unwrap_or(1).min(16)
                }
                _ => 2,
            })
            .collect();
        let n_elements = sizes.iter().product::<usize>();
        if n_elements <= 4096 {
            tensor = TensorProto {
                name: input.name.clone(),
                dims: sizes.iter().map(|&size| size as i64).collect(),
                data_type: ty.elem_type,
                ..TensorProto::default()
            };
            fill(&mut tensor, n_elements, random);
        }
    }
    graph.input.remove(place);
    graph.initializer.push(tensor);
}
