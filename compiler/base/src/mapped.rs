//! Files mapped into memory, read-only.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file mapped read-only; clones share the mapping.
///
/// The contents must not be changed by others while it is mapped; a file that is cut short meanwhile ends the process
/// with a bus error when the lost pages are read, as with every mapping.
#[derive(Clone)]
pub struct MappedFile {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    map: Option<memmap2::Mmap>,
}

impl MappedFile {
    /// Maps a whole file. An empty file gives no bytes.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Opening a pipe would wait for its writer.
        require_file(&std::fs::metadata(path)?)?;
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        require_file(&metadata)?;
        let map = if metadata.len() == 0 {
            None
        } else {
            Some(map_file(&file)?)
        };
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                map,
            }),
        })
    }

    /// The contents.
    pub fn bytes(&self) -> &[u8] {
        self.inner.map.as_deref().unwrap_or(&[])
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

fn require_file(metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = match metadata.is_dir() {
        true => "a folder, not a file",
        false => "a pipe or device, not a file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, kind))
}

#[allow(unsafe_code)]
fn map_file(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the mapping is private to this process and only read; that nobody changes the file meanwhile is the
    // documented contract of `MappedFile`.
    unsafe { memmap2::Mmap::map(file) }
}

impl std::ops::Deref for MappedFile {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl std::fmt::Debug for MappedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.inner.path.display(), self.len())
    }
}

impl PartialEq for MappedFile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.path == other.inner.path
    }
}

impl Eq for MappedFile {}
