//! What the runtime promises, on programs built by hand.

#[path = "../common/mod.rs"]
mod common;

mod hostile;
mod inputs;
mod memory;
mod regions;
mod state;
mod threads;
mod tools;
