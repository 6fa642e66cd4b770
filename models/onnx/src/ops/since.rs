//! When operators came to be, and how many operands each version takes, as the ONNX operator lists (to opset 28) say.
//!
//! A model that uses an operator before it came, or gives it more operands than its version takes, has no meaning here:
//! what an operator ignores could change the numbers.

/// An operator's name; then, in ascending order, the opsets from which it takes how many operands at most.
type Row = (&'static str, &'static [(i64, usize)]);

/// Any number of operands.
const ANY: usize = usize::MAX;

/// Operators of `ai.onnx`; those of the first opsets that never left the experimental stage among them.
#[rustfmt::skip]
const DEFAULT: &[Row] = &[
    ("Abs", &[(1, 1)]),
    ("Acos", &[(7, 1)]),
    ("Acosh", &[(9, 1)]),
    ("Add", &[(1, 2)]),
    ("Affine", &[(1, 1)]),
    ("AffineGrid", &[(20, 2)]),
    ("And", &[(1, 2)]),
    ("ArgMax", &[(1, 1)]),
    ("ArgMin", &[(1, 1)]),
    ("Asin", &[(7, 1)]),
    ("Asinh", &[(9, 1)]),
    ("Atan", &[(7, 1)]),
    ("Atanh", &[(9, 1)]),
    ("Attention", &[(23, 6), (24, 7)]),
    ("AveragePool", &[(1, 1)]),
    ("BatchNormalization", &[(1, 5)]),
    ("Bernoulli", &[(15, 1)]),
    ("BitCast", &[(26, 1)]),
    ("BitShift", &[(11, 2)]),
    ("BitwiseAnd", &[(18, 2)]),
    ("BitwiseNot", &[(18, 1)]),
    ("BitwiseOr", &[(18, 2)]),
    ("BitwiseXor", &[(18, 2)]),
    ("BlackmanWindow", &[(17, 1)]),
    ("Cast", &[(1, 1)]),
    ("CastLike", &[(15, 2)]),
    ("CausalConvWithState", &[(27, 4)]),
    ("Ceil", &[(1, 1)]),
    ("Celu", &[(12, 1)]),
    ("CenterCropPad", &[(18, 2)]),
    ("Clip", &[(1, 1), (11, 3)]),
    ("Col2Im", &[(18, 3)]),
    ("Compress", &[(9, 2)]),
    ("Concat", &[(1, ANY)]),
    ("ConcatFromSequence", &[(11, 1)]),
    ("Constant", &[(1, 0)]),
    ("ConstantOfShape", &[(9, 1)]),
    ("Conv", &[(1, 3)]),
    ("ConvInteger", &[(10, 4)]),
    ("ConvTranspose", &[(1, 3)]),
    ("Cos", &[(7, 1)]),
    ("Cosh", &[(9, 1)]),
    ("Crop", &[(1, 1)]),
    ("CumProd", &[(26, 2)]),
    ("CumSum", &[(11, 2)]),
    ("DFT", &[(17, 2), (20, 3)]),
    ("DeformConv", &[(19, 5)]),
    ("DepthToSpace", &[(1, 1)]),
    ("DequantizeLinear", &[(10, 3)]),
    ("Det", &[(11, 1)]),
    ("Div", &[(1, 2)]),
    ("Dropout", &[(1, 1), (12, 3)]),
    ("DynamicQuantizeLinear", &[(11, 1)]),
    ("Einsum", &[(12, ANY)]),
    ("Elu", &[(1, 1)]),
    ("Equal", &[(1, 2)]),
    ("Erf", &[(9, 1)]),
    ("Exp", &[(1, 1)]),
    ("Expand", &[(8, 2)]),
    ("EyeLike", &[(9, 1)]),
    ("Flatten", &[(1, 1)]),
    ("Floor", &[(1, 1)]),
    ("GRU", &[(1, 6)]),
    ("Gather", &[(1, 2)]),
    ("GatherElements", &[(11, 2)]),
    ("GatherND", &[(11, 2)]),
    ("Gelu", &[(20, 1)]),
    ("Gemm", &[(1, 3)]),
    ("GlobalAveragePool", &[(1, 1)]),
    ("GlobalLpPool", &[(1, 1)]),
    ("GlobalMaxPool", &[(1, 1)]),
    ("Greater", &[(1, 2)]),
    ("GreaterOrEqual", &[(12, 2)]),
    ("GridSample", &[(16, 2)]),
    ("GroupNormalization", &[(21, 3)]),
    ("HammingWindow", &[(17, 1)]),
    ("HannWindow", &[(17, 1)]),
    ("HardSigmoid", &[(1, 1)]),
    ("HardSwish", &[(14, 1)]),
    ("Hardmax", &[(1, 1)]),
    ("Identity", &[(1, 1)]),
    ("If", &[(1, 1)]),
    ("ImageDecoder", &[(20, 1)]),
    ("ImageScaler", &[(1, 1)]),
    ("InstanceNormalization", &[(1, 3)]),
    ("IsInf", &[(10, 1)]),
    ("IsNaN", &[(9, 1)]),
    ("LRN", &[(1, 1)]),
    ("LSTM", &[(1, 8)]),
    // Runtimes gave it this meaning before opset 17, and optimized models of that time use it.
    ("LayerNormalization", &[(1, 3)]),
    ("LeakyRelu", &[(1, 1)]),
    ("Less", &[(1, 2)]),
    ("LessOrEqual", &[(12, 2)]),
    ("LinearAttention", &[(27, 6)]),
    ("Log", &[(1, 1)]),
    ("LogSoftmax", &[(1, 1)]),
    ("Loop", &[(1, ANY)]),
    ("LpNormalization", &[(1, 1)]),
    ("LpPool", &[(1, 1)]),
    ("MatMul", &[(1, 2)]),
    ("MatMulInteger", &[(10, 4)]),
    ("Max", &[(1, ANY)]),
    ("MaxPool", &[(1, 1)]),
    ("MaxRoiPool", &[(1, 2)]),
    ("MaxUnpool", &[(9, 3)]),
    ("Mean", &[(1, ANY)]),
    ("MeanVarianceNormalization", &[(9, 1)]),
    ("MelWeightMatrix", &[(17, 5)]),
    ("Min", &[(1, ANY)]),
    ("Mish", &[(18, 1)]),
    ("Mod", &[(10, 2)]),
    ("Mul", &[(1, 2)]),
    ("Multinomial", &[(7, 1)]),
    ("Neg", &[(1, 1)]),
    ("NegativeLogLikelihoodLoss", &[(12, 3)]),
    ("NonMaxSuppression", &[(10, 5)]),
    ("NonZero", &[(9, 1)]),
    ("Not", &[(1, 1)]),
    ("OneHot", &[(9, 3)]),
    ("Optional", &[(15, 1)]),
    ("OptionalGetElement", &[(15, 1)]),
    ("OptionalHasElement", &[(15, 1)]),
    ("Or", &[(1, 2)]),
    ("PRelu", &[(1, 2)]),
    ("Pad", &[(1, 1), (11, 3), (18, 4)]),
    ("ParametricSoftplus", &[(1, 1)]),
    ("Pow", &[(1, 2)]),
    ("QLinearConv", &[(10, 9)]),
    ("QLinearMatMul", &[(10, 8)]),
    ("QuantizeLinear", &[(10, 3)]),
    ("RMSNormalization", &[(23, 2)]),
    ("RNN", &[(1, 6)]),
    ("RandomNormal", &[(1, 0)]),
    ("RandomNormalLike", &[(1, 1)]),
    ("RandomUniform", &[(1, 0)]),
    ("RandomUniformLike", &[(1, 1)]),
    ("Range", &[(11, 3)]),
    ("Reciprocal", &[(1, 1)]),
    ("ReduceL1", &[(1, 1), (18, 2)]),
    ("ReduceL2", &[(1, 1), (18, 2)]),
    ("ReduceLogSum", &[(1, 1), (18, 2)]),
    ("ReduceLogSumExp", &[(1, 1), (18, 2)]),
    ("ReduceMax", &[(1, 1), (18, 2)]),
    ("ReduceMean", &[(1, 1), (18, 2)]),
    ("ReduceMin", &[(1, 1), (18, 2)]),
    ("ReduceProd", &[(1, 1), (18, 2)]),
    ("ReduceSum", &[(1, 1), (13, 2)]),
    ("ReduceSumSquare", &[(1, 1), (18, 2)]),
    ("RegexFullMatch", &[(20, 1)]),
    ("Relu", &[(1, 1)]),
    ("Reshape", &[(1, 1), (5, 2)]),
    ("Resize", &[(10, 2), (11, 4)]),
    ("ReverseSequence", &[(10, 2)]),
    ("RoiAlign", &[(10, 3)]),
    ("RotaryEmbedding", &[(23, 4)]),
    ("Round", &[(11, 1)]),
    ("STFT", &[(17, 4)]),
    ("Scale", &[(1, 1)]),
    ("ScaledTanh", &[(1, 1)]),
    ("Scan", &[(8, ANY)]),
    ("Scatter", &[(9, 3)]),
    ("ScatterElements", &[(11, 3)]),
    ("ScatterND", &[(11, 3)]),
    ("Selu", &[(1, 1)]),
    ("SequenceAt", &[(11, 2)]),
    ("SequenceConstruct", &[(11, ANY)]),
    ("SequenceEmpty", &[(11, 0)]),
    ("SequenceErase", &[(11, 2)]),
    ("SequenceInsert", &[(11, 3)]),
    ("SequenceLength", &[(11, 1)]),
    ("SequenceMap", &[(17, ANY)]),
    ("Shape", &[(1, 1)]),
    ("Shrink", &[(9, 1)]),
    ("Sigmoid", &[(1, 1)]),
    ("Sign", &[(9, 1)]),
    ("SimplifiedLayerNormalization", &[(1, 2)]),
    ("Sin", &[(7, 1)]),
    ("Sinh", &[(9, 1)]),
    ("Size", &[(1, 1)]),
    ("Slice", &[(1, 1), (10, 5)]),
    ("Softmax", &[(1, 1)]),
    ("SoftmaxCrossEntropyLoss", &[(12, 3)]),
    ("Softplus", &[(1, 1)]),
    ("Softsign", &[(1, 1)]),
    ("SpaceToDepth", &[(1, 1)]),
    ("Split", &[(1, 2), (2, 1), (13, 2)]),
    ("SplitToSequence", &[(11, 2)]),
    ("Sqrt", &[(1, 1)]),
    ("Squeeze", &[(1, 1), (13, 2)]),
    ("StringConcat", &[(20, 2)]),
    ("StringNormalizer", &[(10, 1)]),
    ("StringSplit", &[(20, 1)]),
    ("Sub", &[(1, 2)]),
    ("Sum", &[(1, ANY)]),
    ("SwiGLU", &[(28, 2)]),
    ("Swish", &[(24, 1)]),
    ("Tan", &[(7, 1)]),
    ("Tanh", &[(1, 1)]),
    ("TensorScatter", &[(24, 3)]),
    ("TfIdfVectorizer", &[(9, 1)]),
    // Experimental before opset 10, with this meaning.
    ("ThresholdedRelu", &[(1, 1)]),
    ("Tile", &[(1, 3), (6, 2)]),
    ("TopK", &[(1, 1), (10, 2)]),
    ("Transpose", &[(1, 1)]),
    ("Trilu", &[(14, 2)]),
    ("Unique", &[(11, 1)]),
    ("Unsqueeze", &[(1, 1), (13, 2)]),
    ("Upsample", &[(1, 1), (9, 2)]),
    ("Where", &[(9, 3)]),
    ("Xor", &[(1, 2)]),
];

