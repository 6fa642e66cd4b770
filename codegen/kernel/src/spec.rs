//! The kernels, their arguments, and what they become once dims are bound.

use crate::scalar::ScalarProgram;
use graphc_base::attrs::{
    Col2Im, Conv, ConvTranspose, CumulativeKind, DeformConv, GridSample, LabelMap, PadMode, Pool,
    RandomKind, Recurrent, ReduceKind, Resize, RoiAlign, ScatterReduction, TfIdf, TreeEnsemble,
};
use graphc_base::{DType, Dim, DimError, Real};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// How an argument lies in its buffer, in elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct View {
    /// Position of the first element.
    pub offset: Dim,
    /// Distance between neighbours along each axis; 0 repeats, negative runs backwards.
    pub strides: Vec<Dim>,
}

/// One tensor that a kernel reads or writes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TensorArg {
    /// Element type; never `String`.
    pub dtype: DType,
    /// Shape as the kernel sees it.
    pub shape: Vec<Dim>,
    /// Layout; `None` is row-major and contiguous from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl TensorArg {
    /// A contiguous argument.
    pub fn new(dtype: DType, shape: Vec<Dim>) -> Self {
        Self {
            dtype,
            shape,
            view: None,
        }
    }
}

/// Second result of max pooling: positions of the maxima.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PoolIndices {
    /// The pooling.
    pub pool: Pool,
    /// Whether positions count the spatial axes in column-major order.
    pub column_major: bool,
}

