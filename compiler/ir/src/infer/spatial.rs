//! Pooling, resampling, and blocks put back together.

use super::TypeError;
use super::call::{Call, DTypeClass, FLOAT, I64, NUMBER, Outputs, one};
use crate::op::{Col2Im, Pool, PoolKind, Resize, ResizePolicy};
use crate::types::TensorType;
use graphc_base::{DType, Dim};

pub(super) fn pool(call: &mut Call<'_>, pool: &Pool) -> Outputs {
    let [x] = call.tensors(["x"])?;
    let class = match pool.kind {
        PoolKind::Max => NUMBER,
        PoolKind::Average { .. } => FLOAT,
        PoolKind::Lp { p } => {
            call.positive("p", p)?;
            FLOAT
        }
    };
    let shape = pooled(call, x, pool, class)?;
    one(x.dtype, shape)
}

pub(super) fn max_pool_indices(call: &mut Call<'_>, pool: &Pool) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.ensure(pool.kind == PoolKind::Max, "the pooling is not a maximum")?;
    let shape = pooled(call, x, pool, NUMBER)?;
    one(DType::I64, shape)
}

fn pooled(
    call: &Call<'_>,
    x: &TensorType,
    pool: &Pool,
    class: DTypeClass,
) -> Result<Vec<Dim>, TypeError> {
    call.want("x", x.dtype, class)?;
    call.rank_at_least("x", x, 3)?;
    let n_spatial = x.rank() - 2;
    let per_axis = [
        ("kernel", &pool.kernel),
        ("strides", &pool.strides),
        ("dilations", &pool.dilations),
    ];
    for (what, sizes) in per_axis {
        call.length(what, sizes.len(), n_spatial)?;
        for &size in sizes {
            call.positive(what, size)?;
        }
    }
    call.length("pads", pool.pads.len(), n_spatial)?;
    call.length("out", pool.out.len(), n_spatial)?;
    call.sizes("out", &pool.out)?;
    Ok([&x.shape[..2], &pool.out[..]].concat())
}

pub(super) fn max_unpool(call: &mut Call<'_>, shape: &[Dim]) -> Outputs {
    let [x, indices] = call.tensors(["x", "indices"])?;
    call.want("x", x.dtype, NUMBER)?;
    call.want("indices", indices.dtype, I64)?;
    call.rank_at_least("x", x, 3)?;
    let what = "x and indices differ in shape";
    call.equal_shapes(&x.shape, &indices.shape, what)?;
    call.length("shape", shape.len(), x.rank())?;
    call.sizes("shape", shape)?;
    let what = "samples or channels of the result differ from x";
    call.equal_shapes(&shape[..2], &x.shape[..2], what)?;
    one(x.dtype, shape.to_vec())
}

pub(super) fn resize(call: &mut Call<'_>, resize: &Resize) -> Outputs {
    let [x, scales, roi] = call.flagged([
        ("x", true),
        ("scales", resize.has_scales),
        ("roi", resize.has_roi),
    ])?;
    let Some(x) = x else {
        return Err(call.fail("x is missing"));
    };
    call.want("x", x.dtype, NUMBER)?;
    let rank = x.rank();
    call.length("shape", resize.shape.len(), rank)?;
    call.sizes("shape", &resize.shape)?;
    if let Some(scales) = &resize.scales {
        call.length("scales", scales.len(), rank)?;
        call.ensure(!resize.has_scales, "scales are given twice")?;
    }
    if let Some(roi) = &resize.roi {
        call.length("roi", roi.len(), rank)?;
        call.ensure(!resize.has_roi, "roi is given twice")?;
    }
    if let Some(scales) = scales {
        let n_scales = call.count("rank", rank)?;
        call.vector("scales", scales, DType::F32, &n_scales)?;
    }
    if let Some(roi) = roi {
        let n_bounds = call.count("rank", rank.saturating_mul(2))?;
        call.want("roi", roi.dtype, FLOAT)?;
        call.vector("roi", roi, roi.dtype, &n_bounds)?;
    }
    match resize.policy {
        ResizePolicy::Stretch => call.length("requested", resize.requested.len(), 0)?,
        ResizePolicy::NotLarger | ResizePolicy::NotSmaller => {
            for (axis, _) in &resize.requested {
                call.axis(*axis, rank)?;
            }
        }
    }
    one(x.dtype, resize.shape.clone())
}

pub(super) fn grid_sample(call: &mut Call<'_>) -> Outputs {
    let [x, grid] = call.tensors(["x", "grid"])?;
    call.want("x", x.dtype, NUMBER)?;
    call.want("grid", grid.dtype, FLOAT)?;
    call.rank_at_least("x", x, 3)?;
    call.rank("grid", grid, x.rank())?;
    call.equal(&x.shape[0], &grid.shape[0], "samples differ")?;
    let n_spatial = call.count("rank", x.rank() - 2)?;
    let last = grid.rank() - 1;
    let what = "last dim of grid is not the number of spatial axes";
    call.equal(&grid.shape[last], &n_spatial, what)?;
    one(x.dtype, [&x.shape[..2], &grid.shape[1..last]].concat())
}

pub(super) fn col2im(call: &mut Call<'_>, col2im: &Col2Im) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, NUMBER)?;
    call.rank("x", x, 3)?;
    let n_spatial = col2im.image.len();
    call.positive("spatial rank", n_spatial)?;
    call.length("block", col2im.block.len(), n_spatial)?;
    call.length("dilations", col2im.dilations.len(), n_spatial)?;
    call.length("pads", col2im.pads.len(), n_spatial)?;
    call.length("strides", col2im.strides.len(), n_spatial)?;
    call.sizes("image", &col2im.image)?;
    let dims = call.dims();
    let unit = Dim::constant(1);
    let mut n_blocks = unit.clone();
    for axis in 0..n_spatial {
        let block = &col2im.block[axis];
        call.ensure(dims.bounds(block).hi >= 1, "block has no elements")?;
        let dilation = call.positive("dilation", col2im.dilations[axis])?;
        let stride = call.positive("stride", col2im.strides[axis])?;
        let pad = &col2im.pads[axis];
        let padded = dims.sum([
            col2im.image[axis].clone(),
            pad.before.clone(),
            pad.after.clone(),
        ]);
        let reach = dims.mul(&dilation, &dims.sub(block, &unit));
        let room = dims.sub(&dims.sub(&padded, &reach), &unit);
        let along = dims.add(&dims.floor_div(&room, &stride), &unit);
        n_blocks = dims.mul(&n_blocks, &along);
    }
    call.equal(&x.shape[2], &n_blocks, "x has another number of blocks")?;
    let block_size = dims.product(col2im.block.iter().cloned());
    let what = "block size does not divide the channels";
    call.divides(&block_size, &x.shape[1], what)?;
    let channels = dims.div_exact(&x.shape[1], &block_size);
    let mut shape = vec![x.shape[0].clone(), channels];
    shape.extend_from_slice(&col2im.image);
    one(x.dtype, shape)
}
