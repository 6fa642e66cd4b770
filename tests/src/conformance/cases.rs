//! Which tests a suite folder holds.
//!
//! Each folder of a folder such as `node` or `simple` is a test: `model.onnx`, `test_data_set_N` with `input_N.pb` and
//! `output_N.pb`, and perhaps `data.json` with tolerances. Those of `real` name a model elsewhere; the ones in `light` are
//! whole networks whose weights are constants and whose input is a ramp, with the expected outputs beside them.

use anyhow::{Context, Result, bail};
use graphc::tolerance::{ONNX_ATOL, ONNX_RTOL};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Suite and folder, such as `node/test_abs`.
    pub name: String,
    /// The model.
    pub model: PathBuf,
    /// The model whose operators the test is counted under: of an operator spelled out in others, the operator's own.
    pub counted_as: PathBuf,
    /// What goes in and must come out.
    pub data: Data,
    /// Relative tolerance.
    pub rtol: f64,
    /// Absolute tolerance.
    pub atol: f64,
}

/// What goes in and must come out.
#[derive(Clone, Debug)]
pub enum Data {
    /// Folders with a file for each input and output.
    Sets(Vec<PathBuf>),
    /// Every input is a ramp from 0 to 1; a file for each output.
    Ramp(Vec<PathBuf>),
    /// The suite holds neither; why.
    Missing(String),
}

#[derive(Deserialize, Default)]
struct Settings {
    rtol: Option<f64>,
    atol: Option<f64>,
    url: Option<String>,
}

/// All tests of a folder, by name.
///
/// # Errors
/// When it cannot be read or holds no tests.
pub fn discover(suite_dir: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for suite in folders(suite_dir)? {
        for folder in folders(&suite)? {
            let (suite, name) = (file_name(&suite), file_name(&folder));
            cases.extend(case(suite_dir, &suite, &name, &folder)?);
        }
    }
    if cases.is_empty() {
        bail!(
            "{} holds no tests; it must be `backend/test/data` of the onnx package",
            suite_dir.display()
        );
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

fn case(suite_dir: &Path, suite: &str, name: &str, folder: &Path) -> Result<Option<Case>> {
    let settings = settings(folder)?;
    let model = folder.join("model.onnx");
    let (suite, model, data) = if model.exists() {
        (suite, model, Data::Sets(data_sets(folder)?))
    } else if let Some(url) = &settings.url {
        match url.rsplit_once("/light/") {
            Some((_, file)) => {
                let model = suite_dir.join("light").join(file);
                let outputs = numbered(|n| {
                    model
                        .with_file_name(format!("{}_output_{n}.pb", file.trim_end_matches(".onnx")))
                });
                ("light", model, Data::Ramp(outputs))
            }
            None => (
                suite,
                model,
                Data::Missing(format!("its model lies at {url}")),
            ),
        }
    } else {
        return Ok(None);
    };
    let own_operator = name
        .split_once("_expanded")
        .map(|(base, _)| folder.with_file_name(base).join("model.onnx"))
        .filter(|base| base.exists());
    Ok(Some(Case {
        name: format!("{suite}/{name}"),
        counted_as: own_operator.unwrap_or_else(|| model.clone()),
        model,
        data,
        rtol: settings.rtol.unwrap_or(ONNX_RTOL),
        atol: settings.atol.unwrap_or(ONNX_ATOL),
    }))
}

fn settings(folder: &Path) -> Result<Settings> {
    let path = folder.join("data.json");
    if !path.exists() {
        return Ok(Settings::default());
    }
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

fn data_sets(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sets = folders(folder)?;
    sets.retain(|set| file_name(set).starts_with("test_data_set"));
    Ok(sets)
}

/// The files of a series, from 0 to the first that is not there.
pub(super) fn numbered(path: impl Fn(usize) -> PathBuf) -> Vec<PathBuf> {
    (0..).map(path).take_while(|path| path.exists()).collect()
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
