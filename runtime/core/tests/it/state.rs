//! Program state: what outlives a run.

use crate::common::{BodyBuild, Build, dims};
use crate::tools::{bools, f32s, floats, measured, run, session};
use graphc_base::{DType, Dim};
use graphc_program::{SlotId, StateInit, Step};
use graphc_runtime::{InputRef, RunError};

/// `sum := sum + x`, gives the sum.
fn accumulate(body: &mut BodyBuild<'_>, state: usize, x: SlotId, shape: &[Dim]) -> SlotId {
    let kept = body.state(state);
    let sum = body.add(kept, x, shape);
    body.step(Step::Copy {
        from: sum,
        to: kept,
    });
    sum
}

fn accumulator(init: impl FnOnce(&mut Build) -> StateInit) -> Build {
    let mut build = Build::new();
    let init = init(&mut build);
    let state = build.state("sum", DType::F32, &dims(&[3]), init);
    let main = build.reserve();
    build.fill(main, |body| {
        let x = body.param(DType::F32, &dims(&[3]));
        let sum = accumulate(body, state, x, &dims(&[3]));
        body.result(sum);
    });
    build.entry("main", main, &["x"], &["y"]);
    build
}

fn check_sums(build: &mut Build, first: [f32; 3]) {
    let x = [("x", f32s(&[3], &[1.0, 2.0, 3.0]))];
    for poison in [false, true] {
        let session = session(build, poison);
        let mut state = session.new_state();
        if build.program.state[0].init == StateInit::Input {
            let given = f32s(&[3], &first);
            session
                .set_state(&mut state, "sum", (&given).into())
                .expect("state is set");
        }
        for run_idx in 1..=3 {
            let sums = floats(&run(&session, &x, &mut state)[0]);
            let expected: Vec<f32> = [1.0, 2.0, 3.0]
                .iter()
                .zip(first)
                .map(|(x, first)| first + x * run_idx as f32)
                .collect();
            assert_eq!(sums, expected);
            let kept = session.read_state(&state, "sum").expect("state is read");
            assert_eq!(
                kept.expect("state is there").elements::<f32>(),
                Some(&*expected)
            );
        }
    }
}

#[test]
fn zero_state_accumulates() {
    check_sums(&mut accumulator(|_| StateInit::Zero), [0.0; 3]);
}

#[test]
fn constant_state_starts_at_the_constant() {
    let init = |build: &mut Build| {
        StateInit::Const(build.constant(DType::F32, &[3], &[10f32, 20.0, 30.0]))
    };
    check_sums(&mut accumulator(init), [10.0, 20.0, 30.0]);
}

#[test]
fn input_state_starts_at_what_is_given() {
    check_sums(&mut accumulator(|_| StateInit::Input), [7.0, 8.0, 9.0]);
}

#[test]
fn input_state_that_was_not_given_is_an_error() {
    let mut build = accumulator(|_| StateInit::Input);
    let session = session(&mut build, false);
    let error = session
        .run(
            "main",
            &[("x", f32s(&[3], &[0.0; 3]))],
            &mut session.new_state(),
        )
        .expect_err("state is missing");
    assert_eq!(
        error.to_string(),
        "state `sum`: must be set before the first run"
    );
}

#[test]
fn states_are_independent_of_one_another() {
    let mut build = accumulator(|_| StateInit::Zero);
    let session = session(&mut build, false);
    let x = [("x", f32s(&[3], &[1.0; 3]))];
    let (mut first, mut second) = (session.new_state(), session.new_state());
    run(&session, &x, &mut first);
    assert_eq!(floats(&run(&session, &x, &mut first)[0]), [2.0; 3]);
    assert_eq!(floats(&run(&session, &x, &mut second)[0]), [1.0; 3]);
}

#[test]
fn a_state_of_another_session_is_refused() {
    let mut build = accumulator(|_| StateInit::Zero);
    let (one, other) = (session(&mut build, false), session(&mut build, false));
    let error = one
        .run(
            "main",
            &[("x", f32s(&[3], &[1.0; 3]))],
            &mut other.new_state(),
        )
        .expect_err("state is another's");
    assert_eq!(
        error.to_string(),
        "state `state`: belongs to another session"
    );
}

#[test]
fn state_of_another_type_is_refused() {
    let mut build = accumulator(|_| StateInit::Zero);
    let session = session(&mut build, false);
    let given = f32s(&[2], &[1.0; 2]);
    let error = session
        .set_state(&mut session.new_state(), "sum", InputRef::from(&given))
        .expect_err("shape differs");
    assert!(matches!(error, RunError::State { .. }), "{error}");
}

#[test]
fn state_counts_in_the_peak_to_the_byte() {
    let peak = |n_kept: i64| {
        let mut build = Build::new();
        let kept = build.state("kept", DType::F32, &dims(&[n_kept]), StateInit::Zero);
        let main = build.reserve();
        build.fill(main, |body| {
            let x = body.param(DType::F32, &dims(&[3]));
            let sum = body.add(x, x, &dims(&[3]));
            let kept = body.state(kept);
            body.result(sum);
            body.result(kept);
        });
        build.entry("main", main, &["x"], &["sum", "kept"]);
        let session = session(&mut build, false);
        let (peak, plan) = measured(&session, &[("x", f32s(&[3], &[1.0; 3]))], &[]);
        assert!(plan.exact);
        assert_eq!(peak, plan.peak_bytes);
        peak
    };
    assert_eq!(peak(1000) - peak(1), 4032 - 64);
}

