//! One test, from its files to a verdict.

use super::cases::{Case, Data, numbered};
use super::chance;
use super::report::Verdict;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use graphc::CompileOptions;
use graphc::tolerance::{all_close, numbers};
use graphc_base::DTypeKind;
use graphc_onnx::proto::{GraphProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto};
use graphc_onnx::{DataValue, Model, TensorData, TensorView, data_type_to_dtype, decode_value};
use graphc_runtime::{
    Artifact, DType, Session, SessionOptions, State, StringTensor, Tensor, Value,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

type Named = Vec<(String, Value)>;

/// The operators that a test is counted under.
pub(super) fn operators(case: &Case) -> Vec<String> {
    let Ok(model) = Model::open(&case.counted_as) else {
        return Vec::new();
    };
    let names: BTreeSet<String> = model
        .graph()
        .node
        .iter()
        .map(|node| match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        })
        .collect();
    names.into_iter().collect()
}

/// Judges one test; its artifact lies in `scratch` while it is loaded.
pub(super) fn judge(case: &Case, scratch: &Path) -> Verdict {
    if let Data::Missing(why) = &case.data {
        return Verdict::Skip(why.clone());
    }
    if matches!(&case.data, Data::Sets(sets) if sets.is_empty()) {
        return Verdict::Skip("it has no data sets".to_owned());
    }
    match try_judge(case, scratch) {
        Ok(()) => Verdict::Pass,
        Err(error) => Verdict::Fail(format!("{error:#}")),
    }
}

fn try_judge(case: &Case, scratch: &Path) -> Result<()> {
    let artifact = scratch.join(format!("{}.gcx", case.name.replace('/', "__")));
    let compiled = graphc::compile(&case.model, &artifact, &CompileOptions::default());
    let opened = compiled.and_then(|_| Ok(Artifact::open(&artifact)?));
    // A mapped file outlives its name; there is none when compilation failed.
    let _ = std::fs::remove_file(&artifact);
    let options = SessionOptions {
        threads: 1,
        poison: true,
    };
    let session = Session::with_options(opened?, options)?;
    let mut state = session.new_state();
    let model = Model::open(&case.model)?;
    let is_random = chance::is_random(model.graph());
    match &case.data {
        Data::Sets(sets) => {
            for set in sets {
                let files = |kind: &str| numbered(|n| set.join(format!("{kind}_{n}.pb")));
                let inputs = read_files(&files("input"), &model.graph().input, true)?;
                let expected = read_files(&files("output"), &model.graph().output, false)?;
                let outputs = run_once(&session, &mut state, &inputs)?;
                compare(case, &outputs, &expected, is_random)?;
                if !is_random
                    && run_once(&session, &mut state, &inputs)? != outputs
                    && !has_nan(&outputs)
                {
                    bail!("a second run gives other bits");
                }
            }
        }
        Data::Ramp(files) => {
            let expected = read_files(files, &model.graph().output, false)?;
            let outputs = run_once(&session, &mut state, &ramps(model.graph())?)?;
            compare(case, &outputs, &expected, is_random)?;
        }
        Data::Missing(why) => bail!("{why}"),
    }
    Ok(())
}

fn run_once(session: &Session, state: &mut State, inputs: &Named) -> Result<Named> {
    let inputs: Vec<(&str, Value)> = inputs
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    Ok(session.run("main", &inputs, state)?)
}

fn compare(case: &Case, outputs: &Named, expected: &Named, is_random: bool) -> Result<()> {
    if outputs.len() != expected.len() {
        bail!("{} outputs, {} are expected", outputs.len(), expected.len());
    }
    for ((name, ours), (_, reference)) in outputs.iter().zip(expected) {
        if codes_close(ours, reference, case.rtol) {
            continue;
        }
        let close = all_close(ours, reference, case.rtol, case.atol);
        if let Err(mismatch) = close {
            if !is_random {
                return Err(mismatch).with_context(|| format!("output {name}"));
            }
            chance::same_distribution(ours, reference).with_context(|| format!("output {name}"))?;
        }
    }
    Ok(())
}

/// Whether a float output holds a NaN, whose bits two runs need not share.
fn has_nan(outputs: &Named) -> bool {
    outputs.iter().any(|(_, value)| {
        value
            .as_tensor()
            .is_some_and(|tensor| numbers(tensor).iter().any(|x| x.is_nan()))
    })
}

