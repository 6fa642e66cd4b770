//! What fuzzing tries on each input format, and how inputs are changed so that they get far.
//!
//! A [`Target`] has three parts: seeds (`fuzz/seeds/NAME`), a mutator that knows the format, and a check that takes any bytes
//! through everything that such bytes reach. The check panics where something of ours is wrong; bytes that are refused are
//! fine. The fuzzer in `fuzz/` and the replay in `tests/tests/suite/fuzz.rs` use the same three.

mod artifact;
mod bytes;
mod json;
mod model;
mod onnx;
mod random;
mod text;

pub use artifact::compiled;
pub use random::Random;

use std::path::PathBuf;
use std::sync::OnceLock;

/// An input format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target {
    /// ONNX files: import, verifier, passes, planner.
    Onnx,
    /// The text form of graphs: parser, printer, verifier, passes, planner.
    Text,
    /// Artifacts: loader, prediction of memory, and a run where the program is small.
    Artifact,
}

/// How far an input got.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reach {
    /// It was refused.
    Refused,
    /// It was read.
    Read,
    /// It was read and planned.
    Planned,
    /// It was read, planned and run to its end.
    Ran,
}

/// A committed input and the name of its file.
pub type Seed = (String, Vec<u8>);

impl Target {
    /// All of them.
    pub const ALL: [Target; 3] = [Target::Onnx, Target::Text, Target::Artifact];

    /// The name of its folder and its fuzz target.
    pub fn name(self) -> &'static str {
        match self {
            Target::Onnx => "onnx",
            Target::Text => "text",
            Target::Artifact => "artifact",
        }
    }

    /// Takes an input as far as it goes.
    ///
    /// # Panics
    /// Where what was accepted turns out not to be sound, or something of ours panics.
    pub fn check(self, bytes: &[u8]) -> Reach {
        match self {
            Target::Onnx => onnx::check(bytes),
            Target::Text => text::check(bytes),
            Target::Artifact => artifact::check(bytes),
        }
    }

    /// A changed input. Depends on nothing but its arguments and the seeds.
    pub fn mutate(self, bytes: &[u8], random: &mut Random) -> Vec<u8> {
        match self {
            Target::Onnx => onnx::mutate(bytes, random),
            Target::Text => text::mutate(bytes, random),
            Target::Artifact => artifact::mutate(bytes, random),
        }
    }

    /// The committed seeds with their names, sorted.
    ///
    /// # Panics
    /// If they cannot be read.
    pub fn seeds(self) -> &'static [Seed] {
        static SEEDS: [OnceLock<Vec<Seed>>; 3] = [const { OnceLock::new() }; 3];
        SEEDS[self as usize].get_or_init(|| {
            let folder = self.folder();
            let entries = std::fs::read_dir(&folder)
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let mut seeds: Vec<Seed> = entries
                .map(|entry| {
                    let path = entry.expect("entry of the folder of seeds").path();
                    let bytes = std::fs::read(&path)
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    let name = path.file_name().unwrap_or_default();
                    (name.to_string_lossy().into_owned(), bytes)
                })
                .collect();
            seeds.sort();
            seeds
        })
    }

    /// Where its seeds lie.
    pub fn folder(self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../fuzz/seeds")
            .join(self.name())
    }
}

/// A graph that was accepted: it must stay sound through all passes, and its plan must be sound. Gives whether it has one.
fn check_graph(mut graph: graphc_ir::Graph) -> Reach {
    let cx = graphc_opt::PassCx {
        verify: true,
        ..graphc_opt::PassCx::default()
    };
    // As it is, and as the passes make it.
    let first = check_plan(&graph);
    if let Err(error) = graphc_opt::canonicalize(&mut graph, &cx) {
        panic!("a sound graph is not sound behind its passes: {error}");
    }
    first.max(check_plan(&graph))
}

fn check_plan(graph: &graphc_ir::Graph) -> Reach {
    let Ok((program, _)) = graphc_plan::plan(graph, "cpu") else {
        return Reach::Read;
    };
    if let Err(error) = program.validate() {
        panic!("the plan of a sound graph is not sound: {error}\n{graph}");
    }
    Reach::Planned
}
