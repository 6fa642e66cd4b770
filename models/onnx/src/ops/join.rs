//! Operators that join, cut and rearrange whole blocks: Concat, Split, DepthToSpace, SpaceToDepth, ReverseSequence.

use super::{Converted, OpEntry, onnx, operand};
use crate::import::{ConvertError, NodeCx};
use graphc_base::{DType, Dim, Tri};
use graphc_ir::op::{Op, SliceAxis};
use graphc_ir::{DimCheckKind, ValueId};

pub(super) const OPS: &[OpEntry] = &[
    onnx("Concat", concat),
    onnx("DepthToSpace", depth_to_space),
    onnx("ReverseSequence", reverse_sequence),
    onnx("SpaceToDepth", space_to_depth),
    onnx("Split", split),
];

fn concat(cx: &mut NodeCx<'_, '_>) -> Converted {
    let operands = cx.inputs()?;
    let Some(&first) = operands.first() else {
        return Err(ConvertError::Invalid("takes at least one operand".into()));
    };
    let raw_axis = if cx.opset() < 4 {
        cx.int("axis", 1)?
    } else {
        cx.int_req("axis")?
    };
    let axis = operand::axis(raw_axis, cx.b.rank(first)?)?;
    Ok(vec![cx.b.concat(&operands, axis)?])
}

/// Sizes come from an attribute before opset 13, then from an operand that may be data, as they also may at opset 1;
/// without them the pieces are equal, the last one smaller where `num_outputs` does not divide the axis.
fn split(cx: &mut NodeCx<'_, '_>) -> Converted {
    let x = cx.input(0)?;
    let shape = cx.b.shape(x)?;
    let axis = operand::axis(cx.int("axis", 0)?, shape.len())?;
    let size = &shape[axis];
    let sizes: Vec<Dim> = if cx.opset() < 13 {
        match cx.ints_opt("split")? {
            Some(split) => {
                for &part in &split {
                    operand::size("split", part)?;
                }
                split.into_iter().map(Dim::constant).collect()
            }
            None => match cx.opt(1) {
                Some(split) => {
                    let split = cx.int_vector(split)?;
                    cx.sizes(split, "split")?
                }
                None => equal_parts(cx, size, cx.n_outputs(), true),
            },
        }
    } else {
        let n_outputs = match cx.int_opt("num_outputs")? {
            Some(n_outputs) => operand::size("num_outputs", n_outputs)?,
            None => cx.n_outputs(),
        };
        match cx.opt(1) {
            Some(split) => {
                let split = cx.int_vector(split)?;
                cx.sizes(split, "split")?
            }
            None => equal_parts(cx, size, n_outputs, cx.opset() < 18),
        }
    };
    if sizes.len() != cx.n_outputs() {
        return Err(ConvertError::Invalid(format!(
            "{} outputs for {} pieces",
            cx.n_outputs(),
            sizes.len()
        )));
    }
    let mut start = Dim::constant(0);
    let mut pieces = Vec::with_capacity(sizes.len());
    for part in sizes {
        let next = cx.b.dims().add(&start, &part);
        pieces.push(cx.b.slice_axis(x, axis, SliceAxis::range(start, part))?);
        start = next;
    }
    match cx.b.dims().eq(&start, size) {
        Tri::Yes => {}
        Tri::Unknown => cx.check(DimCheckKind::Equal(start, size.clone())),
        Tri::No => {
            return Err(ConvertError::Invalid(
                "the pieces together are not as long as the axis".into(),
            ));
        }
    }
    Ok(pieces)
}

/// Before opset 18 the number of parts must divide the axis.
fn equal_parts(cx: &NodeCx<'_, '_>, size: &Dim, n_parts: usize, is_exact: bool) -> Vec<Dim> {
    let dims = cx.b.dims();
    if is_exact {
        return vec![dims.div_exact(size, &Dim::from(n_parts.max(1))); n_parts];
    }
    let part = dims.ceil_div(size, &Dim::from(n_parts.max(1)));
    (0..n_parts)
        .map(|part_idx| {
            let start = dims.mul(&part, &Dim::from(part_idx));
            let rest = dims.max(&dims.sub(size, &start), &Dim::constant(0));
            dims.min(&part, &rest)
        })
        .collect()
}

/// The shape `[N, C, H, W]` of the operand, and the block size.
fn image(cx: &mut NodeCx<'_, '_>) -> Result<(ValueId, [Dim; 4], Dim), ConvertError> {
    let x = cx.input(0)?;
    let block = cx.int_req("blocksize")?;
    if block <= 0 {
        return Err(ConvertError::Invalid(format!(
            "blocksize must be positive, is {block}"
        )));
    }
    let shape: [Dim; 4] =
        cx.b.shape(x)?
            .try_into()
            .map_err(|_| ConvertError::Invalid("x must have rank 4".into()))?;
    Ok((x, shape, Dim::constant(block)))
}

fn depth_to_space(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, [n, c, h, w], block) = image(cx)?;
    let dims = cx.b.dims();
    let area = dims.mul(&block, &block);
    let depth = dims.div_exact(&c, &area);
    let (tall, wide) = (dims.mul(&h, &block), dims.mul(&w, &block));
    let (split, perm) = match cx.string("mode", "DCR")?.as_str() {
        "DCR" => (
            vec![n.clone(), block.clone(), block, depth.clone(), h, w],
            vec![0, 3, 4, 1, 5, 2],
        ),
        "CRD" => (
            vec![n.clone(), depth.clone(), block.clone(), block, h, w],
            vec![0, 1, 4, 2, 5, 3],
        ),
        other => return Err(unknown_mode(other)),
    };
    let blocks = cx.b.reshape(x, split)?;
    let moved = cx.b.transpose(blocks, perm)?;
    Ok(vec![cx.b.reshape(moved, vec![n, depth, tall, wide])?])
}

fn unknown_mode(mode: &str) -> ConvertError {
    ConvertError::Invalid(format!("mode must be DCR or CRD, is `{mode}`"))
}

fn space_to_depth(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, [n, c, h, w], block) = image(cx)?;
    let dims = cx.b.dims();
    let area = dims.mul(&block, &block);
    let (rows, columns) = (dims.div_exact(&h, &block), dims.div_exact(&w, &block));
    let depth = dims.mul(&c, &area);
    let split = vec![
        n.clone(),
        c,
        rows.clone(),
        block.clone(),
        columns.clone(),
        block,
    ];
    let perm = match cx.string("mode", "DCR")?.as_str() {
        "DCR" => vec![0, 3, 5, 1, 2, 4],
        "CRD" => vec![0, 1, 3, 5, 2, 4],
        other => return Err(unknown_mode(other)),
    };
    let blocks = cx.b.reshape(x, split)?;
    let moved = cx.b.transpose(blocks, perm)?;
    Ok(vec![cx.b.reshape(moved, vec![n, depth, rows, columns])?])
}

fn reverse_sequence(cx: &mut NodeCx<'_, '_>) -> Converted {
    let (x, lens) = (cx.input(0)?, cx.input(1)?);
    let rank = cx.b.rank(x)?;
    let op = Op::ReverseSequence {
        batch_axis: operand::axis(cx.int("batch_axis", 1)?, rank)?,
        time_axis: operand::axis(cx.int("time_axis", 0)?, rank)?,
    };
    let lens = cx.b.cast(lens, DType::I64)?;
    Ok(vec![cx.b.op1(op, &[x, lens])?])
}
