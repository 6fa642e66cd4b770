//! Convolutions and pooling. Automatic padding and ceil mode become explicit padding and output sizes, symbolic where
//! the spatial sizes are.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::{Conv, ConvTranspose, Op, Padding, Pool, PoolKind, ReduceKind};

pub(super) const OPS: &[OpEntry] = &[
    onnx("AveragePool", |cx| {
        let count_include_pad = cx.flag("count_include_pad", false)?;
        pool(cx, PoolKind::Average { count_include_pad })
    }),
    onnx("Conv", conv),
    onnx("ConvInteger", conv_integer),
    onnx("ConvTranspose", conv_transpose),
    onnx("GlobalAveragePool", |cx| global(cx, ReduceKind::Mean)),
    onnx("GlobalMaxPool", |cx| global(cx, ReduceKind::Max)),
    onnx("LpPool", |cx| {
        let p = exponent(cx)?;
        pool(cx, PoolKind::Lp { p })
    }),
    onnx("MaxPool", |cx| pool(cx, PoolKind::Max)),
    onnx("QLinearConv", qlinear_conv),
];

/// What convolutions and pools share.
struct Window {
    kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    auto_pad: String,
    pads: Vec<Padding>,
}

impl Window {
    fn n_axes(&self) -> usize {
        self.kernel.len()
    }

    /// Distance between the first and last tap, plus one.
    fn extent(&self, axis: usize) -> i64 {
        (self.dilations[axis] * (self.kernel[axis].max(1) - 1) + 1) as i64
    }

    /// Settles automatic padding for inputs of these sizes, so that `⌈in / stride⌉` windows fit.
    fn settle(&mut self, cx: &NodeCx<'_, '_>, sizes: &[Dim]) -> Result<(), ConvertError> {
        let lower = match self.auto_pad.as_str() {
            "NOTSET" => return Ok(()),
            "VALID" => {
                self.pads = none(self.n_axes());
                return Ok(());
            }
            "SAME_UPPER" => false,
            "SAME_LOWER" => true,
            other => {
                return Err(ConvertError::Invalid(format!(
                    "auto_pad {other} is unknown"
                )));
            }
        };
        let dims = cx.b.dims();
        self.pads = (0..self.n_axes())
            .map(|axis| {
                let stride = Dim::from(self.strides[axis]);
                let n_windows = dims.ceil_div(&sizes[axis], &stride);
                let reach = dims.mul(&dims.sub(&n_windows, &Dim::ONE), &stride);
                let needed = dims.add(&reach, &Dim::constant(self.extent(axis)));
                let total = dims.max(&dims.sub(&needed, &sizes[axis]), &Dim::ZERO);
                let half = dims.floor_div(&total, &Dim::constant(2));
                let rest = dims.sub(&total, &half);
                if lower {
                    Padding {
                        before: rest,
                        after: half,
                    }
                } else {
                    Padding {
                        before: half,
                        after: rest,
                    }
                }
            })
            .collect();
        Ok(())
    }
}

fn none(n_axes: usize) -> Vec<Padding> {
    vec![
        Padding {
            before: Dim::ZERO,
            after: Dim::ZERO
        };
        n_axes
    ]
}

/// Reads the attributes; `kernel` is the kernel's shape where an operand gives it.
fn window(cx: &mut NodeCx<'_, '_>, kernel: Option<Vec<usize>>) -> Result<Window, ConvertError> {
    let given = list_of_sizes(cx, "kernel_shape")?;
    let kernel = match (kernel, given) {
        (Some(kernel), Some(given)) if kernel != given => {
            return Err(ConvertError::Invalid(format!(
                "kernel_shape is {given:?}, the weights have {kernel:?}"
            )));
        }
        (Some(kernel), _) | (None, Some(kernel)) => kernel,
        (None, None) => {
            return Err(ConvertError::Invalid(
                "attribute kernel_shape is missing".into(),
            ));
        }
    };
    let n_axes = kernel.len();
    let strides = per_axis("strides", list_of_sizes(cx, "strides")?, n_axes)?;
    let dilations = per_axis("dilations", list_of_sizes(cx, "dilations")?, n_axes)?;
    let pads = padding(cx, n_axes)?;
    Ok(Window {
        kernel,
        strides,
        dilations,
        auto_pad: cx.string("auto_pad", "NOTSET")?,
        pads,
    })
}

