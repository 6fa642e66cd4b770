//! Attribute records with nothing in them, for the parser to fill.

use crate::graph::BlockId;
use crate::op::{
    Col2Im, Conv, ConvTranspose, CoordinateMode, DeformConv, Direction, GridPadding, GridSample,
    If, InterpolationMode, LabelMap, Loop, NearestMode, Op, Pool, PoolKind, Recurrent,
    RecurrentKind, ReduceKind, Resize, ResizePolicy, RoiAlign, TableKey, TfIdf, TfIdfWeighting,
    TreeEnsemble,
};
use crate::types::{ElementType, TensorType};
use graphc_base::{DType, Real};

const ZERO: Real = Real::new(0.0);

pub(super) fn tensor() -> TensorType {
    TensorType::scalar(DType::F32)
}

pub(super) fn element() -> ElementType {
    ElementType {
        dtype: DType::F32,
        rank: None,
    }
}

pub(super) fn conv() -> Conv {
    Conv {
        strides: Vec::new(),
        pads: Vec::new(),
        dilations: Vec::new(),
        groups: 0,
    }
}

pub(super) fn conv_transpose() -> ConvTranspose {
    ConvTranspose {
        strides: Vec::new(),
        pads: Vec::new(),
        dilations: Vec::new(),
        output_padding: Vec::new(),
        groups: 0,
    }
}

pub(super) fn deform_conv() -> DeformConv {
    DeformConv {
        conv: conv(),
        offset_groups: 0,
        has_bias: false,
        has_mask: false,
    }
}

pub(super) fn pool(kind: PoolKind) -> Pool {
    Pool {
        kind,
        kernel: Vec::new(),
        strides: Vec::new(),
        pads: Vec::new(),
        dilations: Vec::new(),
        out: Vec::new(),
    }
}

pub(super) fn resize() -> Resize {
    Resize {
        shape: Vec::new(),
        scales: None,
        has_scales: false,
        mode: InterpolationMode::Nearest,
        coordinates: CoordinateMode::HalfPixel,
        nearest: NearestMode::RoundPreferFloor,
        cubic_a: ZERO,
        exclude_outside: false,
        antialias: false,
        extrapolation: ZERO,
        roi: None,
        has_roi: false,
        policy: ResizePolicy::Stretch,
        requested: Vec::new(),
    }
}

pub(super) fn grid_sample() -> GridSample {
    GridSample {
        mode: InterpolationMode::Nearest,
        padding: GridPadding::Zeros,
        align_corners: false,
    }
}

pub(super) fn roi_align() -> RoiAlign {
    RoiAlign {
        pooled: [0; 2],
        sampling_ratio: 0,
        spatial_scale: ZERO,
        half_pixel: false,
        max: false,
    }
}

pub(super) fn col2im() -> Col2Im {
    Col2Im {
        image: Vec::new(),
        block: Vec::new(),
        dilations: Vec::new(),
        pads: Vec::new(),
        strides: Vec::new(),
    }
}

pub(super) fn recurrent(kind: RecurrentKind) -> Op {
    Op::Recurrent(Box::new(Recurrent {
        kind,
        direction: Direction::Forward,
        hidden: 0,
        activations: Vec::new(),
        clip: None,
        has_bias: false,
        has_lens: false,
        has_h0: false,
        has_c0: false,
        has_peephole: false,
    }))
}

pub(super) fn branch() -> If {
    If {
        then_block: BlockId(0),
        else_block: BlockId(0),
        results: Vec::new(),
    }
}

pub(super) fn repeat() -> Loop {
    Loop {
        body: BlockId(0),
        has_trip_count: false,
        has_condition: false,
        n_carried: 0,
        n_scanned: 0,
        results: Vec::new(),
    }
}

pub(super) fn tf_idf() -> TfIdf {
    TfIdf {
        min_gram: 0,
        max_gram: 0,
        max_skip: 0,
        weighting: TfIdfWeighting::Tf,
        ngram_counts: Vec::new(),
        ngram_indexes: Vec::new(),
        pool_ints: Vec::new(),
        pool_strings: Vec::new(),
        weights: Vec::new(),
        out: 0,
    }
}

pub(super) fn label_map() -> LabelMap {
    LabelMap {
        entries: Vec::new(),
        default: TableKey::Int(0),
        to: DType::I64,
    }
}

pub(super) fn tree_ensemble() -> TreeEnsemble {
    TreeEnsemble {
        nodes: Vec::new(),
        roots: Vec::new(),
        n_targets: 0,
        aggregate: ReduceKind::Sum,
        base_values: Vec::new(),
    }
}
