//! `graphc run`.

use crate::args::RunArgs;
use crate::model::{inputs, load};
use crate::output::{json, line};
use anyhow::{Context, Result};
use graphc::npz;
use graphc::profile::chrome_trace;
use graphc::runtime::InputRef;
use graphc::whole_file::{require_target, write_whole};
use serde_json::json;
use std::time::Instant;

pub(crate) fn run(args: &RunArgs, as_json: bool) -> Result<()> {
    for target in args.output.iter().chain(&args.profile) {
        require_target(target)?;
    }
    let loaded = load(&args.model, &args.options, Some(&args.device))?;
    let given = inputs(&loaded, &args.inputs, args.random.unwrap_or(0))?;
    let named: Vec<(&str, InputRef<'_>)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), InputRef::from(value)))
        .collect();
    let mut state = loaded.session.new_state();
    let mut steps = Vec::new();
    let started = Instant::now();
    let profile = args.profile.as_ref().map(|_| &mut steps);
    let outputs = loaded
        .session
        .run_refs("main", &named, &mut state, profile)
        .with_context(|| args.model.display().to_string())?;
    let run_ms = started.elapsed().as_secs_f64() * 1e3;
    if let Some(path) = &args.output {
        npz::write(path, &outputs)?;
    }
    if let Some(path) = &args.profile {
        write_whole(path, |file| {
            Ok(serde_json::to_writer(file, &chrome_trace(&steps))?)
        })?;
    }
    if as_json {
        let rows: Vec<_> = outputs
            .iter()
            .map(|(name, value)| json!({ "name": name, "shape": value.shape(), "type": value.describe() }))
            .collect();
        return json(&json!({
            "outputs": rows,
            "run_ms": run_ms,
            "compile_ms": loaded.compile_ms,
            "load_ms": loaded.load_ms,
            "peak_bytes": state.peak_bytes(),
        }));
    }
    for (name, value) in &outputs {
        line(format_args!("{name}: {}", value.describe()))?;
    }
    Ok(())
}
