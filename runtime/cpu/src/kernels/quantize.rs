//! `Quantize` of `f32` to bytes and `Dequantize` to `f32`: per tensor and per axis.

use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Target, per_isa};
use graphc_base::DType;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{Number, typed, typed_mut};
use graphc_kernel::{BoundArg, BoundSpec};

/// Elements of an item of the parallel loop, about.
const ITEM: usize = 1 << 14;

/// Which scale an element has: that of its position along an axis of `n_axis`, each for `inner` neighbours.
#[derive(Clone, Copy)]
struct Scales {
    n_axis: usize,
    inner: usize,
}

struct Quantization {
    cx: KernelCx,
    /// The dtype of the quantised side.
    dtype: DType,
    is_forward: bool,
    scales: Scales,
    n_elements: usize,
}

pub(super) fn select(
    spec: &BoundSpec,
    axis: Option<usize>,
    block: usize,
    is_forward: bool,
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let ([x, scale, zero_point @ ..], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let (float, quantised) = if is_forward { (x, y) } else { (y, x) };
    let dtype = quantised.dtype;
    let is_taken = matches!(dtype, DType::U8 | DType::I8) || (!is_forward && dtype == DType::I32);
    let fits_zero_point =
        |arg: &BoundArg| arg.dtype == dtype && arg.n_elements() == scale.n_elements();
    if !is_taken
        || float.dtype != DType::F32
        || scale.dtype != DType::F32
        || x.shape != y.shape
        || block != 0
        || zero_point.len() > 1
        || !zero_point.iter().all(fits_zero_point)
        || !spec.inputs.iter().chain([y]).all(|arg| arg.contiguous)
    {
        return None;
    }
    let n_elements = x.n_elements();
    let scales = match axis {
        Some(axis) if axis < x.shape.len() && scale.n_elements() == x.shape[axis] => Scales {
            n_axis: x.shape[axis],
            inner: x.shape[axis + 1..].iter().product(),
        },
        _ if scale.n_elements() == 1 => Scales {
            n_axis: 1,
            inner: n_elements,
        },
        _ => return None,
    };
    Some(Box::new(Quantization {
        cx: cx.clone(),
        dtype,
        is_forward,
        scales,
        n_elements,
    }))
}

impl FastKernel for Quantization {
    fn name(&self) -> &'static str {
        "vector"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        if self.n_elements == 0 {
            return Ok(());
        }
        match (self.dtype, self.is_forward) {
            (DType::U8, true) => self.quantize::<u8>(inputs, outputs),
            (_, true) => self.quantize::<i8>(inputs, outputs),
            (DType::U8, false) => self.dequantize::<u8>(inputs, outputs),
            (DType::I8, false) => self.dequantize::<i8>(inputs, outputs),
            (_, false) => self.dequantize::<i32>(inputs, outputs),
        }
        Ok(())
    }
}

impl Quantization {
    /// Calls `run` with each run of elements of one scale, or with each stretch of the axis where that is the last.
    fn each<T: Send>(
        &self,
        y: &mut [T],
        run: impl Fn(usize, std::ops::Range<usize>, &mut [T]) + Sync,
    ) {
        let Scales { n_axis, inner } = self.scales;
        let y = Shared::new(y);
        let n_items = self.n_elements.div_ceil(ITEM);
        self.cx.run(n_items, self.n_elements / 4, &|_, item| {
            let end = ((item + 1) * ITEM).min(self.n_elements);
            let mut first = item * ITEM;
            while first < end {
                let along = first / inner % n_axis;
                let len = match inner {
                    1 => n_axis - along,
                    _ => inner - first % inner,
                };
                let len = len.min(end - first);
                let scales = along..along + if inner == 1 { len } else { 1 };
                // SAFETY: items have elements of their own.
                run(first, scales, unsafe { y.part(first, len) });
                first += len;
            }
        });
    }

    fn quantize<T: Number>(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]]) {
        let (x, scale) = (typed::<f32>(inputs[0]), typed::<f32>(inputs[1]));
        let zero_point = inputs.get(2).map(|bytes| typed::<T>(bytes));
        self.each(typed_mut::<T>(outputs[0]), |first, scales, y| {
            let zero_point = zero_point.map(|zero_point| &zero_point[scales.clone()]);
            quantize_run(
                self.cx.isa,
                &x[first..][..y.len()],
                &scale[scales],
                zero_point,
                y,
            );
        });
    }

    fn dequantize<T: Number>(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]]) {
        let (q, scale) = (typed::<T>(inputs[0]), typed::<f32>(inputs[1]));
        let zero_point = inputs.get(2).map(|bytes| typed::<T>(bytes));
        self.each(typed_mut::<f32>(outputs[0]), |first, scales, y| {
            let zero_point = zero_point.map(|zero_point| &zero_point[scales.clone()]);
            dequantize_run(
                self.cx.isa,
                &q[first..][..y.len()],
                &scale[scales],
                zero_point,
                y,
            );
        });
    }
}

per_isa!(
    /// Quantises a run by one scale, or by one for each element.
    fn quantize_run[T: Number](x: &[f32], scale: &[f32], zero_point: Option<&[T]>, y: &mut [T]) =
        quantize_body
);
per_isa!(
    /// The way back.
    fn dequantize_run[T: Number](q: &[T], scale: &[f32], zero_point: Option<&[T]>, y: &mut [f32]) =
        dequantize_body
);

#[inline(always)]
fn quantize_body<P: Target, T: Number>(
    x: &[f32],
    scale: &[f32],
    zero_point: Option<&[T]>,
    y: &mut [T],
) {
    let (lowest, highest) = (T::lowest().to_f64() as f32, T::highest().to_f64() as f32);
    let quantise = |x: f32, scale: f32, zero_point: f32| {
        let value = (x / scale).round_ties_even() + zero_point;
        let value = if value < lowest { lowest } else { value };
        let value = if value > highest { highest } else { value };
        T::from_i64(i64::from(value as i32))
    };
    if let [scale] = scale {
        let zero_point = zero_point.map_or(0.0, |zero_point| zero_point[0].to_f64() as f32);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = quantise(x, *scale, zero_point);
        }
        return;
    }
    for (index, ((y, &x), &scale)) in y.iter_mut().zip(x).zip(scale).enumerate() {
        let zero_point = zero_point.map_or(0.0, |zero_point| zero_point[index].to_f64() as f32);
        *y = quantise(x, scale, zero_point);
    }
}

#[inline(always)]
fn dequantize_body<P: Target, T: Number>(
    q: &[T],
    scale: &[f32],
    zero_point: Option<&[T]>,
    y: &mut [f32],
) {
    let restore =
        |q: T, scale: f32, zero_point: f64| ((q.to_f64() - zero_point) * f64::from(scale)) as f32;
    if let [scale] = scale {
        let zero_point = zero_point.map_or(0.0, |zero_point| zero_point[0].to_f64());
        for (y, &q) in y.iter_mut().zip(q) {
            *y = restore(q, *scale, zero_point);
        }
        return;
    }
    for (index, ((y, &q), &scale)) in y.iter_mut().zip(q).zip(scale).enumerate() {
        let zero_point = zero_point.map_or(0.0, |zero_point| zero_point[index].to_f64());
        *y = restore(q, scale, zero_point);
    }
}
