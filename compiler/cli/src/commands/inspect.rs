//! `graphc inspect`.

use crate::args::InspectArgs;
use crate::model::{Loaded, compile_options, load, sizes};
use crate::output::{Table, bytes, json, line, names, text};
use anyhow::{Result, bail};
use graphc::report::{
    BodyMemory, Diagram, KernelRow, MemoryReport, graph_report, kernel_rows, memory_report, page,
    program_report,
};
use graphc::runtime::Artifact;
use graphc::whole_file::{require_file, require_target, write_whole};
use graphc::{Graph, graph_after, optimize_model, read_dump};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::Path;

/// Ending of graphs that `compile --dump` writes.
const DUMP_ENDING: &str = "gc";

/// Buffers that are listed as live at the peak.
const SHOWN_BUFFERS: usize = 20;

pub(crate) fn run(args: &InspectArgs, as_json: bool) -> Result<()> {
    require_file(&args.model)?;
    for target in args.dot.iter().chain(&args.html) {
        require_target(target)?;
    }
    let is_dump = args
        .model
        .extension()
        .is_some_and(|ending| ending == DUMP_ENDING);
    let is_artifact = !is_dump && Artifact::is_artifact(&args.model);
    if args.check && !is_artifact {
        bail!(
            "--check needs an artifact; {} is none",
            args.model.display()
        );
    }
    let runs =
        args.memory || args.kernels || (args.html.is_some() && args.options.stop_after.is_none());
    if is_dump && (args.memory || args.kernels) {
        bail!("--memory and --kernels need a model or an artifact; a dump is a graph only");
    }
    if is_artifact || (runs && !is_dump) {
        return loaded(args, as_json, is_artifact);
    }
    let graph = if is_dump {
        read_dump(&args.model)?
    } else {
        let options = compile_options(&args.options)?;
        match &args.options.stop_after {
            Some(pass) => graph_after(&args.model, &options, pass)?,
            None => optimize_model(&args.model, &options)?,
        }
    };
    show_graph(args, &graph, as_json)
}

fn show_graph(args: &InspectArgs, graph: &Graph, as_json: bool) -> Result<()> {
    let diagram = Diagram::of_graph(graph);
    if let Some(path) = &args.dot {
        write_text(path, &diagram.to_dot(&graph.name))?;
    }
    if let Some(path) = &args.html {
        write_text(path, &page(&graph.name, &diagram, None, None))?;
    }
    match as_json {
        true => json(&graph_report(graph)),
        false if args.dot.is_some() || args.html.is_some() => Ok(()),
        false => text(&graph.to_string()),
    }
}

fn loaded(args: &InspectArgs, as_json: bool, is_artifact: bool) -> Result<()> {
    let loaded = load(&args.model, &args.options, None)?;
    let artifact = loaded.session.artifact();
    if args.check {
        artifact.check_constants()?;
    }
    let program = artifact.program();
    let diagram = Diagram::of_program(program);
    if let Some(path) = &args.dot {
        write_text(path, &diagram.to_dot(&program.name))?;
    }
    let sizes = sizes(&loaded)?;
    let wants_kernels = args.kernels || args.html.is_some();
    let wants_memory = args.memory || args.kernels || args.html.is_some();
    let kernels = wants_kernels
        .then(|| kernel_rows(&loaded.session, "main", &sizes))
        .transpose()?;
    let memory = wants_memory
        .then(|| memory_report(&loaded.session, "main", &sizes))
        .transpose()?;
    if let Some(path) = &args.html {
        let name = args.model.display().to_string();
        write_text(
            path,
            &page(&name, &diagram, kernels.as_deref(), memory.as_ref()),
        )?;
    }
    if as_json {
        let mut report = Map::new();
        if args.kernels {
            report.insert("kernels".to_owned(), serde_json::to_value(&kernels)?);
        }
        if let (true, Some(memory)) = (args.memory, &memory) {
            report.insert("memory".to_owned(), serde_json::to_value(memory)?);
        }
        if let (true, Some(memory)) = (args.memory || args.kernels, &memory) {
            report.insert("peak_bytes".to_owned(), memory.peak_bytes.into());
        }
        if report.is_empty() {
            let summary = serde_json::to_value(program_report(artifact))?;
            if let Value::Object(fields) = summary {
                report = fields;
            }
        }
        if args.check {
            report.insert("checked".to_owned(), true.into());
        }
        return json(&report);
    }
    if args.kernels
        && let Some(kernels) = &kernels
    {
        show_kernels(kernels)?;
    }
    if args.memory
        && let Some(memory) = &memory
    {
        show_memory(memory)?;
    }
    let shows_nothing_else =
        !args.kernels && !args.memory && args.dot.is_none() && args.html.is_none();
    if shows_nothing_else {
        show_program(&loaded, is_artifact)?;
    }
    if args.check {
        line("all weights are as they were written")?;
    }
    Ok(())
}

