//! What is wrong with a text.

/// Text that is not the text form of a graph: `line 3, column 14: value %7 is not defined`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    /// An error at a byte position.
    pub(super) fn at(text: &str, position: usize, message: String) -> Self {
        let before = &text.as_bytes()[..position.min(text.len())];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        // Bytes that continue a character of UTF-8 are not counted.
        let is_char_start = |byte: &&u8| (**byte & 0xc0) != 0x80;
        Self {
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            column: 1 + before[line_start..].iter().filter(is_char_start).count(),
            message,
        }
    }
}
