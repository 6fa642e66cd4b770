//! Facts about gathers, scatters, ordering, tables and recurrent layers, with values checked by hand.

use super::harness::Run;
use crate::spec::Kernel;
use graphc_base::attrs::{
    Activation, ActivationKind, Direction, LabelMap, Recurrent, RecurrentKind, ReduceKind,
    ScatterReduction, TableKey, TfIdf, TfIdfWeighting, TreeEnsemble, TreeNode, TreeNodeMode,
};
use graphc_base::{DType, Real};

const F32: DType = DType::F32;
const I64: DType = DType::I64;

fn i64s(bytes: &[u8]) -> Vec<i64> {
    bytemuck::pod_collect_to_vec(bytes)
}

fn f32s(bytes: &[u8]) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(bytes)
}

fn gather(index: i32) -> Run {
    Run::new(Kernel::Gather { axis: 1 })
        .input(F32, &[2, 3], &[1f32, 2., 3., 4., 5., 6.])
        .input(DType::I32, &[2], &[0, index])
        .output(F32, &[2, 2])
}

#[test]
fn gather_wraps_negative_positions_and_refuses_those_outside() {
    assert_eq!(gather(-1).get::<f32>(), [1., 3., 4., 6.]);
    assert_eq!(
        gather(3).error(),
        "gather: index 3 is out of range for an axis of size 3"
    );
    assert!(gather(i32::MIN).error().contains("out of range"));
}

#[test]
fn gather_moves_elements_that_share_a_byte() {
    let run = Run::new(Kernel::Gather { axis: 0 })
        .input(DType::U4, &[3], &[0x21u8, 0x03])
        .input(I64, &[3], &[2i64, 0, 1])
        .output(DType::U4, &[3]);
    let bytes = run.get::<u8>();
    assert_eq!((bytes[0], bytes[1] & 15), (0x13, 2));
}

#[test]
fn gather_from_an_empty_axis_is_refused_unless_nothing_is_wanted() {
    let run = |n: i64, indices: &[i64]| {
        Run::new(Kernel::Gather { axis: 0 })
            .input(F32, &[0], &[0f32; 0])
            .input(I64, &[n], indices)
            .output(F32, &[n])
    };
    assert!(run(0, &[]).get::<f32>().is_empty());
    assert!(run(1, &[0]).error().contains("out of range"));
}

#[test]
fn gather_elements_takes_one_element_per_position() {
    let run = Run::new(Kernel::GatherElements { axis: 1 })
        .input(F32, &[2, 2], &[1f32, 2., 3., 4.])
        .input(I64, &[2, 2], &[0i64, 0, -1, 0])
        .output(F32, &[2, 2]);
    assert_eq!(run.get::<f32>(), [1., 1., 4., 3.]);
}

#[test]
fn gather_nd_shares_batch_axes() {
    let run = Run::new(Kernel::GatherNd { batch_dims: 1 })
        .input(I64, &[2, 2, 2], &[0i64, 1, 2, 3, 4, 5, 6, 7])
        .input(I64, &[2, 1], &[1i64, 0])
        .output(I64, &[2, 2]);
    assert_eq!(run.get::<i64>(), [2, 3, 4, 5]);
}

#[test]
fn reverse_sequence_turns_the_first_steps_of_each_row() {
    let run = |lens: &[i64]| {
        Run::new(Kernel::ReverseSequence {
            batch_axis: 1,
            time_axis: 0,
        })
        .input(F32, &[3, 2], &[0f32, 1., 2., 3., 4., 5.])
        .input(I64, &[2], lens)
        .output(F32, &[3, 2])
    };
    assert_eq!(run(&[3, 2]).get::<f32>(), [4., 3., 2., 1., 0., 5.]);
    assert!(run(&[4, 0]).error().contains("length 4"));
}

#[test]
fn scatter_elements_meets_duplicates_in_order() {
    let run = |reduction| {
        Run::new(Kernel::ScatterElements { axis: 0, reduction })
            .input(F32, &[3], &[1f32, 2., 3.])
            .input(I64, &[3], &[1i64, 1, -1])
            .input(F32, &[3], &[5f32, 4., 2.])
            .output(F32, &[3])
            .get::<f32>()
    };
    assert_eq!(run(ScatterReduction::Replace), [1., 4., 2.]);
    assert_eq!(run(ScatterReduction::Add), [1., 11., 5.]);
    assert_eq!(run(ScatterReduction::Mul), [1., 40., 6.]);
    assert_eq!(run(ScatterReduction::Max), [1., 5., 3.]);
    assert_eq!(run(ScatterReduction::Min), [1., 2., 2.]);
}

