//! Kernels that move whole runs of elements: `Concat`, `Pad`, `Tile`, `Gather`.

use super::shared::Shared;
use super::{FastKernel, KernelCx};
use graphc_base::attrs::PadMode;
use graphc_base::{DType, Dim};
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::index_at;
use graphc_kernel::{BoundArg, BoundSpec};
use smallvec::SmallVec;

/// Bytes of an item of the parallel loop, about.
const ITEM: usize = 1 << 16;

/// Bytes that are copied in a nanosecond, about.
const BYTES_PER_NS: usize = 8;

/// Whether all arguments that move are of one dtype of whole bytes, and contiguous.
fn moves(spec: &BoundSpec, inputs: &[BoundArg]) -> bool {
    spec.outputs.len() == 1
        && inputs.iter().chain(&spec.outputs).all(|arg| {
            arg.contiguous && arg.dtype == spec.outputs[0].dtype && arg.dtype.bits() >= 8
        })
}

fn width(dtype: DType) -> usize {
    dtype.bits() / 8
}

struct Concat {
    cx: KernelCx,
    outer: usize,
    /// Bytes of a row of each input.
    runs: SmallVec<[usize; 8]>,
    row: usize,
}

pub(super) fn concat(spec: &BoundSpec, axis: usize, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    if !moves(spec, &spec.inputs) {
        return None;
    }
    let y = &spec.outputs[0];
    let fits = |x: &BoundArg| {
        x.shape.len() == y.shape.len()
            && (0..x.shape.len()).all(|at| at == axis || x.shape[at] == y.shape[at])
    };
    if axis >= y.shape.len()
        || !spec.inputs.iter().all(fits)
        || spec.inputs.iter().map(|x| x.shape[axis]).sum::<usize>() != y.shape[axis]
    {
        return None;
    }
    let inner = y.shape[axis + 1..].iter().product::<usize>() * width(y.dtype);
    Some(Box::new(Concat {
        cx: cx.clone(),
        outer: y.shape[..axis].iter().product(),
        runs: spec.inputs.iter().map(|x| x.shape[axis] * inner).collect(),
        row: y.shape[axis] * inner,
    }))
}

impl FastKernel for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let n_bytes = self.outer * self.row;
        if n_bytes == 0 {
            return Ok(());
        }
        let y = Shared::new(&mut *outputs[0]);
        let most = (ITEM / self.row).clamp(1, self.outer);
        let n_parts = self.outer.div_ceil(most);
        // Few large rows: each input is an item. Many small ones: some rows are.
        let n_items = n_parts * self.runs.len();
        self.cx.run(n_items, n_bytes / BYTES_PER_NS, &|_, item| {
            let (part, index) = (item / self.runs.len(), item % self.runs.len());
            let (run, lead) = (self.runs[index], self.runs[..index].iter().sum::<usize>());
            for row in part * most..((part + 1) * most).min(self.outer) {
                // SAFETY: an input's runs are its own.
                let to = unsafe { y.part(row * self.row + lead, run) };
                to.copy_from_slice(&inputs[index][row * run..][..run]);
            }
        });
        Ok(())
    }
}

struct Tile {
    cx: KernelCx,
    x: SmallVec<[usize; 6]>,
    y: SmallVec<[usize; 6]>,
    width: usize,
}

pub(super) fn tile(spec: &BoundSpec, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let ([x], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let is_empty = x.n_elements() == 0 && y.n_elements() > 0;
    if !moves(spec, &spec.inputs)
        || x.shape.len() != y.shape.len()
        || is_empty
        || x.shape.is_empty()
    {
        return None;
    }
    Some(Box::new(Tile {
        cx: cx.clone(),
        x: x.shape.clone(),
        y: y.shape.clone(),
        width: width(y.dtype),
    }))
}

impl FastKernel for Tile {
    fn name(&self) -> &'static str {
        "tile"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let (Some((&x_row, x_outer)), Some((&y_row, y_outer))) =
            (self.x.split_last(), self.y.split_last())
        else {
            return Ok(());
        };
        let n_rows: usize = y_outer.iter().product();
        let (x_row, y_row) = (x_row * self.width, y_row * self.width);
        if n_rows * y_row == 0 {
            return Ok(());
        }
        let y = Shared::new(&mut *outputs[0]);
        let most = (ITEM / y_row).clamp(1, n_rows);
        self.cx.run(
            n_rows.div_ceil(most),
            n_rows * y_row / BYTES_PER_NS,
            &|_, item| {
                for row in item * most..((item + 1) * most).min(n_rows) {
                    let (mut rest, mut source, mut distance) = (row, 0, 1);
                    for (&x_size, &y_size) in x_outer.iter().zip(y_outer).rev() {
                        source += rest % y_size % x_size * distance;
                        distance *= x_size;
                        rest /= y_size;
                    }
                    let from = &inputs[0][source * x_row..][..x_row];
                    // SAFETY: items have rows of their own.
                    let to = unsafe { y.part(row * y_row, y_row) };
                    for to in to.chunks_mut(x_row) {
                        to.copy_from_slice(&from[..to.len()]);
                    }
                }
            },
        );
        Ok(())
    }
}

