//! A downloaded and unpacked wheel, from which pinned files are taken. Its folder goes when it is dropped.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{FilePin, digest, refuse_unless_right};
use crate::process::Python;

/// The content of one wheel, in a folder on the same file system as the assets, so that files are moved and not copied.
pub(super) struct Unpacked {
    dir: PathBuf,
}

impl Unpacked {
    /// Downloads and unpacks one version of a package.
    pub(super) fn download(
        python: &Python,
        package: &str,
        version: &str,
        asset_dir: &Path,
    ) -> Result<Self> {
        let dir = asset_dir.join(".download").join(package);
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let unpacked = Self { dir };
        eprintln!("{package} {version}: downloading");
        let archives = unpacked.dir.join("archive");
        python
            .download_wheel(package, version, &archives)
            .with_context(|| format!("cannot download {package} {version}"))?;
        let archive = fs::read_dir(&archives)?
            .next()
            .context("pip wrote no file")??
            .path();
        python.unzip(&archive, &unpacked.content())?;
        fs::remove_dir_all(archives)?;
        Ok(unpacked)
    }

    fn content(&self) -> PathBuf {
        self.dir.join("content")
    }

    /// Checks a member against its pin, then moves it into `dir`.
    pub(super) fn take_file(&self, from: &str, dir: &Path, pin: &FilePin) -> Result<()> {
        let member = FilePin {
            path: from.to_owned(),
            size: pin.size,
            sha256: pin.sha256.clone(),
        };
        if !self.content().join(from).is_file() {
            bail!("the package has no file {from}");
        }
        refuse_unless_right(&member, &self.content())?;
        let path = dir.join(&pin.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(self.content().join(from), &path)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Checks the digest of a folder, then moves it to `dir` in place of what is there.
    pub(super) fn take_tree(&self, from: &str, dir: &Path, sha256: &str) -> Result<()> {
        let folder = self.content().join(from);
        if !folder.is_dir() {
            bail!("the package has no folder {from}");
        }
        let found = digest::tree(&folder)?;
        if found != sha256 {
            bail!("{from}: expected a tree with sha256 {sha256}, got {found}");
        }
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::rename(&folder, dir).with_context(|| format!("cannot write {}", dir.display()))
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // A leftover costs disk only, and the next download of the package removes it.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
