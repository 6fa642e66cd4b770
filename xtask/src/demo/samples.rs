//! What the demo shows to the classifier: files of this repository and files made on the spot.

use std::f64::consts::TAU;
use std::fs;

use anyhow::{Context, Result};

use crate::repo;

/// One file to classify. The model gets the bytes only.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Files of the repository, of many kinds.
const FILES: &[&str] = &[
    "xtask/src/main.rs",
    "README.md",
    "Cargo.toml",
    "xtask/assets.json",
    ".ci/run",
    "xtask/demo/primes.py",
    "xtask/demo/planets.csv",
    "xtask/demo/orders.sql",
    "xtask/demo/page.html",
    "tests/fixtures/graphs/resnet50.onnx",
];

/// All samples in the order of the table.
pub(super) fn all() -> Result<Vec<Sample>> {
    let mut samples = vec![];
    for name in FILES {
        let bytes =
            fs::read(repo::root().join(name)).with_context(|| format!("cannot read {name}"))?;
        samples.push(Sample {
            name: (*name).to_owned(),
            bytes,
        });
    }
    samples.push(Sample {
        name: "a drawn gradient (made here)".to_owned(),
        bytes: bitmap(96, 64),
    });
    samples.push(Sample {
        name: "a sung tone (made here)".to_owned(),
        bytes: tone(0.5, 440.0),
    });
    Ok(samples)
}

/// A Windows bitmap, 24 bits a pixel, with a colour gradient. `width` is a multiple of 4, so that rows need no padding.
fn bitmap(width: u32, height: u32) -> Vec<u8> {
    let n_pixel_bytes = width * height * 3;
    let mut file = b"BM".to_vec();
    // File header: size, reserved, where the pixels start. Info header: its size, dims, planes and bits, no compression.
    for field in [
        54 + n_pixel_bytes,
        0,
        54,
        40,
        width,
        height,
        1 | 24 << 16,
        0,
        n_pixel_bytes,
        2835,
        2835,
        0,
        0,
    ] {
        file.extend(field.to_le_bytes());
    }
    for y in 0..height {
        for x in 0..width {
            file.extend([
                (x * 255 / width) as u8,
                (y * 255 / height) as u8,
                ((x + y) % 256) as u8,
            ]);
        }
    }
    file
}

/// A WAV file, 16 bits mono at 8 kHz, with a fading sine.
fn tone(seconds: f64, hertz: f64) -> Vec<u8> {
    let rate = 8000u32;
    let n_samples = (seconds * f64::from(rate)) as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + n_samples * 2).to_le_bytes());
    file.extend(b"WAVEfmt ");
    // Chunk size, PCM with one channel, rate, bytes a second, bytes and bits of a sample.
    for field in [16, 1 | 1 << 16, rate, rate * 2, 2 | 16 << 16] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"data");
    file.extend((n_samples * 2).to_le_bytes());
    for sample_idx in 0..n_samples {
        let time = f64::from(sample_idx) / f64::from(rate);
        let amplitude = 16000.0 * (1.0 - time / seconds);
        file.extend(((amplitude * (TAU * hertz * time).sin()) as i16).to_le_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_samples_are_there_and_made_files_have_the_sizes_in_their_headers() {
        let samples = all().unwrap();
        assert!(samples.iter().all(|sample| sample.bytes.len() > 100));
        let size_at = |file: &[u8], at: usize| {
            u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
        };
        let (bitmap, tone) = (bitmap(8, 4), tone(0.1, 440.0));
        assert_eq!(size_at(&bitmap, 2), bitmap.len());
        assert_eq!(size_at(&tone, 4), tone.len() - 8);
        assert_eq!(size_at(&tone, 40), tone.len() - 44);
    }
}
