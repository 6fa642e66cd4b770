//! Arbitrary operators and graphs: well formed as data, and mostly not well typed.
//!
//! They come out of the description of attributes that the text form uses, so that no operator is forgotten.

use super::Choices;
use crate::codec::{Attr, Codec, describe, templates};
use crate::consts::{ConstData, ConstId};
use crate::graph::{Binding, BlockId, DimCheck, DimCheckKind, Graph, Source, SourceId, ValueId};
use crate::op::{Op, TableKey};
use crate::types::{ElementType, TensorType, ValueType};
use graphc_base::{DType, Dim, EntityId, Interval, Real, SymId};
use std::convert::Infallible;

/// Text that is hard to quote.
const STRINGS: [&str; 8] = [
    "",
    "x",
    "/encoder/layer.0/MatMul_output_0",
    "two words",
    "quote \" and \\ backslash",
    "; @%{}[]()=",
    "line\nbreak\ttab\r\0",
    "ünïcödé ✓ \u{301}",
];

/// What choices may refer to.
pub struct Arbitrary<'c, 'a> {
    choices: &'c mut Choices<'a>,
    symbols: Vec<SymId>,
    n_blocks: usize,
    n_constants: usize,
    graph: &'c Graph,
}

impl<'c, 'a> Arbitrary<'c, 'a> {
    /// Refers to the symbols, blocks and constants of a graph.
    pub fn new(choices: &'c mut Choices<'a>, graph: &'c Graph) -> Self {
        Self {
            choices,
            symbols: graph.dims.symbols().map(|(symbol, _)| symbol).collect(),
            n_blocks: graph.block_ids().count(),
            n_constants: graph.consts.len(),
            graph,
        }
    }

    /// An operator with arbitrary attributes.
    pub fn op(&mut self) -> Op {
        let rows = templates();
        let mut op = self
            .choices
            .pick(&rows)
            .and_then(|row| self.choices.pick(row))
            .cloned()
            .unwrap_or(Op::MatMul);
        match describe(&mut op, self) {
            Ok(()) => op,
            Err(never) => match never {},
        }
    }

    /// A value type.
    pub fn ty(&mut self) -> ValueType {
        match self.choices.below(8) {
            7 => ValueType::Optional(Box::new(self.ty())),
            6 => ValueType::Sequence(self.element()),
            _ => ValueType::Tensor(TensorType {
                dtype: self.dtype(),
                shape: self.list(Self::dim),
            }),
        }
    }

    /// A dim over the symbols.
    pub fn dim(&mut self) -> Dim {
        let dims = &self.graph.dims;
        let atom = |arbitrary: &mut Self| match arbitrary.choices.below(2) {
            0 => Dim::constant(arbitrary.choices.below(9) as i64),
            _ => arbitrary
                .choices
                .pick(&arbitrary.symbols)
                .map_or(Dim::ONE, |symbol| Dim::symbol(*symbol)),
        };
        let (a, b) = (atom(self), atom(self));
        match self.choices.below(9) {
            0 => a,
            1 => dims.add(&a, &b),
            2 => dims.sub(&a, &b),
            3 => dims.mul(&a, &b),
            4 => dims.min(&a, &b),
            5 => dims.max(&a, &b),
            6 => dims.bcast(&a, &b),
            7 => dims.floor_div(&a, &Dim::constant(2)),
            _ => dims.modulo(&a, &Dim::constant(3)),
        }
    }

