//! The memory of one run of a body, kept for the next run.

use crate::bind::{Sizes, UNBOUND};
use crate::segment::SegmentPlan;
use graphc_base::{DType, EntityId};
use graphc_device::{Device, DeviceError, Memory};
use graphc_program::kernel::host::{HostTensor, HostValue};
use graphc_program::{Body, SlotId};
use std::sync::Arc;

/// A value that a body is given.
#[derive(Clone)]
pub(crate) enum Param<'a> {
    Tensor {
        dtype: DType,
        shape: Sizes,
        bytes: &'a [u8],
    },
    Host(&'a HostValue),
}

impl Param<'_> {
    /// Size of each axis, if it is a tensor of any kind.
    pub(crate) fn shape(&self) -> Option<Sizes> {
        match self {
            Param::Tensor { shape, .. } => Some(shape.clone()),
            Param::Host(value) => value.shape().map(Sizes::from_slice),
        }
    }
}

/// Results of a region or host call that wait to be taken.
#[derive(Default)]
pub(crate) enum Waiting {
    #[default]
    None,
    /// In the child frame of this step, which ran this body.
    Child(graphc_program::BodyId),
    /// Values on the host, by result.
    Values(Vec<Option<HostValue>>),
    /// The loop state of this step.
    Loop,
}

/// Values that a loop carries from one iteration to the next.
#[derive(Default)]
pub(crate) struct LoopState {
    pub(crate) current: Vec<HostValue>,
    pub(crate) next: Vec<HostValue>,
    /// Iterations stacked so far, by scanned result: element type, shape of one, bytes.
    pub(crate) stacked: Vec<Stacked>,
    pub(crate) n_iterations: usize,
}

/// What a scanned result has gathered.
#[derive(Default)]
pub(crate) struct Stacked {
    pub(crate) dtype: Option<DType>,
    pub(crate) shape: Sizes,
    pub(crate) bytes: Vec<u8>,
}

/// The memory of one run of a body.
pub(crate) struct Frame {
    pub(crate) arena: Box<dyn Memory>,
    /// Values of all symbols of the program.
    pub(crate) values: Vec<i64>,
    /// Plan of the current segment.
    pub(crate) plan: Option<Arc<SegmentPlan>>,
    /// Values of host slots, by slot.
    pub(crate) host: Vec<Option<HostValue>>,
    /// Shapes of results of regions and host calls, by slot.
    pub(crate) shapes: Vec<Option<Sizes>>,
    /// Frames of regions, by step.
    pub(crate) children: Vec<Option<Box<Frame>>>,
    /// Waiting results, by step.
    pub(crate) waiting: Vec<Waiting>,
    /// Loop states, by step.
    pub(crate) loops: Vec<Option<Box<LoopState>>>,
    /// Highest byte of the arena that was used, and that of child frames.
    pub(crate) used_bytes: usize,
}

impl Frame {
    pub(crate) fn new(
        device: &dyn Device,
        body: &Body,
        n_symbols: usize,
    ) -> Result<Self, DeviceError> {
        let n_steps = body.steps.len();
        let n_slots = body.slots.len();
        Ok(Self {
            arena: device.allocate(0)?,
            values: vec![UNBOUND; n_symbols],
            plan: None,
            host: (0..n_slots).map(|_| None).collect(),
            shapes: vec![None; n_slots],
            children: (0..n_steps).map(|_| None).collect(),
            waiting: (0..n_steps).map(|_| Waiting::None).collect(),
            loops: (0..n_steps).map(|_| None).collect(),
            used_bytes: 0,
        })
    }

    /// Forgets the last run and starts from a caller's symbols.
    pub(crate) fn begin(&mut self, values: Option<&[i64]>) {
        match values {
            Some(values) => self.values.copy_from_slice(values),
            None => self.values.fill(UNBOUND),
        }
        self.plan = None;
        self.used_bytes = 0;
        self.host.fill(None);
    }

    pub(crate) fn set_shape(&mut self, slot: SlotId, shape: Option<Sizes>) {
        self.shapes[slot.index()] = shape;
    }
}

/// Copies a tensor into a host value, reusing its allocation.
pub(crate) fn store(
    value: &mut HostValue,
    dtype: DType,
    shape: &[usize],
    bytes: &[u8],
) -> Option<()> {
    if !matches!(value, HostValue::Tensor(_)) {
        *value = HostValue::Tensor(HostTensor::default());
    }
    let HostValue::Tensor(tensor) = value else {
        return None;
    };
    tensor.reset(dtype, shape)?;
    let to = tensor.bytes_mut();
    to.copy_from_slice(bytes.get(..to.len())?);
    Some(())
}
