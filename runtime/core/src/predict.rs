//! Memory before a run: the executor's layout, step by step, without the tensors.

use crate::bind::{UNBOUND, bind_symbol, check_dims, shape_of, value_of};
use crate::error::RunError;
use crate::region::LOOP_HEADER;
use crate::segment::{SegmentPlan, slot_bytes, tensor_bytes};
use crate::session::Session;
use graphc_base::EntityId;
use graphc_program::memory::align;
use graphc_program::{Body, BodyId, CheckKind, Entry, SlotId, Step, Storage};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Largest size of a dim that a bound is computed for.
const MOST: i64 = 1 << 31;

/// Predicted memory of a run of one entry in a fresh state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MemoryPlan {
    /// Bytes of the arena: state, intermediate tensors, outputs, scratch, and what loops stack. Mapped weights, the caller's
    /// inputs and values without a byte layout (strings, sequences) are apart. Dims that are not known stand at their hints.
    pub peak_bytes: usize,
    /// Largest sum of bytes that are live at one step; no layout can be smaller.
    pub live_bytes: usize,
    /// Whether a run takes exactly `peak_bytes`: no dim comes from data, no size depends on which branch is taken or on how
    /// often a loop runs.
    pub exact: bool,
    /// `peak_bytes` with every dim that is not known as large as its stated range and the program's checks let it be; `None`
    /// where they set no limit.
    pub bound_bytes: Option<usize>,
}

impl Session {
    /// Memory of a run with these sizes of the inputs' symbolic dims, by name. Errors when a name is none of the program's or
    /// the sizes do not fit.
    pub fn memory(&self, entry: &str, dims: &[(&str, i64)]) -> Result<MemoryPlan, RunError> {
        let (_, entry) = self.entry(entry)?;
        let given = self.named_dims(dims)?;
        let hinted = Predictor::new(self, &given, false).entry(entry)?;
        let bound_bytes = if hinted.exact {
            Some(hinted.peak)
        } else {
            let most = Predictor::new(self, &given, true).entry(entry);
            most.ok().map(|most| most.peak.max(hinted.peak))
        };
        Ok(MemoryPlan {
            peak_bytes: hinted.peak,
            live_bytes: hinted.live,
            exact: hinted.exact,
            bound_bytes,
        })
    }

    /// Values of symbols by name, `UNBOUND` for those that are not named.
    pub(crate) fn named_dims(&self, dims: &[(&str, i64)]) -> Result<Vec<i64>, RunError> {
        let symbols = &self.program().symbols;
        let mut values = vec![UNBOUND; symbols.len()];
        for (name, value) in dims {
            let symbol = symbols.iter().position(|symbol| symbol.name == *name);
            let symbol = symbol.ok_or_else(|| {
                RunError::Dims(format!(
                    "`{name}` is none of {:?}",
                    symbols
                        .iter()
                        .map(|symbol| &symbol.name)
                        .collect::<Vec<_>>()
                ))
            })?;
            bind_symbol(self.program(), &mut values, symbol, *value)?;
        }
        Ok(values)
    }
}

struct Predicted {
    peak: usize,
    live: usize,
    exact: bool,
}

/// What a body leaves.
struct Left {
    /// End of its frame.
    end: usize,
    live: usize,
    /// Bytes of results that lie in its frame.
    results: usize,
}

struct Predictor<'s> {
    session: &'s Session,
    given: &'s [i64],
    /// Whether unknown dims are taken as large as they may be, and not at their hints.
    most: bool,
    exact: bool,
    peak: usize,
    staged: usize,
    key: Vec<i64>,
}

impl<'s> Predictor<'s> {
    fn new(session: &'s Session, given: &'s [i64], most: bool) -> Self {
        Self {
            session,
            given,
            most,
            exact: true,
            peak: 0,
            staged: 0,
            key: Vec::new(),
        }
    }

    fn entry(mut self, entry: &Entry) -> Result<Predicted, RunError> {
        let program = self.session.program();
        let mut values = vec![UNBOUND; program.symbols.len()];
        let mut state_bytes = 0usize;
        for &index in &self.session.analysis(entry.body).states {
            let state = &program.state[index];
            let assumed = self.assume_all(&state.shape, &values);
            let bytes = tensor_bytes(state.dtype, &state.shape, &assumed)?;
            state_bytes = state_bytes.saturating_add(align(bytes));
        }
        let left = self.body(entry.body, state_bytes, &mut values)?;
        Ok(Predicted {
            peak: self.peak,
            live: left.live.saturating_add(state_bytes),
            exact: self.exact,
        })
    }

