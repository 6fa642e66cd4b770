//! From a model to a graph.
//!
//! Nodes are converted in topological order; functions of the model are converted in place of their calls; subgraphs
//! become blocks, or are converted in place where it is known which of them runs and how often. Before anything is
//! converted, every operator that the importer does not know is collected into one error.

mod assume;
mod constants;
mod cx;
mod free_names;
mod function;
mod inputs;
mod region;
mod scope;
mod support;

pub(crate) use cx::{ConvertError, Elements, NodeCx};
pub(crate) use region::{Captures, FreshAxes, ParamType};

use crate::attr::Attrs;
use crate::error::{NodeRef, OnnxError, UnsupportedOp};
use crate::file::Model;
use crate::ops;
use crate::proto::{GraphProto, NodeProto};
use crate::topo;
use assume::Assumptions;
use function::{Call, Functions};
use graphc_base::Interval;
use graphc_ir::{Binding, Builder, DimCheckKind, Graph, ValueId};
use scope::Scopes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How deep functions and subgraphs may nest.
const MAX_NESTING: usize = 40;

/// How many nodes may be converted, those of functions and subgraphs counted each time.
const MAX_NODES: usize = 1 << 18;

/// How often a model is imported to learn the limits of its dims.
const MAX_PASSES: usize = 4;

/// What the caller decides about an import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Sizes of dims by name: a range of one value makes the dim a constant.
    pub dims: BTreeMap<String, Interval>,
}

/// An operator that the importer knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SupportedOp {
    /// Its domain; `ai.onnx` for the default one.
    pub domain: &'static str,
    /// Its name.
    pub op_type: &'static str,
    /// First version of the domain that has it.
    pub since: i64,
}

/// Every operator that [`import`] knows, sorted.
pub fn supported_ops() -> impl Iterator<Item = SupportedOp> {
    let mut supported: Vec<SupportedOp> = ops::entries()
        .map(|entry| SupportedOp {
            domain: if entry.domain.is_empty() {
                "ai.onnx"
            } else {
                entry.domain
            },
            op_type: entry.op_type,
            since: ops::since(entry),
        })
        .collect();
    supported.sort_unstable();
    supported.into_iter()
}

/// Makes the graph of a model.
///
/// # Errors
/// All operators that are not supported at once; else the first node, tensor or input that is at fault, by name.
pub fn import(model: &Model, options: &ImportOptions) -> Result<Graph, OnnxError> {
    support::check(&Importer::new(model))?;
    let mut learnt = Learnt::default();
    let mut first_error = None;
    let mut n_passes = 1;
    loop {
        let mut importer = Importer::new(model);
        importer.learnt = learnt.clone();
        match importer.import_once(options) {
            Ok(graph) if importer.learnt.limits == learnt.limits || n_passes == MAX_PASSES => {
                return Ok(graph);
            }
            Ok(_) => {
                n_passes += 1;
                learnt.limits = importer.learnt.limits;
                learnt.assumptions = importer.learnt.assumptions.again();
            }
            Err(error) => {
                let first = first_error.take().unwrap_or(error);
                let Some(assumptions) = importer.learnt.assumptions.after_failure() else {
                    return Err(first);
                };
                learnt.assumptions = assumptions;
                first_error = Some(first);
            }
        }
    }
}

/// What one import of a model teaches the next.
#[derive(Clone, Default)]
struct Learnt {
    /// Largest sizes of input dims by name, as far as nodes that always run have shown them.
    ///
    /// A table of 512 rows cut to `seq` of them, and added to something with `seq` rows, shows that `seq` is at most 512
    /// in every run that succeeds. Only with this limit known from the start do all sizes come out simple.
    limits: BTreeMap<String, i64>,
    /// What is assumed of branches whose results differ in rank.
    assumptions: Assumptions,
}

/// What the conversion of a model keeps besides the graph.
pub(crate) struct Importer<'m> {
    model: &'m Model,
    functions: Functions<'m>,
    scopes: Scopes,
    /// The functions that are being converted in place, outermost first.
    calls: Vec<Call>,
    /// Results that their nodes do not give, by name.
    uncomputed: BTreeMap<String, UnsupportedOp>,
    n_nesting: usize,
    n_nodes: usize,
    n_instances: u32,
    learnt: Learnt,
    /// How many of the graph's checks have been looked at for limits.
    n_checks: usize,
}

impl<'m> Importer<'m> {
    fn new(model: &'m Model) -> Self {
        Self {
            model,
            functions: Functions::new(model),
            scopes: Scopes::default(),
            calls: Vec::new(),
            uncomputed: BTreeMap::new(),
            n_nesting: 0,
            n_nodes: 0,
            n_instances: 0,
            learnt: Learnt::default(),
            n_checks: 0,
        }
    }

    fn import_once(&mut self, options: &ImportOptions) -> Result<Graph, OnnxError> {
        let graph = self.model.graph();
        let mut builder = Builder::new(&graph.name);
        self.scopes.push_closed();
        inputs::define(&mut builder, self, options)?;
        self.convert_nodes(&mut builder, graph)?;
        let mut names = BTreeSet::new();
        for (name, value) in self.outputs(graph)? {
            if !names.insert(name) {
                return Err(self
                    .model
                    .graph_error(format!("output {name} is there twice")));
            }
            builder.output(name, value);
        }
        Ok(builder.finish())
    }

