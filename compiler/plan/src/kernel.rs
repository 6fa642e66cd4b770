//! Which kernel computes a node.

use graphc_base::attrs::UnaryOp;
use graphc_base::{DType, Dim, DimCx, Real};
use graphc_ir::op::PadMode;
use graphc_ir::{Graph, Op, TensorType, ValueId};
use graphc_kernel::{
    Instruction, Kernel, KernelSpec, Operand, PoolIndices, ScalarOp, ScalarProgram, TensorArg,
    View, row_major_dims, slice_view,
};
use graphc_program::MAX_ARGS;

/// What a node becomes.
pub(crate) enum Lowered {
    /// The operand's bytes under another shape.
    Alias,
    /// One kernel over all operands and results.
    Kernel(KernelSpec),
    /// Kernels that join the operands group by group, level by level.
    ConcatTree(Vec<KernelSpec>),
}

/// Lowers a node whose operands and results are tensors with bytes. The error says what is missing.
pub(crate) fn lower(
    graph: &Graph,
    op: &Op,
    inputs: &[ValueId],
    outputs: &[ValueId],
) -> Result<Lowered, String> {
    let tensor = |value: &ValueId| {
        graph
            .tensor_ty(*value)
            .cloned()
            .ok_or_else(|| format!("{value} is no tensor"))
    };
    let ins: Vec<TensorType> = inputs.iter().map(tensor).collect::<Result<_, _>>()?;
    let outs: Vec<TensorType> = outputs.iter().map(tensor).collect::<Result<_, _>>()?;
    lower_typed(&graph.dims, op, &ins, &outs)
}

