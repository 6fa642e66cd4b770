//! Windows that slide over an image: which element of the image each tap of each window sees.

use super::call::Call;
use crate::error::Result;
use graphc_ir::op::Padding;

pub(super) struct Windows {
    image: Vec<usize>,
    kernel: Vec<usize>,
    /// Number of windows along each axis.
    out: Vec<usize>,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    before: Vec<i64>,
    after: Vec<i64>,
}

impl Windows {
    pub(super) fn new(
        call: &Call<'_>,
        image: &[usize],
        kernel: &[usize],
        out: &[usize],
        strides: &[usize],
        pads: &[Padding],
        dilations: &[usize],
    ) -> Result<Self> {
        let steps = |sizes: &[usize]| -> Result<Vec<i64>> {
            let narrow = |&size| i32::try_from(size).map(i64::from);
            let steps: std::result::Result<_, _> = sizes.iter().map(narrow).collect();
            steps.map_err(|_| call.fail("strides or dilations are too large"))
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for pad in pads {
            for (dim, list) in [(&pad.before, &mut before), (&pad.after, &mut after)] {
                let size = i32::try_from(call.dim(dim)?);
                list.push(i64::from(
                    size.map_err(|_| call.fail("padding is too large"))?,
                ));
            }
        }
        Ok(Self {
            image: image.to_vec(),
            kernel: kernel.to_vec(),
            out: out.to_vec(),
            strides: steps(strides)?,
            dilations: steps(dilations)?,
            before,
            after,
        })
    }

    /// Number of taps of a window.
    pub(super) fn n_taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Number of windows.
    pub(super) fn n_windows(&self) -> usize {
        self.out.iter().product()
    }

    /// Number of elements of the image.
    pub(super) fn n_image(&self) -> usize {
        self.image.iter().product()
    }

    /// The first position of a window along each axis, which may be negative.
    pub(super) fn origin(&self, window: usize) -> Vec<i64> {
        let mut origin = vec![0; self.out.len()];
        let mut rest = window;
        for axis in (0..self.out.len()).rev() {
            let along = (rest % self.out[axis]) as i64;
            origin[axis] = along * self.strides[axis] - self.before[axis];
            rest /= self.out[axis];
        }
        origin
    }

    /// The position of a tap along each axis, relative to its window's origin.
    pub(super) fn tap_offset(&self, tap: usize) -> Vec<i64> {
        let mut offset = vec![0; self.kernel.len()];
        let mut rest = tap;
        for axis in (0..self.kernel.len()).rev() {
            offset[axis] = (rest % self.kernel[axis]) as i64 * self.dilations[axis];
            rest /= self.kernel[axis];
        }
        offset
    }

    /// Calls `visit` with every tap of a window and the flat position in the image that it sees, `None` outside.
    pub(super) fn taps(&self, window: usize, mut visit: impl FnMut(usize, Option<usize>)) {
        self.positions(window, |tap, position| {
            let mut flat = 0;
            for (&along, &size) in position.iter().zip(&self.image) {
                if along < 0 || along >= size as i64 {
                    return visit(tap, None);
                }
                flat = flat * size + along as usize;
            }
            visit(tap, Some(flat));
        });
    }

    /// Number of taps of a window that see the image or its padding.
    pub(super) fn n_padded_taps(&self, window: usize) -> usize {
        let mut n = 0;
        self.positions(window, |_, position| {
            let is_inside = |(axis, &along): (usize, &i64)| {
                along >= -self.before[axis] && along < self.image[axis] as i64 + self.after[axis]
            };
            n += usize::from(position.iter().enumerate().all(is_inside));
        });
        n
    }

    fn positions(&self, window: usize, mut visit: impl FnMut(usize, &[i64])) {
        let origin = self.origin(window);
        let mut position = origin.clone();
        let mut along = vec![0; self.kernel.len()];
        for tap in 0..self.n_taps() {
            visit(tap, &position);
            for axis in (0..along.len()).rev() {
                along[axis] += 1;
                position[axis] += self.dilations[axis];
                if along[axis] < self.kernel[axis] {
                    break;
                }
                along[axis] = 0;
                position[axis] = origin[axis];
            }
        }
    }
}