    /// Zero to three items.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.choices.below(4)).map(|_| item(self)).collect()
    }

    /// A small number.
    pub(crate) fn small(&mut self) -> usize {
        self.choices.below(5)
    }

    /// A number of any size.
    pub(crate) fn number(&mut self) -> i64 {
        let edge = self.choices.of([0, 1, -1, i64::MIN, i64::MAX]);
        edge.wrapping_add(i64::from(self.choices.number()))
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.choices.flag()
    }

    pub(crate) fn of<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        self.choices.of(items)
    }

    /// A float of any bits.
    pub(crate) fn real(&mut self) -> Real {
        let high = u64::from(self.choices.number());
        let low = u64::from(self.choices.number());
        let bits = f64::from_bits(high << 32 | low);
        Real::new(self.choices.of([
            0.0,
            -0.0,
            1e-5,
            1.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            bits,
        ]))
    }

    pub(crate) fn string(&mut self) -> String {
        self.choices.of(STRINGS).to_owned()
    }

    pub(crate) fn dtype(&mut self) -> DType {
        self.choices.of(DType::ALL)
    }

    pub(crate) fn element(&mut self) -> ElementType {
        ElementType {
            dtype: self.dtype(),
            rank: self.flag().then(|| self.small()),
        }
    }

    pub(crate) fn block(&mut self) -> BlockId {
        BlockId::from_index(self.choices.below(self.n_blocks))
    }

    pub(crate) fn constant(&mut self) -> ConstId {
        ConstId::from_index(self.choices.below(self.n_constants))
    }

    pub(crate) fn key(&mut self) -> TableKey {
        match self.choices.below(3) {
            0 => TableKey::String(self.string()),
            1 => TableKey::Int(self.number()),
            _ => TableKey::Float(self.real()),
        }
    }
}

impl Codec for Arbitrary<'_, '_> {
    type Error = Infallible;

    fn bare<T: Attr>(&mut self, value: &mut T) -> Result<(), Infallible> {
        *value = T::arbitrary(self);
        Ok(())
    }

    fn attr<T: Attr>(&mut self, _key: &'static str, value: &mut T) -> Result<(), Infallible> {
        self.bare(value)
    }

    fn option<T: Attr>(
        &mut self,
        _key: &'static str,
        value: &mut Option<T>,
    ) -> Result<(), Infallible> {
        *value = self.flag().then(|| T::arbitrary(self));
        Ok(())
    }

    fn flag(&mut self, _key: &'static str, value: &mut bool) -> Result<(), Infallible> {
        *value = self.choices.flag();
        Ok(())
    }

    fn result_dim(&mut self, _key: &'static str, value: &mut Dim) -> Result<(), Infallible> {
        self.bare(value)
    }

    fn result_types(&mut self, value: &mut Vec<ValueType>) -> Result<(), Infallible> {
        *value = vec![self.ty()];
        Ok(())
    }
}

/// A graph that is rarely sound, but whose ids are all its own: for the text form and for what must not panic.
pub fn arbitrary_graph(choices: &mut Choices<'_>) -> Graph {
    let mut graph = Graph::new(choices.of(STRINGS));
    for name in ["batch", "seq", "odd name", "min", "a.b"] {
        let range = choices.of([
            Interval::SIZE,
            Interval::ANY,
            Interval { lo: 1, hi: 8 },
            Interval::point(-3),
        ]);
        graph.dims.new_symbol(name, range);
    }
    for _ in 0..choices.below(3) {
        graph.add_block();
    }
    add_constants(&mut graph, choices);
    for _ in 0..choices.below(3) {
        graph.sources.push(Source {
            name: choices.of(STRINGS).to_owned(),
            op_type: choices.of(STRINGS).to_owned(),
        });
    }
    let blocks: Vec<BlockId> = graph.block_ids().collect();
    for &block in &blocks {
        for _ in 0..choices.below(3) {
            let ty = Arbitrary::new(choices, &graph).ty();
            let name = choices.flag().then(|| choices.of(STRINGS).into());
            graph.add_param(block, ty, name);
        }
    }
    while !choices.is_empty() {
        add_node(&mut graph, &blocks, choices);
    }
    for &block in &blocks {
        let results = values_of(&graph, block).into_iter().rev().take(2).collect();
        graph.block_mut(block).results = results;
    }
    graph.input_names = vec!["in".to_owned()];
    graph.output_names = vec!["out".to_owned(), "more \"out\"".to_owned()];
    add_bindings(&mut graph);
    graph
}

