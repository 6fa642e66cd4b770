//! Developer commands of the workspace: `cargo xtask --help` lists them.
//!
//! Owns the pins of everything that comes from outside, the demo, the way tests are run, and the tidy checks.
//! It knows the other crates by their command lines and by `cargo metadata` only, so it builds and works while they
//! do not.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod assets;
mod demo;
mod fill;
mod process;
mod repo;
mod suites;
mod tidy;

/// Developer commands of graphc.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings pinned models and test data into the asset folder.
    Fetch {
        /// Names of assets (see --list).
        #[arg(required_unless_present_any = ["all", "list"])]
        names: Vec<String>,
        /// Brings every asset.
        #[arg(long)]
        all: bool,
        /// Shows what there is and what is already here.
        #[arg(long, conflicts_with = "all")]
        list: bool,
    },
    /// Puts graphs of tests/fixtures/graphs with their weights into the asset folder.
    Fill {
        /// Names of graphs, with or without folder and `.onnx`.
        #[arg(required_unless_present = "all")]
        graphs: Vec<String>,
        /// Fills every graph.
        #[arg(long)]
        all: bool,
    },
    /// Compiles a file type classifier and shows what it says about some files.
    Demo,
    /// Brings what the tests need, then runs all tests of the workspace.
    Test {
        /// Arguments for the test runner, after `--`: a filter, for example.
        #[arg(last = true)]
        runner_args: Vec<String>,
    },
    /// Runs rustfmt, clippy, tidy and all tests.
    Check,
    /// Runs the ONNX backend tests through the CPU target and writes the scoreboard.
    Conformance,
    /// Checks file sizes, crate edges, module heads, environment variables and forbidden text.
    Tidy,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Fetch { list: true, .. } => assets::list(),
        Command::Fetch { names, all, .. } => assets::fetch(&names, all),
        Command::Fill { graphs, all } => fill::fill(&graphs, all),
        Command::Demo => demo::run(),
        Command::Test { runner_args } => suites::test(&runner_args),
        Command::Check => suites::check(),
        Command::Conformance => suites::conformance(),
        Command::Tidy => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
