//! The program: entries, bodies of steps, slots, kernels, constants, symbols, state.

use graphc_base::{DType, Dim, PrimaryMap, SymId, entity_id};
use graphc_kernel::KernelSpec;
use graphc_kernel::host::HostOp;
use serde::{Deserialize, Serialize};

/// Version of the file form. A runtime reads exactly its own.
pub const SCHEMA: u32 = 1;

entity_id!(
    /// A body of steps: an entry's or a region's.
    BodyId,
    "body"
);
entity_id!(
    /// A value inside a body.
    SlotId,
    "slot"
);
entity_id!(
    /// A constant of the program.
    ConstRef,
    "const"
);
entity_id!(
    /// A kernel's spec.
    KernelRef,
    "kernel"
);
entity_id!(
    /// Interchangeable kernels, one of which is taken when dims are bound.
    KernelSetId,
    "set"
);

/// A compiled model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Version of this form.
    pub schema: u32,
    /// Name of the model.
    pub name: String,
    /// What the program was compiled for: `cpu`, `cuda`.
    pub target: String,
    /// What must be present to run it: devices in order, features by name.
    pub needs: Vec<String>,
    /// Dims that are bound at run time.
    pub symbols: Vec<ProgramSymbol>,
    /// Functions that a caller may run.
    pub entries: Vec<Entry>,
    /// Values that outlive a run.
    pub state: Vec<StateSlot>,
    /// Steps of entries and regions.
    pub bodies: PrimaryMap<BodyId, Body>,
    /// What the kernels compute.
    pub kernels: PrimaryMap<KernelRef, KernelSpec>,
    /// Choices between kernels.
    pub kernel_sets: PrimaryMap<KernelSetId, KernelSet>,
    /// The constants; contents lie in the artifact's tensors.
    pub consts: PrimaryMap<ConstRef, ProgramConst>,
}

/// A dim that is bound at run time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProgramSymbol {
    /// Its name in the model.
    pub name: String,
    /// Least value.
    pub lo: i64,
    /// Greatest value.
    pub hi: i64,
    /// Value that cost estimates assume.
    pub hint: i64,
}

/// A fact about dims.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DimCheck {
    /// What must hold.
    pub kind: CheckKind,
    /// Who demands it.
    pub what: String,
}

/// The relations that a check can demand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Both are equal.
    Equal(Dim, Dim),
    /// Both are equal, or one is 1.
    Broadcast(Dim, Dim),
    /// The first is at most the second.
    LessEqual(Dim, Dim),
}

/// A function that a caller may run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name: `main`, later `prefill`, `decode`, `train_step`.
    pub name: String,
    /// What it takes; as many as its body's params.
    pub inputs: Vec<Port>,
    /// What it gives; as many as its body's results.
    pub outputs: Vec<Port>,
    /// Its steps.
    pub body: BodyId,
}

/// A named value at the border of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Port {
    /// Its name in the model.
    pub name: String,
    /// Its type.
    pub ty: SlotType,
}

/// The type of a slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotType {
    /// A tensor with a byte layout.
    Tensor {
        /// Element type.
        dtype: DType,
        /// Shape.
        shape: Vec<Dim>,
    },
    /// A value on the host: strings, a sequence, an optional; the text says which, for messages.
    Host(String),
}

/// A value that outlives a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StateSlot {
    /// Its name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Shape.
    pub shape: Vec<Dim>,
    /// What it starts as.
    pub init: StateInit,
    /// Index of the device that holds it.
    pub device: u8,
}

/// What a state slot starts as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateInit {
    /// Zeros.
    Zero,
    /// A constant.
    Const(ConstRef),
    /// Given by the caller.
    Input,
}