    fn note(&mut self, end: usize) {
        self.peak = self.peak.max(end.saturating_add(self.staged));
    }

    fn body(&mut self, id: BodyId, base: usize, values: &mut [i64]) -> Result<Left, RunError> {
        let session = self.session;
        let body = &session.program().bodies[id];
        let analysis = session.analysis(id);
        let mut before: Option<Arc<SegmentPlan>> = None;
        let mut loose = 0..0;
        let mut loose_until = 0;
        let mut live = 0;
        for (index, segment) in analysis.segments.iter().enumerate() {
            if self.exact {
                check_dims(body, &segment.checks, values)?;
            }
            let earlier = before.as_deref();
            let plan = session.segment_plan(id, index, values, earlier, &mut self.key)?;
            forget(&mut loose, loose_until, segment.steps.start);
            if !loose.is_empty() {
                let until = loose_until.min(segment.steps.end.saturating_sub(1));
                let top = base + plan.top(analysis, segment.steps.start, until);
                if top > loose.start {
                    loose = top..top + loose.len();
                    self.note(loose.end);
                }
            }
            self.note(base.saturating_add(plan.arena_bytes));
            live = live.max(plan.live_bytes);
            for position in segment.steps.clone() {
                let step = &body.steps[position];
                if let Step::Bind { symbol, .. } = step {
                    values[symbol.index()] = self.assume(symbol.index(), values);
                    continue;
                }
                let Some(room) = plan.room(position) else {
                    continue;
                };
                forget(&mut loose, loose_until, position);
                let start = (base + room.top).max(loose.end);
                let left = match step {
                    Step::If {
                        then_body,
                        else_body,
                        ..
                    } => self.branches([*then_body, *else_body], start, values)?,
                    _ => self.repeat(body, step, start, values)?,
                };
                live = live.max(room.live.saturating_add(left.live));
                if left.results > 0 {
                    loose.start = if loose.is_empty() { start } else { loose.start };
                    loose.end = start + left.results;
                    loose_until = loose_until.max(analysis.waits_until(position));
                }
            }
            before = Some(plan);
        }
        let arena_bytes = before.map_or(0, |plan| plan.arena_bytes);
        Ok(Left {
            end: base.saturating_add(arena_bytes).max(loose.end),
            live,
            results: own_results(body, values)?,
        })
    }

    /// The larger of two branches.
    fn branches(
        &mut self,
        regions: [BodyId; 2],
        start: usize,
        values: &[i64],
    ) -> Result<Left, RunError> {
        let (peak, staged) = (self.peak, self.staged);
        let run = |this: &mut Self, region| {
            this.peak = 0;
            this.staged = staged;
            let left = this.body(region, start, &mut values.to_vec())?;
            Ok::<_, RunError>((left, this.peak, this.staged))
        };
        // What a branch demands of dims holds where it runs only: one that these dims cannot run is not taken.
        let (first, second) = (run(self, regions[0]), run(self, regions[1]));
        let ((a, a_peak, a_staged), (b, b_peak, b_staged)) = match (first, second) {
            (Ok(a), Ok(b)) => (a, b),
            (Ok((left, branch_peak, branch_staged)), Err(_))
            | (Err(_), Ok((left, branch_peak, branch_staged))) => {
                self.exact = false;
                self.peak = peak.max(branch_peak);
                self.staged = branch_staged;
                return Ok(left);
            }
            (Err(error), Err(_)) => return Err(error),
        };
        self.exact &= (a_peak, a_staged, a.results) == (b_peak, b_staged, b.results);
        self.peak = peak.max(a_peak).max(b_peak);
        self.staged = a_staged.max(b_staged);
        Ok(Left {
            end: a.end.max(b.end),
            live: a.live.max(b.live),
            results: a.results.max(b.results),
        })
    }

