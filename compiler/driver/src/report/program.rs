//! An artifact in short.

use super::graph::{SymbolReport, ValueReport};
use super::memory::show_type;
use graphc_program::{Artifact, Port, Program, Step};

/// What an artifact is and takes.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct ProgramReport {
    /// Name of the model.
    pub name: String,
    /// What it was compiled for.
    pub target: String,
    /// Version of its form.
    pub schema: u32,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// Bytes of all constants.
    pub weights_bytes: usize,
    /// What a caller may run.
    pub entries: Vec<EntryReport>,
    /// Dims that are bound at run time.
    pub symbols: Vec<SymbolReport>,
    /// Launches in all bodies.
    pub launches: usize,
    /// Host calls in all bodies.
    pub host_calls: usize,
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct EntryReport {
    /// Its name.
    pub name: String,
    /// Its inputs with their types.
    pub inputs: Vec<ValueReport>,
    /// Its outputs with their types.
    pub outputs: Vec<ValueReport>,
}

/// Describes an artifact.
pub fn program_report(artifact: &Artifact) -> ProgramReport {
    let program = artifact.program();
    let count = |wanted: fn(&Step) -> bool| {
        let steps = program.bodies.values().flat_map(|body| &body.steps);
        steps.filter(|step| wanted(step)).count()
    };
    ProgramReport {
        name: program.name.clone(),
        target: program.target.clone(),
        schema: program.schema,
        bytes: artifact.file_bytes(),
        weights_bytes: artifact.constant_bytes(),
        entries: program
            .entries
            .iter()
            .map(|entry| EntryReport {
                name: entry.name.clone(),
                inputs: entry
                    .inputs
                    .iter()
                    .map(|port| value(program, port))
                    .collect(),
                outputs: entry
                    .outputs
                    .iter()
                    .map(|port| value(program, port))
                    .collect(),
            })
            .collect(),
        symbols: program
            .symbols
            .iter()
            .map(|symbol| SymbolReport {
                name: symbol.name.clone(),
                lo: symbol.lo,
                hi: symbol.hi,
            })
            .collect(),
        launches: count(|step| matches!(step, Step::Launch { .. })),
        host_calls: count(|step| matches!(step, Step::HostCall { .. })),
    }
}

fn value(program: &Program, port: &Port) -> ValueReport {
    ValueReport {
        name: port.name.clone(),
        ty: show_type(program, &port.ty),
    }
}
