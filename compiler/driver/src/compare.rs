//! A compiled model against the evaluator on its graph: output by output, and layer by layer.
//!
//! The graph is the model as it was imported, before any pass, so that what passes do is judged too. Layers are found by
//! the names that values have in the user's model: those that the artifact still computes are compared, in the order of
//! the evaluator; the rest live inside kernels.

use crate::oracle::{from_oracle, to_oracle};
use crate::tolerance::{Difference, difference, model_tolerance};
use anyhow::{Context, Result};
use graphc_interp::Evaluator;
use graphc_ir::{Graph, ValueId};
use graphc_runtime::{DType, InputRef, Observed, Session, Tensor, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One value compared.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Row {
    /// Its name in the user's model.
    pub name: String,
    /// The user's nodes that it came from.
    pub nodes: Vec<String>,
    /// Their operators.
    pub op_types: Vec<String>,
    /// Element type and shape.
    #[serde(rename = "type")]
    pub ty: String,
    /// `max|y − r| / max(rms(r), 1e-6)`; `None` where both cannot be measured against each other.
    pub error: Option<f64>,
    /// Cosine of the angle between both.
    pub cosine: Option<f64>,
    /// What `error` may be.
    pub tolerance: f64,
    /// Whether it is within its tolerance.
    pub ok: bool,
    /// Why they cannot be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A comparison.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Comparison {
    /// Whether every output is within its tolerance.
    pub ok: bool,
    /// The outputs.
    pub outputs: Vec<Row>,
    /// The layers, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<Row>>,
    /// Name of the first layer beyond its tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_over: Option<String>,
    /// Values of the user's model that live inside kernels, where layers were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
}

/// Runs both on the same inputs.
///
/// # Errors
/// Where either of both fails.
pub fn compare(
    graph: &Graph,
    session: &Session,
    inputs: &[(String, Value)],
    per_layer: bool,
) -> Result<Comparison> {
    let named: Vec<(&str, InputRef<'_>)> = inputs
        .iter()
        .map(|(name, value)| (name.as_str(), InputRef::from(value)))
        .collect();
    let mut computed: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut state = session.new_state();
    let outputs = if per_layer {
        session.run_observed("main", &named, &mut state, &mut |observed| {
            keep(&observed, &mut computed)
        })?
    } else {
        session.run_refs("main", &named, &mut state, None)?
    };
    let mut given = BTreeMap::new();
    for (name, id) in graph.inputs() {
        // What is missing is named by the run above, or by the evaluator.
        if let Some((_, value)) = inputs.iter().find(|(given, _)| given == name) {
            given.insert(name.to_owned(), to_oracle(value, graph.ty(id))?);
        }
    }
    let mut layers: Vec<Row> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut hidden: BTreeSet<String> = BTreeSet::new();
    let mut evaluator = Evaluator::new(graph);
    if per_layer {
        evaluator.on_value(|id, value| {
            let Some(name) = graph.value(id).name.as_deref() else {
                return;
            };
            let is_computed = graph.def_node(id).is_some() && graph.as_const(id).is_none();
            if !is_computed {
                return;
            }
            let occurrence = seen.entry(name.to_owned()).or_default();
            *occurrence += 1;
            let ours = computed
                .get(name)
                .and_then(|values| values.get(*occurrence - 1));
            match (ours, from_oracle(value)) {
                (Some(ours), Ok(reference)) => {
                    layers.push(row(graph, id, name.to_owned(), ours, &reference));
                }
                _ => {
                    hidden.insert(name.to_owned());
                }
            }
        });
    }
    let references = evaluator.run(&given).context("the evaluator")?;
    drop(evaluator);
    let rows: Vec<Row> = graph
        .outputs()
        .zip(&references)
        .map(|((name, id), reference)| {
            let ours = outputs.iter().find(|(found, _)| found == name);
            let (_, ours) = ours.with_context(|| format!("the artifact has no output `{name}`"))?;
            Ok(row(
                graph,
                id,
                name.to_owned(),
                ours,
                &from_oracle(reference)?,
            ))
        })
        .collect::<Result<_>>()?;
    let first_over = layers
        .iter()
        .find(|row| !row.ok)
        .map(|row| row.name.clone());
    Ok(Comparison {
        ok: rows.iter().all(|row| row.ok),
        outputs: rows,
        first_over,
        hidden: per_layer.then_some(hidden.len()),
        layers: per_layer.then_some(layers),
    })
}

/// Keeps a value that has a name in the user's model.
fn keep(observed: &Observed<'_>, computed: &mut BTreeMap<String, Vec<Value>>) {
    let Some(name) = observed.name else { return };
    let value = match observed.value {
        InputRef::Bytes {
            dtype,
            shape,
            bytes,
        } => Tensor::from_bytes(dtype, shape, bytes).map(Value::from),
        InputRef::Value(value) => Some(value.clone()),
    };
    if let Some(value) = value {
        computed.entry(name.to_owned()).or_default().push(value);
    }
}

fn row(graph: &Graph, id: ValueId, name: String, ours: &Value, reference: &Value) -> Row {
    let tolerance = tolerance_of(reference);
    let found = difference(ours, reference);
    let sources = graph.value(id).sources.iter();
    let sources: Vec<_> = sources
        .filter_map(|&source| graph.sources.get(source))
        .collect();
    Row {
        name,
        nodes: sources.iter().map(|source| source.name.clone()).collect(),
        op_types: sources
            .iter()
            .map(|source| source.op_type.clone())
            .collect(),
        ty: reference.describe(),
        error: found.as_ref().ok().map(|found: &Difference| found.error),
        cosine: found.as_ref().ok().map(|found| found.cosine),
        tolerance,
        ok: found.as_ref().is_ok_and(|found| found.error <= tolerance),
        message: found.err().map(|mismatch| mismatch.to_string()),
    }
}

/// What a value may err by; of sequences the first element says.
fn tolerance_of(value: &Value) -> f64 {
    match value {
        Value::Tensor(tensor) => model_tolerance(tensor.dtype()),
        Value::Strings(_) => model_tolerance(DType::String),
        Value::Sequence(elements) => elements.first().map_or(0.0, tolerance_of),
        Value::Optional(inner) => inner.as_deref().map_or(0.0, tolerance_of),
    }
}