/// A list of steps over slots.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Body {
    /// Facts that are tested whenever it runs, once the symbols that they mention are bound.
    pub checks: Vec<DimCheck>,
    /// Its values.
    pub slots: PrimaryMap<SlotId, Slot>,
    /// Slots that the caller fills; their storage is `Param`.
    pub params: Vec<SlotId>,
    /// Slots that the caller reads.
    pub results: Vec<SlotId>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// A value inside a body.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Its type.
    pub ty: SlotType,
    /// Where it lies.
    pub storage: Storage,
    /// Name of the value in the user's model, where it is one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where a slot lies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// Given by the caller.
    Param(usize),
    /// A constant.
    Const(ConstRef),
    /// In the arena, packed by lifetime.
    Arena,
    /// The bytes of another slot under another shape.
    Alias(SlotId),
    /// A value on the host.
    Host,
    /// A state slot.
    State(usize),
}

/// Interchangeable kernels: the cheapest whose guard holds is taken, the last has no guard.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KernelSet {
    /// The choices.
    pub variants: Vec<Variant>,
    /// Nodes of the user's model that it computes.
    pub sources: Vec<String>,
}

/// One kernel of a set.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// When it may be taken.
    pub guards: Vec<Guard>,
    /// What it computes.
    pub kernel: KernelRef,
    /// Name of its code in the artifact's kernel tensors; empty where the device brings its own.
    pub code: String,
    /// Static cost estimate in nanoseconds at the hint dims.
    pub cost_ns: u64,
}

/// A condition on bound dims.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// The dim is at least this.
    AtLeast(Dim, i64),
    /// The dim is at most this.
    AtMost(Dim, i64),
    /// The dim is a multiple of this.
    Multiple(Dim, i64),
}

/// What a symbol is bound from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolSource {
    /// The size of an axis of a slot that is there (params, results of regions and host calls).
    Axis(SlotId, usize),
    /// An element of an integer tensor.
    Element(SlotId, usize),
}

/// One result of a region or host call, taken into a slot once its shape is bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegionOutput {
    /// Which result.
    pub index: usize,
    /// The slot.
    pub slot: SlotId,
}

/// One thing to do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Runs a kernel.
    Launch {
        /// Index of the device.
        device: u8,
        /// The choice of kernels.
        set: KernelSetId,
        /// Tensors that it reads.
        inputs: Vec<SlotId>,
        /// Tensors that it writes.
        outputs: Vec<SlotId>,
    },
    /// Runs an operator on host values. Its results wait for a [`Step::Take`].
    HostCall {
        /// The operator.
        op: HostOp,
        /// Operands: host slots or tensors.
        inputs: Vec<SlotId>,
        /// Result slots; tensors among them are filled by a later `Take`.
        outputs: Vec<SlotId>,
        /// Nodes of the user's model that it computes.
        sources: Vec<String>,
    },
    /// Moves a tensor between devices.
    Copy {
        /// From this slot.
        from: SlotId,
        /// To this slot.
        to: SlotId,
    },
    /// Binds a symbol. Steps behind it may mention it.
    Bind {
        /// The symbol.
        symbol: SymId,
        /// From what.
        from: SymbolSource,
    },
    /// Runs one of two bodies. The results wait for a [`Step::Take`].
    If {
        /// The condition, `bool[]`.
        cond: SlotId,
        /// Runs where it holds.
        then_body: BodyId,
        /// Runs where it does not.
        else_body: BodyId,
        /// Params of both bodies.
        inputs: Vec<SlotId>,
        /// Result slots.
        outputs: Vec<SlotId>,
    },
    /// Runs a body repeatedly; params and results as the graph's Loop. The results wait for a [`Step::Take`].
    Loop {
        /// `i64[]`, most iterations.
        trip_count: Option<SlotId>,
        /// `bool[]`, whether to begin.
        cond: Option<SlotId>,
        /// Runs each time.
        body: BodyId,
        /// Loop-carried values, then captures.
        inputs: Vec<SlotId>,
        /// How many of `inputs` are carried.
        n_carried: usize,
        /// Result slots: carried, then stacked.
        outputs: Vec<SlotId>,
    },
    /// Copies waiting results of the region or host call at step `from` into their slots.
    Take {
        /// Position of the step in this body.
        from: usize,
        /// Which results.
        outputs: Vec<RegionOutput>,
    },
    /// Calls a vendor's library.
    Library {
        /// Index of the device.
        device: u8,
        /// Name of the routine.
        routine: String,
        /// Tensors that it reads.
        inputs: Vec<SlotId>,
        /// Tensors that it writes.
        outputs: Vec<SlotId>,
    },
    /// Brings a constant onto a device.
    Fetch(ConstRef),
    /// Drops a constant from a device.
    Evict(ConstRef),
    /// Exchanges data between devices.
    Collective {
        /// Name of the operation.
        operation: String,
        /// Tensors that take part.
        slots: Vec<SlotId>,
    },
}

