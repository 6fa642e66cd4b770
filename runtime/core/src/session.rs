//! The session: an artifact made ready to run.

use crate::analysis::{BodyAnalysis, analyse};
use crate::error::RunError;
use crate::execute::{Observer, RunCx};
use crate::frame::{At, Frame, Operand};
use crate::observe::Observed;
use crate::segment::{PlanCx, SegmentPlan, plan_segment};
use crate::state::State;
use graphc_base::{DType, EntityId, PrimaryMap};
use graphc_device::Device;
use graphc_program::kernel::host::{HostTensor, HostValue, StringTensor};
use graphc_program::{Artifact, Body, BodyId, ConstRef, Entry, Literal, Program};
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
    /// Overwrites memory outside lifetimes before every step, for tests.
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

/// What looks on while an entry runs.
type Watch<'a> = (Option<&'a mut Vec<StepProfile>>, Option<Observer<'a>>);

type Plans = RwLock<BTreeMap<Box<[i64]>, Arc<SegmentPlan>>>;

/// An artifact made ready to run. It does not change (but for plans that it keeps): any number of threads may run it at once,
/// each with a [`State`] of its own.
pub struct Session {
    artifact: Artifact,
    device: Box<dyn Device>,
    /// By body.
    analyses: Vec<BodyAnalysis>,
    /// By body and segment.
    plans: Vec<Vec<Plans>>,
    literals: PrimaryMap<ConstRef, Option<Arc<HostValue>>>,
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
        let analyses = analyse(program);
        let plans = analyses
            .iter()
            .map(|analysis| analysis.segments.iter().map(|_| Plans::default()).collect())
            .collect();
        let literals = program
            .consts
            .values()
            .map(|constant| {
                constant.literal.as_ref().map(|Literal::Strings(data)| {
                    Arc::new(HostValue::Strings(StringTensor {
                        shape: constant.shape.clone(),
                        data: data.clone(),
                    }))
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
        &self.analyses[body.index()]
    }

    #[cfg(test)]
    pub(crate) fn analysis_mut(&mut self, body: BodyId) -> &mut BodyAnalysis {
        &mut self.analyses[body.index()]
    }

    pub(crate) fn identity(&self) -> &Arc<()> {
        &self.identity
    }

    pub(crate) fn poisons(&self) -> bool {
        self.poison
    }

    pub(crate) fn literal(&self, constant: ConstRef) -> Option<&Arc<HostValue>> {
        self.literals.get(constant).and_then(Option::as_ref)
    }

    /// The plan of a segment, from those that are kept where one fits. `key` is room to look it up by.
    pub(crate) fn segment_plan(
        &self,
        body: BodyId,
        index: usize,
        values: &[i64],
        earlier: Option<&SegmentPlan>,
        key: &mut Vec<i64>,
    ) -> Result<Arc<SegmentPlan>, RunError> {
        let plans = &self.plans[body.index()][index];
        let analysis = self.analysis(body);
        key.clear();
        let symbols = &analysis.segments[index].symbols;
        key.extend(symbols.iter().map(|symbol| values[symbol.index()]));
        if let Some(plan) = plans
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key.as_slice())
        {
            return Ok(plan.clone());
        }
        let cx = PlanCx {
            program: self.program(),
            body: &self.program().bodies[body],
            analysis,
            device: self.device(),
        };
        let plan = Arc::new(plan_segment(&cx, index, values, earlier)?);
        let mut plans = plans.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(key.as_slice().into(), plan.clone());
        Ok(plan)
    }

    /// What changes between runs: state slots as the program starts them, and memory that runs keep for the next one.
    pub fn new_state(&self) -> State {
        let program = self.program();
        State::new(
            self.identity.clone(),
            program.state.len(),
            program.entries.len(),
        )
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
        &'a self,
        entry: &str,
        inputs: &[(&str, InputRef<'a>)],
        state: &'a mut State,
        profile: Option<&'a mut Vec<StepProfile>>,
        observer: Option<Observer<'a>>,
    ) -> Result<Vec<(String, HostValue)>, RunError> {
        let (index, entry) = self.entry(entry)?;
        let ordered = self.ordered(entry, inputs)?;
        let mut outputs = Vec::with_capacity(entry.outputs.len());
        self.run_entry(
            index,
            entry,
            &ordered,
            state,
            (profile, observer),
            &mut |port, result, cx| {
                let value = match result.dtype {
                    Some(dtype) => {
                        HostTensor::from_bytes(dtype, &result.shape, self.bytes(&result.at, cx)?)
                            .map(HostValue::from)
                            .ok_or_else(|| RunError::Output {
                                name: entry.outputs[port].name.clone(),
                                message: "has another size than its shape".to_owned(),
                            })?
                    }
                    None => (*self.host_value(&result, cx)?).clone(),
                };
                outputs.push((entry.outputs[port].name.clone(), value));
                Ok(())
            },
        )?;
        Ok(outputs)
    }

    /// Runs an entry into the caller's buffers, inputs and outputs in the entry's order. On a state that ran before with
    /// these dims it allocates nothing (but for values without a byte layout, which live on the heap).
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
        self.run_entry(
            index,
            entry,
            inputs,
            state,
            (None, None),
            &mut |port, result, cx| {
                let fault = |message: String| RunError::Output {
                    name: entry.outputs[port].name.clone(),
                    message,
                };
                if result.dtype.is_none() {
                    return Err(fault("has no byte layout".to_owned()));
                }
                let bytes = self.bytes(&result.at, cx)?;
                let output = &mut *outputs[port].bytes;
                if bytes.len() != output.len() {
                    return Err(fault(format!(
                        "buffer has {} bytes, {} are needed",
                        output.len(),
                        bytes.len()
                    )));
                }
                output.copy_from_slice(bytes);
                Ok(())
            },
        )
    }

    /// Runs an entry and hands each result out while it is there.
    fn run_entry(
        &self,
        index: usize,
        entry: &Entry,
        inputs: &[InputRef<'_>],
        state: &mut State,
        watch: Watch<'_>,
        give: &mut dyn FnMut(usize, Operand, &RunCx<'_>) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        self.check_owner(state)?;
        let body = &self.program().bodies[entry.body];
        let mut frame = state.frames[index]
            .take()
            .unwrap_or_else(|| Frame::new(body, self.program().symbols.len()));
        let outcome = self.run_frame(entry, body, inputs, state, &mut frame, watch, give);
        state.frames[index] = Some(frame);
        outcome
    }

    fn run_frame(
        &self,
        entry: &Entry,
        body: &Body,
        inputs: &[InputRef<'_>],
        state: &mut State,
        frame: &mut Frame,
        (profile, observer): Watch<'_>,
        give: &mut dyn FnMut(usize, Operand, &RunCx<'_>) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        state.peak = 0;
        self.check_inputs(entry, inputs, &mut frame.values)?;
        self.start_state(state, entry.body, &frame.values)?;
        let base = state.end();
        frame.begin(base, None);
        for (position, input) in inputs.iter().enumerate() {
            frame.params.push(Operand::input(position, input));
        }
        let arena = self.arena_of(&mut state.arena)?;
        let mut cx = RunCx {
            arena: &mut **arena,
            states: &state.slots,
            inputs,
            peak: base,
            staged: 0,
            profile,
            // Brings it to the lifetime of the rest.
            observer: match observer {
                Some(observer) => Some(observer),
                None => None,
            },
        };
        let outcome = self.run_body(entry.body, frame, &mut cx).and_then(|()| {
            (0..body.results.len()).try_for_each(|port| {
                let result = self.operand(body, frame, &cx, body.results[port])?;
                give(port, result, &cx)
            })
        });
        state.peak = cx.peak;
        outcome
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
}

impl Operand {
    fn input(position: usize, input: &InputRef<'_>) -> Self {
        Self {
            dtype: input.tensor().map(|(dtype, ..)| dtype),
            shape: input.sizes(),
            at: At::Input(position),
        }
    }
}

// Threads share a session and move states.
const _: () = {
    const fn is_sync<T: Send + Sync>() {}
    const fn is_send<T: Send>() {}
    is_sync::<Session>();
    is_send::<State>();
};
