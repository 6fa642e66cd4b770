//! Methods for operators that importers use all the time; what would change nothing makes no node.

use super::Builder;
use crate::graph::ValueId;
use crate::infer::TypeError;
use crate::op::{BinaryOp, Op, ReduceKind, SliceAxis, UnaryOp};
use graphc_base::{DType, Dim};

type Made = Result<ValueId, TypeError>;

impl Builder {
    /// `op(x)`.
    pub fn unary(&mut self, op: UnaryOp, x: ValueId) -> Made {
        self.op1(Op::Unary(op), &[x])
    }

    /// `op(a, b)` with broadcasting.
    pub fn binary(&mut self, op: BinaryOp, a: ValueId, b: ValueId) -> Made {
        self.op1(Op::Binary(op), &[a, b])
    }

    /// `a + b`.
    pub fn add(&mut self, a: ValueId, b: ValueId) -> Made {
        self.binary(BinaryOp::Add, a, b)
    }

    /// `a - b`.
    pub fn sub(&mut self, a: ValueId, b: ValueId) -> Made {
        self.binary(BinaryOp::Sub, a, b)
    }

    /// `a · b`.
    pub fn mul(&mut self, a: ValueId, b: ValueId) -> Made {
        self.binary(BinaryOp::Mul, a, b)
    }

    /// `a / b`.
    pub fn div(&mut self, a: ValueId, b: ValueId) -> Made {
        self.binary(BinaryOp::Div, a, b)
    }

    /// `a` where `cond`, else `b`.
    pub fn select(&mut self, cond: ValueId, a: ValueId, b: ValueId) -> Made {
        self.op1(Op::Select, &[cond, a, b])
    }

    /// x in another dtype.
    pub fn cast(&mut self, x: ValueId, to: DType) -> Made {
        if self.dtype(x)? == to {
            return Ok(x);
        }
        self.op1(Op::Cast { to, saturate: true }, &[x])
    }

    /// x under another shape.
    pub fn reshape(&mut self, x: ValueId, shape: Vec<Dim>) -> Made {
        if self.tensor(x)?.shape == shape {
            return Ok(x);
        }
        self.op1(Op::Reshape { shape }, &[x])
    }

    /// x with permuted axes.
    pub fn transpose(&mut self, x: ValueId, perm: Vec<usize>) -> Made {
        if perm.iter().copied().eq(0..self.rank(x)?) {
            return Ok(x);
        }
        self.op1(Op::Transpose { perm }, &[x])
    }

    /// x broadcast to a shape.
    pub fn expand(&mut self, x: ValueId, shape: Vec<Dim>) -> Made {
        if self.tensor(x)?.shape == shape {
            return Ok(x);
        }
        self.op1(Op::Expand { shape }, &[x])
    }

    /// A slice of x, one entry per axis.
    pub fn slice(&mut self, x: ValueId, axes: Vec<SliceAxis>) -> Made {
        let whole: Vec<SliceAxis> = self.tensor(x)?.shape.iter().map(SliceAxis::full).collect();
        if axes == whole {
            return Ok(x);
        }
        self.op1(Op::Slice { axes }, &[x])
    }

    /// A slice of x along one axis.
    pub fn slice_axis(&mut self, x: ValueId, axis: usize, slice: SliceAxis) -> Made {
        let mut axes: Vec<SliceAxis> = self.tensor(x)?.shape.iter().map(SliceAxis::full).collect();
        match axes.get_mut(axis) {
            Some(entry) => *entry = slice,
            None => {
                return Err(TypeError {
                    op: "slice",
                    message: format!("axis {axis} is out of range for rank {}", axes.len()),
                });
            }
        }
        self.slice(x, axes)
    }

    /// Values joined along an axis.
    pub fn concat(&mut self, values: &[ValueId], axis: usize) -> Made {
        match values {
            [one] => Ok(*one),
            _ => self.op1(Op::Concat { axis }, values),
        }
    }

    /// x with axes of size 1 added; `axes` are positions in the result, ascending.
    pub fn unsqueeze(&mut self, x: ValueId, axes: &[usize]) -> Made {
        let mut rest = self.shape(x)?.into_iter();
        let rank = rest.len() + axes.len();
        let shape = (0..rank)
            .filter_map(|axis| {
                if axes.contains(&axis) {
                    Some(Dim::ONE)
                } else {
                    rest.next()
                }
            })
            .collect();
        self.reshape(x, shape)
    }

    /// x without these axes, which have size 1.
    pub fn squeeze(&mut self, x: ValueId, axes: &[usize]) -> Made {
        let shape = self.shape(x)?;
        let kept = shape.into_iter().enumerate();
        let kept = kept
            .filter(|(axis, _)| !axes.contains(axis))
            .map(|(_, dim)| dim);
        let kept = kept.collect();
        self.reshape(x, kept)
    }

    /// Matrix product.
    pub fn matmul(&mut self, a: ValueId, b: ValueId) -> Made {
        self.op1(Op::MatMul, &[a, b])
    }

    /// A reduction over axes.
    pub fn reduce(
        &mut self,
        kind: ReduceKind,
        x: ValueId,
        axes: &[usize],
        keep_dims: bool,
    ) -> Made {
        let reduced = (0..self.rank(x)?)
            .map(|axis| Dim::constant(i64::from(axes.contains(&axis))))
            .collect();
        self.op1(
            Op::Reduce {
                kind,
                reduced,
                keep_dims,
            },
            &[x],
        )
    }

    /// Elements of x along an axis.
    pub fn gather(&mut self, x: ValueId, indices: ValueId, axis: usize) -> Made {
        self.op1(Op::Gather { axis }, &[x, indices])
    }

    /// Softmax along an axis.
    pub fn softmax(&mut self, x: ValueId, axis: usize) -> Made {
        self.op1(Op::Softmax { axis }, &[x])
    }
}
