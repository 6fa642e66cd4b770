//! Runs the ONNX backend tests through the CPU target and holds the result against the list of known gaps.
//!
//! Exit codes: 0, 1 (a failure that is not listed, or a listed test that passes), 2 (usage).
#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use clap::Parser;
use graphc_tests::conformance::{self, Report, RunOptions};
use graphc_tests::gaps::{self, KnownGaps};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Run the ONNX backend tests through the CPU target.
#[derive(Parser)]
#[command(max_term_width = 100)]
struct Args {
    /// Folder with the suites: `backend/test/data` of an `onnx` package of any release.
    #[arg(long)]
    suite_dir: PathBuf,
    /// Only tests whose name, such as `node/test_abs`, contains this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Write the scoreboard to this file.
    #[arg(long, value_name = "FILE", conflicts_with = "filter")]
    write: Option<PathBuf>,
    /// The list of known gaps.
    #[arg(long, value_name = "FILE", default_value = gaps::FILE)]
    gaps: PathBuf,
    /// Take tests that pass off the list of known gaps.
    #[arg(long)]
    prune_gaps: bool,
    /// Seconds that one test may take.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Tests that run at once; 0 takes one per core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Machine-readable output on stdout.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether results and known gaps agree.
fn run(args: &Args) -> Result<bool> {
    let defaults = RunOptions::default();
    let options = RunOptions {
        filter: args.filter.clone(),
        n_threads: match args.threads {
            0 => defaults.n_threads,
            n => n,
        },
        limit: Duration::from_secs(args.timeout),
        shows_progress: true,
    };
    let report = conformance::run(&args.suite_dir, &options)?;
    if args.json {
        println!("{}", report.to_json());
    } else {
        print!("{}", report.to_text());
    }
    if args.prune_gaps {
        let passed = report.outcomes().filter(|(_, passed)| *passed);
        let passed: Vec<String> = passed.map(|(name, _)| name.to_owned()).collect();
        gaps::remove(&args.gaps, &passed)?;
    }
    let known = KnownGaps::read(&args.gaps, "onnx")?;
    if let Some(path) = &args.write {
        let written = std::fs::write(path, report.to_scoreboard(&known));
        written.with_context(|| path.display().to_string())?;
    }
    Ok(agrees(&report, &known, args.filter.is_empty()))
}

fn agrees(report: &Report, known: &KnownGaps, all_ran: bool) -> bool {
    let problems = known.problems(report.outcomes(), all_ran);
    for problem in &problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        eprintln!("known gaps stand in tests/known_gaps.toml; --prune-gaps removes stale ones");
    }
    problems.is_empty()
}
