//! One body: its slots, then its steps in order, with what holds something and which dims are bound so far.

use super::{Checked, MAX_ALIASES, ValidateError, ensure, fault, is_shape, same_kind, same_size};
use crate::program::{
    Body, BodyId, KernelSetId, Program, SlotId, SlotType, Step, Storage, SymbolSource,
};
use graphc_base::{DType, Dim, DimCx, EntityId, SymId};
use graphc_kernel::{KernelSpec, TensorArg};
use std::collections::BTreeSet;

/// A body on its way through its steps.
pub(super) struct BodyCheck<'p> {
    program: &'p Program,
    cx: &'p DimCx,
    body: &'p Body,
    /// By slot, the root of its aliases.
    roots: Vec<SlotId>,
    /// By root, whether it holds something.
    ready: Vec<bool>,
    /// By slot, whether its shape is known to the runtime without its bytes.
    shaped: Vec<bool>,
    /// Symbols that have a value.
    pub(super) bound: BTreeSet<SymId>,
}

impl<'p> BodyCheck<'p> {
    pub(super) fn new(
        program: &'p Program,
        cx: &'p DimCx,
        body: &'p Body,
        bound: BTreeSet<SymId>,
    ) -> Result<Self, ValidateError> {
        let mut this = Self {
            program,
            cx,
            body,
            roots: Vec::with_capacity(body.slots.len()),
            ready: Vec::with_capacity(body.slots.len()),
            shaped: Vec::with_capacity(body.slots.len()),
            bound,
        };
        for (index, &param) in body.params.iter().enumerate() {
            let slot = body.slots.get(param);
            ensure(
                slot.is_some_and(|slot| slot.storage == Storage::Param(index)),
                || format!("param {param} is no param"),
            )?;
        }
        let mut n_aliases: Vec<usize> = Vec::with_capacity(body.slots.len());
        for (id, slot) in body.slots.iter() {
            program.check_type(&slot.ty)?;
            let (mut root, mut aliases) = (id, 0);
            if let Storage::Alias(of) = slot.storage {
                ensure(of < id, || format!("{id} aliases a later slot"))?;
                root = this.roots[of.index()];
                aliases = n_aliases[of.index()] + 1;
                ensure(aliases <= MAX_ALIASES, || {
                    format!("{id} is an alias of too many")
                })?;
            }
            n_aliases.push(aliases);
            this.roots.push(root);
            this.slot(id, root)?;
            let given = matches!(
                slot.storage,
                Storage::Param(_) | Storage::Const(_) | Storage::State(_)
            );
            this.ready.push(given);
            this.shaped.push(matches!(
                slot.storage,
                Storage::Param(_) | Storage::State(_)
            ));
        }
        Ok(this)
    }

    /// Checks that a slot's type fits where it lies.
    fn slot(&self, id: SlotId, root: SlotId) -> Checked {
        let slot = &self.body.slots[id];
        let tensor = slot.ty.as_tensor();
        let fits = match &slot.storage {
            Storage::Param(index) => self.body.params.get(*index) == Some(&id),
            Storage::Const(constant) => match (self.program.consts.get(*constant), tensor) {
                (Some(constant), Some((dtype, shape))) => {
                    constant.literal.is_none()
                        && constant.dtype == dtype
                        && is_shape(shape, &constant.shape)
                }
                (Some(constant), None) => constant.literal.is_some(),
                (None, _) => false,
            },
            Storage::Arena => tensor.is_some(),
            Storage::Alias(_) => match (self.body.slots[root].ty.as_tensor(), tensor) {
                (Some((of, from)), Some((dtype, to))) => {
                    of == dtype && same_size(self.cx, from, to)
                }
                (None, None) => true,
                _ => false,
            },
            Storage::Host => tensor.is_none(),
            Storage::State(index) => self
                .program
                .state
                .get(*index)
                .zip(tensor)
                .is_some_and(|(state, ty)| ty == (state.dtype, state.shape.as_slice())),
        };
        ensure(fits, || {
            format!("{id} does not fit where it lies ({:?})", slot.storage)
        })
    }

