//! Values of a run as they come to be, for comparison and debugging.

use crate::error::RunError;
use crate::execute::RunCx;
use crate::frame::Frame;
use crate::session::{InputRef, Session};
use graphc_program::{Body, SlotId, Step, Storage};

/// A value that a step has just written.
pub struct Observed<'a> {
    /// Its name in the user's model, where it is one of the model's values.
    pub name: Option<&'a str>,
    /// The user's nodes that it came from.
    pub sources: &'a [String],
    /// The value.
    pub value: InputRef<'a>,
}

impl Session {
    /// Shows what a step of a body has written. Iterations of a loop show their values each time.
    pub(crate) fn observe(
        &self,
        body: &Body,
        frame: &Frame,
        position: usize,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let Some(observer) = cx.observer.take() else {
            return Ok(());
        };
        let outcome = self.show_written(body, frame, position, cx, observer);
        cx.observer = Some(observer);
        outcome
    }

    fn show_written(
        &self,
        body: &Body,
        frame: &Frame,
        position: usize,
        cx: &RunCx<'_>,
        observer: &mut dyn FnMut(Observed<'_>),
    ) -> Result<(), RunError> {
        let step = &body.steps[position];
        let sources: &[String] = match step {
            Step::Launch { set, .. } => &self.program().kernel_sets[*set].sources,
            Step::HostCall { sources, .. } => sources,
            Step::Take { from, .. } => match &body.steps[*from] {
                Step::HostCall { sources, .. } => sources,
                _ => &[],
            },
            _ => &[],
        };
        let mut written: Vec<SlotId> = Vec::new();
        step.visit_writes(&mut |slot| written.push(slot));
        if let Step::HostCall { outputs, .. } = step {
            let is_host = |slot: &&SlotId| body.slots[**slot].storage == Storage::Host;
            written.extend(outputs.iter().filter(is_host));
        }
        for slot in written {
            let name = body.slots[slot].name.as_deref();
            let operand = self.operand(body, frame, cx, slot)?;
            if let Some(dtype) = operand.dtype {
                observer(Observed {
                    name,
                    sources,
                    value: InputRef::Bytes {
                        dtype,
                        shape: &operand.shape,
                        bytes: self.bytes(&operand.at, cx)?,
                    },
                });
            } else {
                observer(Observed {
                    name,
                    sources,
                    value: InputRef::Value(&*self.host_value(&operand, cx)?),
                });
            }
        }
        Ok(())
    }
}
