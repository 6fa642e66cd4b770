//! Iteration spaces: a shape with the strides that each argument has in it, in as few axes as can be.

use graphc_kernel::BoundArg;
use smallvec::SmallVec;

pub(crate) type Strides = SmallVec<[isize; 6]>;

/// A shape and, for each of several arguments, the distances between neighbours along its axes.
pub(crate) struct Space {
    pub(crate) shape: SmallVec<[usize; 6]>,
    pub(crate) strides: SmallVec<[Strides; 4]>,
}

impl Space {
    /// The space of `shape`, into which all arguments broadcast (right-aligned); `None` where one does not. Axes of size 1 are
    /// left out, and neighbouring axes that every argument walks as one are one. A space of no axes has one position.
    pub(crate) fn new<'a>(
        shape: &[usize],
        args: impl Iterator<Item = &'a BoundArg> + Clone,
    ) -> Option<Self> {
        let mut all: SmallVec<[Strides; 4]> = SmallVec::new();
        for arg in args {
            let lead = shape.len().checked_sub(arg.shape.len())?;
            let mut strides = Strides::from_elem(0, shape.len());
            for (axis, (&size, &stride)) in arg.shape.iter().zip(&arg.strides).enumerate() {
                match size {
                    _ if size == shape[lead + axis] => strides[lead + axis] = stride,
                    1 => {}
                    _ => return None,
                }
            }
            all.push(strides);
        }
        Some(Self::collapse(shape, &all))
    }

    fn collapse(shape: &[usize], all: &[Strides]) -> Self {
        let mut this = Self {
            shape: SmallVec::new(),
            strides: SmallVec::from_elem(Strides::new(), all.len()),
        };
        for (axis, &size) in shape.iter().enumerate().filter(|&(_, &size)| size != 1) {
            let merges = !this.shape.is_empty()
                && all.iter().zip(&this.strides).all(|(strides, merged)| {
                    merged.last() == strides[axis].checked_mul(size as isize).as_ref()
                });
            if merges && let Some(last) = this.shape.last_mut() {
                *last *= size;
            } else {
                this.shape.push(size);
            }
            for (strides, merged) in all.iter().zip(&mut this.strides) {
                if merges {
                    merged.pop();
                }
                merged.push(strides[axis]);
            }
        }
        this
    }

    pub(crate) fn n_positions(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Calls `visit` for each run of neighbours along the last axis in a range of positions, with the position of its first element
/// in the argument and the run's length.
pub(crate) fn each_run(
    shape: &[usize],
    strides: &[isize],
    offset: usize,
    first: usize,
    n: usize,
    mut visit: impl FnMut(isize, usize),
) {
    let Some((&inner, outer)) = shape.split_last() else {
        if n > 0 {
            visit(offset as isize, 1);
        }
        return;
    };
    let mut at: SmallVec<[usize; 12]> = SmallVec::from_elem(0, shape.len());
    let (mut rest, mut position) = (first, offset as isize);
    for axis in (0..shape.len()).rev() {
        at[axis] = rest % shape[axis];
        rest /= shape[axis];
        position += at[axis] as isize * strides[axis];
    }
    let mut left = n;
    let last = outer.len();
    while left > 0 {
        let run = (inner - at[last]).min(left);
        visit(position, run);
        left -= run;
        position -= at[last] as isize * strides[last];
        at[last] = 0;
        for axis in (0..outer.len()).rev() {
            at[axis] += 1;
            position += strides[axis];
            if at[axis] < shape[axis] {
                break;
            }
            position -= strides[axis] * shape[axis] as isize;
            at[axis] = 0;
        }
    }
}

/// Copies a run of `to.len()` elements at equal distances.
#[inline]
pub(crate) fn copy_run<T: Copy>(from: &[T], position: isize, stride: isize, to: &mut [T]) {
    match stride {
        1 => to.copy_from_slice(&from[position as usize..][..to.len()]),
        0 => to.fill(from[position as usize]),
        _ => {
            for (step, to) in to.iter_mut().enumerate() {
                *to = from[(position + step as isize * stride) as usize];
            }
        }
    }
}
