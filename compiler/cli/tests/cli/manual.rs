//! `graphc ops`, `doctor`, `completions`, `man` and `--help`.

use crate::support::Sandbox;

#[test]
fn operators_are_listed_with_their_first_opset() {
    let sandbox = Sandbox::new("ops");
    let outcome = sandbox.graphc(&["ops"]).ok();
    let mut lines = outcome.stdout.lines();
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["domain", "operator", "since"]);
    let has = |wanted: &[&str]| {
        outcome
            .stdout
            .lines()
            .any(|line| line.split_whitespace().eq(wanted.iter().copied()))
    };
    assert!(has(&["ai.onnx", "Gelu", "20"]) && has(&["ai.onnx", "MatMul", "1"]));
    let rows = sandbox.graphc(&["ops", "--json"]).ok().json();
    assert_eq!(
        rows.as_array().unwrap().len(),
        outcome.stdout.lines().count() - 1
    );
    for key in ["domain", "op_type", "since"] {
        assert!(rows[0].get(key).is_some(), "{}", rows[0]);
    }
}

#[test]
fn the_doctor_tells_of_processor_and_targets() {
    let sandbox = Sandbox::new("doctor");
    let report = sandbox.graphc(&["doctor", "--json"]).ok().json();
    assert!(
        report["cpu"]["threads"]
            .as_u64()
            .is_some_and(|threads| threads > 0)
    );
    let targets = report["targets"].as_array().unwrap();
    assert_eq!(targets[0]["name"], "cpu");
    assert_eq!(targets[0]["ready"], true);
    assert_eq!(targets[1]["name"], "cuda");
    assert_eq!(
        targets[1]["ready"].as_bool(),
        Some(targets[1]["missing"] == serde_json::json!([]))
    );
    assert!(
        sandbox
            .graphc(&["doctor"])
            .ok()
            .stdout
            .contains("target cpu")
    );
}

#[test]
fn shells_get_completions() {
    let sandbox = Sandbox::new("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = sandbox.graphc(&["completions", shell]).ok();
        assert!(outcome.stdout.contains("stop-after"), "{shell}");
    }
}

#[test]
fn every_command_has_a_page_and_help_with_examples() {
    let sandbox = Sandbox::new("man");
    let page = sandbox.graphc(&["man"]).ok().stdout;
    assert!(page.contains(".TH graphc"), "{page}");
    for command in ["compile", "run", "bench", "compare", "inspect"] {
        assert!(page.contains(command), "{page}");
        let page = sandbox.graphc(&["man", command]).ok().stdout;
        assert!(
            page.contains(".TH graphc") && page.contains(command),
            "{page}"
        );
        let help = sandbox.graphc(&[command, "--help"]).ok().stdout;
        assert!(
            help.contains("Examples:") && help.contains("Usage: graphc"),
            "{help}"
        );
    }
    assert_eq!(
        sandbox.graphc(&["man", "nothing"]).error(),
        "error: there is no command `nothing`\n"
    );
}
