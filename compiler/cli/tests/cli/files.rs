//! Files that are not what they should be, and files that must survive.

use crate::support::{Sandbox, floats, mlp};
use std::io::Read;
use std::process::Stdio;

#[test]
fn paths_that_are_no_files_are_named() {
    let sandbox = Sandbox::new("paths");
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    for command in ["compile", "inspect", "bench"] {
        let error = sandbox.graphc(&[command, "none.onnx"]).error();
        assert_eq!(
            error,
            "error: none.onnx: No such file or directory (os error 2)\n"
        );
        let error = sandbox.graphc(&[command, "folder"]).error();
        assert_eq!(error, "error: folder: a folder, not a file\n");
        let error = sandbox.graphc(&[command, "/dev/null"]).error();
        assert_eq!(error, "error: /dev/null: a device, not a file\n");
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_and_not_waited_for() {
    let sandbox = Sandbox::new("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(sandbox.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    for args in [
        &["compile", "pipe"][..],
        &["run", "pipe", "--random", "1"],
        &["inspect", "pipe", "--check"],
    ] {
        assert_eq!(
            sandbox.graphc(args).error(),
            "error: pipe: a pipe, not a file\n"
        );
    }
    sandbox.write_model("mlp.onnx", &mlp());
    let error = sandbox
        .graphc(&["run", "mlp.onnx", "--inputs", "pipe"])
        .error();
    assert_eq!(error, "error: pipe: a pipe, not a file\n");
    let error = sandbox
        .graphc(&["compile", "mlp.onnx", "-o", "pipe"])
        .error();
    assert_eq!(error, "error: pipe: a pipe, not a file\n");
}

#[test]
fn other_formats_are_recognised() {
    let sandbox = Sandbox::new("formats");
    sandbox.write("empty.onnx", b"");
    sandbox.write("zip.onnx", b"PK\x03\x04....");
    let error = sandbox.graphc(&["compile", "empty.onnx"]).error();
    assert_eq!(
        error,
        "error: empty.onnx: not an ONNX model: the file is empty\n"
    );
    let error = sandbox.graphc(&["compile", "zip.onnx"]).error();
    assert!(error.contains("it looks like a zip archive"), "{error}");
}

#[test]
fn an_artifact_survives_a_compilation_that_fails() {
    let sandbox = Sandbox::with_mlp("survives");
    let before = std::fs::read(sandbox.path("mlp.gcx")).unwrap();
    sandbox.write("broken.onnx", &before[..40]);
    sandbox
        .graphc(&["compile", "broken.onnx", "-o", "mlp.gcx"])
        .error();
    assert_eq!(std::fs::read(sandbox.path("mlp.gcx")).unwrap(), before);
    let error = sandbox
        .graphc(&["compile", "mlp.onnx", "-o", "mlp.onnx"])
        .error();
    assert_eq!(
        error,
        "error: mlp.onnx would overwrite the model; name another file by --output\n"
    );
    let error = sandbox
        .graphc(&["compile", "mlp.onnx", "-o", "no/such/folder.gcx"])
        .error();
    assert_eq!(
        error,
        "error: no/such/folder.gcx: the folder no/such does not exist\n"
    );
    assert_eq!(sandbox.files(), ["broken.onnx", "mlp.gcx", "mlp.onnx"]);
}

#[test]
fn outputs_survive_a_run_that_fails() {
    let sandbox = Sandbox::with_mlp("outputs");
    sandbox.write("out.npz", "before");
    sandbox.write_npz("in.npz", &[("wrong", floats(&[1], &[1.0]))]);
    sandbox
        .graphc(&[
            "run", "mlp.gcx", "--inputs", "in.npz", "--output", "out.npz",
        ])
        .error();
    assert_eq!(std::fs::read(sandbox.path("out.npz")).unwrap(), b"before");
    assert_eq!(
        sandbox.files(),
        ["in.npz", "mlp.gcx", "mlp.onnx", "out.npz"]
    );
}

#[test]
fn compiled_models_are_not_compiled_again() {
    let sandbox = Sandbox::with_mlp("again");
    let error = sandbox.graphc(&["compile", "mlp.gcx"]).error();
    assert_eq!(error, "error: mlp.gcx is compiled already\n");
    let error = sandbox
        .graphc(&["bench", "mlp.gcx", "--opt-level", "1", "--verify"])
        .error();
    assert_eq!(
        error,
        "error: --opt-level, --verify needs a model; mlp.gcx is compiled already\n"
    );
}

#[test]
fn damaged_artifacts_are_refused() {
    let sandbox = Sandbox::with_mlp("damaged");
    let bytes = std::fs::read(sandbox.path("mlp.gcx")).unwrap();
    let at = bytes
        .windows(6)
        .position(|window| window == b"Softma")
        .unwrap();
    let mut changed = bytes.clone();
    changed[at] = b'X';
    sandbox.write("changed.gcx", changed);
    let error = sandbox
        .graphc(&["run", "changed.gcx", "--random", "1"])
        .error();
    assert_eq!(
        error,
        "error: changed.gcx: not a graphc artifact or damaged: header and plan are not as they were written\n"
    );
    sandbox.write("cut.gcx", &bytes[..bytes.len() - 8]);
    let error = sandbox.graphc(&["run", "cut.gcx", "--random", "1"]).error();
    assert!(
        error.contains("not a graphc artifact or damaged: "),
        "{error}"
    );
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let sandbox = Sandbox::new("closed");
    let mut command = sandbox.command(&["ops"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(said, "");
}
