//! The built binary, command by command, as a user runs it.

mod compare;
mod compile;
mod files;
mod inputs;
mod inspect;
mod manual;
mod real;
mod running;
mod support;
mod usage;