/// Operators of `ai.onnx.ml`.
#[rustfmt::skip]
const ML: &[Row] = &[
    ("ArrayFeatureExtractor", &[(1, 2)]),
    ("Binarizer", &[(1, 1)]),
    ("CastMap", &[(1, 1)]),
    ("CategoryMapper", &[(1, 1)]),
    ("DictVectorizer", &[(1, 1)]),
    ("FeatureVectorizer", &[(1, ANY)]),
    ("Imputer", &[(1, 1)]),
    ("LabelEncoder", &[(1, 1)]),
    ("LinearClassifier", &[(1, 1)]),
    ("LinearRegressor", &[(1, 1)]),
    ("Normalizer", &[(1, 1)]),
    ("OneHotEncoder", &[(1, 1)]),
    ("SVMClassifier", &[(1, 1)]),
    ("SVMRegressor", &[(1, 1)]),
    ("Scaler", &[(1, 1)]),
    ("TreeEnsemble", &[(5, 1)]),
    ("TreeEnsembleClassifier", &[(1, 1)]),
    ("TreeEnsembleRegressor", &[(1, 1)]),
    ("ZipMap", &[(1, 1)]),
];

/// Operators of `ai.onnx.preview.training`.
#[rustfmt::skip]
const TRAINING: &[Row] = &[
    ("Adagrad", &[(1, ANY)]),
    ("Adam", &[(1, ANY)]),
    ("Gradient", &[(1, ANY)]),
    ("Momentum", &[(1, ANY)]),
];