/// Values of the first ports, from one file each. What goes in must have the model's type: `as_stated` reads codes as the
/// floats that they stand for.
fn read_files(files: &[PathBuf], ports: &[ValueInfoProto], as_stated: bool) -> Result<Named> {
    if files.len() > ports.len() {
        bail!("{} files for {} values", files.len(), ports.len());
    }
    let read = |(path, port): (&PathBuf, &ValueInfoProto)| {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| file.clone())?;
        let ty = port.r#type.clone().unwrap_or_default();
        let mut value = decode_value(Bytes::from(bytes), &ty, &file)?;
        if let DataValue::Tensor(view) = &mut value
            && as_stated
        {
            take_codes_as_floats(view, &ty);
        }
        Ok((port.name.clone(), as_value(value)?))
    };
    files.iter().zip(ports).map(read).collect()
}

/// Whether a file holds codes of floats where our result is floats, and the codes are close as numbers. So the releases
/// that write codes compare them, and what they write is truncated and not rounded.
fn codes_close(ours: &Value, reference: &Value, rtol: f64) -> bool {
    let (Some(ours), Some(reference)) = (ours.as_tensor(), reference.as_tensor()) else {
        return false;
    };
    if !holds_codes(reference.dtype(), ours.dtype()) || ours.shape() != reference.shape() {
        return false;
    }
    let Some(codes) = Tensor::from_bytes(reference.dtype(), ours.shape(), ours.bytes()) else {
        return false;
    };
    let mut pairs = numbers(&codes).into_iter().zip(numbers(reference));
    pairs.all(|(ours, reference)| (ours - reference).abs() <= rtol * reference)
}

/// Whether a file's type is that of the codes of a model's type: early releases write floats that NumPy lacks as unsigned
/// integers.
fn holds_codes(in_file: DType, in_model: DType) -> bool {
    in_model.kind() == DTypeKind::Float
        && in_file.kind() == DTypeKind::Unsigned
        && in_file.bits() == in_model.bits()
}

fn take_codes_as_floats(view: &mut TensorView, ty: &TypeProto) {
    let Some(type_proto::Value::TensorType(stated)) = &ty.value else {
        return;
    };
    if let Ok(stated) = data_type_to_dtype(stated.elem_type)
        && holds_codes(view.dtype, stated)
    {
        view.dtype = stated;
    }
}

fn as_value(value: DataValue) -> Result<Value> {
    Ok(match value {
        DataValue::Tensor(view) => as_tensor(view)?,
        DataValue::Sequence(elements) => {
            Value::Sequence(elements.into_iter().map(as_value).collect::<Result<_>>()?)
        }
        DataValue::Optional(inner) => Value::Optional(match inner {
            Some(inner) => Some(Box::new(as_value(*inner)?)),
            None => None,
        }),
    })
}

fn as_tensor(view: TensorView) -> Result<Value> {
    match view.data {
        TensorData::Bytes { bytes, .. } => Tensor::from_bytes(view.dtype, &view.dims, &bytes)
            .map(Value::from)
            .context("a tensor's size does not fit its shape"),
        TensorData::Strings(data) => Ok(Value::Strings(StringTensor {
            shape: view.dims,
            data,
        })),
    }
}

/// A ramp `i / n` for each input that has no initializer; sizes that are not stated are 1.
fn ramps(graph: &GraphProto) -> Result<Named> {
    let has_initializer = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let mut inputs = Vec::new();
    for port in &graph.input {
        if has_initializer(&port.name) {
            continue;
        }
        let shape = port
            .r#type
            .as_ref()
            .and_then(float_shape)
            .with_context(|| format!("input {} is no float tensor", port.name))?;
        let n: usize = shape.iter().product();
        let ramp: Vec<f32> = (0..n).map(|i| (i as f64 / n as f64) as f32).collect();
        let tensor = Tensor::from_elements(DType::F32, &shape, &ramp)
            .context("as many elements as the shape has")?;
        inputs.push((port.name.clone(), tensor.into()));
    }
    Ok(inputs)
}

fn float_shape(ty: &TypeProto) -> Option<Vec<usize>> {
    let Some(type_proto::Value::TensorType(tensor)) = &ty.value else {
        return None;
    };
    let dims = &tensor.shape.as_ref().filter(|_| tensor.elem_type == 1)?.dim;
    let size = |dim: &tensor_shape_proto::Dimension| match dim.value {
        Some(tensor_shape_proto::dimension::Value::DimValue(size)) => usize::try_from(size).ok(),
        _ => Some(1),
    };
    dims.iter().map(size).collect()
}
