//! Regions: If and Loop. A region runs in a frame of its own, which is kept for the next run.

use crate::bind::{Sizes, shape_of};
use crate::error::RunError;
use crate::execute::RunCx;
use crate::frame::{Frame, LoopState, Param, Stacked, Waiting, store};
use crate::session::Session;
use graphc_base::{DType, EntityId};
use graphc_program::kernel::host::HostValue;
use graphc_program::{Body, BodyId, SlotId, Storage};
use smallvec::SmallVec;

/// Params that fit without allocation.
const INLINE_PARAMS: usize = 24;

/// One Loop step.
pub(crate) struct LoopShape<'a> {
    pub(crate) position: usize,
    pub(crate) region: BodyId,
    pub(crate) most: i64,
    pub(crate) begins: bool,
    pub(crate) inputs: &'a [SlotId],
    pub(crate) n_carried: usize,
    pub(crate) outputs: &'a [SlotId],
}

impl LoopState {
    /// Bytes of a result: carried values first, then stacked ones.
    pub(crate) fn result_bytes(&self, index: usize) -> Option<&[u8]> {
        match self.current.get(index) {
            Some(value) => value.as_tensor().map(|tensor| tensor.bytes()),
            None => self
                .stacked
                .get(index - self.current.len())
                .map(|stacked| stacked.bytes.as_slice()),
        }
    }
}

