//! Windows that slide over spatial axes, shared by convolutions and pooling.
//!
//! Guarantees that no position leaves the tensor whatever a spec says; refuses sizes beyond 2³⁰, which keeps every
//! coordinate in 64 bits.

use super::{Call, KernelError};
use crate::bind::MAX_RANK;
use crate::spec::{BoundArg, BoundSpec};
use bytemuck::Pod;
use graphc_base::Dim;
use graphc_base::attrs::Padding;
use smallvec::SmallVec;

/// Coordinates, which may lie outside a tensor.
pub(super) type Coordinates = SmallVec<[i64; MAX_RANK]>;

const LARGEST: u64 = 1 << 30;

impl Call<'_, '_> {
    /// Checks the number of operands and results, and that all of them are row-major without gaps.
    pub(super) fn dense(
        &self,
        inputs: std::ops::RangeInclusive<usize>,
        outputs: usize,
    ) -> Result<(), KernelError> {
        self.arity(inputs, outputs)?;
        let mut args = self.spec.inputs.iter().chain(&self.spec.outputs);
        self.ensure(
            args.all(|arg| arg.contiguous),
            "an argument is not contiguous",
        )
    }

    /// The value of a bound dim.
    pub(super) fn bound(&self, dim: &Dim) -> Result<i64, KernelError> {
        dim.as_const()
            .ok_or_else(|| self.error("a dim is not bound"))
    }

    /// A size or coordinate that is small enough to calculate with.
    pub(super) fn moderate(&self, value: i64) -> Result<i64, KernelError> {
        if value.unsigned_abs() <= LARGEST {
            Ok(value)
        } else {
            Err(self.error(format!("{value} is out of range")))
        }
    }

    fn moderate_size(&self, value: usize) -> Result<i64, KernelError> {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.moderate(value)
    }

    /// Sizes as coordinates.
    pub(super) fn coordinates(&self, sizes: &[usize]) -> Result<Coordinates, KernelError> {
        sizes.iter().map(|&size| self.moderate_size(size)).collect()
    }
}

/// An error of the kernel of `spec`, where the call is borrowed.
pub(super) fn fault(spec: &BoundSpec, message: String) -> KernelError {
    KernelError {
        kernel: spec.kernel.name(),
        message,
    }
}

/// The elements of an argument that [`Call::arity`] has checked.
pub(super) fn elements<'b, T: Pod>(arg: &BoundArg, bytes: &'b [u8]) -> &'b [T] {
    match arg.buffer_elements() {
        // A buffer of no bytes need not be aligned.
        None | Some(0) => &[],
        Some(n) => super::element::typed(&bytes[..n * size_of::<T>()]),
    }
}

/// The elements of a result that [`Call::arity`] has checked.
pub(super) fn elements_mut<'b, T: Pod>(arg: &BoundArg, bytes: &'b mut [u8]) -> &'b mut [T] {
    match arg.buffer_elements() {
        None | Some(0) => &mut [],
        Some(n) => super::element::typed_mut(&mut bytes[..n * size_of::<T>()]),
    }
}

/// Number of elements of a shape; saturates where an axis elsewhere is empty.
pub(super) fn volume(shape: &[usize]) -> usize {
    shape.iter().fold(1, |n, &size| n.saturating_mul(size))
}

/// How windows of taps lie over the spatial axes of a tensor.
pub(super) struct Windows {
    /// Size of the tensor along each axis.
    pub(super) size: Coordinates,
    stride: Coordinates,
    dilation: Coordinates,
    /// Padding before each axis.
    pub(super) before: Coordinates,
    /// Padding after each axis.
    pub(super) after: Coordinates,
}

impl Windows {
    /// Checks that every list has an entry for each of the axes in `size`.
    pub(super) fn new(
        call: &Call<'_, '_>,
        size: &[usize],
        strides: &[usize],
        dilations: &[usize],
        pads: &[Padding],
    ) -> Result<Self, KernelError> {
        let n_axes = size.len();
        call.ensure(
            strides.len() == n_axes && dilations.len() == n_axes && pads.len() == n_axes,
            "attributes and spatial axes differ in number",
        )?;
        call.ensure(!strides.contains(&0), "stride is 0")?;
        let side = |pick: fn(&Padding) -> &Dim| -> Result<Coordinates, KernelError> {
            pads.iter()
                .map(|pad| call.moderate(call.bound(pick(pad))?))
                .collect()
        };
        Ok(Self {
            size: call.coordinates(size)?,
            stride: call.coordinates(strides)?,
            dilation: call.coordinates(dilations)?,
            before: side(|pad| &pad.before)?,
            after: side(|pad| &pad.after)?,
        })
    }

    /// Windows of this many taps that fit into an axis with its padding.
    pub(super) fn n_windows(&self, axis: usize, n_taps: usize) -> i64 {
        let reach = (n_taps as i64 - 1) * self.dilation[axis] + 1;
        let room = self.size[axis] + self.before[axis] + self.after[axis] - reach;
        if room < 0 {
            0
        } else {
            room / self.stride[axis] + 1
        }
    }

    /// Coordinate that a tap of the window at `at` reads along an axis; may lie outside.
    pub(super) fn coordinate(&self, axis: usize, at: usize, tap: usize) -> i64 {
        at as i64 * self.stride[axis] + tap as i64 * self.dilation[axis] - self.before[axis]
    }

    /// Row-major position that a tap reads; `None` outside the tensor.
    pub(super) fn position(&self, at: &[usize], tap: &[usize]) -> Option<usize> {
        let mut position = 0;
        for (axis, &size) in self.size.iter().enumerate() {
            let coordinate = self.coordinate(axis, at[axis], tap[axis]);
            if !(0..size).contains(&coordinate) {
                return None;
            }
            position = position * size + coordinate;
        }
        Some(position as usize)
    }

    /// The window's position whose tap falls on `at`, for windows that lie over the result: the inverse of
    /// [`position`](Self::position) with `size` the number of windows along each axis.
    pub(super) fn source(&self, at: &[usize], tap: &[usize]) -> Option<usize> {
        let mut position = 0;
        for (axis, &size) in self.size.iter().enumerate() {
            let reach =
                at[axis] as i64 + self.before[axis] - tap[axis] as i64 * self.dilation[axis];
            let coordinate = reach.div_euclid(self.stride[axis]);
            if reach.rem_euclid(self.stride[axis]) != 0 || !(0..size).contains(&coordinate) {
                return None;
            }
            position = position * size + coordinate;
        }
        Some(position as usize)
    }

    /// Whether a tap lies on the tensor or on its named padding.
    pub(super) fn on_padding(&self, at: &[usize], tap: &[usize]) -> bool {
        (0..self.size.len()).all(|axis| {
            let coordinate = self.coordinate(axis, at[axis], tap[axis]);
            (-self.before[axis]..self.size[axis] + self.after[axis]).contains(&coordinate)
        })
    }
}
