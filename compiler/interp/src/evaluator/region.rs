//! Operators with regions.

use super::Evaluator;
use crate::error::{InterpError, Result, op_error};
use crate::tensor::{Tensor, same_type, with_elements};
use crate::value::Value;
use graphc_base::DType;
use graphc_ir::op::{If, Loop};
use graphc_ir::{TensorType, ValueType};

impl Evaluator<'_> {
    pub(super) fn run_if(&mut self, branch: &If, inputs: &[Value]) -> Result<Vec<Value>> {
        let (cond, captures) = inputs
            .split_first()
            .ok_or_else(|| op_error("if", "the condition is missing"))?;
        let block = if truth("if", cond)? {
            branch.then_block
        } else {
            branch.else_block
        };
        self.run_block(block, captures)
    }

    pub(super) fn run_loop(&mut self, repeat: &Loop, inputs: &[Value]) -> Result<Vec<Value>> {
        let mut rest = inputs.iter();
        let mut next = || {
            rest.next()
                .ok_or_else(|| op_error("loop", "operands are missing"))
        };
        let trip_count = match repeat.has_trip_count {
            true => scalar_i64(next()?)?,
            false => i64::MAX,
        };
        let mut holds = match repeat.has_condition {
            true => truth("loop", next()?)?,
            false => true,
        };
        let rest = rest.as_slice();
        if rest.len() < repeat.n_carried {
            return Err(op_error("loop", "carried operands are missing"));
        }
        let (carried, captures) = rest.split_at(repeat.n_carried);
        let mut carried = carried.to_vec();
        let mut scanned: Vec<Vec<Tensor>> = vec![Vec::new(); repeat.n_scanned];
        let mut iteration = 0;
        while holds && iteration < trip_count {
            let mut arguments = vec![
                Value::Tensor(Tensor::scalar(iteration)),
                Value::Tensor(Tensor::bools(&[], &[holds])?),
            ];
            // Moved and not cloned, so that a carried tensor is not kept alive twice.
            arguments.append(&mut carried);
            arguments.extend_from_slice(captures);
            let mut results = self.run_block(repeat.body, &arguments)?.into_iter();
            let mut result = || {
                results
                    .next()
                    .ok_or_else(|| op_error("loop", "results are missing"))
            };
            holds = truth("loop", &result()?)?;
            for _ in 0..repeat.n_carried {
                carried.push(result()?);
            }
            for items in &mut scanned {
                match result()? {
                    Value::Tensor(item) => items.push(item),
                    other => {
                        return Err(op_error("loop", format!("{} is scanned", other.describe())));
                    }
                }
            }
            iteration += 1;
        }
        let stacked_types = repeat.results.iter().skip(repeat.n_carried);
        for (items, ty) in scanned.iter().zip(stacked_types) {
            let ValueType::Tensor(ty) = ty else {
                return Err(op_error("loop", "a scanned result is no tensor"));
            };
            carried.push(Value::Tensor(self.stack(items, ty)?));
        }
        Ok(carried)
    }

    /// The items along a new first axis.
    fn stack(&self, items: &[Tensor], ty: &TensorType) -> Result<Tensor> {
        let Some(first) = items.first() else {
            return self.empty_stack(ty);
        };
        if items
            .iter()
            .any(|item| item.shape() != first.shape() || item.dtype() != first.dtype())
        {
            return Err(op_error("loop", "scanned items differ in shape or dtype"));
        }
        let shape = [&[items.len()], first.shape()].concat();
        with_elements!(first.data(), like => {
            let mut elements = Vec::with_capacity(items.len() * first.n_elements());
            for item in items {
                elements.extend_from_slice(same_type(like, item)?);
            }
            Tensor::new(first.dtype(), &shape, elements)
        })
    }

    /// What stacking no item gives: sizes that only an item would have told are 0.
    fn empty_stack(&self, ty: &TensorType) -> Result<Tensor> {
        let sizes = ty.shape.iter().skip(1).map(|dim| {
            let size = self.symbols.eval(dim).ok();
            size.and_then(|size| usize::try_from(size).ok())
                .unwrap_or(0)
        });
        let shape: Vec<usize> = [0].into_iter().chain(sizes).collect();
        if ty.dtype == DType::String {
            return Tensor::of::<String>(&shape, Vec::new());
        }
        Tensor::from_le_bytes(ty.dtype, &shape, &[])
    }
}

fn truth(op: &'static str, value: &Value) -> Result<bool> {
    let tensor = value
        .as_tensor()
        .filter(|tensor| tensor.dtype() == DType::Bool);
    let flag = tensor.and_then(|tensor| tensor.as_slice::<u8>()?.first().copied());
    flag.map(|flag| flag != 0)
        .ok_or_else(|| op_error(op, format!("condition is {}", value.describe())))
}

fn scalar_i64(value: &Value) -> Result<i64> {
    let given = value
        .as_tensor()
        .and_then(|tensor| tensor.as_slice::<i64>()?.first().copied());
    given.ok_or_else(|| InterpError::Op {
        op: "loop",
        message: format!("trip count is {}", value.describe()),
    })
}
