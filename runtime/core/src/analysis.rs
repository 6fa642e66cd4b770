//! What a body looks like before any dim is bound: its segments, the lifetimes of its slots, the state it touches.
//!
//! A segment ends behind a group of [`Step::Bind`]s: what follows may mention the symbols that they bind.

use graphc_base::{Dim, EntityId, SymId};
use graphc_program::{Body, BodyId, CheckKind, DimCheck, Program, SlotId, Step, Storage};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Lifetime of a slot's storage in steps of its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lifetime {
    /// The step that first writes it.
    pub(crate) first: usize,
    /// The last step that reads or writes it; one past the last step for results.
    pub(crate) last: usize,
}

/// A run of steps for which the symbols that they mention are bound.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) steps: Range<usize>,
    /// Arena slots that are first written in it.
    pub(crate) defines: Vec<SlotId>,
    /// Symbols that its sizes and kernels, and those of earlier segments, depend on.
    pub(crate) symbols: Vec<SymId>,
    /// Checks of the body that mention a symbol which the Binds before it bind; in the first segment those that mention
    /// none that the body binds.
    pub(crate) checks: Vec<usize>,
}

/// Segments and lifetimes of a body.
#[derive(Clone, Debug)]
pub(crate) struct BodyAnalysis {
    pub(crate) segments: Vec<Segment>,
    /// By slot; only roots in the arena have one.
    pub(crate) lifetimes: Vec<Option<Lifetime>>,
    /// The last Take of each step that has waiting results.
    pub(crate) last_take: BTreeMap<usize, usize>,
    /// State slots that it touches, regions inside included.
    pub(crate) states: BTreeSet<usize>,
}

impl BodyAnalysis {
    pub(crate) fn new(program: &Program, id: BodyId) -> Self {
        let body = &program.bodies[id];
        let own: BTreeSet<SymId> = body.steps.iter().filter_map(bound_symbol).collect();
        let mut last_take = BTreeMap::new();
        for (position, step) in body.steps.iter().enumerate() {
            if let Step::Take { from, .. } = step {
                last_take.insert(*from, position);
            }
        }
        let lifetimes = lifetimes(body);
        let mut segments = cut(body);
        for (index, lifetime) in lifetimes.iter().enumerate() {
            let Some(lifetime) = lifetime else { continue };
            let home = segments
                .partition_point(|segment| segment.steps.end <= lifetime.first)
                .min(segments.len() - 1);
            segments[home].defines.push(SlotId::from_index(index));
        }
        let mut symbols = BTreeSet::new();
        let mut bound: BTreeSet<SymId> = BTreeSet::new();
        for (index, segment) in segments.iter_mut().enumerate() {
            let mut mention =
                |dim: &Dim| dim.visit_symbols(&mut |symbol| _ = symbols.insert(symbol));
            for &slot in &segment.defines {
                if let Some((_, shape)) = body.slots[slot].ty.as_tensor() {
                    shape.iter().for_each(&mut mention);
                }
            }
            for step in &body.steps[segment.steps.clone()] {
                mention_kernels(program, step, &mut mention);
            }
            segment.symbols = symbols.iter().copied().collect();
            segment.checks = match index {
                0 => checks_of(body, |symbols| symbols.is_disjoint(&own)),
                _ => checks_of(body, |symbols| !symbols.is_disjoint(&bound)),
            };
            bound = body.steps[segment.steps.clone()]
                .iter()
                .filter_map(bound_symbol)
                .collect();
        }
        Self {
            segments,
            lifetimes,
            last_take,
            states: own_states(body),
        }
    }

    /// The last step at which results that wait since `position` are taken.
    pub(crate) fn waits_until(&self, position: usize) -> usize {
        self.last_take.get(&position).copied().unwrap_or(position)
    }
}

