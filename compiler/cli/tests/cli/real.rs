//! A real model the whole way.

use crate::support::{Sandbox, asset};

#[test]
fn a_file_type_classifier_compiles_runs_and_agrees() {
    let sandbox = Sandbox::new("real");
    let model = asset("magika-v3/model.onnx");
    let model = model.to_str().unwrap();
    let report = sandbox
        .graphc(&["compile", model, "-o", "magika.gcx", "--json"])
        .ok()
        .json();
    assert!(report["kernels"].as_u64().unwrap() > 5);
    let graph = sandbox.graphc(&["inspect", model, "--json"]).ok().json();
    assert!(
        graph["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|node| node["op"] != "shape")
    );
    let args = ["compare", model, "magika.gcx", "--per-layer", "--json"];
    let report = sandbox.graphc(&args).ok().json();
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["layers"].as_array().unwrap().len() > 5);
    let memory = sandbox
        .graphc(&["inspect", "magika.gcx", "--memory", "--json"])
        .ok()
        .json();
    let args = ["bench", "magika.gcx", "--iters", "2", "--json"];
    assert_eq!(
        sandbox.graphc(&args).ok().json()["peak_bytes"],
        memory["peak_bytes"]
    );
}
