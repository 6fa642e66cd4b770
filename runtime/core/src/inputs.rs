//! Inputs of a run, checked one by one before anything runs.

use crate::bind::{Sizes, UNBOUND, is_known};
use crate::error::{RunError, show};
use crate::session::{InputRef, Session};
use graphc_base::{DType, EntityId};
use graphc_program::kernel::host::HostValue;
use graphc_program::{Entry, Port, SlotType, Step, SymbolSource};

impl Session {
    /// Brings named inputs into the entry's order. Missing, unknown and repeated ones are named.
    pub(crate) fn ordered<'a>(
        &self,
        entry: &Entry,
        inputs: &[(&str, InputRef<'a>)],
    ) -> Result<Vec<InputRef<'a>>, RunError> {
        let mut faults: Vec<String> = Vec::new();
        for (position, (name, _)) in inputs.iter().enumerate() {
            if !entry.inputs.iter().any(|port| port.name == *name) {
                faults.push(format!("input `{name}` is unknown"));
            } else if inputs[..position].iter().any(|(other, _)| other == name) {
                faults.push(format!("input `{name}` is given twice"));
            }
        }
        let mut ordered = Vec::with_capacity(entry.inputs.len());
        for port in &entry.inputs {
            match inputs.iter().find(|(name, _)| *name == port.name) {
                Some((_, input)) => ordered.push(*input),
                None => faults.push(format!(
                    "input `{}` ({}) is missing",
                    port.name,
                    self.show_port(port)
                )),
            }
        }
        if faults.is_empty() {
            Ok(ordered)
        } else {
            Err(RunError::Inputs(faults))
        }
    }

    /// Types, ranks and dims of all inputs, each fault named. Leaves in `values` the symbols that inputs' axes bind.
    pub(crate) fn check_inputs(
        &self,
        entry: &Entry,
        inputs: &[InputRef<'_>],
        values: &mut [i64],
    ) -> Result<(), RunError> {
        let mut faults = Vec::new();
        values.fill(UNBOUND);
        let body = &self.program().bodies[entry.body];
        for step in &body.steps {
            let Step::Bind {
                symbol,
                from: SymbolSource::Axis(slot, axis),
            } = step
            else {
                break;
            };
            let input = body
                .params
                .iter()
                .position(|param| param == slot)
                .and_then(|position| inputs.get(position));
            if let Some(&size) = input.and_then(|input| input.shape()?.get(*axis)) {
                values[symbol.index()] = i64::try_from(size).unwrap_or(UNBOUND);
            }
        }
        for (port, input) in entry.inputs.iter().zip(inputs) {
            if let Some(fault) = self.input_fault(port, input, values) {
                faults.push(format!("input `{}` {fault}", port.name));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(RunError::Inputs(faults))
        }
    }

    fn input_fault(&self, port: &Port, input: &InputRef<'_>, values: &[i64]) -> Option<String> {
        let (dtype, shape) = match (&port.ty, input.tensor()) {
            (SlotType::Tensor { dtype, shape }, Some(_)) => (*dtype, shape),
            (SlotType::Host(_), None) => return None,
            (SlotType::Host(what), Some((dtype, sizes, _))) => {
                return Some(format!("is {}, {what} is expected", show(dtype, sizes)));
            }
            (SlotType::Tensor { .. }, None) => {
                let given = match input {
                    InputRef::Value(value) => value.describe(),
                    InputRef::Bytes { .. } => "no tensor".to_owned(),
                };
                return Some(format!("is {given}, {} is expected", self.show_port(port)));
            }
        };
        let (given, sizes, bytes) = input.tensor()?;
        if dtype != given {
            return Some(format!("has dtype {given}, {dtype} is expected"));
        }
        if shape.len() != sizes.len() {
            return Some(format!(
                "has rank {} ({}), {} is expected",
                sizes.len(),
                show(given, sizes),
                self.show_port(port)
            ));
        }
        for (axis, (dim, &size)) in shape.iter().zip(sizes).enumerate() {
            if !is_known(dim, values) {
                continue;
            }
            match dim.eval(values) {
                Ok(expected) if i64::try_from(size) == Ok(expected) => {}
                Ok(expected) => {
                    return Some(format!(
                        "has size {size} on axis {axis}, {expected} is expected ({})",
                        self.show_port(port)
                    ));
                }
                Err(error) => return Some(format!("has size {size} on axis {axis}: {error}")),
            }
        }
        if sized(dtype, sizes) != Some(bytes.len()) {
            return Some(format!(
                "has {} bytes, which do not fit {}",
                bytes.len(),
                show(given, sizes)
            ));
        }
        let width = dtype.bits().div_ceil(8).max(1);
        if !(bytes.as_ptr() as usize).is_multiple_of(width) {
            return Some(format!("does not start at a multiple of {width} bytes"));
        }
        None
    }

    pub(crate) fn show_port(&self, port: &Port) -> String {
        match &port.ty {
            SlotType::Host(what) => what.clone(),
            SlotType::Tensor { dtype, shape } => {
                let symbols = &self.program().symbols;
                let sizes: Vec<String> = shape
                    .iter()
                    .map(|dim| {
                        let symbol = dim.as_symbol().and_then(|it| symbols.get(it.index()));
                        symbol.map_or_else(|| dim.to_string(), |symbol| symbol.name.clone())
                    })
                    .collect();
                format!("{dtype}[{}]", sizes.join(","))
            }
        }
    }
}

impl InputRef<'_> {
    /// Type, shape and bytes of a tensor that has bytes.
    pub(crate) fn tensor(&self) -> Option<(DType, &[usize], &[u8])> {
        match self {
            InputRef::Bytes {
                dtype,
                shape,
                bytes,
            } => Some((*dtype, shape, bytes)),
            InputRef::Value(HostValue::Tensor(tensor)) => {
                Some((tensor.dtype(), tensor.shape(), tensor.bytes()))
            }
            InputRef::Value(_) => None,
        }
    }

    /// Size of each axis, if it is a tensor of any kind.
    pub(crate) fn shape(&self) -> Option<&[usize]> {
        match self {
            InputRef::Bytes { shape, .. } => Some(shape),
            InputRef::Value(value) => value.shape(),
        }
    }

    /// Its sizes, empty where it has none.
    pub(crate) fn sizes(&self) -> Sizes {
        self.shape().map_or_else(Sizes::new, Sizes::from_slice)
    }
}

/// Bytes of a tensor of these sizes, if they fit.
pub(crate) fn sized(dtype: DType, sizes: &[usize]) -> Option<usize> {
    sizes
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .and_then(|n| dtype.byte_len(n))
}