/// The table of a domain; `None` for domains that have no versions to speak of.
fn table(domain: &str) -> Option<&'static [Row]> {
    match domain {
        "" => Some(DEFAULT),
        "ai.onnx.ml" => Some(ML),
        "ai.onnx.preview.training" => Some(TRAINING),
        _ => None,
    }
}

/// Whether the operators of a domain depend on its version, so that a model must say which it imports.
pub(super) fn is_versioned(domain: &str) -> bool {
    table(domain).is_some()
}

fn row(domain: &str, op_type: &str) -> Option<&'static [(i64, usize)]> {
    let (_, versions) = table(domain)?.iter().find(|(name, _)| *name == op_type)?;
    Some(versions)
}

/// The first opset of an operator; 1 for domains that have no versions to speak of.
pub(super) fn since(domain: &str, op_type: &str) -> i64 {
    row(domain, op_type)
        .and_then(|versions| versions.first())
        .map_or(1, |(opset, _)| *opset)
}

/// Refuses an operator that its opset does not have yet, and operands that its version does not take.
pub(super) fn check(
    domain: &str,
    op_type: &str,
    opset: i64,
    n_operands: usize,
) -> Result<(), String> {
    let Some(versions) = row(domain, op_type) else {
        return Ok(());
    };
    let Some((_, most)) = versions.iter().rev().find(|(from, _)| *from <= opset) else {
        let first = since(domain, op_type);
        return Err(format!("the operator came with opset {first}"));
    };
    if n_operands > *most {
        return Err(format!(
            "has {n_operands} operands; with this opset it takes at most {most}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_refused_before_they_came_and_operands_before_they_are_taken() {
        assert_eq!(check("", "Clip", 6, 1), Ok(()));
        assert_eq!(check("", "Clip", 11, 3), Ok(()));
        assert_eq!(
            check("", "Clip", 10, 3),
            Err("has 3 operands; with this opset it takes at most 1".to_owned())
        );
        assert_eq!(
            check("", "Gelu", 19, 1),
            Err("the operator came with opset 20".to_owned())
        );
        assert_eq!(check("com.microsoft", "Gelu", 1, 9), Ok(()));
    }

    #[test]
    fn tables_are_sorted_by_name_and_rows_by_opset() {
        for table in [DEFAULT, ML, TRAINING] {
            assert!(table.is_sorted_by(|(a, _), (b, _)| a < b));
            for (name, versions) in table {
                assert!(!versions.is_empty(), "{name}");
                assert!(versions.is_sorted_by(|(a, _), (b, _)| a < b), "{name}");
            }
        }
    }

    #[test]
    fn every_operator_of_a_versioned_domain_has_a_row() {
        for entry in super::super::entries() {
            let is_known =
                !is_versioned(entry.domain) || row(entry.domain, entry.op_type).is_some();
            assert!(is_known, "{}.{}", entry.domain, entry.op_type);
        }
    }
}
