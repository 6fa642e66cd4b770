//! Inputs are checked one by one, and errors of runs name the user's nodes.

use crate::common::{Build, dims};
use crate::tools::{f32s, i64s, session};
use graphc_base::{DType, Dim};
use graphc_program::kernel::Kernel;
use graphc_runtime::{InputRef, OutputMut, Value};

/// `x: f32[n, 3]`, `y: f32[n]`.
fn two_inputs() -> Build {
    let mut build = Build::new();
    let n = build.symbol("n", 1, 100);
    let main = build.reserve();
    build.fill(main, |body| {
        let x = body.param(DType::F32, &[Dim::symbol(n), Dim::constant(3)]);
        let y = body.param(DType::F32, &[Dim::symbol(n)]);
        body.bind_axis(n, x, 0);
        let z = body.add(y, y, &[Dim::symbol(n)]);
        body.result(x);
        body.result(z);
    });
    build.entry("main", main, &["x", "y"], &["x", "z"]);
    build
}

fn check(inputs: &[(&str, Value)], expected: &str) {
    let session = session(&mut two_inputs(), false);
    let error = session
        .run("main", inputs, &mut session.new_state())
        .expect_err("inputs do not fit");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn missing_extra_and_repeated_inputs_are_named() {
    check(
        &[
            ("z", f32s(&[1], &[0.0])),
            ("x", f32s(&[1, 3], &[0.0; 3])),
            ("x", f32s(&[0], &[])),
        ],
        "inputs do not fit: input `z` is unknown; input `x` is given twice; input `y` (f32[n]) is missing",
    );
}

#[test]
fn wrong_dtypes_ranks_and_sizes_are_named_together() {
    check(
        &[("x", i64s(&[1, 3], &[0; 3])), ("y", f32s(&[1, 1], &[0.0]))],
        "inputs do not fit: input `x` has dtype i64, f32 is expected; \
         input `y` has rank 2 (f32[1,1]), f32[n] is expected",
    );
    check(
        &[
            ("x", f32s(&[2, 4], &[0.0; 8])),
            ("y", f32s(&[3], &[0.0; 3])),
        ],
        "inputs do not fit: input `x` has size 4 on axis 1, 3 is expected (f32[n,3]); \
         input `y` has size 3 on axis 0, 2 is expected (f32[n])",
    );
}

#[test]
fn sizes_outside_the_range_are_named() {
    check(
        &[
            ("x", f32s(&[101, 3], &[0.0; 303])),
            ("y", f32s(&[101], &[0.0; 101])),
        ],
        "dims do not fit: `n` is 101, outside 1..=100",
    );
}

#[test]
fn buffers_of_another_size_are_refused() {
    let session = session(&mut two_inputs(), false);
    let bytes = [0u64; 6];
    let bytes: &[u8] = bytemuck::cast_slice(&bytes);
    let mut state = session.new_state();
    let mut run = |x: &[u8], z: usize| {
        let (mut first, mut second) = (vec![0; 12], vec![0; z]);
        let inputs = [
            InputRef::Bytes {
                dtype: DType::F32,
                shape: &[1, 3],
                bytes: x,
            },
            InputRef::Bytes {
                dtype: DType::F32,
                shape: &[1],
                bytes: &bytes[..4],
            },
        ];
        let mut outputs = [
            OutputMut { bytes: &mut first },
            OutputMut { bytes: &mut second },
        ];
        let outcome = session.run_into("main", &inputs, &mut outputs, &mut state);
        outcome.map_or_else(|error| error.to_string(), |()| "ran".to_owned())
    };
    assert_eq!(run(&bytes[..12], 4), "ran");
    assert_eq!(
        run(&bytes[..12], 8),
        "output `z`: buffer has 8 bytes, 4 are needed"
    );
    let short = "inputs do not fit: input `x` has 8 bytes, which do not fit f32[1,3]";
    assert_eq!(run(&bytes[..8], 4), short);
    let shifted = "inputs do not fit: input `x` does not start at a multiple of 4 bytes";
    assert_eq!(run(&bytes[1..13], 4), shifted);
}

#[test]
fn errors_of_kernels_name_the_nodes() {
    let mut build = Build::new();
    let main = build.reserve();
    build.fill(main, |body| {
        let x = body.param(DType::F32, &dims(&[4]));
        let indices = body.param(DType::I64, &dims(&[1]));
        let y = body.arena(DType::F32, &dims(&[1]));
        body.launch(Kernel::Gather { axis: 0 }, &[x, indices], &[y]);
        body.result(y);
    });
    build.entry("main", main, &["x", "indices"], &["y"]);
    let session = session(&mut build, false);
    let inputs = [("x", f32s(&[4], &[0.0; 4])), ("indices", i64s(&[1], &[9]))];
    let error = session
        .run("main", &inputs, &mut session.new_state())
        .expect_err("index is outside");
    assert!(error.to_string().starts_with("node0: "), "{error}");
    let unknown = session.run("train", &[], &mut session.new_state());
    let expected = "entry `train` is unknown; the program has main";
    assert_eq!(unknown.expect_err("no such entry").to_string(), expected);
}
