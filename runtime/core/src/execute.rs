//! The executor: a body, step by step.

use crate::analysis::Segment;
use crate::bind::{bind_symbol, check_dims, shape_of};
use crate::error::{RunError, damaged};
use crate::frame::{At, Frame, Operand};
use crate::observe::Observed;
use crate::poison::Poison;
use crate::segment::{Place, PlannedLaunch, SegmentPlan, place};
use crate::session::{InputRef, Session, StepProfile};
use crate::state::StateTensor;
use graphc_base::{DType, EntityId};
use graphc_device::{Input, Launch, Memory, Span};
use graphc_program::kernel::host::HostValue;
use graphc_program::{Body, BodyId, KernelSetId, MAX_ARGS, SlotId, Step, Storage, SymbolSource};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Instant;

/// What a run carries through its bodies.
pub(crate) struct RunCx<'a> {
    /// State, then the tensors of the bodies that run, outermost first.
    pub(crate) arena: &'a mut (dyn Memory + 'static),
    pub(crate) states: &'a [StateTensor],
    pub(crate) inputs: &'a [InputRef<'a>],
    /// Highest use of memory so far: the arena and what loops have stacked.
    pub(crate) peak: usize,
    /// Bytes that loops have stacked.
    pub(crate) staged: usize,
    /// Filled with one row per launch and host call, where wanted.
    pub(crate) profile: Option<&'a mut Vec<StepProfile>>,
    /// Called with every value that a step writes, where wanted.
    pub(crate) observer: Option<Observer<'a>>,
}

pub(crate) type Observer<'a> = &'a mut (dyn FnMut(Observed<'_>) + 'a);

impl RunCx<'_> {
    /// Makes the arena reach up to `end`.
    pub(crate) fn reserve(&mut self, end: usize) -> Result<(), RunError> {
        if self.arena.len() < end {
            self.arena.grow(end)?;
        }
        self.peak = self.peak.max(end.saturating_add(self.staged));
        Ok(())
    }
}

