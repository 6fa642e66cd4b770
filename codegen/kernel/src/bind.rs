//! Binding: a spec with symbolic dims becomes one with sizes, checked so that no evaluator can leave its buffers.

use crate::spec::{BoundArg, BoundSpec, Kernel, KernelSpec, SpecError, TensorArg};
use graphc_base::attrs::{Padding, SliceAxis};
use graphc_base::{DType, Dim};
use smallvec::SmallVec;

/// Most axes that a kernel takes.
pub const MAX_RANK: usize = 12;

impl KernelSpec {
    /// Substitutes the values of symbols (indexed by symbol) into shapes, views and attributes.
    pub fn bind(&self, values: &[i64]) -> Result<BoundSpec, SpecError> {
        let binder = Binder {
            kernel: self.kernel.name(),
            values,
        };
        let inputs = binder.args(&self.inputs)?;
        let outputs = binder.args(&self.outputs)?;
        let mut kernel = self.kernel.clone();
        let mut failed = None;
        kernel.visit_dims_mut(&mut |dim| match binder.dim(dim) {
            Ok(value) => *dim = Dim::constant(value),
            Err(error) => failed = Some(error),
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(BoundSpec {
                kernel,
                inputs,
                outputs,
            }),
        }
    }

    /// Calls `visit` with every dim of shapes, views and attributes.
    pub fn visit_dims(&self, visit: &mut dyn FnMut(&Dim)) {
        for arg in self.inputs.iter().chain(&self.outputs) {
            arg.shape.iter().for_each(&mut *visit);
            if let Some(view) = &arg.view {
                visit(&view.offset);
                view.strides.iter().for_each(&mut *visit);
            }
        }
        self.kernel.clone().visit_dims_mut(&mut |dim| visit(dim));
    }

    /// The same, to change them.
    pub fn visit_dims_mut(&mut self, visit: &mut dyn FnMut(&mut Dim)) {
        for arg in self.inputs.iter_mut().chain(&mut self.outputs) {
            arg.shape.iter_mut().for_each(&mut *visit);
            if let Some(view) = &mut arg.view {
                visit(&mut view.offset);
                view.strides.iter_mut().for_each(&mut *visit);
            }
        }
        self.kernel.visit_dims_mut(visit);
    }
}

struct Binder<'a> {
    kernel: &'static str,
    values: &'a [i64],
}

impl Binder<'_> {
    fn dim(&self, dim: &Dim) -> Result<i64, SpecError> {
        dim.eval(self.values).map_err(|source| SpecError::Dim {
            kernel: self.kernel,
            dim: dim.clone(),
            source,
        })
    }

    fn size(&self, dim: &Dim, what: &'static str) -> Result<usize, SpecError> {
        let value = self.dim(dim)?;
        usize::try_from(value).map_err(|_| SpecError::Size {
            kernel: self.kernel,
            what,
            value,
        })
    }

    fn args(&self, args: &[TensorArg]) -> Result<Vec<BoundArg>, SpecError> {
        args.iter().map(|arg| self.arg(arg)).collect()
    }

    fn arg(&self, arg: &TensorArg) -> Result<BoundArg, SpecError> {
        if arg.shape.len() > MAX_RANK || arg.dtype == DType::String {
            return Err(SpecError::Args {
                kernel: self.kernel,
                message: format!(
                    "a {} tensor of rank {} is no kernel argument",
                    arg.dtype,
                    arg.shape.len()
                ),
            });
        }
        let shape: SmallVec<[usize; 6]> = arg
            .shape
            .iter()
            .map(|dim| self.size(dim, "size of an axis"))
            .collect::<Result<_, _>>()?;
        let n_elements = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size));
        if n_elements
            .and_then(|n| arg.dtype.byte_len(n))
            .is_none_or(|bytes| bytes > isize::MAX as usize)
        {
            return Err(SpecError::Size {
                kernel: self.kernel,
                what: "size of a tensor",
                value: i64::MAX,
            });
        }
        let Some(view) = &arg.view else {
            return Ok(BoundArg {
                dtype: arg.dtype,
                strides: row_major(&shape),
                shape,
                offset: 0,
                contiguous: true,
            });
        };
        let strides: SmallVec<[isize; 6]> = view
            .strides
            .iter()
            .map(|dim| self.dim(dim).map(|value| value as isize))
            .collect::<Result<_, _>>()?;
        if strides.len() != shape.len() {
            return Err(SpecError::Args {
                kernel: self.kernel,
                message: "a view has as many strides as axes".to_owned(),
            });
        }
        let offset = self.size(&view.offset, "offset of a view")?;
        let contiguous = offset == 0 && is_row_major(&shape, &strides);
        Ok(BoundArg {
            dtype: arg.dtype,
            shape,
            strides,
            offset,
            contiguous,
        })
    }
}