/// The attribute `pads`: of all axes before, then after; none where it is missing.
pub(super) fn padding(cx: &NodeCx<'_, '_>, n_axes: usize) -> Result<Vec<Padding>, ConvertError> {
    match cx.ints_opt("pads")? {
        None => Ok(none(n_axes)),
        Some(raw) if raw.len() == 2 * n_axes => Ok((0..n_axes)
            .map(|axis| Padding {
                before: Dim::constant(raw[axis]),
                after: Dim::constant(raw[axis + n_axes]),
            })
            .collect()),
        Some(raw) => Err(ConvertError::Invalid(format!(
            "{} pads for {n_axes} spatial axes",
            raw.len()
        ))),
    }
}

/// An attribute that lists sizes, if it is there.
pub(super) fn list_of_sizes(
    cx: &NodeCx<'_, '_>,
    name: &str,
) -> Result<Option<Vec<usize>>, ConvertError> {
    match cx.ints_opt(name)? {
        None => Ok(None),
        Some(raw) => raw
            .into_iter()
            .map(|size| operand::size(name, size))
            .collect::<Result<_, _>>()
            .map(Some),
    }
}

/// Positive steps, one per axis; 1 where the attribute is missing.
pub(super) fn per_axis(
    name: &str,
    given: Option<Vec<usize>>,
    n_axes: usize,
) -> Result<Vec<usize>, ConvertError> {
    let list = given.unwrap_or_else(|| vec![1; n_axes]);
    if list.len() != n_axes || list.contains(&0) {
        return Err(ConvertError::Invalid(format!(
            "{name} {list:?} do not fit {n_axes} spatial axes"
        )));
    }
    Ok(list)
}

/// The spatial sizes of a tensor `[N, C, …]`.
fn spatial(cx: &NodeCx<'_, '_>, x: ValueId, n_axes: usize) -> Result<Vec<Dim>, ConvertError> {
    let shape = cx.b.shape(x)?;
    if shape.len() != n_axes + 2 {
        return Err(ConvertError::Invalid(format!(
            "{n_axes} spatial axes, and an operand of rank {}",
            shape.len()
        )));
    }
    Ok(shape[2..].to_vec())
}

fn kernel_of(cx: &NodeCx<'_, '_>, weights: ValueId) -> Result<Vec<usize>, ConvertError> {
    let shape = cx.b.shape(weights)?;
    shape
        .iter()
        .skip(2)
        .map(|dim| dim.as_const().and_then(|size| usize::try_from(size).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            ConvertError::Unsupported("the kernel's size is known at run time only".into())
        })
}

pub(super) fn conv_attrs(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    weights: ValueId,
) -> Result<Conv, ConvertError> {
    let kernel = kernel_of(cx, weights)?;
    let mut window = window(cx, Some(kernel))?;
    let groups = operand::size("group", cx.int("group", 1)?)?;
    let sizes = spatial(cx, x, window.n_axes())?;
    window.settle(cx, &sizes)?;
    Ok(Conv {
        strides: window.strides,
        pads: window.pads,
        dilations: window.dilations,
        groups,
    })
}

fn conv(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, weights) = (cx.input(0)?, cx.input(1)?);
    let attrs = conv_attrs(cx, x, weights)?;
    let mut operands = vec![x, weights];
    operands.extend(cx.opt(2));
    Ok(vec![cx.b.op1(Op::Conv(attrs), &operands)?])
}

/// An integer operand without its zero point; one with an element per output channel stands along axis 0.
fn centred(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    zero_point: Option<ValueId>,
) -> Result<ValueId, ConvertError> {
    let wide = cx.b.cast(x, DType::I32)?;
    let Some(zero_point) = zero_point else {
        return Ok(wide);
    };
    let zero_point = cx.b.cast(zero_point, DType::I32)?;
    let zero_point = per_channel(cx, zero_point, x, 0)?;
    Ok(cx.b.sub(wide, zero_point)?)
}

/// A scalar as it is; a vector shaped to broadcast along an axis of `like`.
fn per_channel(
    cx: &mut NodeCx<'_, '_>,
    value: ValueId,
    like: ValueId,
    axis: usize,
) -> Result<ValueId, ConvertError> {
    if cx.b.rank(value)? == 0 || cx.b.shape(value)? == [Dim::ONE] {
        return cx.scalar(value);
    }
    let added: Vec<usize> = (1..cx.b.rank(like)? - axis).collect();
    Ok(cx.b.unsqueeze(value, &added)?)
}

