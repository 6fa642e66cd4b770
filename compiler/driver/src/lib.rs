//! The pipeline from a model file to an artifact, and the tools that need both the compiler and the runtime.
#![forbid(unsafe_code)]

pub mod bench;
pub mod compare;
mod compile;
mod constants;
mod dump;
mod machine;
pub mod npz;
mod options;
pub mod oracle;
pub mod profile;
pub mod random;
pub mod report;
pub mod sizes;
mod stages;
mod temporary;
pub mod tolerance;
mod verify;
pub mod whole_file;

pub use compile::{
    Compiled, compile, compile_graph, compile_with, graph_after, import_model, optimize_model,
    read_dump,
};
pub use graphc_base::TargetInfo;
pub use graphc_ir::Graph;
pub use graphc_onnx::supported_ops;
pub use graphc_runtime as runtime;
pub use machine::{Cpu, Feature, Machine, Target, machine};
pub use options::{CompileOptions, MAX_OPT_LEVEL, Progress, Stage};
pub use stages::stop_names;
pub use temporary::compile_in_passing;
pub use verify::{Verification, compare_at_small_sizes, verify};
