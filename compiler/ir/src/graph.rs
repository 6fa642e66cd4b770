//! The graph: nodes in blocks, values with types and provenance, constants and symbols.
//!
//! Guarantees that [`verify`](crate::verify) checks: a block sees only its own parameters and nodes; every value has the
//! type that [`infer`](crate::infer) gives; nodes of a block are in topological order, where a node also comes after
//! the values that bind the run-time symbols it mentions.

use crate::consts::ConstStore;
use crate::op::Op;
use crate::types::{TensorType, ValueType};
use graphc_base::{DimCx, EntityId, PrimaryMap, SymId, entity_id};
use std::collections::BTreeMap;
use std::sync::Arc;

entity_id!(
    /// A node: one operator applied to operands.
    NodeId,
    "n"
);
entity_id!(
    /// A value: a block parameter or a node's result.
    ValueId,
    "%"
);
entity_id!(
    /// A block: the main one or a region of a node.
    BlockId,
    "b"
);
entity_id!(
    /// A node of the user's model.
    SourceId,
    "s"
);

/// A node of the user's model, as messages name it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Source {
    /// Its name in the model, or one made from its first output.
    pub name: String,
    /// Its operator type in the model's own terms, `LayerNormalization`.
    pub op_type: String,
}

/// One operator applied to operands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The operator.
    pub op: Op,
    /// Operands in the order of the operator's doc.
    pub inputs: Vec<ValueId>,
    /// Results in the order of the operator's doc.
    pub outputs: Vec<ValueId>,
    /// The block that holds it.
    pub block: BlockId,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueDef {
    /// A parameter of a block.
    Param {
        /// The block.
        block: BlockId,
        /// Which parameter.
        index: usize,
    },
    /// A result of a node.
    Node {
        /// The node.
        node: NodeId,
        /// Which result.
        output: usize,
    },
}

/// A value.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its type.
    pub ty: ValueType,
    /// What defines it.
    pub def: ValueDef,
    /// Nodes of the user's model that it came from; shared between values.
    pub sources: Arc<[SourceId]>,
    /// Its name in the user's model, if it has one.
    pub name: Option<Arc<str>>,
}

/// A list of nodes with parameters and results.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Values that it is given.
    pub params: Vec<ValueId>,
    /// Its nodes in topological order.
    pub nodes: Vec<NodeId>,
    /// Values that it gives.
    pub results: Vec<ValueId>,
}

/// What binds a symbol at run time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Binding {
    /// The size of an axis of a value, once the value is there. Inputs of the main block bind so.
    Axis(ValueId, usize),
    /// An element (row-major position) of an integer tensor, once it is there.
    Element(ValueId, usize),
}

impl Binding {
    /// The value that must be there before the symbol is known.
    pub fn value(self) -> ValueId {
        match self {
            Binding::Axis(value, _) | Binding::Element(value, _) => value,
        }
    }
}

/// A fact about dims that could not be proved and is tested once they are bound.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DimCheck {
    /// What must hold.
    pub kind: DimCheckKind,
    /// Who demands it, for the message: `matmul /encoder/MatMul: inner dims`.
    pub what: String,
    /// The block that demands it, whenever it runs. A branch that is not taken demands nothing.
    pub block: BlockId,
}

/// The relations a [`DimCheck`] can demand.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum DimCheckKind {
    /// Both are equal.
    Equal(graphc_base::Dim, graphc_base::Dim),
    /// Both are equal, or one of them is 1.
    Broadcast(graphc_base::Dim, graphc_base::Dim),
    /// The first is at most the second.
    LessEqual(graphc_base::Dim, graphc_base::Dim),
}

impl DimCheckKind {
    /// Both dims of the relation, in order.
    pub fn sides(&self) -> (&graphc_base::Dim, &graphc_base::Dim) {
        let (DimCheckKind::Equal(a, b)
        | DimCheckKind::Broadcast(a, b)
        | DimCheckKind::LessEqual(a, b)) = self;
        (a, b)
    }
}

