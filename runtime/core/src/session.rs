//! The session: an artifact made ready to run.

use crate::analysis::BodyAnalysis;
use crate::bind::{Sizes, UNBOUND, bind_symbol, shape_of};
use crate::error::{RunError, show};
use crate::execute::RunCx;
use crate::frame::{Frame, Param};
use crate::observe::Observed;
use crate::segment::{MemoryPlan, PlanCx, SegmentPlan, plan_segment};
use crate::state::State;
use graphc_base::{DType, EntityId, PrimaryMap};
use graphc_device::Device;
use graphc_program::kernel::host::{HostTensor, HostValue, StringTensor};
use graphc_program::{
    Artifact, BodyId, ConstRef, Entry, Literal, Port, Program, SlotType, Step, SymbolSource,
};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Plans that are kept per segment; beyond, all are dropped and made anew when needed.
const MAX_PLANS: usize = 64;

/// How a session runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionOptions {
    /// Threads of the CPU device; 0 takes one per core.
    pub threads: usize,
    /// Overwrites memory outside lifetimes, for tests.
    pub poison: bool,
}

/// An input of a run.
#[derive(Clone, Copy)]
pub enum InputRef<'a> {
    /// A tensor as bytes: row-major, little-endian, aligned for its dtype.
    Bytes {
        /// Element type.
        dtype: DType,
        /// Size of each axis.
        shape: &'a [usize],
        /// Contents.
        bytes: &'a [u8],
    },
    /// A value of any kind.
    Value(&'a HostValue),
}

impl<'a> From<&'a HostValue> for InputRef<'a> {
    fn from(value: &'a HostValue) -> Self {
        InputRef::Value(value)
    }
}

impl<'a> From<&'a HostTensor> for InputRef<'a> {
    fn from(tensor: &'a HostTensor) -> Self {
        InputRef::Bytes {
            dtype: tensor.dtype(),
            shape: tensor.shape(),
            bytes: tensor.bytes(),
        }
    }
}

/// A buffer for an output: exactly as many bytes as the output takes.
pub struct OutputMut<'a> {
    /// Filled with the output's bytes.
    pub bytes: &'a mut [u8],
}

/// One launch as it was measured.
#[derive(Clone, Debug)]
pub struct StepProfile {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// What ran.
    pub implementation: &'static str,
    /// The user's nodes.
    pub sources: Vec<String>,
    /// When it began.
    pub started: Instant,
    /// How long it took.
    pub duration: Duration,
}

type Plans = RwLock<BTreeMap<Box<[i64]>, Arc<SegmentPlan>>>;

/// An artifact made ready to run; may run from many threads at once.
pub struct Session {
    artifact: Artifact,
    device: Box<dyn Device>,
    analyses: PrimaryMap<BodyId, BodyAnalysis>,
    plans: PrimaryMap<BodyId, Vec<Plans>>,
    literals: PrimaryMap<ConstRef, Option<HostValue>>,
    /// Told apart from other sessions by its address.
    identity: Arc<()>,
    poison: bool,
}

