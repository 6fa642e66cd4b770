//! The arena of an artifact at given sizes: what lies where and when, and who makes the peak.

use super::{step_name, step_sources};
use crate::sizes::{Sizes, pairs};
use anyhow::Result;
use graphc_base::EntityId;
use graphc_program::memory::align;
use graphc_program::{BodyId, Program, SlotId, SlotType};
use graphc_runtime::{BodyLayout, Session};

/// One buffer of an arena.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct BufferRow {
    /// Name of the value in the user's model, else what makes it.
    pub name: String,
    /// The user's nodes that make it.
    pub sources: Vec<String>,
    /// Element type and shape with symbolic dims; empty for scratch memory.
    #[serde(rename = "type")]
    pub ty: String,
    /// Start in the arena.
    pub offset: usize,
    /// Size in bytes.
    pub bytes: usize,
    /// The step that first writes it.
    pub first: usize,
    /// The last step that uses it; one past the last step for results.
    pub last: usize,
}

/// One step of a body.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct StepRow {
    /// Its position.
    pub step: usize,
    /// What it does.
    pub name: String,
    /// The user's nodes.
    pub sources: Vec<String>,
    /// Bytes that are live while it runs, each buffer rounded up to its alignment.
    pub live_bytes: usize,
}

/// The memory of one body: the entry's or a region's.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct BodyMemory {
    /// `main`, or the region's number.
    pub name: String,
    /// Bytes of its arena.
    pub arena_bytes: usize,
    /// Largest sum of live bytes: no packing can be smaller.
    pub live_bytes: usize,
    /// The step at which most is live.
    pub peak_step: usize,
    /// Positions in `buffers` of what is live then, largest first.
    pub live_at_peak: Vec<usize>,
    /// Buffers by first use.
    pub buffers: Vec<BufferRow>,
    /// Steps that do something, in order.
    pub steps: Vec<StepRow>,
}

/// The memory of a run.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct MemoryReport {
    /// Sizes that were assumed.
    pub dims: Sizes,
    /// Bytes of the arena: intermediate tensors, outputs, scratch.
    pub peak_bytes: usize,
    /// Largest sum of live bytes.
    pub live_bytes: usize,
    /// Bytes of constants, which are mapped.
    pub weights_bytes: usize,
    /// The entry's body, then those of regions.
    pub bodies: Vec<BodyMemory>,
}

/// The memory of an entry at these sizes.
///
/// # Errors
/// Where the sizes do not fit the program.
pub fn memory_report(session: &Session, entry: &str, sizes: &Sizes) -> Result<MemoryReport> {
    let program = session.program();
    let layout = session.layout(entry, &pairs(sizes))?;
    let total = session.memory(entry, &pairs(sizes))?;
    Ok(MemoryReport {
        dims: sizes.clone(),
        peak_bytes: total.peak_bytes,
        live_bytes: total.live_bytes,
        weights_bytes: session.artifact().constant_bytes(),
        bodies: layout
            .bodies
            .iter()
            .enumerate()
            .map(|(index, body)| body_memory(program, entry, index, body))
            .collect(),
    })
}

fn body_memory(program: &Program, entry: &str, index: usize, laid: &BodyLayout) -> BodyMemory {
    let body = &program.bodies[laid.body];
    let mut buffers: Vec<BufferRow> = laid
        .buffers
        .iter()
        .map(|buffer| BufferRow {
            name: buffer_name(program, laid.body, buffer.slot, buffer.first),
            sources: body
                .steps
                .get(buffer.first)
                .map_or(&[][..], |step| step_sources(program, step))
                .to_vec(),
            ty: show_type(program, &body.slots[buffer.slot].ty),
            offset: buffer.offset,
            bytes: buffer.bytes,
            first: buffer.first,
            last: buffer.last,
        })
        .collect();
    for launch in laid
        .launches
        .iter()
        .filter(|launch| launch.scratch_bytes > 0)
    {
        let sources = &program.kernel_sets[launch.set].sources;
        buffers.push(BufferRow {
            name: format!(
                "scratch of {}",
                first_of(sources, launch.spec.kernel.name())
            ),
            sources: sources.clone(),
            ty: String::new(),
            offset: launch.scratch_offset,
            bytes: launch.scratch_bytes,
            first: launch.step,
            last: launch.step,
        });
    }
    buffers.sort_by_key(|buffer| (buffer.first, buffer.offset));
    // One entry more than steps: results are live behind the last.
    let mut change = vec![0isize; body.steps.len() + 2];
    for buffer in &buffers {
        let bytes = align(buffer.bytes) as isize;
        change[buffer.first.min(body.steps.len())] += bytes;
        change[buffer.last.min(body.steps.len()) + 1] -= bytes;
    }
    let mut live = 0isize;
    let live_at: Vec<usize> = change
        .iter()
        .map(|change| {
            live += change;
            live.max(0) as usize
        })
        .collect();
    // The first of equals.
    let peak_step = (0..live_at.len())
        .rev()
        .max_by_key(|&step| live_at[step])
        .unwrap_or(0);
    let mut live_at_peak: Vec<usize> = (0..buffers.len())
        .filter(|&at| buffers[at].first <= peak_step && peak_step <= buffers[at].last)
        .filter(|&at| buffers[at].bytes > 0)
        .collect();
    live_at_peak.sort_by_key(|&at| std::cmp::Reverse(buffers[at].bytes));
    let steps = body
        .steps
        .iter()
        .enumerate()
        .filter_map(|(position, step)| {
            Some(StepRow {
                step: position,
                name: step_name(program, step)?.to_owned(),
                sources: step_sources(program, step).to_vec(),
                live_bytes: live_at[position],
            })
        })
        .collect();
    BodyMemory {
        name: match index {
            0 => entry.to_owned(),
            _ => format!("region {}", laid.body.index()),
        },
        arena_bytes: laid.arena_bytes,
        live_bytes: laid.live_bytes,
        peak_step,
        live_at_peak,
        buffers,
        steps,
    }
}

fn buffer_name(program: &Program, body: BodyId, slot: SlotId, first: usize) -> String {
    let body = &program.bodies[body];
    if let Some(name) = &body.slots[slot].name {
        return name.clone();
    }
    match body.steps.get(first) {
        Some(step) => {
            let what = step_name(program, step).unwrap_or("value");
            format!("of {}", first_of(step_sources(program, step), what))
        }
        None => slot.to_string(),
    }
}

fn first_of<'a>(sources: &'a [String], otherwise: &'a str) -> &'a str {
    sources.first().map_or(otherwise, String::as_str)
}

/// An element type and shape with the names of the program's dims.
pub(super) fn show_type(program: &Program, ty: &SlotType) -> String {
    match ty {
        SlotType::Tensor { dtype, shape } => {
            let dims: Vec<String> = shape
                .iter()
                .map(|dim| show_dim(program, &dim.to_string()))
                .collect();
            format!("{dtype}[{}]", dims.join(","))
        }
        SlotType::Host(what) => what.clone(),
    }
}

/// Symbols print by number, `$3`; this puts their names there.
fn show_dim(program: &Program, text: &str) -> String {
    let mut pieces = text.split('$');
    let mut shown = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let n_digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = piece.split_at(n_digits);
        let symbol = digits.parse::<usize>().ok();
        match symbol.and_then(|symbol| program.symbols.get(symbol)) {
            Some(symbol) => shown.push_str(&symbol.name),
            None => shown.extend(["$", digits]),
        }
        shown.push_str(rest);
    }
    shown
}
