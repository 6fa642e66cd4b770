//! What one activation of a body works with, kept for the next one.
//!
//! All tensors of a run lie in one arena. A frame begins at its base: the outermost above the state, a region's above all
//! that is live in its parent while it runs.

use crate::bind::{Sizes, UNBOUND};
use crate::segment::SegmentPlan;
use graphc_base::DType;
use graphc_device::Span;
use graphc_program::kernel::host::HostValue;
use graphc_program::{Body, ConstRef};
use std::ops::Range;
use std::sync::Arc;

/// Where a value lies.
#[derive(Clone)]
pub(crate) enum At {
    /// In the arena, counted from its start.
    Arena(Span),
    Const(ConstRef),
    /// An input of the run.
    Input(usize),
    Host(Arc<HostValue>),
    /// Stacked by the loop whose result it is, at this place among its stacked results.
    Stacked(usize),
}

/// A value: what a region is given, or what waits to be taken.
#[derive(Clone)]
pub(crate) struct Operand {
    /// `None` for values without a byte layout.
    pub(crate) dtype: Option<DType>,
    /// Empty where there is none.
    pub(crate) shape: Sizes,
    pub(crate) at: At,
}

/// Values that a loop carries from one iteration to the next, and what it stacks.
#[derive(Default)]
pub(crate) struct LoopState {
    pub(crate) current: Vec<Operand>,
    pub(crate) next: Vec<Operand>,
    /// By stacked result.
    pub(crate) stacked: Vec<Stacked>,
    pub(crate) n_iterations: usize,
}

/// What a stacked result has gathered.
#[derive(Default)]
pub(crate) struct Stacked {
    pub(crate) dtype: Option<DType>,
    /// Shape of one iteration's part.
    pub(crate) shape: Sizes,
    pub(crate) bytes: Vec<u8>,
}

/// One activation of a body.
pub(crate) struct Frame {
    /// Where its part of the arena begins.
    pub(crate) base: usize,
    /// Values of all symbols of the program.
    pub(crate) values: Vec<i64>,
    /// Room for the symbols that a plan depends on.
    pub(crate) key: Vec<i64>,
    /// What the caller gave.
    pub(crate) params: Vec<Operand>,
    /// Plan of the current segment.
    pub(crate) plan: Option<Arc<SegmentPlan>>,
    /// Values of host slots, by slot.
    pub(crate) host: Vec<Option<Arc<HostValue>>>,
    /// Shapes of results of regions and host calls, by slot.
    pub(crate) shapes: Vec<Option<Sizes>>,
    /// Frames of regions by step: of an If the first and the second, of a Loop the first.
    pub(crate) children: Vec<[Option<Box<Frame>>; 2]>,
    /// Waiting results, by step.
    pub(crate) waiting: Vec<Vec<Operand>>,
    /// Loop states, by step.
    pub(crate) loops: Vec<Option<Box<LoopState>>>,
    /// Bytes of the arena, from its start, in which waiting results lie.
    pub(crate) loose: Range<usize>,
    /// The last step that takes one of them.
    pub(crate) loose_until: usize,
}

impl Frame {
    pub(crate) fn new(body: &Body, n_symbols: usize) -> Self {
        let n_steps = body.steps.len();
        let n_slots = body.slots.len();
        Self {
            base: 0,
            values: vec![UNBOUND; n_symbols],
            key: Vec::with_capacity(n_symbols),
            params: Vec::with_capacity(body.params.len()),
            plan: None,
            host: vec![None; n_slots],
            shapes: vec![None; n_slots],
            children: (0..n_steps).map(|_| [None, None]).collect(),
            waiting: vec![Vec::new(); n_steps],
            loops: (0..n_steps).map(|_| None).collect(),
            loose: 0..0,
            loose_until: 0,
        }
    }

    /// Forgets the last activation and starts from a caller's symbols.
    pub(crate) fn begin(&mut self, base: usize, values: Option<&[i64]>) {
        match values {
            Some(values) => self.values.copy_from_slice(values),
            None => self.values.fill(UNBOUND),
        }
        self.base = base;
        self.params.clear();
        self.plan = None;
        self.loose = 0..0;
        self.host.fill(None);
    }
}

impl Operand {
    /// Whether it lies in the arena, and where.
    pub(crate) fn span(&self) -> Option<Span> {
        match self.at {
            At::Arena(span) => Some(span),
            _ => None,
        }
    }
}
