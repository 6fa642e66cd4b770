//! Artifacts: the program inside is changed as JSON, and the header made anew so that its hash fits.

use super::random::Random;
use super::{Reach, Target, bytes, json};
use graphc::CompileOptions;
use graphc_base::Dim;
use graphc_program::{Artifact, Entry, Program, SlotType, Step};
use graphc_runtime::{InputRef, Session, SessionOptions, StringTensor, Tensor, Value};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// Most memory that a program may take to be run.
const MAX_ARENA_BYTES: usize = 1 << 22;
/// Most elements that an argument of a kernel may have for the program to be run: kernels take time by their products.
const MAX_ELEMENTS: i64 = 1 << 12;
/// Where data begin, and constants in them.
const DATA_ALIGNMENT: usize = 64;

/// Opens; what opens must answer for its memory, and run where it is small.
pub(super) fn check(bytes: &[u8]) -> Reach {
    let Ok(mut file) = tempfile::NamedTempFile::new() else {
        return Reach::Refused;
    };
    if file.write_all(bytes).is_err() {
        return Reach::Refused;
    }
    let Ok(artifact) = Artifact::open(file.path()) else {
        return Reach::Refused;
    };
    let _ = artifact.check_constants();
    let options = SessionOptions {
        threads: 1,
        poison: false,
    };
    let Ok(session) = Session::with_options(artifact, options) else {
        return Reach::Read;
    };
    let mut reach = Reach::Read;
    for entry in &session.program().entries {
        reach = reach.max(check_entry(&session, entry));
    }
    reach
}

