//! One file per command.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod compile;
pub(crate) mod doctor;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod ops;
pub(crate) mod run;