/// The same for operands and results of these types.
pub(crate) fn lower_typed(
    cx: &DimCx,
    op: &Op,
    ins: &[TensorType],
    outs: &[TensorType],
) -> Result<Lowered, String> {
    let plain = |kernel: Kernel| {
        Ok(Lowered::Kernel(KernelSpec {
            kernel,
            inputs: ins.iter().map(arg).collect(),
            outputs: outs.iter().map(arg).collect(),
        }))
    };
    let scalar = |op: ScalarOp, operand: DType| {
        plain(Kernel::Pointwise(ScalarProgram::single(
            op,
            operand,
            outs[0].dtype,
            ins.len() as u16,
        )))
    };
    match op {
        Op::Unary(unary) => scalar(ScalarOp::Unary(*unary), ins[0].dtype),
        Op::Binary(binary) => scalar(ScalarOp::Binary(*binary), ins[0].dtype),
        Op::Select => scalar(ScalarOp::Select, outs[0].dtype),
        Op::Cast { saturate, .. } => scalar(
            ScalarOp::Cast {
                saturate: *saturate,
            },
            ins[0].dtype,
        ),
        Op::Bitcast { .. } => scalar(ScalarOp::Bitcast, ins[0].dtype),
        Op::Reshape { .. } => Ok(Lowered::Alias),
        Op::Transpose { perm } => {
            let strides = row_major_dims(cx, &ins[0].shape);
            let view = View {
                offset: Dim::ZERO,
                strides: perm.iter().map(|&axis| strides[axis].clone()).collect(),
            };
            Ok(copy(&outs[0], view))
        }
        Op::Expand { .. } => {
            let strides = row_major_dims(cx, &ins[0].shape);
            let lead = outs[0].rank() - ins[0].rank();
            let strides = (0..outs[0].rank())
                .map(|axis| match axis.checked_sub(lead) {
                    Some(from) => expand_stride(
                        cx,
                        &ins[0].shape[from],
                        &outs[0].shape[axis],
                        &strides[from],
                    ),
                    None => Dim::ZERO,
                })
                .collect();
            Ok(copy(
                &outs[0],
                View {
                    offset: Dim::ZERO,
                    strides,
                },
            ))
        }
        Op::Slice { axes } => Ok(copy(&outs[0], slice_view(cx, &ins[0].shape, axes))),
        Op::Concat { axis } => Ok(concat(cx, *axis, ins)),
        Op::Pad {
            mode,
            before,
            after,
        } => {
            debug_assert_eq!(*mode == PadMode::Constant, ins.len() == 2);
            plain(Kernel::Pad {
                mode: *mode,
                before: before.clone(),
                after: after.clone(),
            })
        }
        Op::Tile { .. } => plain(Kernel::Tile),
        Op::DimTensor { dims, .. } => plain(Kernel::Dims(dims.clone())),
        Op::Iota { .. } => plain(Kernel::Iota),
        Op::Random {
            kind,
            seed,
            instance,
            ..
        } => plain(Kernel::Random {
            kind: *kind,
            seed: *seed,
            instance: *instance,
        }),
        Op::Quantize {
            axis,
            block,
            saturate,
            ..
        } => plain(Kernel::Quantize {
            axis: *axis,
            block: *block,
            saturate: *saturate,
        }),
        Op::Dequantize { axis, block } => plain(Kernel::Dequantize {
            axis: *axis,
            block: *block,
        }),
        Op::Reduce { kind, reduced, .. } => {
            let kernel = Kernel::Reduce {
                kind: *kind,
                reduced: reduced.clone(),
            };
            let shape = ins[0]
                .shape
                .iter()
                .zip(reduced)
                .map(|(dim, flag)| kept(cx, dim, flag))
                .collect();
            Ok(with_output_shape(kernel, ins, &outs[0], shape))
        }
        Op::ArgReduce {
            largest,
            axis,
            last,
            ..
        } => {
            let kernel = Kernel::ArgReduce {
                largest: *largest,
                axis: *axis,
                last: *last,
            };
            let mut shape = ins[0].shape.clone();
            shape[*axis] = Dim::ONE;
            Ok(with_output_shape(kernel, ins, &outs[0], shape))
        }
        Op::Cumulative {
            kind,
            axis,
            exclusive,
            reverse,
        } => plain(Kernel::Cumulative {
            kind: *kind,
            axis: axis.clone(),
            exclusive: *exclusive,
            reverse: *reverse,
        }),
        Op::Softmax { axis } => plain(Kernel::Softmax {
            axis: *axis,
            log: false,
        }),
        Op::LogSoftmax { axis } => plain(Kernel::Softmax {
            axis: *axis,
            log: true,
        }),
        Op::LayerNorm { axis, epsilon } => plain(Kernel::LayerNorm {
            axis: *axis,
            epsilon: *epsilon,
        }),
        Op::RmsNorm { axis, epsilon } => plain(Kernel::RmsNorm {
            axis: *axis,
            epsilon: *epsilon,
        }),
        Op::BatchNorm { epsilon } => Ok(batch_norm(ins, &outs[0], *epsilon)),
        Op::GroupNorm { groups, epsilon } => plain(Kernel::GroupNorm {
            groups: groups.clone(),
            epsilon: *epsilon,
        }),
        Op::LocalResponseNorm {
            size,
            alpha,
            beta,
            bias,
        } => plain(Kernel::LocalResponseNorm {
            size: *size,
            alpha: *alpha,
            beta: *beta,
            bias: *bias,
        }),
        Op::MatMul => plain(Kernel::MatMul),
        Op::Conv(conv) => plain(Kernel::Conv(conv.clone())),
        Op::ConvTranspose(conv) => plain(Kernel::ConvTranspose(conv.clone())),
        Op::DeformConv(conv) => plain(Kernel::DeformConv(conv.clone())),
        Op::Det => plain(Kernel::Det),
        Op::Dft {
            axis,
            inverse,
            halved,
            ..
        } => plain(Kernel::Dft {
            axis: axis.clone(),
            inverse: *inverse,
            halved: *halved,
        }),
        Op::Pool(pool) => plain(Kernel::Pool(pool.clone())),
        Op::MaxPoolIndices { pool, column_major } => plain(Kernel::MaxPoolIndices(PoolIndices {
            pool: pool.clone(),
            column_major: *column_major,
        })),
        Op::MaxUnpool { .. } => plain(Kernel::MaxUnpool),
        Op::Resize(resize) => plain(Kernel::Resize(resize.clone())),
        Op::GridSample(sample) => plain(Kernel::GridSample(*sample)),
        Op::RoiAlign(align) => plain(Kernel::RoiAlign(*align)),
        Op::MaxRoiPool {
            pooled,
            spatial_scale,
        } => plain(Kernel::MaxRoiPool {
            pooled: *pooled,
            spatial_scale: *spatial_scale,
        }),
        Op::Col2Im(col2im) => plain(Kernel::Col2Im(col2im.clone())),
        Op::NonMaxSuppression {
            center_point_box, ..
        } => plain(Kernel::NonMaxSuppression {
            center_point_box: *center_point_box,
        }),
        Op::Gather { axis } => plain(Kernel::Gather { axis: *axis }),
        Op::GatherElements { axis } => plain(Kernel::GatherElements { axis: *axis }),
        Op::GatherNd { batch_dims } => plain(Kernel::GatherNd {
            batch_dims: *batch_dims,
        }),
        Op::ScatterElements { axis, reduction } => plain(Kernel::ScatterElements {
            axis: *axis,
            reduction: *reduction,
        }),
        Op::ScatterNd { reduction } => plain(Kernel::ScatterNd {
            reduction: *reduction,
        }),
        Op::ReverseSequence {
            batch_axis,
            time_axis,
        } => plain(Kernel::ReverseSequence {
            batch_axis: *batch_axis,
            time_axis: *time_axis,
        }),
        Op::TopK { axis, largest, .. } => plain(Kernel::TopK {
            axis: *axis,
            largest: *largest,
        }),
        Op::NonZero => plain(Kernel::NonZero),
        Op::Unique { axis, sorted } => plain(Kernel::Unique {
            axis: *axis,
            sorted: *sorted,
        }),
        Op::Recurrent(recurrent) => plain(Kernel::Recurrent((**recurrent).clone())),
        Op::TfIdf(tf_idf) => plain(Kernel::TfIdf((**tf_idf).clone())),
        Op::LabelMap(map) => plain(Kernel::LabelMap((**map).clone())),
        Op::TreeEnsemble(trees) => plain(Kernel::TreeEnsemble((**trees).clone())),
        Op::Const(_) | Op::If(_) | Op::Loop(_) | Op::Sequence(_) | Op::Text(_) => {
            Err("it is no operator on tensors with bytes".to_owned())
        }
    }
}

