//! A segment with its dims bound: where its tensors lie and which kernels run. Made once per set of values and cached.

use crate::analysis::BodyAnalysis;
use crate::bind::{check_dims, shape_of};
use crate::error::RunError;
use graphc_base::EntityId;
use graphc_device::{Device, PreparedKernel, Span};
use graphc_program::memory::{Request, align, lower_bound, pack};
use graphc_program::{Body, ConstRef, Guard, KernelSet, Program, SlotId, Step, Storage, Variant};

/// Where an operand lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Arena(Span),
    Const(ConstRef),
    Param(usize),
    Host,
}

/// A launch that is ready to go.
pub(crate) struct PlannedLaunch {
    pub(crate) step: usize,
    pub(crate) kernel: Box<dyn PreparedKernel>,
    pub(crate) inputs: Vec<Place>,
    pub(crate) outputs: Vec<Span>,
    pub(crate) scratch: Span,
}

/// A segment for one set of values of the symbols.
pub(crate) struct SegmentPlan {
    /// Spans of all arena slots known so far, by slot.
    pub(crate) spans: Vec<Option<Span>>,
    /// Launches in order of their steps.
    pub(crate) launches: Vec<PlannedLaunch>,
    /// Bytes that the arena must have.
    pub(crate) arena_bytes: usize,
    /// Largest sum of bytes that are live at one step.
    pub(crate) live_bytes: usize,
}

/// Predicted memory of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MemoryPlan {
    /// Bytes of the arena: intermediate tensors, outputs, scratch.
    pub peak_bytes: usize,
    /// Largest sum of bytes that are live at one step; no packing can be smaller.
    pub live_bytes: usize,
}

/// What planning looks at.
pub(crate) struct PlanCx<'a> {
    pub(crate) program: &'a Program,
    pub(crate) body: &'a Body,
    pub(crate) analysis: &'a BodyAnalysis,
    pub(crate) device: &'a dyn Device,
}

/// Plans one segment. `values` has `UNBOUND` for symbols that are not known yet; `earlier` are the spans of earlier segments.
pub(crate) fn plan_segment(
    cx: &PlanCx<'_>,
    index: usize,
    values: &[i64],
    earlier: Option<&SegmentPlan>,
) -> Result<SegmentPlan, RunError> {
    check_dims(cx.program, values)?;
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
        if let Step::Launch { set, .. } = &cx.body.steps[position] {
            let set = &cx.program.kernel_sets[*set];
            let kernel = prepare(cx, set, values)?;
            let scratch = kernel.scratch_bytes();
            kernels.push((position, kernel, requests.len()));
            requests.push(Request {
                bytes: scratch,
                first: position,
                last: position,
                pinned: None,
            });
            owners.push(None);
        }
    }
    let packing = pack(&requests);
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
        .map(|(step, kernel, scratch)| {
            let (inputs, outputs) = match &cx.body.steps[step] {
                Step::Launch {
                    inputs, outputs, ..
                } => (inputs.as_slice(), outputs.as_slice()),
                _ => (&[][..], &[][..]),
            };
            Ok(PlannedLaunch {
                step,
                kernel,
                inputs: inputs
                    .iter()
                    .map(|&slot| place(cx.body, &spans, slot))
                    .collect::<Result<_, _>>()?,
                outputs: outputs
                    .iter()
                    .map(|&slot| match place(cx.body, &spans, slot)? {
                        Place::Arena(span) => Ok(span),
                        _ => Err(misplaced(slot)),
                    })
                    .collect::<Result<_, _>>()?,
                scratch: Span {
                    offset: packing.offsets[scratch],
                    bytes: requests[scratch].bytes,
                },
            })
        })
        .collect::<Result<_, RunError>>()?;
    let earlier_bytes = earlier.map_or((0, 0), |plan| (plan.arena_bytes, plan.live_bytes));
    Ok(SegmentPlan {
        spans,
        launches,
        arena_bytes: packing.peak.max(earlier_bytes.0),
        live_bytes: lower_bound(&requests).max(earlier_bytes.1),
    })
}

/// Where a slot lies once its segment is planned.
pub(crate) fn place(body: &Body, spans: &[Option<Span>], slot: SlotId) -> Result<Place, RunError> {
    let root = body.root(slot);
    match &body.slots[root].storage {
        Storage::Arena => spans[root.index()]
            .map(Place::Arena)
            .ok_or_else(|| misplaced(slot)),
        Storage::Const(constant) => Ok(Place::Const(*constant)),
        Storage::Param(index) => Ok(Place::Param(*index)),
        Storage::Host => Ok(Place::Host),
        Storage::Alias(_) | Storage::State(_) => Err(misplaced(slot)),
    }
}

fn misplaced(slot: SlotId) -> RunError {
    RunError::Region(format!(
        "program is damaged: {slot} has no place in the arena"
    ))
}

fn slot_bytes(body: &Body, slot: SlotId, values: &[i64]) -> Result<usize, RunError> {
    let Some((dtype, shape)) = body.slots[slot].ty.as_tensor() else {
        return Ok(0);
    };
    let sizes = shape_of(shape, values)?;
    sizes
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .and_then(|n| dtype.byte_len(n))
        .filter(|&bytes| align(bytes) < isize::MAX as usize)
        .ok_or_else(|| RunError::Dims(format!("a tensor of shape {sizes:?} is too large")))
}

/// The cheapest kernel of a set whose guards hold.
pub(crate) fn choose<'a>(set: &'a KernelSet, values: &[i64]) -> Result<&'a Variant, RunError> {
    let holds = |guard: &Guard| {
        let (Guard::AtLeast(dim, _) | Guard::AtMost(dim, _) | Guard::Multiple(dim, _)) = guard;
        dim.eval(values).is_ok_and(|value| match *guard {
            Guard::AtLeast(_, least) => value >= least,
            Guard::AtMost(_, most) => value <= most,
            Guard::Multiple(_, of) => of != 0 && value % of == 0,
        })
    };
    set.variants
        .iter()
        .filter(|variant| variant.guards.iter().all(holds))
        .min_by_key(|variant| variant.cost_ns)
        .ok_or_else(|| RunError::Region("program is damaged: no kernel fits".to_owned()))
}

fn prepare(
    cx: &PlanCx<'_>,
    set: &KernelSet,
    values: &[i64],
) -> Result<Box<dyn PreparedKernel>, RunError> {
    let variant = choose(set, values)?;
    let bound = cx.program.kernels[variant.kernel]
        .bind(values)
        .map_err(|error| RunError::spec(&set.sources, error))?;
    cx.device
        .prepare(&bound)
        .map_err(|error| RunError::node(&set.sources, error))
}
