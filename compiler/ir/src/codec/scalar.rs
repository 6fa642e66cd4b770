//! Attributes that are one number, dim, dtype, text or id.

use super::{Attr, Visitor};
use crate::consts::ConstId;
use crate::graph::BlockId;
use crate::parse::{ParseError, Reader};
use crate::print::Writer;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Arbitrary;
use graphc_base::{DType, Dim, Real};

macro_rules! integers {
    ($($ty:ident = $make:ident,)*) => {$(
        impl Attr for $ty {
            fn write(&self, writer: &mut Writer<'_>) {
                writer.show(self);
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
                reader.integer()
            }

            #[cfg(any(test, feature = "testing"))]
            fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
                arbitrary.$make() as $ty
            }
        }
    )*};
}

integers!(usize = small, i64 = number, u32 = small,);

impl Attr for bool {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.show(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.one_of(&[("true", true), ("false", false)])
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.flag()
    }
}

impl Attr for Dim {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.dim(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.dim()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.dim()
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.dim(self);
    }
}

impl Attr for Real {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.f64(self.get());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.f64().map(Real::new)
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.real()
    }
}

impl Attr for String {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.quoted(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.quoted()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.string()
    }
}

impl Attr for DType {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.text(self.name());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.dtype()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.dtype()
    }
}

impl Attr for ConstId {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.constant(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.constant()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.constant()
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.constant(self);
    }
}

impl Attr for BlockId {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.block(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.block()
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.block()
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.block(self);
    }
}
