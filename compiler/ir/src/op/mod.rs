//! The closed set of operators.
//!
//! Every variant's doc gives its operands and results in order. Shapes are written `[N, C, …]`; "scalar" is rank 0.
//! Wherever ONNX lets an integer come from a tensor at run time (slice bounds, axes, `k`), the attribute is a [`Dim`]:
//! a constant, or an expression over symbols that are bound before the operator runs. So [`infer`](crate::infer) stays pure.
//!
//! Operators whose result size depends on data give a padded result and a count; a [`Slice`](Op::Slice) by a symbol
//! that is bound from the count follows.

mod name;
mod region;
mod sequence;

pub use graphc_base::attrs::{
    Activation, ActivationKind, BinaryOp, Col2Im, Conv, ConvTranspose, CoordinateMode,
    CumulativeKind, DeformConv, Direction, GridPadding, GridSample, InterpolationMode, LabelMap,
    NearestMode, PadMode, Padding, Pool, PoolKind, RandomKind, Recurrent, RecurrentKind,
    ReduceKind, Resize, ResizePolicy, RoiAlign, ScatterReduction, SliceAxis, StringOp, TableKey,
    TfIdf, TfIdfWeighting, TreeEnsemble, TreeNode, TreeNodeMode, UnaryOp,
};
pub use region::{If, Loop};
pub use sequence::SequenceOp;

use crate::consts::ConstId;
use graphc_base::{DType, Dim, Real};

