//! A whole graph on concrete inputs.
//!
//! Values live until their last use. Symbols are bound as soon as the value that binds them is there, and every check
//! of the running block whose symbols are bound is tested then; every value is compared with its declared type.

mod region;
mod schedule;
mod typing;

use crate::error::{InterpError, Result};
use crate::op::{OpCx, constant_tensor, eval_op, test};
use crate::symbols::Symbols;
use crate::tensor::Tensor;
use crate::value::Value;
use graphc_base::{EntityId, SymId};
use graphc_ir::{Binding, BlockId, ConstId, Graph, NodeId, Op, ValueId};
use schedule::Schedule;
use std::collections::BTreeMap;

/// Deepest nesting of regions, so that a graph that holds itself is an error.
const MAX_DEPTH: usize = 48;

/// Called with each value of a run as soon as it is there.
type Hook<'a> = Box<dyn FnMut(ValueId, &Value) + 'a>;

/// Evaluates one graph, as often as wanted; constants are read once.
pub struct Evaluator<'a> {
    graph: &'a Graph,
    schedule: Schedule,
    symbols: Symbols,
    values: Vec<Option<Value>>,
    constants: BTreeMap<ConstId, Tensor>,
    on_value: Option<Hook<'a>>,
    depth: usize,
    /// The block that runs.
    block: BlockId,
}

/// The outputs of a graph, in its order, for inputs by name.
pub fn evaluate(graph: &Graph, inputs: &BTreeMap<String, Value>) -> Result<Vec<Value>> {
    Evaluator::new(graph).run(inputs)
}

/// The outputs of a graph, in its order, for inputs in its order.
pub fn evaluate_in_order(graph: &Graph, inputs: &[Value]) -> Result<Vec<Value>> {
    Evaluator::new(graph).run_in_order(inputs)
}