fn arg(ty: &TensorType) -> TensorArg {
    TensorArg::new(ty.dtype, ty.shape.clone())
}

/// A copy of the one operand as a view of the result's shape.
fn copy(out: &TensorType, view: View) -> Lowered {
    Lowered::Kernel(KernelSpec {
        kernel: Kernel::Copy,
        inputs: vec![TensorArg {
            dtype: out.dtype,
            shape: out.shape.clone(),
            view: Some(view),
        }],
        outputs: vec![arg(out)],
    })
}

/// 0 where an axis of size 1 repeats. Where only the run knows whether it does: `stride · min(size - 1, 1)`, which is 0 for
/// size 1 (an axis of size 0 is never walked).
fn expand_stride(cx: &DimCx, from: &Dim, to: &Dim, stride: &Dim) -> Dim {
    if from == to {
        return stride.clone();
    }
    cx.mul(stride, &cx.min(&cx.sub(from, &Dim::ONE), &Dim::ONE))
}

/// The size that a reduced axis keeps.
fn kept(cx: &DimCx, dim: &Dim, flag: &Dim) -> Dim {
    cx.add(&cx.mul(dim, &cx.sub(&Dim::ONE, flag)), flag)
}

fn with_output_shape(
    kernel: Kernel,
    ins: &[TensorType],
    out: &TensorType,
    shape: Vec<Dim>,
) -> Lowered {
    Lowered::Kernel(KernelSpec {
        kernel,
        inputs: ins.iter().map(arg).collect(),
        outputs: vec![TensorArg::new(out.dtype, shape)],
    })
}

fn concat(cx: &DimCx, axis: usize, ins: &[TensorType]) -> Lowered {
    let mut level: Vec<TensorType> = ins.to_vec();
    let mut parts = Vec::new();
    if let [one] = ins {
        let view = View {
            offset: Dim::ZERO,
            strides: row_major_dims(cx, &one.shape),
        };
        return copy(one, view);
    }
    while level.len() > 1 {
        level = level
            .chunks(MAX_ARGS)
            .map(|group| {
                if let [one] = group {
                    return one.clone();
                }
                let mut joined = group[0].clone();
                joined.shape[axis] = cx.sum(group.iter().map(|ty| &ty.shape[axis]));
                parts.push(KernelSpec {
                    kernel: Kernel::Concat { axis },
                    inputs: group.iter().map(arg).collect(),
                    outputs: vec![arg(&joined)],
                });
                joined
            })
            .collect();
    }
    Lowered::ConcatTree(parts)
}

/// `(x - mean) · scale / √(var + ε) + bias` as scalar code; parameters broadcast along the channel axis.
fn batch_norm(ins: &[TensorType], out: &TensorType, epsilon: Real) -> Lowered {
    use graphc_base::attrs::BinaryOp::{Add, Div, Mul, Sub};
    let dtype = out.dtype;
    let mut instructions: Vec<Instruction> = Vec::new();
    let mut push = |op: ScalarOp, operands: Vec<Operand>| {
        instructions.push(Instruction {
            op,
            operand_dtype: dtype,
            dtype,
            operands,
        });
        Operand::Value(instructions.len() as u16 - 1)
    };
    let [x, scale, bias, mean, var] = [0, 1, 2, 3, 4].map(Operand::Input);
    let shifted = push(ScalarOp::Binary(Add), vec![var, Operand::Float(epsilon)]);
    let deviation = push(ScalarOp::Unary(UnaryOp::Sqrt), vec![shifted]);
    let centred = push(ScalarOp::Binary(Sub), vec![x, mean]);
    let normal = push(ScalarOp::Binary(Div), vec![centred, deviation]);
    let scaled = push(ScalarOp::Binary(Mul), vec![normal, scale]);
    let result = push(ScalarOp::Binary(Add), vec![scaled, bias]);
    let channels = |ty: &TensorType| {
        let mut shape = vec![Dim::ONE; out.rank()];
        if let (Some(axis), Some(size)) = (shape.get_mut(1), ty.shape.first()) {
            *axis = size.clone();
        }
        TensorArg::new(ty.dtype, shape)
    };
    let inputs = std::iter::once(arg(&ins[0]))
        .chain(ins[1..].iter().map(channels))
        .collect();
    Lowered::Kernel(KernelSpec {
        kernel: Kernel::Pointwise(ScalarProgram {
            instructions,
            outputs: vec![result],
        }),
        inputs,
        outputs: vec![arg(out)],
    })
}
