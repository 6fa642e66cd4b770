//! Regions: If and Loop. A region runs in a frame of its own, above all that is live in its parent.
//!
//! A loop lays down, from its base: its counter and condition, two halves for carried values (those that an iteration reads
//! and those that it leaves), then the frame of its body. Nothing grows with the iterations but what is stacked.

use crate::bind::{Sizes, shape_of};
use crate::error::{RunError, damaged};
use crate::execute::RunCx;
use crate::frame::{At, Frame, LoopState, Operand, Stacked};
use crate::session::Session;
use graphc_base::DType;
use graphc_device::Span;
use graphc_program::memory::{ALIGNMENT, align};
use graphc_program::{Body, BodyId, SlotId, Step};
use smallvec::SmallVec;

/// Bytes of a loop's counter and condition.
pub(crate) const LOOP_HEADER: usize = 2 * ALIGNMENT;

/// One Loop step, and where its parts lie in the arena.
struct Loop<'a> {
    region: BodyId,
    captured: &'a [SlotId],
    n_carried: usize,
    base: usize,
    /// Bytes of one half of the carried values.
    half: usize,
}

impl Loop<'_> {
    fn half(&self, which: usize) -> usize {
        self.base + LOOP_HEADER + which * self.half
    }

    fn child_base(&self) -> usize {
        self.half(2)
    }
}

impl Session {
    pub(crate) fn run_if(
        &self,
        id: BodyId,
        frame: &mut Frame,
        cx: &mut RunCx<'_>,
        position: usize,
        branch: usize,
        region: BodyId,
        inputs: &[SlotId],
        outputs: &[SlotId],
    ) -> Result<(), RunError> {
        let body = &self.program().bodies[id];
        let base = frame.region_base(position)?;
        let mut child = self.child(frame, position, branch, region);
        let mut results = std::mem::take(&mut frame.waiting[position]);
        child.begin(base, Some(&frame.values));
        let outcome: Result<(), RunError> = (|| {
            for &slot in inputs {
                child.params.push(self.operand(body, frame, cx, slot)?);
            }
            self.run_body(region, &mut child, cx)?;
            let region_body = &self.program().bodies[region];
            results.clear();
            for &result in &region_body.results {
                results.push(self.operand(region_body, &child, cx, result)?);
            }
            Ok(())
        })();
        frame.children[position][branch] = Some(child);
        frame.waiting[position] = results;
        outcome?;
        self.settle(id, frame, cx, position, base, outputs)
    }

    pub(crate) fn run_loop(
        &self,
        id: BodyId,
        frame: &mut Frame,
        cx: &mut RunCx<'_>,
        position: usize,
    ) -> Result<(), RunError> {
        let body = &self.program().bodies[id];
        let Step::Loop {
            trip_count,
            cond,
            body: region,
            inputs,
            n_carried,
            outputs,
        } = &body.steps[position]
        else {
            return Err(damaged("a loop is missing"));
        };
        let most = self.read_optional(body, frame, cx, *trip_count)?;
        let begins = self.read_optional(body, frame, cx, *cond)? != Some(0);
        let (carried, captured) = inputs.split_at(*n_carried);
        let mut parts = Loop {
            region: *region,
            captured,
            n_carried: *n_carried,
            base: frame.region_base(position)?,
            half: 0,
        };
        let mut state = frame.loops[position].take().unwrap_or_default();
        let mut child = self.child(frame, position, 0, *region);
        let outcome = (|| {
            state.begin(outputs.len() - n_carried, cx);
            for &slot in carried {
                state.current.push(self.operand(body, frame, cx, slot)?);
            }
            parts.half = room_of(&state.current);
            let most = most.unwrap_or(i64::MAX);
            self.iterate(
                body, frame, cx, &mut parts, most, begins, &mut state, &mut child,
            )
        })();
        frame.children[position][0] = Some(child);
        let results = &mut frame.waiting[position];
        results.clear();
        results.append(&mut state.current);
        for (which, &slot) in outputs[*n_carried..].iter().enumerate() {
            let stacked = &mut state.stacked[which];
            if stacked.dtype.is_none() {
                stacked.shape = empty_shape(body, slot, &frame.values);
            }
            let mut shape: Sizes = SmallVec::new();
            shape.push(state.n_iterations);
            shape.extend_from_slice(&stacked.shape);
            results.push(Operand {
                dtype: stacked.dtype,
                shape,
                at: At::Stacked(which),
            });
        }
        frame.loops[position] = Some(state);
        outcome?;
        self.settle(id, frame, cx, position, parts.base, outputs)
    }