    fn ty(&self, slot: SlotId) -> &'p SlotType {
        &self.body.slots[slot].ty
    }

    fn dtype(&self, slot: SlotId) -> Option<DType> {
        self.ty(slot).as_tensor().map(|(dtype, _)| dtype)
    }

    fn read(&self, slot: SlotId) -> Checked {
        ensure(self.body.slots.get(slot).is_some(), || {
            format!("{slot} is missing")
        })?;
        ensure(self.ready[self.roots[slot.index()].index()], || {
            format!("{slot} is read before it is written")
        })?;
        self.known_type(slot)
    }

    fn write(&mut self, slot: SlotId) -> Checked {
        match self.body.slots.get(slot).map(|slot| &slot.storage) {
            Some(Storage::Arena | Storage::State(_)) => {
                self.ready[slot.index()] = true;
                self.known_type(slot)
            }
            _ => fault(format!("{slot} cannot be written")),
        }
    }

    fn known_type(&self, slot: SlotId) -> Checked {
        // Params and state carry their shapes with them, and may be what binds the dims.
        let root = &self.body.slots[self.roots[slot.index()]];
        if matches!(root.storage, Storage::Param(_) | Storage::State(_)) {
            return Ok(());
        }
        match self.ty(slot).as_tensor() {
            Some((_, shape)) => shape.iter().try_for_each(|dim| self.known(dim)),
            None => Ok(()),
        }
    }

    fn known(&self, dim: &Dim) -> Checked {
        let mut unbound = None;
        dim.visit_symbols(&mut |symbol| {
            if !self.bound.contains(&symbol) {
                unbound = Some(symbol);
            }
        });
        match unbound {
            Some(symbol) => fault(format!("{symbol} is used before it is bound")),
            None => Ok(()),
        }
    }

    /// Checks a step and notes what it does.
    pub(super) fn step(&mut self, position: usize, step: &Step) -> Checked {
        let mut result = Ok(());
        step.visit_reads(&mut |slot| {
            if result.is_ok() {
                result = self.read(slot);
            }
        });
        result?;
        match step {
            Step::Launch {
                set,
                inputs,
                outputs,
                ..
            } => self.launch(*set, inputs, outputs)?,
            Step::Bind { symbol, from } => self.bind(*symbol, *from)?,
            Step::If {
                cond,
                then_body,
                else_body,
                inputs,
                outputs,
            } => {
                self.scalar(*cond, DType::Bool)?;
                for region in [*then_body, *else_body] {
                    let body = &self.program.bodies[region];
                    ensure(
                        body.params.len() == inputs.len() && body.results.len() == outputs.len(),
                        || format!("{region} takes or gives other values"),
                    )?;
                    self.region(region, inputs, outputs, outputs.len())?;
                }
            }
            Step::Loop {
                trip_count,
                cond,
                body,
                inputs,
                n_carried,
                outputs,
            } => {
                if let Some(slot) = trip_count {
                    self.scalar(*slot, DType::I64)?;
                }
                if let Some(slot) = cond {
                    self.scalar(*slot, DType::Bool)?;
                }
                self.looped(*body, inputs, *n_carried, outputs)?;
            }
            Step::Take { from, outputs } => {
                let given = match self.body.steps.get(*from) {
                    Some(
                        Step::If { outputs, .. }
                        | Step::Loop { outputs, .. }
                        | Step::HostCall { outputs, .. },
                    ) if *from < position => outputs,
                    _ => return fault(format!("step {from} has no results to take")),
                };
                for output in outputs {
                    let fits = given
                        .get(output.index)
                        .zip(self.body.slots.get(output.slot))
                        .is_some_and(|(&given, slot)| same_kind(self.ty(given), &slot.ty));
                    ensure(fits, || {
                        format!("result {} is no {}", output.index, output.slot)
                    })?;
                }
            }
            Step::Copy { from, to } => {
                let fits = self.body.slots.get(*to).is_some_and(|to| {
                    match (self.ty(*from).as_tensor(), to.ty.as_tensor()) {
                        (Some((dtype, from)), Some((other, to))) => {
                            dtype == other && same_size(self.cx, from, to)
                        }
                        _ => false,
                    }
                });
                ensure(fits, || format!("{from} does not fit {to}"))?;
            }
            Step::HostCall { op, .. } => {
                let mut result = Ok(());
                op.clone().visit_dims_mut(&mut |dim| {
                    if result.is_ok() {
                        result = self.program.check_dim(dim).and_then(|()| self.known(dim));
                    }
                });
                result?;
            }
            Step::Fetch(constant) | Step::Evict(constant) => {
                ensure(self.program.consts.get(*constant).is_some(), || {
                    format!("{constant} is missing")
                })?;
            }
            Step::Library { .. } | Step::Collective { .. } => {}
        }
        self.note(step)
    }

    /// Marks what a step leaves.
    fn note(&mut self, step: &Step) -> Checked {
        let mut result = Ok(());
        step.visit_writes(&mut |slot| {
            if result.is_ok() {
                result = self.write(slot);
            }
        });
        result?;
        if let Step::HostCall { outputs, .. }
        | Step::If { outputs, .. }
        | Step::Loop { outputs, .. } = step
        {
            for &slot in outputs {
                match self.body.slots.get(slot).map(|slot| &slot.storage) {
                    Some(Storage::Host) => self.ready[slot.index()] = true,
                    Some(Storage::Arena) => {}
                    _ => return fault(format!("{slot} cannot take a result")),
                }
                self.waits(slot);
            }
        }
        Ok(())
    }

    /// The runtime knows the shape of a waiting result, and so can a Bind; its bytes need a Take.
    fn waits(&mut self, slot: SlotId) {
        self.shaped[slot.index()] = true;
    }

    fn launch(&self, set: KernelSetId, inputs: &[SlotId], outputs: &[SlotId]) -> Checked {
        let Some(set) = self.program.kernel_sets.get(set) else {
            return fault(format!("{set} is missing"));
        };
        for variant in &set.variants {
            let spec = &self.program.kernels[variant.kernel];
            self.args(spec, &spec.inputs, inputs)?;
            self.args(spec, &spec.outputs, outputs)?;
            let mut result = Ok(());
            let mut known = |dim: &Dim| {
                if result.is_ok() {
                    result = self.known(dim);
                }
            };
            spec.visit_dims(&mut known);
            variant.guards.iter().for_each(|guard| known(guard.dim()));
            result?;
        }
        for (position, slot) in outputs.iter().enumerate() {
            let root = self.roots[slot.index()];
            let meets =
                |other: &SlotId| self.roots[other.index()] == root || self.same_state(root, *other);
            ensure(
                !inputs.iter().chain(&outputs[..position]).any(meets),
                || format!("{slot} is written and used by one kernel"),
            )?;
        }
        Ok(())
    }

    /// Whether two slots are the same state.
    fn same_state(&self, root: SlotId, other: SlotId) -> bool {
        let other = &self.body.slots[self.roots[other.index()]].storage;
        matches!(other, Storage::State(_)) && *other == self.body.slots[root].storage
    }

    /// Checks that arguments fit the slots that stand for them: none without a view can reach beyond its slot.
    fn args(&self, spec: &KernelSpec, args: &[TensorArg], slots: &[SlotId]) -> Checked {
        let name = spec.kernel.name();
        ensure(args.len() == slots.len(), || {
            format!("{name} takes other arguments")
        })?;
        for (arg, &slot) in args.iter().zip(slots) {
            let ty = self
                .body
                .slots
                .get(slot)
                .and_then(|slot| slot.ty.as_tensor());
            let Some((dtype, shape)) = ty else {
                return fault(format!("{name} takes {slot}, which is no tensor"));
            };
            let fits = dtype == arg.dtype
                && match &arg.view {
                    Some(view) => view.strides.len() == arg.shape.len(),
                    None => same_size(self.cx, &arg.shape, shape),
                };
            ensure(fits, || {
                format!("{name} takes {slot} of another type: {arg:?}, not {dtype}{shape:?}")
            })?;
        }
        Ok(())
    }

    fn bind(&mut self, symbol: SymId, from: SymbolSource) -> Checked {
        ensure(symbol.index() < self.program.symbols.len(), || {
            format!("symbol {symbol} is missing")
        })?;
        let (SymbolSource::Axis(slot, _) | SymbolSource::Element(slot, _)) = from;
        ensure(self.body.slots.get(slot).is_some(), || {
            format!("{slot} is missing")
        })?;
        match from {
            SymbolSource::Axis(_, axis) => {
                let ranked = self
                    .ty(slot)
                    .as_tensor()
                    .is_none_or(|(_, shape)| axis < shape.len());
                ensure(self.shaped[slot.index()] && ranked, || {
                    format!("{slot} has no axis {axis} here")
                })?;
            }
            SymbolSource::Element(..) => {
                let dtype = self.dtype(slot);
                ensure(matches!(dtype, Some(DType::I32 | DType::I64)), || {
                    format!("{slot} holds no sizes")
                })?;
            }
        }
        ensure(self.bound.insert(symbol), || {
            format!("{symbol} is bound twice")
        })
    }

    fn scalar(&self, slot: SlotId, dtype: DType) -> Checked {
        ensure(self.dtype(slot) == Some(dtype), || {
            format!("{slot} is no {dtype}")
        })
    }

    /// Checks what a region takes and gives, counted from the back: its last params stand for `inputs`, its last results for
    /// `outputs`, of which those from `n_plain` on have one axis more.
    fn region(&self, id: BodyId, inputs: &[SlotId], outputs: &[SlotId], n_plain: usize) -> Checked {
        let region = &self.program.bodies[id];
        let of = |slot: SlotId| region.slots.get(slot).map(|slot| &slot.ty);
        for (&param, &input) in region.params.iter().rev().zip(inputs.iter().rev()) {
            let fits = of(param).is_some_and(|ty| same_kind(ty, self.ty(input)));
            ensure(fits, || format!("{id}: {param} does not take {input}"))?;
        }
        let results = region
            .results
            .iter()
            .rev()
            .zip(outputs.iter().enumerate().rev());
        for (&result, (position, &output)) in results {
            let Some(slot) = self.body.slots.get(output) else {
                return fault(format!("{output} is missing"));
            };
            let fits = of(result).is_some_and(|ty| match position < n_plain {
                true => same_kind(ty, &slot.ty),
                false => is_stack_of(&slot.ty, ty),
            });
            ensure(fits, || format!("{id}: {result} does not give {output}"))?;
        }
        Ok(())
    }

    fn looped(
        &self,
        id: BodyId,
        inputs: &[SlotId],
        n_carried: usize,
        outputs: &[SlotId],
    ) -> Checked {
        ensure(
            n_carried <= inputs.len() && n_carried <= outputs.len(),
            || "a loop carries more values than it has".to_owned(),
        )?;
        let region = &self.program.bodies[id];
        ensure(
            region.params.len() == inputs.len() + 2 && region.results.len() == outputs.len() + 1,
            || format!("{id} takes or gives other values"),
        )?;
        let scalar = |slot: SlotId, dtype: DType| {
            let ty = region.slots.get(slot).and_then(|slot| slot.ty.as_tensor());
            ty.is_some_and(|(other, shape)| {
                other == dtype && shape.iter().all(|dim| *dim == Dim::ONE)
            })
        };
        ensure(
            scalar(region.params[0], DType::I64)
                && scalar(region.params[1], DType::Bool)
                && scalar(region.results[0], DType::Bool),
            || format!("{id} has no counter or condition"),
        )?;
        self.region(id, inputs, outputs, n_carried)
    }

    /// Checks that results hold something.
    pub(super) fn end(&self) -> Checked {
        self.body
            .results
            .iter()
            .try_for_each(|&result| self.read(result))
    }
}

/// Whether a tensor is one of another's with an axis in front.
fn is_stack_of(stack: &SlotType, element: &SlotType) -> bool {
    match (stack.as_tensor(), element.as_tensor()) {
        (Some((dtype, shape)), Some((other, sizes))) => {
            dtype == other && shape.len() == sizes.len() + 1
        }
        _ => false,
    }
}
