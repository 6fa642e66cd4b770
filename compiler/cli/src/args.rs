//! The arguments, as the contract of the command line has them.

use crate::values::{Bytes, Device, DimRange, Precision, TargetName};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compiles models to artifacts and runs them.
#[derive(Parser)]
#[command(
    name = "graphc",
    version,
    about,
    max_term_width = 100,
    after_help = "Examples:
  graphc compile model.onnx -o model.gcx
  graphc run model.gcx --inputs inputs.npz --output outputs.npz
  graphc bench model.gcx --dim batch=1
  graphc compare model.onnx model.gcx --per-layer
  graphc inspect model.gcx --memory

Exit codes: 0 done, 1 failed, 2 wrong usage."
)]
pub(crate) struct Cli {
    /// Machine-readable output on stdout, errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Compile an ONNX model to an artifact.
    Compile(CompileArgs),
    /// Run a model or an artifact once.
    Run(RunArgs),
    /// Measure how long a model or an artifact takes.
    Bench(BenchArgs),
    /// Compare an artifact with the evaluator on its model.
    Compare(CompareArgs),
    /// Show what a model, an artifact or a dump holds.
    Inspect(InspectArgs),
    /// List the supported operators.
    Ops,
    /// Show what this machine has, and what it lacks.
    Doctor,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page in the form of man(7).
    Man {
        /// The command; the page of graphc itself by default.
        command: Option<String>,
    },
}

/// Options of a compilation.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Compilation")]
pub(crate) struct CompileOptionArgs {
    /// What to compile for: `cpu`, `cuda` or one architecture such as `cuda:sm_90a`.
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<TargetName>,
    /// Number format to compute in.
    #[arg(long, value_enum)]
    pub(crate) precision: Option<Precision>,
    /// Data to calibrate quantisation with.
    #[arg(long, value_name = "FILE.npz|DIR")]
    pub(crate) calibrate: Option<PathBuf>,
    /// How ranges are taken from calibration data.
    #[arg(long, value_enum)]
    pub(crate) calibrator: Option<Calibrator>,
    /// Largest relative error that lower precision may bring.
    #[arg(long, value_name = "E")]
    pub(crate) max_error: Option<f64>,
    /// Fix or bound a dim; repeat for more. Of an artifact: the size to run at.
    #[arg(long = "dim", value_name = "NAME=SIZE|NAME=LO..HI")]
    pub(crate) dims: Vec<DimRange>,
    /// How much to optimize: 0 plans the imported graph as it is, from 1 on it is made canonical [default: 2].
    #[arg(long, value_name = "0..3", value_parser = clap::value_parser!(u8).range(0..=i64::from(graphc::MAX_OPT_LEVEL)))]
    pub(crate) opt_level: Option<u8>,
    /// Seconds to spend on measuring kernels.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) tune: Option<f64>,
    /// Compare the result with the evaluator at small sizes on random inputs.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Write the graph behind each stage and pass that changed it to this folder, as text and for Graphviz.
    #[arg(long, value_name = "DIR")]
    pub(crate) dump: Option<PathBuf>,
    /// Stop behind this stage or pass and print the graph.
    #[arg(long, value_name = "PASS")]
    pub(crate) stop_after: Option<String>,
    /// Memory that a run may take, such as `512MiB`.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory_budget: Option<Bytes>,
}

/// How ranges are taken from calibration data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Calibrator {
    Minmax,
    Entropy,
    Percentile,
    Mse,
}

#[derive(Args)]
#[command(after_help = "Examples:
  graphc compile model.onnx                          writes model.gcx
  graphc compile bert.onnx -o bert.gcx --verify
  graphc compile bert.onnx --dim batch=1 --dim seq=1..512
  graphc compile bert.onnx --dump passes/
  graphc compile bert.onnx --stop-after simplify")]
pub(crate) struct CompileArgs {
    /// The model.
    pub(crate) model: PathBuf,
    /// The artifact; beside the model with the ending `.gcx` by default.
    #[arg(short, long, value_name = "OUT.gcx")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: CompileOptionArgs,
}

/// Where inputs come from.
#[derive(Args)]
pub(crate) struct InputArgs {
    /// Inputs; the keys are the names of the model's inputs.
    #[arg(long, value_name = "FILE.npz")]
    pub(crate) inputs: Option<PathBuf>,
}

/// What runs the model.
#[derive(Args)]
pub(crate) struct DeviceArgs {
    /// The device: `cpu`, `cuda:0` or `sim`.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<Device>,
    /// Threads of the CPU; one for each core by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Args)]
#[command(
    group = clap::ArgGroup::new("source").required(true).args(["inputs", "random"]),
    after_help = "Examples:
  graphc run model.gcx --inputs inputs.npz --output outputs.npz
  graphc run model.onnx --random 1 --dim batch=2
  graphc run model.gcx --inputs inputs.npz --profile trace.json"
)]
pub(crate) struct RunArgs {
    /// The model or artifact.
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Make inputs at random from this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) random: Option<u64>,
    /// Where to write the outputs; their types are printed in any case.
    #[arg(long, value_name = "FILE.npz")]
    pub(crate) output: Option<PathBuf>,
    /// Write what the run spent its time on, as a trace for chrome://tracing or ui.perfetto.dev.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) options: CompileOptionArgs,
}

#[derive(Args)]
#[command(after_help = "Examples:
  graphc bench model.gcx --dim batch=8
  graphc bench model.onnx --inputs inputs.npz --threads 1 --iters 100 --json")]
pub(crate) struct BenchArgs {
    /// The model or artifact.
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Runs to measure; by default as many as three seconds take, at least 5 and at most 200.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) iters: Option<u32>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) options: CompileOptionArgs,
}

#[derive(Args)]
#[command(after_help = "Examples:
  graphc compare model.onnx model.gcx --inputs inputs.npz
  graphc compare model.onnx model.gcx --per-layer --dim seq=16")]
pub(crate) struct CompareArgs {
    /// The model, which the evaluator runs as it was imported.
    pub(crate) model: PathBuf,
    /// The artifact; the model is compiled anew where none is given.
    pub(crate) artifact: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Make inputs at random from this seed, where no file is given.
    #[arg(
        long,
        value_name = "SEED",
        default_value_t = 0,
        conflicts_with = "inputs"
    )]
    pub(crate) random: u64,
    /// Compare the values inside too, by the user's nodes.
    #[arg(long)]
    pub(crate) per_layer: bool,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) options: CompileOptionArgs,
}

#[derive(Args)]
#[command(after_help = "Examples:
  graphc inspect model.onnx                          the graph behind all passes
  graphc inspect model.gcx --kernels --json
  graphc inspect model.gcx --memory --dim batch=8
  graphc inspect model.onnx --html model.html --dot model.dot
  graphc inspect passes/03-simplify.gc --json
  graphc inspect model.gcx --check")]
pub(crate) struct InspectArgs {
    /// The model, the artifact, or a graph that `compile --dump` wrote.
    pub(crate) model: PathBuf,
    /// Write the graph for Graphviz.
    #[arg(long, value_name = "FILE")]
    pub(crate) dot: Option<PathBuf>,
    /// Write one page that shows graph, kernels and memory.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Show the arena: what lies where and when, and who makes the peak.
    #[arg(long)]
    pub(crate) memory: bool,
    /// Show the kernels.
    #[arg(long)]
    pub(crate) kernels: bool,
    /// Read all weights and compare them with their checksums (artifacts only).
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) options: CompileOptionArgs,
}
