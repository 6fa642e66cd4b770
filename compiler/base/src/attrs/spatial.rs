//! Attributes of pooling, resampling and region operators. Spatial lists have one entry per spatial axis.

use super::linear::Padding;
use crate::{Dim, Real};
use serde::{Deserialize, Serialize};

/// What a window gives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PoolKind {
    /// Largest element.
    Max,
    /// Mean.
    Average {
        /// Whether padding counts in the divisor (only padding that `pads` names, not what lies beyond it).
        count_include_pad: bool,
    },
    /// `(Σ |x|^p)^(1/p)`.
    Lp {
        /// The exponent.
        p: usize,
    },
}

/// Pooling over windows; positions outside x never win, and count as `kind` says.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Pool {
    /// What a window gives.
    pub kind: PoolKind,
    /// Window size.
    pub kernel: Vec<usize>,
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Padding.
    pub pads: Vec<Padding>,
    /// Distance between taps.
    pub dilations: Vec<usize>,
    /// Spatial shape of the result (the importer settles ceil mode and automatic padding).
    pub out: Vec<Dim>,
}

/// How Resize maps an output coordinate to an input coordinate (ONNX `coordinate_transformation_mode`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CoordinateMode {
    /// `(x + 0.5) / scale - 0.5`.
    HalfPixel,
    /// As HalfPixel about the centre, corrected for the rounding of the output size.
    HalfPixelSymmetric,
    /// As HalfPixel, 0 where the output has one element.
    PytorchHalfPixel,
    /// `x · (in - 1) / (out - 1)`.
    AlignCorners,
    /// `x / scale`.
    Asymmetric,
    /// `(x + 0.5) / scale` (Resize of opset 10 and older TensorFlow exports).
    TfHalfPixelForNearest,
    /// Into the region of interest.
    TfCropAndResize,
}

/// How Resize picks the nearest element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum NearestMode {
    /// Halves go down.
    RoundPreferFloor,
    /// Halves go up.
    RoundPreferCeil,
    /// Down.
    Floor,
    /// Up.
    Ceil,
}

/// How elements are mixed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum InterpolationMode {
    /// One element.
    Nearest,
    /// Two per axis.
    Linear,
    /// Four per axis.
    Cubic,
}

/// Whether given sizes are changed to keep the aspect ratio.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ResizePolicy {
    /// As given.
    Stretch,
    /// Scaled so that no axis exceeds its size.
    NotLarger,
    /// Scaled so that no axis falls below its size.
    NotSmaller,
}

/// Resampling to another size. The shape of the result is `shape`; where `scales` is `None`, the scale of an axis is
/// `out / in` (or, under a keep-aspect policy, what `policy` gives for `requested`).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Resize {
    /// Shape of the result, all axes.
    pub shape: Vec<Dim>,
    /// Scale per axis where the model gives constants.
    pub scales: Option<Vec<Real>>,
    /// Whether scales come as the operand `scales: f32[rank]`.
    pub has_scales: bool,
    /// How elements are mixed.
    pub mode: InterpolationMode,
    /// How coordinates map.
    pub coordinates: CoordinateMode,
    /// How the nearest is picked.
    pub nearest: NearestMode,
    /// Cubic coefficient.
    pub cubic_a: Real,
    /// Whether weights outside x are zeroed and the rest normalised.
    pub exclude_outside: bool,
    /// Whether a filter widens when shrinking.
    pub antialias: bool,
    /// Value outside x under [`CoordinateMode::TfCropAndResize`].
    pub extrapolation: Real,
    /// Region of interest per axis, normalised start and end; used by [`CoordinateMode::TfCropAndResize`] only.
    pub roi: Option<Vec<[Real; 2]>>,
    /// Whether the region comes as a last operand `roi: [2 · rank]` of float (starts, then ends).
    pub has_roi: bool,
    /// Keep-aspect policy.
    pub policy: ResizePolicy,
    /// Axes to which the policy applies, and their requested sizes; empty under [`ResizePolicy::Stretch`].
    pub requested: Vec<(usize, Dim)>,
}

/// Sampling at given coordinates (ONNX GridSample).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct GridSample {
    /// How elements are mixed.
    pub mode: InterpolationMode,
    /// What lies outside: zero, the border, or a mirror image.
    pub padding: GridPadding,
    /// Whether ±1 are the centres of the corner elements.
    pub align_corners: bool,
}

/// What GridSample reads outside x.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum GridPadding {
    /// Zero.
    Zeros,
    /// The nearest border element.
    Border,
    /// A mirror image.
    Reflection,
}

/// Region of interest pooling with bilinear samples (ONNX RoiAlign).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RoiAlign {
    /// Output height and width.
    pub pooled: [usize; 2],
    /// Samples per bin and axis; 0 chooses by the size of the region.
    pub sampling_ratio: usize,
    /// From roi coordinates to x's.
    pub spatial_scale: Real,
    /// Whether coordinates are shifted by half a pixel.
    pub half_pixel: bool,
    /// Whether samples are combined by maximum and not by mean.
    pub max: bool,
}

/// Sums overlapping blocks back into an image (ONNX Col2Im).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Col2Im {
    /// Spatial shape of the image.
    pub image: Vec<Dim>,
    /// Block size.
    pub block: Vec<Dim>,
    /// Distance between taps.
    pub dilations: Vec<usize>,
    /// Padding of the image.
    pub pads: Vec<Padding>,
    /// Distance between blocks.
    pub strides: Vec<usize>,
}
