//! Values between the runtime and the evaluator.

use anyhow::{Context, Result, bail};
use graphc_base::DType;
use graphc_interp as interp;
use graphc_ir::ValueType;
use graphc_runtime::{StringTensor, Tensor, Value};

/// A runtime value as the evaluator takes it. `ty` tells the element type of sequences that have no element.
pub fn to_oracle(value: &Value, ty: &ValueType) -> Result<interp::Value> {
    match (value, ty) {
        (Value::Tensor(_) | Value::Strings(_), _) => Ok(oracle_tensor(value)?.into()),
        (Value::Sequence(elements), ty) => {
            let dtype = match (ty, elements.first()) {
                (ValueType::Sequence(element), _) => element.dtype,
                (_, Some(Value::Tensor(tensor))) => tensor.dtype(),
                (_, Some(Value::Strings(_))) => DType::String,
                _ => bail!("{} where no sequence is wanted", value.describe()),
            };
            let items = elements.iter().map(oracle_tensor).collect::<Result<_>>()?;
            Ok(interp::Value::Sequence { dtype, items })
        }
        (Value::Optional(inner), ty) => {
            let inner_ty = match ty {
                ValueType::Optional(inner) => inner,
                other => other,
            };
            let inner = inner
                .as_deref()
                .map(|inner| to_oracle(inner, inner_ty).map(Box::new))
                .transpose()?;
            Ok(interp::Value::Optional(inner))
        }
    }
}

fn oracle_tensor(value: &Value) -> Result<interp::Tensor> {
    match value {
        Value::Tensor(tensor) => Ok(interp::Tensor::from_le_bytes(
            tensor.dtype(),
            tensor.shape(),
            tensor.bytes(),
        )?),
        Value::Strings(strings) => Ok(interp::Tensor::of(&strings.shape, strings.data.clone())?),
        other => bail!("{} where a tensor is wanted", other.describe()),
    }
}

/// What the evaluator gave as a runtime value.
pub fn from_oracle(value: &interp::Value) -> Result<Value> {
    match value {
        interp::Value::Tensor(tensor) => runtime_tensor(tensor),
        interp::Value::Sequence { items, .. } => {
            let elements = items.iter().map(runtime_tensor).collect::<Result<_>>()?;
            Ok(Value::Sequence(elements))
        }
        interp::Value::Optional(inner) => {
            let inner = inner
                .as_deref()
                .map(|inner| from_oracle(inner).map(Box::new))
                .transpose()?;
            Ok(Value::Optional(inner))
        }
    }
}

fn runtime_tensor(tensor: &interp::Tensor) -> Result<Value> {
    if let Some(strings) = tensor.as_slice::<String>() {
        return Ok(Value::Strings(StringTensor {
            shape: tensor.shape().to_vec(),
            data: strings.to_vec(),
        }));
    }
    tensor
        .to_le_bytes()
        .and_then(|bytes| Tensor::from_bytes(tensor.dtype(), tensor.shape(), &bytes))
        .map(Value::from)
        .context("a tensor has no byte layout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphc_ir::{ElementType, TensorType};

    #[test]
    fn values_come_back_as_they_went() {
        let floats = Value::from(Tensor::from_elements(DType::F32, &[2], &[1.5f32, -0.0]).unwrap());
        let packed = Value::from(Tensor::from_bytes(DType::I4, &[3], &[0x21, 0x0f]).unwrap());
        let text = Value::Strings(StringTensor {
            shape: vec![1],
            data: vec!["é".to_owned()],
        });
        let tensor = ValueType::Tensor(TensorType::scalar(DType::F32));
        let sequence = ValueType::Sequence(ElementType {
            dtype: DType::F32,
            rank: None,
        });
        let optional = ValueType::Optional(Box::new(tensor.clone()));
        let cases = [
            (floats.clone(), &tensor),
            (packed, &tensor),
            (text, &tensor),
            (Value::Sequence(vec![floats.clone()]), &sequence),
            (Value::Sequence(Vec::new()), &sequence),
            (Value::Optional(None), &optional),
            (Value::Optional(Some(Box::new(floats))), &optional),
        ];
        for (value, ty) in cases {
            let oracle = to_oracle(&value, ty).unwrap();
            assert_eq!(from_oracle(&oracle).unwrap(), value);
        }
    }
}
