//! Resampling, signals and detection: sizes that are constant, symbolic or data, and what is refused.

use super::net::{F32, I64, Net, With, f32s, i64s, node, ops, summary};
use graphc_ir::Graph;
use graphc_ir::op::{NearestMode, Op};

/// A resize of `x: f32[n,3,h,w]` by constant scales of the spatial axes.
fn scaled(opset: i64, height: f32, width: f32) -> Graph {
    let operands = if opset < 11 { "x scales" } else { "x _ scales" };
    Net::new(opset)
        .input("x", F32, "n 3 h w")
        .constant(f32s("scales", &[4], &[1.0, 1.0, height, width]))
        .node(node("Resize", operands, "y"))
        .import("y")
}

#[test]
fn resize_by_symbolic_sizes_keeps_symbols() {
    let graph = Net::new(13)
        .input("x", F32, "n 3 h w")
        .input("like", F32, "n 64 height width")
        .constant(i64s("zero", &[0]))
        .constant(i64s("two", &[2]))
        .constant(i64s("four", &[4]))
        .node(node("Shape", "x", "own"))
        .node(node("Slice", "own zero two", "kept"))
        .node(node("Shape", "like", "other"))
        .node(node("Slice", "other two four", "wanted"))
        .node(node("Concat", "kept wanted", "sizes").int("axis", 0))
        .node(node("Resize", "x _ _ sizes", "y").string("mode", "linear"))
        .import("y");
    assert_eq!(summary(&graph), "f32[n,3,height,width] = resize");
}

#[test]
fn constant_scales_of_symbolic_sizes_give_symbolic_sizes() {
    let graph = scaled(13, 2.0, 0.6);
    assert_eq!(summary(&graph), "f32[n,3,2*h,((3*w)//(5))] = resize");
}

#[test]
fn scales_that_are_no_fraction_are_multiplied_by_the_run() {
    let graph = scaled(13, 2.0, std::f32::consts::E);
    let (_, y) = graph.outputs().next().unwrap();
    let shape = &graph.tensor_ty(y).unwrap().shape;
    assert_eq!(graph.dims.display(&shape[2]).to_string(), "2*h");
    let width = shape[3].as_symbol().unwrap();
    assert!(graph.bindings.contains_key(&width));
}

#[test]
fn scales_that_are_data_are_an_operand_and_bind_the_sizes() {
    let graph = Net::new(11)
        .input("x", F32, "1 3 8 8")
        .input("scales", F32, "4")
        .constant(f32s("roi", &[0], &[]))
        .node(node("Resize", "x roi scales", "y"))
        .import("y");
    let (_, y) = graph.outputs().next().unwrap();
    let shape = &graph.tensor_ty(y).unwrap().shape;
    assert!(
        shape
            .iter()
            .all(|dim| graph.bindings.contains_key(&dim.as_symbol().unwrap()))
    );
}

#[test]
fn empty_scales_are_no_scales() {
    let graph = Net::new(11)
        .input("x", F32, "1 3 8 8")
        .constant(f32s("none", &[0], &[]))
        .constant(i64s("sizes", &[1, 3, 5, 7]))
        .node(node("Resize", "x none none sizes", "y"))
        .import("y");
    assert_eq!(summary(&graph), "f32[1,3,5,7] = resize");
}

#[test]
fn a_kept_aspect_ratio_rounds_halves_up() {
    let net = |policy: &str| {
        Net::new(18)
            .input("x", F32, "1 1 4 6")
            .constant(i64s("sizes", &[12, 3]))
            .node(
                node("Resize", "x _ _ sizes", "y")
                    .ints("axes", &[-1, -2])
                    .string("keep_aspect_ratio_policy", policy),
            )
            .import("y")
    };
    assert_eq!(summary(&net("not_larger")), "f32[1,1,3,5] = resize");
    assert_eq!(summary(&net("not_smaller")), "f32[1,1,8,12] = resize");
}

