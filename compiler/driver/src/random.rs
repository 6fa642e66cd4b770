//! Inputs for a program, made from a seed: for trials, benchmarks and verification.
//!
//! Floats are uniform in [-1, 1). Integers that index a table are uniform over it; other integers are what masks and
//! lengths look like, ones with some zeros behind the first of each row; bytes are uniform, and so are truth values.
//! Strings are short words.

use crate::sizes::Sizes;
use anyhow::{Context, Result, bail};
use graphc_base::float::{f64_to_f8, set_packed};
use graphc_base::{DType, DTypeKind, EntityId};
use graphc_program::kernel::Kernel;
use graphc_program::{Body, Entry, Program, SlotId, SlotType, Step, Storage};
use graphc_runtime::{StringTensor, Tensor, Value};
use half::{bf16, f16};

/// Most bytes that one input may take.
const MAX_INPUT_BYTES: usize = 1 << 34;

/// A value for each input of an entry, in order, at these sizes.
///
/// # Errors
/// Where an input is a sequence or an optional, or its sizes are not known or too large.
pub fn random_inputs(
    program: &Program,
    entry: &Entry,
    sizes: &Sizes,
    seed: u64,
) -> Result<Vec<(String, Value)>> {
    let values: Vec<i64> = program
        .symbols
        .iter()
        .map(|symbol| sizes.get(&symbol.name).copied().unwrap_or(symbol.hint))
        .collect();
    let body = &program.bodies[entry.body];
    let mut made = Vec::with_capacity(entry.inputs.len());
    for (index, port) in entry.inputs.iter().enumerate() {
        let context = || format!("input `{}`", port.name);
        let mut numbers = Numbers::new(seed, index as u64);
        let value = match &port.ty {
            SlotType::Tensor { dtype, shape } => {
                let shape: Vec<usize> = shape
                    .iter()
                    .map(|dim| Ok(usize::try_from(dim.eval(&values)?)?))
                    .collect::<Result<_>>()
                    .with_context(context)?;
                let limit = body
                    .params
                    .get(index)
                    .and_then(|&slot| table_size(program, body, slot, &values));
                tensor(*dtype, &shape, limit, &mut numbers).with_context(context)?
            }
            SlotType::Host(what) if what.contains("strings") => {
                let words = ["one", "two words", "", "Üñï", "4"];
                let data = words[..1 + numbers.below(words.len() as u64) as usize].to_vec();
                Value::Strings(StringTensor {
                    shape: vec![data.len()],
                    data: data.into_iter().map(str::to_owned).collect(),
                })
            }
            SlotType::Host(what) => {
                bail!(
                    "input `{}` is {what}, which cannot be made at random",
                    port.name
                )
            }
        };
        made.push((port.name.clone(), value));
    }
    Ok(made)
}

fn tensor(
    dtype: DType,
    shape: &[usize],
    limit: Option<u64>,
    numbers: &mut Numbers,
) -> Result<Value> {
    let n_elements = shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size));
    let fits = n_elements
        .and_then(|n| dtype.byte_len(n))
        .is_some_and(|n_bytes| n_bytes <= MAX_INPUT_BYTES);
    if !fits {
        bail!("{dtype}{shape:?} is too large");
    }
    let mut tensor = Tensor::zeros(dtype, shape).context("has no byte layout")?;
    let n_elements = tensor.n_elements();
    let row = shape.last().copied().unwrap_or(1).max(1);
    let bits = dtype.bits();
    let bytes = tensor.bytes_mut();
    for position in 0..n_elements {
        if dtype.is_packed() {
            set_packed(bytes, bits, position, numbers.below(1 << bits) as u8);
            continue;
        }
        let width = bits / 8;
        let element = &mut bytes[position * width..(position + 1) * width];
        match dtype {
            DType::F32 => element.copy_from_slice(&(numbers.float() as f32).to_le_bytes()),
            DType::F64 => element.copy_from_slice(&numbers.float().to_le_bytes()),
            DType::F16 => element.copy_from_slice(&f16::from_f64(numbers.float()).to_le_bytes()),
            DType::BF16 => element.copy_from_slice(&bf16::from_f64(numbers.float()).to_le_bytes()),
            DType::Bool => element[0] = numbers.below(2) as u8,
            // Powers of two around one.
            DType::F8E8M0 => element[0] = 120 + numbers.below(14) as u8,
            _ if dtype.kind() == DTypeKind::Float => {
                element[0] = f64_to_f8(dtype, numbers.float(), true);
            }
            DType::U8 | DType::I8 if limit.is_none() => element[0] = numbers.below(256) as u8,
            _ => {
                let number = match limit {
                    Some(limit) => numbers.below(limit.max(1)),
                    None if shape.len() < 2 || position % row == 0 => 1,
                    None => u64::from(numbers.below(8) > 0),
                };
                element.copy_from_slice(&number.to_le_bytes()[..width]);
            }
        }
    }
    Ok(tensor.into())
}

/// Size of the smallest table that an input indexes, directly or through casts and reshapes.
fn table_size(program: &Program, body: &Body, param: SlotId, values: &[i64]) -> Option<u64> {
    let mut same: Vec<SlotId> = vec![param];
    let mut smallest: Option<u64> = None;
    for step in &body.steps {
        let Step::Launch {
            set,
            inputs,
            outputs,
            ..
        } = step
        else {
            continue;
        };
        let reads = |slot: SlotId| same.contains(&body.root(slot));
        if !inputs.iter().any(|&slot| reads(slot)) {
            continue;
        }
        let Some(variant) = program.kernel_sets[*set].variants.last() else {
            continue;
        };
        let spec = &program.kernels[variant.kernel];
        match &spec.kernel {
            Kernel::Gather { axis } | Kernel::GatherElements { axis } if reads(inputs[1]) => {
                let size = spec.inputs[0].shape.get(*axis)?.eval(values).ok()?;
                let size = u64::try_from(size).ok()?;
                smallest = Some(smallest.map_or(size, |smallest| smallest.min(size)));
            }
            Kernel::Copy => same.extend(outputs.iter().map(|&slot| body.root(slot))),
            Kernel::Pointwise(program) if inputs.len() == 1 => {
                let is_cast = program.instructions.iter().all(|instruction| {
                    matches!(
                        instruction.op,
                        graphc_program::kernel::ScalarOp::Cast { .. }
                    )
                });
                if is_cast {
                    same.extend(outputs.iter().map(|&slot| body.root(slot)));
                }
            }
            _ => {}
        }
    }
    debug_assert!(
        matches!(body.slots[param].storage, Storage::Param(_)),
        "{}",
        param.index()
    );
    smallest
}

/// A sequence of random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct Numbers {
    state: u64,
}

impl Numbers {
    fn new(seed: u64, stream: u64) -> Self {
        let mut start = Self { state: seed };
        let mixed = start.next();
        Self {
            state: mixed ^ stream.wrapping_mul(0xd134_2543_de82_ef95),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..n`, up to a bias of `n / 2⁶⁴`.
    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in [-1, 1).
    fn float(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}