    fn iterate(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &mut RunCx<'_>,
        parts: &mut Loop<'_>,
        most: i64,
        begins: bool,
        state: &mut LoopState,
        child: &mut Frame,
    ) -> Result<(), RunError> {
        let region = &self.program().bodies[parts.region];
        let (mut iteration, mut goes_on, mut half) = (0i64, begins, 0);
        while goes_on && iteration < most {
            cx.reserve(parts.child_base())?;
            cx.arena.write(parts.base, bytemuck::bytes_of(&iteration))?;
            cx.arena.write(parts.base + ALIGNMENT, &[1])?;
            child.begin(parts.child_base(), Some(&frame.values));
            child.params.push(header(DType::I64, parts.base, 8));
            child
                .params
                .push(header(DType::Bool, parts.base + ALIGNMENT, 1));
            child.params.extend(state.current.iter().cloned());
            for &slot in parts.captured {
                child.params.push(self.operand(body, frame, cx, slot)?);
            }
            self.run_body(parts.region, child, cx)?;
            goes_on = self.read_element(region, child, cx, region.results[0], 0)? != 0;
            state.next.clear();
            for &result in &region.results[1..=parts.n_carried] {
                state.next.push(self.operand(region, child, cx, result)?);
            }
            for (stacked, &result) in state
                .stacked
                .iter_mut()
                .zip(&region.results[1 + parts.n_carried..])
            {
                let operand = self.operand(region, child, cx, result)?;
                stacked.push(&operand, self.bytes(&operand.at, cx)?)?;
                cx.staged += match operand.at.clone() {
                    At::Arena(span) => span.bytes,
                    at => self.outside_bytes(&at, cx.inputs)?.len(),
                };
            }
            let end = child.end();
            cx.reserve(end)?;
            self.carry(cx, parts, half, end, &mut state.next)?;
            std::mem::swap(&mut state.current, &mut state.next);
            half = 1 - half;
            iteration += 1;
            state.n_iterations += 1;
        }
        Ok(())
    }

    /// Copies what an iteration leaves into the half that the next one reads.
    fn carry(
        &self,
        cx: &mut RunCx<'_>,
        parts: &mut Loop<'_>,
        half: usize,
        end: usize,
        next: &mut [Operand],
    ) -> Result<(), RunError> {
        let needed = room_of(next);
        let outgrown = needed > parts.half;
        let start = if outgrown { end } else { parts.half(half) };
        cx.reserve(start + needed)?;
        let mut to = start;
        for operand in next.iter_mut().filter(|operand| operand.dtype.is_some()) {
            let bytes = operand_bytes(operand);
            let span = Span { offset: to, bytes };
            self.copy(cx, &operand.at, span)?;
            operand.at = At::Arena(span);
            to += align(bytes);
        }
        if outgrown {
            // Both halves become as large; what the last iteration read is no longer needed.
            parts.half = needed;
            let moved = parts.half(half);
            cx.reserve(moved + needed)?;
            cx.arena.copy_within(start, moved, needed)?;
            for operand in next {
                if let At::Arena(span) = &mut operand.at {
                    span.offset = span.offset - start + moved;
                }
            }
        }
        Ok(())
    }

    fn child(
        &self,
        frame: &mut Frame,
        position: usize,
        branch: usize,
        region: BodyId,
    ) -> Box<Frame> {
        frame.children[position][branch].take().unwrap_or_else(|| {
            let body = &self.program().bodies[region];
            Box::new(Frame::new(body, self.program().symbols.len()))
        })
    }
}

impl LoopState {
    fn begin(&mut self, n_stacked: usize, cx: &mut RunCx<'_>) {
        self.current.clear();
        self.next.clear();
        self.n_iterations = 0;
        self.stacked.resize_with(n_stacked, Stacked::default);
        for stacked in &mut self.stacked {
            // A loop inside a loop gives up what it stacked the time before.
            cx.staged = cx.staged.saturating_sub(stacked.bytes.len());
            stacked.dtype = None;
            stacked.bytes.clear();
        }
    }
}

impl Stacked {
    fn push(&mut self, operand: &Operand, bytes: &[u8]) -> Result<(), RunError> {
        let Some(dtype) = operand.dtype else {
            return Err(RunError::Region(
                "a loop stacks a value that is no tensor with bytes".to_owned(),
            ));
        };
        if self.dtype.is_none() {
            self.dtype = Some(dtype);
            self.shape = operand.shape.clone();
        } else if self.shape != operand.shape {
            return Err(RunError::Region(format!(
                "a loop stacks tensors of different shapes {:?} and {:?}",
                self.shape, operand.shape
            )));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Bytes of carried tensors, each aligned.
fn room_of(operands: &[Operand]) -> usize {
    operands
        .iter()
        .map(|operand| align(operand_bytes(operand)))
        .sum()
}

/// Bytes of a tensor, whose size was checked when it became an operand; 0 of a value on the host.
fn operand_bytes(operand: &Operand) -> usize {
    let n_elements: usize = operand.shape.iter().product();
    operand
        .dtype
        .and_then(|dtype| dtype.byte_len(n_elements))
        .unwrap_or(0)
}

fn header(dtype: DType, offset: usize, bytes: usize) -> Operand {
    Operand {
        dtype: Some(dtype),
        shape: SmallVec::new(),
        at: At::Arena(Span { offset, bytes }),
    }
}

/// Shape of one stacked element when no iteration ran: what the type says, 0 where it says nothing.
fn empty_shape(body: &Body, slot: SlotId, values: &[i64]) -> Sizes {
    let Some((_, shape)) = body.slots[slot].ty.as_tensor() else {
        return SmallVec::new();
    };
    shape
        .iter()
        .skip(1)
        .map(|dim| shape_of(std::slice::from_ref(dim), values).map_or(0, |sizes| sizes[0]))
        .collect()
}
