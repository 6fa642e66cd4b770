//! Which crate may use which, and which crate may hold `unsafe`; both from `cargo metadata`.
//!
//! The table here is the law: an edge that it does not list is a problem, and so is a crate that it does not know.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Problem;
use super::source::Source;
use crate::process::cargo;
use crate::repo;

/// For each library crate the crates of ours that it may use as normal or build dependency.
const MAY_USE: &[(&str, &[&str])] = &[
    ("graphc-base", &[]),
    ("graphc-ir", &["graphc-base"]),
    ("graphc-interp", &["graphc-base", "graphc-ir"]),
    ("graphc-onnx", &["graphc-base", "graphc-ir"]),
    ("graphc-safetensors", &["graphc-base", "graphc-ir"]),
    ("graphc-opt", &["graphc-base", "graphc-ir"]),
    ("graphc-quant", &["graphc-base", "graphc-ir"]),
    ("graphc-grad", &["graphc-base", "graphc-ir"]),
    ("graphc-kernel", &["graphc-base"]),
    ("graphc-program", &["graphc-base", "graphc-kernel"]),
    (
        "graphc-plan",
        &[
            "graphc-base",
            "graphc-ir",
            "graphc-kernel",
            "graphc-program",
        ],
    ),
    ("graphc-cuda-codegen", &["graphc-base", "graphc-kernel"]),
    (
        "graphc-device",
        &["graphc-base", "graphc-kernel", "graphc-program"],
    ),
    (
        "graphc-cpu",
        &[
            "graphc-base",
            "graphc-kernel",
            "graphc-program",
            "graphc-device",
        ],
    ),
    (
        "graphc-cuda",
        &[
            "graphc-base",
            "graphc-kernel",
            "graphc-program",
            "graphc-device",
        ],
    ),
    (
        "graphc-sim",
        &[
            "graphc-base",
            "graphc-kernel",
            "graphc-program",
            "graphc-device",
        ],
    ),
    (
        "graphc-runtime",
        &[
            "graphc-base",
            "graphc-program",
            "graphc-device",
            "graphc-cpu",
            "graphc-cuda",
            "graphc-sim",
        ],
    ),
];

/// The crate that joins both halves; it may use every library crate.
const DRIVER: &str = "graphc";

/// Crates at the top, which may use everything and which nothing else uses.
const TOP: &[&str] = &["graphc-cli", "graphc-tests", "graphc-benches", "xtask"];

/// The oracle, which every crate may use in its tests.
const ORACLE: &str = "graphc-interp";

/// Foreign crates that only one crate may see.
const FENCED: &[(&str, &str)] = &[
    ("egg", "graphc-opt"),
    ("cudarc", "graphc-cuda"),
    ("prost", "graphc-onnx"),
    ("petgraph", "graphc-plan"),
];

/// Crates that may hold `unsafe`; each block there has its `SAFETY:` line.
const MAY_BE_UNSAFE: &[&str] = &["graphc-base", "graphc-cpu", "graphc-cuda"];

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
pub(super) struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or nothing for a normal one.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: String,
}

impl Workspace {
    /// Asks cargo.
    pub(super) fn load() -> Result<Self> {
        let mut command = cargo()?;
        command
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .stderr(Stdio::inherit());
        let output = command.output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed");
        }
        serde_json::from_slice(&output.stdout).context("`cargo metadata` is not what was expected")
    }
}

/// Every dependency on a crate of ours, and on a fenced one, against the tables.
pub(super) fn check_edges(workspace: &Workspace) -> Vec<Problem> {
    let mut problems = vec![];
    let ours: Vec<&str> = workspace
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    for package in &workspace.packages {
        let name = package.name.as_str();
        let known = MAY_USE.iter().find(|(known, _)| *known == name);
        if known.is_none() && name != DRIVER && !TOP.contains(&name) {
            problems.push(Problem::new(
                name,
                "is not in the table of crates (xtask/src/tidy/layering.rs)",
            ));
            continue;
        }
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            let is_dev = dependency.kind.as_deref() == Some("dev");
            if let Some((_, keeper)) = FENCED.iter().find(|(foreign, _)| *foreign == used)
                && *keeper != name
            {
                problems.push(Problem::new(
                    name,
                    format!("uses {used}, which only {keeper} may see"),
                ));
            }
            if !ours.contains(&used) || used == name || (is_dev && used == ORACLE) {
                continue;
            }
            let is_allowed = match known {
                Some((_, may_use)) => may_use.contains(&used),
                None => TOP.contains(&name) || !TOP.contains(&used),
            };
            if !is_allowed {
                let kind = dependency.kind.as_deref().unwrap_or("normal");
                problems.push(Problem::new(
                    name,
                    format!("must not use {used} ({kind} dependency)"),
                ));
            }
        }
    }
    problems
}