/// One operator with its attributes. Hashable: two nodes with equal operators and operands compute equal values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    // ---- leaves ----
    /// `() → T`: a constant of the constant store.
    Const(ConstId),
    /// `() → i64[n]`, or `i64[]` when `scalar`: the values of dim expressions as data.
    DimTensor {
        /// The values; exactly one when `scalar`.
        dims: Vec<Dim>,
        /// Whether the result has rank 0.
        scalar: bool,
    },
    /// `() → dtype[len]`: 0, 1, 2, …
    Iota {
        /// Element type of the result.
        dtype: DType,
        /// Number of elements.
        len: Dim,
    },
    /// `() → dtype[shape]`: random numbers by a counter-based generator; `instance` keeps equal nodes apart.
    Random {
        /// Distribution.
        kind: RandomKind,
        /// Element type of the result, a float.
        dtype: DType,
        /// Shape of the result.
        shape: Vec<Dim>,
        /// Seed as the model gives it.
        seed: Real,
        /// Distinguishes nodes that are otherwise equal.
        instance: u32,
    },

    // ---- pointwise ----
    /// `x → y`, same shape.
    Unary(UnaryOp),
    /// `a, b → y`, same dtype, NumPy broadcasting; comparisons give `bool`.
    Binary(BinaryOp),
    /// `cond: bool, a, b → y`: `a` where `cond`, else `b`; NumPy broadcasting of all three.
    Select,
    /// `x → to[…]`: conversion as ONNX Cast (opset 19+): float to integer truncates, to bool is `!= 0`; strings too.
    Cast {
        /// Target dtype.
        to: DType,
        /// For float8 targets: out-of-range values become the largest finite value instead of NaN or infinity.
        saturate: bool,
    },
    /// `x → to[…]`: same bits, same width.
    Bitcast {
        /// Target dtype.
        to: DType,
    },
    /// `x, scale, zero_point? → to[…]`: `saturate(round_half_even(x / scale) + zero_point)`.
    /// `scale` and `zero_point` are scalars, or 1-D along `axis`, or (with `block`) of x's rank, blocked along `axis`.
    Quantize {
        /// Target dtype: an integer of at most 16 bits, float8 or float4.
        to: DType,
        /// Axis of per-axis or blocked scales; `None` for one scale.
        axis: Option<usize>,
        /// Elements that share a scale along `axis`; 0 where scales are not blocked.
        block: usize,
        /// As for [`Cast`](Op::Cast).
        saturate: bool,
    },
    /// `q, scale, zero_point? → y` of scale's dtype: `(q - zero_point) * scale`; shapes as for [`Quantize`](Op::Quantize).
    Dequantize {
        /// Axis of per-axis or blocked scales; `None` for one scale.
        axis: Option<usize>,
        /// Elements that share a scale along `axis`; 0 where scales are not blocked.
        block: usize,
    },

    // ---- movement ----
    /// `x → y`: same elements in row-major order under another shape.
    Reshape {
        /// Shape of the result, every dim known (no 0 or -1 meaning).
        shape: Vec<Dim>,
    },
    /// `x → y`: axis `i` of the result is axis `perm[i]` of x.
    Transpose {
        /// A permutation of the axes.
        perm: Vec<usize>,
    },
    /// `x → y`: NumPy broadcast of x to exactly `shape`.
    Expand {
        /// Shape of the result.
        shape: Vec<Dim>,
    },
    /// `x → y`: per axis, `len` elements from `start` in steps of `step`; always in bounds when it runs.
    Slice {
        /// One entry per axis.
        axes: Vec<SliceAxis>,
    },
    /// `x0, x1, … → y`: joined along `axis`.
    Concat {
        /// Axis along which the operands are joined.
        axis: usize,
    },
    /// `x, value? → y`: `value` is a scalar of x's dtype, present exactly for [`PadMode::Constant`]. Negative amounts crop.
    Pad {
        /// What the new elements hold.
        mode: PadMode,
        /// Elements added before each axis.
        before: Vec<Dim>,
        /// Elements added after each axis.
        after: Vec<Dim>,
    },
    /// `x → y`: x repeated `repeats[i]` times along axis `i`.
    Tile {
        /// Repetitions per axis.
        repeats: Vec<Dim>,
    },
    /// `data, indices: i32|i64 → y`: shape `data[..axis] ++ indices.shape ++ data[axis+1..]`; negative indices wrap.
    Gather {
        /// Axis of `data` that is indexed.
        axis: usize,
    },
    /// `data, indices: i32|i64 → y` of the shape of `indices` (ONNX GatherElements).
    GatherElements {
        /// Axis of `data` that is indexed.
        axis: usize,
    },
    /// `data, indices: i64 → y` (ONNX GatherND).
    GatherNd {
        /// Leading axes that data and indices share.
        batch_dims: usize,
    },
    /// `data, indices: i32|i64, updates → y` (ONNX ScatterElements).
    ScatterElements {
        /// Axis of `data` that is indexed.
        axis: usize,
        /// How an update meets what is there.
        reduction: ScatterReduction,
    },
    /// `data, indices: i64, updates → y` (ONNX ScatterND).
    ScatterNd {
        /// How an update meets what is there.
        reduction: ScatterReduction,
    },
    /// `x, lens: i64[batch] → y`: the first `lens[b]` steps of each batch row reversed (ONNX ReverseSequence).
    ReverseSequence {
        /// Axis of the batch.
        batch_axis: usize,
        /// Axis that is reversed.
        time_axis: usize,
    },

    // ---- reductions and scans ----
    /// `x → y`: reduces the axes whose flag is 1.
    Reduce {
        /// What is computed.
        kind: ReduceKind,
        /// One 0/1 flag per axis of x; a symbol where the axes come from data (then `keep_dims` holds).
        reduced: Vec<Dim>,
        /// Whether reduced axes stay with size 1.
        keep_dims: bool,
    },
    /// `x → i64[…]`: position of the largest or smallest element along `axis`.
    ArgReduce {
        /// Whether the largest is wanted.
        largest: bool,
        /// Axis that is searched.
        axis: usize,
        /// Whether the axis stays with size 1.
        keep_dims: bool,
        /// Whether the last of equal elements wins.
        last: bool,
    },
    /// `x → y`: running sum or product along `axis` (ONNX CumSum).
    Cumulative {
        /// Sum or product.
        kind: CumulativeKind,
        /// The axis, 0 ≤ axis < rank; a symbol where it comes from data.
        axis: Dim,
        /// Whether an element leaves itself out.
        exclusive: bool,
        /// Whether it runs from the end.
        reverse: bool,
    },
    /// `x → y`: `exp(x - max) / Σ exp(x - max)` along `axis`.
    Softmax {
        /// Normalised axis.
        axis: usize,
    },
    /// `x → y`: `x - max - log Σ exp(x - max)` along `axis`.
    LogSoftmax {
        /// Normalised axis.
        axis: usize,
    },
    /// `x, scale?, bias? → y`: normalised over the axes `axis..`; scale and bias broadcast to x's trailing shape.
    /// `bias` only together with `scale`.
    LayerNorm {
        /// First normalised axis.
        axis: usize,
        /// Added to the variance.
        epsilon: Real,
    },
    /// `x, scale? → y`: `x / sqrt(mean(x²) + epsilon) * scale` over the axes `axis..`.
    RmsNorm {
        /// First normalised axis.
        axis: usize,
        /// Added to the mean square.
        epsilon: Real,
    },
    /// `x[N, C, …], scale[C], bias[C], mean[C], var[C] → y` (inference).
    BatchNorm {
        /// Added to the variance.
        epsilon: Real,
    },
    /// `x[N, C, …], scale[C]?, bias[C]? → y`: normalised per sample over groups of C / `groups` channels; both or neither.
    GroupNorm {
        /// Number of groups; equal to C for instance normalisation.
        groups: Dim,
        /// Added to the variance.
        epsilon: Real,
    },
    /// `x[N, C, …] → y`: local response normalisation across channels (ONNX LRN).
    LocalResponseNorm {
        /// Number of channels in the window.
        size: usize,
        /// Scale of the sum of squares.
        alpha: Real,
        /// Exponent.
        beta: Real,
        /// Added to the scaled sum.
        bias: Real,
    },

    // ---- linear ----
    /// `a[…, M, K], b[…, K, N] → y[…, M, N]`: batch axes broadcast; integers wrap; both of rank ≥ 2 and one dtype.
    MatMul,
    /// `x[N, C, …], w[M, C/g, …], bias[M]? → y[N, M, …]`.
    Conv(Conv),
    /// `x[N, C, …], w[C, M/g, …], bias[M]? → y[N, M, …]`.
    ConvTranspose(ConvTranspose),
    /// `x[N, C, H, W], w[M, C/g, kH, kW], offset, bias[M]?, mask? → y` (ONNX DeformConv).
    DeformConv(DeformConv),
    /// `x[…, n, n] → y[…]`: determinant.
    Det,
    /// `x[…, c] → y[…, 1|2]`: discrete Fourier transform along `axis`, c = 1 (real) or 2 (complex) in the last axis.
    /// It is as long as the result along the axis; x is cut or padded with zeros to that.
    Dft {
        /// Transformed axis.
        axis: Dim,
        /// Shape of the result.
        shape: Vec<Dim>,
        /// Whether it is the inverse transform (scaled by 1 / length).
        inverse: bool,
        /// Whether x holds the first `length / 2 + 1` of complex elements, and the others are their conjugates from the
        /// end: half the frequencies of a real signal.
        halved: bool,
    },

    // ---- spatial ----
    /// `x[N, C, …] → y[N, C, out…]`.
    Pool(Pool),
    /// `x[N, C, …] → i64[N, C, out…]`: flat position in x of each maximum (second result of ONNX MaxPool).
    MaxPoolIndices {
        /// The pooling; its kind is [`PoolKind::Max`].
        pool: Pool,
        /// Whether positions count the spatial axes in column-major order.
        column_major: bool,
    },
    /// `x[N, C, …], indices: i64 → y[shape]`: zeros, with x scattered to flat positions.
    MaxUnpool {
        /// Shape of the result.
        shape: Vec<Dim>,
    },
    /// `x, scales: f32[rank]? → y[…]` (ONNX Resize). `scales` is present where the model gives scales as data.
    Resize(Resize),
    /// `x[N, C, …], grid[N, out…, d] → y[N, C, out…]`.
    GridSample(GridSample),
    /// `x[N, C, H, W], rois[R, 4], batch: i64[R] → y[R, C, oh, ow]`.
    RoiAlign(RoiAlign),
    /// `x[N, C, H, W], rois[R, 5] → y[R, C, oh, ow]` (ONNX MaxRoiPool).
    MaxRoiPool {
        /// Output height and width.
        pooled: [usize; 2],
        /// From roi coordinates to x's.
        spatial_scale: Real,
    },
    /// `x[N, C·∏block, L] → y[N, C, image…]` (ONNX Col2Im).
    Col2Im(Col2Im),
    /// `boxes[N, B, 4], scores[N, C, B], max_per_class: i64[], iou: f32[], score: f32[] → i64[capacity, 3], count: i64[]`.
    NonMaxSuppression {
        /// Whether boxes are `[x_center, y_center, width, height]` and not `[y1, x1, y2, x2]`.
        center_point_box: bool,
        /// Rows of the padded result: N·C·B.
        capacity: Dim,
    },

    // ---- order and selection ----
    /// `x → values, indices: i64`, with `k` elements along `axis`; equal elements in order of position.
    TopK {
        /// Searched axis.
        axis: usize,
        /// How many.
        k: Dim,
        /// Whether the largest are wanted.
        largest: bool,
    },
    /// `x → indices: i64[rank, numel], count: i64[]`: positions of non-zero elements, padded with zeros.
    NonZero,
    /// `x → y, first: i64[n], inverse: i64[n], counts: i64[n], count: i64[]`, n the size of `axis` (or of the flattened x).
    /// y has x's shape (1-D when flattened), padded along the axis with copies of its first row; `inverse` needs no padding.
    Unique {
        /// Axis whose slices are compared; `None` flattens.
        axis: Option<usize>,
        /// Whether results are sorted, else in order of first occurrence.
        sorted: bool,
    },

    // ---- recurrent ----
    /// ONNX LSTM, GRU and RNN; operands and results as [`Recurrent`] says.
    Recurrent(Box<Recurrent>),

    // ---- regions ----
    /// `cond: bool[], captures… → results…`.
    If(Box<If>),
    /// `trip_count: i64[]?, cond: bool[]?, carried…, captures… → carried…, stacked…`.
    Loop(Box<Loop>),

    // ---- host values ----
    /// Operators on sequences and optionals.
    Sequence(SequenceOp),
    /// Operators on string tensors.
    Text(StringOp),
    /// `x: i32|i64|string [C] or [N, C] → f32[…, out]` (ONNX TfIdfVectorizer).
    TfIdf(Box<TfIdf>),
    /// `x → y`, same shape: values looked up (ai.onnx.ml LabelEncoder).
    LabelMap(Box<LabelMap>),
    /// `x[N, F] → y[N, targets]` (ai.onnx.ml TreeEnsemble and its Regressor and Classifier forms, before any post transform).
    TreeEnsemble(Box<TreeEnsemble>),
}
