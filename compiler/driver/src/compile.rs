//! One readable list: import, verify, canonicalize, plan, write.

use crate::constants::GraphConstants;
use anyhow::{Context, Result};
use graphc_base::Interval;
use graphc_ir::Graph;
use graphc_onnx::{ImportOptions, Model};
use graphc_opt::PassCx;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// What a caller decides about a compilation.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// Sizes of dims by name, as constants (`lo == hi`) or ranges.
    pub dims: BTreeMap<String, (i64, i64)>,
}

/// One stage of a compilation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// Nodes of the graph behind it; kernels behind planning.
    pub nodes: usize,
}

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

/// Reads a model into a graph.
pub fn import_model(path: &Path, options: &CompileOptions) -> Result<Graph> {
    let model = Model::open(path)?;
    let dims = options
        .dims
        .iter()
        .map(|(name, &(lo, hi))| (name.clone(), Interval { lo, hi }))
        .collect();
    Ok(graphc_onnx::import(&model, &ImportOptions { dims })?)
}

/// Compiles a model for the CPU and writes the artifact.
pub fn compile(model: &Path, artifact: &Path, options: &CompileOptions) -> Result<Compiled> {
    let mut stages = Vec::new();
    let mut started = Instant::now();
    let mut stage = |name, nodes| {
        stages.push(Stage {
            name,
            ms: started.elapsed().as_secs_f64() * 1e3,
            nodes,
        });
        started = Instant::now();
    };
    let mut graph = import_model(model, options)?;
    stage("import", graph.n_nodes());
    graphc_ir::verify(&graph)
        .with_context(|| format!("{}: the imported graph is not sound", model.display()))?;
    stage("verify", graph.n_nodes());
    graphc_opt::canonicalize(&mut graph, &PassCx::default())
        .with_context(|| model.display().to_string())?;
    stage("canonicalize", graph.n_nodes());
    let (program, consts) =
        graphc_plan::plan(&graph, "cpu").with_context(|| model.display().to_string())?;
    let kernels = program.bodies.values().map(|body| body.steps.len()).sum();
    stage("plan", program.kernel_sets.len());
    program
        .validate()
        .with_context(|| format!("{}: the plan is not sound", model.display()))?;
    let bytes = graphc_program::save(
        artifact,
        &program,
        &mut GraphConstants::new(&graph, &consts),
    )?;
    stage("write", program.kernel_sets.len());
    Ok(Compiled {
        bytes,
        source_nodes: graph.sources.len(),
        nodes: graph.n_nodes(),
        kernels,
        stages,
    })
}
