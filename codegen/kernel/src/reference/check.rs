//! What every evaluator may rely on: arguments counted, ranked and long enough. Specs may come from hostile files.

use super::{Call, KernelError};
use crate::spec::BoundArg;
use smallvec::SmallVec;

/// Sizes or positions along axes.
pub(super) type Axes = SmallVec<[usize; 12]>;

impl<'a> Call<'a, '_> {
    /// The spec of an input.
    pub(super) fn input(&self, index: usize) -> Result<&'a BoundArg, KernelError> {
        self.spec
            .inputs
            .get(index)
            .ok_or_else(|| self.error(format!("operand {index} is missing")))
    }

    /// The spec of an output.
    pub(super) fn output(&self, index: usize) -> Result<&'a BoundArg, KernelError> {
        self.spec
            .outputs
            .get(index)
            .ok_or_else(|| self.error(format!("result {index} is missing")))
    }

    /// Checks the number of operands and results.
    pub(super) fn arity(
        &self,
        inputs: std::ops::RangeInclusive<usize>,
        outputs: usize,
    ) -> Result<(), KernelError> {
        let (n_inputs, n_outputs) = (self.spec.inputs.len(), self.spec.outputs.len());
        if !inputs.contains(&n_inputs)
            || n_outputs != outputs
            || self.inputs.len() != n_inputs
            || self.outputs.len() != n_outputs
        {
            return Err(self.error(format!(
                "takes other than {n_inputs} operands and {n_outputs} results"
            )));
        }
        for (arg, bytes) in self
            .spec
            .inputs
            .iter()
            .zip(self.inputs.iter().map(|bytes| bytes.len()))
        {
            self.long_enough(arg, bytes)?;
        }
        for (arg, bytes) in self
            .spec
            .outputs
            .iter()
            .zip(self.outputs.iter().map(|bytes| bytes.len()))
        {
            self.long_enough(arg, bytes)?;
        }
        Ok(())
    }

    /// [`arity`](Self::arity), and that no argument is viewed.
    pub(super) fn plain(
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

    fn long_enough(&self, arg: &BoundArg, bytes: usize) -> Result<(), KernelError> {
        match arg.buffer_elements().and_then(|n| arg.dtype.byte_len(n)) {
            Some(needed) if needed <= bytes => Ok(()),
            _ => Err(self.error("a buffer is smaller than its shape")),
        }
    }

    /// Checks a relation between shapes that lowering guarantees.
    pub(super) fn ensure(&self, holds: bool, what: &str) -> Result<(), KernelError> {
        if holds { Ok(()) } else { Err(self.error(what)) }
    }

    /// Checks that two arguments have one dtype.
    pub(super) fn same_dtype(&self, a: &BoundArg, b: &BoundArg) -> Result<(), KernelError> {
        self.ensure(a.dtype == b.dtype, "operands differ in dtype")
    }
}

/// Outer, axis and inner sizes around one axis.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (
        shape[..axis].iter().product(),
        shape[axis],
        shape[axis + 1..].iter().product(),
    )
}

/// A row-major counter over a shape.
pub(super) struct Counter<'a> {
    shape: &'a [usize],
    /// The position along each axis.
    pub(super) at: Axes,
}

impl<'a> Counter<'a> {
    pub(super) fn new(shape: &'a [usize]) -> Self {
        Self {
            shape,
            at: SmallVec::from_elem(0, shape.len()),
        }
    }

    /// Moves to the next position; past the last it starts again.
    pub(super) fn advance(&mut self) {
        for axis in (0..self.shape.len()).rev() {
            self.at[axis] += 1;
            if self.at[axis] < self.shape[axis] {
                return;
            }
            self.at[axis] = 0;
        }
    }
}

/// Walks a view in the row-major order of an iteration space into which it broadcasts (right-aligned).
pub(super) struct Walk {
    shape: Axes,
    strides: SmallVec<[isize; 12]>,
    at: Axes,
    position: isize,
}

impl Walk {
    /// `None` when the view does not broadcast into the space.
    pub(super) fn new(arg: &BoundArg, space: &[usize]) -> Option<Self> {
        let lead = space.len().checked_sub(arg.shape.len())?;
        let mut strides: SmallVec<[isize; 12]> = SmallVec::from_elem(0, space.len());
        for (axis, (&size, &stride)) in arg.shape.iter().zip(&arg.strides).enumerate() {
            match size {
                _ if size == space[lead + axis] => strides[lead + axis] = stride,
                1 => {}
                _ => return None,
            }
        }
        Some(Self {
            shape: SmallVec::from_slice(space),
            strides,
            at: SmallVec::from_elem(0, space.len()),
            position: arg.offset as isize,
        })
    }

    /// The element position in the buffer.
    pub(super) fn position(&self) -> usize {
        self.position as usize
    }

    pub(super) fn advance(&mut self) {
        for axis in (0..self.shape.len()).rev() {
            self.at[axis] += 1;
            self.position += self.strides[axis];
            if self.at[axis] < self.shape[axis] {
                return;
            }
            self.position -= self.strides[axis] * self.shape[axis] as isize;
            self.at[axis] = 0;
        }
    }
}
