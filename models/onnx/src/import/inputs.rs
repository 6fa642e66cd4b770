//! Inputs and initializers of the main graph.
//!
//! Dims that the model names share a symbol per name; others get one called `{input}_d{axis}`. An input that has an
//! initializer is a constant: its default is what it is.

use super::{ConvertError, ImportOptions, Importer};
use crate::error::OnnxError;
use crate::proto::{TypeProto, tensor_shape_proto, type_proto};
use crate::tensor::data_type_to_dtype;
use graphc_base::{Dim, Interval};
use graphc_ir::{Builder, ElementType, TensorType, ValueType};
use std::collections::{BTreeMap, BTreeSet};

/// Makes the main block's parameters and the constants, and puts their names into scope.
pub(super) fn define(
    b: &mut Builder,
    importer: &mut Importer<'_>,
    options: &ImportOptions,
) -> Result<(), OnnxError> {
    let model = importer.model;
    let graph = model.graph();
    importer.define_initializers(b, graph)?;
    let limits = importer.learnt.limits.clone();
    let mut names = DimNames {
        options,
        limits: &limits,
        dims: BTreeMap::new(),
        used: BTreeSet::new(),
    };
    for input in &graph.input {
        if importer.scopes.lookup(&input.name).is_some() {
            continue;
        }
        let fail = |message: String| model.graph_error(format!("input {}: {message}", input.name));
        let Some(ty) = &input.r#type else {
            return Err(fail("has no type".into()));
        };
        let ty = value_type(b, &mut names, &input.name, ty).map_err(fail)?;
        let value = b.input(&input.name, ty);
        importer.scopes.define(&input.name, Some(value));
    }
    for name in options.dims.keys() {
        if !names.used.contains(name) {
            let known: Vec<&str> = names.dims.keys().map(String::as_str).collect();
            return Err(model.graph_error(format!(
                "no input has a dim called {name}; the model's dims are: {}",
                known.join(", ")
            )));
        }
    }
    Ok(())
}

struct DimNames<'a> {
    options: &'a ImportOptions,
    limits: &'a BTreeMap<String, i64>,
    dims: BTreeMap<String, Dim>,
    used: BTreeSet<String>,
}

impl DimNames<'_> {
    /// The dim of a name: what the options say, else a symbol of any size.
    fn dim(&mut self, b: &mut Builder, name: &str) -> Dim {
        if let Some(dim) = self.dims.get(name) {
            return dim.clone();
        }
        let mut range = match self.options.dims.get(name) {
            Some(&range) => {
                self.used.insert(name.to_owned());
                range
            }
            None => Interval::SIZE,
        };
        if let Some(&limit) = self.limits.get(name) {
            range.hi = range.hi.min(limit).max(range.lo);
        }
        let dim = if range.lo == range.hi {
            Dim::constant(range.lo)
        } else {
            Dim::symbol(b.graph_mut().dims.new_symbol(name, range))
        };
        self.dims.insert(name.to_owned(), dim.clone());
        dim
    }
}

fn value_type(
    b: &mut Builder,
    names: &mut DimNames<'_>,
    input: &str,
    ty: &TypeProto,
) -> Result<ValueType, String> {
    match &ty.value {
        Some(type_proto::Value::TensorType(tensor)) => {
            let dtype = data_type_to_dtype(tensor.elem_type).map_err(|error| error.to_string())?;
            let Some(shape) = &tensor.shape else {
                return Err("has no shape, so its rank is unknown".into());
            };
            let shape = shape
                .dim
                .iter()
                .enumerate()
                .map(|(axis, dim)| match &dim.value {
                    Some(tensor_shape_proto::dimension::Value::DimValue(size)) if *size >= 0 => {
                        Dim::constant(*size)
                    }
                    Some(tensor_shape_proto::dimension::Value::DimParam(name))
                        if !name.trim().is_empty() && name != "?" =>
                    {
                        names.dim(b, name)
                    }
                    _ => names.dim(b, &format!("{input}_d{axis}")),
                })
                .collect();
            Ok(ValueType::Tensor(TensorType { dtype, shape }))
        }
        Some(type_proto::Value::SequenceType(sequence)) => match sequence
            .elem_type
            .as_deref()
            .and_then(|element| element.value.as_ref())
        {
            Some(type_proto::Value::TensorType(tensor)) => Ok(ValueType::Sequence(ElementType {
                dtype: data_type_to_dtype(tensor.elem_type).map_err(|error| error.to_string())?,
                rank: tensor.shape.as_ref().map(|shape| shape.dim.len()),
            })),
            _ => Err("is a sequence of something else than tensors".into()),
        },
        Some(type_proto::Value::OptionalType(optional)) => match optional.elem_type.as_deref() {
            Some(inner) => {
                let inner = value_type(b, names, input, inner)?;
                // An absent value tells no size, so another input has to.
                let mut untold = None;
                inner.visit_dims(&mut |dim| {
                    dim.visit_symbols(&mut |symbol| {
                        if !b.graph().bindings.contains_key(&symbol) {
                            untold = Some(b.dims().name(symbol).to_owned());
                        }
                    });
                });
                match untold {
                    None => Ok(ValueType::Optional(Box::new(inner))),
                    Some(name) => Err(format!(
                        "is an optional of the open size `{name}`, which no tensor among the inputs before it has"
                    )),
                }
            }
            None => Err("is an optional of an unknown type".into()),
        },
        Some(_) => Err("is neither a tensor, a sequence of tensors nor an optional".into()),
        None => Err("has no type".into()),
    }
}

/// The type that an attribute states. It is that of an absent value, whose sizes nobody asks for: those that are not
/// constants read 0, and an unknown rank 0.
pub(super) fn declared_type(ty: &TypeProto) -> Result<ValueType, ConvertError> {
    let unsupported =
        || ConvertError::Unsupported("a type other than tensors and sequences of them".into());
    match &ty.value {
        Some(type_proto::Value::TensorType(tensor)) => {
            let dims = tensor.shape.iter().flat_map(|shape| &shape.dim);
            let shape = dims
                .map(|dim| match &dim.value {
                    Some(tensor_shape_proto::dimension::Value::DimValue(size)) => (*size).max(0),
                    _ => 0,
                })
                .map(Dim::constant)
                .collect();
            Ok(ValueType::Tensor(TensorType {
                dtype: data_type_to_dtype(tensor.elem_type)?,
                shape,
            }))
        }
        Some(type_proto::Value::SequenceType(sequence)) => {
            let element = sequence
                .elem_type
                .as_deref()
                .and_then(|element| element.value.as_ref());
            match element {
                Some(type_proto::Value::TensorType(tensor)) => {
                    Ok(ValueType::Sequence(ElementType {
                        dtype: data_type_to_dtype(tensor.elem_type)?,
                        rank: tensor.shape.as_ref().map(|shape| shape.dim.len()),
                    }))
                }
                _ => Err(unsupported()),
            }
        }
        Some(type_proto::Value::OptionalType(optional)) => match optional.elem_type.as_deref() {
            Some(inner) => declared_type(inner),
            None => Err(unsupported()),
        },
        _ => Err(unsupported()),
    }
}