/// Strides of a contiguous tensor, in elements.
pub fn row_major(shape: &[usize]) -> SmallVec<[isize; 6]> {
    let mut strides: SmallVec<[isize; 6]> = SmallVec::from_elem(1, shape.len());
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis] as isize);
    }
    strides
}

fn is_row_major(shape: &[usize], strides: &[isize]) -> bool {
    let mut expected = 1;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size != 1 && stride != expected {
            return false;
        }
        expected *= size as isize;
    }
    true
}

impl BoundArg {
    /// Elements that the buffer must have: one beyond the last that is touched. `None` when a view leaves it at the front.
    pub fn buffer_elements(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let (mut first, mut last) = (self.offset as i128, self.offset as i128);
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            let span = (size as i128 - 1) * stride as i128;
            if span < 0 {
                first += span;
            } else {
                last += span;
            }
        }
        (first >= 0)
            .then(|| usize::try_from(last + 1).ok())
            .flatten()
    }
}

impl Kernel {
    /// Calls `visit` with every dim among the attributes.
    pub fn visit_dims_mut(&mut self, visit: &mut dyn FnMut(&mut Dim)) {
        match self {
            Kernel::Pad { before, after, .. } => before.iter_mut().chain(after).for_each(visit),
            Kernel::Dims(dims) => dims.iter_mut().for_each(visit),
            Kernel::Reduce { reduced, .. } => reduced.iter_mut().for_each(visit),
            Kernel::Cumulative { axis, .. } | Kernel::Dft { axis, .. } => visit(axis),
            Kernel::GroupNorm { groups, .. } => visit(groups),
            Kernel::Conv(conv) => visit_pads(&mut conv.pads, visit),
            Kernel::ConvTranspose(conv) => {
                visit_pads(&mut conv.pads, visit);
                conv.output_padding.iter_mut().for_each(visit);
            }
            Kernel::DeformConv(deform) => visit_pads(&mut deform.conv.pads, visit),
            Kernel::Pool(pool) => {
                visit_pads(&mut pool.pads, visit);
                pool.out.iter_mut().for_each(visit);
            }
            Kernel::MaxPoolIndices(indices) => {
                visit_pads(&mut indices.pool.pads, visit);
                indices.pool.out.iter_mut().for_each(visit);
            }
            Kernel::Resize(resize) => {
                resize.shape.iter_mut().for_each(&mut *visit);
                resize.requested.iter_mut().for_each(|(_, dim)| visit(dim));
            }
            Kernel::Col2Im(col2im) => {
                col2im.image.iter_mut().for_each(&mut *visit);
                col2im.block.iter_mut().for_each(&mut *visit);
                visit_pads(&mut col2im.pads, visit);
            }
            Kernel::Pointwise(_)
            | Kernel::Copy
            | Kernel::Concat { .. }
            | Kernel::Tile
            | Kernel::Iota
            | Kernel::Random { .. }
            | Kernel::Quantize { .. }
            | Kernel::Dequantize { .. }
            | Kernel::ArgReduce { .. }
            | Kernel::Softmax { .. }
            | Kernel::LayerNorm { .. }
            | Kernel::RmsNorm { .. }
            | Kernel::LocalResponseNorm { .. }
            | Kernel::MatMul
            | Kernel::Det
            | Kernel::MaxUnpool
            | Kernel::GridSample(_)
            | Kernel::RoiAlign(_)
            | Kernel::MaxRoiPool { .. }
            | Kernel::NonMaxSuppression { .. }
            | Kernel::Gather { .. }
            | Kernel::GatherElements { .. }
            | Kernel::GatherNd { .. }
            | Kernel::ScatterElements { .. }
            | Kernel::ScatterNd { .. }
            | Kernel::ReverseSequence { .. }
            | Kernel::TopK { .. }
            | Kernel::NonZero
            | Kernel::Unique { .. }
            | Kernel::Recurrent(_)
            | Kernel::TfIdf(_)
            | Kernel::LabelMap(_)
            | Kernel::TreeEnsemble(_) => {}
        }
    }

