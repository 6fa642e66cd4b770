//! Files that appear only when they are whole.
//!
//! What is written goes under a name of its own beside the target and is renamed at the end, so that an existing file
//! survives a failure or an interruption. Pipes and devices are refused on both sides: they would block, or be replaced.

use anyhow::{Context, Result, bail};
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Refuses what is no regular file, naming what it is.
pub fn require_file(path: &Path) -> Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| path.display().to_string())?;
    match kind_of(metadata.file_type()) {
        None => Ok(()),
        Some(kind) => bail!("{}: {kind}, not a file", path.display()),
    }
}

/// Refuses a target that exists and is no regular file.
pub fn require_target(path: &Path) -> Result<()> {
    if path.file_name().is_none() {
        bail!("{}: not the name of a file", path.display());
    }
    match std::fs::metadata(path) {
        Ok(_) => require_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            match folder {
                Some(folder) if !folder.is_dir() => {
                    bail!(
                        "{}: the folder {} does not exist",
                        path.display(),
                        folder.display()
                    )
                }
                _ => Ok(()),
            }
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// What a file that is not regular is.
fn kind_of(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("a device")
}

/// Writes a file by `write`; it appears under `path` only when that has succeeded.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    require_target(path)?;
    let context = || path.display().to_string();
    let (temporary, file) = create_beside(path).with_context(context)?;
    let _partial = Partial::new(Some(temporary.clone()));
    let mut file = BufWriter::new(file);
    let written = write(&mut file)
        .and_then(|()| Ok(io::Write::flush(&mut file)?))
        .and_then(|()| Ok(std::fs::rename(&temporary, path)?));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(context)
}

/// Files that this process is writing and that are not whole yet, and folders of its own.
static PARTIAL_FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the files that are not whole yet: for a process that is told to end.
pub fn remove_partial_files() {
    let files = PARTIAL_FILES.lock().unwrap_or_else(PoisonError::into_inner);
    for file in files.iter() {
        // One that is gone already needs no removing.
        let _ = match file.is_dir() {
            true => std::fs::remove_dir_all(file),
            false => std::fs::remove_file(file),
        };
    }
}

/// A file that counts as not whole for as long as this lives.
pub(crate) struct Partial {
    file: Option<PathBuf>,
}

impl Partial {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        let mut files = PARTIAL_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        files.extend(file.clone());
        Self { file }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let mut files = PARTIAL_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = files
            .iter()
            .position(|file| Some(file) == self.file.as_ref())
        {
            files.swap_remove(at);
        }
    }
}

fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut attempt = 0;
    loop {
        let mut temporary_name = std::ffi::OsString::from(".");
        temporary_name.push(name);
        temporary_name.push(format!(".{}-{attempt}.partial", std::process::id()));
        let temporary = path.with_file_name(temporary_name);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
        {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
