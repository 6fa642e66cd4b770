//! What users embed: load an artifact, run it.
//!
//! ```no_run
//! use graphc_runtime::{Session, Tensor, DType};
//! # fn main() -> Result<(), graphc_runtime::RunError> {
//! let session = Session::load("model.gcx")?;
//! let tokens = Tensor::from_elements(DType::I64, &[1, 3], &[101i64, 7592, 102]).expect("three elements");
//! let outputs = session.run("main", &[("input_ids", tokens.into())], &mut session.new_state())?;
//! println!("{}", outputs[0].1.describe());
//! # Ok(())
//! # }
//! ```
//!
//! A [`Session`] is immutable and may run from many threads at once. Knows no graph, no model format and no compiler.
#![forbid(unsafe_code)]

mod analysis;
mod bind;
mod error;
mod execute;
mod frame;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod hand_built;
mod host;
mod inputs;
mod layout;
mod observe;
mod poison;
mod predict;
mod region;
mod results;
mod segment;
mod session;
mod state;

pub use error::RunError;
pub use graphc_base::DType;
pub use graphc_program::kernel::host::{HostTensor as Tensor, HostValue as Value, StringTensor};
pub use graphc_program::{Artifact, ArtifactError};
pub use layout::{BodyLayout, BufferLayout, LaunchLayout, Layout};
pub use observe::Observed;
pub use predict::MemoryPlan;
pub use session::{InputRef, OutputMut, Session, SessionOptions, StepProfile};
pub use state::State;