#[test]
fn an_old_resize_looks_below_where_it_grows_and_above_where_it_shrinks() {
    let modes = |graph: &Graph| -> Vec<NearestMode> {
        let nodes = &graph.block(Graph::MAIN).nodes;
        nodes
            .iter()
            .filter_map(|&node| match &graph.node(node).op {
                Op::Resize(resize) => Some(resize.nearest),
                _ => None,
            })
            .collect()
    };
    assert_eq!(modes(&scaled(10, 2.0, 2.0)), [NearestMode::Floor]);
    assert_eq!(modes(&scaled(10, 0.5, 0.5)), [NearestMode::Ceil]);
    let mixed = scaled(10, 2.0, 0.5);
    assert_eq!(modes(&mixed), [NearestMode::Ceil, NearestMode::Floor]);
    assert_eq!(summary(&mixed), "f32[n,3,2*h,((w)//(2))] = resize, resize");
}

#[test]
fn upsample_reads_its_scales_from_attributes() {
    let list = Net::new(7)
        .input("x", F32, "n 3 h w")
        .node(node("Upsample", "x", "y").floats("scales", &[1.0, 1.0, 2.0, 3.0]))
        .import("y");
    assert_eq!(summary(&list), "f32[n,3,2*h,3*w] = resize");
    let missing = Net::new(7)
        .input("x", F32, "n 3 h w")
        .node(node("Upsample", "x", "y"))
        .refusal("y");
    assert!(missing.contains("scales are missing"), "{missing}");
}

#[test]
fn bad_resizes_are_refused_by_name() {
    let refusal = |operands: &str, attribute: &str, word: &str| {
        Net::new(13)
            .input("x", F32, "1 1 4 4")
            .constant(f32s("scales", &[4], &[1.0, 1.0, 2.0, 2.0]))
            .constant(f32s("negative", &[4], &[1.0, 1.0, 2.0, -2.0]))
            .constant(f32s("three", &[3], &[1.0, 1.0, 2.0]))
            .constant(i64s("sizes", &[1, 1, 8, 8]))
            .node(node("Resize", operands, "y").string(attribute, word))
            .refusal("y")
    };
    let check = |operands: &str, attribute: &str, word: &str, message: &str| {
        let refused = refusal(operands, attribute, word);
        assert!(refused.contains("/Resize"), "{refused}");
        assert!(refused.contains(message), "{refused}");
    };
    let scales = "x _ scales";
    check(scales, "mode", "lanczos", "mode `lanczos` is unknown");
    check(
        scales,
        "nearest_mode",
        "odd",
        "nearest_mode `odd` is unknown",
    );
    check(
        scales,
        "coordinate_transformation_mode",
        "tf_crop_and_resize",
        "needs a roi",
    );
    check("x _ scales sizes", "mode", "linear", "both given");
    check("x", "mode", "linear", "neither scales nor sizes");
    check("x _ negative", "mode", "linear", "must be positive");
    check("x _ three", "mode", "linear", "scales has 3 entries");
}

#[test]
fn a_one_sided_transform_keeps_half_of_its_frequencies() {
    let net = |inverse: i64, dims: &str| {
        Net::new(17)
            .input("x", F32, dims)
            .constant(i64s("len", &[16]))
            .node(
                node("DFT", "x len", "y")
                    .int("onesided", 1)
                    .int("inverse", inverse),
            )
            .import("y")
    };
    assert_eq!(summary(&net(0, "n 16 1")), "f32[n,9,2] = dft, slice");
    let inverse = summary(&net(1, "n 9 2"));
    assert!(inverse.starts_with("f32[n,16,1] = "), "{inverse}");
}

#[test]
fn the_axis_of_a_transform_may_be_data() {
    let graph = Net::new(20)
        .input("x", F32, "4 4 1")
        .input("axis", I64, "")
        .node(node("DFT", "x _ axis", "y"))
        .import("y");
    assert!(ops(&graph).contains(&"dft"));
}

