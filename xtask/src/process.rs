//! Running other programs: cargo, Python, and stages whose time is shown.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::repo;

/// A cargo command that runs in the repository root and sees the asset folder by its absolute path.
pub(crate) fn cargo() -> Result<Command> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command
        .current_dir(repo::root())
        .env("GRAPHC_CACHE_DIR", repo::asset_dir()?);
    Ok(command)
}

/// Runs to the end with inherited output; a failure names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Whether the command exists and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs `work` and prints to stderr how long it took, and whether it failed.
pub(crate) fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("== {name}");
    let start = Instant::now();
    let result = work();
    let verdict = if result.is_ok() { "ok" } else { "FAILED" };
    eprintln!(
        "== {name}: {verdict} in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    result
}

/// A Python 3 with pip, for what only the Python registry carries and for reading zip files.
pub(crate) struct Python {
    program: &'static str,
}

impl Python {
    /// Looks for the interpreter on `PATH`.
    pub(crate) fn find() -> Result<Self> {
        let is_python3 = |program: &&str| {
            succeeds(Command::new(program).args([
                "-c",
                "import sys, zipfile; sys.exit(sys.version_info < (3, 8))",
            ]))
        };
        let program = ["python3", "python"].into_iter().find(is_python3).context(
            "python3 (3.8 or newer) was not found on PATH; it is needed to unpack packages",
        )?;
        Ok(Self { program })
    }

    /// Downloads the wheel of one package version into `dir`. The tags are fixed, so that the same file is chosen on
    /// every machine; only data is taken out of it, so that they need not fit this machine.
    pub(crate) fn download_wheel(&self, package: &str, version: &str, dir: &Path) -> Result<()> {
        if !succeeds(Command::new(self.program).args(["-m", "pip", "--version"])) {
            bail!(
                "{} has no pip; install it (the system's python3-pip, or `{} -m ensurepip`)",
                self.program,
                self.program
            );
        }
        let mut command = Command::new(self.program);
        command.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]);
        command.args([
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            "3.11",
        ]);
        for platform in [
            "manylinux_2_28_x86_64",
            "manylinux_2_17_x86_64",
            "manylinux2014_x86_64",
            "any",
        ] {
            command.args(["--platform", platform]);
        }
        command
            .arg("--dest")
            .arg(dir)
            .arg(format!("{package}=={version}"));
        run(command.stdout(Stdio::null()))
    }

    /// Unpacks a zip file into `dir`.
    pub(crate) fn unzip(&self, archive: &Path, dir: &Path) -> Result<()> {
        run(Command::new(self.program)
            .args(["-m", "zipfile", "-e"])
            .arg(archive)
            .arg(dir))
    }

    /// Packs `files` into a new zip file, each under its file name.
    pub(crate) fn zip(&self, archive: &Path, files: &[&Path]) -> Result<()> {
        run(Command::new(self.program)
            .args(["-m", "zipfile", "-c"])
            .arg(archive)
            .args(files))
    }
}

/// Program name (without its folder) and arguments, for messages.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut shown = program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        shown.push(' ');
        shown.push_str(&arg.to_string_lossy());
    }
    shown
}
