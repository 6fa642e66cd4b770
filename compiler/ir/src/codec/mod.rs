//! One description of every operator's attributes, which the printer, the parser and the visitors all run.
//!
//! [`describe`](ops::describe) walks the attributes of an operator in a fixed order and hands each to a [`Codec`] together
//! with its key. Printing reads them, parsing overwrites those of a template (see [`templates`]), visiting looks into them.
//! Its match over [`Op`](crate::Op) is exhaustive and takes every field apart, so that neither an operator nor an
//! attribute can be forgotten in one direction only.

mod blank;
mod composite;
mod ops;
mod records;
mod regions;
mod scalar;
mod spatial;
mod tables;
mod templates;
#[cfg(test)]
mod tests;
mod visit;
mod words;

pub(crate) use ops::describe;
pub(crate) use templates::template;
#[cfg(any(test, feature = "testing"))]
pub(crate) use templates::templates;

use crate::consts::ConstId;
use crate::graph::BlockId;
use crate::parse::{ParseError, Reader};
use crate::print::Writer;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Arbitrary;
use crate::types::ValueType;
use graphc_base::Dim;

/// An attribute: its text in both directions, and what it mentions.
pub(crate) trait Attr: Sized {
    /// Writes it so that [`read`](Self::read) gives an equal one. The text has no blank outside of brackets and quotes.
    fn write(&self, writer: &mut Writer<'_>);

    /// Reads what [`write`](Self::write) wrote.
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError>;

    /// One of its values.
    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self;

    /// Shows the dims, blocks and constants in it to a visitor that may replace them.
    fn visit(&mut self, _visitor: &mut dyn Visitor) {}
}

/// Sees what attributes mention.
pub(crate) trait Visitor {
    /// A dim that must be known before the operator runs.
    fn dim(&mut self, _dim: &mut Dim) {}

    /// A dim of a result's type; symbols that the result itself binds may occur in it.
    fn result_dim(&mut self, _dim: &mut Dim) {}

    /// A region.
    fn block(&mut self, _block: &mut BlockId) {}

    /// A constant.
    fn constant(&mut self, _constant: &mut ConstId) {}
}

/// What is done with the attributes of an operator, one after another.
pub(crate) trait Codec {
    /// Why it stops.
    type Error;

    /// An attribute without key, directly behind the operator's name.
    fn bare<T: Attr>(&mut self, value: &mut T) -> Result<(), Self::Error>;

    /// An attribute that is always there: `key=value`.
    fn attr<T: Attr>(&mut self, key: &'static str, value: &mut T) -> Result<(), Self::Error>;

    /// An attribute that may be missing.
    fn option<T: Attr>(
        &mut self,
        key: &'static str,
        value: &mut Option<T>,
    ) -> Result<(), Self::Error>;

    /// A truth: `key` where it holds.
    fn flag(&mut self, key: &'static str, value: &mut bool) -> Result<(), Self::Error>;

    /// A dim of a result's type that is an attribute of its own.
    fn result_dim(&mut self, key: &'static str, value: &mut Dim) -> Result<(), Self::Error>;

    /// Types of the results, where they are an attribute. They stand in the text only where they differ from the types of
    /// the values that the node defines.
    fn result_types(&mut self, value: &mut Vec<ValueType>) -> Result<(), Self::Error>;
}
