//! A program from a file is hostile until shown otherwise: every id, count and order is checked before anything runs.
//!
//! What depends on bound dims (sizes, views inside their buffers) is checked again when dims are bound.

use crate::program::{
    Body, BodyId, CheckKind, Guard, Program, SCHEMA, SlotId, SlotType, Step, Storage, SymbolSource,
};
use graphc_base::{Dim, EntityId};

/// Most tensors that one kernel reads or writes.
pub const MAX_ARGS: usize = 16;
/// Deepest nesting of regions.
const MAX_REGION_DEPTH: usize = 64;

/// Why a program is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("program is damaged: {0}")]
pub struct ValidateError(pub String);

type Checked = Result<(), ValidateError>;

fn fault(message: impl Into<String>) -> Checked {
    Err(ValidateError(message.into()))
}

impl Program {
    /// Checks everything that does not depend on bound dims.
    pub fn validate(&self) -> Checked {
        if self.schema != SCHEMA {
            return fault(format!(
                "schema {} is not {SCHEMA}; compile the model again with this version",
                self.schema
            ));
        }
        for check in &self.dim_checks {
            let (CheckKind::Equal(a, b) | CheckKind::Broadcast(a, b) | CheckKind::LessEqual(a, b)) =
                &check.kind;
            self.check_dim(a)?;
            self.check_dim(b)?;
        }
        for spec in self.kernels.values() {
            if spec.inputs.len() > MAX_ARGS || spec.outputs.len() > MAX_ARGS {
                return fault(format!(
                    "kernel {} has too many arguments",
                    spec.kernel.name()
                ));
            }
            let mut result = Ok(());
            spec.visit_dims(&mut |dim| {
                if result.is_ok() {
                    result = self.check_dim(dim);
                }
            });
            result?;
        }
        for (id, set) in self.kernel_sets.iter() {
            let guarded_last = set
                .variants
                .last()
                .is_none_or(|last| !last.guards.is_empty());
            if guarded_last {
                return fault(format!("{id} has no variant without a guard"));
            }
            for variant in &set.variants {
                if self.kernels.get(variant.kernel).is_none() {
                    return fault(format!("{id} names {}, which is missing", variant.kernel));
                }
                for guard in &variant.guards {
                    let (Guard::AtLeast(dim, _) | Guard::AtMost(dim, _) | Guard::Multiple(dim, _)) =
                        guard;
                    self.check_dim(dim)?;
                }
            }
        }
        for entry in &self.entries {
            let Some(body) = self.bodies.get(entry.body) else {
                return fault(format!(
                    "entry {} names {}, which is missing",
                    entry.name, entry.body
                ));
            };
            if body.params.len() != entry.inputs.len() || body.results.len() != entry.outputs.len()
            {
                return fault(format!("entry {} does not fit its body", entry.name));
            }
            for port in entry.inputs.iter().chain(&entry.outputs) {
                self.check_type(&port.ty)?;
            }
        }
        for (id, body) in self.bodies.iter() {
            self.check_body(id, body)
                .map_err(|error| ValidateError(format!("{id}: {}", error.0)))?;
        }
        for entry in &self.entries {
            self.check_depth(entry.body, 0)?;
        }
        Ok(())
    }

    fn check_dim(&self, dim: &Dim) -> Checked {
        let mut unknown = None;
        dim.visit_symbols(&mut |symbol| {
            if symbol.index() >= self.symbols.len() {
                unknown = Some(symbol);
            }
        });
        match unknown {
            Some(symbol) => fault(format!("symbol {symbol} is missing")),
            None => Ok(()),
        }
    }

    fn check_type(&self, ty: &SlotType) -> Checked {
        match ty.as_tensor() {
            Some((_, shape)) => shape.iter().try_for_each(|dim| self.check_dim(dim)),
            None => Ok(()),
        }
    }

