//! Steps on values without a byte layout. They work on the heap, as such values do.

use crate::bind::value_of;
use crate::error::{RunError, name_sources};
use crate::execute::RunCx;
use crate::frame::{At, Frame, Operand};
use crate::results::shape_or_empty;
use crate::session::Session;
use graphc_base::{Dim, EntityId};
use graphc_program::kernel::host::{HostOp, HostValue, call};
use graphc_program::{Body, SlotId, Storage};
use std::sync::Arc;

impl Session {
    /// Runs a host operator. Results on the host go to their slots, tensors wait to be taken.
    pub(crate) fn host_call(
        &self,
        body: &Body,
        frame: &mut Frame,
        cx: &mut RunCx<'_>,
        position: usize,
        op: &HostOp,
        inputs: &[SlotId],
        outputs: &[SlotId],
        sources: &[String],
    ) -> Result<(), RunError> {
        let mut op = op.clone();
        let mut unbound = None;
        op.visit_dims_mut(&mut |dim| match value_of(dim, &frame.values) {
            Ok(value) => *dim = Dim::constant(value),
            Err(error) => unbound = Some(error),
        });
        if let Some(error) = unbound {
            return Err(error);
        }
        let values: Vec<Arc<HostValue>> = inputs
            .iter()
            .map(|&slot| self.host_value(&self.operand(body, frame, cx, slot)?, cx))
            .collect::<Result<_, _>>()?;
        let borrowed: Vec<&HostValue> = values.iter().map(|value| &**value).collect();
        let results = call(&op, &borrowed).map_err(|error| RunError::Host {
            sources: name_sources(sources),
            error,
        })?;
        if results.len() < outputs.len() {
            return Err(RunError::Region(
                "host operator gave too few results".to_owned(),
            ));
        }
        frame.waiting[position].clear();
        for (&slot, value) in outputs.iter().zip(results) {
            let shape = shape_or_empty(&value);
            let dtype = value.as_tensor().map(|tensor| tensor.dtype());
            let value = Arc::new(value);
            frame.shapes[slot.index()] = Some(shape.clone());
            if body.slots[slot].storage == Storage::Host {
                frame.host[slot.index()] = Some(value.clone());
            }
            frame.waiting[position].push(Operand {
                dtype,
                shape,
                at: At::Host(value),
            });
        }
        Ok(())
    }
}
