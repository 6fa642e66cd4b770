//! What a caller decides about a compilation, and what it hears while that runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Highest level of optimization.
pub const MAX_OPT_LEVEL: u8 = 3;

/// What a caller decides about a compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// Sizes of dims by name, as constants (`lo == hi`) or ranges.
    pub dims: BTreeMap<String, (i64, i64)>,
    /// How much is done: 0 plans the imported graph as it is, from 1 on it is made canonical.
    pub opt_level: u8,
    /// Folder for the graph behind every stage and pass that changed it.
    pub dump: Option<PathBuf>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            dims: BTreeMap::new(),
            opt_level: 2,
            dump: None,
        }
    }
}

/// What a caller hears while a compilation runs.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A stage begins.
    Begins(&'a str),
    /// A stage is done.
    Done(&'a Stage),
    /// So many of so many bytes of weights are written.
    Written {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// One stage of a compilation.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// Nodes of the graph behind it; kernels behind planning.
    pub nodes: usize,
}
