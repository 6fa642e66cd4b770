//! What changes between runs: the program's state slots and the memory that runs work in.
//!
//! State tensors lie at the front of the arena, the tensors of a run behind them, so that a kernel may read and write both.

use crate::bind::{Sizes, is_known, shape_of};
use crate::error::{RunError, show};
use crate::frame::Frame;
use crate::inputs::sized;
use crate::session::{InputRef, Session};
use graphc_device::{Memory, Span};
use graphc_program::kernel::host::HostTensor;
use graphc_program::memory::align;
use graphc_program::{BodyId, StateInit};
use std::sync::Arc;

/// What a session's runs change: the program's state (a cache, parameters) and memory that a run leaves for the next one.
///
/// Every thread that runs needs one of its own. A run on a state that ran before with the same dims allocates nothing. A run
/// that fails may leave state slots half changed.
pub struct State {
    /// The session that made it.
    pub(crate) owner: Arc<()>,
    pub(crate) arena: Option<Box<dyn Memory>>,
    /// By state slot of the program.
    pub(crate) slots: Vec<StateTensor>,
    /// By entry.
    pub(crate) frames: Vec<Option<Frame>>,
    pub(crate) peak: usize,
}

/// A state slot as it stands.
#[derive(Clone, Default)]
pub(crate) struct StateTensor {
    pub(crate) shape: Sizes,
    /// `None` before the first run that touches it.
    pub(crate) span: Option<Span>,
}

impl State {
    pub(crate) fn new(owner: Arc<()>, n_slots: usize, n_entries: usize) -> Self {
        Self {
            owner,
            arena: None,
            slots: vec![StateTensor::default(); n_slots],
            frames: (0..n_entries).map(|_| None).collect(),
            peak: 0,
        }
    }

    /// Highest use of memory by the last run, in bytes: what [`Session::memory`] predicts.
    pub fn peak_bytes(&self) -> usize {
        self.peak
    }

    /// Bytes of the arena that are kept for the next run.
    pub fn kept_bytes(&self) -> usize {
        self.arena.as_ref().map_or(0, |arena| arena.len())
    }

    /// End of the state in the arena.
    pub(crate) fn end(&self) -> usize {
        let ends = self.slots.iter().filter_map(|slot| slot.span);
        ends.map(|span| span.offset + align(span.bytes))
            .max()
            .unwrap_or(0)
    }
}

impl Session {
    pub(crate) fn check_owner(&self, state: &State) -> Result<(), RunError> {
        if Arc::ptr_eq(&state.owner, self.identity()) {
            Ok(())
        } else {
            Err(RunError::State {
                name: "state".to_owned(),
                message: "belongs to another session".to_owned(),
            })
        }
    }