    fn model(&self) -> &'m Model {
        self.model
    }

    fn next_instance(&mut self) -> u32 {
        self.n_instances += 1;
        self.n_instances
    }

    /// Version of a domain that the function that is being converted imports, or else the model.
    fn opset(&self, domain: &str) -> Option<i64> {
        let of_function = self.calls.last().and_then(|call| call.opset(domain));
        of_function.or_else(|| self.model.opset(domain))
    }

    /// Goes one level deeper; [`leave`](Self::leave) comes back.
    fn enter(&mut self) -> Result<(), OnnxError> {
        self.n_nesting += 1;
        if self.n_nesting > MAX_NESTING {
            return Err(self.model.graph_error(format!(
                "functions and subgraphs nest more than {MAX_NESTING} deep"
            )));
        }
        Ok(())
    }

    fn too_many_nodes(&self) -> OnnxError {
        self.model.graph_error(format!(
            "functions and subgraphs unfold to more than {MAX_NODES} nodes"
        ))
    }

    fn leave(&mut self) {
        self.n_nesting -= 1;
    }

    /// Converts a subgraph into the current block; see [`NodeCx::inline`].
    fn convert_graph(
        &mut self,
        b: &mut Builder,
        graph: &GraphProto,
        args: &[ValueId],
    ) -> Result<Vec<ValueId>, OnnxError> {
        self.enter()?;
        self.scopes.push_open();
        self.define_initializers(b, graph)?;
        for (input, &arg) in graph.input.iter().zip(args) {
            self.scopes.define(&input.name, Some(arg));
        }
        self.convert_nodes(b, graph)?;
        let outputs = self.outputs(graph)?;
        let values = outputs.into_iter().map(|(_, value)| value).collect();
        self.scopes.pop();
        self.leave();
        Ok(values)
    }

    fn define_initializers(
        &mut self,
        b: &mut Builder,
        graph: &GraphProto,
    ) -> Result<(), OnnxError> {
        for view in self.model.initializers(graph) {
            let view = view?;
            let name = view.name.clone();
            let value = constants::constant(b, view).map_err(|error| {
                self.model
                    .graph_error(format!("initializer {name}: {error}"))
            })?;
            self.scopes.define(&name, Some(value));
        }
        Ok(())
    }

    fn convert_nodes(&mut self, b: &mut Builder, graph: &GraphProto) -> Result<(), OnnxError> {
        for node_idx in topo::order(graph)? {
            self.convert_node(b, &graph.node[node_idx], node_idx)?;
        }
        Ok(())
    }

    /// Names and values of a graph's outputs.
    fn outputs<'g>(&self, graph: &'g GraphProto) -> Result<Vec<(&'g str, ValueId)>, OnnxError> {
        graph
            .output
            .iter()
            .map(|output| match self.scopes.lookup(&output.name) {
                Some(Some(value)) => Ok((output.name.as_str(), value)),
                _ => Err(self.uncomputed(&output.name).unwrap_or_else(|| {
                    self.model
                        .graph_error(format!("output {} is not defined", output.name))
                })),
            })
            .collect()
    }

    fn convert_node(
        &mut self,
        b: &mut Builder,
        node: &NodeProto,
        node_idx: usize,
    ) -> Result<(), OnnxError> {
        self.n_nodes += 1;
        if self.n_nodes > MAX_NODES {
            return Err(self.too_many_nodes());
        }
        let resolved;
        let node = match self.calls.last() {
            Some(call) => {
                resolved = call.resolve(node);
                &resolved
            }
            None => node,
        };
        let node_ref = self.node_ref(node, node_idx);
        if let Some(attribute) = node
            .attribute
            .iter()
            .find(|attribute| !attribute.ref_attr_name.is_empty())
        {
            let message = match self.calls.last() {
                Some(_) => "which the function around it does not declare",
                None => "but stands in no function",
            };
            return Err(OnnxError::Attribute {
                node: node_ref,
                attribute: attribute.name.clone(),
                message: format!(
                    "refers to attribute {} of a function, {message}",
                    attribute.ref_attr_name
                ),
            });
        }
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            inputs.push(match self.scopes.lookup(name) {
                _ if name.is_empty() => None,
                Some(meaning) => meaning,
                None => {
                    return Err(self.uncomputed(name).unwrap_or_else(|| OnnxError::Node {
                        node: node_ref,
                        message: format!("operand {name} is not defined"),
                    }));
                }
            });
        }
        let before = b.graph().n_values();
        let outputs = if let Some(function) = self.functions.find(node) {
            self.convert_call(b, function, node, &node_ref, inputs)?
        } else {
            self.convert_op(b, node, &node_ref, inputs)?
        };
        self.define_outputs(b, node, &node_ref, &outputs, before);
        Ok(())
    }

    fn convert_op(
        &mut self,
        b: &mut Builder,
        node: &NodeProto,
        node_ref: &NodeRef,
        inputs: Vec<Option<ValueId>>,
    ) -> Result<Vec<ValueId>, OnnxError> {
        let Some(entry) = ops::find(normalised(&node.domain), &node.op_type) else {
            return Err(unsupported(
                node_ref.clone(),
                "the operator is unknown".into(),
            ));
        };
        let attrs = Attrs::new(node, node_ref);
        let fail = |message: String| OnnxError::Node {
            node: node_ref.clone(),
            message,
        };
        let opset = match self.opset(&node.domain) {
            Some(opset) => opset,
            None if ops::is_versioned(entry.domain) => {
                return Err(fail("the model does not import its domain".into()));
            }
            None => 1,
        };
        let n_named = inputs.iter().rposition(Option::is_some);
        ops::check_version(entry, opset, n_named.map_or(0, |last| last + 1)).map_err(fail)?;
        let source = b.add_source(&node_ref.name, &node.op_type);
        let mut cx = NodeCx::new(b, self, node, &attrs, inputs, opset, Arc::from([source]));
        let outputs = (entry.convert)(&mut cx).map_err(|error| match error {
            ConvertError::Model(error) => *error,
            ConvertError::Unsupported(reason) => unsupported(node_ref.clone(), reason),
            ConvertError::Type(error) => fail(error.to_string()),
            ConvertError::Invalid(message) => fail(message),
        })?;
        // A hint to early runtimes, which changes nothing.
        attrs.mark_read("consumed_inputs");
        if let Some(name) = attrs.unused().first() {
            return Err(OnnxError::Attribute {
                node: node_ref.clone(),
                attribute: (*name).to_owned(),
                message: "is unknown".into(),
            });
        }
        self.learn_limits(b);
        Ok(outputs)
    }

    /// Looks at the checks that a node has brought; those of regions say nothing, as regions may not run.
    fn learn_limits(&mut self, b: &Builder) {
        let checks = &b.graph().checks;
        let new = checks.get(self.n_checks..).unwrap_or_default();
        self.n_checks = checks.len();
        let dims = b.dims();
        for check in new.iter().filter(|check| check.block == Graph::MAIN) {
            let (left, right) = check.kind.sides();
            let mut bounds = dims.broadcast_bounds(left);
            bounds.extend(dims.broadcast_bounds(right));
            // What must be equal could be broadcast, too.
            if !matches!(check.kind, DimCheckKind::LessEqual(..)) {
                bounds.extend(dims.broadcast_bounds(&dims.bcast(left, right)));
            }
            for (symbol, limit) in bounds {
                let is_input = matches!(
                    b.graph().bindings.get(&symbol),
                    Some(Binding::Axis(value, _)) if b.graph().block(Graph::MAIN).params.contains(value)
                );
                let range = dims.range(symbol);
                if is_input && (range.lo..range.hi).contains(&limit) {
                    let known = self
                        .learnt
                        .limits
                        .entry(dims.name(symbol).to_owned())
                        .or_insert(limit);
                    *known = limit.min(*known);
                }
            }
        }
    }

    /// The error of using a result that its node does not give; `None` for other names.
    fn uncomputed(&self, name: &str) -> Option<OnnxError> {
        let missing = self.uncomputed.get(name)?.clone();
        Some(OnnxError::Unsupported { ops: vec![missing] })
    }

    /// Names of the node's results get their values; those that this node made are called so in messages too. A result
    /// that it does not give is an error where it is used.
    fn define_outputs(
        &mut self,
        b: &mut Builder,
        node: &NodeProto,
        node_ref: &NodeRef,
        outputs: &[ValueId],
        n_before: usize,
    ) {
        for (output_idx, name) in node.output.iter().enumerate() {
            if name.is_empty() {
                continue;
            }
            let Some(&value) = outputs.get(output_idx) else {
                let missing = UnsupportedOp {
                    node: node_ref.clone(),
                    reason: format!("result {output_idx} ({name}) is not computed"),
                };
                self.uncomputed.insert(name.clone(), missing);
                continue;
            };
            self.scopes.define(name, Some(value));
            let is_new = value.0 as usize >= n_before;
            if is_new && b.graph().value(value).name.is_none() {
                b.graph_mut().set_name(value, name.as_str());
            }
        }
    }

    fn node_ref(&self, node: &NodeProto, node_idx: usize) -> NodeRef {
        let mut node_ref = self.model.node_ref(node, node_idx);
        if let Some(call) = self.calls.last() {
            node_ref.name = nested_name(&call.name, &node_ref.name);
        }
        node_ref.opset = self.opset(&node.domain);
        node_ref
    }
}

fn unsupported(node: NodeRef, reason: String) -> OnnxError {
    OnnxError::Unsupported {
        ops: vec![UnsupportedOp { node, reason }],
    }
}

/// The name of a node within a function that a node of another name calls.
fn nested_name(outer: &str, inner: &str) -> String {
    format!("{outer}/{}", inner.trim_start_matches('/'))
}

/// The default domain has two names.
fn normalised(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}
