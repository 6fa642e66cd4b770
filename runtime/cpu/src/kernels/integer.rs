//! `MatMul` of integers, which wraps, and of `f64`: four rows by some columns at a time.

use super::matmul::{Layout, Products, products};
use super::shared::Shared;
use super::{FastKernel, KernelCx};
use crate::isa::{Target, per_isa};
use graphc_base::DType;
use graphc_kernel::BoundSpec;
use graphc_kernel::reference::KernelError;
use graphc_kernel::reference::element::{Number, typed, typed_mut};

/// Rows and columns of a tile.
const ROWS: usize = 4;
const COLUMNS: usize = 32;

/// Rows of an item of the parallel loop.
const ITEM: usize = 32;

struct Plain {
    cx: KernelCx,
    products: Products,
    dtype: DType,
}

pub(super) fn select(spec: &BoundSpec, cx: &KernelCx) -> Option<Box<dyn FastKernel>> {
    let dtype = spec.outputs.first()?.dtype;
    let is_taken =
        dtype == DType::F64 || (!dtype.is_float() && dtype.bits() >= 8 && dtype != DType::Bool);
    Some(Box::new(Plain {
        cx: cx.clone(),
        products: products(spec, dtype).filter(|_| is_taken)?,
        dtype,
    }))
}

/// A matrix in a slice.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    data: &'a [T],
    start: isize,
    row: isize,
    column: isize,
}

impl<T: Copy> Matrix<'_, T> {
    #[inline(always)]
    fn at(&self, row: usize, column: usize) -> usize {
        (self.start + row as isize * self.row + column as isize * self.column) as usize
    }
}

impl FastKernel for Plain {
    fn name(&self) -> &'static str {
        "tiles"
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        _: &mut [u8],
    ) -> Result<(), KernelError> {
        if self.products.n_batch == 0 {
            return Ok(());
        }
        match self.dtype {
            DType::U8 => self.run_typed::<u8>(inputs, outputs),
            DType::I8 => self.run_typed::<i8>(inputs, outputs),
            DType::U16 => self.run_typed::<u16>(inputs, outputs),
            DType::I16 => self.run_typed::<i16>(inputs, outputs),
            DType::U32 => self.run_typed::<u32>(inputs, outputs),
            DType::I32 => self.run_typed::<i32>(inputs, outputs),
            DType::U64 => self.run_typed::<u64>(inputs, outputs),
            DType::I64 => self.run_typed::<i64>(inputs, outputs),
            _ => self.run_typed::<f64>(inputs, outputs),
        }
        Ok(())
    }
}

impl Plain {
    fn run_typed<T: Number + Exact>(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]]) {
        let part = |swapped: bool| -> &[T] {
            let bytes = inputs[usize::from(self.products.is_swapped != swapped)];
            // A buffer of no bytes need not be aligned.
            if bytes.is_empty() { &[] } else { typed(bytes) }
        };
        let (a, b) = (part(false), part(true));
        let [m, n, k] = self.products.sizes;
        let y = Shared::new(typed_mut::<T>(outputs[0]));
        let n_items = m.div_ceil(ITEM);
        let cost = (m * n)
            .saturating_mul(k)
            .saturating_mul(self.products.n_batch)
            / 8;
        self.cx
            .run(self.products.n_batch * n_items, cost, &|_, item| {
                let (product, first) = (item / n_items, item % n_items * ITEM);
                let (a_start, b_start) = self.products.starts(product);
                let matrix = |data, start, layout: Layout| Matrix {
                    data,
                    start,
                    row: layout.row,
                    column: layout.column,
                };
                let a = matrix(a, a_start, self.products.a);
                let b = matrix(b, b_start, self.products.b);
                let n_rows = ITEM.min(m - first);
                // SAFETY: items have rows of their own.
                let y = unsafe { y.part((product * m + first) * n, n_rows * n) };
                for (index, rows) in y.chunks_mut(ROWS * n).enumerate() {
                    tiles(self.cx.isa, a, b, first + index * ROWS, [n, k], rows);
                }
            });
    }
}

/// Numbers whose sums are of their own type.
trait Exact: Number {
    fn multiply_add(self, left: Self, right: Self) -> Self;
    const ZERO: Self;
}

macro_rules! integers {
    ($($ty:ty),*) => {$(
        impl Exact for $ty {
            const ZERO: Self = 0;
            #[inline(always)]
            fn multiply_add(self, left: Self, right: Self) -> Self {
                self.wrapping_add(left.wrapping_mul(right))
            }
        }
    )*};
}
integers!(u8, i8, u16, i16, u32, i32, u64, i64);

impl Exact for f64 {
    const ZERO: Self = 0.0;
    #[inline(always)]
    fn multiply_add(self, left: Self, right: Self) -> Self {
        self + left * right
    }
}

per_isa!(
    /// Up to [`ROWS`] rows of a product.
    fn tiles[T: Exact](
        a: Matrix<'_, T>,
        b: Matrix<'_, T>,
        first: usize,
        sizes: [usize; 2],
        y: &mut [T],
    ) = tiles_body
);

#[inline(always)]
fn tiles_body<P: Target, T: Exact>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    first: usize,
    [n, k]: [usize; 2],
    y: &mut [T],
) {
    let n_rows = y.len() / n;
    for column in (0..n).step_by(COLUMNS) {
        let width = COLUMNS.min(n - column);
        let mut sums = [[T::ZERO; COLUMNS]; ROWS];
        for step in 0..k {
            let mut right = [T::ZERO; COLUMNS];
            if b.column == 1 {
                let from = &b.data[b.at(step, column)..][..width];
                match from.first_chunk::<COLUMNS>() {
                    Some(from) => right = *from,
                    None => right[..width].copy_from_slice(from),
                }
            } else {
                for (index, right) in right[..width].iter_mut().enumerate() {
                    *right = b.data[b.at(step, column + index)];
                }
            }
            for (row, sums) in sums.iter_mut().enumerate().take(n_rows) {
                let left = a.data[a.at(first + row, step)];
                for lane in 0..COLUMNS {
                    sums[lane] = sums[lane].multiply_add(left, right[lane]);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate().take(n_rows) {
            y[row * n + column..][..width].copy_from_slice(&sums[..width]);
        }
    }
}