    pub(crate) fn arena_of<'s>(
        &self,
        arena: &'s mut Option<Box<dyn Memory>>,
    ) -> Result<&'s mut Box<dyn Memory>, RunError> {
        Ok(match arena {
            Some(arena) => arena,
            empty => empty.insert(self.device().allocate(0)?),
        })
    }

    /// Gives a state slot its contents: the first ones of a slot that the program takes as input, new ones of any other.
    pub fn set_state(
        &self,
        state: &mut State,
        name: &str,
        value: InputRef<'_>,
    ) -> Result<(), RunError> {
        self.check_owner(state)?;
        let fault = |message: String| RunError::State {
            name: name.to_owned(),
            message,
        };
        let index = self.state_index(name)?;
        let slot = &self.program().state[index];
        let (dtype, sizes, bytes) = value
            .tensor()
            .ok_or_else(|| fault("takes a tensor".to_owned()))?;
        let fits = slot.dtype == dtype
            && slot.shape.len() == sizes.len()
            && slot.shape.iter().zip(sizes).all(|(dim, &size)| {
                dim.as_const()
                    .is_none_or(|dim| i64::try_from(size) == Ok(dim))
            });
        if !fits || sized(dtype, sizes) != Some(bytes.len()) {
            return Err(fault(format!(
                "is {} in {} bytes, {}{:?} is expected",
                show(dtype, sizes),
                bytes.len(),
                slot.dtype,
                slot.shape
            )));
        }
        if state.slots[index]
            .span
            .is_none_or(|span| span.bytes != bytes.len())
        {
            self.remove_state(state, index)?;
            self.place_state(state, index, bytes.len())?;
        }
        state.slots[index].shape = Sizes::from_slice(sizes);
        self.write_state(state, index, bytes)
    }

    /// The contents of a state slot; `None` before the first run that touches it.
    pub fn read_state(&self, state: &State, name: &str) -> Result<Option<HostTensor>, RunError> {
        self.check_owner(state)?;
        let index = self.state_index(name)?;
        let slot = &state.slots[index];
        let (Some(span), Some(arena)) = (slot.span, &state.arena) else {
            return Ok(None);
        };
        let dtype = self.program().state[index].dtype;
        let mut tensor = HostTensor::zeros(dtype, &slot.shape).ok_or_else(|| RunError::State {
            name: name.to_owned(),
            message: "has no bytes".to_owned(),
        })?;
        if span.bytes > 0 {
            arena.read(span.offset, tensor.bytes_mut())?;
        }
        Ok(Some(tensor))
    }

    fn state_index(&self, name: &str) -> Result<usize, RunError> {
        let slots = &self.program().state;
        slots
            .iter()
            .position(|slot| slot.name == name)
            .ok_or_else(|| RunError::State {
                name: name.to_owned(),
                message: "is unknown".to_owned(),
            })
    }

    /// Makes ready the state that an entry's body touches. `values` are the symbols that the inputs bind.
    pub(crate) fn start_state(
        &self,
        state: &mut State,
        body: BodyId,
        values: &[i64],
    ) -> Result<(), RunError> {
        for &index in &self.analysis(body).states {
            let slot = &self.program().state[index];
            let fault = |message: String| RunError::State {
                name: slot.name.clone(),
                message,
            };
            if state.slots[index].span.is_some() {
                let shape = &state.slots[index].shape;
                for (axis, (dim, &size)) in slot.shape.iter().zip(shape).enumerate() {
                    if is_known(dim, values) && dim.eval(values).ok() != i64::try_from(size).ok() {
                        return Err(fault(format!(
                            "is {}, these inputs need another size on axis {axis}",
                            show(slot.dtype, shape)
                        )));
                    }
                }
                continue;
            }
            let shape = match slot.init {
                StateInit::Input => {
                    return Err(fault("must be set before the first run".to_owned()));
                }
                StateInit::Zero => shape_of(&slot.shape, values)
                    .map_err(|error| fault(format!("cannot be started: {error}")))?,
                StateInit::Const(constant) => {
                    Sizes::from_slice(&self.program().consts[constant].shape)
                }
            };
            let n_bytes = sized(slot.dtype, &shape)
                .filter(|&n_bytes| align(n_bytes) < isize::MAX as usize)
                .ok_or_else(|| fault("is too large".to_owned()))?;
            self.place_state(state, index, n_bytes)?;
            state.slots[index].shape = shape;
            match slot.init {
                StateInit::Const(constant) => {
                    self.write_state(state, index, self.artifact().constant(constant))?;
                }
                _ => self.clear_state(state, index)?,
            }
        }
        Ok(())
    }

    /// Puts a slot behind the others. What runs left in the arena is lost.
    fn place_state(&self, state: &mut State, index: usize, n_bytes: usize) -> Result<(), RunError> {
        let offset = state.end();
        let end = offset.saturating_add(align(n_bytes));
        let arena = self.arena_of(&mut state.arena)?;
        if arena.len() < end {
            arena.grow(end)?;
        }
        state.slots[index].span = Some(Span {
            offset,
            bytes: n_bytes,
        });
        Ok(())
    }

    /// Takes a slot out; those behind it move up to it.
    fn remove_state(&self, state: &mut State, index: usize) -> Result<(), RunError> {
        let Some(gone) = state.slots[index].span.take() else {
            return Ok(());
        };
        let shift = align(gone.bytes);
        let end = state.end();
        let start = gone.offset + shift;
        if end > start {
            let arena = self.arena_of(&mut state.arena)?;
            arena.copy_within(start, gone.offset, end - start)?;
        }
        for slot in &mut state.slots {
            if let Some(span) = &mut slot.span
                && span.offset >= start
            {
                span.offset -= shift;
            }
        }
        Ok(())
    }

    fn write_state(&self, state: &mut State, index: usize, bytes: &[u8]) -> Result<(), RunError> {
        let (Some(span), Some(arena)) = (state.slots[index].span, &mut state.arena) else {
            return Ok(());
        };
        if span.bytes != bytes.len() {
            return Err(RunError::State {
                name: self.program().state[index].name.clone(),
                message: format!("takes {} bytes and not {}", span.bytes, bytes.len()),
            });
        }
        Ok(arena.write(span.offset, bytes)?)
    }

    fn clear_state(&self, state: &mut State, index: usize) -> Result<(), RunError> {
        let (Some(span), Some(arena)) = (state.slots[index].span, &mut state.arena) else {
            return Ok(());
        };
        const ZEROS: [u8; 4096] = [0; 4096];
        let mut done = 0;
        while done < span.bytes {
            let n_bytes = (span.bytes - done).min(ZEROS.len());
            arena.write(span.offset + done, &ZEROS[..n_bytes])?;
            done += n_bytes;
        }
        Ok(())
    }
}
