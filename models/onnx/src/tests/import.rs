//! Inputs, names, functions, and what is refused.

use super::net::{BOOL, F32, I16, Net, With, attribute, f32s, graph, i64s, node, summary, value};
use crate::ImportOptions;
use crate::proto::{AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto, attribute_type};
use graphc_base::Interval;

fn function(name: &str, inputs: &[&str], outputs: &[&str]) -> FunctionProto {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    FunctionProto {
        name: name.to_owned(),
        domain: "local".to_owned(),
        input: names(inputs),
        output: names(outputs),
        opset_import: vec![
            OperatorSetIdProto {
                domain: String::new(),
                version: 18,
            },
            OperatorSetIdProto {
                domain: "local".to_owned(),
                version: 1,
            },
        ],
        ..FunctionProto::default()
    }
}

#[test]
fn dims_of_one_name_are_one_symbol_and_nameless_ones_are_called_after_their_input() {
    let graph = Net::new(18)
        .input("x", F32, "n ?")
        .input("y", F32, "n 1")
        .node(node("Add", "x y", "z"))
        .import("z");
    assert_eq!(summary(&graph), "f32[n,x_d1] = add");
}

#[test]
fn an_input_with_an_initializer_is_a_constant() {
    let graph = Net::new(18)
        .input("x", F32, "2")
        .input("w", F32, "2")
        .constant(f32s("w", &[2], &[1.0, 2.0]))
        .node(node("Mul", "x w", "y"))
        .import("y");
    assert_eq!(graph.input_names, ["x"]);
}

#[test]
fn an_option_makes_a_named_dim_constant_or_narrows_it() {
    let net = || {
        Net::new(18)
            .input("x", F32, "n seq")
            .node(node("Relu", "x", "y"))
    };
    let mut options = ImportOptions::default();
    options.dims.insert("n".into(), Interval { lo: 3, hi: 3 });
    options
        .dims
        .insert("seq".into(), Interval { lo: 1, hi: 512 });
    let graph = net().import_with("y", &options).unwrap();
    assert_eq!(summary(&graph), "f32[3,seq] = relu");
    let symbol = graph.dims.symbol_by_name("seq").unwrap();
    assert_eq!(graph.dims.range(symbol), Interval { lo: 1, hi: 512 });
    options
        .dims
        .insert("batch".into(), Interval { lo: 1, hi: 1 });
    let error = net().import_with("y", &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "net.onnx: no input has a dim called batch; the model's dims are: n, seq"
    );
}

#[test]
fn an_input_of_unknown_rank_is_refused_by_name() {
    let mut input = value("x", F32, "");
    if let Some(ty) = &mut input.r#type
        && let Some(crate::proto::type_proto::Value::TensorType(tensor)) = &mut ty.value
    {
        tensor.shape = None;
    }
    let message = Net::new(18)
        .typed_input(input)
        .node(node("Relu", "x", "y"))
        .refusal("y");
    assert_eq!(
        message,
        "net.onnx: input x: has no shape, so its rank is unknown"
    );
}

#[test]
fn all_unknown_operators_are_named_at_once_also_those_of_subgraphs_and_functions() {
    let branch = || graph(vec![], vec![node("Deeper", "x", "b")], "b");
    let mut called = function("Called", &["a"], &["b"]);
    called.node = vec![node("Inner", "a", "b")];
    let message = Net::new(18)
        .input("x", F32, "n")
        .input("c", super::net::BOOL, "")
        .function(called)
        .node(node("Nonsense", "x", "y"))
        .node(
            node("If", "c", "z")
                .graph("then_branch", branch())
                .graph("else_branch", branch()),
        )
        .node(node("Called", "x", "w").domain("local"))
        .refusal("w");
    assert_eq!(
        message,
        "4 unsupported operators:\n  \
         net.onnx: node /Nonsense (ai.onnx.Nonsense, opset 18): the operator is unknown\n  \
         net.onnx: node /Deeper (ai.onnx.Deeper, opset 18): the operator is unknown\n  \
         net.onnx: node /Deeper (ai.onnx.Deeper, opset 18): the operator is unknown\n  \
         net.onnx: node Called/Inner (ai.onnx.Inner, opset 18): the operator is unknown"
    );
}

