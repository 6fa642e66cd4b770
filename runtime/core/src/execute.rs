//! The executor: a body, step by step.

use crate::bind::{Sizes, bind_symbol, shape_of};
use crate::error::{RunError, name_sources};
use crate::frame::{Frame, Param, Waiting};
use crate::observe::Observed;
use crate::segment::{Place, SegmentPlan, choose, place};
use crate::session::{Session, StepProfile};
use graphc_base::{DType, Dim, EntityId};
use graphc_device::{DeviceError, Input, Launch};
use graphc_program::kernel::host::{HostOp, HostTensor, HostValue, call};
use graphc_program::kernel::reference::KernelError;
use graphc_program::{Body, BodyId, MAX_ARGS, SlotId, Step, Storage, SymbolSource};
use smallvec::SmallVec;
use std::time::Instant;

/// What a run carries through its bodies.
#[derive(Default)]
pub(crate) struct RunCx<'a> {
    /// Filled with one row per launch, where wanted.
    pub(crate) profile: Option<&'a mut Vec<StepProfile>>,
    /// Called with every value that a step writes, where wanted.
    pub(crate) observer: Option<&'a mut (dyn FnMut(Observed<'_>) + 'a)>,
}

impl Session {
    /// Runs a body in a frame that [`Frame::begin`] has prepared.
    pub(crate) fn run_body(
        &self,
        id: BodyId,
        frame: &mut Frame,
        params: &[Param<'_>],
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let body = &self.program().bodies[id];
        let analysis = self.analysis(id);
        for (index, segment) in analysis.segments.iter().enumerate() {
            let plan = self.segment_plan(id, index, &frame.values, frame.plan.as_deref())?;
            if frame.arena.len() < plan.arena_bytes {
                frame.arena.grow(plan.arena_bytes)?;
            }
            if self.poisons() {
                poison(frame, &plan, segment);
            }
            frame.used_bytes = frame.used_bytes.max(plan.arena_bytes);
            frame.plan = Some(plan.clone());
            let mut launches = plan.launches.iter();
            for position in segment.steps.clone() {
                match &body.steps[position] {
                    Step::Launch { set, .. } => {
                        let Some(launch) = launches.next() else {
                            return Err(RunError::Region(
                                "program is damaged: launch is missing".to_owned(),
                            ));
                        };
                        debug_assert_eq!(launch.step, position);
                        let started = cx.profile.as_ref().map(|_| Instant::now());
                        let inputs: SmallVec<[Input<'_>; MAX_ARGS]> = launch
                            .inputs
                            .iter()
                            .map(|&place| self.input(place, params))
                            .collect::<Result<_, _>>()?;
                        let set = &self.program().kernel_sets[*set];
                        launch
                            .kernel
                            .launch(Launch {
                                arena: &mut *frame.arena,
                                inputs: &inputs,
                                outputs: &launch.outputs,
                                scratch: launch.scratch,
                            })
                            .map_err(|error| RunError::node(&set.sources, error))?;
                        if let (Some(profile), Some(started)) = (cx.profile.as_mut(), started) {
                            let variant = choose(set, &frame.values)?;
                            let kernel = &self.program().kernels[variant.kernel].kernel;
                            profile.push(StepProfile {
                                kernel: kernel.name(),
                                implementation: launch.kernel.implementation(),
                                sources: set.sources.clone(),
                                started,
                                duration: started.elapsed(),
                            });
                        }
                    }
                    Step::HostCall {
                        op,
                        inputs,
                        outputs,
                        sources,
                    } => {
                        let started = cx.profile.as_ref().map(|_| Instant::now());
                        let results = self.host_call(body, frame, params, op, inputs, sources)?;
                        self.settle(frame, body, position, outputs, results)?;
                        if let (Some(profile), Some(started)) = (cx.profile.as_mut(), started) {
                            profile.push(StepProfile {
                                kernel: op.name(),
                                implementation: "host",
                                sources: sources.clone(),
                                started,
                                duration: started.elapsed(),
                            });
                        }
                    }
                    Step::Bind { symbol, from } => {
                        let value = self.bound_value(body, frame, params, *from)?;
                        bind_symbol(self.program(), &mut frame.values, symbol.index(), value)?;
                    }
                    Step::If {
                        cond,
                        then_body,
                        else_body,
                        inputs,
                        outputs,
                    } => {
                        let holds = self.read_scalar(body, frame, params, *cond)? != 0;
                        let region = if holds { *then_body } else { *else_body };
                        self.run_if(body, frame, params, position, region, inputs, outputs, cx)?;
                    }
                    Step::Loop {
                        trip_count,
                        cond,
                        body: region,
                        inputs,
                        n_carried,
                        outputs,
                    } => {
                        let most = match trip_count {
                            Some(slot) => self.read_scalar(body, frame, params, *slot)?,
                            None => i64::MAX,
                        };
                        let begins = match cond {
                            Some(slot) => self.read_scalar(body, frame, params, *slot)? != 0,
                            None => true,
                        };
                        let shape = crate::region::LoopShape {
                            position,
                            region: *region,
                            most,
                            begins,
                            inputs,
                            n_carried: *n_carried,
                            outputs,
                        };
                        self.run_loop(body, frame, params, &shape, cx)?;
                    }
                    Step::Take { from, outputs } => {
                        for output in outputs {
                            self.take(body, frame, params, *from, output.index, output.slot)?;
                        }
                    }
                    Step::Copy { from, to } => {
                        let Place::Arena(target) = place(body, &plan.spans, *to)? else {
                            return Err(RunError::Region(
                                "program is damaged: copy has no target".to_owned(),
                            ));
                        };
                        self.copy_into(body, frame, params, *from, target)?;
                    }
                    Step::Library { routine, .. } => {
                        return Err(unsupported(&format!("library routine {routine}")));
                    }
                    Step::Fetch(_) | Step::Evict(_) => return Err(unsupported("weight streaming")),
                    Step::Collective { operation, .. } => {
                        return Err(unsupported(&format!("collective {operation}")));
                    }
                }
                if cx.observer.is_some() {
                    self.observe(body, frame, params, position, cx)?;
                }
            }
        }
        Ok(())
    }

    fn input<'a>(&'a self, place: Place, params: &'a [Param<'_>]) -> Result<Input<'a>, RunError> {
        Ok(match place {
            Place::Arena(span) => Input::Arena {
                offset: span.offset,
                bytes: span.bytes,
            },
            Place::Const(constant) => Input::Host(self.artifact().constant(constant)),
            Place::Param(index) => match params.get(index) {
                Some(Param::Tensor { bytes, .. }) => Input::Host(bytes),
                _ => {
                    return Err(RunError::Region(
                        "program is damaged: kernel reads a host value".to_owned(),
                    ));
                }
            },
            Place::Host => {
                return Err(RunError::Region(
                    "program is damaged: kernel reads a host value".to_owned(),
                ));
            }
        })
    }

    /// The bytes of a tensor slot.
    pub(crate) fn bytes<'a>(
        &'a self,
        body: &Body,
        frame: &'a Frame,
        params: &'a [Param<'_>],
        slot: SlotId,
    ) -> Result<&'a [u8], RunError> {
        let spans = frame.plan.as_ref().map_or(&[][..], |plan| &plan.spans);
        let missing = || RunError::Region(format!("program is damaged: {slot} holds no bytes"));
        match place(body, spans, slot)? {
            Place::Arena(span) => frame
                .arena
                .host()
                .and_then(|bytes| bytes.get(span.offset..span.offset + span.bytes))
                .ok_or_else(missing),
            Place::Const(constant) => Ok(self.artifact().constant(constant)),
            Place::Param(index) => match params.get(index) {
                Some(Param::Tensor { bytes, .. }) => Ok(bytes),
                _ => Err(missing()),
            },
            Place::Host => Err(missing()),
        }
    }

    /// A slot as a param of a region.
    pub(crate) fn as_param<'a>(
        &'a self,
        body: &Body,
        frame: &'a Frame,
        params: &'a [Param<'_>],
        slot: SlotId,
    ) -> Result<Param<'a>, RunError> {
        let root = body.root(slot);
        match (&body.slots[root].storage, body.slots[slot].ty.as_tensor()) {
            (Storage::Host, _) => frame.host[root.index()]
                .as_ref()
                .map(Param::Host)
                .ok_or_else(|| RunError::Region(format!("program is damaged: {slot} is empty"))),
            (Storage::Param(index), None) => params
                .get(*index)
                .cloned()
                .ok_or_else(|| RunError::Region(format!("program is damaged: {slot} is empty"))),
            (_, Some((dtype, shape))) => Ok(Param::Tensor {
                dtype,
                shape: shape_of(shape, &frame.values)?,
                bytes: self.bytes(body, frame, params, slot)?,
            }),
            (Storage::Const(constant), None) => self
                .literal(*constant)
                .map(Param::Host)
                .ok_or_else(|| RunError::Region(format!("program is damaged: {slot} is empty"))),
            _ => Err(RunError::Region(format!(
                "program is damaged: {slot} is no value"
            ))),
        }
    }

    fn read_element(
        &self,
        body: &Body,
        frame: &Frame,
        params: &[Param<'_>],
        slot: SlotId,
        element: usize,
    ) -> Result<i64, RunError> {
        let bytes = self.bytes(body, frame, params, slot)?;
        let dtype = body.slots[slot]
            .ty
            .as_tensor()
            .map_or(DType::I64, |(dtype, _)| dtype);
        let width = dtype.bits() / 8;
        let missing = || {
            RunError::Region(format!(
                "program is damaged: {slot} has no element {element}"
            ))
        };
        let start = element.checked_mul(width).ok_or_else(missing)?;
        let raw = bytes
            .get(start..start.saturating_add(width))
            .ok_or_else(missing)?;
        match (dtype, raw) {
            (DType::Bool | DType::U8, &[byte]) => Ok(i64::from(byte)),
            (DType::I32, raw) => raw
                .first_chunk::<4>()
                .map(|raw| i64::from(i32::from_le_bytes(*raw)))
                .ok_or_else(missing),
            (DType::I64, raw) => raw
                .first_chunk::<8>()
                .map(|raw| i64::from_le_bytes(*raw))
                .ok_or_else(missing),
            _ => Err(missing()),
        }
    }

    fn read_scalar(
        &self,
        body: &Body,
        frame: &Frame,
        params: &[Param<'_>],
        slot: SlotId,
    ) -> Result<i64, RunError> {
        self.read_element(body, frame, params, slot, 0)
    }

    fn bound_value(
        &self,
        body: &Body,
        frame: &Frame,
        params: &[Param<'_>],
        from: SymbolSource,
    ) -> Result<i64, RunError> {
        match from {
            SymbolSource::Element(slot, element) => {
                self.read_element(body, frame, params, slot, element)
            }
            SymbolSource::Axis(slot, axis) => {
                let shape: Option<Sizes> = match &body.slots[slot].storage {
                    Storage::Param(index) => params.get(*index).and_then(Param::shape),
                    _ => frame.shapes[slot.index()].clone(),
                };
                shape
                    .and_then(|shape| shape.get(axis).copied())
                    .and_then(|size| i64::try_from(size).ok())
                    .ok_or_else(|| {
                        RunError::Dims(format!("{slot} has no axis {axis} when it is needed"))
                    })
            }
        }
    }

    fn host_call(
        &self,
        body: &Body,
        frame: &Frame,
        params: &[Param<'_>],
        op: &HostOp,
        inputs: &[SlotId],
        sources: &[String],
    ) -> Result<Vec<HostValue>, RunError> {
        let failed = |error: KernelError| RunError::Host {
            sources: name_sources(sources),
            error,
        };
        let mut op = op.clone();
        let mut unbound = None;
        op.visit_dims_mut(&mut |dim| match dim.eval(&frame.values) {
            Ok(value) => *dim = Dim::constant(value),
            Err(error) => unbound = Some(RunError::dim(&dim.to_string(), &error)),
        });
        if let Some(error) = unbound {
            return Err(error);
        }
        let mut owned: Vec<Option<HostValue>> = Vec::with_capacity(inputs.len());
        let mut borrowed: Vec<Option<&HostValue>> = Vec::with_capacity(inputs.len());
        for &slot in inputs {
            match self.as_param(body, frame, params, slot)? {
                Param::Host(value) => {
                    owned.push(None);
                    borrowed.push(Some(value));
                }
                Param::Tensor {
                    dtype,
                    shape,
                    bytes,
                } => {
                    let tensor = HostTensor::from_bytes(dtype, &shape, bytes).ok_or_else(|| {
                        RunError::Region(format!("program is damaged: {slot} has another size"))
                    })?;
                    owned.push(Some(tensor.into()));
                    borrowed.push(None);
                }
            }
        }
        let values: Vec<&HostValue> = owned
            .iter()
            .zip(&borrowed)
            .filter_map(|(owned, borrowed)| borrowed.or(owned.as_ref()))
            .collect();
        call(&op, &values).map_err(failed)
    }

    /// Puts results of a host call where they belong: host slots at once, tensors when they are taken.
    fn settle(
        &self,
        frame: &mut Frame,
        body: &Body,
        position: usize,
        outputs: &[SlotId],
        results: Vec<HostValue>,
    ) -> Result<(), RunError> {
        if results.len() < outputs.len() {
            return Err(RunError::Region(
                "host operator gave too few results".to_owned(),
            ));
        }
        let mut waiting = Vec::with_capacity(outputs.len());
        for (&slot, value) in outputs.iter().zip(results) {
            frame.set_shape(slot, value.shape().map(Sizes::from_slice));
            if body.slots[slot].storage == Storage::Host {
                frame.host[slot.index()] = Some(value);
                waiting.push(None);
            } else {
                waiting.push(Some(value));
            }
        }
        frame.waiting[position] = Waiting::Values(waiting);
        Ok(())
    }

    fn copy_into(
        &self,
        body: &Body,
        frame: &mut Frame,
        params: &[Param<'_>],
        from: SlotId,
        target: graphc_device::Span,
    ) -> Result<(), RunError> {
        let spans = frame.plan.as_ref().map_or(&[][..], |plan| &plan.spans);
        let wrong = || RunError::Region(format!("program is damaged: {from} has another size"));
        if let Place::Arena(source) = place(body, spans, from)? {
            let bytes = frame.arena.host_mut().ok_or_else(wrong)?;
            if source.bytes != target.bytes || source.offset + source.bytes > bytes.len() {
                return Err(wrong());
            }
            bytes.copy_within(source.offset..source.offset + source.bytes, target.offset);
            return Ok(());
        }
        let arena = std::mem::replace(&mut frame.arena, Box::new(NoMemory));
        let (result, arena) = {
            let mut arena = arena;
            let result = self.bytes(body, frame, params, from).and_then(|bytes| {
                if bytes.len() != target.bytes {
                    return Err(wrong());
                }
                Ok(arena.write(target.offset, bytes)?)
            });
            (result, arena)
        };
        frame.arena = arena;
        result
    }

    /// Copies one waiting result into its slot.
    pub(crate) fn take(
        &self,
        body: &Body,
        frame: &mut Frame,
        params: &[Param<'_>],
        from: usize,
        index: usize,
        slot: SlotId,
    ) -> Result<(), RunError> {
        let spans = frame.plan.as_ref().map_or(&[][..], |plan| &plan.spans);
        let Place::Arena(target) = place(body, spans, slot)? else {
            return Err(RunError::Region(format!(
                "program is damaged: {slot} is no tensor"
            )));
        };
        let wrong = |n_bytes: usize| {
            RunError::Region(format!(
                "a result of the region has {n_bytes} bytes where {} were expected",
                target.bytes
            ))
        };
        match std::mem::take(&mut frame.waiting[from]) {
            Waiting::Child(region) => {
                let child = frame.children[from].take();
                let result = match &child {
                    Some(child) => self
                        .take_from_child(body, frame, params, from, index, target, region, child),
                    None => Err(RunError::Region(
                        "program is damaged: region did not run".to_owned(),
                    )),
                };
                frame.children[from] = child;
                frame.waiting[from] = Waiting::Child(region);
                result
            }
            Waiting::Values(values) => {
                let bytes = values
                    .get(index)
                    .and_then(Option::as_ref)
                    .and_then(HostValue::as_tensor)
                    .map_or(&[][..], HostTensor::bytes);
                let written = if bytes.len() == target.bytes {
                    frame
                        .arena
                        .write(target.offset, bytes)
                        .map_err(RunError::from)
                } else {
                    Err(wrong(bytes.len()))
                };
                frame.waiting[from] = Waiting::Values(values);
                written
            }
            Waiting::Loop => {
                let state = frame.loops[from].take();
                let bytes = state
                    .as_ref()
                    .and_then(|state| state.result_bytes(index))
                    .unwrap_or(&[]);
                let written = if bytes.len() == target.bytes {
                    frame
                        .arena
                        .write(target.offset, bytes)
                        .map_err(RunError::from)
                } else {
                    Err(wrong(bytes.len()))
                };
                frame.loops[from] = state;
                frame.waiting[from] = Waiting::Loop;
                written
            }
            Waiting::None => Err(RunError::Region(
                "program is damaged: nothing waits".to_owned(),
            )),
        }
    }

    fn take_from_child(
        &self,
        body: &Body,
        frame: &mut Frame,
        params: &[Param<'_>],
        from: usize,
        index: usize,
        target: graphc_device::Span,
        region: BodyId,
        child: &Frame,
    ) -> Result<(), RunError> {
        let region = &self.program().bodies[region];
        let result = region.results[index];
        let root = region.root(result);
        if let Storage::Param(param) = region.slots[root].storage {
            // The region gives back what it was given: the bytes are the caller's own.
            let mut given = None;
            let mut n_reads = 0;
            if let Step::If { inputs, .. } = &body.steps[from] {
                given = inputs.get(param).copied();
                n_reads = inputs.len();
            }
            let given = given.ok_or_else(|| {
                RunError::Region(format!(
                    "program is damaged: region reads {param} of {n_reads} values"
                ))
            })?;
            return self.copy_into(body, frame, params, given, target);
        }
        let bytes = self.bytes(region, child, &[], result)?;
        if bytes.len() != target.bytes {
            return Err(RunError::Region(format!(
                "a result of the region has {} bytes where {} were expected",
                bytes.len(),
                target.bytes
            )));
        }
        Ok(frame.arena.write(target.offset, bytes)?)
    }
}

fn unsupported(what: &str) -> RunError {
    RunError::Needs {
        need: what.to_owned(),
        hint: "use a newer runtime",
    }
}

/// Overwrites what no live tensor owns, so that a read outside a lifetime shows.
fn poison(frame: &mut Frame, plan: &SegmentPlan, segment: &crate::analysis::Segment) {
    let defined: SmallVec<[(usize, usize); 64]> = segment
        .defines
        .iter()
        .filter_map(|slot| plan.spans[slot.index()])
        .map(|span| (span.offset, span.offset + span.bytes))
        .chain(plan.launches.iter().map(|launch| {
            (
                launch.scratch.offset,
                launch.scratch.offset + launch.scratch.bytes,
            )
        }))
        .collect();
    let earlier: Vec<(usize, usize)> = frame
        .plan
        .iter()
        .flat_map(|earlier| earlier.spans.iter().flatten())
        .map(|span| (span.offset, span.offset + span.bytes))
        .collect();
    if let Some(bytes) = frame.arena.host_mut() {
        for (start, end) in defined {
            for position in start..end.min(bytes.len()) {
                if !earlier
                    .iter()
                    .any(|&(from, to)| from <= position && position < to)
                {
                    bytes[position] = 0xa5;
                }
            }
        }
    }
}

/// Stands in for an arena while the real one is borrowed.
struct NoMemory;

impl graphc_device::Memory for NoMemory {
    fn len(&self) -> usize {
        0
    }
    fn grow(&mut self, bytes: usize) -> Result<(), DeviceError> {
        Err(DeviceError::OutOfMemory {
            device: "none".to_owned(),
            bytes,
        })
    }
    fn write(&mut self, _: usize, from: &[u8]) -> Result<(), DeviceError> {
        self.grow(from.len())
    }
    fn read(&self, _: usize, to: &mut [u8]) -> Result<(), DeviceError> {
        Err(DeviceError::OutOfMemory {
            device: "none".to_owned(),
            bytes: to.len(),
        })
    }
    fn host(&self) -> Option<&[u8]> {
        None
    }
    fn host_mut(&mut self) -> Option<&mut [u8]> {
        None
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}