impl<'a> Evaluator<'a> {
    /// An evaluator of `graph`, which should have passed the verifier.
    pub fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            schedule: Schedule::new(graph),
            symbols: Symbols::new(),
            values: vec![None; graph.n_values()],
            constants: BTreeMap::new(),
            on_value: None,
            depth: 0,
            block: Graph::MAIN,
        }
    }

    /// Has `hook` called with each value that a run computes, inputs and values of regions included, in order.
    pub fn on_value(&mut self, hook: impl FnMut(ValueId, &Value) + 'a) {
        self.on_value = Some(Box::new(hook));
    }

    /// What the symbols were bound to by the last run.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The outputs of the graph, in its order, for inputs by name. Missing and unknown names are errors.
    pub fn run(&mut self, inputs: &BTreeMap<String, Value>) -> Result<Vec<Value>> {
        let names = &self.graph.input_names;
        if let Some(name) = inputs.keys().find(|name| !names.contains(*name)) {
            return Err(InterpError::UnknownInput { name: name.clone() });
        }
        let ordered: Result<Vec<Value>> = names
            .iter()
            .map(|name| {
                let missing = || InterpError::MissingInput { name: name.clone() };
                inputs.get(name).cloned().ok_or_else(missing)
            })
            .collect();
        self.run_in_order(&ordered?)
    }

    /// The outputs of the graph, in its order, for inputs in its order.
    pub fn run_in_order(&mut self, inputs: &[Value]) -> Result<Vec<Value>> {
        self.symbols = Symbols::new();
        self.depth = 0;
        self.block = Graph::MAIN;
        let result = self.run_block(Graph::MAIN, inputs);
        // What a failed run left behind is of no use.
        self.values.fill(None);
        result
    }

    fn cx(&self) -> OpCx<'_> {
        OpCx {
            dims: &self.graph.dims,
            consts: &self.graph.consts,
            symbols: &self.symbols,
        }
    }

    /// The results of a block for these parameters.
    fn run_block(&mut self, block_id: BlockId, arguments: &[Value]) -> Result<Vec<Value>> {
        if self.depth >= MAX_DEPTH {
            return Err(InterpError::Check {
                what: block_id.to_string(),
                message: "regions are nested too deep".to_owned(),
            });
        }
        self.depth += 1;
        let graph = self.graph;
        let block = graph.block(block_id);
        if arguments.len() != block.params.len() {
            return Err(InterpError::InputCount {
                given: arguments.len(),
                wanted: block.params.len(),
            });
        }
        for symbol in self.schedule.symbols_of(block_id) {
            self.symbols.unbind(*symbol);
        }
        let outer = std::mem::replace(&mut self.block, block_id);
        self.test_checks(self.schedule.checks_in(block_id).iter().copied())?;
        let given = block.params.iter().copied().zip(arguments.iter().cloned());
        self.define(given.collect())?;
        for &node in &block.nodes {
            self.run_node(node)
                .map_err(|error| self.at_node(node, error))?;
            for idx in 0..self.schedule.dead_after(node).len() {
                let value = self.schedule.dead_after(node)[idx];
                self.values[value.index()] = None;
            }
        }
        let results: Result<Vec<Value>> = block.results.iter().map(|&id| self.value(id)).collect();
        for &value in block.params.iter().chain(&block.results) {
            self.values[value.index()] = None;
        }
        self.depth -= 1;
        self.block = outer;
        results
    }

    fn run_node(&mut self, node_id: NodeId) -> Result<()> {
        let node = self.graph.node(node_id);
        let inputs: Result<Vec<Value>> = node.inputs.iter().map(|&id| self.value(id)).collect();
        let inputs = inputs?;
        let results = match &node.op {
            Op::Const(id) => vec![Value::Tensor(self.constant(*id, MAX_DEPTH)?)],
            Op::If(branch) => self.run_if(branch, &inputs)?,
            Op::Loop(repeat) => self.run_loop(repeat, &inputs)?,
            op => eval_op(op, &inputs.iter().collect::<Vec<_>>(), self.cx())?,
        };
        if results.len() != node.outputs.len() {
            return Err(InterpError::InputCount {
                given: results.len(),
                wanted: node.outputs.len(),
            });
        }
        let defined = node.outputs.iter().copied().zip(results);
        self.define(defined.collect())
    }

    /// The contents of a constant; kept, because regions and derived constants ask again.
    fn constant(&mut self, id: ConstId, n_left: usize) -> Result<Tensor> {
        if let Some(tensor) = self.constants.get(&id) {
            return Ok(tensor.clone());
        }
        let Some(n_left) = n_left.checked_sub(1) else {
            return Err(InterpError::Constant {
                name: id.to_string(),
                message: "derived by too long a chain".to_owned(),
            });
        };
        let graph = self.graph;
        let symbols = Symbols::new();
        let cx = OpCx {
            dims: &graph.dims,
            consts: &graph.consts,
            symbols: &symbols,
        };
        let tensor = constant_tensor(cx, id, &mut |operand| self.constant(operand, n_left))?;
        self.constants.insert(id, tensor.clone());
        Ok(tensor)
    }

    fn value(&self, id: ValueId) -> Result<Value> {
        let value = self.values.get(id.index()).and_then(Option::as_ref);
        value.cloned().ok_or_else(|| InterpError::Mistyped {
            value: id.to_string(),
            given: "nothing".to_owned(),
            declared: "value".to_owned(),
        })
    }

    /// Values that appear together: their symbols are bound before any of their types is compared.
    fn define(&mut self, defined: Vec<(ValueId, Value)>) -> Result<()> {
        let mut bound = Vec::new();
        for (id, value) in &defined {
            for idx in 0..self.schedule.bound_by(*id).len() {
                let (symbol, binding) = self.schedule.bound_by(*id)[idx];
                self.bind(symbol, binding, value)?;
                bound.push(symbol);
            }
        }
        for (id, value) in defined {
            self.compare_type(id, &value)?;
            if let Some(hook) = &mut self.on_value {
                hook(id, &value);
            }
            if self.schedule.is_used(id) {
                self.values[id.index()] = Some(value);
            }
        }
        self.test_checks(self.schedule.checks_of(self.block, &bound))
    }

    fn bind(&mut self, symbol: SymId, binding: Binding, value: &Value) -> Result<()> {
        let fail = |message: String| InterpError::Symbol {
            symbol: self.graph.dims.name(symbol).to_owned(),
            message,
        };
        let tensor = value
            .as_tensor()
            .ok_or_else(|| fail(format!("bound from {}", value.describe())))?;
        let found = match binding {
            Binding::Axis(_, axis) => {
                let size = tensor.shape().get(axis);
                size.map(|&size| i64::try_from(size).unwrap_or(i64::MAX))
            }
            Binding::Element(_, element) => tensor.to_i64()?.get(element).copied(),
        };
        let bound = found.ok_or_else(|| fail(format!("not there in {}", value.describe())))?;
        self.symbols.bind_checked(&self.graph.dims, symbol, bound)
    }

    /// Tests those of the checks whose symbols are all bound.
    fn test_checks(&self, checks: impl IntoIterator<Item = usize>) -> Result<()> {
        for check_idx in checks {
            let check = &self.graph.checks[check_idx];
            if self.schedule.is_ready(check_idx, &self.symbols) {
                test(&check.kind, &check.what, self.cx())?;
            }
        }
        Ok(())
    }

    /// An error with the user's name for the node.
    fn at_node(&self, node_id: NodeId, error: InterpError) -> InterpError {
        // The innermost node says most.
        if matches!(error, InterpError::Node { .. }) {
            return error;
        }
        let node = self.graph.node(node_id);
        let sources = node
            .outputs
            .first()
            .map(|&id| &self.graph.value(id).sources);
        let names = sources.into_iter().flat_map(|sources| sources.iter());
        let names: Vec<String> = names
            .filter_map(|&id| self.graph.sources.get(id))
            .map(|source| format!("{} `{}`", source.op_type, source.name))
            .collect();
        InterpError::Node {
            node: if names.is_empty() {
                node_id.to_string()
            } else {
                names.join(", ")
            },
            source: Box::new(error),
        }
    }
}
