//! What each command does.

use anyhow::{Context, Result, bail};
use graphc::runtime::{Artifact, Session, SessionOptions, Value};
use graphc::{CompileOptions, compile as compile_model, import_model, npz, supported_ops};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

type DimArgs = Vec<(String, (i64, i64))>;

fn options(dims: DimArgs) -> CompileOptions {
    CompileOptions {
        dims: dims.into_iter().collect(),
    }
}

pub(crate) fn compile(
    model: &Path,
    output: Option<PathBuf>,
    target: &str,
    dims: DimArgs,
    as_json: bool,
) -> Result<()> {
    if target != "cpu" {
        bail!("target `{target}` cannot be compiled for yet; `cpu` can");
    }
    let artifact = output.unwrap_or_else(|| model.with_extension("gcx"));
    let started = Instant::now();
    let compiled = compile_model(model, &artifact, &options(dims))?;
    let compile_ms = started.elapsed().as_secs_f64() * 1e3;
    if as_json {
        println!(
            "{}",
            json!({
                "artifact": artifact.display().to_string(),
                "bytes": compiled.bytes,
                "source_nodes": compiled.source_nodes,
                "nodes": compiled.nodes,
                "kernels": compiled.kernels,
                "compile_ms": compile_ms,
                "stages": compiled.stages,
                "precision": [],
            })
        );
    } else {
        eprintln!(
            "{}: {} nodes became {} steps, {} bytes, {compile_ms:.0} ms",
            artifact.display(),
            compiled.source_nodes,
            compiled.kernels,
            compiled.bytes
        );
    }
    Ok(())
}

/// An artifact as it is, a model by way of an artifact that is removed at once: mapped files outlive their names.
fn open(model: &Path, dims: DimArgs) -> Result<Artifact> {
    if Artifact::is_artifact(model) {
        if !dims.is_empty() {
            bail!(
                "--dim needs a model; {} is compiled already",
                model.display()
            );
        }
        return Ok(Artifact::open(model)?);
    }
    let temporary = std::env::temp_dir().join(format!("graphc-{}.gcx", std::process::id()));
    let compiled = compile_model(model, &temporary, &options(dims));
    let artifact = compiled.and_then(|_| Ok(Artifact::open(&temporary)?));
    // It may not be there when compilation failed.
    let _ = std::fs::remove_file(&temporary);
    artifact
}

pub(crate) fn run(
    model: &Path,
    inputs: &Path,
    output: Option<PathBuf>,
    dims: DimArgs,
    as_json: bool,
) -> Result<()> {
    let session = Session::with_options(open(model, dims)?, SessionOptions::default())?;
    let given: Vec<(String, Value)> = npz::read(inputs)?.into_iter().collect();
    let named: Vec<(&str, Value)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let started = Instant::now();
    let outputs = session
        .run("main", &named, &mut session.new_state())
        .with_context(|| model.display().to_string())?;
    let run_ms = started.elapsed().as_secs_f64() * 1e3;
    if let Some(path) = output {
        npz::write(&path, &outputs)?;
    }
    if as_json {
        let shapes: Vec<_> = outputs
            .iter()
            .map(|(name, value)| json!({ "name": name, "shape": value.shape(), "type": value.describe() }))
            .collect();
        println!("{}", json!({ "outputs": shapes, "run_ms": run_ms }));
    } else {
        for (name, value) in &outputs {
            println!("{name}: {}", value.describe());
        }
    }
    Ok(())
}

pub(crate) fn inspect(model: &Path, check: bool, dims: DimArgs, as_json: bool) -> Result<()> {
    if !Artifact::is_artifact(model) {
        if check {
            bail!("--check needs an artifact");
        }
        let graph = import_model(model, &options(dims))?;
        if as_json {
            println!(
                "{}",
                json!({ "name": graph.name, "nodes": graph.n_nodes(), "text": graph.to_string() })
            );
        } else {
            print!("{graph}");
        }
        return Ok(());
    }
    let artifact = Artifact::open(model)?;
    if check {
        artifact.check_constants()?;
    }
    let program = artifact.program();
    if as_json {
        println!("{}", serde_json::to_string(program)?);
        return Ok(());
    }
    println!(
        "{}: {} for {}",
        model.display(),
        program.name,
        program.target
    );
    println!(
        "{} bytes, {} of constants",
        artifact.file_bytes(),
        artifact.constant_bytes()
    );
    for symbol in &program.symbols {
        println!("dim {}: {}..={}", symbol.name, symbol.lo, symbol.hi);
    }
    for (_, set) in program.kernel_sets.iter() {
        for variant in &set.variants {
            println!(
                "{:<18} {}",
                program.kernels[variant.kernel].kernel.name(),
                set.sources.join(", ")
            );
        }
    }
    Ok(())
}

pub(crate) fn ops(as_json: bool) -> Result<()> {
    let supported: Vec<_> = supported_ops().collect();
    if as_json {
        let rows: Vec<_> = supported
            .iter()
            .map(|op| json!({ "domain": op.domain, "op_type": op.op_type }))
            .collect();
        println!("{}", serde_json::to_string(&rows)?);
        return Ok(());
    }
    for op in supported {
        println!("{:<24} {}", op.domain, op.op_type);
    }
    Ok(())
}

pub(crate) fn doctor(as_json: bool) -> Result<()> {
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    if as_json {
        println!(
            "{}",
            json!({ "version": env!("CARGO_PKG_VERSION"), "targets": ["cpu"], "cores": n_cores, "arch": std::env::consts::ARCH })
        );
    } else {
        println!("graphc {}", env!("CARGO_PKG_VERSION"));
        println!(
            "cpu: {n_cores} cores, {}; kernels by the reference evaluators",
            std::env::consts::ARCH
        );
    }
    Ok(())
}