/// What a kernel computes. Arguments in the order of the doc; semantics as the graph operator of that name, whose
/// attributes these are. Inputs may be viewed where the doc says "viewed"; all others are contiguous.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// `x0, x1, … (viewed) → y0, y1, …`: the program over every element of the outputs, all of one shape; inputs
    /// broadcast into it (right-aligned, NumPy).
    Pointwise(ScalarProgram),
    /// `x (viewed) → y (viewed)`, same shape and dtype: element copy of any width.
    Copy,
    /// `x0, x1, … → y`.
    Concat {
        /// Joined axis.
        axis: usize,
    },
    /// `x, value? → y`.
    Pad {
        /// What new elements hold.
        mode: PadMode,
        /// Elements before each axis, negative crops.
        before: Vec<Dim>,
        /// Elements after each axis, negative crops.
        after: Vec<Dim>,
    },
    /// `x → y`: index along each axis modulo x's size.
    Tile,
    /// `() → y[n]` or `y[]`, `i64`: the values of dims.
    Dims(Vec<Dim>),
    /// `() → y[n]`: 0, 1, 2, … in y's dtype.
    Iota,
    /// `() → y`: random numbers.
    Random {
        /// Distribution.
        kind: RandomKind,
        /// Seed as the model gives it.
        seed: Real,
        /// Distinguishes equal nodes.
        instance: u32,
    },
    /// `x, scale, zero_point? → q`.
    Quantize {
        /// Axis of per-axis or blocked scales.
        axis: Option<usize>,
        /// Elements that share a scale; 0 where not blocked.
        block: usize,
        /// Saturation of float8 targets.
        saturate: bool,
    },
    /// `q, scale, zero_point? → y`.
    Dequantize {
        /// Axis of per-axis or blocked scales.
        axis: Option<usize>,
        /// Elements that share a scale; 0 where not blocked.
        block: usize,
    },
    /// `x → y`, y with reduced axes of size 1; one 0/1 flag per axis.
    Reduce {
        /// What is computed.
        kind: ReduceKind,
        /// Which axes are reduced.
        reduced: Vec<Dim>,
    },
    /// `x → y: i64`, y with the axis of size 1.
    ArgReduce {
        /// Whether the largest is wanted.
        largest: bool,
        /// Searched axis.
        axis: usize,
        /// Whether the last of equals wins.
        last: bool,
    },
    /// `x → y`.
    Cumulative {
        /// Sum or product.
        kind: CumulativeKind,
        /// The axis.
        axis: Dim,
        /// Whether an element leaves itself out.
        exclusive: bool,
        /// Whether it runs from the end.
        reverse: bool,
    },
    /// `x → y`.
    Softmax {
        /// Normalised axis.
        axis: usize,
        /// Whether the logarithm is wanted.
        log: bool,
    },
    /// `x, scale?, bias? → y`: scale and bias broadcast to x's shape (right-aligned).
    LayerNorm {
        /// First normalised axis.
        axis: usize,
        /// Added to the variance.
        epsilon: Real,
    },
    /// `x, scale? → y`.
    RmsNorm {
        /// First normalised axis.
        axis: usize,
        /// Added to the mean square.
        epsilon: Real,
    },
    /// `x[N, C, …], scale[C]?, bias[C]? → y`.
    GroupNorm {
        /// Number of groups.
        groups: Dim,
        /// Added to the variance.
        epsilon: Real,
    },
    /// `x[N, C, …] → y`.
    LocalResponseNorm {
        /// Channels in the window.
        size: usize,
        /// Scale of the sum of squares.
        alpha: Real,
        /// Exponent.
        beta: Real,
        /// Added to the scaled sum.
        bias: Real,
    },
    /// `a[…, M, K] (viewed), b[…, K, N] (viewed) → y[…, M, N]`; batch axes broadcast.
    MatMul,
    /// `x, w, bias? → y`.
    Conv(Conv),
    /// `x, w, bias? → y`.
    ConvTranspose(ConvTranspose),
    /// `x, w, offset, bias?, mask? → y`.
    DeformConv(DeformConv),
    /// `x[…, n, n] → y[…]`.
    Det,
    /// `x[…, 1|2] → y[…, 1|2]`.
    Dft {
        /// Transformed axis.
        axis: Dim,
        /// Whether it is the inverse transform.
        inverse: bool,
        /// Whether x is the first half of what is transformed, the rest being conjugates of it.
        halved: bool,
    },
    /// `x → y`.
    Pool(Pool),
    /// `x → y: i64`.
    MaxPoolIndices(PoolIndices),
    /// `x, indices: i64 → y`.
    MaxUnpool,
    /// `x, scales?: f32[rank], roi? → y`.
    Resize(Resize),
    /// `x, grid → y`.
    GridSample(GridSample),
    /// `x, rois, batch: i64[R] → y`.
    RoiAlign(RoiAlign),
    /// `x, rois[R, 5] → y`.
    MaxRoiPool {
        /// Output height and width.
        pooled: [usize; 2],
        /// From roi coordinates to x's.
        spatial_scale: Real,
    },
    /// `x → y`.
    Col2Im(Col2Im),
    /// `boxes, scores, max_per_class, iou, score → i64[capacity, 3], count: i64[]`.
    NonMaxSuppression {
        /// Whether boxes are centre, width, height.
        center_point_box: bool,
    },
    /// `data, indices → y`.
    Gather {
        /// Indexed axis.
        axis: usize,
    },
    /// `data, indices → y`.
    GatherElements {
        /// Indexed axis.
        axis: usize,
    },
    /// `data, indices → y`.
    GatherNd {
        /// Leading axes that data and indices share.
        batch_dims: usize,
    },
    /// `data, indices, updates → y`.
    ScatterElements {
        /// Indexed axis.
        axis: usize,
        /// How an update meets what is there.
        reduction: ScatterReduction,
    },
    /// `data, indices, updates → y`.
    ScatterNd {
        /// How an update meets what is there.
        reduction: ScatterReduction,
    },
    /// `x, lens: i64[batch] → y`.
    ReverseSequence {
        /// Axis of the batch.
        batch_axis: usize,
        /// Reversed axis.
        time_axis: usize,
    },
    /// `x → values, indices: i64`.
    TopK {
        /// Searched axis.
        axis: usize,
        /// Whether the largest are wanted.
        largest: bool,
    },
    /// `x → indices: i64[rank, numel], count: i64[]`.
    NonZero,
    /// `x → y, first, inverse, counts, count`.
    Unique {
        /// Axis whose slices are compared; `None` flattens.
        axis: Option<usize>,
        /// Whether results are sorted.
        sorted: bool,
    },
    /// Operands and results as the attribute's doc says.
    Recurrent(Recurrent),
    /// `x: i32|i64 → f32`.
    TfIdf(TfIdf),
    /// `x → y`, numbers to numbers.
    LabelMap(LabelMap),
    /// `x[N, F] → y[N, targets]`.
    TreeEnsemble(TreeEnsemble),
}

/// The kind that profiles and `inspect --kernels` show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum KernelKind {
    Pointwise,
    Reduce,
    Norm,
    Softmax,
    Matmul,
    Conv,
    Attention,
    Pool,
    Move,
    Gather,
    Scan,
    Sort,
    Host,
}

