//! Attributes of operators, shared by the graph's operators and the kernels that compute them.
//!
//! Plain data: no attribute knows how its operator is typed, lowered or computed. Wherever a model may give an integer as
//! a tensor at run time, it is a [`Dim`](crate::Dim).

mod linear;
mod movement;
mod pointwise;
mod recurrent;
mod reduce;
mod spatial;
mod table;
mod text;

pub use linear::{Conv, ConvTranspose, DeformConv, Padding};
pub use movement::{PadMode, ScatterReduction, SliceAxis};
pub use pointwise::{BinaryOp, RandomKind, UnaryOp};
pub use recurrent::{Activation, ActivationKind, Direction, Recurrent, RecurrentKind};
pub use reduce::{CumulativeKind, ReduceKind};
pub use spatial::{
    Col2Im, CoordinateMode, GridPadding, GridSample, InterpolationMode, NearestMode, Pool,
    PoolKind, Resize, ResizePolicy, RoiAlign,
};
pub use table::{LabelMap, TableKey, TreeEnsemble, TreeNode, TreeNodeMode};
pub use text::{StringOp, TfIdf, TfIdfWeighting};