struct Gather {
    cx: KernelCx,
    outer: usize,
    size: usize,
    /// Bytes of a slice.
    slice: usize,
    n_indices: usize,
    index_dtype: DType,
    is_empty: bool,
}

pub(super) fn gather(spec: &BoundSpec, axis: usize, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let ([data, indices], [y]) = (&spec.inputs[..], &spec.outputs[..]) else {
        return None;
    };
    let is_index = matches!(indices.dtype, DType::I32 | DType::I64) && indices.contiguous;
    if !moves(spec, &spec.inputs[..1]) || !is_index || axis >= data.shape.len() {
        return None;
    }
    let (outer, inner) = (&data.shape[..axis], &data.shape[axis + 1..]);
    if !y
        .shape
        .iter()
        .eq(outer.iter().chain(&indices.shape).chain(inner))
    {
        return None;
    }
    Some(Box::new(Gather {
        cx: cx.clone(),
        outer: outer.iter().product(),
        size: data.shape[axis],
        slice: inner.iter().product::<usize>() * width(y.dtype),
        n_indices: indices.n_elements(),
        index_dtype: indices.dtype,
        is_empty: y.n_elements() == 0,
    }))
}

impl Gather {
    /// The slice that an index names; negative ones count from the end.
    fn resolve(&self, indices: &[u8], slot: usize) -> Result<usize, KernelError> {
        let index = index_at(indices, self.index_dtype, slot);
        let wrapped = if index < 0 {
            index.checked_add_unsigned(self.size as u64)
        } else {
            Some(index)
        };
        wrapped
            .and_then(|position| usize::try_from(position).ok())
            .filter(|&position| position < self.size)
            .ok_or_else(|| KernelError {
                kernel: "gather",
                message: format!(
                    "index {index} is out of range for an axis of size {}",
                    self.size
                ),
            })
    }
}

impl FastKernel for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        if self.is_empty {
            return Ok(());
        }
        for slot in 0..self.n_indices {
            self.resolve(inputs[1], slot)?;
        }
        let n_slices = self.outer * self.n_indices;
        let y = Shared::new(&mut *outputs[0]);
        let most = (ITEM / self.slice).clamp(1, n_slices);
        let cost = n_slices * (self.slice / BYTES_PER_NS + 2);
        self.cx.run(n_slices.div_ceil(most), cost, &|_, item| {
            for slice in item * most..((item + 1) * most).min(n_slices) {
                let (outer, slot) = (slice / self.n_indices, slice % self.n_indices);
                // Checked above; data cannot change meanwhile.
                let Ok(position) = self.resolve(inputs[1], slot) else {
                    return;
                };
                let from = &inputs[0][(outer * self.size + position) * self.slice..][..self.slice];
                // SAFETY: items have slices of their own.
                let to = unsafe { y.part(slice * self.slice, self.slice) };
                to.copy_from_slice(from);
            }
        });
        Ok(())
    }
}

struct Pad {
    cx: KernelCx,
    mode: PadMode,
    /// Axes before the last padded one: size of x, size of y, elements before.
    outer: SmallVec<[(usize, usize, i64); 6]>,
    /// The last padded axis.
    axis: (usize, usize, i64),
    /// Bytes of what is moved together.
    unit: usize,
    width: usize,
}

