//! What passes have in common, and the list that canonicalizes a graph.

use graphc_ir::{Graph, VerifyErrors, verify};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Rounds over [`PASSES`] after which [`canonicalize`] stops although something still changes.
pub const MAX_ROUNDS: usize = 8;

/// What passes may look at besides the graph.
#[derive(Clone, Debug)]
pub struct PassCx {
    /// Whether the verifier runs after each pass of [`canonicalize`] that changed something.
    pub verify: bool,
    /// Whether constants may become derivations. Where nobody can evaluate them, only constants that are known or that are
    /// the bytes of another are made.
    pub derive: bool,
}

impl Default for PassCx {
    /// Verifies in debug builds, derives.
    fn default() -> Self {
        Self {
            verify: cfg!(debug_assertions),
            derive: true,
        }
    }
}

/// What a pass did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PassReport {
    /// How often each rewrite happened, by its name.
    pub rewrites: BTreeMap<&'static str, usize>,
}

impl PassReport {
    /// Whether the graph is another one now.
    pub fn has_changed(&self) -> bool {
        !self.rewrites.is_empty()
    }

    /// Counts a rewrite.
    pub(crate) fn count(&mut self, rewrite: &'static str, times: usize) {
        if times > 0 {
            *self.rewrites.entry(rewrite).or_default() += times;
        }
    }

    /// Adds what another run did.
    pub fn merge(&mut self, other: &PassReport) {
        for (rewrite, times) in &other.rewrites {
            self.count(rewrite, *times);
        }
    }
}

/// A pass with its name in dumps and reports.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&mut Graph, &PassCx) -> PassReport,
}

/// The passes of [`canonicalize`], in order.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "remove_dead",
        run: crate::remove_dead,
    },
    Pass {
        name: "replace_known",
        run: crate::replace_known,
    },
    Pass {
        name: "inline_branches",
        run: crate::inline_branches,
    },
    Pass {
        name: "simplify",
        run: crate::simplify,
    },
    Pass {
        name: "pick_rows_first",
        run: crate::pick_rows_first,
    },
    Pass {
        name: "fold_constants",
        run: crate::fold_constants,
    },
    Pass {
        name: "merge_equal_nodes",
        run: crate::merge_equal_nodes,
    },
    Pass {
        name: "resolve_symbols",
        run: crate::resolve_symbols,
    },
    Pass {
        name: "sink_constant_work",
        run: crate::sink_constant_work,
    },
];

/// Why a graph could not be optimized.
#[derive(Debug, thiserror::Error)]
pub enum OptError {
    /// A pass made something that the verifier refuses: a bug of the pass.
    #[error("pass {pass}: {errors}")]
    Unsound {
        /// The pass.
        pass: &'static str,
        /// What is wrong with its result.
        errors: VerifyErrors,
    },
}

/// Runs [`PASSES`] in turn until a round changes nothing, at most [`MAX_ROUNDS`] times.
///
/// Requires a sound graph; ensures that no dead node, no unbound symbol and no integer arithmetic on known dims is left.
/// Never changes inputs, outputs or what the graph computes. The report sums up each pass over all rounds.
pub fn canonicalize(
    graph: &mut Graph,
    cx: &PassCx,
) -> Result<Vec<(&'static str, PassReport)>, OptError> {
    canonicalize_with(graph, cx, &mut |_, _| ControlFlow::Continue(()))
}

/// [`canonicalize`] with `after` called behind each pass that changed something, with the pass's name and the graph; where
/// it breaks, the graph stays as it is then.
pub fn canonicalize_with(
    graph: &mut Graph,
    cx: &PassCx,
    after: &mut dyn FnMut(&'static str, &Graph) -> ControlFlow<()>,
) -> Result<Vec<(&'static str, PassReport)>, OptError> {
    let mut reports: Vec<(&'static str, PassReport)> = PASSES
        .iter()
        .map(|pass| (pass.name, PassReport::default()))
        .collect();
    for _ in 0..MAX_ROUNDS {
        let mut has_changed = false;
        for (pass, (_, total)) in PASSES.iter().zip(&mut reports) {
            let report = (pass.run)(graph, cx);
            if !report.has_changed() {
                continue;
            }
            has_changed = true;
            total.merge(&report);
            if cx.verify {
                verify(graph).map_err(|errors| OptError::Unsound {
                    pass: pass.name,
                    errors,
                })?;
            }
            if after(pass.name, graph).is_break() {
                return Ok(reports);
            }
        }
        if !has_changed {
            break;
        }
    }
    Ok(reports)
}
