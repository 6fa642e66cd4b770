//! What a body looks like before any dim is bound: its segments and the lifetimes of its slots.
//!
//! A segment ends behind a group of [`Step::Bind`]s: what follows may mention the symbols that they bind.

use graphc_base::EntityId;
use graphc_program::{Body, SlotId, Step, Storage};
use std::ops::Range;

/// Lifetime of a slot's storage in steps of its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// The step that first writes it.
    pub(crate) first: usize,
    /// The last step that reads or writes it; one past the last step for results.
    pub(crate) last: usize,
}

/// A run of steps for which the symbols that they mention are bound.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) steps: Range<usize>,
    /// Arena slots that are first written in it.
    pub(crate) defines: Vec<SlotId>,
}

/// Segments and lifetimes of a body.
#[derive(Clone, Debug)]
pub(crate) struct BodyAnalysis {
    pub(crate) segments: Vec<Segment>,
    /// By slot; only roots in the arena have one.
    pub(crate) lifetimes: Vec<Option<Lifetime>>,
}

impl BodyAnalysis {
    pub(crate) fn new(body: &Body) -> Self {
        let mut lifetimes: Vec<Option<Lifetime>> = vec![None; body.slots.len()];
        let mut touch = |slot: SlotId, step: usize| {
            let root = body.root(slot);
            if body.slots[root].storage == Storage::Arena {
                let lifetime = lifetimes[root.index()].get_or_insert(Lifetime {
                    first: step,
                    last: step,
                });
                lifetime.last = lifetime.last.max(step);
            }
        };
        for (position, step) in body.steps.iter().enumerate() {
            step.visit_writes(&mut |slot| touch(slot, position));
            step.visit_reads(&mut |slot| touch(slot, position));
            // A waiting result may be a region's own param: what the region read must live until it is taken.
            if let Step::Take { from, .. } = step {
                body.steps[*from].visit_reads(&mut |slot| touch(slot, position));
            }
        }
        for &result in &body.results {
            touch(result, body.steps.len());
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut start = 0;
        for position in 0..body.steps.len() {
            let is_bind = |step: Option<&Step>| matches!(step, Some(Step::Bind { .. }));
            if is_bind(body.steps.get(position)) && !is_bind(body.steps.get(position + 1)) {
                segments.push(Segment {
                    steps: start..position + 1,
                    defines: Vec::new(),
                });
                start = position + 1;
            }
        }
        segments.push(Segment {
            steps: start..body.steps.len(),
            defines: Vec::new(),
        });
        for (index, lifetime) in lifetimes.iter().enumerate() {
            let Some(lifetime) = lifetime else { continue };
            let home = segments
                .iter_mut()
                .find(|segment| segment.steps.contains(&lifetime.first));
            if let Some(segment) = home {
                segment.defines.push(SlotId::from_index(index));
            }
        }
        Self {
            segments,
            lifetimes,
        }
    }
}
