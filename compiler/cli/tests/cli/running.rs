//! `graphc run` and `graphc bench`.

use crate::support::{Sandbox, elements, floats, mlp, model, node, value, weight};
use graphc_onnx::proto::GraphProto;

#[test]
fn outputs_are_written_under_the_models_names() {
    let sandbox = Sandbox::with_mlp("run");
    sandbox.write_npz("in.npz", &[("x", floats(&[1, 2], &[0.0, 0.0]))]);
    let args = [
        "run", "mlp.gcx", "--inputs", "in.npz", "--output", "out.npz",
    ];
    let outcome = sandbox.graphc(&args).ok();
    assert_eq!(outcome.stdout, "y: f32[1, 3]\n");
    let outputs = sandbox.read_npz("out.npz");
    // softmax of (0.5, 0, 0.25)
    let sum = 0.5f32.exp() + 1.0 + 0.25f32.exp();
    let expected = [0.5f32.exp() / sum, 1.0 / sum, 0.25f32.exp() / sum];
    for (found, expected) in elements(&outputs["y"]).iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn a_model_runs_as_its_artifact_does() {
    let sandbox = Sandbox::with_mlp("both");
    for source in ["mlp.onnx", "mlp.gcx"] {
        let args = [
            "run", source, "--random", "7", "--dim", "batch=4", "--output", "out.npz",
        ];
        sandbox.graphc(&args).ok();
        std::fs::rename(
            sandbox.path("out.npz"),
            sandbox.path(&format!("{source}.npz")),
        )
        .unwrap();
    }
    assert_eq!(
        sandbox.read_npz("mlp.onnx.npz"),
        sandbox.read_npz("mlp.gcx.npz")
    );
    assert_eq!(
        sandbox.read_npz("mlp.gcx.npz")["y"].shape(),
        Some(&[4, 3][..])
    );
}

#[test]
fn seeds_decide_random_inputs() {
    let sandbox = Sandbox::with_mlp("seeds");
    let run = |seed: &str| {
        let args = ["run", "mlp.gcx", "--random", seed, "--output", "out.npz"];
        sandbox.graphc(&args).ok();
        sandbox.read_npz("out.npz")
    };
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1"), run("2"));
}

#[test]
fn a_run_reports_as_json() {
    let sandbox = Sandbox::with_mlp("run-json");
    let report = sandbox
        .graphc(&["run", "mlp.gcx", "--random", "1", "--json"])
        .ok()
        .json();
    assert_eq!(report["outputs"][0]["name"], "y");
    assert_eq!(report["outputs"][0]["shape"], serde_json::json!([1, 3]));
    assert!(report["run_ms"].as_f64().is_some_and(|ms| ms > 0.0));
}

#[test]
fn a_profile_is_a_trace_in_the_users_node_names() {
    let sandbox = Sandbox::with_mlp("profile");
    sandbox
        .graphc(&["run", "mlp.gcx", "--random", "1", "--profile", "trace.json"])
        .ok();
    let text = std::fs::read_to_string(sandbox.path("trace.json")).unwrap();
    let trace: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    assert!(!events.is_empty());
    for event in events {
        assert_eq!(event["ph"], "X");
        assert!(event["ts"].as_f64().unwrap() >= 0.0 && event["dur"].as_f64().unwrap() >= 0.0);
    }
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert!(
        names.iter().any(|name| name.contains("/fc/MatMul")),
        "{names:?}"
    );
    assert!(
        names.iter().any(|name| name.contains("/head/Softmax")),
        "{names:?}"
    );
}

#[test]
fn a_benchmark_has_exactly_the_keys_of_the_contract() {
    let sandbox = Sandbox::with_mlp("bench");
    for source in ["mlp.onnx", "mlp.gcx"] {
        let args = [
            "bench",
            source,
            "--iters",
            "3",
            "--threads",
            "1",
            "--dim",
            "batch=2",
            "--json",
        ];
        let report = sandbox.graphc(&args).ok().json();
        let mut keys: Vec<&str> = report
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "compile_ms",
                "device",
                "load_ms",
                "median_ms",
                "min_ms",
                "p10_ms",
                "p90_ms",
                "peak_bytes",
                "threads",
                "weights_bytes"
            ]
        );
        assert_eq!(report["device"], "cpu");
        assert_eq!(report["threads"], 1);
        assert_eq!(report["weights_bytes"], 4 * (6 + 3));
        assert_eq!(report["compile_ms"].is_null(), source == "mlp.gcx");
        let ms = |key: &str| report[key].as_f64().unwrap();
        assert!(ms("min_ms") <= ms("p10_ms") && ms("p10_ms") <= ms("median_ms"));
        assert!(ms("median_ms") <= ms("p90_ms"));
    }
}

#[test]
fn a_benchmark_reports_the_memory_that_is_predicted() {
    let sandbox = Sandbox::with_mlp("bench-memory");
    let measured = sandbox
        .graphc(&[
            "bench", "mlp.gcx", "--iters", "1", "--dim", "batch=64", "--json",
        ])
        .ok()
        .json();
    let predicted = sandbox
        .graphc(&[
            "inspect", "mlp.gcx", "--memory", "--dim", "batch=64", "--json",
        ])
        .ok()
        .json();
    assert_eq!(measured["peak_bytes"], predicted["peak_bytes"]);
}

#[test]
fn nothing_is_left_of_a_model_that_was_compiled_in_passing() {
    let sandbox = Sandbox::new("passing");
    sandbox.write_model("mlp.onnx", &mlp());
    std::fs::create_dir(sandbox.path("tmp")).unwrap();
    let mut command = sandbox.command(&["run", "mlp.onnx", "--random", "1"]);
    assert!(
        command
            .env("TMPDIR", sandbox.path("tmp"))
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(std::fs::read_dir(sandbox.path("tmp")).unwrap().count(), 0);
}

#[test]
fn sizes_that_pass_the_models_checks_are_found() {
    let sandbox = Sandbox::new("checks");
    sandbox.write_model(
        "m.onnx",
        &model(GraphProto {
            name: "m".into(),
            node: vec![node("/add", "Add", &["x", "w"], &["y"])],
            initializer: vec![weight("w", &[2, 6], &[1.0; 12])],
            input: vec![value("x", &["2", "columns"])],
            output: vec![value("y", &["2", "6"])],
            ..GraphProto::default()
        }),
    );
    let args = ["inspect", "m.onnx", "--memory", "--json"];
    let report = sandbox.graphc(&args).ok().json();
    assert_eq!(report["memory"]["dims"]["columns"], 6);
    sandbox.graphc(&["bench", "m.onnx", "--iters", "1"]).ok();
    let error = sandbox.graphc(&["bench", "m.onnx", "--dim", "columns=5"]);
    assert_ne!(error.code, 0, "{}", error.stdout);
}
