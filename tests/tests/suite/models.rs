//! Real models and standard architectures: against their goldens, and at further sizes against the evaluator.

use anyhow::{Result, bail, ensure};
use graphc::compare::compare;
use graphc::tolerance::MODEL_F32;
use graphc::{CompileOptions, Graph, import_model};
use graphc_runtime::Session;
use graphc_tests::assets;
use graphc_tests::gaps::{self, KnownGaps};
use graphc_tests::models::{Golden, load, run};
use std::path::Path;

/// Least cosine between a quantised model and what it is held against: a value on the border of two quanta may fall to
/// either side.
const QUANTIZED_COSINE: f64 = 0.9999;

type Shapes<'a> = &'a [(&'a str, &'a [usize])];

/// How a model is judged.
#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Float,
    Quantized,
}

/// Holds a model against its golden, and at other sizes against the evaluator. Known gaps are named after the model, and
/// `MODEL_sizes`.
fn check(name: &str, model: &str, golden: &str, measure: Measure, sizes: &[Shapes<'_>]) {
    let (model, golden) = (assets::path(model), assets::fixture(golden));
    let session = load(&model).expect("a model that compiles and loads");
    let golden = Golden::read(&golden).expect("a golden");
    let graph = import_model(&model, &CompileOptions::default()).expect("a model that imports");
    settle(&[
        (name, against_golden(&graph, &session, &golden, measure)),
        (
            &format!("{name}_sizes"),
            against_evaluator(&graph, &session, &golden, measure, sizes),
        ),
    ]);
}

/// A failure must be a known gap, and a known gap must fail.
fn settle(outcomes: &[(&str, Result<()>)]) {
    let known = KnownGaps::read(Path::new(gaps::FILE), "models").expect("a list of gaps");
    for (name, outcome) in outcomes {
        if let Err(error) = outcome {
            eprintln!("{name}: {error:#}");
        }
    }
    let passed = outcomes
        .iter()
        .map(|(name, outcome)| (*name, outcome.is_ok()));
    let problems = known.problems(passed, false);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn against_golden(
    graph: &Graph,
    session: &Session,
    golden: &Golden,
    measure: Measure,
) -> Result<()> {
    for (output, found) in golden.differences(&run(session, &golden.inputs)?)? {
        println!(
            "golden {output}: error {:.2e}, cosine {:.6}",
            found.error, found.cosine
        );
        let is_close = match measure {
            Measure::Float => found.error <= MODEL_F32,
            Measure::Quantized => found.cosine >= QUANTIZED_COSINE,
        };
        if !is_close {
            let exact = compare(graph, session, &golden.inputs, false)?;
            bail!(
                "{output} is off its golden by {:.2e}, cosine {:.6}; off the evaluator: {:?}",
                found.error,
                found.cosine,
                exact
                    .outputs
                    .iter()
                    .map(|row| row.error)
                    .collect::<Vec<_>>()
            );
        }
    }
    Ok(())
}

fn against_evaluator(
    graph: &Graph,
    session: &Session,
    golden: &Golden,
    measure: Measure,
    sizes: &[Shapes<'_>],
) -> Result<()> {
    for shapes in sizes {
        let comparison = compare(graph, session, &golden.inputs_at(shapes)?, false)?;
        for row in &comparison.outputs {
            println!(
                "{shapes:?} {}: error {:?}, cosine {:?}",
                row.name, row.error, row.cosine
            );
            let is_close = match measure {
                Measure::Float => row.ok,
                Measure::Quantized => row.cosine.is_some_and(|cosine| cosine >= QUANTIZED_COSINE),
            };
            ensure!(
                is_close,
                "{} at {shapes:?} is off the evaluator by {:?}, cosine {:?} {}",
                row.name,
                row.error,
                row.cosine,
                row.message.as_deref().unwrap_or_default()
            );
        }
    }
    Ok(())
}

macro_rules! models {
    ($($test:ident: $model:literal, $golden:literal, $measure:ident, [$($sizes:expr),* $(,)?];)*) => {$(
        #[test]
        fn $test() {
            check(stringify!($test), $model, $golden, Measure::$measure, &[$(&$sizes),*]);
        }
    )*};
}

models! {
    magika: "magika-v3/model.onnx", "golden/magika-v3__model.npz", Float,
        [[("bytes", &[2usize, 2048][..])], [("bytes", &[3, 2048])]];
    minilm_int8: "minilm-l6-int8/model.onnx", "golden/minilm-l6-int8__model.npz", Quantized,
        [
            [("input_ids", &[1usize, 3][..]), ("attention_mask", &[1, 3]), ("token_type_ids", &[1, 3])],
            [("input_ids", &[3, 7]), ("attention_mask", &[3, 7]), ("token_type_ids", &[3, 7])],
        ];
    ppocr_cls_qdq: "../../tests/fixtures/graphs/ppocr_cls_qdq_perchannel.onnx",
        "golden/generated__ppocr_cls_qdq_perchannel.npz", Quantized,
        [[("x", &[2usize, 3, 48, 64][..])], [("x", &[1, 3, 48, 96])]];
    ppocr_cls: "rapidocr-ppocrv4/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "golden/rapidocr-ppocrv4__ch_ppocr_mobile_v2.0_cls_infer.npz", Float,
        [[("x", &[2usize, 3, 48, 64][..])], [("x", &[1, 3, 48, 96])]];
    ppocr_det: "rapidocr-ppocrv4/ch_PP-OCRv4_det_infer.onnx",
        "golden/rapidocr-ppocrv4__ch_PP-OCRv4_det_infer.npz", Float,
        [[("x", &[1usize, 3, 64, 96][..])], [("x", &[2, 3, 32, 32])]];
    ppocr_rec: "rapidocr-ppocrv4/ch_PP-OCRv4_rec_infer.onnx",
        "golden/rapidocr-ppocrv4__ch_PP-OCRv4_rec_infer.npz", Float,
        [[("x", &[1usize, 3, 48, 64][..])], [("x", &[2, 3, 48, 40])]];
    silero: "silero-vad/silero_vad.onnx", "golden/silero-vad__silero_vad.npz", Float,
        [
            [("input", &[2usize, 576][..]), ("state", &[2, 2, 128])],
            [("input", &[3, 576]), ("state", &[2, 3, 128])],
        ];
    silero_op15: "silero-vad/silero_vad_16k_op15.onnx", "golden/silero-vad__silero_vad_16k_op15.npz", Float,
        [
            [("input", &[2usize, 576][..]), ("state", &[2, 2, 128])],
            [("input", &[3, 576]), ("state", &[2, 3, 128])],
        ];
    silero_half: "silero-vad/silero_vad_half.onnx", "golden/silero-vad__silero_vad_half.npz", Float,
        [
            [("input", &[2usize, 576][..]), ("state", &[2, 2, 128])],
            [("input", &[3, 576]), ("state", &[2, 3, 128])],
        ];
    silero_ifless: "silero-vad/silero_vad_op18_ifless.onnx", "golden/silero-vad__silero_vad_op18_ifless.npz", Float,
        [
            [("input", &[2usize, 576][..]), ("state", &[2, 2, 128])],
            [("input", &[3, 576]), ("state", &[2, 3, 128])],
        ];
    silero_sequence: "silero-vad/silero_vad_16k_sequence.onnx",
        "golden/silero-vad__silero_vad_16k_sequence.npz", Float,
        [[("input", &[1usize, 576][..])], [("input", &[7, 576])]];
    silero_openvino: "silero-vad/silero_vad_openvino_16k.onnx",
        "golden/silero-vad__silero_vad_openvino_16k.npz", Float,
        [[("input", &[1usize, 576][..])]];
    bert_base: "graphs/bert_base.onnx", "graphs/bert_base.golden.npz", Float,
        [
            [("input_ids", &[1usize, 1][..]), ("attention_mask", &[1, 1])],
            [("input_ids", &[3, 7]), ("attention_mask", &[3, 7])],
        ];
    minilm: "graphs/minilm_l6_real.onnx", "graphs/minilm_l6_real.golden.npz", Float,
        [
            [("input_ids", &[1usize, 1][..]), ("attention_mask", &[1, 1])],
            [("input_ids", &[3, 7]), ("attention_mask", &[3, 7])],
        ];
    gpt2_small: "graphs/gpt2_small.onnx", "graphs/gpt2_small.golden.npz", Float,
        [
            [("input_ids", &[1usize, 1][..]), ("attention_mask", &[1, 1])],
            [("input_ids", &[3, 2]), ("attention_mask", &[3, 2])],
        ];
    llama_4l: "graphs/llama_4l_512.onnx", "graphs/llama_4l_512.golden.npz", Float,
        [
            [("input_ids", &[1usize, 1][..]), ("attention_mask", &[1, 1])],
            [("input_ids", &[3, 7]), ("attention_mask", &[3, 7])],
        ];
    smollm2: "graphs/smollm2_135m_real.onnx", "graphs/smollm2_135m_real.golden.npz", Float,
        [
            [("input_ids", &[1usize, 1][..]), ("attention_mask", &[1, 1])],
            [("input_ids", &[3, 2]), ("attention_mask", &[3, 2])],
        ];
    resnet50: "graphs/resnet50.onnx", "graphs/resnet50.golden.npz", Float,
        [[("pixel_values", &[2usize, 3, 224, 224][..])]];
    vit_small: "graphs/vit_small.onnx", "graphs/vit_small.golden.npz", Float,
        [[("pixel_values", &[2usize, 3, 224, 224][..])]];
}