#[test]
fn scatter_nd_writes_slices() {
    let run = Run::new(Kernel::ScatterNd {
        reduction: ScatterReduction::Add,
    })
    .input(DType::I8, &[3, 2], &[1i8, 2, 3, 4, 5, 127])
    .input(I64, &[2, 1], &[2i64, 0])
    .input(DType::I8, &[2, 2], &[1i8, 1, 10, 10])
    .output(DType::I8, &[3, 2]);
    assert_eq!(run.get::<i8>(), [11, 12, 3, 4, 6, -128]);
}

#[test]
fn top_k_keeps_equal_elements_in_order_and_takes_nan_as_largest() {
    let run = |largest| {
        let outputs = Run::new(Kernel::TopK { axis: 0, largest })
            .input(F32, &[5], &[2f32, f32::NAN, 3., 2., 3.])
            .output(F32, &[4])
            .output(I64, &[4])
            .evaluate()
            .expect("runs");
        i64s(&outputs[1])
    };
    assert_eq!(run(true), [1, 2, 4, 0]);
    assert_eq!(run(false), [0, 3, 2, 4]);
}

#[test]
fn top_k_orders_unsigned_by_value() {
    let run = Run::new(Kernel::TopK {
        axis: 1,
        largest: true,
    })
    .input(DType::U64, &[1, 3], &[1u64, u64::MAX, 2])
    .output(DType::U64, &[1, 2])
    .output(I64, &[1, 2]);
    assert_eq!(run.get::<u64>(), [u64::MAX, 2]);
}

