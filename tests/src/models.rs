//! Real models with their goldens: inputs and another tool's outputs in one `.npz` file, by `in_NAME` and `out_NAME`.

use anyhow::{Context, Result, bail};
use graphc::tolerance::{Difference, difference};
use graphc::{CompileOptions, compile, npz};
use graphc_runtime::{Artifact, Session, SessionOptions, Tensor, Value};
use std::path::Path;

/// Values by name.
pub type Named = Vec<(String, Value)>;

/// Compiles a model for the CPU and loads it, with memory poisoned outside lifetimes.
///
/// # Errors
/// What the compiler or the runtime says.
pub fn load(model: &Path) -> Result<Session> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.gcx");
    compile(model, &path, &CompileOptions::default())?;
    let options = SessionOptions {
        threads: 0,
        poison: true,
    };
    // The mapping outlives the file's name.
    Ok(Session::with_options(Artifact::open(&path)?, options)?)
}

/// Runs the main entry once, in a state of its own.
///
/// # Errors
/// What the runtime says.
pub fn run(session: &Session, inputs: &Named) -> Result<Named> {
    let given: Vec<(&str, Value)> = inputs
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    Ok(session.run("main", &given, &mut session.new_state())?)
}

/// Inputs of a golden, and the outputs to be held against.
pub struct Golden {
    /// By the names of the model's inputs.
    pub inputs: Named,
    /// By the names of the model's outputs; `last_NAME` is the last position of axis 1 of output `NAME`.
    pub outputs: Named,
}

impl Golden {
    /// Reads one.
    ///
    /// # Errors
    /// When the file cannot be read or names something else.
    pub fn read(path: &Path) -> Result<Self> {
        let (mut inputs, mut outputs) = (Named::new(), Named::new());
        for (key, value) in npz::read(path)? {
            if let Some(name) = key.strip_prefix("in_") {
                inputs.push((name.to_owned(), value));
            } else if let Some(name) = key.strip_prefix("out_") {
                outputs.push((name.to_owned(), value));
            } else {
                bail!(
                    "{}: array {key} is neither input nor output",
                    path.display()
                );
            }
        }
        Ok(Self { inputs, outputs })
    }

    /// How far outputs are from the golden, by name.
    ///
    /// # Errors
    /// When an output is missing, or cannot be measured.
    pub fn differences(&self, outputs: &Named) -> Result<Vec<(String, Difference)>> {
        let differ = |(name, reference): &(String, Value)| {
            let ours = pick(outputs, name)?;
            let difference = difference(&ours, reference).with_context(|| name.clone())?;
            Ok((name.clone(), difference))
        };
        self.outputs.iter().map(differ).collect()
    }

    /// The inputs at other sizes: repeated or cut along each axis. Those that are not named stay as they are.
    ///
    /// # Errors
    /// When a name or a rank does not fit, or an input has no elements to repeat.
    pub fn inputs_at(&self, shapes: &[(&str, &[usize])]) -> Result<Named> {
        let mut inputs = self.inputs.clone();
        for (name, shape) in shapes {
            let input = inputs.iter_mut().find(|(known, _)| known == name);
            let (_, value) = input.with_context(|| format!("there is no input {name}"))?;
            let tensor = value.as_tensor().context("an input is no tensor")?;
            *value = repeated(tensor, shape)
                .with_context(|| format!("{name} cannot have shape {shape:?}"))?
                .into();
        }
        Ok(inputs)
    }
}

/// An output by its name in a golden.
fn pick(outputs: &Named, name: &str) -> Result<Value> {
    let find = |name: &str| outputs.iter().find(|(known, _)| known == name);
    if let Some((_, value)) = find(name) {
        return Ok(value.clone());
    }
    let whole = name.strip_prefix("last_").and_then(find);
    let (_, value) = whole.with_context(|| format!("there is no output {name}"))?;
    let tensor = value.as_tensor().context("an output is no tensor")?;
    let last = last_position(tensor).with_context(|| format!("{name} has no positions"))?;
    Ok(last.into())
}

/// `x[:, -1:, :]`.
fn last_position(tensor: &Tensor) -> Option<Tensor> {
    let &[batch, positions, width] = tensor.shape() else {
        return None;
    };
    let row = width * tensor.dtype().bits() / 8;
    let rows: Vec<u8> = (0..batch)
        .map(|b| (b * positions + positions).checked_sub(1))
        .map(|position| Some(&tensor.bytes()[position? * row..][..row]))
        .collect::<Option<Vec<_>>>()?
        .concat();
    Tensor::from_bytes(tensor.dtype(), &[batch, 1, width], &rows)
}

/// One row of a batch, with the batch axis kept.
pub fn batch_row(tensor: &Tensor, row: usize) -> Option<Tensor> {
    let (&batch, rest) = tensor.shape().split_first()?;
    let n_bytes = tensor.bytes().len().checked_div(batch)?;
    let bytes = tensor.bytes().get(row * n_bytes..(row + 1) * n_bytes)?;
    let shape: Vec<usize> = std::iter::once(1).chain(rest.iter().copied()).collect();
    Tensor::from_bytes(tensor.dtype(), &shape, bytes)
}

fn repeated(tensor: &Tensor, shape: &[usize]) -> Option<Tensor> {
    let from = tensor.shape();
    if from.len() != shape.len() || from.contains(&0) {
        return None;
    }
    let mut result = Tensor::zeros(tensor.dtype(), shape)?;
    let width = tensor.dtype().bits() / 8;
    for position in 0..result.n_elements() {
        let (mut rest, mut source, mut stride) = (position, 0, 1);
        for (&size, &there) in shape.iter().zip(from).rev() {
            source += rest % size % there * stride;
            rest /= size;
            stride *= there;
        }
        result.bytes_mut()[position * width..][..width]
            .copy_from_slice(&tensor.bytes()[source * width..][..width]);
    }
    Some(result)
}