/// A graph of operators.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Its name, from the model.
    pub name: String,
    /// The symbols and the algebra of dims.
    pub dims: DimCx,
    /// What binds each symbol; every symbol of `dims` that a type mentions has an entry.
    pub bindings: BTreeMap<SymId, Binding>,
    /// Facts to test when dims are bound.
    pub checks: Vec<DimCheck>,
    /// The constants.
    pub consts: ConstStore,
    /// The nodes of the user's model.
    pub sources: PrimaryMap<SourceId, Source>,
    /// Names of the main block's parameters: the model's inputs.
    pub input_names: Vec<String>,
    /// Names of the main block's results: the model's outputs.
    pub output_names: Vec<String>,
    nodes: PrimaryMap<NodeId, Node>,
    values: PrimaryMap<ValueId, Value>,
    blocks: PrimaryMap<BlockId, Block>,
}

impl Graph {
    /// The main block.
    pub const MAIN: BlockId = BlockId(0);

    /// A graph with an empty main block.
    pub fn new(name: impl Into<String>) -> Self {
        let mut blocks = PrimaryMap::new();
        blocks.push(Block::default());
        Self {
            name: name.into(),
            dims: DimCx::default(),
            bindings: BTreeMap::new(),
            checks: Vec::new(),
            consts: ConstStore::default(),
            sources: PrimaryMap::new(),
            input_names: Vec::new(),
            output_names: Vec::new(),
            nodes: PrimaryMap::new(),
            values: PrimaryMap::new(),
            blocks,
        }
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// A value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id]
    }