#[test]
fn non_zero_lists_positions_axis_by_axis() {
    let outputs = Run::new(Kernel::NonZero)
        .input(F32, &[2, 2], &[1f32, 0., -0., f32::NAN])
        .output(I64, &[2, 4])
        .output(I64, &[])
        .evaluate()
        .expect("runs");
    assert_eq!(i64s(&outputs[0]), [0, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(i64s(&outputs[1]), [2]);
}

fn unique(axis: Option<usize>, sorted: bool, shape: &[i64], n: i64, x: &[f32]) -> Vec<Vec<u8>> {
    let y_shape = if axis.is_some() {
        shape.to_vec()
    } else {
        vec![n]
    };
    Run::new(Kernel::Unique { axis, sorted })
        .input(F32, shape, x)
        .output(F32, &y_shape)
        .output(I64, &[n])
        .output(I64, &[n])
        .output(I64, &[n])
        .output(I64, &[])
        .evaluate()
        .expect("runs")
}

#[test]
fn unique_orders_by_value_or_by_first_occurrence() {
    let x = [2f32, 1., 1., 3., 4., 3.];
    let outputs = unique(None, true, &[6], 6, &x);
    assert_eq!(f32s(&outputs[0]), [1., 2., 3., 4., 1., 1.]);
    assert_eq!(i64s(&outputs[1]), [1, 0, 3, 4, 0, 0]);
    assert_eq!(i64s(&outputs[2]), [1, 0, 0, 2, 3, 2]);
    assert_eq!(i64s(&outputs[3]), [2, 1, 2, 1, 0, 0]);
    assert_eq!(i64s(&outputs[4]), [4]);
    let outputs = unique(None, false, &[6], 6, &x);
    assert_eq!(f32s(&outputs[0])[..4], [2., 1., 3., 4.]);
    assert_eq!(i64s(&outputs[1])[..4], [0, 1, 3, 4]);
    assert_eq!(i64s(&outputs[2]), [0, 1, 1, 2, 3, 2]);
    assert_eq!(i64s(&outputs[3])[..4], [1, 2, 2, 1]);
}

#[test]
fn unique_compares_slices_and_takes_nothing_from_nothing() {
    let outputs = unique(Some(0), true, &[3, 2], 3, &[1., 0., 1., 0., 0., 4.]);
    assert_eq!(f32s(&outputs[0]), [0., 4., 1., 0., 0., 4.]);
    assert_eq!(i64s(&outputs[4]), [2]);
    let outputs = unique(None, true, &[0], 0, &[]);
    assert_eq!(i64s(&outputs[4]), [0]);
}

#[test]
fn suppression_keeps_the_best_of_overlapping_boxes() {
    let run = |max: i64, score: f32| {
        let outputs = Run::new(Kernel::NonMaxSuppression {
            center_point_box: false,
        })
        .input(
            F32,
            &[1, 3, 4],
            &[0f32, 0., 1., 1., 0., 0.1, 1., 1.1, 0., 10., 1., 11.],
        )
        .input(F32, &[1, 1, 3], &[0.8f32, 0.9, 0.5])
        .input(I64, &[], &[max])
        .input(F32, &[], &[0.5f32])
        .input(F32, &[], &[score])
        .output(I64, &[3, 3])
        .output(I64, &[])
        .evaluate()
        .expect("runs");
        let n = i64s(&outputs[1])[0];
        i64s(&outputs[0])[..n as usize * 3].to_vec()
    };
    assert_eq!(run(3, 0.0), [0, 0, 1, 0, 0, 2]);
    assert_eq!(run(1, 0.0), [0, 0, 1]);
    assert_eq!(run(3, 0.6), [0, 0, 1]);
    assert!(run(0, 0.0).is_empty());
}

fn layer(kind: RecurrentKind, direction: Direction, functions: &[ActivationKind]) -> Recurrent {
    Recurrent {
        kind,
        direction,
        hidden: 1,
        activations: (0..direction.n_directions())
            .flat_map(|_| functions)
            .map(|&kind| Activation {
                kind,
                alpha: Real::new(1.0),
                beta: Real::new(0.0),
            })
            .collect(),
        clip: None,
        has_bias: false,
        has_lens: false,
        has_h0: false,
        has_c0: false,
        has_peephole: false,
    }
}

#[test]
fn rnn_runs_both_ways_and_stops_at_its_lengths() {
    let mut attrs = layer(
        RecurrentKind::Plain,
        Direction::Bidirectional,
        &[ActivationKind::Affine],
    );
    attrs.has_lens = true;
    let outputs = Run::new(Kernel::Recurrent(attrs))
        .input(F32, &[3, 1, 1], &[1f32, 2., 4.])
        .input(F32, &[2, 1, 1], &[1f32, 1.])
        .input(F32, &[2, 1, 1], &[10f32, 10.])
        .input(DType::I32, &[1], &[2i32])
        .output(F32, &[3, 2, 1, 1])
        .output(F32, &[2, 1, 1])
        .evaluate()
        .expect("runs");
    // Forward 1, 10 + 2; backward over two steps 2 then 20 + 1.
    assert_eq!(f32s(&outputs[0]), [1., 21., 12., 2., 0., 0.]);
    assert_eq!(f32s(&outputs[1]), [12., 21.]);
}

#[test]
fn gru_resets_before_or_after_the_recurrent_product() {
    let run = |linear_before_reset| {
        let mut attrs = layer(
            RecurrentKind::Gru {
                linear_before_reset,
            },
            Direction::Forward,
            &[ActivationKind::Affine, ActivationKind::Affine],
        );
        (attrs.has_bias, attrs.has_h0) = (true, true);
        Run::new(Kernel::Recurrent(attrs))
            .input(F32, &[1, 1, 1], &[1f32])
            .input(F32, &[1, 3, 1], &[0.5f32, 3., 1.])
            .input(F32, &[1, 3, 1], &[0f32, 0., 2.])
            .input(F32, &[1, 6], &[0f32, 0., 0., 0., 0., 5.])
            .input(F32, &[1, 1, 1], &[4f32])
            .output(F32, &[1, 1, 1, 1])
            .output(F32, &[1, 1, 1])
            .get::<f32>()
    };
    // z = 0.5, r = 3; candidate 1 + 2·12 + 5 = 30, or 1 + 3·(8 + 5) = 40; h = 0.5·candidate + 0.5·4.
    assert_eq!(run(false), [17.]);
    assert_eq!(run(true), [22.]);
}

#[test]
fn lstm_peeps_at_the_old_and_the_new_cell() {
    let run = |input_forget| {
        let mut attrs = layer(
            RecurrentKind::Lstm { input_forget },
            Direction::Forward,
            &[
                ActivationKind::Affine,
                ActivationKind::Affine,
                ActivationKind::Affine,
            ],
        );
        (attrs.has_c0, attrs.has_peephole) = (true, true);
        let outputs = Run::new(Kernel::Recurrent(attrs))
            .input(F32, &[1, 1, 1], &[1f32])
            .input(F32, &[1, 4, 1], &[2f32, 3., 5., 7.])
            .input(F32, &[1, 4, 1], &[0f32; 4])
            .input(F32, &[1, 1, 1], &[2f32])
            .input(F32, &[1, 3], &[1f32, 0.5, 2.])
            .output(F32, &[1, 1, 1, 1])
            .output(F32, &[1, 1, 1])
            .output(F32, &[1, 1, 1])
            .evaluate()
            .expect("runs");
        (f32s(&outputs[1])[0], f32s(&outputs[2])[0])
    };
    // i = 2 + 1·2 = 4, f = 5 + 2·2 = 9, c = 9·2 + 4·7 = 46, o = 3 + 0.5·46 = 26.
    assert_eq!(run(false), (26. * 46., 46.));
    // f = 1 - 4, c = -6 + 28 = 22, o = 14.
    assert_eq!(run(true), (14. * 22., 22.));
}

#[test]
fn clip_bounds_what_activations_see() {
    let mut attrs = layer(
        RecurrentKind::Plain,
        Direction::Forward,
        &[ActivationKind::Affine],
    );
    attrs.clip = Some(Real::new(3.0));
    let run = Run::new(Kernel::Recurrent(attrs))
        .input(F32, &[1, 2, 1], &[100f32, -100.])
        .input(F32, &[1, 1, 1], &[1f32])
        .input(F32, &[1, 1, 1], &[0f32])
        .output(F32, &[1, 1, 2, 1])
        .output(F32, &[1, 2, 1]);
    assert_eq!(run.get::<f32>(), [3., -3.]);
}

#[test]
fn tf_idf_counts_grams_with_skips() {
    let attrs = |max_skip| TfIdf {
        min_gram: 2,
        max_gram: 2,
        max_skip,
        weighting: TfIdfWeighting::Tf,
        ngram_counts: vec![0, 4],
        ngram_indexes: (0..7).collect(),
        pool_ints: vec![2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
        pool_strings: Vec::new(),
        weights: Vec::new(),
        out: 7,
    };
    let run = |max_skip| {
        Run::new(Kernel::TfIdf(attrs(max_skip)))
            .input(DType::I32, &[12], &[1i32, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8])
            .output(F32, &[7])
            .get::<f32>()
    };
    assert_eq!(run(0), [0., 0., 0., 0., 1., 1., 1.]);
    assert_eq!(run(5), [0., 0., 0., 0., 1., 3., 1.]);
}

#[test]
fn label_map_finds_nan_and_falls_back() {
    let map = LabelMap {
        entries: vec![
            (TableKey::Float(Real::new(f64::NAN)), TableKey::Int(7)),
            (TableKey::Float(Real::new(1.5)), TableKey::Int(2)),
            (TableKey::Float(Real::new(1.5)), TableKey::Int(3)),
        ],
        default: TableKey::Int(-1),
        to: I64,
    };
    let run = Run::new(Kernel::LabelMap(map))
        .input(F32, &[3], &[1.5f32, f32::NAN, 0.])
        .output(I64, &[3]);
    assert_eq!(run.get::<i64>(), [2, 7, -1]);
}

#[test]
fn trees_branch_and_missing_features_go_where_the_node_says() {
    let forest = |true_child| TreeEnsemble {
        nodes: vec![
            TreeNode::Branch {
                feature: 0,
                mode: TreeNodeMode::LessEqual,
                value: Real::new(1.0),
                true_child,
                false_child: 2,
                missing_is_true: true,
            },
            TreeNode::Leaf {
                weights: vec![(0, Real::new(2.0))],
            },
            TreeNode::Leaf {
                weights: vec![(1, Real::new(4.0))],
            },
        ],
        roots: vec![0, 2],
        n_targets: 2,
        aggregate: ReduceKind::Mean,
        base_values: vec![Real::new(10.0), Real::new(0.0)],
    };
    let run = |true_child| {
        Run::new(Kernel::TreeEnsemble(forest(true_child)))
            .input(F32, &[3, 1], &[1f32, 2., f32::NAN])
            .output(F32, &[3, 2])
    };
    assert_eq!(run(1).get::<f32>(), [11., 2., 10., 4., 11., 2.]);
    assert!(run(0).error().contains("child of a later node"));
    assert!(run(9).error().contains("no node 9"));
}
