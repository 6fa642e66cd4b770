//! Artifacts that live only as long as the process: for models that are run without being kept.

use crate::compile::{Compiled, compile_with};
use crate::options::{CompileOptions, Progress};
use crate::whole_file::Partial;
use anyhow::{Context, Result};
use graphc_program::Artifact;
use std::io;
use std::path::{Path, PathBuf};

/// Compiles a model and opens the artifact, whose file is removed at once: mapped files outlive their names.
///
/// # Errors
/// As [`compile`](crate::compile), and where there is no room for temporary files.
pub fn compile_in_passing(
    model: &Path,
    options: &CompileOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Artifact, Compiled)> {
    let folder = Folder::new().context("a folder for temporary files")?;
    let name = model.file_stem().unwrap_or(model.as_os_str());
    let path = folder.path.join(name).with_extension("gcx");
    let compiled = compile_with(model, &path, options, progress)?;
    Ok((Artifact::open(&path)?, compiled))
}

/// A folder of its own that goes when this does.
struct Folder {
    path: PathBuf,
    _partial: Partial,
}

impl Folder {
    fn new() -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let mut attempt = 0;
        loop {
            let name = format!("graphc-{}-{attempt}", std::process::id());
            let path = std::env::temp_dir().join(name);
            // It must be new: a folder of that name may be another user's.
            match builder.create(&path) {
                Ok(()) => {
                    return Ok(Self {
                        _partial: Partial::new(Some(path.clone())),
                        path,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans temporary files.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
