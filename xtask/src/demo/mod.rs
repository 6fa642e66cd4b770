//! The demo: compiles a real model (a file type classifier), lets it look at real files whose names it does not get, and
//! shows what it says they are.
//!
//! Uses the `graphc` binary as any user would: `compile`, then `run` with all files in one `.npz` batch.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{self, Python, cargo, stage};
use crate::{assets, repo};

mod features;
mod npy;
mod samples;

use features::Config;

/// The asset that holds the model, and the names of its input and output.
const MODEL: &str = "magika-v3";
const INPUT: &str = "bytes";
const OUTPUT: &str = "target_label";

/// Fetches the model, builds the command line tool, compiles, runs. The table goes to stdout, all else to stderr.
pub(crate) fn run() -> Result<()> {
    stage("fetch the model", || {
        assets::fetch(&[MODEL.to_owned()], false)
    })?;
    stage("build graphc", || {
        process::run(cargo()?.args(["build", "--release", "--package", "graphc-cli"]))
    })?;

    let asset_dir = repo::asset_dir()?;
    let config = fs::read(asset_dir.join(MODEL).join("config.min.json"))?;
    let config: Config =
        serde_json::from_slice(&config).context("the model's config is damaged")?;
    let samples = samples::all()?;
    let folder = asset_dir.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;

    let features: Vec<i32> = samples
        .iter()
        .flat_map(|sample| config.features(&sample.bytes))
        .collect();
    let array = folder.join(format!("{INPUT}.npy"));
    npy::write_i32(&array, &[samples.len(), config.n_features()], &features)?;
    let (inputs, outputs, artifact) = (
        folder.join("inputs.npz"),
        folder.join("outputs.npz"),
        folder.join("model.gcx"),
    );
    let python = Python::find()?;
    python.zip(&inputs, &[&array])?;

    let model = asset_dir.join(MODEL).join("model.onnx");
    stage("compile the model", || {
        process::run(
            graphc()?
                .arg("compile")
                .arg(&model)
                .arg("-o")
                .arg(&artifact),
        )
    })?;
    stage("run it", || {
        process::run(
            graphc()?
                .arg("run")
                .arg(&artifact)
                .arg("--inputs")
                .arg(&inputs)
                .arg("--output")
                .arg(&outputs),
        )
    })?;

    python.unzip(&outputs, &folder)?;
    let n_labels = config.target_labels_space.len();
    let probabilities = npy::read_f32(
        &folder.join(format!("{OUTPUT}.npy")),
        &[samples.len(), n_labels],
    )?;
    println!(
        "\n{:<36} {:>8}   {:<14} {:>11}",
        "file", "bytes", "looks like", "probability"
    );
    for (sample, row) in samples.iter().zip(probabilities.chunks_exact(n_labels)) {
        let (label, probability) = config.best(row);
        println!(
            "{:<36} {:>8}   {label:<14} {:>9.1} %",
            sample.name,
            sample.bytes.len(),
            probability * 100.0
        );
    }
    Ok(())
}

/// The built command line tool.
fn graphc() -> Result<Command> {
    let mut command = cargo()?;
    command.args([
        "run",
        "--release",
        "--quiet",
        "--package",
        "graphc-cli",
        "--",
    ]);
    Ok(command)
}
