//! Values against their declared types.

use super::Evaluator;
use crate::error::{InterpError, Result};
use crate::value::Value;
use graphc_ir::{ElementType, TensorType, ValueDef, ValueId, ValueType};

impl Evaluator<'_> {
    /// An error unless the value is of the type that the graph declares, as far as its symbols are bound.
    pub(super) fn compare_type(&self, id: ValueId, value: &Value) -> Result<()> {
        let ty = self.graph.ty(id);
        if self.fits(value, ty) {
            return Ok(());
        }
        Err(InterpError::Mistyped {
            value: self.name_of(id),
            given: value.describe(),
            declared: self.show(ty),
        })
    }

    fn fits(&self, value: &Value, ty: &ValueType) -> bool {
        match (value, ty) {
            (Value::Tensor(tensor), ValueType::Tensor(ty)) => {
                let sizes = tensor.shape().iter().zip(&ty.shape);
                tensor.dtype() == ty.dtype
                    && tensor.rank() == ty.rank()
                    && sizes.into_iter().all(|(&size, dim)| {
                        !self.symbols.has_all(dim)
                            || self
                                .symbols
                                .eval(dim)
                                .is_ok_and(|wanted| usize::try_from(wanted) == Ok(size))
                    })
            }
            (
                Value::Sequence { dtype, items },
                ValueType::Sequence(ElementType {
                    dtype: wanted,
                    rank,
                }),
            ) => {
                dtype == wanted
                    && items.iter().all(|item| {
                        item.dtype() == *wanted && rank.is_none_or(|rank| rank == item.rank())
                    })
            }
            (Value::Optional(None), ValueType::Optional(_)) => true,
            (Value::Optional(Some(inner)), ValueType::Optional(ty)) => self.fits(inner, ty),
            _ => false,
        }
    }

    fn name_of(&self, id: ValueId) -> String {
        let value = self.graph.value(id);
        let input = match value.def {
            ValueDef::Param { block, index } if block == graphc_ir::Graph::MAIN => {
                self.graph.input_names.get(index)
            }
            ValueDef::Param { .. } | ValueDef::Node { .. } => None,
        };
        match (input, &value.name) {
            (Some(name), _) => format!("input `{name}`"),
            (None, Some(name)) => format!("value `{name}`"),
            (None, None) => format!("value {id}"),
        }
    }

    fn show(&self, ty: &ValueType) -> String {
        match ty {
            ValueType::Tensor(TensorType { dtype, shape }) => {
                let dims = shape.iter().map(|dim| {
                    let shown = self.graph.dims.display(dim).to_string();
                    match self.symbols.eval(dim) {
                        Ok(value) if !dim.is_const() => format!("{shown}={value}"),
                        _ => shown,
                    }
                });
                format!("{dtype}[{}]", dims.collect::<Vec<_>>().join(","))
            }
            ValueType::Sequence(element) => format!("seq({})", element.dtype),
            ValueType::Optional(inner) => format!("optional({})", self.show(inner)),
        }
    }
}
