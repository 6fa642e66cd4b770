//! A compiled model held against the evaluator at small sizes on random inputs.

use crate::compare::{Comparison, compare};
use crate::random::random_inputs;
use crate::sizes::{Sizes, settle};
use anyhow::{Context, Result, bail};
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
    let program = session.program();
    let entry = program
        .entries
        .first()
        .context("the program has no entry")?;
    let mut refused = None;
    for trial in TRIALS {
        let sizes = settle(program, &Sizes::new(), &|name, _| {
            let position = program
                .symbols
                .iter()
                .position(|symbol| symbol.name == name);
            trial[position.unwrap_or(0) % trial.len()]
        })?;
        let inputs = random_inputs(program, entry, &sizes, SEED)?;
        match compare(graph, session, &inputs, false) {
            Ok(comparison) => {
                return Ok(Verification {
                    device: program.target.clone(),
                    dims: sizes,
                    comparison,
                });
            }
            // Sizes that the model does not take are no fault of either side; the next may do.
            Err(error) => refused = Some(error.context(format!("with {sizes:?}"))),
        }
        if program.symbols.is_empty() {
            break;
        }
    }
    match refused {
        Some(error) => Err(error.context("the model runs on none of the sizes tried")),
        None => bail!("nothing was tried"),
    }
}