impl Session {
    /// Runs a body in a frame that [`Frame::begin`] has prepared and whose params are set.
    pub(crate) fn run_body(
        &self,
        id: BodyId,
        frame: &mut Frame,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let body = &self.program().bodies[id];
        for (index, segment) in self.analysis(id).segments.iter().enumerate() {
            check_dims(body, &segment.checks, &frame.values)?;
            let plan = {
                let Frame {
                    values, plan, key, ..
                } = &mut *frame;
                self.segment_plan(id, index, values, plan.as_deref(), key)?
            };
            self.enter(id, segment, frame, &plan, cx)?;
            let mut launches = plan.launches.iter();
            for position in segment.steps.clone() {
                if self.poisons() {
                    Poison {
                        analysis: self.analysis(id),
                        plan: &plan,
                        frame,
                    }
                    .before(position, cx);
                }
                match &body.steps[position] {
                    Step::Launch { set, .. } => {
                        let launch = launches
                            .next()
                            .filter(|launch| launch.step == position)
                            .ok_or_else(|| damaged("a launch is missing"))?;
                        self.launch(*set, launch, frame, cx)?;
                    }
                    Step::HostCall {
                        op,
                        inputs,
                        outputs,
                        sources,
                    } => {
                        let started = cx.profile.as_ref().map(|_| Instant::now());
                        self.host_call(body, frame, cx, position, op, inputs, outputs, sources)?;
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
                        let value = self.bound_value(body, frame, cx, *from)?;
                        bind_symbol(self.program(), &mut frame.values, symbol.index(), value)?;
                    }
                    Step::If {
                        cond,
                        then_body,
                        else_body,
                        inputs,
                        outputs,
                    } => {
                        let holds = self.read_element(body, frame, cx, *cond, 0)? != 0;
                        let (branch, region) = match holds {
                            true => (0, *then_body),
                            false => (1, *else_body),
                        };
                        self.run_if(id, frame, cx, position, branch, region, inputs, outputs)?;
                    }
                    Step::Loop { .. } => self.run_loop(id, frame, cx, position)?,
                    Step::Take { from, outputs } => {
                        for output in outputs {
                            self.take(body, frame, cx, *from, output.index, output.slot)?;
                        }
                    }
                    Step::Copy { from, to } => {
                        let target = self.target(body, frame, cx, *to)?;
                        let source = self.operand(body, frame, cx, *from)?;
                        self.copy(cx, &source.at, target)?;
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
                    self.observe(body, frame, position, cx)?;
                }
            }
            if self.poisons() && segment.steps.end == body.steps.len() {
                Poison {
                    analysis: self.analysis(id),
                    plan: &plan,
                    frame,
                }
                .before(body.steps.len(), cx);
            }
        }
        Ok(())
    }

    /// Makes room for a segment's tensors: waiting results that lie where they will be move up first.
    fn enter(
        &self,
        id: BodyId,
        segment: &Segment,
        frame: &mut Frame,
        plan: &Arc<SegmentPlan>,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        if frame.loose_until < segment.steps.start {
            frame.loose = 0..0;
        }
        if !frame.loose.is_empty() {
            let until = frame.loose_until.min(segment.steps.end.saturating_sub(1));
            let top = frame.base + plan.top(self.analysis(id), segment.steps.start, until);
            frame.lift(top, cx)?;
        }
        cx.reserve(frame.base.saturating_add(plan.arena_bytes))?;
        frame.plan = Some(plan.clone());
        Ok(())
    }

    fn launch(
        &self,
        set: KernelSetId,
        launch: &PlannedLaunch,
        frame: &Frame,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let set = &self.program().kernel_sets[set];
        let started = cx.profile.as_ref().map(|_| Instant::now());
        let mut inputs: SmallVec<[Input<'_>; MAX_ARGS]> = SmallVec::new();
        for &place in &launch.inputs {
            inputs.push(match self.locate(place, frame, cx.inputs, cx.states)? {
                Located::Arena(span) => Input::Arena {
                    offset: span.offset,
                    bytes: span.bytes,
                },
                Located::Bytes(bytes) => Input::Host(bytes),
            });
        }
        let mut outputs: SmallVec<[Span; MAX_ARGS]> = SmallVec::new();
        for &place in &launch.outputs {
            match self.locate(place, frame, cx.inputs, cx.states)? {
                Located::Arena(span) => outputs.push(span),
                Located::Bytes(_) => return Err(damaged("a kernel writes what only is read")),
            }
        }
        launch
            .kernel
            .launch(Launch {
                arena: &mut *cx.arena,
                inputs: &inputs,
                outputs: &outputs,
                scratch: shifted(launch.scratch, frame.base),
            })
            .map_err(|error| RunError::node(&set.sources, error))?;
        if let (Some(profile), Some(started)) = (cx.profile.as_mut(), started) {
            let duration = started.elapsed();
            let kernel = &self.program().kernels[set.variants[launch.variant].kernel].kernel;
            profile.push(StepProfile {
                kernel: kernel.name(),
                implementation: launch.kernel.implementation(),
                sources: set.sources.clone(),
                started,
                duration,
            });
        }
        Ok(())
    }

    fn locate<'a>(
        &'a self,
        place: Place,
        frame: &'a Frame,
        inputs: &'a [InputRef<'a>],
        states: &[StateTensor],
    ) -> Result<Located<'a>, RunError> {
        match place {
            Place::Arena(span) => Ok(Located::Arena(shifted(span, frame.base))),
            Place::Const(constant) => Ok(Located::Bytes(self.artifact().constant(constant))),
            Place::State(index) => state_span(states, index).map(Located::Arena),
            Place::Param(index) => {
                let param = frame.params.get(index);
                let param = param.ok_or_else(|| damaged("a param is missing"))?;
                match &param.at {
                    At::Arena(span) => Ok(Located::Arena(*span)),
                    at => self.outside_bytes(at, inputs).map(Located::Bytes),
                }
            }
        }
    }

    /// The bytes of a value that does not lie in the arena.
    pub(crate) fn outside_bytes<'a>(
        &'a self,
        at: &'a At,
        inputs: &'a [InputRef<'a>],
    ) -> Result<&'a [u8], RunError> {
        let bytes = match at {
            At::Const(constant) => Some(self.artifact().constant(*constant)),
            At::Input(index) => match inputs.get(*index) {
                Some(InputRef::Bytes { bytes, .. }) => Some(*bytes),
                Some(InputRef::Value(HostValue::Tensor(tensor))) => Some(tensor.bytes()),
                _ => None,
            },
            At::Host(value) => value.as_tensor().map(|tensor| tensor.bytes()),
            At::Arena(_) | At::Stacked(_) => None,
        };
        bytes.ok_or_else(|| damaged("a kernel reads a value without bytes"))
    }

    /// The bytes of a tensor.
    pub(crate) fn bytes<'a>(&'a self, at: &'a At, cx: &'a RunCx<'_>) -> Result<&'a [u8], RunError> {
        match at {
            At::Arena(span) => cx
                .arena
                .host()
                .and_then(|bytes| bytes.get(span.offset..span.offset + span.bytes))
                .ok_or_else(|| damaged("a tensor lies outside the arena")),
            at => self.outside_bytes(at, cx.inputs),
        }
    }

    /// Where a tensor that may be written lies.
    pub(crate) fn target(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &RunCx<'_>,
        slot: SlotId,
    ) -> Result<Span, RunError> {
        let spans = frame.plan.as_ref().map_or(&[][..], |plan| &plan.spans);
        match place(body, spans, slot)? {
            Place::Arena(span) => Ok(shifted(span, frame.base)),
            Place::State(index) => state_span(cx.states, index),
            Place::Const(_) | Place::Param(_) => Err(damaged(format!("{slot} is only read"))),
        }
    }

    /// What a slot holds. A tensor has exactly as many bytes as its type takes.
    pub(crate) fn operand(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &RunCx<'_>,
        slot: SlotId,
    ) -> Result<Operand, RunError> {
        let root = body.root(slot);
        let storage = &body.slots[root].storage;
        let Some((dtype, shape)) = body.slots[slot].ty.as_tensor() else {
            return match storage {
                Storage::Host => {
                    let value = frame.host[root.index()].as_ref();
                    let value = value.ok_or_else(|| damaged(format!("{slot} is empty")))?;
                    Ok(Operand {
                        dtype: None,
                        shape: value
                            .shape()
                            .map_or_else(SmallVec::new, SmallVec::from_slice),
                        at: At::Host(value.clone()),
                    })
                }
                Storage::Param(index) => frame
                    .params
                    .get(*index)
                    .cloned()
                    .ok_or_else(|| damaged(format!("{slot} is empty"))),
                Storage::Const(constant) => {
                    let value = self.literal(*constant);
                    let value = value.ok_or_else(|| damaged(format!("{slot} is empty")))?;
                    Ok(Operand {
                        dtype: None,
                        shape: value
                            .shape()
                            .map_or_else(SmallVec::new, SmallVec::from_slice),
                        at: At::Host(value.clone()),
                    })
                }
                _ => Err(damaged(format!("{slot} is no value"))),
            };
        };
        let shape = shape_of(shape, &frame.values)?;
        let spans = frame.plan.as_ref().map_or(&[][..], |plan| &plan.spans);
        let (at, n_bytes) = match place(body, spans, slot)? {
            Place::Arena(span) => (At::Arena(shifted(span, frame.base)), span.bytes),
            Place::Const(constant) => (
                At::Const(constant),
                self.artifact().constant(constant).len(),
            ),
            Place::State(index) => {
                let span = state_span(cx.states, index)?;
                (At::Arena(span), span.bytes)
            }
            Place::Param(index) => {
                let param = frame.params.get(index);
                let at = param.map(|param| param.at.clone());
                let at = at.ok_or_else(|| damaged(format!("{slot} is empty")))?;
                let n_bytes = match &at {
                    At::Arena(span) => span.bytes,
                    at => self.outside_bytes(at, cx.inputs)?.len(),
                };
                (at, n_bytes)
            }
        };
        let expected = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))
            .and_then(|n| dtype.byte_len(n));
        if expected != Some(n_bytes) {
            return Err(damaged(format!(
                "{slot} has {n_bytes} bytes, which do not fit {dtype}{shape:?}"
            )));
        }
        Ok(Operand {
            dtype: Some(dtype),
            shape,
            at,
        })
    }

    /// Copies a tensor into the arena.
    pub(crate) fn copy(&self, cx: &mut RunCx<'_>, from: &At, to: Span) -> Result<(), RunError> {
        let wrong = |n_bytes: usize| {
            RunError::Region(format!(
                "a tensor has {n_bytes} bytes where {} were expected",
                to.bytes
            ))
        };
        if let At::Arena(from) = from {
            if from.bytes != to.bytes {
                return Err(wrong(from.bytes));
            }
            return Ok(cx.arena.copy_within(from.offset, to.offset, to.bytes)?);
        }
        let bytes = self.outside_bytes(from, cx.inputs)?;
        if bytes.len() != to.bytes {
            return Err(wrong(bytes.len()));
        }
        Ok(cx.arena.write(to.offset, bytes)?)
    }

    /// An element of a small integer tensor.
    pub(crate) fn read_element(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &RunCx<'_>,
        slot: SlotId,
        element: usize,
    ) -> Result<i64, RunError> {
        let operand = self.operand(body, frame, cx, slot)?;
        let dtype = operand.dtype.unwrap_or(DType::String);
        let bytes = self.bytes(&operand.at, cx)?;
        let width = dtype.bits() / 8;
        let raw = element
            .checked_mul(width)
            .and_then(|start| bytes.get(start..start.checked_add(width)?));
        let value = match (dtype, raw) {
            (DType::Bool | DType::U8, Some(&[byte])) => Some(i64::from(byte)),
            (DType::I32, Some(raw)) => raw
                .first_chunk::<4>()
                .map(|raw| i64::from(i32::from_le_bytes(*raw))),
            (DType::I64, Some(raw)) => raw.first_chunk::<8>().map(|raw| i64::from_le_bytes(*raw)),
            _ => None,
        };
        value.ok_or_else(|| damaged(format!("{slot} has no element {element} to read")))
    }

    fn bound_value(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &RunCx<'_>,
        from: SymbolSource,
    ) -> Result<i64, RunError> {
        match from {
            SymbolSource::Element(slot, element) => {
                self.read_element(body, frame, cx, slot, element)
            }
            SymbolSource::Axis(slot, axis) => {
                let shape = match &body.slots[slot].storage {
                    Storage::Param(index) => frame.params.get(*index).map(|param| &param.shape),
                    Storage::State(index) => cx.states.get(*index).map(|state| &state.shape),
                    _ => frame.shapes[slot.index()].as_ref(),
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

    /// The value of an `i64[]` or `bool[]` slot, if there is one.
    pub(crate) fn read_optional(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &RunCx<'_>,
        slot: Option<SlotId>,
    ) -> Result<Option<i64>, RunError> {
        slot.map(|slot| self.read_element(body, frame, cx, slot, 0))
            .transpose()
    }
}

enum Located<'a> {
    Arena(Span),
    Bytes(&'a [u8]),
}

fn state_span(states: &[StateTensor], index: usize) -> Result<Span, RunError> {
    states
        .get(index)
        .and_then(|state| state.span)
        .ok_or_else(|| damaged(format!("state {index} is not there")))
}

/// A span of a frame, counted from the start of the arena.
pub(crate) fn shifted(span: Span, base: usize) -> Span {
    Span {
        offset: span.offset + base,
        bytes: span.bytes,
    }
}

fn unsupported(what: &str) -> RunError {
    RunError::Needs {
        need: what.to_owned(),
        hint: "use a newer runtime",
    }
}
