//! Order and selection: the largest, the non-zero, the distinct.

use super::call::{COMPARABLE, Call, NUMBER, NUMBER_OR_BOOL, Outputs, tensor};
use graphc_base::{DType, Dim};

pub(super) fn top_k(call: &mut Call<'_>, axis: usize, k: &Dim) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, NUMBER)?;
    call.axis(axis, x.rank())?;
    call.sizes("k", std::slice::from_ref(k))?;
    let what = format!("k exceeds the size of axis {axis}");
    call.at_most(k, &x.shape[axis], what)?;
    let mut shape = x.shape.clone();
    shape[axis] = k.clone();
    Ok(vec![
        tensor(x.dtype, shape.clone()),
        tensor(DType::I64, shape),
    ])
}

pub(super) fn non_zero(call: &mut Call<'_>) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, NUMBER_OR_BOOL)?;
    let rank = call.count("rank", x.rank())?;
    let n_elements = call.n_elements(&x.shape);
    Ok(vec![
        tensor(DType::I64, vec![rank, n_elements]),
        tensor(DType::I64, Vec::new()),
    ])
}

pub(super) fn unique(call: &mut Call<'_>, axis: Option<usize>) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, COMPARABLE)?;
    let (shape, n_items) = match axis {
        Some(axis) => {
            call.axis(axis, x.rank())?;
            (x.shape.clone(), x.shape[axis].clone())
        }
        None => {
            let n_elements = call.n_elements(&x.shape);
            (vec![n_elements.clone()], n_elements)
        }
    };
    let per_item = || tensor(DType::I64, vec![n_items.clone()]);
    Ok(vec![
        tensor(x.dtype, shape),
        per_item(),
        per_item(),
        per_item(),
        tensor(DType::I64, Vec::new()),
    ])
}
