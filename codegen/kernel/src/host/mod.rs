//! Operators on values without a byte layout: sequences, optionals, string tensors. They run on the host, in every
//! device's programs alike.
//!
//! Semantics are those of the graph operators of the same names. Wrong data are errors, never panics.

mod coded;
mod convert;
mod sequence;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use value::{HostTensor, HostValue, StringTensor};

use crate::reference::KernelError;
use crate::spec::KernelSpec;
use graphc_base::attrs::{LabelMap, StringOp, TfIdf};
use graphc_base::{DType, Dim};
use serde::{Deserialize, Serialize};

/// An operator on host values.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostOp {
    /// `x → x`.
    Identity,
    /// `() → seq`.
    SequenceEmpty,
    /// `x0, x1, … → seq`.
    SequenceConstruct,
    /// `seq, x, position? → seq`; at the end where the position is missing.
    SequenceInsert,
    /// `seq, position? → seq`; the last where the position is missing.
    SequenceErase,
    /// `seq, position → x`.
    SequenceAt,
    /// `seq → i64[]`.
    SequenceLength,
    /// `seq → x`: concatenated or stacked along `axis`.
    SequenceConcat {
        /// Axis of the result.
        axis: usize,
        /// Whether the axis is new.
        new_axis: bool,
    },
    /// `x, split? → seq`: pieces along `axis`; size 1 where `split` is missing.
    SequenceSplit {
        /// Axis that is cut.
        axis: usize,
        /// Whether pieces of size 1 keep the axis (only where `split` is missing).
        keep_dims: bool,
    },
    /// `x → optional`.
    OptionalSome,
    /// `() → optional`, absent.
    OptionalNone,
    /// `optional | x → x`.
    OptionalGet,
    /// `optional | x | () → bool[]`.
    OptionalHas,
    /// Operators on string tensors. Dims that name sizes of results are not read.
    Text(StringOp),
    /// `x: string → f32`.
    TfIdf(Box<TfIdf>),
    /// `x → y`, with strings on either side.
    LabelMap(Box<LabelMap>),
    /// `x → string`: integers in decimal, floats by their shortest digits; `NaN`, `INF`, `-INF`.
    CastToString,
    /// `x: string → to`.
    CastFromString {
        /// Target dtype.
        to: DType,
    },
    /// A kernel on tensors of which some are strings: reshape, transpose, expand and slice (as [`Copy`](crate::Kernel::Copy)
    /// with views), concat, pad, tile, gathers, scatters, select, comparison, unique, top-k.
    ///
    /// In the spec strings are written as `i64`: an order-preserving code stands for each, as wide as an `i64` on the way in
    /// and out. The spec may only move, compare or order them.
    Coded {
        /// The kernel, with `i64` in place of strings.
        spec: Box<KernelSpec>,
        /// Which results are strings.
        string_results: Vec<usize>,
    },
}

impl HostOp {
    /// Its name in profiles and reports.
    pub fn name(&self) -> &'static str {
        match self {
            HostOp::Identity => "identity",
            HostOp::SequenceEmpty => "sequence_empty",
            HostOp::SequenceConstruct => "sequence_construct",
            HostOp::SequenceInsert => "sequence_insert",
            HostOp::SequenceErase => "sequence_erase",
            HostOp::SequenceAt => "sequence_at",
            HostOp::SequenceLength => "sequence_length",
            HostOp::SequenceConcat { .. } => "sequence_concat",
            HostOp::SequenceSplit { .. } => "sequence_split",
            HostOp::OptionalSome => "optional_some",
            HostOp::OptionalNone => "optional_none",
            HostOp::OptionalGet => "optional_get",
            HostOp::OptionalHas => "optional_has",
            HostOp::Text(_) => "text",
            HostOp::TfIdf(_) => "tf_idf",
            HostOp::LabelMap(_) => "label_map",
            HostOp::CastToString => "cast_to_string",
            HostOp::CastFromString { .. } => "cast_from_string",
            HostOp::Coded { spec, .. } => spec.kernel.name(),
        }
    }

    /// Calls `visit` with every dim among the attributes that must be known before it runs.
    pub fn visit_dims_mut(&mut self, visit: &mut dyn FnMut(&mut Dim)) {
        if let HostOp::Coded { spec, .. } = self {
            spec.visit_dims_mut(visit);
        }
    }
}

fn fail(message: impl Into<String>) -> KernelError {
    KernelError {
        kernel: "host",
        message: message.into(),
    }
}

/// Runs an operator whose dims are all constants.
pub fn call(op: &HostOp, inputs: &[&HostValue]) -> Result<Vec<HostValue>, KernelError> {
    let one = match (op, inputs) {
        (HostOp::Identity, [x]) => Ok((*x).clone()),
        (HostOp::Text(op), _) => return text::call(op, inputs),
        (
            HostOp::Coded {
                spec,
                string_results,
            },
            _,
        ) => return coded::call(spec, string_results, inputs),
        (HostOp::TfIdf(attrs), [x]) => text::tf_idf(attrs, x),
        (HostOp::LabelMap(map), [x]) => convert::label_map(map, x),
        (HostOp::CastToString, [x]) => convert::to_strings(x),
        (HostOp::CastFromString { to }, [x]) => convert::from_strings(x, *to),
        _ => sequence::call(op, inputs).unwrap_or_else(|| {
            Err(fail(format!(
                "{op:?} does not take {} operands",
                inputs.len()
            )))
        }),
    };
    one.map(|value| vec![value])
}
