//! Attributes that are one word out of a few. Each list is exhaustive in both directions.

use super::Attr;
use crate::op::{
    ActivationKind, CoordinateMode, Direction, GridPadding, InterpolationMode, NearestMode,
    PadMode, ReduceKind, ResizePolicy, ScatterReduction, TfIdfWeighting,
};
use crate::parse::{ParseError, Reader};
use crate::print::Writer;
#[cfg(any(test, feature = "testing"))]
use crate::testing::Arbitrary;

macro_rules! words {
    ($($ty:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        impl Attr for $ty {
            fn write(&self, writer: &mut Writer<'_>) {
                writer.text(match self { $($ty::$variant => $word),* });
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
                reader.one_of(&[$(($word, $ty::$variant)),*])
            }

            #[cfg(any(test, feature = "testing"))]
            fn arbitrary(arbitrary: &mut Arbitrary<'_, '_>) -> Self {
                arbitrary.of([$($ty::$variant),*])
            }
        }
    )*};
}

words! {
    PadMode { Constant = "constant", Reflect = "reflect", Edge = "edge", Wrap = "wrap" }
    ScatterReduction { Replace = "replace", Add = "add", Mul = "mul", Max = "max", Min = "min" }
    ReduceKind {
        Sum = "sum", Mean = "mean", Max = "max", Min = "min", Prod = "prod", LogSumExp = "log_sum_exp",
    }
    Direction { Forward = "forward", Reverse = "reverse", Bidirectional = "bidirectional" }
    ActivationKind {
        Relu = "relu", Tanh = "tanh", Sigmoid = "sigmoid", Affine = "affine", LeakyRelu = "leaky_relu",
        ThresholdedRelu = "thresholded_relu", ScaledTanh = "scaled_tanh", HardSigmoid = "hard_sigmoid",
        Elu = "elu", Softsign = "softsign", Softplus = "softplus",
    }
    CoordinateMode {
        HalfPixel = "half_pixel", HalfPixelSymmetric = "half_pixel_symmetric",
        PytorchHalfPixel = "pytorch_half_pixel", AlignCorners = "align_corners", Asymmetric = "asymmetric",
        TfHalfPixelForNearest = "tf_half_pixel_for_nearest", TfCropAndResize = "tf_crop_and_resize",
    }
    NearestMode {
        RoundPreferFloor = "round_prefer_floor", RoundPreferCeil = "round_prefer_ceil",
        Floor = "floor", Ceil = "ceil",
    }
    InterpolationMode { Nearest = "nearest", Linear = "linear", Cubic = "cubic" }
    ResizePolicy { Stretch = "stretch", NotLarger = "not_larger", NotSmaller = "not_smaller" }
    GridPadding { Zeros = "zeros", Border = "border", Reflection = "reflection" }
    TfIdfWeighting { Tf = "tf", Idf = "idf", TfIdf = "tf_idf" }
}
