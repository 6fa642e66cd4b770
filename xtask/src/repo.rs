//! Where things lie: the repository root, the asset folder, and files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository root; crates lie below it.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The folder of fetched and generated assets, made if it is missing: `GRAPHC_CACHE_DIR`, for which
/// `.cargo/config.toml` holds the default.
pub(crate) fn asset_dir() -> Result<PathBuf> {
    let dir = std::env::var_os("GRAPHC_CACHE_DIR")
        .filter(|dir| !dir.is_empty())
        .context("GRAPHC_CACHE_DIR is not set; inside the repository `cargo xtask` sets it")?;
    let dir = std::path::absolute(&dir)?;
    fs::create_dir_all(&dir)
        .with_context(|| format!("cannot make the asset folder {}", dir.display()))?;
    Ok(dir)
}

/// Writes `path` through a neighbour named `*.part` that is renamed when `fill` has succeeded, so that a file under its
/// final name is always a whole one.
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = (|| -> Result<()> {
        let mut writer = BufWriter::with_capacity(1 << 20, File::create(&part)?);
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        fs::rename(&part, path)?;
        Ok(())
    })();
    if written.is_err() {
        // The first error is the one to report; a leftover is overwritten by the next attempt.
        let _ = fs::remove_file(&part);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_part() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/file");
        write_whole(&path, |writer| Ok(writer.write_all(b"old")?)).unwrap();
        let failed = write_whole(&path, |writer| {
            writer.write_all(b"half of the new")?;
            anyhow::bail!("no more")
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