/// A cache of symbolic size, a kernel that writes state itself, and an entry that only reads it.
fn cache() -> Build {
    let mut build = Build::new();
    let n = build.symbol("n", 0, 1000);
    let shape = [Dim::symbol(n)];
    let cache = build.state("cache", DType::F32, &shape, StateInit::Zero);
    let (store, load) = (build.reserve(), build.reserve());
    build.fill(store, |body| {
        let x = body.param(DType::F32, &shape);
        body.bind_axis(n, x, 0);
        let kept = body.state(cache);
        body.binary_into(graphc_base::attrs::BinaryOp::Add, x, x, kept);
        body.result(kept);
    });
    build.fill(load, |body| {
        let x = body.param(DType::F32, &shape);
        body.bind_axis(n, x, 0);
        let kept = body.state(cache);
        let sum = body.add(kept, x, &shape);
        body.result(sum);
    });
    build.entry("main", store, &["x"], &["y"]);
    build.entry("load", load, &["x"], &["y"]);
    build
}

#[test]
fn entries_share_the_state() {
    for poison in [false, true] {
        let session = session(&mut cache(), poison);
        let mut state = session.new_state();
        let x = [("x", f32s(&[2], &[1.0, 2.0]))];
        assert_eq!(floats(&run(&session, &x, &mut state)[0]), [2.0, 4.0]);
        let loaded = session.run("load", &x, &mut state).expect("entry runs");
        assert_eq!(floats(&loaded[0].1), [3.0, 6.0]);
    }
}

#[test]
fn state_keeps_the_size_that_it_started_with() {
    let session = session(&mut cache(), false);
    let mut state = session.new_state();
    run(&session, &[("x", f32s(&[2], &[1.0, 2.0]))], &mut state);
    let error = session
        .run("main", &[("x", f32s(&[3], &[1.0; 3]))], &mut state)
        .expect_err("size differs");
    let expected = "state `cache`: is f32[2], these inputs need another size on axis 0";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_slot_that_changes_its_size_leaves_the_others_alone() {
    let mut build = Build::new();
    let (a, b) = (build.symbol("a", 0, 100), build.symbol("b", 0, 100));
    let first = build.state("first", DType::F32, &[Dim::symbol(a)], StateInit::Input);
    let second = build.state("second", DType::F32, &[Dim::symbol(b)], StateInit::Input);
    let main = build.reserve();
    build.fill(main, |body| {
        let (first, second) = (body.state(first), body.state(second));
        body.bind_axis(a, first, 0);
        body.bind_axis(b, second, 0);
        let doubled = body.add(first, first, &[Dim::symbol(a)]);
        let other = body.add(second, second, &[Dim::symbol(b)]);
        body.result(doubled);
        body.result(other);
    });
    build.entry("main", main, &[], &["first", "second"]);
    let session = session(&mut build, true);
    let mut state = session.new_state();
    let set = |state: &mut _, name, data: &[f32]| {
        let value = f32s(&[data.len()], data);
        session
            .set_state(state, name, (&value).into())
            .expect("state is set");
    };
    set(&mut state, "first", &[1.0]);
    set(&mut state, "second", &[2.0, 3.0]);
    set(&mut state, "first", &[4.0; 40]);
    let outputs = run(&session, &[], &mut state);
    assert_eq!(floats(&outputs[0]), [8.0; 40]);
    assert_eq!(floats(&outputs[1]), [4.0, 6.0]);
}

#[test]
fn a_region_may_change_state() {
    let mut build = Build::new();
    let state = build.state("sum", DType::F32, &dims(&[3]), StateInit::Zero);
    let (main, adds, leaves) = (build.reserve(), build.reserve(), build.reserve());
    build.fill(adds, |body| {
        let x = body.param(DType::F32, &dims(&[3]));
        let sum = accumulate(body, state, x, &dims(&[3]));
        body.result(sum);
    });
    build.fill(leaves, |body| {
        body.param(DType::F32, &dims(&[3]));
        let kept = body.state(state);
        body.result(kept);
    });
    build.fill(main, |body| {
        let cond = body.param(DType::Bool, &[]);
        let x = body.param(DType::F32, &dims(&[3]));
        let y = body.arena(DType::F32, &dims(&[3]));
        let step = body.step(Step::If {
            cond,
            then_body: adds,
            else_body: leaves,
            inputs: vec![x],
            outputs: vec![y],
        });
        body.take(step, &[y]);
        body.result(y);
    });
    build.entry("main", main, &["cond", "x"], &["y"]);
    for poison in [false, true] {
        let session = session(&mut build, poison);
        let mut state = session.new_state();
        let mut step = |cond: u8| {
            let inputs = [("cond", bools(&[cond])), ("x", f32s(&[3], &[1.0; 3]))];
            floats(&run(&session, &inputs, &mut state)[0])[0]
        };
        assert_eq!([step(1), step(0), step(1), step(0)], [1.0, 1.0, 2.0, 2.0]);
    }
}
