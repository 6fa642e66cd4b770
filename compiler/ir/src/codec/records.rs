//! Attributes that are small records: padding, slices, activations, table entries and tree nodes.

use super::{Attr, Visitor};
use crate::op::{Activation, ActivationKind, Padding, SliceAxis, TableKey, TreeNode, TreeNodeMode};
use crate::parse::{ParseError, Reader};
use crate::print::Writer;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Arbitrary;
use graphc_base::{Dim, Real};

/// `before:after`.
impl Attr for Padding {
    fn write(&self, writer: &mut Writer<'_>) {
        let Padding { before, after } = self;
        before.write(writer);
        writer.text(":");
        after.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let (before, after) = Attr::read(reader)?;
        Ok(Padding { before, after })
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        let (before, after) = Attr::arbitrary(arbitrary);
        Padding { before, after }
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.before.visit(visitor);
        self.after.visit(visitor);
    }
}

/// `start:+len:step`, without the step where it is 1. The plus tells it from the `start:stop` of others.
impl Attr for SliceAxis {
    fn write(&self, writer: &mut Writer<'_>) {
        let SliceAxis { start, step, len } = self;
        start.write(writer);
        writer.text(":+");
        len.write(writer);
        if *step != Dim::ONE {
            writer.text(":");
            step.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let start = Dim::read(reader)?;
        reader.expect(":+")?;
        let len = Dim::read(reader)?;
        let step = if reader.eat(":") {
            Dim::read(reader)?
        } else {
            Dim::ONE
        };
        Ok(SliceAxis { start, step, len })
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        SliceAxis {
            start: arbitrary.dim(),
            step: arbitrary.dim(),
            len: arbitrary.dim(),
        }
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.start.visit(visitor);
        self.step.visit(visitor);
        self.len.visit(visitor);
    }
}

/// `tanh`, or `affine(alpha,beta)` where a parameter is not zero.
impl Attr for Activation {
    fn write(&self, writer: &mut Writer<'_>) {
        let Activation { kind, alpha, beta } = self;
        kind.write(writer);
        let zero = Real::new(0.0);
        if *alpha != zero || *beta != zero {
            writer.text("(");
            alpha.write(writer);
            writer.text(",");
            beta.write(writer);
            writer.text(")");
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let kind = ActivationKind::read(reader)?;
        let (mut alpha, mut beta) = (Real::new(0.0), Real::new(0.0));
        if reader.eat("(") {
            alpha = Real::read(reader)?;
            reader.expect(",")?;
            beta = Real::read(reader)?;
            reader.expect(")")?;
        }
        Ok(Activation { kind, alpha, beta })
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        Activation {
            kind: Attr::arbitrary(arbitrary),
            alpha: arbitrary.real(),
            beta: arbitrary.real(),
        }
    }
}

/// `"text"`, `5` or `5.0`: the text of a float always shows that it is one.
impl Attr for TableKey {
    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            TableKey::String(text) => writer.quoted(text),
            TableKey::Int(value) => value.write(writer),
            TableKey::Float(value) => value.write(writer),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        if reader.at("\"") {
            return Ok(TableKey::String(reader.quoted()?));
        }
        if reader.at_integer() {
            return Ok(TableKey::Int(reader.integer()?));
        }
        Ok(TableKey::Float(Real::read(reader)?))
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        arbitrary.key()
    }
}

/// A word, or `member[1.0,2.0]`.
impl Attr for TreeNodeMode {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.text(match self {
            TreeNodeMode::LessEqual => "less_equal",
            TreeNodeMode::Less => "less",
            TreeNodeMode::GreaterEqual => "greater_equal",
            TreeNodeMode::Greater => "greater",
            TreeNodeMode::Equal => "equal",
            TreeNodeMode::NotEqual => "not_equal",
            TreeNodeMode::Member(set) => {
                writer.text("member");
                return set.write(writer);
            }
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let mode = reader.one_of(&[
            ("less_equal", TreeNodeMode::LessEqual),
            ("less", TreeNodeMode::Less),
            ("greater_equal", TreeNodeMode::GreaterEqual),
            ("greater", TreeNodeMode::Greater),
            ("equal", TreeNodeMode::Equal),
            ("not_equal", TreeNodeMode::NotEqual),
            ("member", TreeNodeMode::Member(Vec::new())),
        ])?;
        Ok(match mode {
            TreeNodeMode::Member(_) => TreeNodeMode::Member(Attr::read(reader)?),
            word => word,
        })
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        match arbitrary.small() {
            0 => TreeNodeMode::LessEqual,
            1 => TreeNodeMode::Greater,
            2 => TreeNodeMode::NotEqual,
            _ => TreeNodeMode::Member(Attr::arbitrary(arbitrary)),
        }
    }
}

/// `branch(feature,mode,value,true_child,false_child)`, `branch_missing(…)` where a missing feature counts as true,
/// `leaf[target:weight,…]`.
impl Attr for TreeNode {
    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            TreeNode::Branch {
                feature,
                mode,
                value,
                true_child,
                false_child,
                missing_is_true,
            } => {
                writer.text(if *missing_is_true {
                    "branch_missing("
                } else {
                    "branch("
                });
                feature.write(writer);
                writer.text(",");
                mode.write(writer);
                writer.text(",");
                value.write(writer);
                writer.text(",");
                true_child.write(writer);
                writer.text(",");
                false_child.write(writer);
                writer.text(")");
            }
            TreeNode::Leaf { weights } => {
                writer.text("leaf");
                weights.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let missing_is_true = reader.one_of(&[
            ("branch", Some(false)),
            ("branch_missing", Some(true)),
            ("leaf", None),
        ])?;
        let Some(missing_is_true) = missing_is_true else {
            return Ok(TreeNode::Leaf {
                weights: Attr::read(reader)?,
            });
        };
        reader.expect("(")?;
        let feature = Attr::read(reader)?;
        reader.expect(",")?;
        let mode = Attr::read(reader)?;
        reader.expect(",")?;
        let value = Attr::read(reader)?;
        reader.expect(",")?;
        let true_child = Attr::read(reader)?;
        reader.expect(",")?;
        let false_child = Attr::read(reader)?;
        reader.expect(")")?;
        Ok(TreeNode::Branch {
            feature,
            mode,
            value,
            true_child,
            false_child,
            missing_is_true,
        })
    }

    #[cfg(any(test, feature = "testing"))]
    fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
        if arbitrary.flag() {
            return TreeNode::Leaf {
                weights: Attr::arbitrary(arbitrary),
            };
        }
        TreeNode::Branch {
            feature: arbitrary.small(),
            mode: Attr::arbitrary(arbitrary),
            value: arbitrary.real(),
            true_child: arbitrary.small(),
            false_child: arbitrary.small(),
            missing_is_true: arbitrary.flag(),
        }
    }
}
