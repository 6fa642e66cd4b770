//! Dead code: nodes, parameters and results of regions, bindings and checks that nothing needs.

use crate::pass::{PassCx, PassReport};
use crate::replace::{blocks, regions};
use graphc_base::{EntityId, SymId};
use graphc_ir::{BlockId, DimCheck, Graph, NodeId, Op, ValueDef, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// Removes what no output of the main block needs. A symbol is needed where a live type or operator mentions it, and then
/// so is the value that binds it; a check is kept where all its symbols are needed.
///
/// Requires a sound graph. Ensures that every node left is live, and so is every parameter and result of a region, but for
/// a loop's iteration, condition and values it carries to itself. Never changes inputs and outputs of the main block.
pub fn remove_dead(graph: &mut Graph, _cx: &PassCx) -> PassReport {
    let live = Live::of(graph);
    let Live {
        values,
        nodes,
        symbols,
        ..
    } = live;
    let mut report = PassReport::default();
    for block in blocks(graph) {
        let all = graph.block(block).nodes.clone();
        let kept: Vec<NodeId> = all
            .iter()
            .copied()
            .filter(|node| nodes.contains(node))
            .collect();
        report.count("dead_node", all.len() - kept.len());
        for &node in &kept {
            let n_dropped = match graph.node(node).op {
                Op::If(_) => prune_if(graph, node, &values),
                Op::Loop(_) => prune_loop(graph, node, &values),
                _ => 0,
            };
            report.count("dead_region_value", n_dropped);
        }
        graph.set_nodes(block, kept);
    }
    let n_bindings = graph.bindings.len();
    graph.bindings.retain(|symbol, _| symbols.contains(symbol));
    report.count("dead_symbol", n_bindings - graph.bindings.len());
    let n_checks = graph.checks.len();
    let running: BTreeSet<BlockId> = blocks(graph).into_iter().collect();
    graph
        .checks
        .retain(|check| running.contains(&check.block) && check_symbols(check).is_subset(&symbols));
    report.count("dead_check", n_checks - graph.checks.len());
    report
}

fn check_symbols(check: &DimCheck) -> BTreeSet<SymId> {
    let (a, b) = check.kind.sides();
    let mut symbols = a.symbols();
    symbols.extend(b.symbols());
    symbols
}

struct Live<'a> {
    graph: &'a Graph,
    owners: BTreeMap<BlockId, NodeId>,
    values: Vec<bool>,
    nodes: BTreeSet<NodeId>,
    symbols: BTreeSet<SymId>,
    open: Vec<ValueId>,
}

impl<'a> Live<'a> {
    fn of(graph: &'a Graph) -> Self {
        let mut owners = BTreeMap::new();
        for block in blocks(graph) {
            for &node in &graph.block(block).nodes {
                owners.extend(
                    regions(&graph.node(node).op)
                        .into_iter()
                        .map(|region| (region, node)),
                );
            }
        }
        let mut live = Self {
            graph,
            owners,
            values: vec![false; graph.n_values()],
            nodes: BTreeSet::new(),
            symbols: BTreeSet::new(),
            open: Vec::new(),
        };
        let main = graph.block(Graph::MAIN);
        for &value in main.params.iter().chain(&main.results) {
            live.value(value);
        }
        while let Some(value) = live.open.pop() {
            live.follow(value);
        }
        live
    }

    fn value(&mut self, value: ValueId) {
        if !std::mem::replace(&mut self.values[value.index()], true) {
            self.open.push(value);
        }
    }

    fn values(&mut self, values: &[ValueId]) {
        for &value in values {
            self.value(value);
        }
    }

    /// The value at a position, if there is one.
    fn at(&mut self, values: &[ValueId], position: usize) {
        if let Some(&value) = values.get(position) {
            self.value(value);
        }
    }

    fn symbols(&mut self, symbols: BTreeSet<SymId>) {
        for symbol in symbols {
            if self.symbols.insert(symbol)
                && let Some(binding) = self.graph.bindings.get(&symbol)
            {
                self.value(binding.value());
            }
        }
    }

    fn type_of(&mut self, value: ValueId) {
        let mut symbols = BTreeSet::new();
        self.graph
            .ty(value)
            .visit_dims(&mut |dim| symbols.extend(dim.symbols()));
        self.symbols(symbols);
    }

    /// What a live value needs.
    fn follow(&mut self, value: ValueId) {
        let graph = self.graph;
        self.type_of(value);
        match graph.value(value).def {
            ValueDef::Param { block, index } => self.param(block, index),
            ValueDef::Node { node, output } => {
                self.node(node);
                self.region_result(node, output);
            }
        }
    }

