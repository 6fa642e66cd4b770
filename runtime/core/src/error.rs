//! What can go wrong when a program is loaded or run.

use graphc_base::{DType, DimError};
use graphc_device::DeviceError;
use graphc_program::ArtifactError;
use graphc_program::kernel::SpecError;
use graphc_program::kernel::reference::KernelError;

/// Why a program could not be loaded or run. Nodes are named as the user's model names them.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The artifact cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The program needs something that this runtime does not have.
    #[error("program needs `{need}`, which this runtime does not have; {hint}")]
    Needs {
        /// What is missing.
        need: String,
        /// What to do.
        hint: &'static str,
    },
    /// There is no such entry.
    #[error("entry `{name}` is unknown; the program has {known}")]
    Entry {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The inputs do not fit the entry; one line each.
    #[error("inputs do not fit: {}", .0.join("; "))]
    Inputs(Vec<String>),
    /// An output buffer does not fit.
    #[error("output `{name}`: {message}")]
    Output {
        /// The output.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// State does not fit.
    #[error("state `{name}`: {message}")]
    State {
        /// The state slot.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A dim has a value that the model does not allow.
    #[error("dims do not fit: {0}")]
    Dims(String),
    /// A kernel could not be prepared or run.
    #[error("{sources}: {error}")]
    Node {
        /// The user's nodes.
        sources: String,
        /// What is wrong.
        error: DeviceError,
    },
    /// An operator on host values failed.
    #[error("{sources}: {error}")]
    Host {
        /// The user's nodes.
        sources: String,
        /// What is wrong.
        error: KernelError,
    },
    /// The device failed outside any node.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A region of the program misbehaves.
    #[error("{0}")]
    Region(String),
}

impl RunError {
    pub(crate) fn dim(what: &str, error: &DimError) -> Self {
        RunError::Dims(format!("{what}: {error}"))
    }

    pub(crate) fn spec(sources: &[String], error: SpecError) -> Self {
        RunError::Node {
            sources: name_sources(sources),
            error: error.into(),
        }
    }

    pub(crate) fn node(sources: &[String], error: DeviceError) -> Self {
        RunError::Node {
            sources: name_sources(sources),
            error,
        }
    }
}

/// What only a program that no compiler of ours wrote can lead to.
pub(crate) fn damaged(what: impl std::fmt::Display) -> RunError {
    RunError::Region(format!("program is damaged: {what}"))
}

/// The user's nodes in one phrase.
pub(crate) fn name_sources(sources: &[String]) -> String {
    match sources {
        [] => "node without name".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// A shape as messages show it, `f32[1,3]`.
pub(crate) fn show(dtype: DType, shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("{dtype}[{}]", sizes.join(","))
}
