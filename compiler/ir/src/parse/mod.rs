//! The text form of graphs, read. `docs/ir.md` is its reference.
//!
//! Reads whatever [`Graph`]'s `Display` or [`Graph::normal_text`] wrote: the graph that comes out is the same up to ids
//! ([`Graph::is_same`]). Sound or not: only [`verify`](crate::verify()) tells, so that a dump of a broken graph can be
//! read too. Text may be hostile: every fault is a [`ParseError`], nesting is bounded, and no memory is taken beyond
//! what the length of the text accounts for.

mod block;
mod constant;
mod error;
mod pieces;
mod reader;

pub use constant::ConstRequest;
pub use error::ParseError;
pub(crate) use reader::Reader;

use crate::consts::ConstData;
use crate::graph::{Binding, BlockId, DimCheck, DimCheckKind, Graph, Source};
use graphc_base::{Interval, SymId};

/// Most symbols that a text may declare.
const MAX_SYMBOLS: usize = 1 << 16;

/// Reads a graph whose constants are all in the text.
pub fn parse(text: &str) -> Result<Graph, ParseError> {
    parse_with(text, &mut |_| None)
}

/// Reads a graph. `resolve` gives the contents of constants that the text only names: mapped ones, and those beyond
/// [`SMALL_CONST_BYTES`](crate::SMALL_CONST_BYTES). Where it gives `None` the text is refused.
pub fn parse_with(
    text: &str,
    resolve: &mut dyn FnMut(&ConstRequest<'_>) -> Option<ConstData>,
) -> Result<Graph, ParseError> {
    let mut reader = Reader::new(text, resolve);
    graph(&mut reader)?;
    reader.finish()
}

fn graph(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    reader.keyword("graph")?;
    reader.graph.name = reader.quoted()?;
    reader.expect("{")?;
    while !reader.eat("}") {
        let start = reader.start();
        match reader.word() {
            "inputs" => reader.graph.input_names = names(reader)?,
            "outputs" => reader.graph.output_names = names(reader)?,
            "symbol" => symbol(reader)?,
            "check" => check(reader, Graph::MAIN)?,
            "const" => constant::declaration(reader)?,
            "source" => source(reader)?,
            "block" => block::definition(reader)?,
            _ => {
                return Err(reader.error_at(
                    start,
                    "`inputs`, `outputs`, `symbol`, `check`, `const`, `source`, `block` or `}` expected",
                ));
            }
        }
    }
    if !reader.is_at_end() {
        return Err(reader.error("text goes on behind the graph"));
    }
    Ok(())
}

/// `"a", "b"`.
fn names(reader: &mut Reader<'_>) -> Result<Vec<String>, ParseError> {
    let mut names = vec![reader.quoted()?];
    while reader.eat(",") {
        names.push(reader.quoted()?);
    }
    Ok(names)
}

/// `batch = 0..2147483647 from %0.0`.
fn symbol(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    let start = reader.start();
    let name = if reader.at("\"") {
        reader.quoted()?
    } else {
        reader.symbol_name()?
    };
    if reader.graph.dims.n_symbols() >= MAX_SYMBOLS {
        return Err(reader.error_at(start, "there are too many symbols"));
    }
    if name.is_empty() || reader.graph.dims.symbol_by_name(&name).is_some() {
        return Err(reader.error_at(start, "symbol has no name of its own"));
    }
    reader.expect("=")?;
    let range = if reader.eat_word("any") {
        Interval::ANY
    } else {
        let start = reader.start();
        let lo = reader.integer()?;
        reader.expect("..")?;
        let hi = reader.integer()?;
        if lo > hi {
            return Err(reader.error_at(start, "range is empty"));
        }
        Interval { lo, hi }
    };
    let symbol = reader.graph.dims.new_symbol(&name, range);
    if reader.eat_word("from") {
        binding(reader, symbol)?;
    }
    Ok(())
}

/// `%0.1` for an axis, `%0[1]` for an element.
fn binding(reader: &mut Reader<'_>, symbol: SymId) -> Result<(), ParseError> {
    let value = reader.value_number()?;
    if reader.eat(".") {
        let axis = reader.integer()?;
        reader.bind_later(symbol, value, axis, Binding::Axis);
    } else {
        reader.expect("[")?;
        let element = reader.integer()?;
        reader.expect("]")?;
        reader.bind_later(symbol, value, element, Binding::Element);
    }
    Ok(())
}

/// `equal batch, n "what"`.
fn check(reader: &mut Reader<'_>, block: BlockId) -> Result<(), ParseError> {
    let make: fn(_, _) -> DimCheckKind = reader.one_of(&[
        ("equal", DimCheckKind::Equal as fn(_, _) -> _),
        ("broadcast", DimCheckKind::Broadcast),
        ("at_most", DimCheckKind::LessEqual),
    ])?;
    let a = reader.dim()?;
    reader.expect(",")?;
    let b = reader.dim()?;
    let what = reader.quoted()?;
    reader.graph.checks.push(DimCheck {
        kind: make(a, b),
        what,
        block,
    });
    Ok(())
}

/// `s0 "name" "OpType"`.
fn source(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    let number = reader.number_after("s", "source")?;
    let name = reader.quoted()?;
    let op_type = reader.quoted()?;
    let id = reader.graph.sources.push(Source { name, op_type });
    reader.declare_source(number, id)
}