pub(super) fn pad(
    spec: &BoundSpec,
    mode: PadMode,
    before: &[Dim],
    after: &[Dim],
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let (x, y) = (spec.inputs.first()?, spec.outputs.first()?);
    let rank = x.shape.len();
    let n_inputs = if mode == PadMode::Constant { 2 } else { 1 };
    let fits = spec.inputs.len() == n_inputs
        && moves(spec, &spec.inputs)
        && y.shape.len() == rank
        && before.len() == rank
        && after.len() == rank
        && spec.inputs[1..].iter().all(|value| value.n_elements() >= 1);
    let reaches_nothing = mode != PadMode::Constant && x.n_elements() == 0 && y.n_elements() > 0;
    if !fits || reaches_nothing {
        return None;
    }
    let mut axes: SmallVec<[(usize, usize, i64); 6]> = SmallVec::new();
    for axis in 0..rank {
        axes.push((x.shape[axis], y.shape[axis], before[axis].as_const()?));
    }
    let mut unit = width(y.dtype);
    while let Some(&(size, padded, 0)) = axes.last()
        && size == padded
    {
        unit *= size;
        axes.pop();
    }
    let axis = axes.pop().unwrap_or((1, 1, 0));
    Some(Box::new(Pad {
        cx: cx.clone(),
        mode,
        outer: axes,
        axis,
        unit,
        width: width(y.dtype),
    }))
}

/// The element that stands at a position outside or inside an axis; `None` for the constant.
fn reach(mode: PadMode, at: i64, size: usize) -> Option<usize> {
    let n = size as i64;
    if (0..n).contains(&at) {
        return Some(at as usize);
    }
    let reached = match mode {
        PadMode::Constant => return None,
        _ if n == 0 => return None,
        PadMode::Edge => at.clamp(0, n - 1),
        PadMode::Wrap => at.rem_euclid(n),
        PadMode::Reflect if n == 1 => 0,
        PadMode::Reflect => {
            let period = 2 * (n - 1);
            let folded = at.rem_euclid(period);
            folded.min(period - folded)
        }
    };
    Some(reached as usize)
}

impl Pad {
    /// The row of x that a row of y shows; `None` where it lies on constant padding.
    fn source(&self, row: usize) -> Option<usize> {
        let (mut rest, mut source, mut distance) = (row, 0, 1);
        for &(size, padded, lead) in self.outer.iter().rev() {
            let at = (rest % padded) as i64 - lead;
            source += reach(self.mode, at, size)? * distance;
            distance *= size;
            rest /= padded;
        }
        Some(source)
    }

    fn fill(&self, to: &mut [u8], value: &[u8]) {
        for to in to.chunks_exact_mut(self.width) {
            to.copy_from_slice(value);
        }
    }
}

impl FastKernel for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        let (size, padded, lead) = self.axis;
        let n_rows: usize = self.outer.iter().map(|axis| axis.1).product();
        let row_bytes = padded * self.unit;
        if n_rows * row_bytes == 0 {
            return Ok(());
        }
        let value = inputs.get(1).map_or(&[][..], |value| &value[..self.width]);
        // Positions of y that x's own elements fill.
        let first = lead.clamp(0, padded as i64) as usize;
        let end = (size as i64)
            .saturating_add(lead)
            .clamp(first as i64, padded as i64) as usize;
        let y = Shared::new(&mut *outputs[0]);
        let most = (ITEM / row_bytes).clamp(1, n_rows);
        let cost = n_rows * (row_bytes / BYTES_PER_NS + 10);
        self.cx.run(n_rows.div_ceil(most), cost, &|_, item| {
            for row in item * most..((item + 1) * most).min(n_rows) {
                // SAFETY: items have rows of their own.
                let to = unsafe { y.part(row * row_bytes, row_bytes) };
                let Some(source) = self.source(row) else {
                    self.fill(to, value);
                    continue;
                };
                let x = &inputs[0][source * size * self.unit..][..size * self.unit];
                if first < end {
                    let from = (first as i64 - lead) as usize * self.unit;
                    let to = &mut to[first * self.unit..end * self.unit];
                    to.copy_from_slice(&x[from..][..to.len()]);
                }
                for at in (0..first).chain(end..padded) {
                    let to = &mut to[at * self.unit..][..self.unit];
                    match reach(self.mode, (at as i64).saturating_sub(lead), size) {
                        Some(from) => to.copy_from_slice(&x[from * self.unit..][..self.unit]),
                        None => self.fill(to, value),
                    }
                }
            }
        });
        Ok(())
    }
}
