//! What an artifact or a graph holds, as data for tables, pages and programs. Everything speaks in the user's node names.

mod diagram;
mod graph;
mod kernels;
mod memory;
mod page;
mod program;

pub use diagram::Diagram;
pub use graph::{GraphReport, NodeReport, SymbolReport, ValueReport, graph_report};
pub use kernels::{KernelRow, kernel_rows};
pub use memory::{BodyMemory, BufferRow, MemoryReport, StepRow, memory_report};
pub use page::page;
pub use program::{EntryReport, ProgramReport, program_report};

use graphc_program::{Program, Step};

/// The user's nodes that a step computes.
fn step_sources<'a>(program: &'a Program, step: &'a Step) -> &'a [String] {
    match step {
        Step::Launch { set, .. } => &program.kernel_sets[*set].sources,
        Step::HostCall { sources, .. } => sources,
        _ => &[],
    }
}

/// What a step does, in one word; `None` for steps that only bind names to what is there.
fn step_name<'a>(program: &'a Program, step: &'a Step) -> Option<&'a str> {
    match step {
        Step::Launch { set, .. } => {
            let variant = program.kernel_sets[*set].variants.last()?;
            Some(program.kernels[variant.kernel].kernel.name())
        }
        Step::HostCall { op, .. } => Some(op.name()),
        Step::Copy { .. } => Some("copy"),
        Step::If { .. } => Some("if"),
        Step::Loop { .. } => Some("loop"),
        Step::Take { .. } => Some("take"),
        Step::Library { routine, .. } => Some(routine),
        Step::Fetch(_) => Some("fetch"),
        Step::Evict(_) => Some("evict"),
        Step::Collective { operation, .. } => Some(operation),
        Step::Bind { .. } => None,
    }
}
