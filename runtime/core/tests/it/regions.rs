//! If and Loop.

use crate::common::{BodyBuild, Build, dims};
use crate::tools::{bools, f32s, floats, i64s, ints, measured, run_all_ways, session};
use graphc_base::attrs::BinaryOp;
use graphc_base::{DType, Dim, EntityId};
use graphc_program::kernel::Kernel;
use graphc_program::{SlotId, Step};

/// `cond ? x + x : x`.
fn choice() -> Build {
    let mut build = Build::new();
    let n = build.symbol("n", 0, 10_000);
    let shape = [Dim::symbol(n)];
    let (main, doubles, keeps) = (build.reserve(), build.reserve(), build.reserve());
    build.fill(doubles, |body| {
        let x = body.param(DType::F32, &shape);
        let y = body.add(x, x, &shape);
        body.result(y);
    });
    build.fill(keeps, |body| {
        let x = body.param(DType::F32, &shape);
        body.result(x);
    });
    build.fill(main, |body| {
        let cond = body.param(DType::Bool, &[]);
        let x = body.param(DType::F32, &shape);
        body.bind_axis(n, x, 0);
        let before = body.add(x, x, &shape);
        let y = body.arena(DType::F32, &shape);
        let step = body.step(Step::If {
            cond,
            then_body: doubles,
            else_body: keeps,
            inputs: vec![before],
            outputs: vec![y],
        });
        body.take(step, &[y]);
        let after = body.add(y, before, &shape);
        body.result(after);
    });
    build.entry("main", main, &["cond", "x"], &["y"]);
    build
}

#[test]
fn if_runs_the_branch_that_holds() {
    for (cond, expected) in [(1, [6.0, 12.0]), (0, [4.0, 8.0])] {
        let inputs = [("cond", bools(&[cond])), ("x", f32s(&[2], &[1.0, 2.0]))];
        let outputs = run_all_ways(&mut choice(), &inputs);
        assert_eq!(floats(&outputs[0]), expected);
    }
}

#[test]
fn memory_of_an_if_is_that_of_its_larger_branch() {
    let session = session(&mut choice(), false);
    let x = f32s(&[1000], &[1.0; 1000]);
    let run = |cond| {
        let inputs = [("cond", bools(&[cond])), ("x", x.clone())];
        measured(&session, &inputs, &[("n", 1000)])
    };
    let ((doubling, plan), (keeping, _)) = (run(1), run(0));
    assert!(!plan.exact, "which branch runs is not known");
    assert_eq!(plan.bound_bytes, Some(doubling));
    assert_eq!(plan.peak_bytes, doubling);
    assert!(keeping <= doubling);
}

/// Carries `(a, b)` and turns them into `(b, a + b)`, stacking a, `trips` times.
fn fibonacci() -> Build {
    let mut build = Build::new();
    let trips = build.symbol("trips", 0, 10_000);
    let shape = dims(&[2]);
    let (main, region) = (build.reserve(), build.reserve());
    build.fill(region, |body| {
        body.param(DType::I64, &[]);
        let cond = body.param(DType::Bool, &[]);
        let a = body.param(DType::F32, &shape);
        let b = body.param(DType::F32, &shape);
        let next = body.add(a, b, &shape);
        for result in [cond, b, next, a] {
            body.result(result);
        }
    });
    build.fill(main, |body| {
        let count = body.param(DType::I64, &[]);
        let a = body.param(DType::F32, &shape);
        let b = body.param(DType::F32, &shape);
        let outputs = [
            body.arena(DType::F32, &shape),
            body.arena(DType::F32, &shape),
            body.arena(DType::F32, &[Dim::symbol(trips), Dim::constant(2)]),
        ];
        let step = body.step(Step::Loop {
            trip_count: Some(count),
            cond: None,
            body: region,
            inputs: vec![a, b],
            n_carried: 2,
            outputs: outputs.to_vec(),
        });
        body.bind_axis(trips, outputs[2], 0);
        body.take(step, &outputs);
        outputs.into_iter().for_each(|slot| body.result(slot));
    });
    build.entry("main", main, &["count", "a", "b"], &["a", "b", "all"]);
    build
}

