//! A segment with its dims bound: where its tensors lie and which kernels run. Made once per set of values and cached.
//!
//! Offsets count from the base of the frame.

use crate::analysis::{BodyAnalysis, Segment};
use crate::bind::shape_of;
use crate::error::{RunError, damaged, name_sources};
use graphc_base::{Dim, EntityId};
use graphc_device::{Device, PreparedKernel, Span};
use graphc_program::memory::{Request, align, lower_bound, pack_below};
use graphc_program::{Body, ConstRef, KernelSet, Program, SlotId, Step, Storage, Variant};
use std::ops::RangeInclusive;

/// Where an operand of a kernel lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Arena(Span),
    Const(ConstRef),
    Param(usize),
    State(usize),
}

/// A launch that is ready to go.
pub(crate) struct PlannedLaunch {
    pub(crate) step: usize,
    /// Index of the variant among its set's.
    pub(crate) variant: usize,
    pub(crate) kernel: Box<dyn PreparedKernel>,
    pub(crate) inputs: Vec<Place>,
    pub(crate) outputs: Vec<Place>,
    pub(crate) scratch: Span,
}

/// What is live while the results of a region step wait, and where a region may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) step: usize,
    /// Everything that is live until the results are taken, or until the segment ends, lies below.
    pub(crate) top: usize,
    /// Bytes that are live at the step itself.
    pub(crate) live: usize,
}

/// A segment for one set of values of the symbols.
pub(crate) struct SegmentPlan {
    /// Spans of all arena slots known so far, by slot.
    pub(crate) spans: Vec<Option<Span>>,
    /// Launches in order of their steps.
    pub(crate) launches: Vec<PlannedLaunch>,
    /// By If and Loop step, in order.
    pub(crate) rooms: Vec<Room>,
    /// Bytes that the arena must have.
    pub(crate) arena_bytes: usize,
    /// Largest sum of bytes that are live at one step, of this segment.
    pub(crate) live_bytes: usize,
}

/// What planning looks at.
pub(crate) struct PlanCx<'a> {
    pub(crate) program: &'a Program,
    pub(crate) body: &'a Body,
    pub(crate) analysis: &'a BodyAnalysis,
    pub(crate) device: &'a dyn Device,
}

