//! `graphc compare`.

use crate::support::{Sandbox, floats, mlp, weight};
use graphc_onnx::proto::GraphProto;

#[test]
fn a_compiled_model_agrees_with_the_evaluator() {
    let sandbox = Sandbox::with_mlp("agrees");
    let report = sandbox
        .graphc(&["compare", "mlp.onnx", "mlp.gcx", "--json"])
        .ok()
        .json();
    assert_eq!(report["ok"], true);
    let output = &report["outputs"][0];
    assert_eq!(output["name"], "y");
    assert_eq!(output["tolerance"], 1e-4);
    assert!(output["error"].as_f64().unwrap() <= 1e-4);
    assert!(report.get("layers").is_none());
}

#[test]
fn layers_are_compared_by_the_users_nodes() {
    let sandbox = Sandbox::with_mlp("layers");
    let args = [
        "compare",
        "mlp.onnx",
        "mlp.gcx",
        "--per-layer",
        "--dim",
        "batch=2",
        "--json",
    ];
    let report = sandbox.graphc(&args).ok().json();
    let layers = report["layers"].as_array().unwrap();
    assert!(!layers.is_empty());
    for layer in layers {
        assert_eq!(layer["ok"], true, "{layer}");
        assert!(
            layer["nodes"][0].as_str().unwrap().starts_with('/'),
            "{layer}"
        );
    }
    let outcome = sandbox
        .graphc(&["compare", "mlp.onnx", "mlp.gcx", "--per-layer"])
        .ok();
    assert!(
        outcome.stdout.contains("no layer is over tolerance"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn another_models_artifact_is_found_out_with_its_first_wrong_layer() {
    let sandbox = Sandbox::with_mlp("differs");
    let mut other = mlp();
    let graph: &mut GraphProto = other.graph.as_mut().unwrap();
    graph.initializer[1] = weight("b", &[3], &[0.5, 3.0, 0.25]);
    sandbox.write_model("other.onnx", &other);
    sandbox.write_npz("in.npz", &[("x", floats(&[1, 2], &[0.0, 0.0]))]);
    let args = [
        "compare",
        "other.onnx",
        "mlp.gcx",
        "--inputs",
        "in.npz",
        "--per-layer",
    ];
    let outcome = sandbox.graphc(&args);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome
            .stdout
            .contains("first layer over tolerance: /fc/Add_out (/fc/"),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.stderr, "error: over tolerance: y\n");
    let outcome = sandbox.graphc(&[&args[..], &["--json"]].concat());
    assert_eq!(outcome.code, 1);
    let report = outcome.json();
    assert_eq!(report["ok"], false);
    assert_eq!(report["first_over"], "/fc/Add_out");
}

#[test]
fn the_model_comes_first() {
    let sandbox = Sandbox::with_mlp("order");
    let error = sandbox.graphc(&["compare", "mlp.gcx", "mlp.onnx"]).error();
    assert_eq!(
        error,
        "error: mlp.gcx is an artifact; the model comes first\n"
    );
}
