//! Makes the seeds of the fuzz targets `text` and `artifact` anew from those of `onnx`: one for each operator or kernel that
//! none before it has. To be run when the text form or the schema of artifacts changes; past findings stay as they are.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use graphc_onnx::{ImportOptions, Model, import};
use graphc_program::Artifact;
use graphc_tests::fuzz::{Target, compiled};
use std::collections::BTreeSet;

/// Longest seed.
const MAX_BYTES: usize = 6000;

fn main() -> Result<()> {
    let mut seen_ops = BTreeSet::new();
    let mut seen_kernels = BTreeSet::new();
    let mut models: Vec<_> = Target::Onnx.seeds().iter().collect();
    models.sort_by_key(|(_, model)| model.len());
    for (name, model) in models {
        let name = name.trim_end_matches(".onnx");
        if let Some((text, ops)) = graph_of(model)
            && text.len() <= MAX_BYTES
            && ops.iter().any(|op| !seen_ops.contains(op))
        {
            seen_ops.extend(ops);
            write(Target::Text, &format!("{name}.gc"), text.as_bytes())?;
        }
        if let Some(file) = compiled(model)
            && file.len() <= MAX_BYTES
        {
            let kernels = kernels_of(&file)?;
            if kernels.iter().any(|kernel| !seen_kernels.contains(kernel)) {
                seen_kernels.extend(kernels);
                write(Target::Artifact, &format!("{name}.artifact"), &file)?;
            }
        }
    }
    Ok(())
}

fn write(target: Target, name: &str, bytes: &[u8]) -> Result<()> {
    let path = target.folder().join(name);
    std::fs::write(&path, bytes).with_context(|| path.display().to_string())
}

/// A model's text form and the names of its operators.
fn graph_of(model: &[u8]) -> Option<(String, Vec<&'static str>)> {
    let model = Model::from_bytes(model.to_vec().into(), None, "seed").ok()?;
    let graph = import(&model, &ImportOptions::default()).ok()?;
    let nodes = graph
        .block_ids()
        .flat_map(|block| &graph.block(block).nodes);
    let ops = nodes.map(|&node| graph.node(node).op.name()).collect();
    Some((graph.normal_text(), ops))
}

/// The names of an artifact's kernels and host calls.
fn kernels_of(file: &[u8]) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("seed.gcx");
    std::fs::write(&path, file)?;
    let artifact = Artifact::open(&path)?;
    let program = artifact.program();
    let launches = program.kernels.values();
    let mut names: Vec<String> = launches.map(|spec| spec.kernel.name().to_owned()).collect();
    for body in program.bodies.values() {
        names.extend(body.steps.iter().map(|step| match step {
            graphc_program::Step::HostCall { op, .. } => format!("host {}", op.name()),
            other => {
                let text = format!("{other:?}");
                text.split([' ', '(', '{']).next().unwrap_or("").to_owned()
            }
        }));
    }
    Ok(names)
}
