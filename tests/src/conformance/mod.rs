//! The ONNX backend tests, judged on the CPU target: import, compile to an artifact, load, run, compare.
//!
//! Inputs stay inputs of the artifact; nothing of a test is known when its model is compiled. Arenas are poisoned outside
//! lifetimes, and a second run must give the same bits.

mod cases;
mod chance;
mod judge;
mod report;

pub use cases::{Case, Data, discover};
pub use report::{Count, Report, Row, Verdict};

use crate::parallel::{self, Outcome};
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How the suite is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Only tests whose name, such as `node/test_abs`, contains this.
    pub filter: String,
    /// Tests that run at once.
    pub n_threads: usize,
    /// Time that one test may take.
    pub limit: Duration,
    /// Whether progress is shown on stderr.
    pub shows_progress: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            filter: String::new(),
            n_threads: std::thread::available_parallelism().map_or(1, usize::from),
            limit: Duration::from_secs(60),
            shows_progress: false,
        }
    }
}

/// Runs the tests of a suite folder, `backend/test/data` of the `onnx` package.
///
/// # Errors
/// When the folder cannot be read or holds no tests. A test that fails is a row of the report.
pub fn run(suite_dir: &Path, options: &RunOptions) -> Result<Report> {
    let mut cases = discover(suite_dir)?;
    cases.retain(|case| case.name.contains(&options.filter));
    let scratch = tempfile::tempdir().context("cannot make a folder for artifacts")?;
    let folder = scratch.path().to_owned();
    let n_done = AtomicUsize::new(0);
    let n_cases = cases.len();
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    let on_done = |index: usize, outcome: &Outcome<(Vec<String>, Verdict)>| {
        let n = n_done.fetch_add(1, Ordering::Relaxed) + 1;
        if options.shows_progress {
            if !matches!(outcome, Outcome::Done((_, Verdict::Pass))) {
                eprintln!("not passed: {}", names[index]);
            }
            if n.is_multiple_of(200) {
                eprintln!("{n} of {n_cases}");
            }
        }
    };
    let job = move |case: &Case| (judge::operators(case), judge::judge(case, &folder));
    let outcomes = parallel::run(cases, options.n_threads, options.limit, job, on_done);
    let rows = names.iter().zip(outcomes).map(|(name, outcome)| {
        let (operators, verdict) = match outcome {
            Outcome::Done(done) => done,
            Outcome::Panicked(message) => (Vec::new(), Verdict::Fail(message)),
            Outcome::TimedOut => (
                Vec::new(),
                Verdict::Fail(format!("not done after {} s", options.limit.as_secs())),
            ),
        };
        Row {
            name: name.clone(),
            operators,
            verdict,
        }
    });
    Ok(Report {
        rows: rows.collect(),
    })
}