/// Every library and binary forbids `unsafe`, but for the few crates that need it.
pub(super) fn check_unsafe(workspace: &Workspace, sources: &[Source]) -> Vec<Problem> {
    let root = repo::root().to_string_lossy().replace('\\', "/");
    let mut problems = vec![];
    for package in workspace
        .packages
        .iter()
        .filter(|package| !MAY_BE_UNSAFE.contains(&package.name.as_str()))
    {
        for target in &package.targets {
            let is_shipped = target
                .kind
                .iter()
                .any(|kind| kind == "lib" || kind == "bin" || kind == "proc-macro");
            let path = target.src_path.replace('\\', "/");
            let path = path
                .strip_prefix(&root)
                .map_or(path.as_str(), |path| path.trim_start_matches('/'));
            let forbids = sources.iter().any(|source| {
                source.path == path
                    && source
                        .text
                        .lines()
                        .any(|line| line == "#![forbid(unsafe_code)]")
            });
            if is_shipped && !forbids {
                problems.push(Problem::new(path, "must say #![forbid(unsafe_code)]"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name of a package, and names and kinds of its dependencies.
    type Sketch<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);

    fn workspace(packages: &[Sketch<'_>]) -> Workspace {
        let package = |(name, uses): &Sketch<'_>| Package {
            name: (*name).to_owned(),
            dependencies: uses
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
            targets: vec![Target {
                kind: vec!["lib".to_owned()],
                src_path: format!("{name}/src/lib.rs"),
            }],
        };
        Workspace {
            packages: packages.iter().map(package).collect(),
        }
    }

    fn messages(packages: &[Sketch<'_>]) -> Vec<String> {
        check_edges(&workspace(packages))
            .iter()
            .map(Problem::to_string)
            .collect()
    }

    #[test]
    fn listed_edges_foreign_crates_and_the_oracle_in_tests_are_fine() {
        let found = messages(&[
            (
                "graphc-base",
                &[("serde", None), ("graphc-interp", Some("dev"))],
            ),
            ("graphc-ir", &[("graphc-base", None)]),
            ("graphc-interp", &[("graphc-ir", None)]),
            ("graphc", &[("graphc-interp", None), ("graphc-ir", None)]),
            ("xtask", &[("graphc", None)]),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_planted_edge_from_the_runtime_to_the_compiler_is_found_whatever_its_kind() {
        let runtime: &[(&str, Option<&str>)] = &[
            ("graphc-ir", None),
            ("graphc-ir", Some("build")),
            ("graphc-ir", Some("dev")),
        ];
        let found = messages(&[("graphc-ir", &[]), ("graphc-runtime", runtime)]);
        let expected = ["normal", "build", "dev"]
            .map(|kind| format!("graphc-runtime: must not use graphc-ir ({kind} dependency)"));
        assert_eq!(found, expected);
    }

    #[test]
    fn unknown_crates_top_crates_as_libraries_and_fenced_crates_are_found() {
        let found = messages(&[
            ("graphc-new", &[]),
            ("graphc-cli", &[]),
            ("graphc", &[("graphc-cli", None)]),
            ("graphc-ir", &[("egg", None)]),
        ]);
        assert_eq!(
            found,
            [
                "graphc-new: is not in the table of crates (xtask/src/tidy/layering.rs)",
                "graphc: must not use graphc-cli (normal dependency)",
                "graphc-ir: uses egg, which only graphc-opt may see",
            ]
        );
    }

    #[test]
    fn a_crate_that_does_not_forbid_unsafe_is_found() {
        let workspace = workspace(&[("graphc-ir", &[]), ("graphc-cpu", &[])]);
        let root = |text: &str| Source {
            path: "graphc-ir/src/lib.rs".to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(
            check_unsafe(&workspace, &[root("//! Head.\n#![forbid(unsafe_code)]\n")]),
            []
        );
        assert_eq!(
            check_unsafe(
                &workspace,
                &[root("//! Head.\n// #![forbid(unsafe_code)]\n")]
            )
            .len(),
            1
        );
    }
}
