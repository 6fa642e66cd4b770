//! The command line: `graphc compile`, `run`, `inspect`, `ops`, `doctor`.
//!
//! Machine-readable output goes to stdout with `--json`, all else to stderr. Exit codes: 0, 1 (failed, with the cause), 2
//! (usage).
#![forbid(unsafe_code)]

mod commands;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compiles models to artifacts and runs them.
#[derive(Parser)]
#[command(name = "graphc", version, about, max_term_width = 100)]
struct Cli {
    /// Machine-readable output on stdout.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile an ONNX model to an artifact.
    Compile {
        /// The model.
        model: PathBuf,
        /// The artifact; beside the model with the ending `.gcx` by default.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// What to compile for; only `cpu` so far.
        #[arg(long, default_value = "cpu")]
        target: String,
        #[command(flatten)]
        dims: Dims,
    },
    /// Run a model or an artifact on inputs from an `.npz` file.
    Run {
        /// The model or artifact.
        model: PathBuf,
        /// Inputs; its keys are the names of the model's inputs.
        #[arg(long)]
        inputs: PathBuf,
        /// Where to write the outputs; their shapes are printed in any case.
        #[arg(long)]
        output: Option<PathBuf>,
        #[command(flatten)]
        dims: Dims,
    },
    /// Show what a model or an artifact holds.
    Inspect {
        /// The model or artifact.
        model: PathBuf,
        /// Read all weights and compare them with their checksums (artifacts only).
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        dims: Dims,
    },
    /// List the supported operators.
    Ops,
    /// Show what this machine has.
    Doctor,
}

/// Sizes of dims.
#[derive(clap::Args)]
struct Dims {
    /// Fix or bound a dim: `--dim seq=128`, `--dim seq=1..512`.
    #[arg(long = "dim", value_name = "NAME=SIZE|LO..HI", value_parser = parse_dim)]
    dims: Vec<(String, (i64, i64))>,
}

fn parse_dim(text: &str) -> Result<(String, (i64, i64)), String> {
    let (name, size) = text
        .rsplit_once('=')
        .ok_or("expected NAME=SIZE or NAME=LO..HI")?;
    let number = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| format!("`{text}` is no size"))
    };
    let (lo, hi) = match size.split_once("..") {
        Some((lo, hi)) => (number(lo)?, number(hi.trim_start_matches('='))?),
        None => (number(size)?, number(size)?),
    };
    if lo < 0 || lo > hi {
        return Err(format!("`{size}` is no range of sizes"));
    }
    Ok((name.to_owned(), (lo, hi)))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Compile {
            model,
            output,
            target,
            dims,
        } => commands::compile(&model, output, &target, dims.dims, cli.json),
        Command::Run {
            model,
            inputs,
            output,
            dims,
        } => commands::run(&model, &inputs, output, dims.dims, cli.json),
        Command::Inspect { model, check, dims } => {
            commands::inspect(&model, check, dims.dims, cli.json)
        }
        Command::Ops => commands::ops(cli.json),
        Command::Doctor => commands::doctor(cli.json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if cli.json {
                println!("{}", serde_json::json!({ "error": format!("{error:#}") }));
            }
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
