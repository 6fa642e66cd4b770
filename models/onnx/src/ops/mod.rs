//! The operators that the importer knows: one file per family, each with a table of its operators.
//!
//! A converter reads its node through [`NodeCx`] and gives one value per output of the node. Operators that ONNX
//! defines by others become those others; what ONNX lets arrive as a tensor at run time (axes, bounds, sizes) may be
//! constant, symbolic or data alike.

mod activation;
mod attention;
mod batch_norm;
mod cast;
mod causal_conv;
mod construct;
mod contrib;
mod control;
mod conv;
mod coupling;
mod detect;
mod einsum;
mod elementwise;
mod features;
mod gather;
mod join;
mod labels;
mod legacy;
mod linear;
mod loss;
mod norm;
mod operand;
mod optional;
mod pad;
mod quant;
mod random;
mod ratio;
mod recurrent;
mod reduce;
mod resize;
mod sample;
mod scan;
mod scores;
mod select;
mod sequence;
mod shape;
mod signal;
mod since;
mod slice;
mod svm;
mod text;
mod training;
mod trees;

use crate::import::{ConvertError, NodeCx};
use graphc_ir::ValueId;

/// What a converter gives: one value per output of the node, in order; it may give fewer where the rest are optional.
pub(crate) type Converted = Result<Vec<ValueId>, ConvertError>;

/// Converts one node.
pub(crate) type Convert = fn(&mut NodeCx<'_, '_>) -> Converted;

/// One operator of a table.
pub(crate) struct OpEntry {
    /// `""` for ai.onnx.
    pub(crate) domain: &'static str,
    /// The operator's name in its domain.
    pub(crate) op_type: &'static str,
    /// Its converter.
    pub(crate) convert: Convert,
}

/// An entry of the default domain.
pub(crate) const fn onnx(op_type: &'static str, convert: Convert) -> OpEntry {
    OpEntry {
        domain: "",
        op_type,
        convert,
    }
}

/// An entry of the `ai.onnx.ml` domain.
pub(crate) const fn ml(op_type: &'static str, convert: Convert) -> OpEntry {
    OpEntry {
        domain: "ai.onnx.ml",
        op_type,
        convert,
    }
}

/// An entry of the `ai.onnx.preview.training` domain.
pub(crate) const fn training(op_type: &'static str, convert: Convert) -> OpEntry {
    OpEntry {
        domain: "ai.onnx.preview.training",
        op_type,
        convert,
    }
}

/// An entry of the `com.microsoft` domain, onnxruntime's own operators.
pub(crate) const fn ms(op_type: &'static str, convert: Convert) -> OpEntry {
    OpEntry {
        domain: "com.microsoft",
        op_type,
        convert,
    }
}

/// Every family's table.
const FAMILIES: &[&[OpEntry]] = &[
    activation::OPS,
    attention::DECODER,
    attention::GROUPED,
    attention::MULTI_HEAD,
    attention::PROJECTED,
    attention::ROTARY,
    attention::STANDARD,
    batch_norm::OPS,
    cast::OPS,
    causal_conv::OPS,
    construct::OPS,
    contrib::ACTIVATION,
    contrib::CONV,
    contrib::MATMUL,
    contrib::MISC,
    contrib::NBITS,
    contrib::NORM,
    contrib::QLINEAR,
    control::OPS,
    conv::OPS,
    detect::OPS,
    einsum::OPS,
    elementwise::OPS,
    features::OPS,
    gather::OPS,
    join::OPS,
    labels::OPS,
    legacy::OPS,
    linear::OPS,
    loss::OPS,
    norm::OPS,
    optional::OPS,
    pad::OPS,
    quant::OPS,
    random::OPS,
    recurrent::OPS,
    reduce::OPS,
    resize::OPS,
    sample::OPS,
    scan::OPS,
    scores::OPS,
    select::OPS,
    sequence::OPS,
    shape::OPS,
    signal::OPS,
    slice::OPS,
    svm::OPS,
    text::OPS,
    training::OPS,
    trees::OPS,
];

/// Every operator that the importer knows, in no particular order.
pub(crate) fn entries() -> impl Iterator<Item = &'static OpEntry> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The converter of an operator; `domain` is normalised (`""` for ai.onnx).
pub(crate) fn find(domain: &str, op_type: &str) -> Option<&'static OpEntry> {
    entries().find(|entry| entry.op_type == op_type && entry.domain == domain)
}

/// The first opset of an operator's domain that has it.
pub(crate) fn since(entry: &OpEntry) -> i64 {
    since::since(entry.domain, entry.op_type)
}

/// Whether operators of a domain depend on its version; such a domain must be imported.
pub(crate) fn is_versioned(domain: &str) -> bool {
    since::is_versioned(domain)
}

/// Refuses an operator before the opset that brings it, and more operands than its version takes.
pub(crate) fn check_version(entry: &OpEntry, opset: i64, n_operands: usize) -> Result<(), String> {
    since::check(entry.domain, entry.op_type, opset, n_operands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_operator_stands_in_two_tables() {
        let mut seen = BTreeSet::new();
        for entry in entries() {
            assert!(
                seen.insert((entry.domain, entry.op_type)),
                "{}.{} stands twice",
                entry.domain,
                entry.op_type
            );
        }
    }
}
