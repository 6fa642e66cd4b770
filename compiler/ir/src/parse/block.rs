//! Blocks, nodes and the values they define.

use super::Reader;
use super::error::ParseError;
use super::reader::ValueMention;
use crate::codec::{Attr, Codec, describe, template};
use crate::graph::{BlockId, SourceId};
use crate::op::Op;
use crate::types::ValueType;
use graphc_base::Dim;
use std::sync::Arc;

/// A value where it is defined: `%3 "name": f32[8] @s1`.
struct Definition {
    mention: ValueMention,
    name: Option<Arc<str>>,
    ty: ValueType,
    /// Where it is not that of the node.
    sources: Option<Vec<SourceId>>,
}

/// `b1(%4: f32[8]) { … }`.
pub(super) fn definition(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    let block = reader.define_block()?;
    reader.expect("(")?;
    if !reader.eat(")") {
        loop {
            param(reader, block)?;
            if !reader.eat(",") {
                break;
            }
        }
        reader.expect(")")?;
    }
    reader.expect("{")?;
    while reader.eat_word("check") {
        super::check(reader, block)?;
    }
    while !reader.eat_word("return") {
        node(reader, block)?;
    }
    let mut results = Vec::new();
    if reader.at("%") {
        results = values(reader)?;
    }
    reader.results_later(block, results);
    reader.expect("}")
}

fn param(reader: &mut Reader<'_>, block: BlockId) -> Result<(), ParseError> {
    let param = value_definition(reader)?;
    let value = reader.graph.add_param(block, param.ty, param.name);
    if let Some(sources) = param.sources {
        reader.graph.set_sources(value, sources.into());
    }
    reader.define_value(param.mention, value)
}

/// `%1, %2`.
fn values(reader: &mut Reader<'_>) -> Result<Vec<ValueMention>, ParseError> {
    let mut values = vec![reader.value_number()?];
    while reader.eat(",") {
        values.push(reader.value_number()?);
    }
    Ok(values)
}

fn value_definition(reader: &mut Reader<'_>) -> Result<Definition, ParseError> {
    let mention = reader.value_number()?;
    let name = if reader.at("\"") {
        Some(reader.quoted()?.into())
    } else {
        None
    };
    reader.expect(":")?;
    let ty = reader.ty()?;
    let sources = sources(reader)?;
    Ok(Definition {
        mention,
        name,
        ty,
        sources,
    })
}

/// `@s1` or `@[s1, s2]`.
fn sources(reader: &mut Reader<'_>) -> Result<Option<Vec<SourceId>>, ParseError> {
    if !reader.eat("@") {
        return Ok(None);
    }
    let mut sources = Vec::new();
    if reader.at("[") {
        reader.list(|reader| {
            sources.push(reader.source()?);
            Ok(())
        })?;
    } else {
        sources.push(reader.source()?);
    }
    Ok(Some(sources))
}

/// `%3: f32[8], %4: i64[8] = top_k axis=0 k=8 largest %2 @s1`.
fn node(reader: &mut Reader<'_>, block: BlockId) -> Result<(), ParseError> {
    let mut outputs = Vec::new();
    if reader.eat("(") {
        reader.expect(")")?;
    } else {
        outputs.push(value_definition(reader)?);
        while reader.eat(",") {
            outputs.push(value_definition(reader)?);
        }
    }
    reader.expect("=")?;
    let types: Vec<ValueType> = outputs.iter().map(|output| output.ty.clone()).collect();
    let op = op(reader, &types)?;
    // On the next line it would be the next node.
    let operands = if reader.at_on_line("%") {
        values(reader)?
    } else {
        Vec::new()
    };
    let common: Arc<[SourceId]> = sources(reader)?.unwrap_or_default().into();
    let node = reader
        .graph
        .append_node(block, op, Vec::new(), types, common);
    reader.operands_later(node, operands);
    let values = reader.graph.node(node).outputs.clone();
    for (output, value) in outputs.into_iter().zip(values) {
        if let Some(name) = output.name {
            reader.graph.set_name(value, name);
        }
        if let Some(sources) = output.sources {
            reader.graph.set_sources(value, sources.into());
        }
        reader.define_value(output.mention, value)?;
    }
    Ok(())
}

/// An operator and its attributes; `types` are those of the values that it defines.
pub(super) fn op(reader: &mut Reader<'_>, types: &[ValueType]) -> Result<Op, ParseError> {
    let start = reader.start();
    let name = reader.word();
    let Some(mut op) = template(name) else {
        return Err(reader.error_at(start, format!("operator `{name}` is unknown")));
    };
    reader.types = types.to_vec();
    describe(&mut op, &mut ReadAttrs(reader))?;
    Ok(op)
}

struct ReadAttrs<'r, 't>(&'r mut Reader<'t>);

impl Codec for ReadAttrs<'_, '_> {
    type Error = ParseError;

    fn bare<T: Attr>(&mut self, value: &mut T) -> Result<(), ParseError> {
        *value = T::read(self.0)?;
        Ok(())
    }

    fn attr<T: Attr>(&mut self, key: &'static str, value: &mut T) -> Result<(), ParseError> {
        if !self.0.eat_key(key) {
            return Err(self.0.error(format!("`{key}=` expected")));
        }
        self.bare(value)
    }

    fn option<T: Attr>(
        &mut self,
        key: &'static str,
        value: &mut Option<T>,
    ) -> Result<(), ParseError> {
        *value = if self.0.eat_key(key) {
            Some(T::read(self.0)?)
        } else {
            None
        };
        Ok(())
    }

    fn flag(&mut self, key: &'static str, value: &mut bool) -> Result<(), ParseError> {
        *value = self.0.eat_word(key);
        Ok(())
    }

    fn result_dim(&mut self, key: &'static str, value: &mut Dim) -> Result<(), ParseError> {
        self.attr(key, value)
    }

    fn result_types(&mut self, value: &mut Vec<ValueType>) -> Result<(), ParseError> {
        *value = if self.0.eat_key("results") {
            Attr::read(self.0)?
        } else {
            std::mem::take(&mut self.0.types)
        };
        Ok(())
    }
}