/// Plans one segment. `values` has `UNBOUND` for symbols that are not known yet; `earlier` is the plan of the segment before.
pub(crate) fn plan_segment(
    cx: &PlanCx<'_>,
    index: usize,
    values: &[i64],
    earlier: Option<&SegmentPlan>,
) -> Result<SegmentPlan, RunError> {
    let segment = &cx.analysis.segments[index];
    let mut spans = match earlier {
        Some(plan) => plan.spans.clone(),
        None => vec![None; cx.body.slots.len()],
    };
    let mut requests: Vec<Request> = Vec::new();
    let mut owners: Vec<Option<SlotId>> = Vec::new();
    for (position, span) in spans.iter().enumerate() {
        let (Some(span), Some(lifetime)) = (span, cx.analysis.lifetimes[position]) else {
            continue;
        };
        if lifetime.last >= segment.steps.start {
            requests.push(Request {
                bytes: span.bytes,
                first: segment.steps.start,
                last: lifetime.last,
                pinned: Some(span.offset),
            });
            owners.push(None);
        }
    }
    for &slot in &segment.defines {
        let bytes = slot_bytes(cx.body, slot, values)?;
        let Some(lifetime) = cx.analysis.lifetimes[slot.index()] else {
            continue;
        };
        requests.push(Request {
            bytes,
            first: lifetime.first,
            last: lifetime.last,
            pinned: None,
        });
        owners.push(Some(slot));
    }
    let mut kernels = Vec::new();
    for position in segment.steps.clone() {
        if let Step::Launch {
            set,
            inputs,
            outputs,
            ..
        } = &cx.body.steps[position]
        {
            let set = &cx.program.kernel_sets[*set];
            let (variant, kernel) = prepare(cx, set, [inputs, outputs], values)?;
            let scratch = kernel.scratch_bytes();
            kernels.push((position, variant, kernel, requests.len()));
            requests.push(Request {
                bytes: scratch,
                first: position,
                last: position,
                pinned: None,
            });
            owners.push(None);
        }
    }
    let packing = pack_below(&requests, &room_steps(cx, segment));
    for ((owner, &offset), request) in owners.iter().zip(&packing.offsets).zip(&requests) {
        if let Some(slot) = owner {
            spans[slot.index()] = Some(Span {
                offset,
                bytes: request.bytes,
            });
        }
    }
    let launches = kernels
        .into_iter()
        .map(|(step, variant, kernel, scratch)| {
            let (inputs, outputs) = match &cx.body.steps[step] {
                Step::Launch {
                    inputs, outputs, ..
                } => (inputs.as_slice(), outputs.as_slice()),
                _ => (&[][..], &[][..]),
            };
            let places = |slots: &[SlotId]| -> Result<Vec<Place>, RunError> {
                slots
                    .iter()
                    .map(|&slot| place(cx.body, &spans, slot))
                    .collect()
            };
            Ok(PlannedLaunch {
                step,
                variant,
                kernel,
                inputs: places(inputs)?,
                outputs: places(outputs)?,
                scratch: Span {
                    offset: packing.offsets[scratch],
                    bytes: requests[scratch].bytes,
                },
            })
        })
        .collect::<Result<_, RunError>>()?;
    let mut plan = SegmentPlan {
        spans,
        launches,
        rooms: Vec::new(),
        arena_bytes: packing.peak,
        live_bytes: lower_bound(&requests),
    };
    plan.rooms = rooms(cx, segment, &plan);
    Ok(plan)
}

/// Region steps, each with the steps of the segment during which its results wait.
fn room_steps(cx: &PlanCx<'_>, segment: &Segment) -> Vec<RangeInclusive<usize>> {
    let steps = segment.steps.clone();
    steps
        .filter(|&step| matches!(cx.body.steps[step], Step::If { .. } | Step::Loop { .. }))
        .map(|step| step..=cx.analysis.waits_until(step).min(segment.steps.end - 1))
        .collect()
}

fn rooms(cx: &PlanCx<'_>, segment: &Segment, plan: &SegmentPlan) -> Vec<Room> {
    room_steps(cx, segment)
        .into_iter()
        .map(|room| {
            let step = *room.start();
            let mut live = 0usize;
            plan.visit_live(cx.analysis, step, step, &mut |span| {
                live = live.saturating_add(align(span.bytes));
            });
            Room {
                step,
                top: plan.top(cx.analysis, step, *room.end()),
                live,
            }
        })
        .collect()
}

impl SegmentPlan {
    /// Calls `visit` with the spans of all that is live at a step of `from..=until`, scratch included.
    pub(crate) fn visit_live(
        &self,
        analysis: &BodyAnalysis,
        from: usize,
        until: usize,
        visit: &mut dyn FnMut(Span),
    ) {
        for (span, lifetime) in self.spans.iter().zip(&analysis.lifetimes) {
            if let (Some(span), Some(lifetime)) = (span, lifetime)
                && lifetime.first <= until
                && from <= lifetime.last
                && span.bytes > 0
            {
                visit(*span);
            }
        }
        let begin = self.launches.partition_point(|launch| launch.step < from);
        for launch in &self.launches[begin..] {
            if launch.step > until {
                break;
            }
            if launch.scratch.bytes > 0 {
                visit(launch.scratch);
            }
        }
    }

    /// The end of all that is live at a step of `from..=until`.
    pub(crate) fn top(&self, analysis: &BodyAnalysis, from: usize, until: usize) -> usize {
        let mut top = 0;
        self.visit_live(analysis, from, until, &mut |span| {
            top = top.max(span.offset + align(span.bytes));
        });
        top
    }

