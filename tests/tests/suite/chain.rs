//! Random typed graphs on the CPU target against the evaluator.
//!
//! Node by node, so that nothing is amplified: every value of a graph is an output, and each operator is evaluated on the
//! operands that the CPU target made. Then whole graphs behind all passes, where what no float leads to must be equal.

use graphc::oracle::{from_oracle, to_oracle};
use graphc::tolerance::{Mismatch, difference, numbers};
use graphc::{CompileOptions, compile_graph};
use graphc_base::{DType, Dim};
use graphc_interp::{Evaluator, InterpError, OpCx, Symbols, eval_op};
use graphc_ir::testing::{Choices, Family, GraphOptions, typed_graph};
use graphc_ir::{Binding, Graph, NodeId, ValueId, ValueType};
use graphc_runtime::{Artifact, Session, SessionOptions, Tensor, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

/// Graphs that each test tries.
const N_CASES: u32 = 256;

/// Runs `check` on lists of choices that are the same in every run; a failure shrinks to a short list, and its message is
/// shown with the graph.
fn for_all_choices(check: impl Fn(&[u32]) -> Result<(), String>) {
    let config = ProptestConfig {
        cases: N_CASES,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let strategy = vec(any::<u32>(), 4..160);
    let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |numbers| {
        check(&numbers).map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, numbers)) => panic!("{reason}\nchoices {numbers:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// A graph with its inputs and the session that runs it.
struct Run {
    graph: Graph,
    inputs: Vec<(String, Value)>,
    outputs: Vec<(String, Value)>,
}

fn run(graph: Graph, choices: &mut Choices<'_>, opt_level: u8) -> Result<Run, String> {
    let fail = |error: String| format!("{error}\n{graph}");
    let inputs = inputs(&graph, choices);
    let folder = tempfile::tempdir().map_err(|error| fail(error.to_string()))?;
    let path = folder.path().join("graph.gcx");
    let options = CompileOptions {
        opt_level,
        ..CompileOptions::default()
    };
    compile_graph(graph.clone(), &path, &options).map_err(|error| fail(format!("{error:#}")))?;
    let options = SessionOptions {
        threads: 1,
        poison: true,
    };
    let session = Artifact::open(&path)
        .map_err(|error| fail(error.to_string()))
        .and_then(|artifact| {
            Session::with_options(artifact, options).map_err(|error| fail(error.to_string()))
        })?;
    let given: Vec<(&str, Value)> = inputs
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let outputs = session
        .run("main", &given, &mut session.new_state())
        .map_err(|error| fail(error.to_string()))?;
    Ok(Run {
        graph,
        inputs,
        outputs,
    })
}

/// Types of inputs, for messages; the choices bring their contents back.
fn shown(inputs: &[(String, Value)]) -> String {
    let shown = inputs
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.describe()));
    shown.collect::<Vec<_>>().join(", ")
}

/// Inputs at sizes that the choices say, filled with ordinary and special numbers.
fn inputs(graph: &Graph, choices: &mut Choices<'_>) -> Vec<(String, Value)> {
    let sizes: Vec<i64> = graph
        .dims
        .symbols()
        .map(|(_, symbol)| {
            choices
                .of([1, 2, 3, 5, 8])
                .clamp(symbol.range.lo, symbol.range.hi)
        })
        .collect();
    let size = |dim: &Dim| {
        dim.eval(&sizes)
            .ok()
            .and_then(|size| usize::try_from(size).ok())
    };
    let has_specials = choices.below(4) == 0;
    graph
        .inputs()
        .map(|(name, value)| {
            let ty = graph
                .tensor_ty(value)
                .expect("generated inputs are tensors");
            let shape: Vec<usize> = ty.shape.iter().map(|dim| size(dim).unwrap_or(1)).collect();
            let tensor = filled(ty.dtype, &shape, choices, has_specials);
            (name.to_owned(), tensor.into())
        })
        .collect()
}

fn filled(dtype: DType, shape: &[usize], choices: &mut Choices<'_>, has_specials: bool) -> Tensor {
    let n: usize = shape.iter().product();
    // A number in a list of choices stands for many elements.
    let mut state = choices.number();
    let mut draw = |bound: u32| {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (state >> 16) % bound
    };
    let mut float = || {
        let specials = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0];
        if has_specials && draw(6) == 0 {
            specials[draw(5) as usize]
        } else {
            f64::from(draw(1 << 14)) / 2048.0 - 4.0
        }
    };
    let made = match dtype {
        DType::F32 => {
            let elements: Vec<f32> = (0..n).map(|_| float() as f32).collect();
            Tensor::from_elements(dtype, shape, &elements)
        }
        DType::F64 => {
            let elements: Vec<f64> = (0..n).map(|_| float()).collect();
            Tensor::from_elements(dtype, shape, &elements)
        }
        DType::Bool => {
            let elements: Vec<u8> = (0..n).map(|_| draw(2) as u8).collect();
            Tensor::from_elements(dtype, shape, &elements)
        }
        DType::I64 => {
            let extremes = [i64::MIN, i64::MAX, -1, 0];
            let elements: Vec<i64> = (0..n)
                .map(|_| match has_specials && draw(6) == 0 {
                    true => extremes[draw(4) as usize],
                    false => i64::from(draw(16)) - 4,
                })
                .collect();
            Tensor::from_elements(dtype, shape, &elements)
        }
        _ => {
            let width = dtype.bits() / 8;
            let bytes: Vec<u8> = (0..n)
                .flat_map(|_| (i64::from(draw(12)) - 3).to_le_bytes()[..width].to_vec())
                .collect();
            Tensor::from_bytes(dtype, shape, &bytes)
        }
    };
    made.expect("as many elements as the shape has")
}

