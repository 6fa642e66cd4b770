//! Environment variables: each that the project names stands in the table of `docs/env.md`, and the other way round.

use std::collections::BTreeMap;

use super::Problem;
use super::source::Source;

const PREFIX: &str = "GRAPHC_";
const TABLE: &str = "docs/env.md";

/// Compares what code, scripts and configuration name with the table.
pub(super) fn check(sources: &[Source]) -> Vec<Problem> {
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for source in sources {
        if source.path == TABLE {
            for row in source.text.lines().filter(|line| line.starts_with("| `")) {
                listed.extend(names(row).take(1).map(|name| (name, TABLE)));
            }
        } else if source.is_rust()
            || source.path.ends_with(".toml")
            || source.path.starts_with(".ci/")
        {
            for name in names(&source.text) {
                used.entry(name).or_insert(&source.path);
            }
        }
    }
    let unlisted = used.iter().filter(|(name, _)| !listed.contains_key(*name));
    let unused = listed.iter().filter(|(name, _)| !used.contains_key(*name));
    unlisted
        .map(|(name, place)| {
            Problem::new(
                *place,
                format!("{name} is missing from the table of {TABLE}"),
            )
        })
        .chain(unused.map(|(name, place)| Problem::new(*place, format!("{name} is read nowhere"))))
        .collect()
}

/// Names that begin with the prefix and go on.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.match_indices(PREFIX).filter_map(move |(at, _)| {
        let inside_a_word = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &text[at..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        (!inside_a_word && name.len() > PREFIX.len()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(table: &str, code: &str) -> Vec<String> {
        let source = |path: &str, text: &str| Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&[source(TABLE, table), source("a.rs", code)])
            .iter()
            .map(Problem::to_string)
            .collect()
    }

    #[test]
    fn table_and_code_must_name_the_same_variables() {
        let (one, two) = (format!("{PREFIX}ONE"), format!("{PREFIX}TWO"));
        let table = format!("Text on {two}.\n\n| variable |\n|---|\n| `{one}` | see {two} |\n");
        assert!(messages(&table, &format!("var(\"{one}\")")).is_empty());
        assert_eq!(
            messages(&table, ""),
            [format!("{TABLE}: {one} is read nowhere")]
        );
        assert_eq!(
            messages(&table, &format!("{one} {two}")),
            [format!("a.rs: {two} is missing from the table of {TABLE}")]
        );
    }

    #[test]
    fn only_whole_names_count() {
        let text = format!("MY_{PREFIX}A {PREFIX} {PREFIX}B2_C.");
        assert_eq!(names(&text).collect::<Vec<_>>(), [format!("{PREFIX}B2_C")]);
    }
}