    /// A loop that runs at least once.
    fn repeat(
        &mut self,
        body: &Body,
        step: &Step,
        start: usize,
        values: &[i64],
    ) -> Result<Left, RunError> {
        let Step::Loop {
            trip_count,
            cond,
            body: region,
            n_carried,
            outputs,
            ..
        } = step
        else {
            return Ok(Left {
                end: start,
                live: 0,
                results: 0,
            });
        };
        let runs = [trip_count, cond]
            .into_iter()
            .flatten()
            .all(|&slot| self.is_positive(body, slot));
        self.exact &= runs;
        let region_body = &self.session.program().bodies[*region];
        let mut half = 0usize;
        for &param in region_body.params.iter().skip(2).take(*n_carried) {
            half = half.saturating_add(align(self.assumed_bytes(region_body, param, values)?));
        }
        let child_base = start
            .saturating_add(LOOP_HEADER)
            .saturating_add(half.saturating_mul(2));
        let left = self.body(*region, child_base, &mut values.to_vec())?;
        let mut stacked = 0usize;
        for &slot in &outputs[*n_carried..] {
            stacked = stacked.saturating_add(self.assumed_bytes(body, slot, values)?);
        }
        self.staged = self.staged.saturating_add(stacked);
        self.note(left.end);
        Ok(Left {
            end: left.end,
            live: (child_base - start)
                .saturating_add(left.live)
                .saturating_add(stacked),
            results: half,
        })
    }

    /// Whether a slot is a constant above 0.
    fn is_positive(&self, body: &Body, slot: SlotId) -> bool {
        match body.slots[body.root(slot)].storage {
            Storage::Const(constant) => match self.session.artifact().constant(constant) {
                [byte] => *byte != 0,
                bytes => bytes
                    .first_chunk::<8>()
                    .is_some_and(|bytes| i64::from_le_bytes(*bytes) > 0),
            },
            _ => false,
        }
    }

    /// Bytes of a slot, unknown dims assumed.
    fn assumed_bytes(
        &mut self,
        body: &Body,
        slot: SlotId,
        values: &[i64],
    ) -> Result<usize, RunError> {
        match body.slots[slot].ty.as_tensor() {
            Some((dtype, shape)) => {
                let assumed = self.assume_all(shape, values);
                tensor_bytes(dtype, shape, &assumed)
            }
            None => Ok(0),
        }
    }

    fn assume_all(&mut self, shape: &[graphc_base::Dim], values: &[i64]) -> Vec<i64> {
        let mut assumed = values.to_vec();
        let symbols: BTreeSet<_> = shape.iter().flat_map(graphc_base::Dim::symbols).collect();
        for symbol in symbols {
            if values[symbol.index()] == UNBOUND {
                assumed[symbol.index()] = self.assume(symbol.index(), values);
            }
        }
        assumed
    }

    /// The value that a symbol is taken to have.
    fn assume(&mut self, symbol: usize, values: &[i64]) -> i64 {
        if self.given[symbol] != UNBOUND {
            return self.given[symbol];
        }
        self.exact = false;
        let declared = &self.session.program().symbols[symbol];
        if !self.most {
            return declared.hint;
        }
        let limits = self.session.program().entry_checks().filter_map(|check| {
            let (CheckKind::LessEqual(dim, limit) | CheckKind::Equal(dim, limit)) = &check.kind
            else {
                return None;
            };
            let is_it = dim.as_symbol().is_some_and(|it| it.index() == symbol);
            is_it.then(|| value_of(limit, values).ok()).flatten()
        });
        // A size beyond every memory makes planning fail, which is what no limit means.
        match limits.fold(declared.hi, i64::min) {
            limit if limit > MOST => i64::MAX,
            limit => limit,
        }
    }
}

fn forget(loose: &mut Range<usize>, until: usize, position: usize) {
    if until < position {
        *loose = 0..0;
    }
}

/// Bytes of the results that lie in a body's own part of the arena, each once.
fn own_results(body: &Body, values: &[i64]) -> Result<usize, RunError> {
    let roots: BTreeSet<SlotId> = body
        .results
        .iter()
        .map(|&result| body.root(result))
        .filter(|&root| body.slots[root].storage == Storage::Arena)
        .collect();
    roots.into_iter().try_fold(0usize, |sum, root| {
        Ok(sum.saturating_add(align(slot_bytes(body, root, values)?)))
    })
}

impl Session {
    /// Shapes of an entry's tensor outputs for these sizes of the inputs' symbolic dims; `None` where data decide them.
    pub fn output_shapes(
        &self,
        entry: &str,
        dims: &[(&str, i64)],
    ) -> Result<Vec<Option<Vec<usize>>>, RunError> {
        let (_, entry) = self.entry(entry)?;
        let values = self.named_dims(dims)?;
        Ok(entry
            .outputs
            .iter()
            .map(|port| {
                let (_, shape) = port.ty.as_tensor()?;
                shape_of(shape, &values).ok().map(|sizes| sizes.to_vec())
            })
            .collect())
    }
}
