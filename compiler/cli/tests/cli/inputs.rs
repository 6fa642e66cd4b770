//! Wrong inputs of a run: each is named.

use crate::support::{Sandbox, floats, longs, mlp, three_inputs};
use expect_test::{Expect, expect};
use graphc::runtime::Value;

fn check(name: &str, inputs: &[(&str, Value)], expected: Expect) {
    let sandbox = Sandbox::new(name);
    sandbox.write_model("three.onnx", &three_inputs());
    sandbox.write_npz("in.npz", inputs);
    expected.assert_eq(
        &sandbox
            .graphc(&["run", "three.onnx", "--inputs", "in.npz"])
            .error(),
    );
}

#[test]
fn every_wrong_input_is_named_at_once() {
    check(
        "wrong-all",
        &[
            ("a", longs(&[1, 2], &[1, 2])),
            ("b", floats(&[2], &[1.0, 2.0])),
            ("extra", floats(&[1], &[1.0])),
        ],
        expect![[r#"
            error: three.onnx: inputs do not fit: input `extra` is unknown; input `count` (i64[n]) is missing
        "#]],
    );
}

#[test]
fn dtypes_and_ranks_are_named() {
    check(
        "wrong-types",
        &[
            ("a", longs(&[1, 2], &[1, 2])),
            ("b", floats(&[2], &[1.0, 2.0])),
            ("count", longs(&[1], &[1])),
        ],
        expect![[r#"
            error: three.onnx: inputs do not fit: input `a` has dtype i64, f32 is expected; input `b` has rank 1 (f32[2]), f32[n,2] is expected
        "#]],
    );
}

#[test]
fn dims_that_disagree_name_the_inputs() {
    check(
        "wrong-dims",
        &[
            ("a", floats(&[1, 2], &[1.0, 2.0])),
            ("b", floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0])),
            ("count", longs(&[1], &[1])),
        ],
        expect![[r#"
            error: three.onnx: inputs do not fit: input `b` has size 2 on axis 0, 1 is expected (f32[n,2])
        "#]],
    );
}

#[test]
fn damaged_inputs_name_file_and_array() {
    let sandbox = Sandbox::new("damaged-inputs");
    sandbox.write_model("mlp.onnx", &mlp());
    sandbox.write("in.npz", b"PK nothing");
    let error = sandbox
        .graphc(&["run", "mlp.onnx", "--inputs", "in.npz"])
        .error();
    assert!(
        error.starts_with("error: in.npz: not an npz file"),
        "{error}"
    );
    let error = sandbox
        .graphc(&["run", "mlp.onnx", "--inputs", "none.npz"])
        .error();
    assert!(
        error.starts_with("error: none.npz: No such file"),
        "{error}"
    );
}

#[test]
fn dims_that_the_model_does_not_have_are_named() {
    let sandbox = Sandbox::with_mlp("no-dim");
    let error = sandbox
        .graphc(&["bench", "mlp.gcx", "--dim", "seq=3"])
        .error();
    assert_eq!(error, "error: the model has no dim `seq`; it has batch\n");
    let error = sandbox
        .graphc(&["bench", "mlp.gcx", "--dim", "batch=1..4"])
        .error();
    assert_eq!(
        error,
        "error: --dim batch: an artifact runs at one size, not at a range\n"
    );
}