#[test]
fn frames_of_a_symbolic_signal_are_counted_by_its_size() {
    let graph = Net::new(17)
        .input("signal", F32, "n samples 1")
        .constant(i64s("step", &[128]))
        .constant(i64s("len", &[512]))
        .node(node("STFT", "signal step _ len", "y"))
        .import("y");
    let text = summary(&graph);
    assert!(
        text.starts_with("f32[n,max(0,((samples)//(128))-3),257,2]"),
        "{text}"
    );
}

#[test]
fn boxes_may_come_without_limits() {
    let graph = Net::new(11)
        .input("boxes", F32, "n boxes 4")
        .input("scores", F32, "n 80 boxes")
        .node(node("NonMaxSuppression", "boxes scores", "y"))
        .import("y");
    assert_eq!(ops(&graph).last(), Some(&"slice"));
    let bad = Net::new(11)
        .input("boxes", F32, "n boxes 4")
        .input("scores", F32, "n 80 boxes")
        .node(node("NonMaxSuppression", "boxes scores", "y").int("center_point_box", 2))
        .refusal("y");
    assert!(
        bad.contains("/NonMaxSuppression") && bad.contains("0 or 1"),
        "{bad}"
    );
}

#[test]
fn unpooling_to_a_larger_shape_is_padded() {
    let net = |operands: &str| {
        Net::new(11)
            .input("x", F32, "1 1 2 w")
            .input("positions", I64, "1 1 2 w")
            .constant(i64s("shape", &[1, 1, 5, 9]))
            .node(
                node("MaxUnpool", operands, "y")
                    .ints("kernel_shape", &[2, 2])
                    .ints("strides", &[2, 2]),
            )
            .import("y")
    };
    assert_eq!(summary(&net("x positions")), "f32[1,1,4,2*w] = max_unpool");
    let padded = summary(&net("x positions shape"));
    assert_eq!(padded, "f32[1,1,5,9] = max_unpool, pad");
}

#[test]
fn a_grid_of_symbolic_size_stays_symbolic() {
    let graph = Net::new(20)
        .input("theta", F32, "n 2 3")
        .input("like", F32, "n 8 h w")
        .node(node("Shape", "like", "size"))
        .node(node("AffineGrid", "theta size", "y"))
        .import("y");
    assert!(summary(&graph).starts_with("f32[n,h,w,2] = "));
}

#[test]
fn contributed_transforms_add_and_drop_the_components() {
    let net = |op_type: &str, dims: &str| {
        Net::new(17)
            .input("x", F32, dims)
            .node(
                node(op_type, "x", "y")
                    .domain("com.microsoft")
                    .int("onesided", 1)
                    .int("normalized", 0)
                    .int("signal_ndim", 2),
            )
            .import("y")
    };
    let forward = summary(&net("Rfft", "n 6 8"));
    assert!(forward.starts_with("f32[n,6,5,2] = "), "{forward}");
    let inverse = summary(&net("Irfft", "n 6 5 2"));
    assert!(inverse.starts_with("f32[n,6,8] = "), "{inverse}");
}

#[test]
fn samples_of_a_grid_and_regions_name_their_words() {
    let refusal = |op_type: &str, operands: &str, attribute: &str| {
        Net::new(16)
            .input("x", F32, "n 3 h w")
            .input("grid", F32, "n 5 5 2")
            .input("rois", F32, "r 4")
            .input("batch", I64, "r")
            .node(node(op_type, operands, "y").string(attribute, "odd"))
            .refusal("y")
    };
    for attribute in ["mode", "padding_mode"] {
        let refused = refusal("GridSample", "x grid", attribute);
        assert!(
            refused.contains("/GridSample") && refused.contains("`odd`"),
            "{refused}"
        );
    }
    for attribute in ["mode", "coordinate_transformation_mode"] {
        let refused = refusal("RoiAlign", "x rois batch", attribute);
        assert!(
            refused.contains("/RoiAlign") && refused.contains("`odd`"),
            "{refused}"
        );
    }
}