/// Contents of a constant that has no tensor in the artifact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Literal {
    /// Strings, row-major.
    Strings(Vec<String>),
}

/// A constant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProgramConst {
    /// Name of its tensor in the artifact.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Shape.
    pub shape: Vec<usize>,
    /// Contents, where they are no bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<Literal>,
}

impl Program {
    /// What the entries demand of dims. What regions demand depends on whether they run.
    pub fn entry_checks(&self) -> impl Iterator<Item = &DimCheck> {
        let bodies = self
            .entries
            .iter()
            .filter_map(|entry| self.bodies.get(entry.body));
        bodies.flat_map(|body| &body.checks)
    }
}

impl SlotType {
    /// Element type and shape of a tensor.
    pub fn as_tensor(&self) -> Option<(DType, &[Dim])> {
        match self {
            SlotType::Tensor { dtype, shape } => Some((*dtype, shape)),
            SlotType::Host(_) => None,
        }
    }
}

impl Guard {
    /// The dim that it looks at.
    pub fn dim(&self) -> &Dim {
        let (Guard::AtLeast(dim, _) | Guard::AtMost(dim, _) | Guard::Multiple(dim, _)) = self;
        dim
    }

    /// Whether it holds for these values of the symbols.
    pub fn holds(&self, values: &[i64]) -> bool {
        self.dim().eval(values).is_ok_and(|value| match *self {
            Guard::AtLeast(_, least) => value >= least,
            Guard::AtMost(_, most) => value <= most,
            Guard::Multiple(_, of) => of != 0 && value.checked_rem(of) == Some(0),
        })
    }
}

impl Body {
    /// The slot whose storage a slot's bytes are in, following aliases.
    pub fn root(&self, mut slot: SlotId) -> SlotId {
        while let Storage::Alias(of) = self.slots[slot].storage {
            slot = of;
        }
        slot
    }
}

impl Step {
    /// Calls `visit` with every slot that the step reads.
    pub fn visit_reads(&self, visit: &mut dyn FnMut(SlotId)) {
        match self {
            Step::Launch { inputs, .. }
            | Step::HostCall { inputs, .. }
            | Step::Library { inputs, .. } => inputs.iter().copied().for_each(visit),
            Step::Copy { from, .. } => visit(*from),
            Step::Bind { from, .. } => match from {
                SymbolSource::Element(slot, _) => visit(*slot),
                SymbolSource::Axis(..) => {}
            },
            Step::If { cond, inputs, .. } => {
                visit(*cond);
                inputs.iter().copied().for_each(visit);
            }
            Step::Loop {
                trip_count,
                cond,
                inputs,
                ..
            } => {
                trip_count.iter().chain(cond).copied().for_each(&mut *visit);
                inputs.iter().copied().for_each(visit);
            }
            Step::Collective { slots, .. } => slots.iter().copied().for_each(visit),
            Step::Take { .. } | Step::Fetch(_) | Step::Evict(_) => {}
        }
    }

    /// Calls `visit` with every arena tensor that the step writes. Results of regions and host calls are written by `Take`.
    pub fn visit_writes(&self, visit: &mut dyn FnMut(SlotId)) {
        match self {
            Step::Launch { outputs, .. } | Step::Library { outputs, .. } => {
                outputs.iter().copied().for_each(visit);
            }
            Step::Copy { to, .. } => visit(*to),
            Step::Take { outputs, .. } => outputs.iter().for_each(|output| visit(output.slot)),
            Step::Collective { slots, .. } => slots.iter().copied().for_each(visit),
            Step::HostCall { .. }
            | Step::Bind { .. }
            | Step::If { .. }
            | Step::Loop { .. }
            | Step::Fetch(_)
            | Step::Evict(_) => {}
        }
    }
}