fn fibonacci_inputs(count: i64) -> [(&'static str, graphc_runtime::Value); 3] {
    [
        ("count", i64s(&[], &[count])),
        ("a", f32s(&[2], &[0.0, 1.0])),
        ("b", f32s(&[2], &[1.0, 1.0])),
    ]
}

#[test]
fn loop_carries_swapped_params_and_stacks() {
    let outputs = run_all_ways(&mut fibonacci(), &fibonacci_inputs(5));
    assert_eq!(floats(&outputs[0]), [5.0, 8.0]);
    assert_eq!(floats(&outputs[1]), [8.0, 13.0]);
    assert_eq!(outputs[2].shape(), Some(&[5, 2][..]));
    let all = [0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 5.0];
    assert_eq!(floats(&outputs[2]), all);
}

#[test]
fn loop_that_does_not_run_gives_what_it_was_given() {
    let outputs = run_all_ways(&mut fibonacci(), &fibonacci_inputs(0));
    assert_eq!(floats(&outputs[1]), [1.0, 1.0]);
    assert_eq!(outputs[2].shape(), Some(&[0, 2][..]));
}

#[test]
fn memory_of_a_loop_grows_by_what_it_stacks_only() {
    let session = session(&mut fibonacci(), false);
    let run = |count| {
        let inputs = fibonacci_inputs(count);
        let (peak, plan) = measured(&session, &inputs, &[("trips", count)]);
        assert_eq!(peak, plan.peak_bytes, "{count} trips");
        peak
    };
    // At most once while it is gathered and once in its slot.
    let growth = run(4000) - run(2000);
    assert!((2000 * 8..=2 * 2000 * 8).contains(&growth), "{growth}");
}

/// Carries a tensor that doubles in length each time until it has `most` elements.
fn doubling() -> Build {
    let mut build = Build::new();
    let (n, inner, last) = (
        build.symbol("n", 0, 100_000),
        build.symbol("inner", 0, 100_000),
        build.symbol("last", 0, 100_000),
    );
    let twice = [Dim::symbol(inner), Dim::constant(2)];
    let (main, region) = (build.reserve(), build.reserve());
    build.fill(region, |body| {
        body.param(DType::I64, &[]);
        let cond = body.param(DType::Bool, &[]);
        let x = body.param(DType::F32, &[Dim::symbol(inner)]);
        let small = body.param(DType::F32, &[]);
        body.bind_axis(inner, x, 0);
        let column = body.slot(
            DType::F32,
            &[Dim::symbol(inner), Dim::ONE],
            graphc_program::Storage::Alias(x),
        );
        let rows = body.arena(DType::F32, &twice);
        body.launch(Kernel::Concat { axis: 1 }, &[column, column], &[rows]);
        let mut cx = graphc_base::DimCx::default();
        for name in ["n", "inner", "last"] {
            cx.new_symbol(name, graphc_base::Interval { lo: 0, hi: 100_000 });
        }
        let flat = cx.mul(&Dim::symbol(inner), &Dim::constant(2));
        let flat = body.slot(DType::F32, &[flat], graphc_program::Storage::Alias(rows));
        let one = body.constant(DType::F32, &[], &[1f32]);
        let small = body.add(small, one, &[]);
        for result in [cond, flat, small] {
            body.result(result);
        }
    });
    build.fill(main, |body| {
        let count = body.param(DType::I64, &[]);
        let x = body.param(DType::F32, &[Dim::symbol(n)]);
        let small = body.param(DType::F32, &[]);
        body.bind_axis(n, x, 0);
        let grown = body.arena(DType::F32, &[Dim::symbol(last)]);
        let total = body.arena(DType::F32, &[]);
        let step = body.step(Step::Loop {
            trip_count: Some(count),
            cond: None,
            body: region,
            inputs: vec![x, small],
            n_carried: 2,
            outputs: vec![grown, total],
        });
        body.bind_axis(last, grown, 0);
        body.take(step, &[grown, total]);
        body.result(grown);
        body.result(total);
    });
    build.entry("main", main, &["count", "x", "small"], &["grown", "total"]);
    build
}

#[test]
fn loop_carries_tensors_that_grow() {
    let inputs = [
        ("count", i64s(&[], &[5])),
        ("x", f32s(&[3], &[1.0, 2.0, 3.0])),
        ("small", f32s(&[], &[0.5])),
    ];
    let outputs = run_all_ways(&mut doubling(), &inputs);
    assert_eq!(outputs[0].shape(), Some(&[96][..]));
    let grown = floats(&outputs[0]);
    assert!(grown[..32].iter().all(|&x| x == 1.0) && grown[64..].iter().all(|&x| x == 3.0));
    assert_eq!(floats(&outputs[1]), [5.5]);
}

/// `Σ_{i<outer} Σ_{j<inner} (x + j)`, both loops while their condition holds.
fn nested() -> Build {
    let mut build = Build::new();
    let (main, outer, inner) = (build.reserve(), build.reserve(), build.reserve());
    let more = |body: &mut BodyBuild<'_>, counter: SlotId, limit: SlotId| {
        let one = body.constant(DType::I64, &[], &[1i64]);
        let next = body.add(counter, one, &[]);
        body.binary(BinaryOp::Less, next, limit, &[])
    };
    build.fill(inner, |body| {
        let counter = body.param(DType::I64, &[]);
        body.param(DType::Bool, &[]);
        let sum = body.param(DType::I64, &dims(&[2]));
        let x = body.param(DType::I64, &dims(&[2]));
        let limit = body.param(DType::I64, &[]);
        let part = body.add(x, counter, &dims(&[2]));
        let sum = body.add(sum, part, &dims(&[2]));
        let goes_on = more(body, counter, limit);
        body.result(goes_on);
        body.result(sum);
    });
    build.fill(outer, |body| {
        let counter = body.param(DType::I64, &[]);
        body.param(DType::Bool, &[]);
        let sum = body.param(DType::I64, &dims(&[2]));
        let x = body.param(DType::I64, &dims(&[2]));
        let limit = body.param(DType::I64, &[]);
        let after = body.arena(DType::I64, &dims(&[2]));
        let step = body.step(Step::Loop {
            trip_count: None,
            cond: None,
            body: inner,
            inputs: vec![sum, x, limit],
            n_carried: 1,
            outputs: vec![after],
        });
        body.take(step, &[after]);
        let goes_on = more(body, counter, limit);
        body.result(goes_on);
        body.result(after);
    });
    build.fill(main, |body| {
        let x = body.param(DType::I64, &dims(&[2]));
        let limit = body.param(DType::I64, &[]);
        let zero = body.constant(DType::I64, &[2], &[0i64, 0]);
        let sum = body.arena(DType::I64, &dims(&[2]));
        let step = body.step(Step::Loop {
            trip_count: None,
            cond: None,
            body: outer,
            inputs: vec![zero, x, limit],
            n_carried: 1,
            outputs: vec![sum],
        });
        body.take(step, &[sum]);
        body.result(sum);
    });
    build.entry("main", main, &["x", "limit"], &["sum"]);
    build
}

