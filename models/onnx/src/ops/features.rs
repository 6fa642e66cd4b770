//! Feature operators of `ai.onnx.ml`: Scaler, Normalizer, Imputer, Binarizer, OneHotEncoder and their kin.

use super::{Converted, OpEntry, ml};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{BinaryOp, ReduceKind, UnaryOp};

pub(super) const OPS: &[OpEntry] = &[
    ml("ArrayFeatureExtractor", array_feature_extractor),
    ml("Binarizer", binarizer),
    ml("FeatureVectorizer", feature_vectorizer),
    ml("Imputer", imputer),
    ml("Normalizer", normalizer),
    ml("OneHotEncoder", one_hot_encoder),
    ml("Scaler", scaler),
];

/// Columns of the last axis at given positions; of a vector, a matrix of one row.
fn array_feature_extractor(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, positions) = (cx.input(0)?, cx.input(1)?);
    let n_positions = cx.numel(positions)?;
    let positions = cx.b.reshape(positions, vec![n_positions])?;
    let x = match cx.b.rank(x)? {
        0 => return Err(ConvertError::Invalid("x must have rank 1 or more".into())),
        1 => cx.b.unsqueeze(x, &[0])?,
        _ => x,
    };
    let last_axis = cx.b.rank(x)? - 1;
    Ok(vec![cx.b.gather(x, positions, last_axis)?])
}

fn binarizer(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let dtype = cx.b.dtype(x)?;
    let threshold = cx.float("threshold", 0.0)?;
    let threshold = cx.const_like(x, f64::from(threshold))?;
    let is_above = cx.b.binary(BinaryOp::Greater, x, threshold)?;
    Ok(vec![cx.b.cast(is_above, dtype)?])
}

/// The operands side by side as matrices of f32.
fn feature_vectorizer(cx: &mut NodeCx<'_, '_>) -> Converted {
    cx.ignore(&["inputdimensions"]);
    let mut parts = Vec::with_capacity(cx.n_inputs());
    for x in cx.inputs()? {
        let shape = cx.b.shape(x)?;
        let rows = shape.first().cloned().unwrap_or(Dim::constant(1));
        let columns = cx.b.dims().product(shape.get(1..).unwrap_or_default());
        let matrix = cx.b.reshape(x, vec![rows, columns])?;
        parts.push(cx.b.cast(matrix, DType::F32)?);
    }
    Ok(vec![cx.b.concat(&parts, 1)?])
}

/// Values equal to a marker are replaced, by one value or by one per column.
fn imputer(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let dtype = cx.b.dtype(x)?;
    let (imputed, marker) = if dtype.is_float() {
        let imputed = cx.floats_opt("imputed_value_floats")?.unwrap_or_default();
        let marker = cx.float("replaced_value_float", 0.0)?;
        cx.ignore(&["imputed_value_int64s", "replaced_value_int64"]);
        let value = cx.b.const_f32(&[imputed.len()], &imputed);
        (value, f64::from(marker))
    } else {
        let imputed = cx.ints_opt("imputed_value_int64s")?.unwrap_or_default();
        let marker = cx.int("replaced_value_int64", 0)?;
        cx.ignore(&["imputed_value_floats", "replaced_value_float"]);
        (cx.b.const_i64(&imputed), marker as f64)
    };
    let imputed = cx.b.cast(imputed, dtype)?;
    let is_missing = if marker.is_nan() {
        cx.b.unary(UnaryOp::IsNan, x)?
    } else {
        let marker = cx.const_like(x, marker)?;
        cx.b.binary(BinaryOp::Equal, x, marker)?
    };
    Ok(vec![cx.b.select(is_missing, imputed, x)?])
}

/// Rows divided by their norm; a row whose norm is zero stays.
fn normalizer(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let x = cx.b.cast(x, DType::F32)?;
    let axis = cx.b.rank(x)?.checked_sub(1);
    let Some(axis) = axis else {
        return Err(ConvertError::Invalid("x must have rank 1 or more".into()));
    };
    let norm = match cx.string("norm", "MAX")?.as_str() {
        "MAX" => cx.b.reduce(ReduceKind::Max, x, &[axis], true)?,
        "L1" => {
            let magnitude = cx.b.unary(UnaryOp::Abs, x)?;
            cx.b.reduce(ReduceKind::Sum, magnitude, &[axis], true)?
        }
        "L2" => {
            let square = cx.b.mul(x, x)?;
            let total = cx.b.reduce(ReduceKind::Sum, square, &[axis], true)?;
            cx.b.unary(UnaryOp::Sqrt, total)?
        }
        other => {
            return Err(ConvertError::Invalid(format!(
                "norm must be MAX, L1 or L2, is `{other}`"
            )));
        }
    };
    let zero = cx.const_like(norm, 0.0)?;
    let one = cx.const_like(norm, 1.0)?;
    let is_zero = cx.b.binary(BinaryOp::Equal, norm, zero)?;
    let norm = cx.b.select(is_zero, one, norm)?;
    Ok(vec![cx.b.div(x, norm)?])
}

/// A new last axis with 1 at the category of each element.
fn one_hot_encoder(cx: &mut NodeCx<'_, '_>) -> Converted {
    let mut x = cx.input(0)?;
    cx.ignore(&["zeros"]);
    let categories = match (cx.ints_opt("cats_int64s")?, cx.strings_opt("cats_strings")?) {
        (Some(ints), None) => {
            x = cx.b.cast(x, DType::I64)?;
            cx.b.const_i64(&ints)
        }
        (None, Some(strings)) => cx.string_constant(&[strings.len()], strings)?,
        _ => {
            return Err(ConvertError::Invalid(
                "exactly one of cats_int64s and cats_strings must be given".into(),
            ));
        }
    };
    let rank = cx.b.rank(x)?;
    let x = cx.b.unsqueeze(x, &[rank])?;
    let is_hot = cx.b.binary(BinaryOp::Equal, x, categories)?;
    Ok(vec![cx.b.cast(is_hot, DType::F32)?])
}

fn scaler(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let x = cx.b.cast(x, DType::F32)?;
    let row = |cx: &mut NodeCx<'_, '_>, name: &str| -> Result<Option<ValueId>, ConvertError> {
        let values = cx.floats_opt(name)?;
        Ok(values.map(|values| cx.b.const_f32(&[values.len()], &values)))
    };
    let mut y = x;
    if let Some(offset) = row(cx, "offset")? {
        y = cx.b.sub(y, offset)?;
    }
    if let Some(scale) = row(cx, "scale")? {
        y = cx.b.mul(y, scale)?;
    }
    Ok(vec![y])
}
