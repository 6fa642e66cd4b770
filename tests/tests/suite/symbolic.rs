//! One artifact for every size: no recompile, and no shape arithmetic left in the graph.

use graphc::compare::compare;
use graphc::tolerance::{MODEL_F32, difference};
use graphc::{CompileOptions, import_model, optimize_model};
use graphc_ir::Op;
use graphc_runtime::Value;
use graphc_tests::assets;
use graphc_tests::models::{Golden, Named, batch_row, load, run};

/// Up to so many tokens the evaluator is quick enough to be asked.
const EVALUATED_TOKENS: usize = 24;

#[test]
fn bert_base_holds_no_sizes_as_data() {
    let path = assets::path("graphs/bert_base.onnx");
    let graph = optimize_model(&path, &CompileOptions::default()).expect("it compiles");
    let of_sizes = graph
        .block_ids()
        .flat_map(|block| graph.block(block).nodes.iter().copied())
        .filter(|&node| matches!(graph.node(node).op, Op::DimTensor { .. }))
        .count();
    assert_eq!(of_sizes, 0, "{graph}");
}

#[test]
fn one_artifact_of_bert_base_runs_at_every_size() {
    let path = assets::path("graphs/bert_base.onnx");
    let session = load(&path).expect("it compiles");
    let graph = import_model(&path, &CompileOptions::default()).expect("it is imported");
    let golden = assets::fixture("graphs/bert_base.golden.npz");
    let golden = Golden::read(&golden).expect("a golden");
    for seq in [1, 7, 128, 512] {
        for batch in [1, 3, 8] {
            let shape = [batch, seq];
            let shapes = [("input_ids", &shape[..]), ("attention_mask", &shape[..])];
            let inputs = golden.inputs_at(&shapes).expect("inputs at any size");
            if batch * seq <= EVALUATED_TOKENS {
                let comparison = compare(&graph, &session, &inputs, false).expect("both run");
                assert!(comparison.ok, "{shape:?}: {:?}", comparison.outputs);
            } else if batch > 1 {
                last_row_equals_its_own_run(&session, &inputs, batch);
            } else {
                run(&session, &inputs).expect("it runs");
            }
        }
    }
}

fn last_row_equals_its_own_run(session: &graphc_runtime::Session, inputs: &Named, batch: usize) {
    let row = |values: &Named| -> Named {
        let cut = |value: &Value| batch_row(value.as_tensor()?, batch - 1).map(Value::from);
        values
            .iter()
            .map(|(name, value)| (name.clone(), cut(value).expect("a batch")))
            .collect()
    };
    let whole = row(&run(session, inputs).expect("the batch runs"));
    let alone = run(session, &row(inputs)).expect("one row runs");
    for ((name, whole), (_, alone)) in whole.iter().zip(&alone) {
        let found = difference(whole, alone).expect("of one type");
        assert!(found.error <= MODEL_F32, "{name}: {found:?}");
    }
}