fn options(families: &[Family], dtypes: &[DType], choices: &mut Choices<'_>) -> GraphOptions {
    GraphOptions {
        families: families.to_vec(),
        symbolic: choices.flag(),
        dtypes: dtypes.to_vec(),
        max_steps: 12,
    }
}

/// Makes every tensor, sequence and optional of the main block an output.
fn show_all(graph: &mut Graph) {
    let values: Vec<ValueId> = graph
        .block(Graph::MAIN)
        .nodes
        .iter()
        .flat_map(|&node| graph.node(node).outputs.clone())
        .collect();
    graph.output_names = values.iter().map(|value| value.to_string()).collect();
    graph.block_mut(Graph::MAIN).results = values;
}

#[test]
fn every_operator_of_a_random_graph_equals_the_evaluator() {
    let dtypes = [
        DType::F32,
        DType::I64,
        DType::Bool,
        DType::I32,
        DType::U8,
        DType::F64,
    ];
    let mut families = Family::DEVICE.to_vec();
    families.push(Family::Sequence);
    for_all_choices(|numbers| {
        let mut choices = Choices::new(numbers);
        let options = options(&families, &dtypes, &mut choices);
        let (seeds, rest) = numbers.split_at(4);
        let mut graph = typed_graph(&mut Choices::new(rest), &options);
        show_all(&mut graph);
        let run = run(graph, &mut Choices::new(seeds), 0)?;
        node_by_node(&run)
            .map_err(|error| format!("{error}\n{}\n{}", run.graph, shown(&run.inputs)))
    });
}

fn node_by_node(run: &Run) -> Result<(), String> {
    let graph = &run.graph;
    let given = graph
        .inputs()
        .zip(&run.inputs)
        .map(|((_, id), (_, value))| (id, value));
    let made = graph
        .outputs()
        .zip(&run.outputs)
        .map(|((_, id), (_, value))| (id, value));
    let values: BTreeMap<ValueId, &Value> = given.chain(made).collect();
    let mut symbols = Symbols::new();
    for (&symbol, &binding) in &graph.bindings {
        if let Some(size) = bound_size(&values, binding) {
            symbols.bind(symbol, size);
        }
    }
    let cx = OpCx {
        dims: &graph.dims,
        consts: &graph.consts,
        symbols: &symbols,
    };
    for &node in &graph.block(Graph::MAIN).nodes {
        one_node(graph, node, &values, cx)?;
    }
    Ok(())
}

fn bound_size(values: &BTreeMap<ValueId, &Value>, binding: Binding) -> Option<i64> {
    let tensor = values.get(&binding.value())?.as_tensor()?;
    match binding {
        Binding::Axis(_, axis) => i64::try_from(*tensor.shape().get(axis)?).ok(),
        Binding::Element(_, element) => numbers(tensor).get(element).map(|&x| x as i64),
    }
}

fn one_node(
    graph: &Graph,
    id: NodeId,
    values: &BTreeMap<ValueId, &Value>,
    cx: OpCx<'_>,
) -> Result<(), String> {
    let node = graph.node(id);
    let fail = |error: String| format!("{id} {}: {error}", node.op.name());
    let operands: Vec<_> = node
        .inputs
        .iter()
        .map(|input| to_oracle(values[input], graph.ty(*input)).map_err(|e| fail(e.to_string())))
        .collect::<Result<_, _>>()?;
    let results = match eval_op(&node.op, &operands.iter().collect::<Vec<_>>(), cx) {
        Ok(results) => results,
        Err(error) => return Err(fail(error.to_string())),
    };
    let scale = node
        .inputs
        .iter()
        .map(|input| largest(values[input]))
        .fold(0.0, f64::max);
    for (output, reference) in node.outputs.iter().zip(&results) {
        let reference = from_oracle(reference).map_err(|error| fail(error.to_string()))?;
        let is_close = close(values[output], &reference, scale);
        is_close.map_err(|error| fail(format!("{output} {error}")))?;
    }
    Ok(())
}

