//! `graphc bench`.

use crate::args::BenchArgs;
use crate::model::{inputs, load};
use crate::output::{bytes, json, line};
use anyhow::{Context, Result};
use graphc::bench::bench;
use serde_json::json;

/// Seed of inputs that are made at random.
const SEED: u64 = 0;

pub(crate) fn run(args: &BenchArgs, as_json: bool) -> Result<()> {
    let loaded = load(&args.model, &args.options, Some(&args.device))?;
    let given = inputs(&loaded, &args.inputs, SEED)?;
    let mut state = loaded.session.new_state();
    let n_runs = args.iters.map(|n| n as usize);
    let timings = bench(&loaded.session, "main", &given, &mut state, n_runs)
        .with_context(|| args.model.display().to_string())?;
    let weights = loaded.session.artifact().constant_bytes();
    let (median, p10, p90) = (
        timings.median_ms(),
        timings.percentile_ms(0.1),
        timings.percentile_ms(0.9),
    );
    let least = timings.percentile_ms(0.0);
    if as_json {
        return json(&json!({
            "median_ms": median,
            "p10_ms": p10,
            "p90_ms": p90,
            "min_ms": least,
            "compile_ms": loaded.compile_ms,
            "load_ms": loaded.load_ms,
            "peak_bytes": state.peak_bytes(),
            "weights_bytes": weights,
            "threads": loaded.threads,
            "device": "cpu",
        }));
    }
    line(format_args!(
        "median {median:.3} ms, 10 % below {p10:.3}, 90 % below {p90:.3}, least {least:.3}; {} runs",
        timings.n_runs()
    ))?;
    if let Some(compile_ms) = loaded.compile_ms {
        line(format_args!("compiled in {compile_ms:.1} ms"))?;
    }
    line(format_args!(
        "loaded in {:.1} ms; {} of memory, {} of weights; cpu, {} threads",
        loaded.load_ms,
        bytes(state.peak_bytes() as u64),
        bytes(weights as u64),
        loaded.threads
    ))?;
    for (name, value) in &given {
        line(format_args!("input {name}: {}", value.describe()))?;
    }
    Ok(())
}