#[test]
fn a_call_is_replaced_by_the_functions_nodes_with_its_attributes_or_their_defaults() {
    let mut scaled = function("Scaled", &["a", "missing"], &["b"]);
    scaled.node = vec![
        node("LeakyRelu", "a", "t").reference("alpha", attribute_type::FLOAT, "slope"),
        node("Clip", "t missing", "b"),
    ];
    scaled.attribute_proto = vec![AttributeProto {
        f: 0.25,
        ..attribute("slope", attribute_type::FLOAT)
    }];
    let call = node("Scaled", "x", "y").domain("local");
    let given = call.clone().attribute(AttributeProto {
        f: 0.5,
        ..attribute("slope", attribute_type::FLOAT)
    });
    let slope_of = |call| {
        let graph = Net::new(18)
            .input("x", F32, "n")
            .function(scaled.clone())
            .node(call)
            .import("y");
        assert_eq!(summary(&graph), "f32[n] = leaky_relu");
        graph.to_string()
    };
    assert!(slope_of(call).contains("alpha=0.25"));
    assert!(slope_of(given).contains("alpha=0.5"));
}

#[test]
fn a_reference_to_an_attribute_that_nobody_declares_is_refused_with_node_and_attribute() {
    let message = Net::new(18)
        .input("x", F32, "n")
        .node(node("LeakyRelu", "x", "y").reference("alpha", attribute_type::FLOAT, "slope"))
        .refusal("y");
    assert_eq!(
        message,
        "net.onnx: node /LeakyRelu (ai.onnx.LeakyRelu, opset 18): attribute alpha: refers to attribute slope of a \
         function, but stands in no function"
    );
    let called = |declared: &[&str]| {
        let mut scaled = function("Scaled", &["a"], &["b"]);
        scaled.node =
            vec![node("LeakyRelu", "a", "b").reference("alpha", attribute_type::FLOAT, "slope")];
        scaled.attribute = declared.iter().map(|&name| name.to_owned()).collect();
        Net::new(18)
            .input("x", F32, "n")
            .function(scaled)
            .node(node("Scaled", "x", "y").domain("local"))
    };
    let message = called(&[]).refusal("y");
    assert!(message.contains("/Scaled/LeakyRelu"), "{message}");
    assert!(message.contains("attribute alpha"), "{message}");
    // Declared and not given: the operator's own default.
    let graph = called(&["slope"]).import("y");
    assert!(graph.to_string().contains("alpha=0.0099999"), "{graph}");
}

#[test]
fn attributes_pass_through_functions_that_call_others_and_into_their_subgraphs() {
    let slope = |name: &str, outer: &str| AttributeProto {
        ref_attr_name: outer.to_owned(),
        ..attribute(name, attribute_type::FLOAT)
    };
    let mut inner = function("Inner", &["c", "a"], &["b"]);
    inner.attribute = vec!["alpha".to_owned()];
    let branch = |op: NodeProto| graph(Vec::new(), vec![op], "r");
    inner.node = vec![
        node("If", "c", "b")
            .graph(
                "then_branch",
                branch(node("LeakyRelu", "a", "r").attribute(slope("alpha", "alpha"))),
            )
            .graph("else_branch", branch(node("Neg", "a", "r"))),
    ];
    let mut outer = function("Outer", &["c", "a"], &["b"]);
    outer.attribute = vec!["slope".to_owned()];
    outer.node = vec![
        node("Inner", "c a", "b")
            .domain("local")
            .attribute(slope("alpha", "slope")),
    ];
    let graph = Net::new(18)
        .input("c", BOOL, "")
        .input("x", F32, "n")
        .function(inner)
        .function(outer)
        .node(
            node("Outer", "c x", "y")
                .domain("local")
                .float("slope", 0.75),
        )
        .import("y");
    assert!(graph.to_string().contains("alpha=0.75"), "{graph}");
}

#[test]
fn a_call_takes_the_overload_that_it_names() {
    let overload = |name: &str, op: &str| {
        let mut overload = function("F", &["a"], &["b"]);
        overload.overload = name.to_owned();
        overload.node = vec![node(op, "a", "b")];
        overload
    };
    let mut call = node("F", "x", "y").domain("local");
    call.overload = "second".to_owned();
    let graph = Net::new(18)
        .input("x", F32, "n")
        .function(overload("", "Neg"))
        .function(overload("second", "Abs"))
        .node(call)
        .import("y");
    assert_eq!(summary(&graph), "f32[n] = abs");
}

#[test]
fn a_functions_own_opset_decides_what_its_nodes_mean() {
    let mut flat = function("Flat", &["a"], &["b"]);
    flat.opset_import[0].version = 11;
    flat.node = vec![node("Softmax", "a", "b")];
    let graph = Net::new(18)
        .input("x", F32, "2 3 4")
        .function(flat)
        .node(node("Softmax", "x", "t"))
        .node(node("Flat", "t", "y").domain("local"))
        .import("y");
    assert_eq!(
        summary(&graph),
        "f32[2,3,4] = softmax, reshape, softmax, reshape"
    );
}

