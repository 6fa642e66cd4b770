//! `graphc compile`.

use crate::support::{Sandbox, mlp, model, node, value};
use expect_test::expect;
use graphc_onnx::proto::GraphProto;

#[test]
fn the_artifact_lies_beside_the_model() {
    let sandbox = Sandbox::new("beside");
    sandbox.write_model("mlp.onnx", &mlp());
    let outcome = sandbox.graphc(&["compile", "mlp.onnx"]).ok();
    assert!(
        outcome.stdout.starts_with("mlp.gcx: 4 nodes became "),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stderr.starts_with("import: "), "{}", outcome.stderr);
    assert_eq!(sandbox.files(), ["mlp.gcx", "mlp.onnx"]);
}

#[test]
fn the_report_has_the_keys_of_the_contract() {
    let sandbox = Sandbox::new("compile-json");
    sandbox.write_model("mlp.onnx", &mlp());
    let report = sandbox
        .graphc(&["compile", "mlp.onnx", "-o", "out.gcx", "--json"])
        .ok()
        .json();
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "artifact",
            "bytes",
            "compile_ms",
            "kernels",
            "nodes",
            "precision",
            "source_nodes",
            "stages"
        ]
    );
    assert_eq!(report["artifact"], "out.gcx");
    assert_eq!(report["source_nodes"], 4);
    let bytes = std::fs::metadata(sandbox.path("out.gcx")).unwrap().len();
    assert_eq!(report["bytes"], bytes);
    let stages: Vec<&str> = report["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        stages,
        ["import", "verify", "canonicalize", "plan", "write"]
    );
}

#[test]
fn level_zero_plans_the_imported_graph() {
    let sandbox = Sandbox::new("level");
    sandbox.write_model("mlp.onnx", &mlp());
    let report = sandbox
        .graphc(&["compile", "mlp.onnx", "--opt-level", "0", "--json"])
        .ok()
        .json();
    let stages = report["stages"].as_array().unwrap();
    assert!(stages.iter().all(|stage| stage["name"] != "canonicalize"));
    sandbox.graphc(&["compare", "mlp.onnx", "mlp.gcx"]).ok();
}

