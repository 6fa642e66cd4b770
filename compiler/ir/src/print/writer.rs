//! Text under construction: the pieces that attributes, types and nodes are written with.

use super::numbers::Numbers;
use super::ty::Show;
use crate::codec::{Attr, Codec, describe};
use crate::consts::ConstId;
use crate::graph::{BlockId, SourceId, ValueId};
use crate::op::Op;
use crate::types::ValueType;
use graphc_base::{Dim, DimCx};
use std::convert::Infallible;
use std::fmt::{self, Write};

/// Writes the text form of attributes, with symbols by name and ids by the numbers they are printed with.
pub(crate) struct Writer<'a> {
    text: String,
    dims: &'a DimCx,
    numbers: &'a Numbers,
}

impl<'a> Writer<'a> {
    pub(super) fn new(dims: &'a DimCx, numbers: &'a Numbers) -> Self {
        Self {
            text: String::new(),
            dims,
            numbers,
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn show(&mut self, item: impl fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{item}");
    }

    pub(crate) fn dim(&mut self, dim: &Dim) {
        self.show(self.dims.display(dim));
    }

    /// Shortest text that reads back to the same number; NaN with its bits where they are not the usual ones.
    pub(crate) fn f64(&mut self, value: f64) {
        if !value.is_nan() {
            self.show(format_args!("{value:?}"));
        } else if value.to_bits() == f64::NAN.to_bits() {
            self.text("nan");
        } else {
            self.show(format_args!("nan({:016x})", value.to_bits()));
        }
    }

    pub(crate) fn quoted(&mut self, text: &str) {
        self.show(format_args!("{text:?}"));
    }

    pub(crate) fn ty(&mut self, ty: &ValueType) {
        self.show(Show(ty, self.dims));
    }

    pub(crate) fn constant(&mut self, id: ConstId) {
        self.show(self.numbers.constant(id));
    }

    pub(crate) fn block(&mut self, id: BlockId) {
        self.show(self.numbers.block(id));
    }

    pub(super) fn value(&mut self, id: ValueId) {
        self.show(self.numbers.value(id));
    }

    pub(super) fn source(&mut self, id: SourceId) {
        self.show(self.numbers.source(id));
    }

    /// Items with `, ` between them.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.text(", ");
            }
            write(self, item);
        }
    }

    /// The operator's name and attributes. `types` are those of the values that the node defines: attributes that repeat
    /// them are left out.
    pub(super) fn op(&mut self, op: &Op, types: &[ValueType]) {
        self.text(op.name());
        let mut codec = WriteAttrs {
            writer: self,
            types,
        };
        match describe(&mut op.clone(), &mut codec) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}

struct WriteAttrs<'w, 'a> {
    writer: &'w mut Writer<'a>,
    types: &'w [ValueType],
}

impl Codec for WriteAttrs<'_, '_> {
    type Error = Infallible;

    fn bare<T: Attr>(&mut self, value: &mut T) -> Result<(), Infallible> {
        self.writer.text(" ");
        value.write(self.writer);
        Ok(())
    }

    fn attr<T: Attr>(&mut self, key: &'static str, value: &mut T) -> Result<(), Infallible> {
        self.writer.show(format_args!(" {key}="));
        value.write(self.writer);
        Ok(())
    }

    fn option<T: Attr>(
        &mut self,
        key: &'static str,
        value: &mut Option<T>,
    ) -> Result<(), Infallible> {
        match value {
            Some(value) => self.attr(key, value),
            None => Ok(()),
        }
    }

    fn flag(&mut self, key: &'static str, value: &mut bool) -> Result<(), Infallible> {
        if *value {
            self.writer.show(format_args!(" {key}"));
        }
        Ok(())
    }

    fn result_dim(&mut self, key: &'static str, value: &mut Dim) -> Result<(), Infallible> {
        self.attr(key, value)
    }

    fn result_types(&mut self, value: &mut Vec<ValueType>) -> Result<(), Infallible> {
        if value.as_slice() == self.types {
            return Ok(());
        }
        self.attr("results", value)
    }
}
