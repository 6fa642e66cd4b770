//! Pooling, resampling, regions of interest.

use super::check;
use expect_test::expect;

#[test]
fn pooling_gives_the_stated_size() {
    check(
        "f32[S,3,2*T]",
        "average_pool kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[T]",
        expect!["f32[S,3,T]"],
    );
    check(
        "i32[S,3,8]",
        "average_pool kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[4]",
        expect!["average_pool: x must be a float, x i32[S,3,8]"],
    );
    check(
        "f32[S,3,8]",
        "lp_pool p=0 kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[4]",
        expect!["lp_pool: p must not be 0, x f32[S,3,8]"],
    );
    check(
        "f32[S,3,8]",
        "max_pool kernel=[0] strides=[2] pads=[0:0] dilations=[1] out=[4]",
        expect!["max_pool: kernel must not be 0, x f32[S,3,8]"],
    );
    check(
        "f32[S,3,8]",
        "max_pool kernel=[2,2] strides=[2] pads=[0:0] dilations=[1] out=[4]",
        expect!["max_pool: kernel has length 2, not 1, x f32[S,3,8]"],
    );
    check(
        "f32[S,3,8]",
        "max_pool kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[-4]",
        expect!["max_pool: out has the negative size -4, x f32[S,3,8]"],
    );
    check(
        "f32[S,3]",
        "max_pool kernel=[] strides=[] pads=[] dilations=[] out=[]",
        expect!["max_pool: x must have rank 3 or more, x f32[S,3]"],
    );
    check(
        "f32[S,3,4], i64[T,3,4]",
        "max_unpool shape=[S,3,8]",
        expect!["f32[S,3,8]; equal S, T"],
    );
    check(
        "f32[S,3,4], i64[S,3,4]",
        "max_unpool shape=[S,4,8]",
        expect![
            "max_unpool: samples or channels of the result differ from x, x f32[S,3,4], indices i64[S,3,4]"
        ],
    );
    check(
        "f32[S,3,4], i32[S,3,4]",
        "max_unpool shape=[S,3,8]",
        expect!["max_unpool: indices must be i64, x f32[S,3,4], indices i32[S,3,4]"],
    );
}

#[test]
fn resize_has_one_scale_per_axis() {
    check(
        "u8[S,8]",
        "resize shape=[S,16] scales=[1.0,2.0] mode=nearest coordinates=asymmetric nearest=floor cubic_a=0.0 extrapolation=0.0 policy=stretch requested=[]",
        expect!["u8[S,16]"],
    );
    check(
        "u8[S,8]",
        "resize shape=[S,16] scales=[2.0] mode=nearest coordinates=asymmetric nearest=floor cubic_a=0.0 extrapolation=0.0 policy=stretch requested=[]",
        expect!["resize: scales has length 1, not 2, x u8[S,8]"],
    );
    check(
        "u8[S,8], f32[3]",
        "resize shape=[S,16] has_scales mode=nearest coordinates=asymmetric nearest=floor cubic_a=0.0 extrapolation=0.0 policy=stretch requested=[]",
        expect!["resize: scales has another size, x u8[S,8], scales f32[3]"],
    );
    check(
        "u8[S,8], f32[2], f16[4]",
        "resize shape=[S,16] has_scales mode=nearest coordinates=tf_crop_and_resize nearest=floor cubic_a=0.0 extrapolation=0.0 has_roi policy=stretch requested=[]",
        expect!["u8[S,16]"],
    );
    check(
        "f32[S,8]",
        "resize shape=[S,16] mode=nearest coordinates=asymmetric nearest=floor cubic_a=0.0 extrapolation=0.0 policy=not_larger requested=[1:16]",
        expect!["f32[S,16]"],
    );
    check(
        "f32[S,8]",
        "resize shape=[S,16] mode=nearest coordinates=asymmetric nearest=floor cubic_a=0.0 extrapolation=0.0 policy=not_larger requested=[2:16]",
        expect!["resize: axis 2 is not below 2, x f32[S,8]"],
    );
    check(
        "f32[S,8]",
        "resize shape=[S,16,2] mode=nearest coordinates=asymmetric nearest=floor cubic_a=0.0 extrapolation=0.0 policy=stretch requested=[]",
        expect!["resize: shape has length 3, not 2, x f32[S,8]"],
    );
}