impl Kernel {
    /// The family that it belongs to.
    pub fn kind(&self) -> KernelKind {
        match self {
            Kernel::Pointwise(_)
            | Kernel::Quantize { .. }
            | Kernel::Dequantize { .. }
            | Kernel::Dims(_)
            | Kernel::Iota
            | Kernel::Random { .. }
            | Kernel::LabelMap(_) => KernelKind::Pointwise,
            Kernel::Copy | Kernel::Concat { .. } | Kernel::Pad { .. } | Kernel::Tile => {
                KernelKind::Move
            }
            Kernel::Reduce { .. } | Kernel::ArgReduce { .. } => KernelKind::Reduce,
            Kernel::Cumulative { .. } | Kernel::Recurrent(_) => KernelKind::Scan,
            Kernel::Softmax { .. } => KernelKind::Softmax,
            Kernel::LayerNorm { .. }
            | Kernel::RmsNorm { .. }
            | Kernel::GroupNorm { .. }
            | Kernel::LocalResponseNorm { .. } => KernelKind::Norm,
            Kernel::MatMul | Kernel::Det | Kernel::Dft { .. } => KernelKind::Matmul,
            Kernel::Conv(_) | Kernel::ConvTranspose(_) | Kernel::DeformConv(_) => KernelKind::Conv,
            Kernel::Pool(_)
            | Kernel::MaxPoolIndices(_)
            | Kernel::MaxUnpool
            | Kernel::Resize(_)
            | Kernel::GridSample(_)
            | Kernel::RoiAlign(_)
            | Kernel::MaxRoiPool { .. }
            | Kernel::Col2Im(_) => KernelKind::Pool,
            Kernel::Gather { .. }
            | Kernel::GatherElements { .. }
            | Kernel::GatherNd { .. }
            | Kernel::ScatterElements { .. }
            | Kernel::ScatterNd { .. }
            | Kernel::ReverseSequence { .. }
            | Kernel::TfIdf(_)
            | Kernel::TreeEnsemble(_) => KernelKind::Gather,
            Kernel::NonMaxSuppression { .. }
            | Kernel::TopK { .. }
            | Kernel::NonZero
            | Kernel::Unique { .. } => KernelKind::Sort,
        }
    }
}

/// A computation over tensors of known dtype and symbolic shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct KernelSpec {
    /// What is computed.
    pub kernel: Kernel,
    /// Tensors that are read.
    pub inputs: Vec<TensorArg>,
    /// Tensors that are written.
    pub outputs: Vec<TensorArg>,
}

/// Why a spec cannot be bound or is not one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpecError {
    /// A dim has no value.
    #[error("kernel {kernel}: dim {dim} cannot be computed: {source}")]
    Dim {
        /// Name of the kernel.
        kernel: &'static str,
        /// The dim.
        dim: Dim,
        /// Why.
        source: DimError,
    },
    /// A bound size is negative or too large.
    #[error("kernel {kernel}: {what} is {value}, which is out of range")]
    Size {
        /// Name of the kernel.
        kernel: &'static str,
        /// Which size.
        what: &'static str,
        /// Its value.
        value: i64,
    },
    /// Arguments do not fit the kernel.
    #[error("kernel {kernel}: {message}")]
    Args {
        /// Name of the kernel.
        kernel: &'static str,
        /// What is wrong.
        message: String,
    },
}

/// An argument with sizes: how it lies in its buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoundArg {
    /// Element type.
    pub dtype: DType,
    /// Shape.
    pub shape: SmallVec<[usize; 6]>,
    /// Distance between neighbours along each axis, in elements.
    pub strides: SmallVec<[isize; 6]>,
    /// Position of the first element in the buffer, in elements.
    pub offset: usize,
    /// Whether it is row-major without gaps from `offset` 0.
    pub contiguous: bool,
}

impl BoundArg {
    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of a contiguous argument.
    pub fn byte_len(&self) -> usize {
        (self.n_elements() * self.dtype.bits()).div_ceil(8)
    }
}

/// A spec whose dims are all constants: [`KernelSpec::bind`] substitutes and checks them.
///
/// The dims inside `kernel` are all `Dim::Const`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoundSpec {
    /// What is computed, with constant dims.
    pub kernel: Kernel,
    /// Tensors that are read.
    pub inputs: Vec<BoundArg>,
    /// Tensors that are written.
    pub outputs: Vec<BoundArg>,
}
