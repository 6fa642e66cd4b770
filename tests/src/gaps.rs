//! The list of known gaps, `tests/known_gaps.toml`: tests that fail today, each with the reason.
//!
//! A failure that is not listed is a regression, and a listed test that passes is a stale entry; both fail.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The list as it stands in the repository.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/known_gaps.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    gap: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    suite: String,
    reason: String,
    tests: Vec<String>,
}

/// Known gaps of one suite: reason by test.
#[derive(Clone, Default, Debug)]
pub struct KnownGaps {
    reasons: BTreeMap<String, String>,
}

impl KnownGaps {
    /// Reads those of `suite` from a list.
    ///
    /// # Errors
    /// When the file is no such list, lists a test twice, or gives no reason.
    pub fn read(path: &Path, suite: &str) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text, suite).with_context(|| path.display().to_string())
    }

    fn parse(text: &str, suite: &str) -> Result<Self> {
        let file: File = toml::from_str(text)?;
        let mut reasons = BTreeMap::new();
        for entry in file.gap.iter().filter(|entry| entry.suite == suite) {
            if entry.reason.trim().is_empty() {
                bail!("a gap of {:?} has no reason", entry.tests);
            }
            for test in &entry.tests {
                if reasons.insert(test.clone(), entry.reason.clone()).is_some() {
                    bail!("{test} is listed twice");
                }
            }
        }
        Ok(Self { reasons })
    }

    /// Why a test is known to fail.
    pub fn reason(&self, test: &str) -> Option<&str> {
        self.reasons.get(test).map(String::as_str)
    }

    /// Compares with what happened: one line for each test that was run and failed without being listed, and for each
    /// that is listed and passed. With `all_ran`, a listed test that does not exist is stale as well.
    pub fn problems<'a>(
        &self,
        outcomes: impl Iterator<Item = (&'a str, bool)>,
        all_ran: bool,
    ) -> Vec<String> {
        let mut unseen = self.reasons.clone();
        let mut problems = Vec::new();
        for (test, passed) in outcomes {
            let is_listed = unseen.remove(test).is_some();
            match (passed, is_listed) {
                (false, false) => problems.push(format!("{test} fails and is no known gap")),
                (true, true) => problems.push(format!("{test} passes; its known gap is stale")),
                _ => {}
            }
        }
        if all_ran {
            let missing = unseen
                .keys()
                .map(|test| format!("{test} is a known gap, but there is no such test"));
            problems.extend(missing);
        }
        problems
    }
}

/// Removes tests from the list, one entry per line as the list is written, and leaves all else as it is.
///
/// # Errors
/// When the file cannot be read or written.
pub fn remove(path: &Path, tests: &[String]) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let is_kept = |line: &&str| {
        let name = line.trim().trim_end_matches(',').trim_matches('"');
        !tests.iter().any(|test| test == name)
    };
    let kept: Vec<&str> = text.lines().filter(is_kept).collect();
    std::fs::write(path, kept.join("\n") + "\n").with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[gap]]
        suite = "onnx"
        reason = "not there yet"
        tests = [
            "node/test_a",
            "node/test_b",
        ]
    "#;

    fn check(outcomes: &[(&str, bool)], all_ran: bool, expected: &[&str]) {
        let gaps = KnownGaps::parse(LIST, "onnx").expect("a list");
        let problems = gaps.problems(outcomes.iter().copied(), all_ran);
        assert_eq!(problems, expected);
    }

    #[test]
    fn failures_and_gaps_must_agree() {
        let both_fail = [("node/test_a", false), ("node/test_b", false)];
        check(&both_fail, true, &[]);
        check(&both_fail[..1], false, &[]);
        check(
            &both_fail[..1],
            true,
            &["node/test_b is a known gap, but there is no such test"],
        );
        check(
            &[("node/test_a", true), ("node/test_c", false)],
            false,
            &[
                "node/test_a passes; its known gap is stale",
                "node/test_c fails and is no known gap",
            ],
        );
    }

    #[test]
    fn a_list_without_reason_or_with_repetition_is_refused() {
        let no_reason = LIST.replace("not there yet", " ");
        assert!(KnownGaps::parse(&no_reason, "onnx").is_err());
        let twice = LIST.replace("test_b", "test_a");
        assert!(KnownGaps::parse(&twice, "onnx").is_err());
        let other_suite = KnownGaps::parse(LIST, "models").expect("a list");
        assert_eq!(other_suite.reason("node/test_a"), None);
    }
}
