//! One readable list: import, verify, canonicalize, plan, write.

use crate::constants::GraphConstants;
use crate::options::{CompileOptions, Progress, Stage};
use crate::stages::{Counted, Stages};
use anyhow::{Context, Result, bail};
use graphc_base::Interval;
use graphc_ir::{Graph, parse_with};
use graphc_onnx::{ImportOptions, Model};
use graphc_opt::{PassCx, canonicalize_with};
use graphc_program::{Program, Step};
use std::ops::ControlFlow;
use std::path::Path;

/// Longest dump that is read.
const MAX_DUMP_BYTES: u64 = 1 << 30;

/// What came out of a compilation.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Size of the artifact in bytes.
    pub bytes: u64,
    /// Nodes of the user's model.
    pub source_nodes: usize,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Kernel launches and host calls in all bodies.
    pub kernels: usize,
    /// The stages in order.
    pub stages: Vec<Stage>,
}

/// Reads a model into a graph, before any pass.
pub fn import_model(path: &Path, options: &CompileOptions) -> Result<Graph> {
    let model = Model::open(path)?;
    let dims = options
        .dims
        .iter()
        .map(|(name, &(lo, hi))| (name.clone(), Interval { lo, hi }))
        .collect();
    Ok(graphc_onnx::import(&model, &ImportOptions { dims })?)
}

/// Reads a model into the graph that is planned, behind all passes.
pub fn optimize_model(path: &Path, options: &CompileOptions) -> Result<Graph> {
    let mut progress = |_: Progress<'_>| {};
    front(
        path,
        options,
        &mut Stages::new(options, None, &mut progress)?,
    )
}

/// The graph of a model as it is behind one stage or pass, which is one of [`stop_names`](crate::stop_names). Of a pass that
/// runs repeatedly, behind the first time that it changes something.
///
/// # Errors
/// Where the model cannot be read, or the pass does not run or changes nothing.
pub fn graph_after(path: &Path, options: &CompileOptions, pass: &str) -> Result<Graph> {
    let mut progress = |_: Progress<'_>| {};
    let mut stages = Stages::new(options, Some(pass), &mut progress)?;
    let graph = front(path, options, &mut stages)?;
    if !stages.has_stopped() {
        bail!(
            "pass `{pass}` changes nothing in {} at these options",
            path.display()
        );
    }
    Ok(graph)
}

/// Reads a graph that [`CompileOptions::dump`] wrote. Contents of large constants are not in it, and are left empty.
pub fn read_dump(path: &Path) -> Result<Graph> {
    crate::whole_file::require_file(path)?;
    let shown = || path.display().to_string();
    let n_bytes = std::fs::metadata(path).with_context(shown)?.len();
    if n_bytes > MAX_DUMP_BYTES {
        bail!(
            "{}: {n_bytes} bytes are too many for a dump",
            path.display()
        );
    }
    let text = std::fs::read_to_string(path).with_context(shown)?;
    let graph = parse_with(&text, &mut |request| {
        Some(match request.ty.dtype {
            graphc_base::DType::String => graphc_ir::ConstData::Strings([].into()),
            _ => graphc_ir::ConstData::Inline([].into()),
        })
    });
    graph.with_context(shown)
}

/// Compiles a model for the CPU and writes the artifact.
pub fn compile(model: &Path, artifact: &Path, options: &CompileOptions) -> Result<Compiled> {
    compile_with(model, artifact, options, &mut |_| {})
}

/// [`compile`], telling how far it is.
pub fn compile_with(
    model: &Path,
    artifact: &Path,
    options: &CompileOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Compiled> {
    crate::whole_file::require_target(artifact)?;
    let mut stages = Stages::new(options, None, progress)?;
    let graph = front(model, options, &mut stages)?;
    back(&graph, &model.display().to_string(), artifact, stages)
}

/// Compiles a graph that a program has built and writes the artifact. [`CompileOptions::dims`] is for models and does
/// nothing here.
///
/// # Errors
/// Where the graph does not verify, has no plan, or cannot be written.
pub fn compile_graph(
    mut graph: Graph,
    artifact: &Path,
    options: &CompileOptions,
) -> Result<Compiled> {
    crate::whole_file::require_target(artifact)?;
    let mut progress = |_: Progress<'_>| {};
    let mut stages = Stages::new(options, None, &mut progress)?;
    let name = graph.name.clone();
    passes(&mut graph, &name, options, &mut stages)?;
    back(&graph, &name, artifact, stages)
}

/// From the graph behind all passes to the artifact.
fn back(graph: &Graph, name: &str, artifact: &Path, mut stages: Stages<'_>) -> Result<Compiled> {
    let (program, consts) = stages.run("plan", |stages| {
        let (program, consts) = graphc_plan::plan(graph, "cpu").with_context(|| name.to_owned())?;
        stages.program("plan", &program)?;
        program
            .validate()
            .with_context(|| format!("{name}: the plan is not sound"))?;
        let n_kernels = n_kernels(&program);
        Ok(((program, consts), n_kernels))
    })?;
    let bytes = stages.run("write", |stages| {
        let mut source = GraphConstants::new(graph, &consts);
        let _partial = crate::whole_file::Partial::new(graphc_program::partial_path(artifact));
        let mut counted = Counted::new(&program, &mut source, stages);
        let bytes = graphc_program::save(artifact, &program, &mut counted)?;
        Ok((bytes, n_kernels(&program)))
    })?;
    Ok(Compiled {
        bytes,
        source_nodes: graph.sources.len(),
        nodes: graph.n_nodes(),
        kernels: n_kernels(&program),
        stages: stages.into_done(),
    })
}

/// Launches and host calls in all bodies.
fn n_kernels(program: &Program) -> usize {
    let steps = program.bodies.values().flat_map(|body| &body.steps);
    steps
        .filter(|step| matches!(step, Step::Launch { .. } | Step::HostCall { .. }))
        .count()
}

/// Everything that is done to the graph, up to where it stops.
fn front(path: &Path, options: &CompileOptions, stages: &mut Stages<'_>) -> Result<Graph> {
    let mut graph = stages.run("import", |stages| {
        let graph = import_model(path, options)?;
        stages.graph("import", &graph)?;
        let n_nodes = graph.n_nodes();
        Ok((graph, n_nodes))
    })?;
    passes(&mut graph, &path.display().to_string(), options, stages)?;
    Ok(graph)
}

/// Verifies a graph and runs the passes that the options ask for, up to where it stops.
fn passes(
    graph: &mut Graph,
    name: &str,
    options: &CompileOptions,
    stages: &mut Stages<'_>,
) -> Result<()> {
    stages.run("verify", |_| {
        graphc_ir::verify(graph).with_context(|| format!("{name}: the graph is not sound"))?;
        Ok(((), graph.n_nodes()))
    })?;
    if stages.has_stopped() || options.opt_level == 0 {
        return Ok(());
    }
    stages.run("canonicalize", |stages| {
        let mut outcome = Ok(());
        canonicalize_with(graph, &PassCx::default(), &mut |pass, graph| match stages
            .graph(pass, graph)
        {
            Ok(false) => ControlFlow::Continue(()),
            Ok(true) => ControlFlow::Break(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })
        .with_context(|| name.to_owned())?;
        outcome?;
        stages.graph("canonicalize", graph)?;
        Ok(((), graph.n_nodes()))
    })
}