/// The largest finite magnitude in a value.
fn largest(value: &Value) -> f64 {
    match value {
        Value::Tensor(tensor) => {
            let magnitudes = numbers(tensor).into_iter().map(f64::abs);
            magnitudes.filter(|x| x.is_finite()).fold(0.0, f64::max)
        }
        Value::Sequence(elements) => elements.iter().map(largest).fold(0.0, f64::max),
        Value::Optional(Some(inner)) => largest(inner),
        Value::Optional(None) | Value::Strings(_) => 0.0,
    }
}

/// One operator's result: equal, or within its type's precision of the largest number around.
fn close(ours: &Value, reference: &Value, scale: f64) -> Result<(), String> {
    let found = difference(ours, reference).map_err(|mismatch: Mismatch| mismatch.to_string())?;
    if found.error == 0.0 {
        return Ok(());
    }
    let (Some(y), Some(r)) = (ours.as_tensor(), reference.as_tensor()) else {
        return Err(format!("differs by {found:?}"));
    };
    let epsilon = match y.dtype() {
        DType::F64 => 1e-9,
        DType::F32 => 1e-5,
        DType::F16 => 4e-3,
        dtype if dtype.is_float() => 3e-2,
        _ => 0.0,
    };
    let scale = scale.max(largest(reference)).max(1.0);
    let pairs = numbers(y).into_iter().zip(numbers(r)).enumerate();
    for (index, (y, r)) in pairs.filter(|(_, (y, r))| y.is_finite() && r.is_finite()) {
        if (y - r).abs() > epsilon * scale {
            return Err(format!("element {index} is {y}, {r} is expected"));
        }
    }
    Ok(())
}

#[test]
fn whole_random_graphs_equal_the_evaluator_where_no_float_leads() {
    let dtypes = [DType::I64, DType::Bool, DType::I32];
    for_all_choices(|numbers| {
        let mut choices = Choices::new(numbers);
        let options = options(&Family::ALL, &dtypes, &mut choices);
        let (seeds, rest) = numbers.split_at(4);
        let graph = typed_graph(&mut Choices::new(rest), &options);
        let oracle = |graph: &Graph, inputs: &[(String, Value)]| -> Result<Vec<_>, InterpError> {
            let given = graph.inputs().zip(inputs).map(|((_, id), (_, value))| {
                to_oracle(value, graph.ty(id)).expect("generated inputs are tensors")
            });
            Evaluator::new(graph).run_in_order(&given.collect::<Vec<_>>())
        };
        let run = run(graph, &mut Choices::new(seeds), 2)?;
        let fail = |error: String| format!("{error}\n{}\n{}", run.graph, shown(&run.inputs));
        let references =
            oracle(&run.graph, &run.inputs).map_err(|error| fail(error.to_string()))?;
        let tainted = led_to_by_floats(&run.graph);
        let rows = run.graph.outputs().zip(&run.outputs).zip(&references);
        for (((name, id), (_, ours)), reference) in rows {
            let reference = from_oracle(reference).map_err(|error| fail(error.to_string()))?;
            if !tainted.contains(&id) && *ours != reference {
                return Err(fail(format!(
                    "{name} is {ours:?}, {reference:?} is expected"
                )));
            }
        }
        Ok(())
    });
}

/// Values of the main block that are floats or computed from some; what holds regions counts as such where it captures one
/// or gives one.
fn led_to_by_floats(graph: &Graph) -> BTreeSet<ValueId> {
    fn is_float(ty: &ValueType) -> bool {
        match ty {
            ValueType::Tensor(tensor) => tensor.dtype.is_float(),
            ValueType::Sequence(element) => element.dtype.is_float(),
            ValueType::Optional(inner) => is_float(inner),
        }
    }
    let mut tainted = BTreeSet::new();
    for &node in &graph.block(Graph::MAIN).nodes {
        let node = graph.node(node);
        let is_tainted = node.inputs.iter().any(|input| tainted.contains(input))
            || node
                .inputs
                .iter()
                .chain(&node.outputs)
                .any(|id| is_float(graph.ty(*id)));
        if is_tainted {
            tainted.extend(node.outputs.iter().copied());
        }
    }
    tainted
}