    /// Its name in messages, profiles and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Kernel::Pointwise(_) => "pointwise",
            Kernel::Copy => "copy",
            Kernel::Concat { .. } => "concat",
            Kernel::Pad { .. } => "pad",
            Kernel::Tile => "tile",
            Kernel::Dims(_) => "dims",
            Kernel::Iota => "iota",
            Kernel::Random { .. } => "random",
            Kernel::Quantize { .. } => "quantize",
            Kernel::Dequantize { .. } => "dequantize",
            Kernel::Reduce { .. } => "reduce",
            Kernel::ArgReduce { .. } => "arg_reduce",
            Kernel::Cumulative { .. } => "cumulative",
            Kernel::Softmax { .. } => "softmax",
            Kernel::LayerNorm { .. } => "layer_norm",
            Kernel::RmsNorm { .. } => "rms_norm",
            Kernel::GroupNorm { .. } => "group_norm",
            Kernel::LocalResponseNorm { .. } => "local_response_norm",
            Kernel::MatMul => "matmul",
            Kernel::Conv(_) => "conv",
            Kernel::ConvTranspose(_) => "conv_transpose",
            Kernel::DeformConv(_) => "deform_conv",
            Kernel::Det => "det",
            Kernel::Dft { .. } => "dft",
            Kernel::Pool(_) => "pool",
            Kernel::MaxPoolIndices(_) => "max_pool_indices",
            Kernel::MaxUnpool => "max_unpool",
            Kernel::Resize(_) => "resize",
            Kernel::GridSample(_) => "grid_sample",
            Kernel::RoiAlign(_) => "roi_align",
            Kernel::MaxRoiPool { .. } => "max_roi_pool",
            Kernel::Col2Im(_) => "col2im",
            Kernel::NonMaxSuppression { .. } => "non_max_suppression",
            Kernel::Gather { .. } => "gather",
            Kernel::GatherElements { .. } => "gather_elements",
            Kernel::GatherNd { .. } => "gather_nd",
            Kernel::ScatterElements { .. } => "scatter_elements",
            Kernel::ScatterNd { .. } => "scatter_nd",
            Kernel::ReverseSequence { .. } => "reverse_sequence",
            Kernel::TopK { .. } => "top_k",
            Kernel::NonZero => "non_zero",
            Kernel::Unique { .. } => "unique",
            Kernel::Recurrent(_) => "recurrent",
            Kernel::TfIdf(_) => "tf_idf",
            Kernel::LabelMap(_) => "label_map",
            Kernel::TreeEnsemble(_) => "tree_ensemble",
        }
    }
}

fn visit_pads(pads: &mut [Padding], visit: &mut dyn FnMut(&mut Dim)) {
    for pad in pads {
        visit(&mut pad.before);
        visit(&mut pad.after);
    }
}

/// The view of `x[shape]` that a slice reads.
pub fn slice_view(cx: &graphc_base::DimCx, shape: &[Dim], axes: &[SliceAxis]) -> crate::View {
    let strides = row_major_dims(cx, shape);
    let mut offset = Dim::ZERO;
    let mut sliced = Vec::with_capacity(axes.len());
    for (axis, stride) in axes.iter().zip(&strides) {
        offset = cx.add(&offset, &cx.mul(&axis.start, stride));
        sliced.push(cx.mul(&axis.step, stride));
    }
    crate::View {
        offset,
        strides: sliced,
    }
}

/// Strides of a contiguous tensor of symbolic shape.
pub fn row_major_dims(cx: &graphc_base::DimCx, shape: &[Dim]) -> Vec<Dim> {
    let mut strides = vec![Dim::ONE; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = cx.mul(&strides[axis], &shape[axis]);
    }
    strides
}
