//! Names in scope: what each name of the model stands for where a node is converted.

use graphc_ir::ValueId;
use std::collections::BTreeMap;

/// What a name stands for: a value, or `None` for an optional operand that a function was not given.
pub(super) type Meaning = Option<ValueId>;

/// A stack of frames. A closed frame hides those below it: the body of a function or of a region.
#[derive(Default)]
pub(super) struct Scopes {
    frames: Vec<Frame>,
}

struct Frame {
    names: BTreeMap<String, Meaning>,
    is_closed: bool,
}

impl Scopes {
    /// Opens a frame that sees the ones below it.
    pub(super) fn push_open(&mut self) {
        self.push(false);
    }

    /// Opens a frame that sees nothing but itself.
    pub(super) fn push_closed(&mut self) {
        self.push(true);
    }

    fn push(&mut self, is_closed: bool) {
        self.frames.push(Frame {
            names: BTreeMap::new(),
            is_closed,
        });
    }

    /// Closes the newest frame.
    pub(super) fn pop(&mut self) {
        self.frames.pop();
    }

    /// Gives a name a meaning in the newest frame; the empty name has none.
    pub(super) fn define(&mut self, name: &str, meaning: Meaning) {
        if name.is_empty() {
            return;
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.names.insert(name.to_owned(), meaning);
        }
    }

    /// What a name stands for; `None` where nothing defines it.
    pub(super) fn lookup(&self, name: &str) -> Option<Meaning> {
        for frame in self.frames.iter().rev() {
            if let Some(&meaning) = frame.names.get(name) {
                return Some(meaning);
            }
            if frame.is_closed {
                return None;
            }
        }
        None
    }
}
