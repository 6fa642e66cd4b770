//! Operators that run outside a program's schedule, one kernel each: on codes of strings, and for derived constants.

use crate::kernel::{Lowered, lower_typed};
use graphc_base::{Dim, DimCx};
use graphc_ir::{Op, TensorType};
use graphc_kernel::{Kernel, KernelSpec, TensorArg, View, row_major_dims};

/// The one kernel that computes an operator on tensors with bytes, whatever the number of operands. What a program would
/// take for the same bytes under another shape becomes a copy.
///
/// # Errors
/// Says what is missing where no kernel computes the operator.
pub fn lower_whole(
    cx: &DimCx,
    op: &Op,
    inputs: &[TensorType],
    outputs: &[TensorType],
) -> Result<KernelSpec, String> {
    match (lower_typed(cx, op, inputs, outputs)?, op, outputs) {
        (Lowered::Kernel(spec), ..) => Ok(spec),
        (Lowered::Alias, _, [out]) => Ok(KernelSpec {
            kernel: Kernel::Copy,
            inputs: vec![TensorArg {
                dtype: out.dtype,
                shape: out.shape.clone(),
                view: Some(View {
                    offset: Dim::ZERO,
                    strides: row_major_dims(cx, &out.shape),
                }),
            }],
            outputs: vec![plain(out)],
        }),
        (Lowered::ConcatTree(_), Op::Concat { axis }, [out]) => Ok(KernelSpec {
            kernel: Kernel::Concat { axis: *axis },
            inputs: inputs.iter().map(plain).collect(),
            outputs: vec![plain(out)],
        }),
        _ => Err("it becomes more than one kernel".to_owned()),
    }
}

fn plain(ty: &TensorType) -> TensorArg {
    TensorArg::new(ty.dtype, ty.shape.clone())
}
