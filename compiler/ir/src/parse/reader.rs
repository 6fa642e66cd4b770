//! The graph being read, and the numbers that stand for its entities in the text.

use super::constant::ConstRequest;
use super::error::ParseError;
use crate::consts::{ConstData, ConstId};
use crate::graph::{Binding, BlockId, Graph, NodeId, SourceId, ValueId};
use crate::types::ValueType;
use graphc_base::SymId;
use std::collections::BTreeMap;

/// Where a value is mentioned that need not be defined yet.
#[derive(Clone, Copy)]
pub(super) struct ValueMention {
    number: u32,
    position: usize,
}

struct BindingMention {
    symbol: SymId,
    value: ValueMention,
    index: usize,
    make: fn(ValueId, usize) -> Binding,
}

struct BlockMention {
    id: BlockId,
    position: usize,
    is_defined: bool,
}

/// Reads pieces of the text form; skips blanks and comments before each.
pub(crate) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) position: usize,
    pub(super) graph: Graph,
    /// Types of the values that the node being read defines.
    pub(super) types: Vec<ValueType>,
    pub(super) resolve: &'t mut dyn FnMut(&ConstRequest<'_>) -> Option<ConstData>,
    values: BTreeMap<u32, ValueId>,
    blocks: BTreeMap<u32, BlockMention>,
    constants: BTreeMap<u32, ConstId>,
    sources: BTreeMap<u32, SourceId>,
    operands: Vec<(NodeId, Vec<ValueMention>)>,
    results: Vec<(BlockId, Vec<ValueMention>)>,
    bindings: Vec<BindingMention>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(
        text: &'t str,
        resolve: &'t mut dyn FnMut(&ConstRequest<'_>) -> Option<ConstData>,
    ) -> Self {
        let main = BlockMention {
            id: Graph::MAIN,
            position: 0,
            is_defined: false,
        };
        Self {
            text,
            position: 0,
            graph: Graph::new(""),
            types: Vec::new(),
            resolve,
            values: BTreeMap::new(),
            blocks: BTreeMap::from([(Graph::MAIN.0, main)]),
            constants: BTreeMap::new(),
            sources: BTreeMap::new(),
            operands: Vec::new(),
            results: Vec::new(),
            bindings: Vec::new(),
        }
    }
}

// ---- entities ----

impl Reader<'_> {
    /// The number behind a prefix, `3` of `c3`.
    pub(super) fn number_after(&mut self, prefix: &str, what: &str) -> Result<u32, ParseError> {
        let start = self.start();
        if self.eat(prefix) {
            let digits = self.take_while(|c| c.is_ascii_digit());
            if let Ok(number) = digits.parse() {
                return Ok(number);
            }
        }
        Err(self.error_at(start, format!("{what} expected, as in `{prefix}0`")))
    }

    pub(super) fn value_number(&mut self) -> Result<ValueMention, ParseError> {
        let position = self.start();
        let number = self.number_after("%", "value")?;
        Ok(ValueMention { number, position })
    }

    pub(super) fn define_value(
        &mut self,
        mention: ValueMention,
        value: ValueId,
    ) -> Result<(), ParseError> {
        match self.values.insert(mention.number, value) {
            None => Ok(()),
            Some(_) => Err(self.error_at(
                mention.position,
                format!("value %{} is defined twice", mention.number),
            )),
        }
    }

    fn block_mention(&mut self) -> Result<&mut BlockMention, ParseError> {
        let position = self.start();
        let number = self.number_after("b", "block")?;
        let graph = &mut self.graph;
        Ok(self.blocks.entry(number).or_insert_with(|| BlockMention {
            id: graph.add_block(),
            position,
            is_defined: false,
        }))
    }

    /// A block, which need not be defined yet.
    pub(crate) fn block(&mut self) -> Result<BlockId, ParseError> {
        Ok(self.block_mention()?.id)
    }

    /// The block of a definition.
    pub(super) fn define_block(&mut self) -> Result<BlockId, ParseError> {
        let position = self.start();
        let block = self.block_mention()?;
        let id = block.id;
        if std::mem::replace(&mut block.is_defined, true) {
            return Err(self.error_at(position, "block is defined twice"));
        }
        Ok(id)
    }

    pub(super) fn declare_constant(&mut self, number: u32, id: ConstId) -> Result<(), ParseError> {
        match self.constants.insert(number, id) {
            None => Ok(()),
            Some(_) => Err(self.error(format!("constant c{number} is declared twice"))),
        }
    }

    pub(crate) fn constant(&mut self) -> Result<ConstId, ParseError> {
        let start = self.start();
        let number = self.number_after("c", "constant")?;
        self.constants
            .get(&number)
            .copied()
            .ok_or_else(|| self.error_at(start, format!("constant c{number} is not declared")))
    }

    /// Whether a constant's id comes next.
    pub(super) fn at_constant(&mut self) -> bool {
        self.start();
        let mut chars = self.rest().chars();
        chars.next() == Some('c') && chars.next().is_some_and(|c| c.is_ascii_digit())
    }

    pub(super) fn declare_source(&mut self, number: u32, id: SourceId) -> Result<(), ParseError> {
        match self.sources.insert(number, id) {
            None => Ok(()),
            Some(_) => Err(self.error(format!("source s{number} is declared twice"))),
        }
    }

    pub(super) fn source(&mut self) -> Result<SourceId, ParseError> {
        let start = self.start();
        let number = self.number_after("s", "source")?;
        self.sources
            .get(&number)
            .copied()
            .ok_or_else(|| self.error_at(start, format!("source s{number} is not declared")))
    }
}

// ---- what is resolved at the end ----

impl Reader<'_> {
    pub(super) fn operands_later(&mut self, node: NodeId, operands: Vec<ValueMention>) {
        self.operands.push((node, operands));
    }

    pub(super) fn results_later(&mut self, block: BlockId, results: Vec<ValueMention>) {
        self.results.push((block, results));
    }

    pub(super) fn bind_later(
        &mut self,
        symbol: SymId,
        value: ValueMention,
        index: usize,
        make: fn(ValueId, usize) -> Binding,
    ) {
        self.bindings.push(BindingMention {
            symbol,
            value,
            index,
            make,
        });
    }

    fn look_up(&self, mention: ValueMention) -> Result<ValueId, ParseError> {
        self.values.get(&mention.number).copied().ok_or_else(|| {
            self.error_at(
                mention.position,
                format!("value %{} is not defined", mention.number),
            )
        })
    }

    fn look_up_all(&self, mentions: &[ValueMention]) -> Result<Vec<ValueId>, ParseError> {
        mentions
            .iter()
            .map(|mention| self.look_up(*mention))
            .collect()
    }

    /// The graph, with everything resolved that was mentioned before it was defined.
    pub(super) fn finish(mut self) -> Result<Graph, ParseError> {
        for (number, block) in &self.blocks {
            if !block.is_defined {
                let message = format!("block b{number} is not defined");
                return Err(self.error_at(block.position, message));
            }
        }
        for (node, operands) in std::mem::take(&mut self.operands) {
            let inputs = self.look_up_all(&operands)?;
            *self.graph.inputs_mut(node) = inputs;
        }
        for (block, results) in std::mem::take(&mut self.results) {
            let results = self.look_up_all(&results)?;
            self.graph.block_mut(block).results = results;
        }
        for mention in std::mem::take(&mut self.bindings) {
            let binding = (mention.make)(self.look_up(mention.value)?, mention.index);
            self.graph.bindings.insert(mention.symbol, binding);
        }
        Ok(self.graph)
    }
}
