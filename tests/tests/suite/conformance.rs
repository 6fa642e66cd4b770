//! The ONNX backend tests: what passes, and what is known not to.

use graphc_tests::conformance::{self, RunOptions};
use graphc_tests::{assets, gaps};
use std::path::Path;

#[test]
fn onnx_backend_tests_pass_but_for_known_gaps() {
    let report = conformance::run(&assets::path("onnx-conformance"), &RunOptions::default())
        .expect("the suite can be read");
    let known = gaps::KnownGaps::read(Path::new(gaps::FILE), "onnx").expect("a list of gaps");
    let problems = known.problems(report.outcomes(), true);
    assert!(
        problems.is_empty(),
        "{}\n{}\nsee docs/developing.md",
        report.to_text(),
        problems.join("\n")
    );
    let scoreboard = include_str!("../../conformance/SCOREBOARD.md");
    assert!(
        scoreboard == report.to_scoreboard(&known),
        "tests/conformance/SCOREBOARD.md is stale: run `cargo xtask conformance`"
    );
}