fn conv_integer(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, weights) = (cx.input(0)?, cx.input(1)?);
    let attrs = conv_attrs(cx, x, weights)?;
    let (x_zero, w_zero) = (cx.opt(2), cx.opt(3));
    let (x, weights) = (centred(cx, x, x_zero)?, centred(cx, weights, w_zero)?);
    Ok(vec![cx.b.op1(Op::Conv(attrs), &[x, weights])?])
}

fn qlinear_conv(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    qlinear_conv_of(cx, x)
}

/// The convolution of `x`, which is operand 0 with its channels first.
pub(super) fn qlinear_conv_of(cx: &mut NodeCx<'_, '_>, x: ValueId) -> Converted {
    let (x_scale, x_zero) = (cx.input(1)?, cx.input(2)?);
    let (weights, w_scale, w_zero) = (cx.input(3)?, cx.input(4)?, cx.input(5)?);
    let (y_scale, y_zero) = (cx.input(6)?, cx.input(7)?);
    let attrs = conv_attrs(cx, x, weights)?;
    let mut operands = vec![
        centred(cx, x, Some(x_zero))?,
        centred(cx, weights, Some(w_zero))?,
    ];
    operands.extend(cx.opt(8));
    let sums = cx.b.op1(Op::Conv(attrs), &operands)?;
    let float = cx.b.cast(sums, DType::F32)?;
    let x_scale = cx.scalar(x_scale)?;
    let scale = cx.b.mul(x_scale, w_scale)?;
    let scale = per_channel(cx, scale, float, 1)?;
    let scaled = cx.b.mul(float, scale)?;
    let to = cx.b.dtype(y_zero)?;
    let (y_scale, y_zero) = (cx.scalar(y_scale)?, cx.scalar(y_zero)?);
    let op = Op::Quantize {
        to,
        axis: None,
        block: 0,
        saturate: true,
    };
    Ok(vec![cx.b.op1(op, &[scaled, y_scale, y_zero])?])
}

fn conv_transpose(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, weights) = (cx.input(0)?, cx.input(1)?);
    let kernel = kernel_of(cx, weights)?;
    let mut window = window(cx, Some(kernel))?;
    let n_axes = window.n_axes();
    let groups = operand::size("group", cx.int("group", 1)?)?;
    let mut output_padding: Vec<Dim> = match cx.ints_opt("output_padding")? {
        Some(raw) if raw.len() == n_axes => raw.into_iter().map(Dim::constant).collect(),
        Some(_) => {
            return Err(ConvertError::Invalid(
                "output_padding does not fit the spatial axes".into(),
            ));
        }
        None => vec![Dim::ZERO; n_axes],
    };
    let output_shape = cx.ints_opt("output_shape")?;
    let sizes = spatial(cx, x, n_axes)?;
    let dims = cx.b.dims();
    // The output without padding; padding crops what exceeds the wanted size.
    let full = |axis: usize, extra: &Dim| {
        let steps = dims.mul(
            &dims.sub(&sizes[axis], &Dim::ONE),
            &Dim::from(window.strides[axis]),
        );
        dims.sum([steps, Dim::constant(window.extent(axis)), extra.clone()])
    };
    let wanted: Option<Vec<Dim>> = match output_shape {
        Some(raw) => {
            let skipped = raw.len().checked_sub(n_axes);
            let skipped =
                skipped.ok_or_else(|| ConvertError::Invalid("output_shape is too short".into()))?;
            Some(raw[skipped..].iter().copied().map(Dim::constant).collect())
        }
        None if window.auto_pad.starts_with("SAME") => {
            let scaled = |axis: usize| dims.mul(&sizes[axis], &Dim::from(window.strides[axis]));
            Some((0..n_axes).map(scaled).collect())
        }
        None => None,
    };
    if let Some(wanted) = wanted {
        let lower = window.auto_pad == "SAME_LOWER";
        let mut pads = Vec::with_capacity(n_axes);
        for axis in 0..n_axes {
            let excess = dims.sub(&full(axis, &output_padding[axis]), &wanted[axis]);
            let total = dims.max(&excess, &Dim::ZERO);
            let short = dims.max(&dims.neg(&excess), &Dim::ZERO);
            output_padding[axis] = dims.add(&output_padding[axis], &short);
            let half = dims.floor_div(&total, &Dim::constant(2));
            let rest = dims.sub(&total, &half);
            pads.push(if lower {
                Padding {
                    before: rest,
                    after: half,
                }
            } else {
                Padding {
                    before: half,
                    after: rest,
                }
            });
        }
        window.pads = pads;
    } else if window.auto_pad == "VALID" {
        window.pads = none(n_axes);
    }
    let op = Op::ConvTranspose(ConvTranspose {
        strides: window.strides,
        pads: window.pads,
        dilations: window.dilations,
        output_padding,
        groups,
    });
    let mut operands = vec![x, weights];
    operands.extend(cx.opt(2));
    Ok(vec![cx.b.op1(op, &operands)?])
}

