//! The artifact as plain data: what runs, on which buffers, with which kernels and constants.
//!
//! Owns the [`Program`], its file form ([`save`], [`Artifact`]), its validation as hostile input and [`memory::pack`], the
//! only packer of buffers in the project. Knows no device and computes nothing.
#![forbid(unsafe_code)]

/// The kernels and host operators that a program names.
pub use graphc_kernel as kernel;

mod artifact;
pub mod memory;
mod program;
mod validate;

pub use artifact::{Artifact, ArtifactError, ConstSource, partial_path, save};
pub use program::{
    Body, BodyId, CheckKind, ConstRef, DimCheck, Entry, Guard, KernelRef, KernelSet, KernelSetId,
    Literal, Port, Program, ProgramConst, ProgramSymbol, RegionOutput, SCHEMA, Slot, SlotId,
    SlotType, StateInit, StateSlot, Step, Storage, SymbolSource, Variant,
};
pub use validate::{MAX_ARGS, ValidateError};
