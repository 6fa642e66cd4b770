//! Results that wait: of regions and host calls, until the sizes that they have are bound and they are taken.
//!
//! What a region leaves in its part of the arena is moved down to where the region began, so that only the results stay. They
//! move up when a new segment of the parent needs the place.

use crate::bind::Sizes;
use crate::error::{RunError, damaged};
use crate::execute::RunCx;
use crate::frame::{At, Frame, Operand};
use crate::session::{InputRef, Session};
use graphc_base::EntityId;
use graphc_device::Span;
use graphc_program::kernel::host::{HostTensor, HostValue};
use graphc_program::memory::align;
use graphc_program::{Body, BodyId, SlotId, Storage};
use std::sync::Arc;

impl Session {
    /// Puts waiting results where they belong: host values into their slots at once, shapes where Binds find them. Results
    /// that lie at `start` or above are moved down to it.
    pub(crate) fn settle(
        &self,
        id: BodyId,
        frame: &mut Frame,
        cx: &mut RunCx<'_>,
        position: usize,
        start: usize,
        outputs: &[SlotId],
    ) -> Result<(), RunError> {
        let body = &self.program().bodies[id];
        for (index, &slot) in outputs.iter().enumerate() {
            let result = frame.waiting[position].get(index);
            let result = result.ok_or_else(|| damaged("a result is missing"))?;
            frame.shapes[slot.index()] = Some(result.shape.clone());
            if body.slots[slot].storage == Storage::Host {
                let value = self.host_value(result, cx)?;
                frame.host[slot.index()] = Some(value);
            }
        }
        let end = compact(&mut frame.waiting[position], cx, start)?;
        if end > start {
            let until = self.analysis(id).waits_until(position);
            if frame.loose.is_empty() {
                frame.loose = start..end;
                frame.loose_until = until;
            } else {
                frame.loose.end = end;
                frame.loose_until = frame.loose_until.max(until);
            }
        }
        Ok(())
    }

    /// A value on the host.
    pub(crate) fn host_value(
        &self,
        operand: &Operand,
        cx: &RunCx<'_>,
    ) -> Result<Arc<HostValue>, RunError> {
        match (&operand.at, operand.dtype) {
            (At::Host(value), _) => Ok(value.clone()),
            (At::Input(index), None) => match cx.inputs.get(*index) {
                Some(InputRef::Value(value)) => Ok(Arc::new((*value).clone())),
                _ => Err(damaged("an input is missing")),
            },
            (at, Some(dtype)) => HostTensor::from_bytes(dtype, &operand.shape, self.bytes(at, cx)?)
                .map(|tensor| Arc::new(tensor.into()))
                .ok_or_else(|| damaged("a tensor has another size than its shape")),
            _ => Err(damaged("a value is missing")),
        }
    }

    /// Copies one waiting result into its slot.
    pub(crate) fn take(
        &self,
        body: &Body,
        frame: &Frame,
        cx: &mut RunCx<'_>,
        from: usize,
        index: usize,
        slot: SlotId,
    ) -> Result<(), RunError> {
        let target = self.target(body, frame, cx, slot)?;
        let result = frame.waiting[from]
            .get(index)
            .ok_or_else(|| damaged("nothing waits"))?;
        let wrong = |n_bytes: usize| {
            RunError::Region(format!(
                "a result of the region has {n_bytes} bytes where {} were expected",
                target.bytes
            ))
        };
        match &result.at {
            At::Stacked(which) => {
                let stacked = frame.loops[from]
                    .as_ref()
                    .and_then(|state| state.stacked.get(*which))
                    .ok_or_else(|| damaged("the loop did not run"))?;
                if stacked.bytes.len() != target.bytes {
                    return Err(wrong(stacked.bytes.len()));
                }
                Ok(cx.arena.write(target.offset, &stacked.bytes)?)
            }
            At::Arena(span) if span.bytes != target.bytes => Err(wrong(span.bytes)),
            at => self.copy(cx, at, target),
        }
    }
}

/// Moves what lies at `start` or above down to it, in order, and returns its end.
fn compact(results: &mut [Operand], cx: &mut RunCx<'_>, start: usize) -> Result<usize, RunError> {
    let (mut floor, mut to) = (start, start);
    loop {
        let lowest = results
            .iter()
            .filter_map(Operand::span)
            .filter(|span| span.offset >= floor && span.bytes > 0)
            .min_by_key(|span| span.offset);
        let Some(from) = lowest else { return Ok(to) };
        cx.arena.copy_within(from.offset, to, from.bytes)?;
        for result in results.iter_mut() {
            if result.span() == Some(from) {
                result.at = At::Arena(Span {
                    offset: to,
                    bytes: from.bytes,
                });
            }
        }
        floor = from.offset + 1;
        to = align(to + from.bytes);
    }
}

impl Frame {
    /// End of what it uses of the arena.
    pub(crate) fn end(&self) -> usize {
        let arena_bytes = self.plan.as_ref().map_or(0, |plan| plan.arena_bytes);
        (self.base + arena_bytes).max(self.loose.end)
    }

    /// Where a region may begin: above all that is live, and above waiting results.
    pub(crate) fn region_base(&mut self, position: usize) -> Result<usize, RunError> {
        if self.loose_until < position {
            self.loose = 0..0;
        }
        let room = self.plan.as_ref().and_then(|plan| plan.room(position));
        let room = room.ok_or_else(|| damaged("a region has no room"))?;
        Ok((self.base + room.top).max(self.loose.end))
    }

    /// Moves waiting results up, so that none lies below `top`.
    pub(crate) fn lift(&mut self, top: usize, cx: &mut RunCx<'_>) -> Result<(), RunError> {
        let old = self.loose.clone();
        if top <= old.start {
            return Ok(());
        }
        cx.reserve(top + old.len())?;
        cx.arena.copy_within(old.start, top, old.len())?;
        for result in self.waiting.iter_mut().flatten() {
            if let At::Arena(span) = &mut result.at
                && span.bytes > 0
                && old.contains(&span.offset)
            {
                span.offset += top - old.start;
            }
        }
        self.loose = top..top + old.len();
        Ok(())
    }
}

/// The shape of a value, empty where it has none.
pub(crate) fn shape_or_empty(value: &HostValue) -> Sizes {
    value.shape().map_or_else(Sizes::new, Sizes::from_slice)
}
