//! A compiled model held against the evaluator at small sizes on random inputs.

use crate::compare::{Comparison, compare};
use crate::random::random_inputs;
use crate::sizes::{Sizes, settle};
use anyhow::{Context, Result};
use graphc_ir::Graph;
use graphc_runtime::Session;

/// Sizes of open dims, tried in turn until the model takes one: first distinct small ones, then those that models with
/// strides and windows want.
const TRIALS: [&[i64]; 5] = [&[2, 3, 5], &[1], &[8], &[32], &[64]];

/// Seed of the inputs.
const SEED: u64 = 0;

/// What was verified.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Verification {
    /// The device that ran the compiled model.
    pub device: String,
    /// Sizes of open dims.
    pub dims: Sizes,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Compares a session with the evaluator of the imported graph.
///
/// # Errors
/// Where the inputs cannot be made, or no sizes are found that both take.
pub fn verify(graph: &Graph, session: &Session) -> Result<Verification> {
    compare_at_small_sizes(graph, session, &Sizes::new(), SEED, false)
}

/// [`compare`] on random inputs at small sizes of the dims that `given` leaves open: the evaluator is slow.
///
/// # Errors
/// Where the inputs cannot be made, or no sizes are found that both take.
pub fn compare_at_small_sizes(
    graph: &Graph,
    session: &Session,
    given: &Sizes,
    seed: u64,
    per_layer: bool,
) -> Result<Verification> {
    let program = session.program();
    let entry = program
        .entries
        .first()
        .context("the program has no entry")?;
    let mut refused = None;
    let mut tried = Vec::new();
    for trial in TRIALS {
        let sizes = settle(program, given, &|name, _| {
            let symbols = &mut program.symbols.iter();
            let position = symbols.position(|symbol| symbol.name == name);
            trial[position.unwrap_or(0) % trial.len()]
        })?;
        if tried.contains(&sizes) {
            continue;
        }
        let inputs = random_inputs(program, entry, &sizes, seed)?;
        match compare(graph, session, &inputs, per_layer) {
            Ok(comparison) => {
                return Ok(Verification {
                    device: program.target.clone(),
                    dims: sizes,
                    comparison,
                });
            }
            // Sizes that the model does not take are no fault of either side; others may do.
            Err(error) => {
                refused.get_or_insert(error.context(format!("at {}", show(&sizes))));
            }
        }
        tried.push(sizes);
    }
    let refused = refused.context("there are no sizes to try")?;
    Err(match tried.len() {
        1 => refused,
        n => refused.context(format!(
            "the model runs at none of {n} sizes that were tried"
        )),
    })
}

fn show(sizes: &Sizes) -> String {
    if sizes.is_empty() {
        return "its fixed sizes".to_owned();
    }
    let shown: Vec<String> = sizes
        .iter()
        .map(|(name, size)| format!("{name}={size}"))
        .collect();
    shown.join(", ")
}
