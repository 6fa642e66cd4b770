//! Rewrites of conversions.

use super::{Change, Rewrite, Site};
use graphc_base::{DType, DTypeKind};
use graphc_ir::{Op, ValueId};

pub(super) fn rewrite(site: &Site<'_>, op: &Op, inputs: &[ValueId]) -> Rewrite {
    let &x = inputs.first()?;
    if site.has_same_type(x) {
        return Some(("cast_to_same_dtype", Change::Value(x)));
    }
    let (Op::Cast { to, .. }, (Op::Cast { to: middle, .. }, before)) = (op, site.def(x)?) else {
        return None;
    };
    let &source = before.first()?;
    let from = site.graph.tensor_ty(source)?.dtype;
    if !is_exact(from, *middle) || !is_same_through(from, *middle, *to) {
        return None;
    }
    if site.has_same_type(source) {
        return Some(("cast_there_and_back", Change::Value(source)));
    }
    Some(("cast_of_exact_cast", Change::Node(op.clone(), vec![source])))
}

/// Whether converting an exact `middle` gives what converting `from` gives. Text shows the dtype, and integers out of range
/// wrap where floats do not.
fn is_same_through(from: DType, middle: DType, to: DType) -> bool {
    let leaves_integers = from.is_int() && middle.is_float() && to.is_int();
    to != DType::String && (!leaves_integers || from == to || is_exact(from, to))
}

/// Whether `to` holds every value of `from`.
fn is_exact(from: DType, to: DType) -> bool {
    let range = |dtype: DType| (dtype.kind(), dtype.bits());
    match (range(from), range(to)) {
        ((DTypeKind::Bool, _), (DTypeKind::Signed | DTypeKind::Unsigned | DTypeKind::Float, _)) => {
            !to.is_storage_only()
        }
        ((DTypeKind::Unsigned, a), (DTypeKind::Unsigned, b))
        | ((DTypeKind::Signed, a), (DTypeKind::Signed, b)) => a <= b,
        ((DTypeKind::Unsigned, a), (DTypeKind::Signed, b)) => a < b,
        ((DTypeKind::Unsigned | DTypeKind::Signed, bits), (DTypeKind::Float, _)) => {
            mantissa_bits(to).is_some_and(|mantissa| bits <= mantissa)
        }
        // Every float of 16 bits and below is an f32, and every f32 an f64.
        ((DTypeKind::Float, a), (DTypeKind::Float, b)) => b >= 32 && a < b,
        _ => false,
    }
}

/// Bits of the integers that a float holds exactly.
fn mantissa_bits(dtype: DType) -> Option<usize> {
    match dtype {
        DType::F64 => Some(53),
        DType::F32 => Some(24),
        DType::F16 => Some(11),
        DType::BF16 => Some(8),
        _ => None,
    }
}
