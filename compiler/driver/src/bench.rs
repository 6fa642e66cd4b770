//! How long a session takes.

use anyhow::Result;
use graphc_runtime::{InputRef, OutputMut, RunError, Session, State, Value};
use std::time::{Duration, Instant};

/// Runs before anything is measured: dims are bound, memory is touched.
const WARM_UP_RUNS: usize = 2;

/// Least and most runs where the caller does not say how many.
const RUNS: std::ops::RangeInclusive<usize> = 5..=200;

/// Time after which no further run begins where the caller does not say how many.
const BUDGET: Duration = Duration::from_secs(3);

/// Times of repeated runs, in milliseconds.
#[derive(Clone, Debug)]
pub struct Timings {
    /// Each run, in ascending order; at least one.
    sorted_ms: Vec<f64>,
}

impl Timings {
    /// The time that this share of runs did not exceed (nearest rank); `share` in 0..=1.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_ms.len().saturating_sub(1);
        let rank = (share * last as f64).round() as usize;
        self.sorted_ms.get(rank.min(last)).copied().unwrap_or(0.0)
    }

    /// The middle time, of two the mean.
    pub fn median_ms(&self) -> f64 {
        let n = self.sorted_ms.len();
        match (
            self.sorted_ms.get(n / 2),
            self.sorted_ms.get(n.saturating_sub(1) / 2),
        ) {
            (Some(high), Some(low)) => (high + low) / 2.0,
            _ => 0.0,
        }
    }

    /// Number of runs.
    pub fn n_runs(&self) -> usize {
        self.sorted_ms.len()
    }
}

/// Runs an entry repeatedly and measures each run: `n_runs` times, or for three seconds. Outputs go into buffers that are
/// there already ([`Session::run_into`]); only where an output has no byte layout are they made anew each time.
///
/// # Errors
/// Where a run fails.
pub fn bench(
    session: &Session,
    entry: &str,
    inputs: &[(String, Value)],
    state: &mut State,
    n_runs: Option<usize>,
) -> Result<Timings, RunError> {
    let named: Vec<(&str, InputRef<'_>)> = inputs
        .iter()
        .map(|(name, value)| (name.as_str(), InputRef::from(value)))
        .collect();
    let outputs = session.run_refs(entry, &named, state, None)?;
    let ports = session
        .program()
        .entries
        .iter()
        .find(|found| found.name == entry);
    let ordered: Vec<InputRef<'_>> = ports
        .iter()
        .flat_map(|entry| &entry.inputs)
        .filter_map(|port| named.iter().find(|(name, _)| *name == port.name))
        .map(|(_, input)| *input)
        .collect();
    let mut buffers: Option<Vec<Value>> = outputs
        .iter()
        .map(|(_, value)| value.as_tensor().map(|tensor| Value::from(tensor.clone())))
        .collect();
    let mut run = || -> Result<(), RunError> {
        let Some(buffers) = &mut buffers else {
            return session.run_refs(entry, &named, state, None).map(drop);
        };
        let mut places: Vec<OutputMut<'_>> = buffers
            .iter_mut()
            .filter_map(|buffer| match buffer {
                Value::Tensor(tensor) => Some(OutputMut {
                    bytes: tensor.bytes_mut(),
                }),
                _ => None,
            })
            .collect();
        session.run_into(entry, &ordered, &mut places, state)
    };
    for _ in 0..WARM_UP_RUNS {
        run()?;
    }
    let began = Instant::now();
    let mut sorted_ms = Vec::new();
    let is_done = |n_done: usize| match n_runs {
        Some(n_runs) => n_done >= n_runs.max(1),
        None => n_done >= *RUNS.end() || (n_done >= *RUNS.start() && began.elapsed() > BUDGET),
    };
    while !is_done(sorted_ms.len()) {
        let started = Instant::now();
        run()?;
        sorted_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    sorted_ms.sort_by(f64::total_cmp);
    Ok(Timings { sorted_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_runs_and_the_median_is_between_two() {
        let timings = Timings {
            sorted_ms: vec![1.0, 2.0, 4.0, 8.0],
        };
        assert_eq!(timings.median_ms(), 3.0);
        assert_eq!(timings.percentile_ms(0.0), 1.0);
        assert_eq!(timings.percentile_ms(0.9), 8.0);
    }
}
