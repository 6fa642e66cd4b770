//! Checks of the text of each file: length, module head, what must not stand in it.

use super::Problem;
use super::source::Source;

/// A Rust file longer than this fails.
const MAX_LINES: usize = 1000;

/// A Rust file longer than this is named in the report.
const SOFT_MAX_LINES: usize = 600;

/// Text that no Rust file may hold, in two halves so that this file does not hold it, and why.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("todo", "!(", "finish it or return an error"),
    ("unimplemented", "!(", "finish it or return an error"),
    (
        "#[ign",
        "ore",
        "a known gap is an entry with its reason in a list, not a skipped test",
    ),
    ("#[should_", "panic", "assert on the error value"),
    ("FIX", "ME", "mend it"),
    ("XX", "X", "mend it"),
];

/// Folders at the root of a file system that name one particular machine.
const MACHINE_FOLDERS: &[&str] = &["home", "root", "tmp", "work", "Users"];

/// Files whose text is not ours.
const FOREIGN: &[&str] = &["Cargo.lock"];

/// All checks of this module.
pub(super) fn check(sources: &[Source]) -> Vec<Problem> {
    let mut problems = vec![];
    for source in sources
        .iter()
        .filter(|source| !FOREIGN.contains(&source.path.as_str()))
    {
        if source.is_rust() {
            check_length_and_head(source, &mut problems);
        }
        for (line_idx, line) in source.text.lines().enumerate() {
            let place = || format!("{}:{}", source.path, line_idx + 1);
            if source.is_rust() {
                for (start, end, advice) in FORBIDDEN {
                    let text = format!("{start}{end}");
                    if line.contains(&text) {
                        problems.push(Problem::new(place(), format!("`{text}`: {advice}")));
                    }
                }
            }
            if let Some(path) = machine_path(line) {
                problems.push(Problem::new(
                    place(),
                    format!("`{path}` is a path of one machine"),
                ));
            }
        }
    }
    problems
}

fn check_length_and_head(source: &Source, problems: &mut Vec<Problem>) {
    let n_lines = source.text.lines().count();
    if n_lines > MAX_LINES {
        problems.push(Problem::new(
            &source.path,
            format!("{n_lines} lines, at most {MAX_LINES}: split it by idea"),
        ));
    }
    if !source.text.starts_with("//!") {
        problems.push(Problem::new(
            &source.path,
            "must begin with `//!`: what it owns, guarantees and refuses",
        ));
    }
}

/// The first absolute path in the line that leads into a folder of one machine.
fn machine_path(line: &str) -> Option<&str> {
    line.match_indices('/').find_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "_./-}$".contains(c)) {
            return None;
        }
        let (folder, rest) = line[at + 1..].split_once('/')?;
        let is_path = rest.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
        (is_path && MACHINE_FOLDERS.contains(&folder)).then(|| {
            let end = line[at..]
                .find(|c: char| c.is_whitespace() || "\"'`)".contains(c))
                .unwrap_or(line.len() - at);
            &line[at..at + end]
        })
    })
}

/// One line on the sizes of Rust files, and one for each that is over the soft limit.
pub(super) fn sizes(sources: &[Source]) -> String {
    let mut files: Vec<(usize, &str)> = sources
        .iter()
        .filter(|source| source.is_rust())
        .map(|s| (s.text.lines().count(), s.path.as_str()))
        .collect();
    files.sort_by(|left, right| right.cmp(left));
    let n_lines: usize = files.iter().map(|(n_lines, _)| n_lines).sum();
    let median = files
        .get(files.len() / 2)
        .map_or(0, |(n_lines, _)| *n_lines);
    let mut report = format!(
        "{} Rust files, {n_lines} lines, median {median}",
        files.len()
    );
    for (n_lines, path) in files
        .iter()
        .filter(|(n_lines, _)| *n_lines > SOFT_MAX_LINES)
    {
        report.push_str(&format!(
            "\n{path}: {n_lines} lines, over the soft limit of {SOFT_MAX_LINES}"
        ));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&[Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }])
        .iter()
        .map(Problem::to_string)
        .collect()
    }

    #[test]
    fn stubs_skipped_tests_and_long_or_headless_files_are_found() {
        assert!(messages("a.rs", "//! Head.\n").is_empty());
        let (start, end, _) = FORBIDDEN[0];
        assert_eq!(
            messages("a.rs", &format!("//! Head.\n{start}{end})"))[0]
                .split(' ')
                .next(),
            Some("a.rs:2:")
        );
        let (start, end, _) = FORBIDDEN[2];
        assert_eq!(
            messages("a.rs", &format!("//! Head.\n{start}{end}]\n")).len(),
            1
        );
        assert!(messages("a.rs", "fn f() {}\n")[0].contains("must begin"));
        assert!(messages("a.rs", &"//! Head.\n".repeat(1001))[0].contains("1001 lines"));
        assert!(messages("a.txt", &"x\n".repeat(1001)).is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found_and_relative_ones_are_not() {
        let folder = MACHINE_FOLDERS[0];
        assert_eq!(
            machine_path(&format!("see \"/{folder}/me/x\" there")),
            Some(format!("/{folder}/me/x").as_str())
        );
        assert_eq!(
            machine_path(&format!("(/{folder}/me)")),
            Some(format!("/{folder}/me").as_str())
        );
        assert_eq!(
            machine_path(&format!("src/{folder}/me and https://host/{folder}/me")),
            None
        );
        assert_eq!(
            machine_path(&format!("/{folder}/ alone, /usr/bin/env")),
            None
        );
    }

    #[test]
    fn the_size_report_gives_the_median_and_names_long_files() {
        let source = |path: &str, n_lines: usize| Source {
            path: path.to_owned(),
            text: "x\n".repeat(n_lines),
        };
        let report = sizes(&[
            source("a.rs", 10),
            source("b.rs", 700),
            source("c.rs", 20),
            source("d.md", 5),
        ]);
        assert_eq!(
            report,
            "3 Rust files, 730 lines, median 20\nb.rs: 700 lines, over the soft limit of 600"
        );
    }
}
