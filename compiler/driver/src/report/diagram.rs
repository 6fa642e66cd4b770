//! A graph or a program as boxes and arrows: for Graphviz and for the page.

use super::graph::{show_type, source_names, value_name};
use super::memory::show_type as show_slot_type;
use super::{step_name, step_sources};
use graphc_base::EntityId;
use graphc_ir::{Graph, Op};
use graphc_program::{Program, SlotId, Step, Storage};
use std::collections::BTreeMap;
use std::fmt::Write;

/// One box.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it does.
    pub title: String,
    /// The user's nodes, or the name of an input.
    pub detail: String,
    /// Longest way from an input, in boxes.
    pub level: usize,
    /// Which body or block it belongs to, 0 the main one.
    pub group: usize,
    /// Whether it is an input or an output.
    pub is_border: bool,
}

/// One arrow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Position of the box that it leaves.
    pub from: usize,
    /// Position of the box that it enters.
    pub to: usize,
    /// Type of the value.
    pub label: String,
}

/// Boxes and arrows. Arrows lead to later boxes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagram {
    /// The boxes, each behind those that it needs.
    pub nodes: Vec<Node>,
    /// The arrows.
    pub edges: Vec<Edge>,
}

impl Diagram {
    /// The nodes of a graph; constants are left out.
    pub fn of_graph(graph: &Graph) -> Self {
        let mut diagram = Diagram::default();
        let mut made_by: BTreeMap<graphc_ir::ValueId, usize> = BTreeMap::new();
        for block in graph.block_ids() {
            let group = block.index();
            for &param in &graph.block(block).params {
                let at = diagram.border("input", value_name(graph, param), group);
                made_by.insert(param, at);
            }
            for &id in &graph.block(block).nodes {
                let node = graph.node(id);
                if matches!(node.op, Op::Const(_)) {
                    continue;
                }
                let detail = node
                    .outputs
                    .first()
                    .map(|&output| source_names(graph, output));
                let needs: Vec<(usize, String)> = node
                    .inputs
                    .iter()
                    .filter_map(|input| {
                        Some((*made_by.get(input)?, show_type(graph, graph.ty(*input))))
                    })
                    .collect();
                let at = diagram.add(node.op.name(), detail.unwrap_or_default().join(", "), group);
                diagram.connect(&needs, at);
                made_by.extend(node.outputs.iter().map(|&output| (output, at)));
            }
            for (position, result) in graph.block(block).results.iter().enumerate() {
                let name = match graph.output_names.get(position) {
                    Some(name) if group == 0 => name.clone(),
                    _ => value_name(graph, *result),
                };
                let at = diagram.border("output", name, group);
                if let Some(&from) = made_by.get(result) {
                    diagram.connect(&[(from, show_type(graph, graph.ty(*result)))], at);
                }
            }
        }
        diagram
    }

    /// The steps of a program; bindings and constants are left out.
    pub fn of_program(program: &Program) -> Self {
        let mut diagram = Diagram::default();
        for (id, body) in program.bodies.iter() {
            let group = id.index();
            let entry = program.entries.iter().find(|entry| entry.body == id);
            let mut made_by: BTreeMap<SlotId, usize> = BTreeMap::new();
            for (position, &param) in body.params.iter().enumerate() {
                let port = entry.and_then(|entry| entry.inputs.get(position));
                let name = port.map_or_else(|| param.to_string(), |port| port.name.clone());
                let at = diagram.border("input", name, group);
                made_by.insert(param, at);
            }
            let mut at_step: Vec<Option<usize>> = vec![None; body.steps.len()];
            for (position, step) in body.steps.iter().enumerate() {
                // What is taken belongs to the step that made it.
                if let Step::Take { from, outputs } = step {
                    if let Some(at) = at_step[*from] {
                        made_by.extend(outputs.iter().map(|output| (output.slot, at)));
                    }
                    continue;
                }
                let Some(name) = step_name(program, step) else {
                    continue;
                };
                let mut needs = Vec::new();
                step.visit_reads(&mut |slot| {
                    if let Some(&from) = made_by.get(&body.root(slot)) {
                        needs.push((from, show_slot_type(program, &body.slots[slot].ty)));
                    }
                });
                let at = diagram.add(name, step_sources(program, step).join(", "), group);
                at_step[position] = Some(at);
                diagram.connect(&needs, at);
                step.visit_writes(&mut |slot| {
                    made_by.insert(body.root(slot), at);
                });
                if let Step::HostCall { outputs, .. }
                | Step::If { outputs, .. }
                | Step::Loop { outputs, .. } = step
                {
                    let host = outputs
                        .iter()
                        .filter(|&&slot| body.slots[slot].storage == Storage::Host);
                    made_by.extend(host.map(|&slot| (slot, at)));
                }
            }
            for (position, &result) in body.results.iter().enumerate() {
                let port = entry.and_then(|entry| entry.outputs.get(position));
                let name = port.map_or_else(|| result.to_string(), |port| port.name.clone());
                let at = diagram.border("output", name, group);
                if let Some(&from) = made_by.get(&body.root(result)) {
                    let ty = show_slot_type(program, &body.slots[result].ty);
                    diagram.connect(&[(from, ty)], at);
                }
            }
        }
        diagram
    }

    fn add(&mut self, title: &str, detail: String, group: usize) -> usize {
        self.nodes.push(Node {
            title: title.to_owned(),
            detail,
            level: 0,
            group,
            is_border: false,
        });
        self.nodes.len() - 1
    }

    fn border(&mut self, title: &str, name: String, group: usize) -> usize {
        let at = self.add(title, name, group);
        self.nodes[at].is_border = true;
        at
    }

    fn connect(&mut self, needs: &[(usize, String)], to: usize) {
        for (from, label) in needs {
            let level = self.nodes[*from].level + 1;
            self.nodes[to].level = self.nodes[to].level.max(level);
            self.edges.push(Edge {
                from: *from,
                to,
                label: label.clone(),
            });
        }
    }

    /// The text that Graphviz reads. Bodies beside the main one are clusters.
    pub fn to_dot(&self, name: &str) -> String {
        let mut text = format!("digraph \"{}\" {{\n", escape(name));
        text.push_str("  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10];\n");
        text.push_str("  edge [fontname=\"sans-serif\", fontsize=8];\n");
        let n_groups = self
            .nodes
            .iter()
            .map(|node| node.group + 1)
            .max()
            .unwrap_or(0);
        for group in 0..n_groups {
            let indent = if group > 0 { "    " } else { "  " };
            if group > 0 {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "  subgraph cluster_{group} {{\n    label=\"region {group}\";"
                );
            }
            for (at, node) in self
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, node)| node.group == group)
            {
                let shape = if node.is_border {
                    ", shape=ellipse"
                } else {
                    ""
                };
                let (title, detail) = (escape(&node.title), escape(&node.detail));
                let _ = writeln!(text, "{indent}n{at} [label=\"{title}\\n{detail}\"{shape}];");
            }
            if group > 0 {
                text.push_str("  }\n");
            }
        }
        for edge in &self.edges {
            let label = escape(&edge.label);
            let _ = writeln!(
                text,
                "  n{} -> n{} [label=\"{label}\"];",
                edge.from, edge.to
            );
        }
        text.push_str("}\n");
        text
    }
}

/// Text inside a quoted string of Graphviz.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}
