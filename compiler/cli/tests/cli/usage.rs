//! Wrong usage: exit code 2.

use crate::support::{Sandbox, mlp};

fn refuse(args: &[&str], expected: &str) {
    let sandbox = Sandbox::new(&format!("usage-{}", args.join("-").replace('/', "_")));
    let outcome = sandbox.graphc(args);
    assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.stderr);
    assert!(
        outcome.stderr.contains(expected),
        "{args:?}: {}",
        outcome.stderr
    );
    let outcome = sandbox.graphc(&[args, &["--json"]].concat());
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.json()["error"].as_str().unwrap().contains(expected),
        "{}",
        outcome.stdout
    );
}

#[test]
fn wrong_arguments_are_named() {
    refuse(&["fly"], "unrecognized subcommand 'fly'");
    refuse(&["compile"], "<MODEL>");
    refuse(
        &["compile", "m.onnx", "--opt-level", "4"],
        "4 is not in 0..=3",
    );
    refuse(
        &["compile", "m.onnx", "--target", "tpu"],
        "target `tpu` is unknown",
    );
    refuse(
        &["compile", "m.onnx", "--precision", "fp8"],
        "invalid value 'fp8'",
    );
    refuse(
        &["compile", "m.onnx", "--dim", "seq"],
        "expected NAME=SIZE or NAME=LO..HI",
    );
    refuse(
        &["compile", "m.onnx", "--dim", "seq=9..1"],
        "no range of sizes",
    );
    refuse(
        &["compile", "m.onnx", "--memory-budget", "1 MB"],
        "expected a number with KiB, MiB or GiB",
    );
    refuse(&["run", "m.onnx"], "--inputs");
    refuse(
        &["run", "m.onnx", "--random", "1", "--inputs", "x.npz"],
        "cannot be used with",
    );
    refuse(&["bench", "m.onnx", "--iters", "0"], "0 is not in 1..");
    refuse(
        &["run", "m.onnx", "--random", "1", "--device", "tpu"],
        "expected cpu, cuda:NUMBER or sim",
    );
}

#[test]
fn devices_that_are_not_here_say_what_is_missing() {
    let sandbox = Sandbox::new("devices");
    sandbox.write_model("mlp.onnx", &mlp());
    let run = |device| sandbox.graphc(&["run", "mlp.onnx", "--random", "1", "--device", device]);
    let error = run("cuda:0").error();
    assert!(
        error.starts_with("error: --device cuda:0: this version of graphc has no CUDA target"),
        "{error}"
    );
    let error = run("sim").error();
    assert_eq!(
        error,
        "error: --device sim: this version has no simulator; use --device cpu\n"
    );
    run("cpu").ok();
}

#[test]
fn help_and_version_succeed() {
    let sandbox = Sandbox::new("help");
    assert!(
        sandbox
            .graphc(&["--help"])
            .ok()
            .stdout
            .contains("Exit codes: 0 done, 1 failed, 2 wrong usage.")
    );
    assert!(
        sandbox
            .graphc(&["--version"])
            .ok()
            .stdout
            .starts_with("graphc ")
    );
}
