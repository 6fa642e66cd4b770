//! What a run spent its time on, as a trace that browsers show (`chrome://tracing`, ui.perfetto.dev).
//!
//! The format is the JSON form of the Trace Event Format; each step is one complete event (`"ph": "X"`), named by the
//! user's nodes, with times in microseconds from the first step.

use graphc_runtime::StepProfile;
use serde_json::{Value, json};

/// Node names that an event's name lists before it counts the rest.
const SHOWN_NODES: usize = 3;

/// The trace of one run.
pub fn chrome_trace(steps: &[StepProfile]) -> Value {
    let origin = steps.iter().map(|step| step.started).min();
    let events: Vec<Value> = steps
        .iter()
        .map(|step| {
            let begun = origin.map_or(0.0, |origin| (step.started - origin).as_secs_f64());
            json!({
                "name": title(step),
                "cat": step.kernel,
                "ph": "X",
                "ts": begun * 1e6,
                "dur": step.duration.as_secs_f64() * 1e6,
                "pid": 1,
                "tid": 1,
                "args": {
                    "kernel": step.kernel,
                    "implementation": step.implementation,
                    "nodes": step.sources,
                },
            })
        })
        .collect();
    json!({ "traceEvents": events, "displayTimeUnit": "ms" })
}

fn title(step: &StepProfile) -> String {
    match step.sources.as_slice() {
        [] => step.kernel.to_owned(),
        few if few.len() <= SHOWN_NODES => few.join(", "),
        many => format!(
            "{} and {} more",
            many[..SHOWN_NODES].join(", "),
            many.len() - SHOWN_NODES
        ),
    }
}