#[test]
fn loops_nest() {
    let inputs = [("x", i64s(&[2], &[1, 10])), ("limit", i64s(&[], &[4]))];
    let outputs = run_all_ways(&mut nested(), &inputs);
    assert_eq!(ints(&outputs[0]), [4 * (4 + 6), 4 * (40 + 6)]);
}

#[test]
fn memory_of_nested_loops_does_not_grow_with_trips() {
    let session = session(&mut nested(), false);
    let run = |limit| {
        let inputs = [("x", i64s(&[2], &[1, 10])), ("limit", i64s(&[], &[limit]))];
        measured(&session, &inputs, &[])
    };
    let (few, plan) = run(1);
    assert_eq!(few, plan.peak_bytes);
    assert_eq!(few, run(20).0);
    assert!(plan.exact, "no dim comes from data and no loop is skipped");
}

#[test]
fn a_branch_that_dims_forbid_counts_for_nothing() {
    let mut build = choice();
    let mut twin = choice();
    let small = Dim::constant(10);
    build.demand(1, Dim::symbol(EntityId::from_index(0)), small);
    let (session, twin) = (session(&mut build, false), session(&mut twin, false));
    let x = f32s(&[1000], &[1.0; 1000]);
    let inputs = [("cond", bools(&[0])), ("x", x)];
    let (peak, plan) = measured(&session, &inputs, &[("n", 1000)]);
    assert_eq!(peak, plan.peak_bytes);
    assert!(
        plan.peak_bytes
            <= twin
                .memory("main", &[("n", 1000)])
                .expect("plan")
                .peak_bytes
    );
    let forbidden = [("cond", bools(&[1])), inputs[1].clone()];
    let outcome = session.run("main", &forbidden, &mut session.new_state());
    assert!(outcome.is_err());
}

#[test]
fn layouts_of_regions_know_the_dims_of_their_parents() {
    let session = session(&mut choice(), false);
    let layout = session.layout("main", &[("n", 1000)]).expect("layout");
    assert_eq!(layout.bodies.len(), 3);
    assert_eq!(layout.bodies[1].buffers[0].bytes, 4000);
}

#[test]
fn a_region_begins_low_although_the_parent_needs_much_elsewhere() {
    let mut build = Build::new();
    let (main, doubles, keeps) = (build.reserve(), build.reserve(), build.reserve());
    let (small, large) = (dims(&[4]), dims(&[4096]));
    for id in [doubles, keeps] {
        build.fill(id, |body| {
            let x = body.param(DType::F32, &small);
            let wide = body.arena(DType::F32, &large);
            body.launch(Kernel::Iota, &[], &[wide]);
            let y = body.add(x, x, &small);
            body.result(y);
        });
    }
    build.fill(main, |body| {
        let cond = body.param(DType::Bool, &[]);
        let wide = body.arena(DType::F32, &large);
        body.launch(Kernel::Iota, &[], &[wide]);
        let x = body.arena(DType::F32, &small);
        let reduced = dims(&[1]);
        let one = body.arena(DType::F32, &dims(&[1]));
        let kind = graphc_base::attrs::ReduceKind::Sum;
        body.launch(Kernel::Reduce { kind, reduced }, &[wide], &[one]);
        let four = body.constant(DType::F32, &[4], &[1f32; 4]);
        body.binary_into(BinaryOp::Add, one, four, x);
        let y = body.arena(DType::F32, &small);
        let step = body.step(Step::If {
            cond,
            then_body: doubles,
            else_body: keeps,
            inputs: vec![x],
            outputs: vec![y],
        });
        body.take(step, &[y]);
        body.result(y);
    });
    build.entry("main", main, &["cond"], &["y"]);
    let session = session(&mut build, false);
    let (peak, plan) = measured(&session, &[("cond", bools(&[1]))], &[]);
    assert_eq!(peak, plan.peak_bytes);
    assert!(plan.exact, "both branches take the same");
    assert!(peak * 10 <= plan.live_bytes * 11, "{plan:?}");
}