#[test]
fn grids_have_a_coordinate_per_spatial_axis() {
    check(
        "f32[S,3,8,8], f32[T,5,6,2]",
        "grid_sample mode=cubic padding=border",
        expect!["f32[S,3,5,6]; equal S, T"],
    );
    check(
        "f32[S,3,8,8], f32[S,5,6,3]",
        "grid_sample mode=cubic padding=border",
        expect![
            "grid_sample: last dim of grid is not the number of spatial axes, x f32[S,3,8,8], grid f32[S,5,6,3]"
        ],
    );
    check(
        "f32[S,3,8,8,8], f16[S,4,5,6,3]",
        "grid_sample mode=linear padding=zeros",
        expect!["f32[S,3,4,5,6]"],
    );
    check(
        "f32[S,3,8,8], f32[S,5,2]",
        "grid_sample mode=cubic padding=border",
        expect!["grid_sample: grid must have rank 4, x f32[S,3,8,8], grid f32[S,5,2]"],
    );
}

#[test]
fn regions_have_a_batch_index_each() {
    check(
        "f32[2,3,8,8], f32[S,4], i64[T]",
        "roi_align pooled=[5,6] sampling_ratio=2 spatial_scale=1.0",
        expect!["f32[S,3,5,6]; equal T, S"],
    );
    check(
        "f32[2,3,8,8], f32[S,5], i64[S]",
        "roi_align pooled=[5,6] sampling_ratio=2 spatial_scale=1.0",
        expect![
            "roi_align: last dim of rois is not 4, x f32[2,3,8,8], rois f32[S,5], batch i64[S]"
        ],
    );
    check(
        "f32[2,3,8,8], f16[S,5]",
        "max_roi_pool pooled=[5,6] spatial_scale=1.0",
        expect!["max_roi_pool: rois must be f32, x f32[2,3,8,8], rois f16[S,5]"],
    );
    check(
        "f32[2,3,8,8], f32[S,5]",
        "max_roi_pool pooled=[5,0] spatial_scale=1.0",
        expect!["max_roi_pool: pooled width must not be 0, x f32[2,3,8,8], rois f32[S,5]"],
    );
}

#[test]
fn blocks_tile_the_image() {
    check(
        "f32[S,4*T,16]",
        "col2im image=[5,5] block=[2,2] dilations=[1,1] pads=[0:0,0:0] strides=[1,1]",
        expect!["f32[S,T,5,5]"],
    );
    check(
        "f32[S,12,T]",
        "col2im image=[S,5] block=[2,2] dilations=[1,1] pads=[0:0,0:0] strides=[1,1]",
        expect!["f32[S,3,S,5]; equal T, 4*S-4"],
    );
    check(
        "f32[1,12,15]",
        "col2im image=[5,5] block=[2,2] dilations=[1,1] pads=[0:0,0:0] strides=[1,1]",
        expect!["col2im: x has another number of blocks, x f32[1,12,15]"],
    );
    check(
        "f32[1,10,16]",
        "col2im image=[5,5] block=[2,2] dilations=[1,1] pads=[0:0,0:0] strides=[1,1]",
        expect!["col2im: block size does not divide the channels, x f32[1,10,16]"],
    );
    check(
        "f32[1,12,16]",
        "col2im image=[] block=[] dilations=[] pads=[] strides=[]",
        expect!["col2im: spatial rank must not be 0, x f32[1,12,16]"],
    );
}

#[test]
fn boxes_and_scores_agree() {
    check(
        "f32[1,S,4], f32[1,80,T], i64[], f32[], f32[]",
        "non_max_suppression capacity=80*S",
        expect!["i64[80*S,3], i64[]; equal S, T"],
    );
    check(
        "f32[1,S,4], f32[1,80,S], i64[], f32[], f32[]",
        "non_max_suppression capacity=80",
        expect!["i64[80,3], i64[]; equal 80, 80*S"],
    );
    check(
        "f32[1,6,5], f32[1,80,6], i64[], f32[], f32[]",
        "non_max_suppression capacity=480",
        expect![
            "non_max_suppression: last dim of boxes is not 4, boxes f32[1,6,5], scores f32[1,80,6], max_per_class i64[], iou f32[], score f32[]"
        ],
    );
    check(
        "f32[1,6,4], f32[1,80,6], i64[1], f32[], f32[]",
        "non_max_suppression capacity=480",
        expect![
            "non_max_suppression: max_per_class must be i64[], boxes f32[1,6,4], scores f32[1,80,6], max_per_class i64[1], iou f32[], score f32[]"
        ],
    );
    check(
        "f16[1,6,4], f16[1,80,6], i64[], f32[], f32[]",
        "non_max_suppression capacity=480",
        expect![
            "non_max_suppression: boxes must be f32, boxes f16[1,6,4], scores f16[1,80,6], max_per_class i64[], iou f32[], score f32[]"
        ],
    );
}