impl Session {
    /// Loads an artifact for the CPU.
    #[cfg(feature = "cpu")]
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::with_options(Artifact::open(path.as_ref())?, SessionOptions::default())
    }

    /// Makes an artifact ready for the CPU.
    #[cfg(feature = "cpu")]
    pub fn with_options(artifact: Artifact, options: SessionOptions) -> Result<Self, RunError> {
        let n_threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let device = Box::new(graphc_cpu::CpuDevice::new(n_threads));
        Self::on_device(artifact, device, options)
    }

    /// Makes an artifact ready for a device.
    pub fn on_device(
        artifact: Artifact,
        device: Box<dyn Device>,
        options: SessionOptions,
    ) -> Result<Self, RunError> {
        let program = artifact.program();
        if let Some(need) = program
            .needs
            .iter()
            .find(|need| need.as_str() != device.name())
        {
            return Err(RunError::Needs {
                need: need.clone(),
                hint: "compile the model for a target that is present",
            });
        }
        let analyses: PrimaryMap<BodyId, BodyAnalysis> =
            program.bodies.values().map(BodyAnalysis::new).collect();
        let plans = analyses
            .values()
            .map(|analysis| analysis.segments.iter().map(|_| Plans::default()).collect())
            .collect();
        let literals = program
            .consts
            .values()
            .map(|constant| {
                constant.literal.as_ref().map(|Literal::Strings(data)| {
                    HostValue::Strings(StringTensor {
                        shape: constant.shape.clone(),
                        data: data.clone(),
                    })
                })
            })
            .collect();
        Ok(Self {
            device,
            analyses,
            plans,
            literals,
            identity: Arc::new(()),
            poison: options.poison,
            artifact,
        })
    }

    /// The program.
    pub fn program(&self) -> &Program {
        self.artifact.program()
    }

    /// The artifact.
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    pub(crate) fn device(&self) -> &dyn Device {
        &*self.device
    }

    pub(crate) fn analysis(&self, body: BodyId) -> &BodyAnalysis {
        &self.analyses[body]
    }

    pub(crate) fn poisons(&self) -> bool {
        self.poison
    }

    pub(crate) fn literal(&self, constant: ConstRef) -> Option<&HostValue> {
        self.literals.get(constant).and_then(Option::as_ref)
    }

    pub(crate) fn segment_plan(
        &self,
        body: BodyId,
        index: usize,
        values: &[i64],
        earlier: Option<&SegmentPlan>,
    ) -> Result<Arc<SegmentPlan>, RunError> {
        let plans = &self.plans[body][index];
        if let Some(plan) = plans
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(values)
        {
            return Ok(plan.clone());
        }
        let cx = PlanCx {
            program: self.program(),
            body: &self.program().bodies[body],
            analysis: &self.analyses[body],
            device: self.device(),
        };
        let plan = Arc::new(plan_segment(&cx, index, values, earlier)?);
        let mut plans = plans.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(values.into(), plan.clone());
        Ok(plan)
    }

    /// What changes between runs: state slots as the program starts them, and memory that runs keep for the next one.
    pub fn new_state(&self) -> State {
        State::new(self.identity.clone(), self.program().entries.len())
    }

    /// Runs an entry. Gives its outputs by name, in the model's order.
    pub fn run(
        &self,
        entry: &str,
        inputs: &[(&str, HostValue)],
        state: &mut State,
    ) -> Result<Vec<(String, HostValue)>, RunError> {
        let named: Vec<(&str, InputRef<'_>)> = inputs
            .iter()
            .map(|(name, value)| (*name, InputRef::Value(value)))
            .collect();
        self.run_refs(entry, &named, state, None)
    }

    /// Runs an entry and has `observer` called with every value that a step writes, in order.
    pub fn run_observed(
        &self,
        entry: &str,
        inputs: &[(&str, InputRef<'_>)],
        state: &mut State,
        observer: &mut dyn FnMut(Observed<'_>),
    ) -> Result<Vec<(String, HostValue)>, RunError> {
        self.run_with(entry, inputs, state, None, Some(observer))
    }

    /// Runs an entry on borrowed inputs and, where wanted, measures each launch.
    pub fn run_refs(
        &self,
        entry: &str,
        inputs: &[(&str, InputRef<'_>)],
        state: &mut State,
        profile: Option<&mut Vec<StepProfile>>,
    ) -> Result<Vec<(String, HostValue)>, RunError> {
        self.run_with(entry, inputs, state, profile, None)
    }

    fn run_with<'a>(
        &self,
        entry: &str,
        inputs: &[(&str, InputRef<'_>)],
        state: &mut State,
        profile: Option<&'a mut Vec<StepProfile>>,
        observer: Option<&'a mut (dyn FnMut(Observed<'_>) + 'a)>,
    ) -> Result<Vec<(String, HostValue)>, RunError> {
        let (index, entry) = self.entry(entry)?;
        self.with_frame(index, entry, state, |frame| {
            let params = self.params(entry, inputs)?;
            self.run_body(entry.body, frame, &params, &mut RunCx { profile, observer })?;
            let body = &self.program().bodies[entry.body];
            entry
                .outputs
                .iter()
                .zip(&body.results)
                .map(|(port, &slot)| {
                    let value = match self.as_param(body, frame, &params, slot)? {
                        Param::Tensor {
                            dtype,
                            shape,
                            bytes,
                        } => HostTensor::from_bytes(dtype, &shape, bytes)
                            .map(HostValue::from)
                            .ok_or_else(|| RunError::Output {
                                name: port.name.clone(),
                                message: "has another size than its shape".to_owned(),
                            })?,
                        Param::Host(value) => value.clone(),
                    };
                    Ok((port.name.clone(), value))
                })
                .collect()
        })
    }

    /// Runs an entry into the caller's buffers, inputs and outputs in the entry's order. A warm call (one whose dims were
    /// bound before) allocates nothing.
    pub fn run_into(
        &self,
        entry: &str,
        inputs: &[InputRef<'_>],
        outputs: &mut [OutputMut<'_>],
        state: &mut State,
    ) -> Result<(), RunError> {
        let (index, entry) = self.entry(entry)?;
        if inputs.len() != entry.inputs.len() || outputs.len() != entry.outputs.len() {
            return Err(RunError::Inputs(vec![format!(
                "{} inputs and {} outputs are given, the entry has {} and {}",
                inputs.len(),
                outputs.len(),
                entry.inputs.len(),
                entry.outputs.len()
            )]));
        }
        self.with_frame(index, entry, state, |frame| {
            let params: SmallVec<[Param<'_>; 16]> = inputs.iter().map(as_param).collect();
            self.check_params(entry, &params)?;
            self.run_body(entry.body, frame, &params, &mut RunCx::default())?;
            let body = &self.program().bodies[entry.body];
            for ((port, &slot), output) in entry.outputs.iter().zip(&body.results).zip(outputs) {
                let bytes = self.bytes(body, frame, &params, slot)?;
                if bytes.len() != output.bytes.len() {
                    return Err(RunError::Output {
                        name: port.name.clone(),
                        message: format!(
                            "buffer has {} bytes, {} are needed",
                            output.bytes.len(),
                            bytes.len()
                        ),
                    });
                }
                output.bytes.copy_from_slice(bytes);
            }
            Ok(())
        })
    }

    /// Memory of a run with these sizes of the inputs' symbolic dims, by name. Exact where no dim comes from data.
    pub fn memory(&self, entry: &str, dims: &[(&str, i64)]) -> Result<MemoryPlan, RunError> {
        let (_, entry) = self.entry(entry)?;
        let program = self.program();
        let mut values = vec![UNBOUND; program.symbols.len()];
        for (name, value) in dims {
            if let Some(symbol) = program
                .symbols
                .iter()
                .position(|symbol| symbol.name == *name)
            {
                bind_symbol(program, &mut values, symbol, *value)?;
            }
        }
        self.plan_body(entry.body, &values)
    }

    fn plan_body(&self, id: BodyId, given: &[i64]) -> Result<MemoryPlan, RunError> {
        let body = &self.program().bodies[id];
        let analysis = &self.analyses[id];
        let mut values = vec![UNBOUND; given.len()];
        let mut earlier: Option<Arc<SegmentPlan>> = None;
        let (mut regions, mut region_live) = (0, 0);
        for (index, segment) in analysis.segments.iter().enumerate() {
            let plan = self.segment_plan(id, index, &values, earlier.as_deref())?;
            for position in segment.steps.clone() {
                match &body.steps[position] {
                    Step::Bind { symbol, .. } => {
                        let symbol = symbol.index();
                        values[symbol] = match given[symbol] {
                            UNBOUND => self.program().symbols[symbol].hint,
                            value => value,
                        };
                    }
                    Step::If {
                        then_body,
                        else_body,
                        ..
                    } => {
                        for region in [*then_body, *else_body] {
                            let plan = self.plan_body(region, &values)?;
                            regions = plan.peak_bytes.max(regions);
                            region_live = plan.live_bytes.max(region_live);
                        }
                    }
                    Step::Loop { body, .. } => {
                        let plan = self.plan_body(*body, &values)?;
                        regions = plan.peak_bytes.max(regions);
                        region_live = plan.live_bytes.max(region_live);
                    }
                    _ => {}
                }
            }
            earlier = Some(plan);
        }
        let (peak, live) = earlier.map_or((0, 0), |plan| (plan.arena_bytes, plan.live_bytes));
        Ok(MemoryPlan {
            peak_bytes: peak + regions,
            live_bytes: live + region_live,
        })
    }

    pub(crate) fn entry(&self, name: &str) -> Result<(usize, &Entry), RunError> {
        let entries = &self.program().entries;
        entries
            .iter()
            .enumerate()
            .find(|(_, entry)| entry.name == name)
            .ok_or_else(|| RunError::Entry {
                name: name.to_owned(),
                known: entries
                    .iter()
                    .map(|entry| entry.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    fn with_frame<T>(
        &self,
        index: usize,
        entry: &Entry,
        state: &mut State,
        run: impl FnOnce(&mut Frame) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        if !Arc::ptr_eq(&state.owner, &self.identity) {
            return Err(RunError::State {
                name: "state".to_owned(),
                message: "belongs to another session".to_owned(),
            });
        }
        let frame = match &mut state.frames[index] {
            Some(frame) => frame,
            empty => empty.insert(Frame::new(
                self.device(),
                &self.program().bodies[entry.body],
                self.program().symbols.len(),
            )?),
        };
        frame.begin(None);
        let outcome = run(frame);
        state.used_bytes = frame.used_bytes;
        outcome
    }

    fn params<'a>(
        &self,
        entry: &Entry,
        inputs: &[(&str, InputRef<'a>)],
    ) -> Result<Vec<Param<'a>>, RunError> {
        let mut faults: Vec<String> = inputs
            .iter()
            .filter(|(name, _)| !entry.inputs.iter().any(|port| port.name == *name))
            .map(|(name, _)| format!("input `{name}` is unknown"))
            .collect();
        let mut params = Vec::with_capacity(entry.inputs.len());
        for port in &entry.inputs {
            match inputs.iter().find(|(name, _)| *name == port.name) {
                Some((_, input)) => params.push(as_param(input)),
                None => faults.push(format!(
                    "input `{}` ({}) is missing",
                    port.name,
                    self.show_port(port)
                )),
            }
        }
        if !faults.is_empty() {
            return Err(RunError::Inputs(faults));
        }
        self.check_params(entry, &params)?;
        Ok(params)
    }

    fn show_port(&self, port: &Port) -> String {
        match &port.ty {
            SlotType::Host(what) => what.clone(),
            SlotType::Tensor { dtype, shape } => {
                let program = self.program();
                let sizes: Vec<String> = shape
                    .iter()
                    .map(|dim| match dim.as_symbol() {
                        Some(symbol) => program
                            .symbols
                            .get(symbol.index())
                            .map_or_else(|| dim.to_string(), |symbol| symbol.name.clone()),
                        None => dim.to_string(),
                    })
                    .collect();
                format!("{dtype}[{}]", sizes.join(","))
            }
        }
    }

    /// Types, ranks and dims of all params, each fault named.
    fn check_params(&self, entry: &Entry, params: &[Param<'_>]) -> Result<(), RunError> {
        let mut faults = Vec::new();
        let mut bound: SmallVec<[i64; 16]> =
            SmallVec::from_elem(UNBOUND, self.program().symbols.len());
        let body = &self.program().bodies[entry.body];
        for step in &body.steps {
            let Step::Bind {
                symbol,
                from: SymbolSource::Axis(slot, axis),
            } = step
            else {
                break;
            };
            if let Some(position) = body.params.iter().position(|param| param == slot)
                && let Some(size) = params
                    .get(position)
                    .and_then(Param::shape)
                    .and_then(|shape| shape.get(*axis).copied())
            {
                bound[symbol.index()] = size as i64;
            }
        }
        for (port, param) in entry.inputs.iter().zip(params) {
            if let Some(fault) = self.param_fault(port, param, &bound) {
                faults.push(format!("input `{}` {fault}", port.name));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(RunError::Inputs(faults))
        }
    }

    fn param_fault(&self, port: &Port, param: &Param<'_>, bound: &[i64]) -> Option<String> {
        match (&port.ty, param) {
            (SlotType::Host(_), Param::Host(_)) => None,
            (SlotType::Host(what), Param::Tensor { dtype, shape, .. }) => {
                Some(format!("is {}, {what} is expected", show(*dtype, shape)))
            }
            (SlotType::Tensor { .. }, Param::Host(value)) => Some(format!(
                "is {}, {} is expected",
                value.describe(),
                self.show_port(port)
            )),
            (
                SlotType::Tensor { dtype, shape },
                Param::Tensor {
                    dtype: given,
                    shape: sizes,
                    bytes,
                },
            ) => {
                if dtype != given {
                    return Some(format!("has dtype {given}, {dtype} is expected"));
                }
                if shape.len() != sizes.len() {
                    return Some(format!(
                        "has rank {} ({}), {} is expected",
                        sizes.len(),
                        show(*given, sizes),
                        self.show_port(port)
                    ));
                }
                for (axis, (dim, &size)) in shape.iter().zip(sizes).enumerate() {
                    match dim.eval(bound) {
                        Ok(expected) if i64::try_from(size) == Ok(expected) => {}
                        Ok(expected) => {
                            return Some(format!(
                                "has size {size} on axis {axis}, {expected} is expected ({})",
                                self.show_port(port)
                            ));
                        }
                        Err(_) => {}
                    }
                }
                let n_bytes = sizes
                    .iter()
                    .try_fold(1usize, |n, &size| n.checked_mul(size))
                    .and_then(|n| dtype.byte_len(n));
                if n_bytes != Some(bytes.len()) {
                    return Some(format!(
                        "has {} bytes, which do not fit {}",
                        bytes.len(),
                        show(*given, sizes)
                    ));
                }
                None
            }
        }
    }
}

fn as_param<'a>(input: &InputRef<'a>) -> Param<'a> {
    match *input {
        InputRef::Bytes {
            dtype,
            shape,
            bytes,
        } => Param::Tensor {
            dtype,
            shape: Sizes::from_slice(shape),
            bytes,
        },
        InputRef::Value(HostValue::Tensor(tensor)) => Param::Tensor {
            dtype: tensor.dtype(),
            shape: Sizes::from_slice(tensor.shape()),
            bytes: tensor.bytes(),
        },
        InputRef::Value(value) => Param::Host(value),
    }
}

/// Evaluates shapes of an entry's outputs for tests and tools.
impl Session {
    /// Shapes of an entry's tensor outputs for these sizes of the inputs' symbolic dims; `None` where data decide them.
    pub fn output_shapes(
        &self,
        entry: &str,
        dims: &[(&str, i64)],
    ) -> Result<Vec<Option<Vec<usize>>>, RunError> {
        let (_, entry) = self.entry(entry)?;
        let symbols = &self.program().symbols;
        let mut values = vec![UNBOUND; symbols.len()];
        for (name, value) in dims {
            if let Some(symbol) = symbols.iter().position(|symbol| symbol.name == *name) {
                values[symbol] = *value;
            }
        }
        Ok(entry
            .outputs
            .iter()
            .map(|port| {
                let (_, shape) = port.ty.as_tensor()?;
                shape_of(shape, &values).ok().map(|sizes| sizes.to_vec())
            })
            .collect())
    }
}