fn check_entry(session: &Session, entry: &Entry) -> Reach {
    let program = session.program();
    let mut reach = Reach::Read;
    // All at their hints, and then as small and as large as they may be.
    let sizes = [
        |_: i64, _: i64, hint: i64| hint,
        |lo: i64, hi: i64, _: i64| 1.clamp(lo, hi),
        |lo: i64, hi: i64, _: i64| 3.clamp(lo, hi),
        |lo: i64, _: i64, _: i64| lo,
        |_: i64, hi: i64, _: i64| hi,
    ];
    for size in sizes {
        let symbols = program.symbols.iter();
        let values: Vec<i64> = symbols.map(|s| size(s.lo, s.hi, s.hint)).collect();
        let names = program.symbols.iter().map(|symbol| symbol.name.as_str());
        let named: Vec<(&str, i64)> = names.zip(values.iter().copied()).collect();
        let Ok(memory) = session.memory(&entry.name, &named) else {
            continue;
        };
        reach = reach.max(Reach::Planned);
        if memory.peak_bytes > MAX_ARENA_BYTES || !is_small(program, &values) {
            continue;
        }
        let Some(inputs) = inputs(entry, &values) else {
            continue;
        };
        let named = entry.inputs.iter().map(|port| port.name.as_str());
        let named: Vec<(&str, InputRef<'_>)> =
            named.zip(inputs.iter().map(InputRef::from)).collect();
        let mut state = session.new_state();
        if session
            .run_refs(&entry.name, &named, &mut state, None)
            .is_ok()
        {
            reach = Reach::Ran;
        }
    }
    reach
}

/// Whether a run is sure to end soon: no loops, and no kernel with a large argument.
fn is_small(program: &Program, values: &[i64]) -> bool {
    let is_dim_small = |dim: &Dim| {
        dim.eval(values)
            .is_ok_and(|size| (-MAX_ELEMENTS..=MAX_ELEMENTS).contains(&size))
    };
    let mut small = program.bodies.values().all(|body| {
        body.steps
            .iter()
            .all(|step| !matches!(step, Step::Loop { .. }))
    });
    for spec in program.kernels.values() {
        spec.visit_dims(&mut |dim| small &= is_dim_small(dim));
        for argument in spec.inputs.iter().chain(&spec.outputs) {
            let elements = argument
                .shape
                .iter()
                .try_fold(1i64, |n, dim| n.checked_mul(dim.eval(values).ok()?.max(0)));
            small &= elements.is_some_and(|n| n <= MAX_ELEMENTS);
        }
    }
    small
}

/// Zeros for every input; `None` where one is too large or cannot be made.
fn inputs(entry: &Entry, values: &[i64]) -> Option<Vec<Value>> {
    let make = |ty: &SlotType| match ty {
        SlotType::Tensor { dtype, shape } => {
            let sizes: Vec<usize> = shape
                .iter()
                .map(|dim| usize::try_from(dim.eval(values).ok()?).ok())
                .collect::<Option<_>>()?;
            let n_elements = sizes
                .iter()
                .try_fold(1usize, |n, &size| n.checked_mul(size))?;
            if n_elements > MAX_ARENA_BYTES {
                return None;
            }
            Some(Value::Tensor(Tensor::zeros(*dtype, &sizes)?))
        }
        SlotType::Host(what) if what.contains("strings") => Some(Value::Strings(StringTensor {
            shape: vec![2],
            data: vec!["a b".to_owned(), "1".to_owned()],
        })),
        SlotType::Host(what) if what.contains("sequence") => Some(Value::Sequence(Vec::new())),
        SlotType::Host(_) => Some(Value::Optional(None)),
    };
    entry.inputs.iter().map(|port| make(&port.ty)).collect()
}

/// The artifact of an ONNX model as a file; `None` where it does not compile.
pub fn compiled(model: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().ok()?;
    let (from, to) = (
        folder.path().join("model.onnx"),
        folder.path().join("model.gcx"),
    );
    std::fs::write(&from, model).ok()?;
    compile(&from, &to)
}

fn compile(from: &Path, to: &Path) -> Option<Vec<u8>> {
    graphc::compile(from, to, &CompileOptions::default()).ok()?;
    std::fs::read(to).ok()
}

/// The file taken apart: its metadata, its tensor table and its data.
struct Parts {
    program: serde_json::Value,
    checksums: String,
    table: Map<String, serde_json::Value>,
    data: Vec<u8>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Option<Self> {
        let n_header = usize::try_from(u64::from_le_bytes(*bytes.first_chunk::<8>()?)).ok()?;
        let data_start = n_header.checked_add(8)?;
        let mut table: Map<String, serde_json::Value> =
            serde_json::from_slice(bytes.get(8..data_start)?).ok()?;
        let metadata = table.remove("__metadata__")?;
        let text = |key: &str| Some(metadata.get(key)?.as_str()?.to_owned());
        Some(Self {
            program: serde_json::from_str(&text("graphc.program")?).ok()?,
            checksums: text("graphc.checksums")?,
            table,
            data: bytes.get(data_start..)?.to_vec(),
        })
    }

    /// The file with a header as the format demands it.
    fn join(&self) -> Option<Vec<u8>> {
        /// A row with its fields in the order that the hash takes them in.
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Row {
            dtype: String,
            shape: Vec<usize>,
            data_offsets: [usize; 2],
        }
        let program = self.program.to_string();
        let rows: BTreeMap<&String, Row> = self
            .table
            .iter()
            .map(|(name, row)| Some((name, serde_json::from_value(row.clone()).ok()?)))
            .collect::<Option<_>>()?;
        let hashed = serde_json::to_vec(&(&rows, &program, &self.checksums)).ok()?;
        let mut object = self.table.clone();
        object.insert(
            "__metadata__".to_owned(),
            json!({
                "graphc.program": program,
                "graphc.checksums": self.checksums,
                "graphc.hash": format!("{:016x}", xxh3_64(&hashed)),
            }),
        );
        let mut text = serde_json::to_vec(&object).ok()?;
        let padded = (text.len() + 8).next_multiple_of(DATA_ALIGNMENT) - 8;
        text.resize(padded, b' ');
        let mut bytes = (padded as u64).to_le_bytes().to_vec();
        bytes.extend(text);
        bytes.extend(&self.data);
        Some(bytes)
    }
}

/// Mostly the program changed at a few places; at times its tensor table or data, or plain bytes.
pub(super) fn mutate(input: &[u8], random: &mut Random) -> Vec<u8> {
    let seeds = Target::Artifact.seeds();
    let donor = random.pick(seeds).map_or(&[][..], |(_, seed)| seed);
    let Some(mut parts) = Parts::of(input) else {
        return donor.to_vec();
    };
    match random.below(40) {
        0 => return donor.to_vec(),
        1 => {
            let mut changed = input.to_vec();
            bytes::mutate(&mut changed, random);
            return changed;
        }
        2 => {
            let mut table = serde_json::Value::Object(parts.table.clone());
            json::mutate(&mut table, random);
            if let serde_json::Value::Object(table) = table {
                parts.table = table;
            }
        }
        3 => bytes::mutate(&mut parts.data, random),
        _ => {
            for _ in 0..1 + random.below(3) {
                json::mutate(&mut parts.program, random);
            }
        }
    }
    parts.join().unwrap_or_else(|| input.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_made_anew_is_accepted() {
        let model = Target::Onnx.seeds();
        let file = model.iter().find_map(|(_, model)| compiled(model));
        let file = file.expect("a seed compiles");
        let again = Parts::of(&file).and_then(|parts| parts.join());
        // The order of the program's fields may be another one.
        assert!(check(&again.expect("parts fit")) >= Reach::Read);
    }
}