fn show_program(loaded: &Loaded, is_artifact: bool) -> Result<()> {
    let artifact = loaded.session.artifact();
    let report = program_report(artifact);
    line(format_args!(
        "{} for {}, schema {}",
        report.name, report.target, report.schema
    ))?;
    if is_artifact {
        line(format_args!(
            "{} in the file, {} of weights",
            bytes(report.bytes as u64),
            bytes(report.weights_bytes as u64)
        ))?;
    }
    for entry in &report.entries {
        line(format_args!("entry {}", entry.name))?;
        for input in &entry.inputs {
            line(format_args!("  input {}: {}", input.name, input.ty))?;
        }
        for output in &entry.outputs {
            line(format_args!("  output {}: {}", output.name, output.ty))?;
        }
    }
    for symbol in &report.symbols {
        line(format_args!(
            "dim {}: {}..={}",
            symbol.name, symbol.lo, symbol.hi
        ))?;
    }
    line(format_args!(
        "{} launches, {} host calls",
        report.launches, report.host_calls
    ))
}

fn show_kernels(kernels: &[KernelRow]) -> Result<()> {
    let mut table = Table::new(&[
        "kernel", "kind", "dtype", ">flops", ">bytes", ">scratch", "code", "nodes",
    ]);
    for row in kernels {
        let kind = serde_json::to_value(row.kind)?;
        table.row([
            row.name.clone(),
            kind.as_str().unwrap_or_default().to_owned(),
            row.dtype.clone(),
            row.flops.to_string(),
            row.bytes.to_string(),
            row.shared_bytes.to_string(),
            row.implementation.clone(),
            names(&row.sources),
        ]);
    }
    table.print()
}

fn show_memory(memory: &MemoryReport) -> Result<()> {
    let dims: Vec<String> = memory
        .dims
        .iter()
        .map(|(name, size)| format!("{name}={size}"))
        .collect();
    line(format_args!(
        "arena {} at {}, no packing needs less than {}; {} of weights are mapped",
        bytes(memory.peak_bytes as u64),
        if dims.is_empty() {
            "fixed sizes".to_owned()
        } else {
            dims.join(", ")
        },
        bytes(memory.live_bytes as u64),
        bytes(memory.weights_bytes as u64)
    ))?;
    for body in &memory.bodies {
        show_body(body)?;
    }
    Ok(())
}

fn show_body(body: &BodyMemory) -> Result<()> {
    line("")?;
    line(format_args!(
        "{}: arena {}",
        body.name,
        bytes(body.arena_bytes as u64)
    ))?;
    if body.buffers.is_empty() {
        return Ok(());
    }
    line(format_args!("live at the peak, step {}:", body.peak_step))?;
    let mut table = Table::new(&[
        "value", "type", ">bytes", ">offset", ">first", ">last", "nodes",
    ]);
    for &at in body.live_at_peak.iter().take(SHOWN_BUFFERS) {
        let buffer = &body.buffers[at];
        table.row([
            buffer.name.clone(),
            buffer.ty.clone(),
            buffer.bytes.to_string(),
            buffer.offset.to_string(),
            buffer.first.to_string(),
            buffer.last.to_string(),
            names(&buffer.sources),
        ]);
    }
    table.print()?;
    if body.live_at_peak.len() > SHOWN_BUFFERS {
        line(format_args!(
            "and {} smaller ones",
            body.live_at_peak.len() - SHOWN_BUFFERS
        ))?;
    }
    let mut table = Table::new(&[">step", "what", ">live bytes", "nodes"]);
    for step in &body.steps {
        table.row([
            step.step.to_string(),
            step.name.clone(),
            step.live_bytes.to_string(),
            names(&step.sources),
        ]);
    }
    line("")?;
    table.print()
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))
}
