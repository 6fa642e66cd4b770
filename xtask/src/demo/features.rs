//! From the bytes of a file to the classifier's input, and from its output to a label.
//!
//! The first and the last block of the file are stripped of whitespace; the first `beg_size` bytes of the one, filled up
//! behind, and the last `end_size` of the other, filled up in front, are the input, one integer for each byte.

use std::iter::repeat_n;

use serde::Deserialize;

/// What the model's `config.min.json` says about its input and output.
#[derive(Deserialize)]
pub(super) struct Config {
    beg_size: usize,
    end_size: usize,
    block_size: usize,
    padding_token: i32,
    /// The label of each output element.
    pub(super) target_labels_space: Vec<String>,
}

impl Config {
    /// Integers in one row of the input.
    pub(super) fn n_features(&self) -> usize {
        self.beg_size + self.end_size
    }

    /// One row of the input.
    pub(super) fn features(&self, bytes: &[u8]) -> Vec<i32> {
        let n_block = self.block_size.min(bytes.len());
        let start = trim_start(&bytes[..n_block]);
        let start = &start[..self.beg_size.min(start.len())];
        let end = trim_end(&bytes[bytes.len() - n_block..]);
        let end = &end[end.len().saturating_sub(self.end_size)..];

        let mut row = Vec::with_capacity(self.n_features());
        row.extend(start.iter().map(|&byte| i32::from(byte)));
        row.extend(repeat_n(self.padding_token, self.beg_size - start.len()));
        row.extend(repeat_n(self.padding_token, self.end_size - end.len()));
        row.extend(end.iter().map(|&byte| i32::from(byte)));
        row
    }

    /// The most probable label of one row of the output, and its probability.
    pub(super) fn best(&self, probabilities: &[f32]) -> (&str, f32) {
        let pairs = self.target_labels_space.iter().zip(probabilities);
        let best = pairs.max_by(|(_, left), (_, right)| left.total_cmp(right));
        best.map_or(("?", 0.0), |(label, &probability)| (label, probability))
    }
}

/// Whitespace as Python's `bytes.strip` has it: `is_ascii_whitespace` and the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let n_spaces = bytes.iter().take_while(|&&byte| is_space(byte)).count();
    &bytes[n_spaces..]
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let n_spaces = bytes
        .iter()
        .rev()
        .take_while(|&&byte| is_space(byte))
        .count();
    &bytes[..bytes.len() - n_spaces]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let labels = ["text", "image"].map(str::to_owned).to_vec();
        Config {
            beg_size: 4,
            end_size: 3,
            block_size: 8,
            padding_token: 256,
            target_labels_space: labels,
        }
    }

    #[test]
    fn a_short_file_is_stripped_and_filled_up_on_the_inner_side() {
        // Each end is stripped on its own side only.
        assert_eq!(
            config().features(b" \x0bab\n"),
            [97, 98, 10, 256, 0x0b, 97, 98]
        );
        assert_eq!(config().features(b"\nc\n"), [99, 10, 256, 256, 256, 10, 99]);
    }

    #[test]
    fn a_long_file_gives_its_first_and_last_bytes() {
        assert_eq!(
            config().features(b"0123456789xyz"),
            b"0123xyz".map(i32::from)
        );
        assert_eq!(config().features(b""), [256; 7]);
    }

    #[test]
    fn the_largest_probability_names_the_label() {
        assert_eq!(config().best(&[0.25, 0.75]), ("image", 0.75));
    }
}
