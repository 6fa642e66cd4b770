//! The text files of the repository, read once. Build outputs, caches and version control are left out; so is what is not
//! UTF-8.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Hidden entries that belong to the project.
const HIDDEN: &[&str] = &[".cargo", ".ci", ".config", ".gitattributes", ".gitignore"];

/// Folders of the root that hold no source.
const OUTPUTS: &[&str] = &["target"];

/// One text file.
pub(super) struct Source {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// Whether this is Rust source.
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Reads all sources below `root`, sorted by path.
pub(super) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = vec![];
    add_folder(root, "", &mut sources)?;
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(sources)
}

fn add_folder(dir: &Path, prefix: &str, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_output = prefix.is_empty() && OUTPUTS.contains(&name.as_str());
        if is_output || (name.starts_with('.') && !HIDDEN.contains(&name.as_str())) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            add_folder(&entry.path(), &format!("{path}/"), sources)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
