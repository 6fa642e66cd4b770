//! One blank operator per name of the text form, which the parser fills.
//!
//! The table is exhaustive: its patterns are also the arms of a match over [`Op`], so that an operator without a row does
//! not compile. A test checks that each row's templates match the row's pattern and have names of their own.

use super::blank;
use crate::consts::ConstId;
use crate::op::{
    BinaryOp, CumulativeKind, Op, PadMode, Pool, PoolKind, RandomKind, RecurrentKind, ReduceKind,
    ScatterReduction, SequenceOp, StringOp, UnaryOp,
};
use graphc_base::{DType, Dim, Real};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const ZERO: Real = Real::new(0.0);

macro_rules! templates {
    ($($pattern:pat => [$($template:expr),+ $(,)?]),+ $(,)?) => {
        /// Templates, row by row.
        pub(crate) fn templates() -> Vec<Vec<Op>> {
            vec![$(vec![$($template),+]),+]
        }

        /// The pattern of the row that an operator belongs to, for tests.
        #[allow(dead_code, reason = "compiled for its exhaustiveness, run by tests")]
        pub(super) fn row_of(op: &Op) -> &'static str {
            match op {
                $($pattern => stringify!($pattern)),+
            }
        }

        /// The patterns of all rows, for tests.
        #[cfg(test)]
        pub(super) const ROWS: &[&str] = &[$(stringify!($pattern)),+];
    };
}

static BY_NAME: LazyLock<BTreeMap<&'static str, Op>> = LazyLock::new(|| {
    templates()
        .into_iter()
        .flatten()
        .map(|op| (op.name(), op))
        .collect()
});

/// An operator of this name with blank attributes.
pub(crate) fn template(name: &str) -> Option<Op> {
    BY_NAME.get(name).cloned()
}

impl Op {
    /// The names of all operators in the text form, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BY_NAME.keys().copied()
    }
}

fn random(kind: RandomKind) -> Op {
    Op::Random {
        kind,
        dtype: DType::F32,
        shape: Vec::new(),
        seed: ZERO,
        instance: 0,
    }
}