impl Session {
    pub(crate) fn run_if(
        &self,
        body: &Body,
        frame: &mut Frame,
        params: &[Param<'_>],
        position: usize,
        region: BodyId,
        inputs: &[SlotId],
        outputs: &[SlotId],
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let mut child = self.child(frame, position, region)?;
        child.begin(Some(&frame.values));
        let outcome: Result<_, RunError> = (|| {
            let given: SmallVec<[Param<'_>; INLINE_PARAMS]> = inputs
                .iter()
                .map(|&slot| self.as_param(body, frame, params, slot))
                .collect::<Result<_, _>>()?;
            self.run_body(region, &mut child, &given, cx)?;
            let mut settled: SmallVec<[(Option<Sizes>, Option<HostValue>); 8]> = SmallVec::new();
            let region_body = &self.program().bodies[region];
            for (&slot, &result) in outputs.iter().zip(&region_body.results) {
                let value = self.as_param(region_body, &child, &given, result)?;
                let shape = value.shape();
                let host = match value {
                    Param::Host(value) if body.slots[slot].storage == Storage::Host => {
                        Some(value.clone())
                    }
                    _ => None,
                };
                settled.push((shape, host));
            }
            Ok(settled)
        })();
        frame.used_bytes = frame.used_bytes.max(frame.arena.len() + child.used_bytes);
        frame.children[position] = Some(child);
        for (&slot, (shape, host)) in outputs.iter().zip(outcome?) {
            frame.set_shape(slot, shape);
            if host.is_some() {
                frame.host[slot.index()] = host;
            }
        }
        frame.waiting[position] = Waiting::Child(region);
        Ok(())
    }

    pub(crate) fn run_loop(
        &self,
        body: &Body,
        frame: &mut Frame,
        params: &[Param<'_>],
        shape: &LoopShape<'_>,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let position = shape.position;
        let mut state = frame.loops[position].take().unwrap_or_default();
        let mut child = self.child(frame, position, shape.region)?;
        let outcome = self.iterate(body, frame, params, shape, &mut state, &mut child, cx);
        frame.used_bytes = frame.used_bytes.max(frame.arena.len() + child.used_bytes);
        frame.children[position] = Some(child);
        outcome?;
        for (index, &slot) in shape.outputs.iter().enumerate() {
            let sizes = match state.current.get(index) {
                Some(value) => value.shape().map(Sizes::from_slice),
                None => {
                    let stacked = &mut state.stacked[index - shape.n_carried];
                    if stacked.dtype.is_none() {
                        stacked.shape = empty_shape(body, slot, &frame.values);
                    }
                    let mut sizes: Sizes = SmallVec::new();
                    sizes.push(state.n_iterations);
                    sizes.extend_from_slice(&stacked.shape);
                    Some(sizes)
                }
            };
            frame.set_shape(slot, sizes);
            if body.slots[slot].storage == Storage::Host {
                frame.host[slot.index()] = state.current.get(index).cloned();
            }
        }
        frame.loops[position] = Some(state);
        frame.waiting[position] = Waiting::Loop;
        Ok(())
    }

    fn iterate(
        &self,
        body: &Body,
        frame: &Frame,
        params: &[Param<'_>],
        shape: &LoopShape<'_>,
        state: &mut LoopState,
        child: &mut Frame,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let (carried, captured) = shape.inputs.split_at(shape.n_carried);
        let n_scanned = shape.outputs.len() - shape.n_carried;
        let blank = || HostValue::Tensor(graphc_program::kernel::host::HostTensor::default());
        state.current.resize_with(shape.n_carried, blank);
        state.next.resize_with(shape.n_carried, blank);
        state.stacked.resize_with(n_scanned, Stacked::default);
        state.n_iterations = 0;
        for stacked in &mut state.stacked {
            stacked.dtype = None;
            stacked.bytes.clear();
        }
        for (value, &slot) in state.current.iter_mut().zip(carried) {
            keep(value, &self.as_param(body, frame, params, slot)?)?;
        }
        let region = &self.program().bodies[shape.region];
        let mut iteration = 0i64;
        let mut goes_on = shape.begins;
        while goes_on && iteration < shape.most {
            child.begin(Some(&frame.values));
            let condition = [u8::from(goes_on)];
            let mut given: SmallVec<[Param<'_>; INLINE_PARAMS]> = SmallVec::new();
            given.push(Param::Tensor {
                dtype: DType::I64,
                shape: SmallVec::new(),
                bytes: bytemuck::bytes_of(&iteration),
            });
            given.push(Param::Tensor {
                dtype: DType::Bool,
                shape: SmallVec::new(),
                bytes: &condition,
            });
            for value in &state.current {
                given.push(match value {
                    HostValue::Tensor(tensor) => Param::Tensor {
                        dtype: tensor.dtype(),
                        shape: Sizes::from_slice(tensor.shape()),
                        bytes: tensor.bytes(),
                    },
                    other => Param::Host(other),
                });
            }
            for &slot in captured {
                given.push(self.as_param(body, frame, params, slot)?);
            }
            self.run_body(shape.region, child, &given, cx)?;
            let next_condition = self.bytes(region, child, &given, region.results[0])?;
            goes_on = next_condition.first().is_some_and(|&byte| byte != 0);
            for (value, &result) in state.next.iter_mut().zip(&region.results[1..]) {
                keep(value, &self.as_param(region, child, &given, result)?)?;
            }
            for (stacked, &result) in state
                .stacked
                .iter_mut()
                .zip(&region.results[1 + shape.n_carried..])
            {
                stack(stacked, &self.as_param(region, child, &given, result)?)?;
            }
            drop(given);
            std::mem::swap(&mut state.current, &mut state.next);
            iteration += 1;
            state.n_iterations += 1;
        }
        Ok(())
    }

    fn child(
        &self,
        frame: &mut Frame,
        position: usize,
        region: BodyId,
    ) -> Result<Box<Frame>, RunError> {
        let body = &self.program().bodies[region];
        match frame.children[position].take() {
            // The two regions of an If have frames of different forms.
            Some(child)
                if child.host.len() == body.slots.len()
                    && child.waiting.len() == body.steps.len() =>
            {
                Ok(child)
            }
            _ => Ok(Box::new(Frame::new(
                self.device(),
                body,
                self.program().symbols.len(),
            )?)),
        }
    }
}

/// Copies a value into a place that lasts, reusing its allocation.
fn keep(value: &mut HostValue, param: &Param<'_>) -> Result<(), RunError> {
    match param {
        Param::Tensor {
            dtype,
            shape,
            bytes,
        } => store(value, *dtype, shape, bytes).ok_or_else(|| {
            RunError::Region("a loop-carried tensor has another size than its shape".to_owned())
        }),
        Param::Host(host) => {
            *value = (*host).clone();
            Ok(())
        }
    }
}

fn stack(stacked: &mut Stacked, param: &Param<'_>) -> Result<(), RunError> {
    let Param::Tensor {
        dtype,
        shape,
        bytes,
    } = param
    else {
        return Err(RunError::Region(
            "a loop stacks a value that is no tensor with bytes".to_owned(),
        ));
    };
    match stacked.dtype {
        None => {
            stacked.dtype = Some(*dtype);
            stacked.shape = shape.clone();
        }
        Some(_) if stacked.shape == *shape => {}
        Some(_) => {
            return Err(RunError::Region(format!(
                "a loop stacks tensors of different shapes {:?} and {shape:?}",
                stacked.shape
            )));
        }
    }
    stacked.bytes.extend_from_slice(bytes);
    Ok(())
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
