//! `graphc inspect`.

use crate::support::{Sandbox, mlp};

#[test]
fn a_model_is_shown_as_it_is_behind_all_passes() {
    let sandbox = Sandbox::new("model");
    sandbox.write_model("mlp.onnx", &mlp());
    let report = sandbox
        .graphc(&["inspect", "mlp.onnx", "--json"])
        .ok()
        .json();
    assert_eq!(report["outputs"][0]["type"], "f32[batch,3]");
    assert_eq!(report["symbols"][0]["name"], "batch");
    let nodes = report["nodes"].as_array().unwrap();
    assert_eq!(report["node_count"], nodes.len());
    assert!(
        nodes
            .iter()
            .any(|node| node["op"] == "softmax" && node["sources"][0] == "/head/Softmax")
    );
    let outcome = sandbox.graphc(&["inspect", "mlp.onnx"]).ok();
    assert!(
        outcome.stdout.starts_with("graph \"mlp\" {"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn an_artifact_is_summed_up() {
    let sandbox = Sandbox::with_mlp("artifact");
    let report = sandbox
        .graphc(&["inspect", "mlp.gcx", "--json"])
        .ok()
        .json();
    assert_eq!(report["name"], "mlp");
    assert_eq!(report["target"], "cpu");
    assert_eq!(report["entries"][0]["name"], "main");
    assert_eq!(report["entries"][0]["outputs"][0]["type"], "f32[batch,3]");
    assert_eq!(report["weights_bytes"], 36);
    let outcome = sandbox.graphc(&["inspect", "mlp.gcx"]).ok();
    assert!(
        outcome.stdout.contains("  input x: f32[batch,2]\n"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn kernels_have_the_keys_of_the_contract() {
    let sandbox = Sandbox::with_mlp("kernels");
    let args = [
        "inspect",
        "mlp.gcx",
        "--kernels",
        "--dim",
        "batch=5",
        "--json",
    ];
    let report = sandbox.graphc(&args).ok().json();
    assert!(report["peak_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    let kernels = report["kernels"].as_array().unwrap();
    for kernel in kernels {
        for key in [
            "name",
            "kind",
            "sources",
            "dtype",
            "flops",
            "bytes",
            "registers",
            "shared_bytes",
            "spill_bytes",
        ] {
            assert!(kernel.get(key).is_some(), "{key} in {kernel}");
        }
    }
    let product = kernels
        .iter()
        .find(|kernel| kernel["sources"][0] == "/fc/MatMul")
        .unwrap();
    assert!(
        product["flops"].as_u64().unwrap() >= 2 * 5 * 2 * 3,
        "{product}"
    );
    assert_eq!(product["dtype"], "f32");
    let of_model = sandbox
        .graphc(&["inspect", "mlp.onnx", "--kernels", "--json"])
        .ok()
        .json();
    assert_eq!(of_model["kernels"].as_array().unwrap().len(), kernels.len());
}

#[test]
fn memory_names_who_is_live_at_the_peak() {
    let sandbox = Sandbox::with_mlp("memory");
    let args = [
        "inspect",
        "mlp.gcx",
        "--memory",
        "--dim",
        "batch=100",
        "--json",
    ];
    let report = sandbox.graphc(&args).ok().json();
    assert_eq!(report["memory"]["dims"]["batch"], 100);
    let body = &report["memory"]["bodies"][0];
    assert_eq!(report["peak_bytes"], body["arena_bytes"]);
    let buffers = body["buffers"].as_array().unwrap();
    let most = body["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["live_bytes"].as_u64().unwrap());
    assert_eq!(most.max(), body["live_bytes"].as_u64());
    let live: Vec<&str> = body["live_at_peak"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| {
            buffers[at.as_u64().unwrap() as usize]["name"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert!(!live.is_empty());
    assert!(
        buffers
            .iter()
            .any(|buffer| buffer["name"] == "y" && buffer["bytes"] == 1200)
    );
    // No two buffers that are live together overlap.
    let number = |buffer: &serde_json::Value, key: &str| buffer[key].as_u64().unwrap();
    for (at, one) in buffers.iter().enumerate() {
        for other in &buffers[at + 1..] {
            let together = number(one, "first") <= number(other, "last")
                && number(other, "first") <= number(one, "last");
            let apart = number(one, "offset") + number(one, "bytes") <= number(other, "offset")
                || number(other, "offset") + number(other, "bytes") <= number(one, "offset");
            assert!(!together || apart, "{one} {other}");
        }
    }
    let outcome = sandbox.graphc(&["inspect", "mlp.gcx", "--memory"]).ok();
    assert!(
        outcome.stdout.contains("live at the peak, step "),
        "{}",
        outcome.stdout
    );
}

#[test]
fn graphs_are_drawn_for_models_artifacts_and_dumps() {
    let sandbox = Sandbox::with_mlp("dot");
    sandbox
        .graphc(&["compile", "mlp.onnx", "--dump", "passes"])
        .ok();
    for source in ["mlp.onnx", "mlp.gcx", "passes/01-import.gc"] {
        sandbox
            .graphc(&["inspect", source, "--dot", "g.dot", "--html", "g.html"])
            .ok();
        let dot = std::fs::read_to_string(sandbox.path("g.dot")).unwrap();
        assert!(
            dot.starts_with("digraph ") && dot.contains("/head/Softmax"),
            "{source}: {dot}"
        );
        assert!(dot.contains("->"), "{source}: {dot}");
        let html = std::fs::read_to_string(sandbox.path("g.html")).unwrap();
        assert!(html.contains("/head/Softmax"), "{source}");
        assert!(
            !html.contains("http://") && !html.contains("https://"),
            "{source}: it loads something"
        );
        std::fs::remove_file(sandbox.path("g.html")).unwrap();
    }
}

#[test]
fn names_of_the_model_are_no_markup() {
    let sandbox = Sandbox::new("markup");
    let mut model = mlp();
    model.graph.as_mut().unwrap().node[0].name = "<script>\"x\"\\".to_owned();
    sandbox.write_model("mlp.onnx", &model);
    sandbox
        .graphc(&["inspect", "mlp.onnx", "--html", "g.html", "--dot", "g.dot"])
        .ok();
    let html = std::fs::read_to_string(sandbox.path("g.html")).unwrap();
    assert!(!html.contains("<script>\"x"), "{html}");
    let dot = std::fs::read_to_string(sandbox.path("g.dot")).unwrap();
    assert!(dot.contains("<script>\\\"x\\\"\\\\"), "{dot}");
}

#[test]
fn checking_reads_the_weights() {
    let sandbox = Sandbox::with_mlp("check");
    let outcome = sandbox.graphc(&["inspect", "mlp.gcx", "--check"]).ok();
    assert!(
        outcome
            .stdout
            .ends_with("all weights are as they were written\n"),
        "{}",
        outcome.stdout
    );
    let mut bytes = std::fs::read(sandbox.path("mlp.gcx")).unwrap();
    let wanted = 6.0f32.to_le_bytes();
    let at = bytes
        .windows(4)
        .rposition(|window| window == wanted)
        .unwrap();
    bytes[at] ^= 1;
    sandbox.write("damaged.gcx", bytes);
    let error = sandbox
        .graphc(&["inspect", "damaged.gcx", "--check"])
        .error();
    assert!(
        error.starts_with("error: damaged.gcx: contents of [\"w#"),
        "{error}"
    );
    let error = sandbox.graphc(&["inspect", "mlp.onnx", "--check"]).error();
    assert_eq!(
        error,
        "error: --check needs an artifact; mlp.onnx is none\n"
    );
}
