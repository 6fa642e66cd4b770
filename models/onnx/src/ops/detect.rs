//! Detection: NonMaxSuppression, with any of its optional operands.

use super::{Converted, OpEntry, onnx};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim};
use graphc_ir::ValueId;
use graphc_ir::op::Op;

pub(super) const OPS: &[OpEntry] = &[onnx("NonMaxSuppression", non_max_suppression)];

/// Without a limit per class nothing is selected, without a threshold of overlap it is 0, and without one of scores
/// every box is a candidate.
fn non_max_suppression(cx: &mut NodeCx<'_, '_>) -> Converted {
    let center_point_box = match cx.int("center_point_box", 0)? {
        0 => false,
        1 => true,
        other => {
            return Err(ConvertError::Invalid(format!(
                "center_point_box must be 0 or 1, is {other}"
            )));
        }
    };
    let (boxes, scores) = (cx.input(0)?, cx.input(1)?);
    let boxes = cx.b.cast(boxes, DType::F32)?;
    let scores = cx.b.cast(scores, DType::F32)?;
    let max_per_class = match given(cx, 2)? {
        Some(limit) => cx.int_scalar(limit)?,
        None => cx.int_const(0),
    };
    let iou = threshold(cx, 3, 0.0)?;
    let score = threshold(cx, 4, f64::NEG_INFINITY)?;
    let (boxes_shape, scores_shape) = (cx.b.shape(boxes)?, cx.b.shape(scores)?);
    let ([samples, n_boxes, _], [_, n_classes, _]) = (&boxes_shape[..], &scores_shape[..]) else {
        return Err(ConvertError::Invalid(
            "boxes and scores must have rank 3".into(),
        ));
    };
    let capacity = cx.b.dims().product([samples, n_classes, n_boxes]);
    let op = Op::NonMaxSuppression {
        center_point_box,
        capacity: capacity.clone(),
    };
    let results = cx.b.op(op, &[boxes, scores, max_per_class, iou, score])?;
    let [rows, count] = results[..] else {
        return Err(ConvertError::Invalid(
            "non_max_suppression gives two results".into(),
        ));
    };
    let n_selected = cx.count(count, "selected", &capacity)?;
    Ok(vec![cx.first(rows, 0, n_selected)?])
}

/// An operand that is there and not empty.
fn given(cx: &NodeCx<'_, '_>, i: usize) -> Result<Option<ValueId>, ConvertError> {
    match cx.opt(i) {
        Some(value) if cx.b.shape(value)? != [Dim::ZERO] => Ok(Some(value)),
        _ => Ok(None),
    }
}

fn threshold(cx: &mut NodeCx<'_, '_>, i: usize, default: f64) -> Result<ValueId, ConvertError> {
    match given(cx, i)? {
        Some(threshold) => {
            let threshold = cx.scalar(threshold)?;
            Ok(cx.b.cast(threshold, DType::F32)?)
        }
        None => Ok(cx.b.const_scalar(DType::F32, default)),
    }
}
