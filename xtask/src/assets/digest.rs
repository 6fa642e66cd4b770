//! SHA-256 of files and of folders.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The digest of a file's bytes, in hexadecimal.
pub(crate) fn file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            n_bytes => hasher.update(&block[..n_bytes]),
        }
    }
}

/// Whether the file exists with this size (if one is given) and digest.
pub(crate) fn file_is(path: &Path, size: Option<u64>, sha256: &str) -> Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            Ok(size.is_none_or(|size| size == metadata.len()) && file(path)? == sha256)
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The digest of a folder: of the lines `path NUL digest LF` of its files. A folder's own files come before those of
/// its subfolders, both in the order of their names; paths are relative with `/`.
pub(crate) fn tree(root: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    add_folder(root, "", &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}

fn add_folder(dir: &Path, prefix: &str, hasher: &mut Sha256) -> Result<()> {
    let mut files: Vec<(String, PathBuf)> = vec![];
    let mut folders: Vec<(String, PathBuf)> = vec![];
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            folders.push((name, entry.path()));
        } else {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    folders.sort();
    for (name, path) in files {
        hasher.update(format!("{name}\0{}\n", file(&path)?));
    }
    for (name, path) in folders {
        add_folder(&path, &format!("{name}/"), hasher)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_digest_is_the_published_one_of_abc() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file(&path).unwrap(), digest);
        assert!(file_is(&path, Some(3), digest).unwrap());
        assert!(!file_is(&path, Some(4), digest).unwrap());
        assert!(!file_is(&dir.path().join("absent"), None, digest).unwrap());
    }

    #[test]
    fn tree_digest_sees_names_bytes_and_folders() {
        let digest_of = |entries: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            for (path, bytes) in entries {
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            tree(dir.path()).unwrap()
        };
        let base = digest_of(&[("a/b", "1"), ("c", "2")]);
        assert_eq!(base, digest_of(&[("c", "2"), ("a/b", "1")]));
        assert_ne!(base, digest_of(&[("a/b", "1"), ("c", "3")]));
        assert_ne!(base, digest_of(&[("a/b", "1"), ("d", "2")]));
        assert_ne!(base, digest_of(&[("b", "1"), ("c", "2")]));
    }
}
