//! What came out, by test, by suite and by operator.

use crate::gaps::KnownGaps;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What became of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All outputs agree.
    Pass,
    /// Something failed or differs.
    Fail(String),
    /// It could not be judged, which counts as not passed.
    Skip(String),
}

impl Verdict {
    /// In one word.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Skip(_) => "skip",
        }
    }

    /// Why it is none; empty for a pass.
    pub fn reason(&self) -> &str {
        match self {
            Verdict::Pass => "",
            Verdict::Fail(reason) | Verdict::Skip(reason) => reason,
        }
    }
}

/// A test and its verdict.
#[derive(Clone, Debug)]
pub struct Row {
    /// The test, such as `node/test_abs`.
    pub name: String,
    /// Operators that it is counted under.
    pub operators: Vec<String>,
    /// What became of it.
    pub verdict: Verdict,
}

/// How many passed, failed, were skipped.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub struct Count {
    /// Passed.
    pub pass: usize,
    /// Failed.
    pub fail: usize,
    /// Not judged.
    pub skip: usize,
}

impl Count {
    /// All of them.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.skip
    }

    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail(_) => self.fail += 1,
            Verdict::Skip(_) => self.skip += 1,
        }
    }
}

/// All tests that were run, by name.
#[derive(Clone, Default, Debug)]
pub struct Report {
    /// One row per test.
    pub rows: Vec<Row>,
}

impl Report {
    /// Counts by suite.
    pub fn by_suite(&self) -> BTreeMap<&str, Count> {
        let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
        for row in &self.rows {
            let suite = row.name.split('/').next().unwrap_or_default();
            counts.entry(suite).or_default().add(&row.verdict);
        }
        counts
    }

    /// Counts by operator; a test counts under each operator of its graph.
    pub fn by_operator(&self) -> BTreeMap<&str, Count> {
        let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
        for row in &self.rows {
            for operator in &row.operators {
                counts.entry(operator).or_default().add(&row.verdict);
            }
        }
        counts
    }

    /// Each test by name, and whether it passed.
    pub fn outcomes(&self) -> impl Iterator<Item = (&str, bool)> {
        self.rows
            .iter()
            .map(|row| (row.name.as_str(), row.verdict == Verdict::Pass))
    }

    fn not_passed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.verdict != Verdict::Pass)
    }

    /// For the terminal: what did not pass and why, then the counts.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for row in self.not_passed() {
            line(
                &mut text,
                format_args!(
                    "{} {}: {}",
                    row.verdict.word(),
                    row.name,
                    row.verdict.reason()
                ),
            );
        }
        table(&mut text, "operator", &self.by_operator());
        table(&mut text, "suite", &self.by_suite());
        text
    }

    /// For machines.
    pub fn to_json(&self) -> serde_json::Value {
        let tests: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.name,
                    "operators": row.operators,
                    "verdict": row.verdict.word(),
                    "reason": row.verdict.reason(),
                })
            })
            .collect();
        json!({ "suites": self.by_suite(), "operators": self.by_operator(), "tests": tests })
    }

    /// The scoreboard as the repository keeps it: no times and no messages, so that it changes only with the verdicts.
    pub fn to_scoreboard(&self, gaps: &KnownGaps) -> String {
        let mut text = String::from(
            "# ONNX backend tests on the CPU target\n\n\
             Each test is imported, compiled to an artifact, loaded and run; inputs stay inputs. Tolerances are the suite's \
             own, and a skipped test counts as not passed. Written by `cargo xtask conformance`.\n\n",
        );
        markdown(&mut text, "suite", &self.by_suite());
        text.push_str("\n## Not passed\n\n");
        if self.not_passed().next().is_none() {
            text.push_str("None.\n");
        } else {
            text.push_str("| test | | why |\n|---|---|---|\n");
        }
        for row in self.not_passed() {
            let why = gaps.reason(&row.name).unwrap_or("not known");
            line(
                &mut text,
                format_args!("| {} | {} | {why} |", row.name, row.verdict.word()),
            );
        }
        text.push_str("\n## By operator\n\nA test counts under each operator of its graph; a test that spells an operator out in others, under that operator.\n\n");
        markdown(&mut text, "operator", &self.by_operator());
        text
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

fn table(text: &mut String, what: &str, counts: &BTreeMap<&str, Count>) {
    line(
        text,
        format_args!("\n{what:<44} {:>6} {:>6} {:>6}", "pass", "fail", "skip"),
    );
    for (name, count) in counts {
        line(
            text,
            format_args!(
                "{name:<44} {:>6} {:>6} {:>6}",
                count.pass, count.fail, count.skip
            ),
        );
    }
}

fn markdown(text: &mut String, what: &str, counts: &BTreeMap<&str, Count>) {
    line(
        text,
        format_args!("| {what} | tests | pass | fail | skip |\n|---|---:|---:|---:|---:|"),
    );
    for (name, count) in counts {
        let Count { pass, fail, skip } = count;
        line(
            text,
            format_args!("| {name} | {} | {pass} | {fail} | {skip} |", count.total()),
        );
    }
}