    /// A block.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id]
    }

    /// A block, to change its lists.
    pub fn block_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id]
    }

    /// Ids of all blocks, the main one first.
    pub fn block_ids(&self) -> impl Iterator<Item = BlockId> + use<> {
        self.blocks.ids()
    }

    /// Whether the id is one of this graph.
    pub fn has_value(&self, id: ValueId) -> bool {
        id.index() < self.values.len()
    }

    /// Whether the id is one of this graph.
    pub fn has_node(&self, id: NodeId) -> bool {
        id.index() < self.nodes.len()
    }

    /// Whether the id is one of this graph.
    pub fn has_block(&self, id: BlockId) -> bool {
        id.index() < self.blocks.len()
    }

    /// Number of values ever made; ids run below it.
    pub fn n_values(&self) -> usize {
        self.values.len()
    }

    /// Number of nodes ever made; ids run below it (some may no longer be in a block).
    pub fn n_node_slots(&self) -> usize {
        self.nodes.len()
    }

    /// Number of nodes that blocks hold.
    pub fn n_nodes(&self) -> usize {
        self.blocks.values().map(|block| block.nodes.len()).sum()
    }

    /// The type of a value.
    pub fn ty(&self, id: ValueId) -> &ValueType {
        &self.values[id].ty
    }

    /// The tensor type of a value; an empty-shaped string type never comes out of this by accident: `None` for others.
    pub fn tensor_ty(&self, id: ValueId) -> Option<&TensorType> {
        self.values[id].ty.as_tensor()
    }

    /// The node that defines a value, unless it is a parameter.
    pub fn def_node(&self, id: ValueId) -> Option<NodeId> {
        match self.values[id].def {
            ValueDef::Node { node, .. } => Some(node),
            ValueDef::Param { .. } => None,
        }
    }

    /// The constant that a value is, if a `Const` node defines it.
    pub fn as_const(&self, id: ValueId) -> Option<crate::consts::ConstId> {
        match self.nodes[self.def_node(id)?].op {
            Op::Const(id) => Some(id),
            _ => None,
        }
    }

    /// Adds an empty block.
    pub fn add_block(&mut self) -> BlockId {
        self.blocks.push(Block::default())
    }

    /// Adds a parameter to a block.
    pub fn add_param(&mut self, block: BlockId, ty: ValueType, name: Option<Arc<str>>) -> ValueId {
        let index = self.blocks[block].params.len();
        let value = self.values.push(Value {
            ty,
            def: ValueDef::Param { block, index },
            sources: Arc::from([]),
            name,
        });
        self.blocks[block].params.push(value);
        value
    }

    /// Appends a node whose result types are already known. Use the [`Builder`](crate::Builder), which infers them.
    pub fn append_node(
        &mut self,
        block: BlockId,
        op: Op,
        inputs: Vec<ValueId>,
        types: Vec<ValueType>,
        sources: Arc<[SourceId]>,
    ) -> NodeId {
        let node = self.nodes.next_id();
        let outputs = types
            .into_iter()
            .enumerate()
            .map(|(output, ty)| {
                self.values.push(Value {
                    ty,
                    def: ValueDef::Node { node, output },
                    sources: sources.clone(),
                    name: None,
                })
            })
            .collect();
        self.nodes.push(Node {
            op,
            inputs,
            outputs,
            block,
        });
        self.blocks[block].nodes.push(node);
        node
    }

    /// Changes operands of a node in place.
    pub fn inputs_mut(&mut self, node: NodeId) -> &mut Vec<ValueId> {
        &mut self.nodes[node].inputs
    }

    /// Replaces the operator of a node by one with the same operand and result types.
    pub fn set_op(&mut self, node: NodeId, op: Op) {
        self.nodes[node].op = op;
    }

    /// Refines the type of a value, when a pass has learnt more about its dims.
    pub fn set_ty(&mut self, value: ValueId, ty: ValueType) {
        self.values[value].ty = ty;
    }

    /// Gives a value the name that it has in the user's model.
    pub fn set_name(&mut self, value: ValueId, name: impl Into<Arc<str>>) {
        self.values[value].name = Some(name.into());
    }

    /// Sets the provenance of a value.
    pub fn set_sources(&mut self, value: ValueId, sources: Arc<[SourceId]>) {
        self.values[value].sources = sources;
    }

    /// Drops the parameters of a block that `keep`, given their positions, refuses. Whoever passes operands to the block
    /// does the same there.
    pub fn keep_params(&mut self, block: BlockId, keep: &mut dyn FnMut(usize) -> bool) {
        let mut position = 0;
        self.blocks[block].params.retain(|_| {
            position += 1;
            keep(position - 1)
        });
        for index in 0..self.blocks[block].params.len() {
            let param = self.blocks[block].params[index];
            self.values[param].def = ValueDef::Param { block, index };
        }
    }

    /// Drops the results of a node that `keep`, given their positions, refuses. The operator must agree.
    pub fn keep_outputs(&mut self, node: NodeId, keep: &mut dyn FnMut(usize) -> bool) {
        let mut position = 0;
        self.nodes[node].outputs.retain(|_| {
            position += 1;
            keep(position - 1)
        });
        for output in 0..self.nodes[node].outputs.len() {
            let value = self.nodes[node].outputs[output];
            self.values[value].def = ValueDef::Node { node, output };
        }
    }

    /// Replaces the nodes of a block. Nodes of another block move here; that block must not keep them.
    pub fn set_nodes(&mut self, block: BlockId, nodes: Vec<NodeId>) {
        for &node in &nodes {
            self.nodes[node].block = block;
        }
        self.blocks[block].nodes = nodes;
    }

    /// Names and types of the main block's parameters.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, ValueId)> {
        let params = &self.blocks[Self::MAIN].params;
        self.input_names
            .iter()
            .map(String::as_str)
            .zip(params.iter().copied())
    }

    /// Names and types of the main block's results.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, ValueId)> {
        let results = &self.blocks[Self::MAIN].results;
        self.output_names
            .iter()
            .map(String::as_str)
            .zip(results.iter().copied())
    }
}
