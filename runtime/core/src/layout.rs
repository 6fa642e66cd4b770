//! What runs and where everything lies, at given sizes: for reports. Nothing is run.

use crate::bind::UNBOUND;
use crate::error::RunError;
use crate::segment::{SegmentPlan, choose};
use crate::session::Session;
use graphc_base::EntityId;
use graphc_program::kernel::BoundSpec;
use graphc_program::{BodyId, KernelRef, KernelSetId, SlotId, Step};
use std::sync::Arc;

/// Bodies of an entry at given sizes, the entry's own first, then those of its regions as its steps name them.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The bodies.
    pub bodies: Vec<BodyLayout>,
}

/// One body at given sizes.
#[derive(Clone, Debug)]
pub struct BodyLayout {
    /// Which body.
    pub body: BodyId,
    /// Its launches in order.
    pub launches: Vec<LaunchLayout>,
    /// Its tensors in the arena.
    pub buffers: Vec<BufferLayout>,
    /// Bytes of its part of the arena.
    pub arena_bytes: usize,
    /// Largest sum of bytes that are live at one of its steps.
    pub live_bytes: usize,
}

/// One launch at given sizes.
#[derive(Clone, Debug)]
pub struct LaunchLayout {
    /// Position of the step in its body.
    pub step: usize,
    /// The choice of kernels.
    pub set: KernelSetId,
    /// Which was taken.
    pub kernel: KernelRef,
    /// The kernel at these sizes.
    pub spec: BoundSpec,
    /// What runs; `reference` where the device has no code of its own.
    pub implementation: &'static str,
    /// Start of its scratch memory in the body's part of the arena.
    pub scratch_offset: usize,
    /// Bytes of scratch memory.
    pub scratch_bytes: usize,
}

/// One tensor in the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BufferLayout {
    /// The slot that owns it.
    pub slot: SlotId,
    /// Start in the body's part of the arena.
    pub offset: usize,
    /// Size in bytes.
    pub bytes: usize,
    /// The step that first writes it.
    pub first: usize,
    /// The last step that reads or writes it; one past the last step for results.
    pub last: usize,
}

impl Session {
    /// What runs and where everything lies with these sizes of the inputs' symbolic dims, by name. Dims that come from
    /// data take the sizes that cost estimates assume.
    pub fn layout(&self, entry: &str, dims: &[(&str, i64)]) -> Result<Layout, RunError> {
        let (_, entry) = self.entry(entry)?;
        let given = self.named_dims(dims)?;
        let mut layout = Layout { bodies: Vec::new() };
        let unbound = vec![UNBOUND; given.len()];
        self.lay_out(entry.body, &given, unbound, &mut layout)?;
        Ok(layout)
    }

    /// Lays out a body whose caller has bound `values`, and its regions.
    fn lay_out(
        &self,
        id: BodyId,
        given: &[i64],
        mut values: Vec<i64>,
        layout: &mut Layout,
    ) -> Result<(), RunError> {
        let program = self.program();
        let body = &program.bodies[id];
        let analysis = self.analysis(id);
        let at = layout.bodies.len();
        layout.bodies.push(BodyLayout {
            body: id,
            launches: Vec::new(),
            buffers: Vec::new(),
            arena_bytes: 0,
            live_bytes: 0,
        });
        let mut earlier: Option<Arc<SegmentPlan>> = None;
        let mut key = Vec::new();
        for (index, segment) in analysis.segments.iter().enumerate() {
            let plan = self.segment_plan(id, index, &values, earlier.as_deref(), &mut key)?;
            let mut launches = plan.launches.iter();
            for position in segment.steps.clone() {
                match &body.steps[position] {
                    Step::Bind { symbol, .. } => {
                        let symbol = symbol.index();
                        values[symbol] = match given[symbol] {
                            UNBOUND => program.symbols[symbol].hint,
                            value => value,
                        };
                    }
                    Step::If {
                        then_body,
                        else_body,
                        ..
                    } => {
                        self.lay_out(*then_body, given, values.clone(), layout)?;
                        self.lay_out(*else_body, given, values.clone(), layout)?;
                    }
                    Step::Loop { body, .. } => {
                        self.lay_out(*body, given, values.clone(), layout)?
                    }
                    Step::Launch { set, .. } => {
                        let sources = &program.kernel_sets[*set].sources;
                        let (_, variant) = choose(&program.kernel_sets[*set], &values)?;
                        let kernel = variant.kernel;
                        let spec = program.kernels[kernel]
                            .bind(&values)
                            .map_err(|error| RunError::spec(sources, error))?;
                        if let Some(launch) = launches.next() {
                            layout.bodies[at].launches.push(LaunchLayout {
                                step: position,
                                set: *set,
                                kernel,
                                spec,
                                implementation: launch.kernel.implementation(),
                                scratch_offset: launch.scratch.offset,
                                scratch_bytes: launch.scratch.bytes,
                            });
                        }
                    }
                    _ => {}
                }
            }
            let own = &mut layout.bodies[at];
            own.arena_bytes = own.arena_bytes.max(plan.arena_bytes);
            own.live_bytes = own.live_bytes.max(plan.live_bytes);
            earlier = Some(plan);
        }
        let own = &mut layout.bodies[at];
        if let Some(plan) = earlier {
            let placed = plan.spans.iter().zip(&analysis.lifetimes).enumerate();
            own.buffers = placed
                .filter_map(|(slot, (span, lifetime))| {
                    let (span, lifetime) = ((*span)?, (*lifetime)?);
                    Some(BufferLayout {
                        slot: SlotId::from_index(slot),
                        offset: span.offset,
                        bytes: span.bytes,
                        first: lifetime.first,
                        last: lifetime.last,
                    })
                })
                .collect();
        }
        Ok(())
    }
}
