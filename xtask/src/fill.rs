//! Puts the graphs of `tests/fixtures/graphs` into the asset folder together with the weights that their specs describe.
//!
//! A spec either names a seed and a distribution for each tensor or a safetensors file to take them from. Both ways give
//! the same bytes on every machine; `assets.json` pins their digests, and nothing else is kept.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::Deserialize;

use crate::assets::{self, GraphPin, Index, digest};
use crate::repo;

/// What `NAME.spec.json` says about `NAME.weights`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Spec {
    Stored {
        bytes: u64,
        safetensors: String,
        tensors: Vec<Placed<StoredTensor>>,
    },
    Random {
        bytes: u64,
        tensors: Vec<Placed<RandomTensor>>,
    },
}

/// A tensor and the byte range of the weights file that it fills with little-endian f32.
#[derive(Deserialize)]
struct Placed<T> {
    name: String,
    offset: u64,
    length: u64,
    #[serde(flatten)]
    tensor: T,
}

/// Uniform around `mean` with standard deviation `std`.
#[derive(Deserialize)]
struct RandomTensor {
    shape: Vec<u64>,
    seed: u64,
    mean: f64,
    std: f64,
}

/// A tensor of a safetensors file, transposed if it is a matrix and `transpose` says so.
#[derive(Deserialize)]
struct StoredTensor {
    tensor: String,
    transpose: bool,
}

/// Fills the named graphs, or all of them. Fetches the safetensors files that they need.
pub(crate) fn fill(graphs: &[String], all: bool) -> Result<()> {
    let index = Index::load()?;
    let wanted: Vec<&GraphPin> = if all {
        index.graphs.iter().collect()
    } else {
        graphs
            .iter()
            .map(|graph| pin_of(graph, &index))
            .collect::<Result<_>>()?
    };
    for pin in wanted {
        fill_one(pin).with_context(|| format!("cannot fill {}", pin.name))?;
    }
    Ok(())
}

fn pin_of<'a>(graph: &str, index: &'a Index) -> Result<&'a GraphPin> {
    let stem = Path::new(graph)
        .file_stem()
        .map(|stem| stem.to_string_lossy());
    index
        .graphs
        .iter()
        .find(|pin| Some(pin.name.as_str()) == stem.as_deref())
        .with_context(|| {
            let names: Vec<&str> = index.graphs.iter().map(|pin| pin.name.as_str()).collect();
            format!(
                "no graph {graph:?} takes weights; there are {}",
                names.join(", ")
            )
        })
}

fn fill_one(pin: &GraphPin) -> Result<()> {
    let fixtures = repo::root().join("tests/fixtures/graphs");
    let asset_dir = repo::asset_dir()?;
    let folder = asset_dir.join("graphs");
    let graph = fs::read(fixtures.join(format!("{}.onnx", pin.name)))?;
    let graph_copy = folder.join(format!("{}.onnx", pin.name));
    let weights = folder.join(format!("{}.weights", pin.name));

    let lock = assets::lock(&asset_dir)?;
    if fs::read(&graph_copy).ok().as_ref() != Some(&graph) {
        repo::write_whole(&graph_copy, |writer| Ok(writer.write_all(&graph)?))?;
    }
    if digest::file_is(&weights, None, &pin.weights_sha256)? {
        eprintln!("graphs/{}: here", pin.name);
        return Ok(());
    }
    drop(lock);
    let spec = fs::read(fixtures.join(format!("{}.spec.json", pin.name)))?;
    let spec: Spec = serde_json::from_slice(&spec).context("the spec is damaged")?;
    let stored = match &spec {
        Spec::Stored { safetensors, .. } => {
            let asset = safetensors.split('/').next().unwrap_or_default();
            assets::fetch(&[asset.to_owned()], false)?;
            fs::read(asset_dir.join(safetensors))
                .with_context(|| format!("cannot read {safetensors}"))?
        }
        Spec::Random { .. } => vec![],
    };

    let _lock = assets::lock(&asset_dir)?;
    repo::write_whole(&weights, |writer| match &spec {
        Spec::Random { bytes, tensors } => write_placed(writer, *bytes, tensors, random_values),
        Spec::Stored { bytes, tensors, .. } => {
            let file = SafeTensors::deserialize(&stored)?;
            write_placed(writer, *bytes, tensors, |tensor| {
                stored_values(tensor, &file)
            })
        }
    })?;
    let found = digest::file(&weights)?;
    if found != pin.weights_sha256 {
        fs::remove_file(&weights)?;
        bail!(
            "expected weights with sha256 {}, got {found}",
            pin.weights_sha256
        );
    }
    eprintln!("graphs/{}: ok", pin.name);
    Ok(())
}