fn pool(cx: &mut NodeCx<'_, '_>, kind: PoolKind) -> Converted {
    let x = cx.input(0)?;
    pool_of(cx, x, kind, false)
}

/// The exponent of LpPool, a float in opset 1.
fn exponent(cx: &NodeCx<'_, '_>) -> Result<usize, ConvertError> {
    let p = if cx.opset() < 2 {
        let p = cx.float("p", 2.0)?;
        if p.fract() != 0.0 || !(1.0..=1e6).contains(&p) {
            return Err(ConvertError::Unsupported(format!(
                "p {p} is no positive integer"
            )));
        }
        p as i64
    } else {
        cx.int("p", 2)?
    };
    operand::size("p", p)
}

/// The pooling of `x`, which is operand 0 with its channels first. What the last window of ceil mode has beyond the
/// padding is taken for padding too where `is_overhang_padding`.
pub(super) fn pool_of(
    cx: &mut NodeCx<'_, '_>,
    x: ValueId,
    kind: PoolKind,
    is_overhang_padding: bool,
) -> Converted {
    let mut window = window(cx, None)?;
    let ceil = cx.flag("ceil_mode", false)?;
    let column_major = cx.flag("storage_order", false)?;
    let sizes = spatial(cx, x, window.n_axes())?;
    window.settle(cx, &sizes)?;
    let dims = cx.b.dims();
    let out: Vec<Dim> = (0..window.n_axes())
        .map(|axis| {
            let stride = Dim::from(window.strides[axis]);
            let pad = &window.pads[axis];
            let padded = dims.sum([&sizes[axis], &pad.before, &pad.after]);
            let room = dims.sub(&padded, &Dim::constant(window.extent(axis)));
            if !ceil {
                return dims.add(&dims.floor_div(&room, &stride), &Dim::ONE);
            }
            // A last window that would begin beyond the input and its leading padding is left out.
            let n_windows = dims.add(&dims.ceil_div(&room, &stride), &Dim::ONE);
            let begun = dims.ceil_div(&dims.add(&sizes[axis], &pad.before), &stride);
            dims.min(&n_windows, &begun)
        })
        .collect();
    if ceil && is_overhang_padding {
        for (axis, n_windows) in out.iter().enumerate() {
            let stride = Dim::from(window.strides[axis]);
            let last = dims.mul(&dims.sub(n_windows, &Dim::ONE), &stride);
            let end = dims.add(&last, &Dim::constant(window.extent(axis)));
            let filled = dims.add(&sizes[axis], &window.pads[axis].before);
            let needed = dims.sub(&end, &filled);
            window.pads[axis].after = dims.max(&window.pads[axis].after, &needed);
        }
    }
    let pool = Pool {
        kind,
        kernel: window.kernel,
        strides: window.strides,
        pads: window.pads,
        dilations: window.dilations,
        out,
    };
    let mut outputs = vec![cx.b.op1(Op::Pool(pool.clone()), &[x])?];
    if cx.output_used(1) {
        outputs.push(cx.b.op1(Op::MaxPoolIndices { pool, column_major }, &[x])?);
    }
    Ok(outputs)
}

fn global(cx: &mut NodeCx<'_, '_>, kind: ReduceKind) -> Converted {
    let x = cx.input(0)?;
    let axes: Vec<usize> = (2..cx.b.rank(x)?).collect();
    Ok(vec![cx.b.reduce(kind, x, &axes, true)?])
}
