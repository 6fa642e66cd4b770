//! The kernels of an artifact at given sizes.

use super::step_sources;
use crate::sizes::{Sizes, pairs};
use anyhow::Result;
use graphc_program::Step;
use graphc_program::kernel::{Cost, KernelKind};
use graphc_runtime::Session;

/// What the runtime calls kernels that run by their reference evaluator.
const REFERENCE: &str = "reference";

/// One launch or host call.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct KernelRow {
    /// What it computes.
    pub name: String,
    /// Its family; `host` for what the device has no code of its own for.
    pub kind: KernelKind,
    /// The user's nodes.
    pub sources: Vec<String>,
    /// Element type of its first result.
    pub dtype: String,
    /// Arithmetic operations of one launch.
    pub flops: u64,
    /// Bytes that one launch reads and writes.
    pub bytes: u64,
    /// Registers of a thread; 0 on the CPU, which has no such limit.
    pub registers: u32,
    /// Shared memory of a block in bytes; on the CPU its scratch memory.
    pub shared_bytes: u64,
    /// Bytes of registers that spill to memory; 0 on the CPU, where compilers decide.
    pub spill_bytes: u64,
    /// The code that runs.
    pub implementation: String,
}

/// Every launch and host call of an entry in order, regions included, at these sizes.
///
/// # Errors
/// Where the sizes do not fit the program.
pub fn kernel_rows(session: &Session, entry: &str, sizes: &Sizes) -> Result<Vec<KernelRow>> {
    let program = session.program();
    let layout = session.layout(entry, &pairs(sizes))?;
    let mut rows = Vec::new();
    for body in &layout.bodies {
        let mut launches = body.launches.iter();
        for step in &program.bodies[body.body].steps {
            match step {
                Step::Launch { .. } => {
                    let Some(launch) = launches.next() else {
                        continue;
                    };
                    let Cost { flops, bytes } = launch.spec.cost();
                    let dtype = launch.spec.outputs.first().map(|output| output.dtype);
                    rows.push(KernelRow {
                        name: launch.spec.kernel.name().to_owned(),
                        kind: match launch.implementation {
                            REFERENCE => KernelKind::Host,
                            _ => launch.spec.kernel.kind(),
                        },
                        sources: step_sources(program, step).to_vec(),
                        dtype: dtype.map_or("", |dtype| dtype.name()).to_owned(),
                        flops,
                        bytes,
                        registers: 0,
                        shared_bytes: launch.scratch_bytes as u64,
                        spill_bytes: 0,
                        implementation: launch.implementation.to_owned(),
                    });
                }
                Step::HostCall { op, outputs, .. } => {
                    let slots = &program.bodies[body.body].slots;
                    let ty = outputs.first().and_then(|&slot| slots[slot].ty.as_tensor());
                    rows.push(KernelRow {
                        name: op.name().to_owned(),
                        kind: KernelKind::Host,
                        sources: step_sources(program, step).to_vec(),
                        dtype: ty.map_or("", |(dtype, _)| dtype.name()).to_owned(),
                        flops: 0,
                        bytes: 0,
                        registers: 0,
                        shared_bytes: 0,
                        spill_bytes: 0,
                        implementation: "host".to_owned(),
                    });
                }
                _ => {}
            }
        }
    }
    Ok(rows)
}
