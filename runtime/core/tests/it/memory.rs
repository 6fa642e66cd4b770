//! Memory as predicted, to the byte; poison outside lifetimes changes nothing.

use crate::common::Build;
use crate::tools::{f32s, floats, i64s, ints, measured, run_all_ways, session};
use graphc_base::{DType, Dim};
use graphc_program::SlotId;
use graphc_program::kernel::Kernel;
use proptest::prelude::*;

/// `count: i64[1]` says how long the result is.
fn counted() -> Build {
    let mut build = Build::new();
    let (n, k) = (build.symbol("n", 1, 1000), build.symbol("k", 0, 500));
    let main = build.reserve();
    build.fill(main, |body| {
        let count = body.param(DType::I64, &[Dim::symbol(n)]);
        body.bind_axis(n, count, 0);
        let sum = body.add(count, count, &[Dim::symbol(n)]);
        body.bind_element(k, sum, 0);
        let iota = body.arena(DType::I64, &[Dim::symbol(k)]);
        body.launch(Kernel::Iota, &[], &[iota]);
        let first = body.arena(DType::I64, &[Dim::symbol(k)]);
        body.launch(Kernel::Gather { axis: 0 }, &[sum, iota], &[first]);
        let last = body.add(first, iota, &[Dim::symbol(k)]);
        body.result(last);
    });
    build.entry("main", main, &["count"], &["y"]);
    build
}

#[test]
fn a_size_that_data_decide_is_bound_in_the_middle_of_a_run() {
    let outputs = run_all_ways(&mut counted(), &[("count", i64s(&[4], &[2, 5, 6, 7]))]);
    assert_eq!(ints(&outputs[0]), [4, 11, 14, 17]);
}

#[test]
fn memory_with_sizes_from_data_is_bounded_by_their_range() {
    let session = session(&mut counted(), false);
    let mut data = vec![7i64; 1000];
    for count in [0i64, 1, 100, 250] {
        data[0] = count;
        let inputs = [("count", i64s(&[1000], &data))];
        let (peak, plan) = measured(&session, &inputs, &[("n", 1000)]);
        assert!(!plan.exact);
        assert!(
            peak <= plan.bound_bytes.expect("range is bounded"),
            "{count}"
        );
        let (peak, told) = measured(&session, &inputs, &[("n", 1000), ("k", 2 * count)]);
        assert_eq!(peak, told.peak_bytes);
    }
}

#[test]
fn unknown_dims_are_refused() {
    let session = session(&mut counted(), false);
    let error = session
        .memory("main", &[("m", 3)])
        .expect_err("no such dim");
    assert_eq!(
        error.to_string(),
        "dims do not fit: `m` is none of [\"n\", \"k\"]"
    );
}

/// One step of a random program: which earlier values it adds, and how many rows it has.
type RandomStep = (usize, usize, usize);

/// A program of additions over vectors of different lengths; the kernel broadcasts `[1]` into all of them.
fn random_program(steps: &[RandomStep], n_results: usize) -> Build {
    let mut build = Build::new();
    let n = build.symbol("n", 1, 10_000);
    let lengths: Vec<Dim> = {
        let mut cx = graphc_base::DimCx::default();
        cx.new_symbol("n", graphc_base::Interval { lo: 1, hi: 10_000 });
        (1..=4)
            .map(|times| cx.mul(&Dim::symbol(n), &Dim::constant(times)))
            .collect()
    };
    let main = build.reserve();
    build.fill(main, |body| {
        let x = body.param(DType::F32, &[Dim::symbol(n)]);
        body.bind_axis(n, x, 0);
        let mut by_length: Vec<Vec<SlotId>> = vec![vec![x], vec![], vec![], vec![]];
        let mut all = vec![x];
        for &(from, other, length) in steps {
            let length = length % 4;
            let shape = [lengths[length].clone()];
            let a = all[from % all.len()];
            let same = &by_length[length];
            let y = if let Some(&b) = same.get(other % same.len().max(1)) {
                body.add(b, b, &shape)
            } else {
                // Any other length: tiled or cut by a concat of the input.
                let y = body.arena(DType::F32, &shape);
                body.launch(Kernel::Concat { axis: 0 }, &vec![x; length + 1], &[y]);
                y
            };
            let y = if by_length[length].contains(&a) {
                body.add(y, a, &shape)
            } else {
                y
            };
            by_length[length].push(y);
            all.push(y);
        }
        for &slot in all.iter().rev().take(n_results) {
            body.result(slot);
        }
    });
    let names: Vec<String> = (0..n_results.min(steps.len() + 1))
        .map(|i| format!("y{i}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    build.entry("main", main, &["x"], &names);
    build
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn random_programs_use_what_is_predicted_and_survive_poison(
        steps in proptest::collection::vec((0usize..64, 0usize..64, 0usize..4), 1..40),
        n_results in 1usize..4,
        n in 1usize..300,
    ) {
        let mut build = random_program(&steps, n_results);
        let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let inputs = [("x", f32s(&[n], &x))];
        let outputs = run_all_ways(&mut build, &inputs);
        prop_assert!(outputs.iter().all(|y| floats(y).iter().all(|y| !y.is_nan())));
        let (peak, plan) = measured(&session(&mut build, false), &inputs, &[("n", n as i64)]);
        prop_assert!(plan.exact);
        prop_assert_eq!(peak, plan.peak_bytes);
        prop_assert!(plan.peak_bytes >= plan.live_bytes);
    }
}
