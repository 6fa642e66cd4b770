//! The runs that take the whole workspace: tests, check, conformance.

use anyhow::Result;

use crate::process::{cargo, run, stage, succeeds};
use crate::{assets, fill, repo, tidy};

/// Brings all assets and graphs, then runs unit and integration tests and doctests. `runner_args` go to the test
/// runner; with them, doctests are left out.
pub(crate) fn test(runner_args: &[String]) -> Result<()> {
    stage("assets", || {
        assets::fetch(&[], true)?;
        fill::fill(&[], true)
    })?;
    stage("tests", || {
        let has_nextest = succeeds(cargo()?.args(["nextest", "--version"]));
        let runner: &[&str] = if has_nextest {
            &["nextest", "run"]
        } else {
            &["test", "--lib", "--bins", "--tests"]
        };
        run(cargo()?.args(runner).arg("--workspace").args(runner_args))
    })?;
    if runner_args.is_empty() {
        stage("doctests", || {
            run(cargo()?.args(["test", "--quiet", "--doc", "--workspace"]))
        })?;
    }
    Ok(())
}

/// What a change must pass: format, lints, tidy, tests.
pub(crate) fn check() -> Result<()> {
    stage("fmt", || run(cargo()?.args(["fmt", "--all", "--check"])))?;
    stage("clippy", || {
        run(cargo()?.args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    stage("tidy", tidy::run)?;
    test(&[])
}

/// Runs the ONNX backend tests and rewrites `tests/conformance/SCOREBOARD.md`.
pub(crate) fn conformance() -> Result<()> {
    let suite = "onnx-conformance";
    assets::fetch(&[suite.to_owned()], false)?;
    let mut command = cargo()?;
    command.args([
        "run",
        "--release",
        "--quiet",
        "--package",
        "graphc-tests",
        "--bin",
        "conformance",
        "--",
    ]);
    command
        .arg("--suite-dir")
        .arg(repo::asset_dir()?.join(suite));
    command.args(["--write", "tests/conformance/SCOREBOARD.md"]);
    run(&mut command)
}
