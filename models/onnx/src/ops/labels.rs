//! LabelEncoder and CategoryMapper of `ai.onnx.ml`: values looked up in a table.

use super::{Converted, OpEntry, ml};
use crate::import::{ConvertError, Elements, NodeCx};
use graphc_base::{DType, Real};
use graphc_ir::op::{LabelMap, Op, TableKey};

pub(super) const OPS: &[OpEntry] = &[
    ml("CategoryMapper", category_mapper),
    ml("LabelEncoder", label_encoder),
];

/// What they give for a string that it does not know, unless the model says otherwise.
const UNUSED: &str = "_Unused";

fn label_encoder(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let map = if cx.opset() < 2 {
        classes(cx)?
    } else {
        table(cx)?
    };
    let from = cx.b.dtype(x)?;
    let entries = map
        .entries
        .into_iter()
        .map(|(key, value)| (as_key_of(key, from), value))
        .collect();
    let op = Op::LabelMap(Box::new(LabelMap { entries, ..map }));
    Ok(vec![cx.b.op1(op, &[x])?])
}

/// Strings become the integers beside them in the lists of categories, or integers the strings.
fn category_mapper(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let strings = cx.strings_opt("cats_strings")?.unwrap_or_default();
    let ints = cx.ints_opt("cats_int64s")?.unwrap_or_default();
    if strings.len() != ints.len() {
        return Err(ConvertError::Invalid(format!(
            "{} strings for {} integers",
            strings.len(),
            ints.len()
        )));
    }
    let default_int = cx.int("default_int64", -1)?;
    let default_string = cx.string("default_string", UNUSED)?;
    let is_text = cx.b.dtype(x)? == DType::String;
    let map = between(is_text, strings, ints, default_int, default_string);
    Ok(vec![cx.b.op1(Op::LabelMap(Box::new(map)), &[x])?])
}

/// The table from strings to integers, or back.
fn between(
    is_from_text: bool,
    strings: Vec<String>,
    ints: impl IntoIterator<Item = i64>,
    default_int: i64,
    default_string: String,
) -> LabelMap {
    let strings = strings.into_iter().map(TableKey::String);
    let pairs = strings.zip(ints.into_iter().map(TableKey::Int));
    if is_from_text {
        return LabelMap {
            entries: pairs.collect(),
            default: TableKey::Int(default_int),
            to: DType::I64,
        };
    }
    LabelMap {
        entries: pairs.map(|(text, number)| (number, text)).collect(),
        default: TableKey::String(default_string),
        to: DType::String,
    }
}

/// A float key of an integer operand, or the other way round, as its like.
fn as_key_of(key: TableKey, dtype: DType) -> TableKey {
    match key {
        TableKey::Int(value) if dtype.is_float() => TableKey::Float(Real::new(value as f64)),
        TableKey::Float(value) if dtype.is_int() => TableKey::Int(value.get() as i64),
        other => other,
    }
}

/// Version 1: strings become their positions in a list, or positions strings.
fn classes(cx: &mut NodeCx<'_, '_>) -> Result<LabelMap, ConvertError> {
    let classes = cx.strings_opt("classes_strings")?.unwrap_or_default();
    let x = cx.input(0)?;
    let default_int = cx.int("default_int64", -1)?;
    let default_string = cx.string("default_string", UNUSED)?;
    let is_text = cx.b.dtype(x)? == DType::String;
    Ok(between(is_text, classes, 0.., default_int, default_string))
}

/// Version 2 and later: a list of keys and a list of values, as attributes of their types or as tensors.
fn table(cx: &mut NodeCx<'_, '_>) -> Result<LabelMap, ConvertError> {
    let Some((_, keys)) = labels(cx, "keys")? else {
        return Err(ConvertError::Invalid("has no keys".into()));
    };
    let Some((to, values)) = labels(cx, "values")? else {
        return Err(ConvertError::Invalid("has no values".into()));
    };
    if keys.len() != values.len() {
        return Err(ConvertError::Invalid(format!(
            "{} keys for {} values",
            keys.len(),
            values.len()
        )));
    }
    let by_type = match to.kind() {
        graphc_base::DTypeKind::String => {
            cx.ignore(&["default_int64", "default_float"]);
            TableKey::String(cx.string("default_string", UNUSED)?)
        }
        graphc_base::DTypeKind::Float => {
            cx.ignore(&["default_int64", "default_string"]);
            TableKey::Float(Real::from(cx.float("default_float", -0.0)?))
        }
        _ => {
            cx.ignore(&["default_float", "default_string"]);
            TableKey::Int(cx.int("default_int64", -1)?)
        }
    };
    let default = match cx.tensor_opt("default_tensor")? {
        Some(view) => keys_of(Elements::of(&view)?)
            .into_iter()
            .next()
            .ok_or_else(|| ConvertError::Invalid("default_tensor is empty".into()))?,
        None => by_type,
    };
    Ok(LabelMap {
        entries: keys.into_iter().zip(values).collect(),
        default,
        to,
    })
}

/// The list of labels called `keys` or `values`.
fn labels(cx: &NodeCx<'_, '_>, name: &str) -> Result<Option<(DType, Vec<TableKey>)>, ConvertError> {
    if let Some(view) = cx.tensor_opt(&format!("{name}_tensor"))? {
        return Ok(Some((view.dtype, keys_of(Elements::of(&view)?))));
    }
    if let Some(strings) = cx.strings_opt(&format!("{name}_strings"))? {
        return Ok(Some((DType::String, keys_of(Elements::Strings(strings)))));
    }
    if let Some(ints) = cx.ints_opt(&format!("{name}_int64s"))? {
        return Ok(Some((DType::I64, keys_of(Elements::Ints(ints)))));
    }
    if let Some(floats) = cx.floats_opt(&format!("{name}_floats"))? {
        let floats = floats.into_iter().map(f64::from).collect();
        return Ok(Some((DType::F32, keys_of(Elements::Floats(floats)))));
    }
    Ok(None)
}

fn keys_of(elements: Elements) -> Vec<TableKey> {
    match elements {
        Elements::Ints(values) => values.into_iter().map(TableKey::Int).collect(),
        Elements::Floats(values) => values
            .into_iter()
            .map(|value| TableKey::Float(Real::new(value)))
            .collect(),
        Elements::Strings(values) => values.into_iter().map(TableKey::String).collect(),
    }
}
