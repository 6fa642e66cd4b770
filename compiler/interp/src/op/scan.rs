//! Running sums and products.

use super::call::Call;
use crate::error::Result;
use crate::number::{Accumulator, Number, with_number};
use crate::tensor::Tensor;
use crate::walk::Split;
use graphc_base::Dim;
use graphc_ir::op::CumulativeKind;

pub(super) fn cumulative(
    call: &Call<'_>,
    kind: CumulativeKind,
    axis: &Dim,
    exclusive: bool,
    reverse: bool,
) -> Result<Tensor> {
    let x = call.input(0)?;
    let axis = call.size(axis)?;
    if axis >= x.rank() {
        return Err(call.fail(format!("axis {axis} is not below {}", x.rank())));
    }
    let split = Split::at(x.shape(), axis);
    with_number!(x.dtype(), T => {
        type Sum = <T as Number>::Sum;
        let (neutral, join): (Sum, fn(Sum, Sum) -> Sum) = match kind {
            CumulativeKind::Sum => (<Sum as Accumulator>::ZERO, Accumulator::add),
            CumulativeKind::Prod => (<Sum as Accumulator>::ONE, Accumulator::mul),
        };
        let elements = x.slice::<T>()?;
        let mut result = elements.to_vec();
        for outer in 0..split.outer {
            for inner in 0..split.inner {
                let mut running = neutral;
                for step in 0..split.size {
                    let along = if reverse { split.size - 1 - step } else { step };
                    let position = split.at_index(outer, along, inner);
                    let next = join(running, elements[position].to_sum());
                    result[position] = T::from_sum(if exclusive { running } else { next });
                    running = next;
                }
            }
        }
        Tensor::new::<T>(x.dtype(), x.shape(), result)
    }, else Err(call.fail("x is no number")))
}
