//! What changes between runs: the program's state slots and the memory that runs work in.

use crate::frame::Frame;
use std::sync::Arc;

/// What a session's runs change. Each thread that runs needs one of its own; a run on one that ran before with these dims
/// allocates nothing.
pub struct State {
    /// The session that made it.
    pub(crate) owner: Arc<()>,
    /// By entry.
    pub(crate) frames: Vec<Option<Frame>>,
    pub(crate) used_bytes: usize,
}

impl State {
    pub(crate) fn new(owner: Arc<()>, n_entries: usize) -> Self {
        Self {
            owner,
            frames: (0..n_entries).map(|_| None).collect(),
            used_bytes: 0,
        }
    }

    /// Highest use of memory by the last run, in bytes: what [`Session::memory`](crate::Session::memory) predicts.
    pub fn peak_bytes(&self) -> usize {
        self.used_bytes
    }
}
