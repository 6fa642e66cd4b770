//! `graphc compile`.

use crate::args::CompileArgs;
use crate::model::compile_options;
use crate::output::{bytes, json, line, note, text};
use crate::progress::Reporter;
use anyhow::{Result, bail};
use graphc::runtime::{Artifact, Session, SessionOptions};
use graphc::{Graph, Verification, compile_with, graph_after, import_model, verify};
use serde_json::json;
use std::time::Instant;

pub(crate) fn run(args: &CompileArgs, as_json: bool) -> Result<()> {
    graphc::whole_file::require_file(&args.model)?;
    let options = compile_options(&args.options)?;
    if Artifact::is_artifact(&args.model) {
        bail!("{} is compiled already", args.model.display());
    }
    if let Some(pass) = &args.options.stop_after {
        if args.output.is_some() || args.options.verify {
            bail!("--stop-after makes no artifact: neither --output nor --verify goes with it");
        }
        let graph = graph_after(&args.model, &options, pass)?;
        return match as_json {
            true => json(
                &json!({ "stopped_after": pass, "nodes": graph.n_nodes(), "text": graph.to_string() }),
            ),
            false => text(&graph.to_string()),
        };
    }
    let artifact = args
        .output
        .clone()
        .unwrap_or_else(|| args.model.with_extension("gcx"));
    if artifact == args.model {
        bail!(
            "{} would overwrite the model; name another file by --output",
            artifact.display()
        );
    }
    let mut reporter = Reporter::new();
    let started = Instant::now();
    let compiled = compile_with(&args.model, &artifact, &options, &mut |progress| {
        reporter.tell(progress)
    })?;
    reporter.finish();
    let compile_ms = started.elapsed().as_secs_f64() * 1e3;
    let verification = match args.options.verify {
        true => {
            let graph = import_model(&args.model, &options)?;
            let session =
                Session::with_options(Artifact::open(&artifact)?, SessionOptions::default())?;
            Some(require_verified(&graph, &session)?)
        }
        false => None,
    };
    if as_json {
        let mut report = json!({
            "artifact": artifact.display().to_string(),
            "bytes": compiled.bytes,
            "source_nodes": compiled.source_nodes,
            "nodes": compiled.nodes,
            "kernels": compiled.kernels,
            "compile_ms": compile_ms,
            "stages": compiled.stages,
            "precision": [],
        });
        if let Some(verification) = verification {
            report["verification"] = serde_json::to_value(verification)?;
        }
        return json(&report);
    }
    line(format_args!(
        "{}: {} nodes became {} kernels, {}, {compile_ms:.0} ms",
        artifact.display(),
        compiled.source_nodes,
        compiled.kernels,
        bytes(compiled.bytes)
    ))
}

/// Compares a compiled model with the evaluator and says so.
///
/// # Errors
/// Where an output is beyond its tolerance.
pub(crate) fn require_verified(graph: &Graph, session: &Session) -> Result<Verification> {
    let verification = verify(graph, session)?;
    let dims: Vec<String> = verification
        .dims
        .iter()
        .map(|(name, size)| format!("{name}={size}"))
        .collect();
    let at = match dims.is_empty() {
        true => String::new(),
        false => format!(" at {}", dims.join(", ")),
    };
    let worst = verification
        .comparison
        .outputs
        .iter()
        .filter_map(|row| row.error)
        .fold(0.0, f64::max);
    let device = &verification.device;
    if verification.comparison.ok {
        note(format_args!(
            "verified on the {device} against the evaluator{at}, on random inputs: largest error {worst:.2e}"
        ));
        return Ok(verification);
    }
    let over: Vec<String> = verification
        .comparison
        .outputs
        .iter()
        .filter(|row| !row.ok)
        .map(|row| match (&row.message, row.error) {
            (Some(message), _) => format!("output `{}` {message}", row.name),
            (None, error) => format!(
                "output `{}` has error {:.2e}, beyond {:.0e}",
                row.name,
                error.unwrap_or(f64::NAN),
                row.tolerance
            ),
        })
        .collect();
    bail!(
        "verification failed on the {device}{at}: {}",
        over.join("; ")
    )
}
