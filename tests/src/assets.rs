//! Where tests find their files: fetched models in the asset folder, goldens and graphs in `tests/fixtures`.
//!
//! A file that is missing fails the test with the command that brings it; nothing is skipped.

use std::path::{Path, PathBuf};

/// A file or folder of the asset folder, such as `silero-vad/silero_vad.onnx` or `graphs/bert_base.onnx`.
///
/// # Panics
/// If it is not there.
pub fn path(name: &str) -> PathBuf {
    let path = std::env::var_os("GRAPHC_CACHE_DIR").map(|dir| PathBuf::from(dir).join(name));
    match path {
        Some(path) if path.exists() => path,
        Some(path) => {
            panic!(
                "{} is missing: run `cargo xtask fetch --all` and `cargo xtask fill --all`",
                path.display()
            )
        }
        None => panic!("GRAPHC_CACHE_DIR is not set: run tests by cargo, within the repository"),
    }
}

/// A file of `tests/fixtures`, such as `golden/magika-v3__model.npz`.
///
/// # Panics
/// If it is not there.
pub fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    assert!(path.exists(), "the repository has no tests/fixtures/{name}");
    path
}
