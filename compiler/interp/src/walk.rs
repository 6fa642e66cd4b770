//! Walking several strided operands in step, the last axis as a row.

/// The position of an element in each of `N` operands, for all positions of a shape in row-major order.
pub(crate) struct Walk<const N: usize> {
    outer: Vec<(usize, [isize; N])>,
    /// Elements per row.
    pub(crate) row: usize,
    /// Distance of neighbours in a row, per operand.
    pub(crate) steps: [isize; N],
}

impl<const N: usize> Walk<N> {
    /// Neighbouring axes that all operands walk as one are joined, so that rows are long.
    pub(crate) fn new(shape: &[usize], strides: [&[isize]; N]) -> Self {
        let mut axes: Vec<(usize, [isize; N])> = Vec::with_capacity(shape.len());
        for (axis, &size) in shape.iter().enumerate() {
            let steps: [isize; N] = std::array::from_fn(|operand| strides[operand][axis]);
            if size == 1 {
                continue;
            }
            match axes.last_mut() {
                Some((outer_size, outer_steps))
                    if (0..N).all(|i| outer_steps[i] == steps[i].wrapping_mul(size as isize)) =>
                {
                    *outer_size *= size;
                    *outer_steps = steps;
                }
                _ => axes.push((size, steps)),
            }
        }
        let (row, steps) = axes.pop().unwrap_or((1, [0; N]));
        Self {
            outer: axes,
            row,
            steps,
        }
    }

    /// Calls `visit` with the offsets at which each row starts.
    pub(crate) fn rows(&self, start: [isize; N], mut visit: impl FnMut([isize; N])) {
        if self.row == 0 || self.outer.iter().any(|(size, _)| *size == 0) {
            return;
        }
        let mut position = vec![0; self.outer.len()];
        let mut offsets = start;
        loop {
            visit(offsets);
            let mut axis = self.outer.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                let (size, steps) = &self.outer[axis];
                position[axis] += 1;
                if position[axis] < *size {
                    (0..N).for_each(|i| offsets[i] += steps[i]);
                    break;
                }
                position[axis] = 0;
                (0..N).for_each(|i| offsets[i] -= steps[i] * (*size as isize - 1));
            }
        }
    }
}

/// Row-major strides of a shape.
pub(crate) fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step: isize = 1;
    for axis in (0..shape.len()).rev() {
        strides[axis] = step;
        // Only shapes with an axis of size 0 can wrap here, and those are never walked.
        step = step.wrapping_mul(shape[axis] as isize);
    }
    strides
}

/// Strides by which an operand of shape `from` is read at the positions of `to`, to which it broadcasts.
pub(crate) fn broadcast_strides(from: &[usize], to: &[usize]) -> Vec<isize> {
    let own = strides(from);
    let n_new = to.len() - from.len();
    (0..to.len())
        .map(|axis| match axis.checked_sub(n_new) {
            Some(own_axis) if from[own_axis] != 1 => own[own_axis],
            _ => 0,
        })
        .collect()
}

/// The elements at the positions of `shape` by these strides from `start`.
pub(crate) fn gather_strided<T: Clone>(
    x: &[T],
    shape: &[usize],
    strides: &[isize],
    start: isize,
) -> Vec<T> {
    let walk = Walk::new(shape, [strides]);
    let mut result = Vec::with_capacity(if shape.contains(&0) {
        0
    } else {
        shape.iter().product()
    });
    let step = walk.steps[0];
    walk.rows([start], |[offset]| {
        let first = offset as usize;
        match step {
            1 => result.extend_from_slice(&x[first..first + walk.row]),
            0 => result.extend(std::iter::repeat_n(&x[first], walk.row).cloned()),
            _ => result
                .extend((0..walk.row).map(|i| x[(offset + i as isize * step) as usize].clone())),
        }
    });
    result
}

/// Calls `visit` with every position of a shape, in row-major order.
pub(crate) fn for_each_position(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    if shape.contains(&0) {
        return;
    }
    let mut position = vec![0; shape.len()];
    loop {
        visit(&position);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            position[axis] += 1;
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
}

/// A shape seen as `[outer, axis, inner]`.
#[derive(Clone, Copy)]
pub(crate) struct Split {
    pub(crate) outer: usize,
    pub(crate) size: usize,
    pub(crate) inner: usize,
}

impl Split {
    pub(crate) fn at(shape: &[usize], axis: usize) -> Self {
        Self {
            outer: shape[..axis].iter().product(),
            size: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        }
    }

    /// The flat position of element `idx` along the axis.
    pub(crate) fn at_index(&self, outer: usize, idx: usize, inner: usize) -> usize {
        (outer * self.size + idx) * self.inner + inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_reversed_and_broadcast_reads() {
        let x: Vec<i32> = (0..6).collect();
        assert_eq!(gather_strided(&x, &[3, 2], &[1, 3], 0), [0, 3, 1, 4, 2, 5]);
        assert_eq!(gather_strided(&x, &[2, 3], &[3, -1], 2), [2, 1, 0, 5, 4, 3]);
        assert_eq!(gather_strided(&x, &[2, 2], &[0, 1], 4), [4, 5, 4, 5]);
        assert_eq!(gather_strided(&x, &[2, 0, 3], &[0, 0, 1], 0), []);
        assert_eq!(gather_strided(&x, &[], &[], 5), [5]);
    }

    #[test]
    fn axes_walked_as_one_are_joined() {
        let walk = Walk::new(&[2, 3, 4], [&strides(&[2, 3, 4]), &[12, 4, 1]]);
        assert_eq!(walk.row, 24);
        let walk = Walk::new(&[2, 3], [&[3, 1], &[0, 1]]);
        assert_eq!(walk.row, 3);
    }

    #[test]
    fn positions_come_in_row_major_order() {
        let mut seen = Vec::new();
        for_each_position(&[2, 2], |position| seen.push(position.to_vec()));
        assert_eq!(seen, [[0, 0], [0, 1], [1, 0], [1, 1]]);
        for_each_position(&[3, 0], |_| panic!("nothing to visit"));
    }
}