#[test]
fn a_function_may_replace_an_operator_of_the_standard() {
    let mut relu = function("Relu", &["a"], &["b"]);
    relu.domain = String::new();
    relu.node = vec![node("Neg", "a", "b")];
    let graph = Net::new(18)
        .input("x", F32, "n")
        .function(relu)
        .node(node("Relu", "x", "y"))
        .import("y");
    assert_eq!(summary(&graph), "f32[n] = neg");
}

#[test]
fn a_function_that_calls_itself_is_refused() {
    let mut first = function("First", &["a"], &["b"]);
    first.node = vec![node("Second", "a", "b").domain("local")];
    let mut second = function("Second", &["a"], &["b"]);
    second.node = vec![node("First", "a", "b").domain("local")];
    let message = Net::new(18)
        .input("x", F32, "n")
        .function(first)
        .function(second)
        .node(node("First", "x", "y").domain("local"))
        .refusal("y");
    assert!(message.contains("function First calls itself"), "{message}");
}

#[test]
fn functions_that_unfold_without_bound_are_refused() {
    let mut net = Net::new(18).input("x", F32, "n");
    for level in 0..30 {
        let mut doubled = function(&format!("F{level}"), &["a"], &["c"]);
        let callee = format!("F{}", level + 1);
        doubled.node = if level == 29 {
            vec![node("Relu", "a", "b"), node("Relu", "b", "c")]
        } else {
            vec![
                node(&callee, "a", "b").domain("local"),
                node(&callee, "b", "c").domain("local"),
            ]
        };
        net = net.function(doubled);
    }
    let message = net.node(node("F0", "x", "y").domain("local")).refusal("y");
    assert!(message.contains("unfold to more than"), "{message}");
}

#[test]
fn an_unknown_attribute_is_refused() {
    let message = Net::new(18)
        .input("x", F32, "n")
        .node(node("Relu", "x", "y").int("slope", 1))
        .refusal("y");
    assert_eq!(
        message,
        "net.onnx: node /Relu (ai.onnx.Relu, opset 18): attribute slope: is unknown"
    );
}

#[test]
fn nodes_may_stand_in_any_order_but_not_in_a_cycle() {
    let graph = Net::new(18)
        .input("x", F32, "n")
        .node(node("Exp", "a", "y"))
        .node(node("Neg", "x", "a"))
        .import("y");
    assert_eq!(summary(&graph), "f32[n] = neg, exp");
    let message = Net::new(18)
        .input("x", F32, "n")
        .node(node("Add", "x b", "a"))
        .node(node("Neg", "a", "b"))
        .refusal("b");
    assert!(message.contains("cycle"), "{message}");
}

#[test]
fn a_type_error_names_the_node_and_the_types() {
    let message = Net::new(18)
        .input("x", F32, "n 3")
        .input("y", F32, "n 4")
        .node(node("Add", "x y", "z"))
        .refusal("z");
    assert_eq!(
        message,
        "net.onnx: node /Add (ai.onnx.Add, opset 18): add: shapes do not broadcast, lhs f32[n,3], rhs f32[n,4]"
    );
}

#[test]
fn values_know_the_nodes_that_they_came_from() {
    let graph = Net::new(18)
        .input("x", F32, "n 4")
        .constant(i64s("axes", &[1]))
        .node(node("ReduceL2", "x axes", "y"))
        .import("y");
    let (_, output) = graph.outputs().next().unwrap();
    let sources = &graph.value(output).sources;
    assert_eq!(graph.sources[sources[0]].op_type, "ReduceL2");
    assert_eq!(graph.value(output).name.as_deref(), Some("y"));
}

#[test]
fn an_output_that_is_there_twice_is_refused() {
    let net = Net::new(18)
        .input("x", F32, "2")
        .node(node("Relu", "x", "y"));
    let error = net.refusal("y y");
    assert!(error.contains("output y is there twice"), "{error}");
}

#[test]
fn a_size_of_few_bits_is_widened_before_it_is_bound() {
    let graph = Net::new(18)
        .input("size", I16, "")
        .node(node("HannWindow", "size", "y"))
        .import("y");
    let window = graph.dims.symbol_by_name("window").unwrap();
    let bound_from = graph.bindings[&window].value();
    assert_eq!(
        graph.tensor_ty(bound_from).unwrap().dtype,
        graphc_base::DType::I64
    );
}