#[test]
fn verification_says_what_it_did() {
    let sandbox = Sandbox::new("verify");
    sandbox.write_model("mlp.onnx", &mlp());
    let outcome = sandbox
        .graphc(&["compile", "mlp.onnx", "--verify", "--json"])
        .ok();
    assert!(
        outcome
            .stderr
            .contains("verified on the cpu against the evaluator at batch=2, on random inputs"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.json()["verification"]["ok"], true);
    assert_eq!(outcome.json()["verification"]["dims"]["batch"], 2);
}

#[test]
fn dumps_are_written_where_something_changed_and_can_be_inspected() {
    let sandbox = Sandbox::new("dump");
    sandbox.write_model("mlp.onnx", &mlp());
    sandbox
        .graphc(&["compile", "mlp.onnx", "--dump", "passes"])
        .ok();
    let mut names: Vec<String> = std::fs::read_dir(sandbox.path("passes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names[..2], ["01-import.dot", "01-import.gc"]);
    assert!(
        names.iter().any(|name| name.ends_with("-plan.json")),
        "{names:?}"
    );
    let report = sandbox
        .graphc(&["inspect", "passes/01-import.gc", "--json"])
        .ok()
        .json();
    assert_eq!(report["name"], "mlp");
    assert_eq!(report["inputs"][0]["type"], "f32[batch,2]");
}

#[test]
fn stopping_prints_the_graph_and_makes_no_artifact() {
    let sandbox = Sandbox::new("stop");
    sandbox.write_model("mlp.onnx", &mlp());
    let outcome = sandbox
        .graphc(&["compile", "mlp.onnx", "--stop-after", "import"])
        .ok();
    assert!(
        outcome.stdout.starts_with("graph \"mlp\" {"),
        "{}",
        outcome.stdout
    );
    assert_eq!(sandbox.files(), ["mlp.onnx"]);
    let error = sandbox
        .graphc(&["compile", "mlp.onnx", "--stop-after", "nothing"])
        .error();
    assert!(
        error.starts_with("error: there is no pass `nothing`; there are import, "),
        "{error}"
    );
}

#[test]
fn what_this_version_cannot_do_is_said_and_not_passed_over() {
    let sandbox = Sandbox::new("later");
    sandbox.write_model("mlp.onnx", &mlp());
    let mut said = String::new();
    for options in [
        &["--target", "cuda"][..],
        &["--target", "cuda:sm_90a"],
        &["--precision", "int8"],
        &["--calibrate", "data.npz"],
        &["--calibrator", "mse"],
        &["--max-error", "0.1"],
        &["--tune", "10"],
        &["--memory-budget", "1GiB"],
    ] {
        let args = [&["compile", "mlp.onnx"][..], options].concat();
        said.push_str(&sandbox.graphc(&args).error());
    }
    expect![[r#"
        error: --target cuda: this version compiles for cpu only; see `graphc doctor`
        error: --target cuda:sm_90a: this version compiles for cpu only; see `graphc doctor`
        error: --precision int8: this version computes in the model's own precision only (fp32)
        error: --calibrate is not supported: this version quantises no model
        error: --calibrator is not supported: this version quantises no model
        error: --max-error is not supported: this version lowers no precision
        error: --tune is not supported: this version chooses kernels without measuring
        error: --memory-budget is not supported: this version plans for the least memory already, without a budget
    "#]]
    .assert_eq(&said);
    assert_eq!(sandbox.files(), ["mlp.onnx"]);
    sandbox
        .graphc(&[
            "compile",
            "mlp.onnx",
            "--target",
            "cpu",
            "--precision",
            "fp32",
        ])
        .ok();
}

#[test]
fn all_unsupported_operators_come_in_one_message() {
    let sandbox = Sandbox::new("unsupported");
    sandbox.write_model(
        "odd.onnx",
        &model(GraphProto {
            node: vec![
                node("/first", "NoSuchOp", &["x"], &["a"]),
                node("/fine", "Relu", &["a"], &["b"]),
                node("/second", "NorThisOne", &["b"], &["y"]),
            ],
            input: vec![value("x", &["2"])],
            output: vec![value("y", &["2"])],
            ..GraphProto::default()
        }),
    );
    let error = sandbox.graphc(&["compile", "odd.onnx"]).error();
    let starts = |line: Option<&str>, start: &str| {
        assert!(line.is_some_and(|line| line.starts_with(start)), "{error}");
    };
    let mut lines = error.lines();
    starts(lines.next(), "error: 2 unsupported operators:");
    starts(
        lines.next(),
        "  odd.onnx: node /first (ai.onnx.NoSuchOp, opset 17): ",
    );
    starts(
        lines.next(),
        "  odd.onnx: node /second (ai.onnx.NorThisOne, opset 17): ",
    );
    let report = sandbox.graphc(&["compile", "odd.onnx", "--json"]).json();
    assert!(
        report["error"].as_str().unwrap().contains("/second"),
        "{report}"
    );
}

#[test]
fn fixed_dims_make_an_artifact_of_that_size() {
    let sandbox = Sandbox::new("fixed");
    sandbox.write_model("mlp.onnx", &mlp());
    sandbox
        .graphc(&["compile", "mlp.onnx", "--dim", "batch=3"])
        .ok();
    let report = sandbox
        .graphc(&["inspect", "mlp.gcx", "--json"])
        .ok()
        .json();
    assert_eq!(report["entries"][0]["inputs"][0]["type"], "f32[3,2]");
    sandbox
        .graphc(&["bench", "mlp.onnx", "--dim", "batch=3", "--iters", "1"])
        .ok();
}
