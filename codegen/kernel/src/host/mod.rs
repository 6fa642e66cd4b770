//! Operators on values without a byte layout: sequences, optionals, string tensors. They run on the host, in every
//! device's programs alike.

mod value;

pub use value::{HostTensor, HostValue, StringTensor};

use crate::reference::KernelError;
use graphc_base::Dim;
use serde::{Deserialize, Serialize};

/// An operator on host values.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostOp {
    /// `x → x`.
    Identity,
}

impl HostOp {
    /// Calls `visit` with every dim among the attributes.
    pub fn visit_dims_mut(&mut self, visit: &mut dyn FnMut(&mut Dim)) {
        let _ = visit;
        match self {
            HostOp::Identity => {}
        }
    }
}

/// Runs an operator whose dims are all constants.
pub fn call(op: &HostOp, inputs: &[&HostValue]) -> Result<Vec<HostValue>, KernelError> {
    match (op, inputs) {
        (HostOp::Identity, [x]) => Ok(vec![(*x).clone()]),
        _ => Err(KernelError {
            kernel: "host",
            message: format!("{op:?} does not take {} operands", inputs.len()),
        }),
    }
}
