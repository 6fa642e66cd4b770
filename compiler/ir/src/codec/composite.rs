//! Attributes made of others: lists, pairs, and types.

use super::{Attr, Visitor};
use crate::parse::{ParseError, Reader};
use crate::print::Writer;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Arbitrary;
use crate::types::{ElementType, TensorType, ValueType};

/// `[a,b,c]`.
impl<T: Attr> Attr for Vec<T> {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.text("[");
        for (position, item) in self.iter().enumerate() {
            if position > 0 {
                writer.text(",");
            }
            item.write(writer);
        }
        writer.text("]");
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let mut items = Vec::new();
        reader.list(|reader| {
            items.push(T::read(reader)?);
            Ok(())
        })?;
        Ok(items)
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.list(T::arbitrary)
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.iter_mut().for_each(|item| item.visit(visitor));
    }
}

/// `[a,b]`.
impl<T: Attr> Attr for [T; 2] {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.text("[");
        self[0].write(writer);
        writer.text(",");
        self[1].write(writer);
        writer.text("]");
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.expect("[")?;
        let first = T::read(reader)?;
        reader.expect(",")?;
        let second = T::read(reader)?;
        reader.expect("]")?;
        Ok([first, second])
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        [T::arbitrary(arbitrary), T::arbitrary(arbitrary)]
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.iter_mut().for_each(|item| item.visit(visitor));
    }
}

/// `a:b`.
impl<A: Attr, B: Attr> Attr for (A, B) {
    fn write(&self, writer: &mut Writer<'_>) {
        self.0.write(writer);
        writer.text(":");
        self.1.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let first = A::read(reader)?;
        reader.expect(":")?;
        Ok((first, B::read(reader)?))
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        (A::arbitrary(arbitrary), B::arbitrary(arbitrary))
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.0.visit(visitor);
        self.1.visit(visitor);
    }
}

impl Attr for ElementType {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.ty(&ValueType::Sequence(self.clone()));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.element_type()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.element()
    }
}

impl Attr for ValueType {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.ty(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.ty()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.ty()
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        visit_result_dims(self, visitor);
    }
}

/// Every type that is an attribute is that of a result.
pub(super) fn visit_result_dims(ty: &mut ValueType, visitor: &mut dyn Visitor) {
    match ty {
        ValueType::Tensor(TensorType { shape, .. }) => {
            shape.iter_mut().for_each(|dim| visitor.result_dim(dim));
        }
        ValueType::Sequence(ElementType { .. }) => {}
        ValueType::Optional(inner) => visit_result_dims(inner, visitor),
    }
}