    /// What a node needs to run at all.
    fn node(&mut self, id: NodeId) {
        if !self.nodes.insert(id) {
            return;
        }
        let node = self.graph.node(id);
        if let Some(&owner) = self.owners.get(&node.block) {
            self.node(owner);
        }
        match &node.op {
            Op::If(_) => self.at(&node.inputs, 0),
            Op::Loop(repeat) => {
                let n_leading =
                    usize::from(repeat.has_trip_count) + usize::from(repeat.has_condition);
                self.values(&node.inputs[..n_leading.min(node.inputs.len())]);
                let body = self.graph.block(repeat.body);
                self.at(&body.params, 0);
                self.at(&body.params, 1);
                self.at(&body.results, 0);
            }
            op => {
                self.values(&node.inputs);
                let mut symbols = BTreeSet::new();
                op.visit_dims(&mut |dim| symbols.extend(dim.symbols()));
                self.symbols(symbols);
                for &output in &node.outputs {
                    self.type_of(output);
                }
            }
        }
    }

    /// What the regions must give for a result of their node.
    fn region_result(&mut self, node: NodeId, output: usize) {
        let graph = self.graph;
        match &graph.node(node).op {
            Op::If(branch) => {
                for block in [branch.then_block, branch.else_block] {
                    self.at(&graph.block(block).results, output);
                }
            }
            Op::Loop(repeat) => {
                let body = graph.block(repeat.body);
                self.at(&body.results, 1 + output);
                if output < repeat.n_carried {
                    self.at(&body.params, 2 + output);
                }
            }
            _ => {}
        }
    }

    /// What a parameter is given by.
    fn param(&mut self, block: BlockId, index: usize) {
        let Some(&owner) = self.owners.get(&block) else {
            return;
        };
        let graph = self.graph;
        let node = graph.node(owner);
        self.node(owner);
        match &node.op {
            Op::If(branch) => {
                self.at(&node.inputs, 1 + index);
                for block in [branch.then_block, branch.else_block] {
                    self.at(&graph.block(block).params, index);
                }
            }
            Op::Loop(repeat) => {
                let Some(operand_idx) = index.checked_sub(2) else {
                    return;
                };
                let n_leading =
                    usize::from(repeat.has_trip_count) + usize::from(repeat.has_condition);
                self.at(&node.inputs, n_leading + operand_idx);
                if operand_idx < repeat.n_carried {
                    self.at(&graph.block(repeat.body).results, 1 + operand_idx);
                    self.at(&node.outputs, operand_idx);
                }
            }
            _ => {}
        }
    }
}

fn flags(values: &[ValueId], live: &[bool]) -> Vec<bool> {
    values.iter().map(|value| live[value.index()]).collect()
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut position = 0;
    items.retain(|_| {
        position += 1;
        keep.get(position - 1).copied().unwrap_or(true)
    });
}

fn n_dropped(keep: &[bool]) -> usize {
    keep.iter().filter(|keep| !**keep).count()
}

fn prune_if(graph: &mut Graph, node: NodeId, live: &[bool]) -> usize {
    let Op::If(mut branch) = graph.node(node).op.clone() else {
        return 0;
    };
    let outputs = flags(&graph.node(node).outputs, live);
    let params = flags(&graph.block(branch.then_block).params, live);
    let n_all = n_dropped(&outputs) + n_dropped(&params);
    if n_all == 0 {
        return 0;
    }
    retain(&mut branch.results, &outputs);
    for block in [branch.then_block, branch.else_block] {
        retain(&mut graph.block_mut(block).results, &outputs);
        graph.keep_params(block, &mut |index| params[index]);
    }
    graph.keep_outputs(node, &mut |output| outputs[output]);
    let inputs: Vec<bool> = std::iter::once(true).chain(params).collect();
    retain(graph.inputs_mut(node), &inputs);
    graph.set_op(node, Op::If(branch));
    n_all
}

fn prune_loop(graph: &mut Graph, node: NodeId, live: &[bool]) -> usize {
    let Op::Loop(mut repeat) = graph.node(node).op.clone() else {
        return 0;
    };
    let outputs = flags(&graph.node(node).outputs, live);
    let params = flags(&graph.block(repeat.body).params, live);
    let n_all = n_dropped(&outputs) + n_dropped(&params);
    if n_all == 0 {
        return 0;
    }
    let n_leading = usize::from(repeat.has_trip_count) + usize::from(repeat.has_condition);
    let inputs: Vec<bool> = std::iter::repeat_n(true, n_leading)
        .chain(params.iter().skip(2).copied())
        .collect();
    let results: Vec<bool> = std::iter::once(true)
        .chain(outputs.iter().copied())
        .collect();
    let (carried, scanned) = outputs.split_at(repeat.n_carried.min(outputs.len()));
    repeat.n_carried -= n_dropped(carried);
    repeat.n_scanned -= n_dropped(scanned);
    retain(&mut repeat.results, &outputs);
    retain(&mut graph.block_mut(repeat.body).results, &results);
    graph.keep_params(repeat.body, &mut |index| params[index]);
    graph.keep_outputs(node, &mut |output| outputs[output]);
    retain(graph.inputs_mut(node), &inputs);
    graph.set_op(node, Op::Loop(repeat));
    n_all
}