    fn check_depth(&self, body: BodyId, depth: usize) -> Checked {
        if depth > MAX_REGION_DEPTH {
            return fault("regions are nested too deep");
        }
        for step in &self.bodies[body].steps {
            match step {
                Step::If {
                    then_body,
                    else_body,
                    ..
                } => {
                    self.check_depth(*then_body, depth + 1)?;
                    self.check_depth(*else_body, depth + 1)?;
                }
                Step::Loop { body, .. } => self.check_depth(*body, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn check_body(&self, id: BodyId, body: &Body) -> Checked {
        for (slot_id, slot) in body.slots.iter() {
            self.check_type(&slot.ty)?;
            match &slot.storage {
                Storage::Param(index) if body.params.get(*index) != Some(&slot_id) => {
                    return fault(format!("{slot_id} is no param"));
                }
                Storage::Const(constant) if self.consts.get(*constant).is_none() => {
                    return fault(format!("{constant} is missing"));
                }
                Storage::Alias(of) if of.index() >= slot_id.index() => {
                    return fault(format!("{slot_id} aliases a later slot"));
                }
                Storage::State(index) if *index >= self.state.len() => {
                    return fault(format!("state {index} is missing"));
                }
                _ => {}
            }
        }
        let mut ready = Ready::new(body)?;
        for (position, step) in body.steps.iter().enumerate() {
            self.check_step(id, body, position, step, &mut ready)
                .map_err(|error| ValidateError(format!("step {position}: {}", error.0)))?;
        }
        for &result in &body.results {
            ready.read(body, result)?;
        }
        Ok(())
    }

    fn check_step(
        &self,
        id: BodyId,
        body: &Body,
        position: usize,
        step: &Step,
        ready: &mut Ready,
    ) -> Checked {
        let mut result = Ok(());
        step.visit_reads(&mut |slot| {
            if result.is_ok() {
                result = ready.read(body, slot);
            }
        });
        result?;
        match step {
            Step::Launch {
                set,
                inputs,
                outputs,
                ..
            } => {
                let Some(set) = self.kernel_sets.get(*set) else {
                    return fault(format!("{set} is missing"));
                };
                for variant in &set.variants {
                    let spec = &self.kernels[variant.kernel];
                    if spec.inputs.len() != inputs.len() || spec.outputs.len() != outputs.len() {
                        return fault(format!("{} takes other arguments", spec.kernel.name()));
                    }
                }
            }
            Step::Bind { symbol, from } => {
                if symbol.index() >= self.symbols.len() {
                    return fault(format!("symbol {symbol} is missing"));
                }
                let (SymbolSource::Axis(slot, _) | SymbolSource::Element(slot, _)) = from;
                if body.slots.get(*slot).is_none() {
                    return fault(format!("{slot} is missing"));
                }
            }
            Step::If {
                then_body,
                else_body,
                inputs,
                outputs,
                ..
            } => {
                for region in [then_body, else_body] {
                    self.check_region(id, *region, inputs.len(), outputs.len())?;
                }
            }
            Step::Loop {
                body: region,
                inputs,
                n_carried,
                outputs,
                ..
            } => {
                if *n_carried > inputs.len() || *n_carried > outputs.len() {
                    return fault("loop carries more values than it has");
                }
                self.check_region(id, *region, inputs.len() + 2, outputs.len() + 1)?;
            }
            Step::Take { from, outputs } => {
                let n_results = match body.steps.get(*from) {
                    Some(
                        Step::If { outputs, .. }
                        | Step::Loop { outputs, .. }
                        | Step::HostCall { outputs, .. },
                    ) if *from < position => outputs.len(),
                    _ => return fault(format!("step {from} has no results to take")),
                };
                if outputs.iter().any(|output| output.index >= n_results) {
                    return fault("result to take is missing");
                }
            }
            Step::HostCall { .. }
            | Step::Copy { .. }
            | Step::Library { .. }
            | Step::Fetch(_)
            | Step::Evict(_)
            | Step::Collective { .. } => {}
        }
        let mut result = Ok(());
        step.visit_writes(&mut |slot| {
            if result.is_ok() {
                result = ready.write(body, slot);
            }
        });
        result?;
        if let Step::HostCall { outputs, .. }
        | Step::If { outputs, .. }
        | Step::Loop { outputs, .. } = step
        {
            for &slot in outputs {
                match body.slots.get(slot).map(|slot| &slot.storage) {
                    Some(Storage::Host) => ready.mark(slot),
                    Some(Storage::Arena) => {}
                    _ => return fault(format!("{slot} cannot take a result")),
                }
            }
        }
        Ok(())
    }

    fn check_region(
        &self,
        parent: BodyId,
        region: BodyId,
        n_params: usize,
        n_results: usize,
    ) -> Checked {
        // Regions come after their parents, so that no body runs itself.
        let Some(body) = self.bodies.get(region).filter(|_| region > parent) else {
            return fault(format!("{region} is no region of {parent}"));
        };
        if body.params.len() != n_params || body.results.len() != n_results {
            return fault(format!("{region} takes or gives other values"));
        }
        Ok(())
    }
}

/// Which slots hold something so far.
struct Ready {
    slots: Vec<bool>,
}

impl Ready {
    fn new(body: &Body) -> Result<Self, ValidateError> {
        let slots = body
            .slots
            .values()
            .map(|slot| {
                matches!(
                    slot.storage,
                    Storage::Param(_) | Storage::Const(_) | Storage::State(_)
                )
            })
            .collect();
        for &param in &body.params {
            if body.slots.get(param).is_none() {
                return Err(ValidateError(format!("param {param} is missing")));
            }
        }
        Ok(Self { slots })
    }

    fn mark(&mut self, slot: SlotId) {
        self.slots[slot.index()] = true;
    }

    fn read(&self, body: &Body, slot: SlotId) -> Checked {
        if body.slots.get(slot).is_none() {
            return fault(format!("{slot} is missing"));
        }
        if !self.slots[body.root(slot).index()] {
            return fault(format!("{slot} is read before it is written"));
        }
        Ok(())
    }

    fn write(&mut self, body: &Body, slot: SlotId) -> Checked {
        match body.slots.get(slot).map(|slot| &slot.storage) {
            Some(Storage::Arena | Storage::State(_)) => {
                self.mark(slot);
                Ok(())
            }
            _ => fault(format!("{slot} cannot be written")),
        }
    }
}