fn add_node(graph: &mut Graph, blocks: &[BlockId], choices: &mut Choices<'_>) {
    let Some(&block) = choices.pick(blocks) else {
        return;
    };
    let (op, types) = {
        let mut arbitrary = Arbitrary::new(choices, graph);
        (arbitrary.op(), arbitrary.list(Arbitrary::ty))
    };
    // The text shows only what the main block reaches.
    let mut known = values_of(graph, Graph::MAIN);
    if block != Graph::MAIN {
        known.extend(values_of(graph, block));
    }
    let inputs = (0..choices.below(4))
        .filter_map(|_| choices.pick(&known).copied())
        .collect();
    let n_sources = graph.sources.len();
    let sources = |choices: &mut Choices<'_>| -> Vec<SourceId> {
        (0..choices.below(3).min(n_sources))
            .map(|_| SourceId::from_index(choices.below(n_sources)))
            .collect()
    };
    let common = sources(choices).into();
    let node = graph.append_node(block, op, inputs, types, common);
    for value in graph.node(node).outputs.clone() {
        if choices.flag() {
            graph.set_name(value, choices.of(STRINGS));
        }
        if choices.flag() {
            let own = sources(choices).into();
            graph.set_sources(value, own);
        }
    }
}

fn add_constants(graph: &mut Graph, choices: &mut Choices<'_>) {
    for position in 0..choices.between(1, 4) {
        let dtype = choices.of(DType::ALL);
        let n_elements = choices.below(4);
        let ty = TensorType::new(dtype, [n_elements]);
        let data = match dtype.byte_len(n_elements) {
            _ if position > 0 && choices.below(4) == 0 => ConstData::Derived {
                op: Box::new(Op::Transpose { perm: vec![0] }),
                inputs: vec![ConstId::from_index(position - 1)],
                output: 0,
            },
            Some(n_bytes) if dtype != DType::String => {
                let bytes: Vec<u8> = (0..n_bytes).map(|_| choices.number() as u8).collect();
                ConstData::Inline(bytes.into())
            }
            _ => ConstData::Strings(
                (0..n_elements)
                    .map(|_| choices.of(STRINGS).to_owned())
                    .collect(),
            ),
        };
        let name = choices.flag().then(|| choices.of(STRINGS).to_owned());
        let n_before = graph.consts.len();
        graph.consts.insert(ty, data, name);
        if graph.consts.len() == n_before {
            // Equal to one before: the next derivation would have no operand.
            break;
        }
    }
}

fn values_of(graph: &Graph, block: BlockId) -> Vec<ValueId> {
    let block = graph.block(block);
    let outputs = block
        .nodes
        .iter()
        .flat_map(|node| &graph.node(*node).outputs);
    block.params.iter().chain(outputs).copied().collect()
}

fn add_bindings(graph: &mut Graph) {
    let symbols: Vec<SymId> = graph.dims.symbols().map(|(symbol, _)| symbol).collect();
    let values = values_of(graph, Graph::MAIN);
    for (position, (&symbol, &value)) in symbols.iter().zip(&values).enumerate() {
        let binding = if position % 2 == 0 {
            Binding::Axis(value, position)
        } else {
            Binding::Element(value, position)
        };
        graph.bindings.insert(symbol, binding);
    }
    let inmost = graph.block_ids().last().unwrap_or(Graph::MAIN);
    if let [a, b, ..] = symbols[..] {
        let (a, b) = (Dim::symbol(a), Dim::symbol(b));
        for kind in [
            DimCheckKind::Equal(a.clone(), b.clone()),
            DimCheckKind::Broadcast(b.clone(), a.clone()),
            DimCheckKind::LessEqual(a, b),
        ] {
            graph.checks.push(DimCheck {
                kind,
                what: "matmul \"/m\": inner dims".to_owned(),
                block: inmost,
            });
        }
    }
}
