//! Windows that slide over spatial axes, with the checks that make every position safe.

use graphc_base::attrs::Padding;
use smallvec::SmallVec;

/// Sizes and coordinates beyond this are left to the reference evaluator.
const LARGEST: i64 = 1 << 30;

/// One spatial axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    /// Size of x.
    pub(crate) size: usize,
    /// Size of y.
    pub(crate) out: usize,
    pub(crate) taps: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) before: i64,
    pub(crate) after: i64,
}

pub(crate) type Axes = SmallVec<[Axis; 4]>;

/// The axes of a kernel, or `None` where attributes do not fit.
pub(crate) fn axes(
    size: &[usize],
    out: &[usize],
    kernel: &[usize],
    strides: &[usize],
    dilations: &[usize],
    pads: &[Padding],
) -> Option<Axes> {
    let n_axes = size.len();
    let lens = [
        out.len(),
        kernel.len(),
        strides.len(),
        dilations.len(),
        pads.len(),
    ];
    if lens.iter().any(|&len| len != n_axes) {
        return None;
    }
    let moderate = |value: i64| (value.abs() <= LARGEST).then_some(value);
    (0..n_axes)
        .map(|axis| {
            for value in [
                size[axis],
                out[axis],
                kernel[axis],
                strides[axis],
                dilations[axis],
            ] {
                moderate(i64::try_from(value).ok()?)?;
            }
            (strides[axis] > 0).then_some(Axis {
                size: size[axis],
                out: out[axis],
                taps: kernel[axis],
                stride: strides[axis],
                dilation: dilations[axis],
                before: moderate(pads[axis].before.as_const()?)?,
                after: moderate(pads[axis].after.as_const()?)?,
            })
        })
        .collect()
}

impl Axis {
    /// The position in x that a tap of the first window sees; it may lie outside.
    pub(crate) fn first(&self, tap: usize) -> i64 {
        tap as i64 * self.dilation as i64 - self.before
    }

    /// The position in x that a tap of a window sees.
    pub(crate) fn position(&self, window: usize, tap: usize) -> Option<usize> {
        let position = window as i64 * self.stride as i64 + self.first(tap);
        (0..self.size as i64)
            .contains(&position)
            .then_some(position as usize)
    }

    /// Windows whose tap lies in x: from the first to one beyond the last.
    pub(crate) fn windows(&self, tap: usize) -> (usize, usize) {
        let (first, stride) = (self.first(tap), self.stride as i64);
        let begin = if first >= 0 {
            0
        } else {
            (-first + stride - 1) / stride
        };
        let end = (self.size as i64 - first + stride - 1).div_euclid(stride);
        let out = self.out as i64;
        let begin = begin.min(out);
        (begin as usize, end.clamp(begin, out) as usize)
    }

    /// Whether windows are neighbours, each of one tap, over the whole of x.
    pub(crate) fn is_identity(&self) -> bool {
        self.taps == 1 && self.stride == 1 && self.before == 0 && self.size == self.out
    }
}

/// Product of a size over all axes.
pub(crate) fn volume(axes: &[Axis], of: impl Fn(&Axis) -> usize) -> usize {
    axes.iter().map(of).fold(1, usize::saturating_mul)
}