/// Writes each tensor at its offset and zeros between them, `bytes` in all.
fn write_placed<T>(
    writer: &mut impl Write,
    bytes: u64,
    tensors: &[Placed<T>],
    mut values_of: impl FnMut(&T) -> Result<Vec<f32>>,
) -> Result<()> {
    let mut pos = 0u64;
    for placed in tensors {
        pad(writer, pos, placed.offset)
            .with_context(|| format!("{} overlaps the tensor before it", placed.name))?;
        let values = values_of(&placed.tensor).with_context(|| placed.name.clone())?;
        if values.len() as u64 * 4 != placed.length {
            bail!(
                "{}: has {} elements, its place takes {} bytes",
                placed.name,
                values.len(),
                placed.length
            );
        }
        let le_bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        writer.write_all(&le_bytes)?;
        pos = placed.offset + placed.length;
    }
    pad(writer, pos, bytes).context("the tensors are longer than the file")
}

fn pad(writer: &mut impl Write, from: u64, to: u64) -> Result<()> {
    let n_zeros = to
        .checked_sub(from)
        .with_context(|| format!("byte {to} lies before byte {from}"))?;
    writer.write_all(&vec![0; usize::try_from(n_zeros)?])?;
    Ok(())
}

/// Element `i` comes from the upper 24 bits of `splitmix64(seed * 2^32 + i)` as `u` in [0, 1):
/// `mean + std * sqrt(3) * (2 u - 1)` in f64, rounded to f32.
fn random_values(tensor: &RandomTensor) -> Result<Vec<f32>> {
    let n_elements = tensor
        .shape
        .iter()
        .try_fold(1u64, |n, &dim| n.checked_mul(dim))
        .context("its size overflows")?;
    let half_width = tensor.std * 3f64.sqrt();
    let value = |element_idx: u64| {
        let random = splitmix64((tensor.seed << 32).wrapping_add(element_idx));
        let unit = (random >> 40) as f64 / f64::from(1u32 << 24);
        (tensor.mean + half_width * (2.0 * unit - 1.0)) as f32
    };
    Ok((0..n_elements).map(value).collect())
}

/// The output function of the SplitMix64 generator (Steele, Lea, Flood 2014) for one state.
fn splitmix64(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn stored_values(stored: &StoredTensor, file: &SafeTensors<'_>) -> Result<Vec<f32>> {
    let view = file.tensor(&stored.tensor)?;
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => view
            .data()
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        dtype => bail!("{}: dtype {dtype:?} is not supported", stored.tensor),
    };
    match (stored.transpose, view.shape()) {
        (true, &[n_rows, n_columns]) => Ok((0..n_rows * n_columns)
            .map(|idx| values[(idx % n_rows) * n_columns + idx / n_rows])
            .collect()),
        (true, shape) if shape.len() > 2 => bail!("{}: cannot transpose {shape:?}", stored.tensor),
        _ => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_the_published_sequence_of_seed_zero() {
        // The generator adds its increment before each output, so the n-th output is that of n - 1 increments.
        let increment = 0x9E37_79B9_7F4A_7C15u64;
        assert_eq!(splitmix64(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(splitmix64(increment), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn random_tensors_have_the_mean_and_deviation_that_they_name() {
        let tensor = RandomTensor {
            shape: vec![100, 100],
            seed: 7,
            mean: 2.0,
            std: 0.5,
        };
        let values = random_values(&tensor).unwrap();
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / 1e4;
        let variance = values
            .iter()
            .map(|&value| (f64::from(value) - mean).powi(2))
            .sum::<f64>()
            / 1e4;
        assert!((mean - 2.0).abs() < 0.02, "mean {mean}");
        assert!(
            (variance.sqrt() - 0.5).abs() < 0.01,
            "deviation {}",
            variance.sqrt()
        );
    }

    #[test]
    fn gaps_between_tensors_are_zeros_and_overlaps_are_refused() {
        let place = |offset| Placed {
            name: "t".to_owned(),
            offset,
            length: 4,
            tensor: (),
        };
        let mut out = vec![];
        write_placed(&mut out, 16, &[place(0), place(8)], |()| Ok(vec![1.0])).unwrap();
        let one = 1f32.to_le_bytes();
        assert_eq!(out, [one, [0; 4], one, [0; 4]].concat());
        assert!(write_placed(&mut vec![], 16, &[place(0), place(2)], |()| Ok(vec![1.0])).is_err());
        assert!(write_placed(&mut vec![], 4, &[place(0), place(4)], |()| Ok(vec![1.0])).is_err());
    }

    #[test]
    fn a_transposed_matrix_is_read_by_columns() {
        let data: Vec<u8> = (0..6)
            .flat_map(|value| (value as f32).to_le_bytes())
            .collect();
        let view = safetensors::tensor::TensorView::new(Dtype::F32, vec![2, 3], &data).unwrap();
        let bytes = safetensors::serialize([("m", view)], None).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let stored = StoredTensor {
            tensor: "m".to_owned(),
            transpose: true,
        };
        assert_eq!(
            stored_values(&stored, &file).unwrap(),
            [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
        );
    }
}
