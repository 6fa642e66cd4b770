//! Values of a run as they come to be, for comparison and debugging.

use crate::bind::shape_of;
use crate::error::RunError;
use crate::execute::RunCx;
use crate::frame::{Frame, Param};
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
        params: &[Param<'_>],
        position: usize,
        cx: &mut RunCx<'_>,
    ) -> Result<(), RunError> {
        let Some(observer) = cx.observer.as_mut() else {
            return Ok(());
        };
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
            match body.slots[slot].ty.as_tensor() {
                Some((dtype, shape)) => {
                    let shape = shape_of(shape, &frame.values)?;
                    let bytes = self.bytes(body, frame, params, slot)?;
                    observer(Observed {
                        name,
                        sources,
                        value: InputRef::Bytes {
                            dtype,
                            shape: &shape,
                            bytes,
                        },
                    });
                }
                None => {
                    if let Param::Host(value) = self.as_param(body, frame, params, slot)? {
                        observer(Observed {
                            name,
                            sources,
                            value: InputRef::Value(value),
                        });
                    }
                }
            }
        }
        Ok(())
    }
}