/// Every body's analysis. Regions come after their parents, so that a walk from the back knows regions first.
pub(crate) fn analyse(program: &Program) -> Vec<BodyAnalysis> {
    let mut analyses: Vec<BodyAnalysis> = program
        .bodies
        .ids()
        .map(|id| BodyAnalysis::new(program, id))
        .collect();
    for (id, body) in program.bodies.iter().rev() {
        let mut states = std::mem::take(&mut analyses[id.index()].states);
        for step in &body.steps {
            visit_regions(step, &mut |region| {
                states.extend(&analyses[region.index()].states);
            });
        }
        analyses[id.index()].states = states;
    }
    analyses
}

/// Calls `visit` with the bodies that a step runs.
pub(crate) fn visit_regions(step: &Step, visit: &mut dyn FnMut(BodyId)) {
    match step {
        Step::If {
            then_body,
            else_body,
            ..
        } => {
            visit(*then_body);
            visit(*else_body);
        }
        Step::Loop { body, .. } => visit(*body),
        _ => {}
    }
}

fn lifetimes(body: &Body) -> Vec<Option<Lifetime>> {
    let mut lifetimes: Vec<Option<Lifetime>> = vec![None; body.slots.len()];
    let mut touch = |slot: SlotId, step: usize| {
        let root = body.root(slot);
        if body.slots[root].storage == Storage::Arena {
            let lifetime = lifetimes[root.index()].get_or_insert(Lifetime {
                first: step,
                last: step,
            });
            lifetime.last = lifetime.last.max(step);
        }
    };
    for (position, step) in body.steps.iter().enumerate() {
        step.visit_writes(&mut |slot| touch(slot, position));
        step.visit_reads(&mut |slot| touch(slot, position));
        // A waiting result may be a region's own param: what the region read must live until it is taken.
        if let Step::Take { from, .. } = step {
            body.steps[*from].visit_reads(&mut |slot| touch(slot, position));
        }
    }
    for &result in &body.results {
        touch(result, body.steps.len());
    }
    lifetimes
}

fn cut(body: &Body) -> Vec<Segment> {
    let segment = |steps| Segment {
        steps,
        defines: Vec::new(),
        symbols: Vec::new(),
        checks: Vec::new(),
    };
    let is_bind = |position: usize| matches!(body.steps.get(position), Some(Step::Bind { .. }));
    let mut segments = Vec::new();
    let mut start = 0;
    for position in 0..body.steps.len() {
        if is_bind(position) && !is_bind(position + 1) {
            segments.push(segment(start..position + 1));
            start = position + 1;
        }
    }
    segments.push(segment(start..body.steps.len()));
    segments
}

fn mention_kernels(program: &Program, step: &Step, mention: &mut dyn FnMut(&Dim)) {
    let Step::Launch { set, .. } = step else {
        return;
    };
    for variant in &program.kernel_sets[*set].variants {
        program.kernels[variant.kernel].visit_dims(&mut *mention);
        for guard in &variant.guards {
            mention(guard.dim());
        }
    }
}

fn bound_symbol(step: &Step) -> Option<SymId> {
    match step {
        Step::Bind { symbol, .. } => Some(*symbol),
        _ => None,
    }
}

/// The checks of a body whose symbols are such.
fn checks_of(body: &Body, wanted: impl Fn(&BTreeSet<SymId>) -> bool) -> Vec<usize> {
    let symbols = |check: &DimCheck| {
        let (CheckKind::Equal(a, b) | CheckKind::Broadcast(a, b) | CheckKind::LessEqual(a, b)) =
            &check.kind;
        a.symbols().union(&b.symbols()).copied().collect()
    };
    body.checks
        .iter()
        .enumerate()
        .filter(|(_, check)| wanted(&symbols(check)))
        .map(|(index, _)| index)
        .collect()
}

fn own_states(body: &Body) -> BTreeSet<usize> {
    body.slots
        .values()
        .filter_map(|slot| match slot.storage {
            Storage::State(index) => Some(index),
            _ => None,
        })
        .collect()
}