    /// The room of a region step.
    pub(crate) fn room(&self, step: usize) -> Option<Room> {
        self.rooms
            .binary_search_by_key(&step, |room| room.step)
            .ok()
            .map(|index| self.rooms[index])
    }
}

/// Where a tensor slot lies once its segment is planned.
pub(crate) fn place(body: &Body, spans: &[Option<Span>], slot: SlotId) -> Result<Place, RunError> {
    let root = body.root(slot);
    match &body.slots[root].storage {
        Storage::Arena => spans[root.index()]
            .map(Place::Arena)
            .ok_or_else(|| misplaced(slot)),
        Storage::Const(constant) => Ok(Place::Const(*constant)),
        Storage::Param(index) => Ok(Place::Param(*index)),
        Storage::State(index) => Ok(Place::State(*index)),
        Storage::Host | Storage::Alias(_) => Err(misplaced(slot)),
    }
}

fn misplaced(slot: SlotId) -> RunError {
    RunError::Region(format!(
        "program is damaged: {slot} has no place in the arena"
    ))
}

/// Bytes of a tensor slot; 0 for values on the host.
pub(crate) fn slot_bytes(body: &Body, slot: SlotId, values: &[i64]) -> Result<usize, RunError> {
    match body.slots[slot].ty.as_tensor() {
        Some((dtype, shape)) => tensor_bytes(dtype, shape, values),
        None => Ok(0),
    }
}

/// Bytes of a tensor of this type.
pub(crate) fn tensor_bytes(
    dtype: graphc_base::DType,
    shape: &[Dim],
    values: &[i64],
) -> Result<usize, RunError> {
    let sizes = shape_of(shape, values)?;
    sizes
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .and_then(|n| dtype.byte_len(n))
        .filter(|&bytes| align(bytes) < isize::MAX as usize)
        .ok_or_else(|| RunError::Dims(format!("a tensor of shape {sizes:?} is too large")))
}

/// The cheapest variant of a set whose guards hold, and its index.
pub(crate) fn choose<'a>(
    set: &'a KernelSet,
    values: &[i64],
) -> Result<(usize, &'a Variant), RunError> {
    set.variants
        .iter()
        .enumerate()
        .filter(|(_, variant)| variant.guards.iter().all(|guard| guard.holds(values)))
        .min_by_key(|(_, variant)| variant.cost_ns)
        .ok_or_else(|| damaged("no kernel fits"))
}

/// The cheapest variant whose guards hold, made ready. Its arguments lie inside the operands.
fn prepare(
    cx: &PlanCx<'_>,
    set: &KernelSet,
    operands: [&[SlotId]; 2],
    values: &[i64],
) -> Result<(usize, Box<dyn PreparedKernel>), RunError> {
    let (index, variant) = choose(set, values)?;
    let bound = cx.program.kernels[variant.kernel]
        .bind(values)
        .map_err(|error| RunError::spec(&set.sources, error))?;
    for (args, slots) in [&bound.inputs, &bound.outputs].into_iter().zip(operands) {
        for (arg, &slot) in args.iter().zip(slots) {
            let needed = arg
                .buffer_elements()
                .and_then(|n_elements| arg.dtype.byte_len(n_elements));
            let root = cx.body.root(slot);
            let given = slot_bytes(cx.body, slot, values)?;
            if given != slot_bytes(cx.body, root, values)? {
                return Err(damaged(format!("{slot} is larger or smaller than {root}")));
            }
            if needed.is_none_or(|needed| needed > given) {
                return Err(RunError::Region(format!(
                    "{}: program is damaged: {} reaches beyond {slot}, which has {given} bytes",
                    name_sources(&set.sources),
                    bound.kernel.name()
                )));
            }
        }
    }
    let kernel = cx
        .device
        .prepare(&bound)
        .map_err(|error| RunError::node(&set.sources, error))?;
    Ok((index, kernel))
}