templates! {
    Op::Const(_) => [Op::Const(ConstId(0))],
    Op::DimTensor { .. } => [Op::DimTensor { dims: Vec::new(), scalar: false }],
    Op::Iota { .. } => [Op::Iota { dtype: DType::I64, len: Dim::ZERO }],
    Op::Random { kind: RandomKind::Uniform { .. }, .. } => [
        random(RandomKind::Uniform { low: ZERO, high: ZERO }),
    ],
    Op::Random { kind: RandomKind::Normal { .. }, .. } => [
        random(RandomKind::Normal { mean: ZERO, scale: ZERO }),
    ],
    Op::Unary(UnaryOp::Neg) => [Op::Unary(UnaryOp::Neg)],
    Op::Unary(UnaryOp::Abs) => [Op::Unary(UnaryOp::Abs)],
    Op::Unary(UnaryOp::Sign) => [Op::Unary(UnaryOp::Sign)],
    Op::Unary(UnaryOp::Ceil) => [Op::Unary(UnaryOp::Ceil)],
    Op::Unary(UnaryOp::Floor) => [Op::Unary(UnaryOp::Floor)],
    Op::Unary(UnaryOp::Round) => [Op::Unary(UnaryOp::Round)],
    Op::Unary(UnaryOp::Trunc) => [Op::Unary(UnaryOp::Trunc)],
    Op::Unary(UnaryOp::Sqrt) => [Op::Unary(UnaryOp::Sqrt)],
    Op::Unary(UnaryOp::Rsqrt) => [Op::Unary(UnaryOp::Rsqrt)],
    Op::Unary(UnaryOp::Reciprocal) => [Op::Unary(UnaryOp::Reciprocal)],
    Op::Unary(UnaryOp::Exp) => [Op::Unary(UnaryOp::Exp)],
    Op::Unary(UnaryOp::Log) => [Op::Unary(UnaryOp::Log)],
    Op::Unary(UnaryOp::Sin) => [Op::Unary(UnaryOp::Sin)],
    Op::Unary(UnaryOp::Cos) => [Op::Unary(UnaryOp::Cos)],
    Op::Unary(UnaryOp::Tan) => [Op::Unary(UnaryOp::Tan)],
    Op::Unary(UnaryOp::Asin) => [Op::Unary(UnaryOp::Asin)],
    Op::Unary(UnaryOp::Acos) => [Op::Unary(UnaryOp::Acos)],
    Op::Unary(UnaryOp::Atan) => [Op::Unary(UnaryOp::Atan)],
    Op::Unary(UnaryOp::Sinh) => [Op::Unary(UnaryOp::Sinh)],
    Op::Unary(UnaryOp::Cosh) => [Op::Unary(UnaryOp::Cosh)],
    Op::Unary(UnaryOp::Tanh) => [Op::Unary(UnaryOp::Tanh)],
    Op::Unary(UnaryOp::Asinh) => [Op::Unary(UnaryOp::Asinh)],
    Op::Unary(UnaryOp::Acosh) => [Op::Unary(UnaryOp::Acosh)],
    Op::Unary(UnaryOp::Atanh) => [Op::Unary(UnaryOp::Atanh)],
    Op::Unary(UnaryOp::Erf) => [Op::Unary(UnaryOp::Erf)],
    Op::Unary(UnaryOp::Sigmoid) => [Op::Unary(UnaryOp::Sigmoid)],
    Op::Unary(UnaryOp::Relu) => [Op::Unary(UnaryOp::Relu)],
    Op::Unary(UnaryOp::Softplus) => [Op::Unary(UnaryOp::Softplus)],
    Op::Unary(UnaryOp::Softsign) => [Op::Unary(UnaryOp::Softsign)],
    Op::Unary(UnaryOp::Gelu) => [Op::Unary(UnaryOp::Gelu)],
    Op::Unary(UnaryOp::GeluTanh) => [Op::Unary(UnaryOp::GeluTanh)],
    Op::Unary(UnaryOp::Mish) => [Op::Unary(UnaryOp::Mish)],
    Op::Unary(UnaryOp::HardSwish) => [Op::Unary(UnaryOp::HardSwish)],
    Op::Unary(UnaryOp::Not) => [Op::Unary(UnaryOp::Not)],
    Op::Unary(UnaryOp::BitNot) => [Op::Unary(UnaryOp::BitNot)],
    Op::Unary(UnaryOp::IsNan) => [Op::Unary(UnaryOp::IsNan)],
    Op::Unary(UnaryOp::Swish { .. }) => [Op::Unary(UnaryOp::Swish { alpha: ZERO })],
    Op::Unary(UnaryOp::LeakyRelu { .. }) => [Op::Unary(UnaryOp::LeakyRelu { alpha: ZERO })],
    Op::Unary(UnaryOp::Elu { .. }) => [Op::Unary(UnaryOp::Elu { alpha: ZERO })],
    Op::Unary(UnaryOp::Selu { .. }) => [Op::Unary(UnaryOp::Selu { alpha: ZERO, gamma: ZERO })],
    Op::Unary(UnaryOp::Celu { .. }) => [Op::Unary(UnaryOp::Celu { alpha: ZERO })],
    Op::Unary(UnaryOp::HardSigmoid { .. }) => [Op::Unary(UnaryOp::HardSigmoid { alpha: ZERO, beta: ZERO })],
    Op::Unary(UnaryOp::ThresholdedRelu { .. }) => [Op::Unary(UnaryOp::ThresholdedRelu { alpha: ZERO })],
    Op::Unary(UnaryOp::Shrink { .. }) => [Op::Unary(UnaryOp::Shrink { bias: ZERO, lambda: ZERO })],
    Op::Unary(UnaryOp::IsInf { .. }) => [Op::Unary(UnaryOp::IsInf { positive: false, negative: false })],
    Op::Binary(BinaryOp::Add) => [Op::Binary(BinaryOp::Add)],
    Op::Binary(BinaryOp::Sub) => [Op::Binary(BinaryOp::Sub)],
    Op::Binary(BinaryOp::Mul) => [Op::Binary(BinaryOp::Mul)],
    Op::Binary(BinaryOp::Div) => [Op::Binary(BinaryOp::Div)],
    Op::Binary(BinaryOp::Mod) => [Op::Binary(BinaryOp::Mod)],
    Op::Binary(BinaryOp::Rem) => [Op::Binary(BinaryOp::Rem)],
    Op::Binary(BinaryOp::Pow) => [Op::Binary(BinaryOp::Pow)],
    Op::Binary(BinaryOp::Min) => [Op::Binary(BinaryOp::Min)],
    Op::Binary(BinaryOp::Max) => [Op::Binary(BinaryOp::Max)],
    Op::Binary(BinaryOp::And) => [Op::Binary(BinaryOp::And)],
    Op::Binary(BinaryOp::Or) => [Op::Binary(BinaryOp::Or)],
    Op::Binary(BinaryOp::Xor) => [Op::Binary(BinaryOp::Xor)],
    Op::Binary(BinaryOp::BitAnd) => [Op::Binary(BinaryOp::BitAnd)],
    Op::Binary(BinaryOp::BitOr) => [Op::Binary(BinaryOp::BitOr)],
    Op::Binary(BinaryOp::BitXor) => [Op::Binary(BinaryOp::BitXor)],
    Op::Binary(BinaryOp::ShiftLeft) => [Op::Binary(BinaryOp::ShiftLeft)],
    Op::Binary(BinaryOp::ShiftRight) => [Op::Binary(BinaryOp::ShiftRight)],
    Op::Binary(BinaryOp::Equal) => [Op::Binary(BinaryOp::Equal)],
    Op::Binary(BinaryOp::Less) => [Op::Binary(BinaryOp::Less)],
    Op::Binary(BinaryOp::LessEqual) => [Op::Binary(BinaryOp::LessEqual)],
    Op::Binary(BinaryOp::Greater) => [Op::Binary(BinaryOp::Greater)],
    Op::Binary(BinaryOp::GreaterEqual) => [Op::Binary(BinaryOp::GreaterEqual)],
    Op::Select => [Op::Select],
    Op::Cast { .. } => [Op::Cast { to: DType::F32, saturate: false }],
    Op::Bitcast { .. } => [Op::Bitcast { to: DType::F32 }],
    Op::Quantize { .. } => [Op::Quantize { to: DType::I8, axis: None, block: 0, saturate: false }],
    Op::Dequantize { .. } => [Op::Dequantize { axis: None, block: 0 }],
    Op::Reshape { .. } => [Op::Reshape { shape: Vec::new() }],
    Op::Expand { .. } => [Op::Expand { shape: Vec::new() }],
    Op::Transpose { .. } => [Op::Transpose { perm: Vec::new() }],
    Op::Slice { .. } => [Op::Slice { axes: Vec::new() }],
    Op::Concat { .. } => [Op::Concat { axis: 0 }],
    Op::Pad { .. } => [Op::Pad { mode: PadMode::Constant, before: Vec::new(), after: Vec::new() }],
    Op::Tile { .. } => [Op::Tile { repeats: Vec::new() }],
    Op::Gather { .. } => [Op::Gather { axis: 0 }],
    Op::GatherElements { .. } => [Op::GatherElements { axis: 0 }],
    Op::GatherNd { .. } => [Op::GatherNd { batch_dims: 0 }],
    Op::ScatterElements { .. } => [Op::ScatterElements { axis: 0, reduction: ScatterReduction::Replace }],
    Op::ScatterNd { .. } => [Op::ScatterNd { reduction: ScatterReduction::Replace }],
    Op::ReverseSequence { .. } => [Op::ReverseSequence { batch_axis: 0, time_axis: 0 }],
    Op::Reduce { kind: ReduceKind::Sum, .. } => [
        Op::Reduce { kind: ReduceKind::Sum, reduced: Vec::new(), keep_dims: false },
    ],
    Op::Reduce { kind: ReduceKind::Mean, .. } => [
        Op::Reduce { kind: ReduceKind::Mean, reduced: Vec::new(), keep_dims: false },
    ],
    Op::Reduce { kind: ReduceKind::Max, .. } => [
        Op::Reduce { kind: ReduceKind::Max, reduced: Vec::new(), keep_dims: false },
    ],
    Op::Reduce { kind: ReduceKind::Min, .. } => [
        Op::Reduce { kind: ReduceKind::Min, reduced: Vec::new(), keep_dims: false },
    ],
    Op::Reduce { kind: ReduceKind::Prod, .. } => [
        Op::Reduce { kind: ReduceKind::Prod, reduced: Vec::new(), keep_dims: false },
    ],
    Op::Reduce { kind: ReduceKind::LogSumExp, .. } => [
        Op::Reduce { kind: ReduceKind::LogSumExp, reduced: Vec::new(), keep_dims: false },
    ],
    Op::ArgReduce { largest: true, .. } => [
        Op::ArgReduce { largest: true, axis: 0, keep_dims: false, last: false },
    ],
    Op::ArgReduce { largest: false, .. } => [
        Op::ArgReduce { largest: false, axis: 0, keep_dims: false, last: false },
    ],
    Op::Cumulative { kind: CumulativeKind::Sum, .. } => [
        Op::Cumulative { kind: CumulativeKind::Sum, axis: Dim::ZERO, exclusive: false, reverse: false },
    ],
    Op::Cumulative { kind: CumulativeKind::Prod, .. } => [
        Op::Cumulative { kind: CumulativeKind::Prod, axis: Dim::ZERO, exclusive: false, reverse: false },
    ],
    Op::Softmax { .. } => [Op::Softmax { axis: 0 }],
    Op::LogSoftmax { .. } => [Op::LogSoftmax { axis: 0 }],
    Op::LayerNorm { .. } => [Op::LayerNorm { axis: 0, epsilon: ZERO }],
    Op::RmsNorm { .. } => [Op::RmsNorm { axis: 0, epsilon: ZERO }],
    Op::BatchNorm { .. } => [Op::BatchNorm { epsilon: ZERO }],
    Op::GroupNorm { .. } => [Op::GroupNorm { groups: Dim::ONE, epsilon: ZERO }],
    Op::LocalResponseNorm { .. } => [Op::LocalResponseNorm { size: 0, alpha: ZERO, beta: ZERO, bias: ZERO }],
    Op::MatMul => [Op::MatMul],
    Op::Conv(_) => [Op::Conv(blank::conv())],
    Op::ConvTranspose(_) => [Op::ConvTranspose(blank::conv_transpose())],
    Op::DeformConv(_) => [Op::DeformConv(blank::deform_conv())],
    Op::Det => [Op::Det],
    Op::Dft { .. } => [Op::Dft { axis: Dim::ZERO, shape: Vec::new(), inverse: false, halved: false }],
    Op::Pool(Pool { kind: PoolKind::Max, .. }) => [Op::Pool(blank::pool(PoolKind::Max))],
    Op::Pool(Pool { kind: PoolKind::Average { .. }, .. }) => [
        Op::Pool(blank::pool(PoolKind::Average { count_include_pad: false })),
    ],
    Op::Pool(Pool { kind: PoolKind::Lp { .. }, .. }) => [Op::Pool(blank::pool(PoolKind::Lp { p: 0 }))],
    Op::MaxPoolIndices { .. } => [
        Op::MaxPoolIndices { pool: blank::pool(PoolKind::Max), column_major: false },
    ],
    Op::MaxUnpool { .. } => [Op::MaxUnpool { shape: Vec::new() }],
    Op::Resize(_) => [Op::Resize(blank::resize())],
    Op::GridSample(_) => [Op::GridSample(blank::grid_sample())],
    Op::RoiAlign(_) => [Op::RoiAlign(blank::roi_align())],
    Op::MaxRoiPool { .. } => [Op::MaxRoiPool { pooled: [0; 2], spatial_scale: ZERO }],
    Op::Col2Im(_) => [Op::Col2Im(blank::col2im())],
    Op::NonMaxSuppression { .. } => [Op::NonMaxSuppression { center_point_box: false, capacity: Dim::ZERO }],
    Op::TopK { .. } => [Op::TopK { axis: 0, k: Dim::ZERO, largest: false }],
    Op::NonZero => [Op::NonZero],
    Op::Unique { .. } => [Op::Unique { axis: None, sorted: false }],
    Op::Recurrent(_) => [
        blank::recurrent(RecurrentKind::Plain),
        blank::recurrent(RecurrentKind::Gru { linear_before_reset: false }),
        blank::recurrent(RecurrentKind::Lstm { input_forget: false }),
    ],
    Op::If(_) => [Op::If(Box::new(blank::branch()))],
    Op::Loop(_) => [Op::Loop(Box::new(blank::repeat()))],
    Op::Sequence(SequenceOp::Empty { .. }) => [Op::Sequence(SequenceOp::Empty { element: blank::element() })],
    Op::Sequence(SequenceOp::Construct) => [Op::Sequence(SequenceOp::Construct)],
    Op::Sequence(SequenceOp::Insert) => [Op::Sequence(SequenceOp::Insert)],
    Op::Sequence(SequenceOp::Erase) => [Op::Sequence(SequenceOp::Erase)],
    Op::Sequence(SequenceOp::At { .. }) => [Op::Sequence(SequenceOp::At { result: blank::tensor() })],
    Op::Sequence(SequenceOp::Length) => [Op::Sequence(SequenceOp::Length)],
    Op::Sequence(SequenceOp::Concat { .. }) => [
        Op::Sequence(SequenceOp::Concat { axis: 0, new_axis: false, result: blank::tensor() }),
    ],
    Op::Sequence(SequenceOp::Split { .. }) => [Op::Sequence(SequenceOp::Split { axis: 0, keep_dims: false })],
    Op::Sequence(SequenceOp::Some) => [Op::Sequence(SequenceOp::Some)],
    Op::Sequence(SequenceOp::None { .. }) => [
        Op::Sequence(SequenceOp::None { inner: blank::tensor().into() }),
    ],
    Op::Sequence(SequenceOp::Get { .. }) => [
        Op::Sequence(SequenceOp::Get { result: blank::tensor().into() }),
    ],
    Op::Sequence(SequenceOp::Has) => [Op::Sequence(SequenceOp::Has)],
    Op::Text(StringOp::Concat) => [Op::Text(StringOp::Concat)],
    Op::Text(StringOp::Split { .. }) => [
        Op::Text(StringOp::Split { delimiter: None, max_splits: None, most: Dim::ZERO }),
    ],
    Op::Text(StringOp::RegexFullMatch { .. }) => [
        Op::Text(StringOp::RegexFullMatch { pattern: String::new() }),
    ],
    Op::Text(StringOp::Normalize { .. }) => [
        Op::Text(StringOp::Normalize { upper: None, case_sensitive: false, stop_words: Vec::new(), kept: Dim::ZERO }),
    ],
    Op::TfIdf(_) => [Op::TfIdf(Box::new(blank::tf_idf()))],
    Op::LabelMap(_) => [Op::LabelMap(Box::new(blank::label_map()))],
    Op::TreeEnsemble(_) => [Op::TreeEnsemble(Box::new(blank::tree_ensemble()))],
}
