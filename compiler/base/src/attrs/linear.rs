//! Attributes of convolutions. Spatial lists have one entry per spatial axis.

use crate::Dim;
use serde::{Deserialize, Serialize};

/// Elements of padding before and after one spatial axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Padding {
    /// Before the first element.
    pub before: Dim,
    /// After the last element.
    pub after: Dim,
}

/// Convolution: `out = (in + pads - dilation · (kernel - 1) - 1) / stride + 1`, rounded down.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Conv {
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Zero padding.
    pub pads: Vec<Padding>,
    /// Distance between taps.
    pub dilations: Vec<usize>,
    /// Channel groups.
    pub groups: usize,
}

/// Transposed convolution: `out = (in - 1) · stride + dilation · (kernel - 1) + 1 + output_padding - pads`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ConvTranspose {
    /// Distance between the windows of neighbouring inputs.
    pub strides: Vec<usize>,
    /// Cropped from the result.
    pub pads: Vec<Padding>,
    /// Distance between taps.
    pub dilations: Vec<usize>,
    /// Added to the size of the result.
    pub output_padding: Vec<Dim>,
    /// Channel groups.
    pub groups: usize,
}

/// Deformable convolution, two spatial axes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct DeformConv {
    /// Strides, pads, dilations and groups as for [`Conv`].
    pub conv: Conv,
    /// Groups of channels that share offsets.
    pub offset_groups: usize,
    /// Whether the bias operand is there.
    pub has_bias: bool,
    /// Whether the mask operand is there.
    pub has_mask: bool,
}
