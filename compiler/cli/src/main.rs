//! The command line of graphc.
//!
//! Results go to stdout, as JSON with `--json`; progress and errors go to stderr, errors with `--json` as `{"error": …}` to
//! stdout too. Exit codes: 0, 1 (failed, with the cause), 2 (usage). A closed pipe ends a command in silence.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod model;
mod output;
mod progress;
mod values;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

/// Exit code of a command that was used wrongly.
const USAGE: u8 = 2;

/// Exit code of a command that was interrupted: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    // Where no handler can be set, an interruption leaves a partial file behind and nothing worse.
    let _ = ctrlc::set_handler(|| {
        graphc::whole_file::remove_partial_files();
        std::process::exit(INTERRUPTED);
    });
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let outcome = match &cli.command {
        Command::Compile(args) => commands::compile::run(args, cli.json),
        Command::Run(args) => commands::run::run(args, cli.json),
        Command::Bench(args) => commands::bench::run(args, cli.json),
        Command::Compare(args) => commands::compare::run(args, cli.json),
        Command::Inspect(args) => commands::inspect::run(args, cli.json),
        Command::Ops => commands::ops::run(cli.json),
        Command::Doctor => commands::doctor::run(cli.json),
        Command::Completions { shell } => commands::manual::completions(*shell),
        Command::Man { command } => commands::manual::man(command.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error, cli.json);
            ExitCode::FAILURE
        }
    }
}

/// Shows help, or what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    let is_json = std::env::args_os().any(|arg| arg == "--json");
    if error.use_stderr() && is_json {
        let text = error.render().to_string();
        let text = text.trim_start_matches("error: ").trim_end();
        // Nobody listens where this fails.
        let _ = output::json(&serde_json::json!({ "error": text }));
    }
    let _ = error.print();
    match error.use_stderr() {
        true => ExitCode::from(USAGE),
        false => ExitCode::SUCCESS,
    }
}
