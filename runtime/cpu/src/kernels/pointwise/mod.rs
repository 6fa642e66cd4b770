//! Scalar programs over vectors: each instruction runs over a block of elements that stays in the first-level cache.
//!
//! Operands that lie in order are read where they are; broadcast and strided ones are gathered into a register first, and
//! one that repeats a single element stays one element. Half-precision floats are held as `f32`, rounded after each instruction.

pub(super) mod cast;
pub(super) mod float;
mod number;
mod program;

use super::shared::Shared;
use super::space::{Space, copy_run, each_run};
use super::{FastKernel, KernelCx};
use graphc_base::DType;
use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_kernel::reference::KernelError;
use graphc_kernel::{BoundSpec, ScalarOp, ScalarProgram, with_width};
use number::Arithmetic;
use program::{Compiled, Place, Step, compile};
use smallvec::SmallVec;

/// Elements of a block.
const BLOCK: usize = 2048;

/// Bytes of a register: a block of the widest elements.
const REGISTER: usize = BLOCK * 8;

/// Blocks of an item of the parallel loop.
const BLOCKS: usize = 4;

/// How an input comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Feed {
    /// Where it lies.
    Direct,
    /// One element.
    Single,
    /// Gathered into a register.
    Gathered(usize),
}

struct Input {
    dtype: DType,
    offset: usize,
    feed: Feed,
    is_linear: bool,
}

struct Pointwise {
    cx: KernelCx,
    program: Compiled,
    space: Space,
    inputs: SmallVec<[Input; 8]>,
    outputs: SmallVec<[DType; 2]>,
    n_elements: usize,
    n_registers: usize,
    /// Estimated time of an element, in picoseconds.
    cost: usize,
}

pub(super) fn select(
    spec: &BoundSpec,
    program: &ScalarProgram,
    cx: &KernelCx,
) -> Option<Box<dyn FastKernel>> {
    let first = spec.outputs.first()?;
    if !spec
        .outputs
        .iter()
        .all(|output| output.contiguous && output.shape == first.shape)
    {
        return None;
    }
    let program = compile(spec, program)?;
    let space = Space::new(&first.shape, spec.inputs.iter())?;
    let mut n_registers = program.n_registers;
    let inputs = spec
        .inputs
        .iter()
        .zip(&space.strides)
        .map(|(arg, strides)| {
            let mut expected = 1;
            let is_linear = space
                .shape
                .iter()
                .zip(strides)
                .rev()
                .all(|(&size, &stride)| {
                    let fits = stride == expected;
                    expected *= size as isize;
                    fits
                });
            let is_single = strides.iter().all(|&stride| stride == 0);
            let feed = match cast::is_held_as_stored(arg.dtype) {
                true if is_single => Feed::Single,
                true if is_linear => Feed::Direct,
                _ => {
                    n_registers += 1;
                    Feed::Gathered(n_registers - 1)
                }
            };
            Input {
                dtype: arg.dtype,
                offset: arg.offset,
                feed,
                is_linear,
            }
        })
        .collect();
    let cost = program.steps.iter().map(cost).sum::<usize>() + 100;
    Some(Box::new(Pointwise {
        cx: cx.clone(),
        program,
        inputs,
        outputs: spec.outputs.iter().map(|output| output.dtype).collect(),
        n_elements: first.n_elements(),
        space,
        // One more for halves on their way.
        n_registers: n_registers + 1,
        cost,
    }))
}

/// Estimated time of an element of a step, in picoseconds.
fn cost(step: &Step) -> usize {
    match step.op {
        ScalarOp::Binary(BinaryOp::Pow) => 10_000,
        ScalarOp::Unary(op) if step.operand == DType::F32 => match op {
            UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Relu | UnaryOp::LeakyRelu { .. } => 50,
            UnaryOp::Sin | UnaryOp::Cos | UnaryOp::Tan => 10_000,
            _ => 800,
        },
        ScalarOp::Unary(_) if step.operand.is_float() => 10_000,
        ScalarOp::Cast { .. } => 600,
        _ => 200,
    }
}

/// One block on one thread.
struct Block<'a> {
    kernel: &'a Pointwise,
    inputs: &'a [&'a [u8]],
    outputs: &'a [Shared<'a, u8>],
    registers: *mut u8,
    first: usize,
    len: usize,
    /// Elements that each register and result holds: one or all.
    held: SmallVec<[usize; 32]>,
}

/// A vector somewhere: its address and its number of elements.
#[derive(Clone, Copy)]
struct Vector {
    start: *const u8,
    n: usize,
}

impl Block<'_> {
    fn register(&self, register: usize) -> *mut u8 {
        // SAFETY: the thread's scratch holds all registers.
        unsafe { self.registers.add(register * REGISTER) }
    }

    /// The part of a result that belongs to this block.
    fn output(&self, output: usize) -> *mut u8 {
        let width = self.kernel.outputs[output].bits() / 8;
        // SAFETY: the block lies inside the result.
        unsafe { self.outputs[output].as_ptr().add(self.first * width) }
    }

    fn operand(&self, place: Place) -> Vector {
        match place {
            Place::Constant(constant) => Vector {
                start: std::ptr::from_ref(&self.kernel.program.constants[constant]).cast(),
                n: 1,
            },
            Place::Register(register) => Vector {
                start: self.register(register),
                n: self.held[register],
            },
            Place::Output(output) => Vector {
                start: self.output(output),
                n: self.held[self.kernel.n_registers + output],
            },
            Place::Input(input) => {
                let Input {
                    dtype,
                    offset,
                    feed,
                    ..
                } = self.kernel.inputs[input];
                let width = dtype.bits() / 8;
                let at = |position: usize, n: usize| Vector {
                    start: self.inputs[input][position * width..][..n * width].as_ptr(),
                    n,
                };
                match feed {
                    Feed::Direct => at(offset + self.first, self.len),
                    Feed::Single => at(offset, 1),
                    Feed::Gathered(register) => self.operand(Place::Register(register)),
                }
            }
        }
    }

    /// Gathers an input into its register.
    fn gather(&mut self, index: usize) {
        let input = &self.kernel.inputs[index];
        let Feed::Gathered(register) = input.feed else {
            return;
        };
        let strides = &self.kernel.space.strides[index];
        let n = if strides.iter().all(|&stride| stride == 0) {
            1
        } else {
            self.len
        };
        self.held[register] = n;
        let is_half = !cast::is_held_as_stored(input.dtype);
        let spare = self.register(self.kernel.n_registers - 1);
        let to = if is_half {
            spare
        } else {
            self.register(register)
        };
        let bytes = self.inputs[index];
        if is_half && (input.is_linear || n == 1) {
            let at = input.offset + if n == 1 { 0 } else { self.first };
            let from = &bytemuck::cast_slice::<u8, u16>(bytes)[at..][..n];
            // SAFETY: a register holds a block of any dtype, and no other slice of it is alive.
            let to = unsafe { slice_mut::<f32>(self.register(register), n) };
            cast::widen(self.kernel.cx.isa, input.dtype, from, to);
            return;
        }
        with_width!(input.dtype, T => {
            // SAFETY: as above.
            let to = unsafe { slice_mut::<T>(to, n) };
            let from: &[T] = bytemuck::cast_slice(bytes);
            let inner = strides.last().copied().unwrap_or(0);
            let mut at = 0;
            each_run(&self.kernel.space.shape, strides, input.offset, self.first, n, |position, run| {
                copy_run(from, position, inner, &mut to[at..at + run]);
                at += run;
            });
        }, else return);
        if is_half {
            // SAFETY: as above; the spare register is another one than the input's.
            let (from, to) = unsafe {
                (
                    slice::<u16>(Vector { start: spare, n }),
                    slice_mut::<f32>(self.register(register), n),
                )
            };
            cast::widen(self.kernel.cx.isa, input.dtype, from, to);
        }
    }

    fn step(&mut self, step: &Step) {
        let operands: SmallVec<[Vector; 3]> = step.from[..step.n_operands]
            .iter()
            .map(|&place| self.operand(place))
            .collect();
        let n = if operands.iter().all(|operand| operand.n == 1) {
            1
        } else {
            self.len
        };
        let (to, index) = match step.to {
            Place::Output(output) => (self.output(output), self.kernel.n_registers + output),
            Place::Register(register) => (self.register(register), register),
            Place::Input(_) | Place::Constant(_) => return,
        };
        self.held[index] = n;
        // SAFETY: operands are initialised vectors of the step's dtypes; the value's place is none of theirs.
        unsafe { execute(self.kernel.cx.isa, step, &operands, to, n) };
        if !cast::is_held_as_stored(step.result) {
            // SAFETY: the value was just written.
            let value = unsafe { slice_mut::<f32>(to, n) };
            float::round(self.kernel.cx.isa, step.result, value);
        }
    }

    /// Puts a value into a result, unless it is there.
    fn store(&mut self, output: usize) {
        let place = self.kernel.program.results[output];
        let dtype = self.kernel.outputs[output];
        let from = self.operand(place);
        let to = self.output(output);
        let is_there = place == Place::Output(output);
        if is_there && from.n == self.len {
            return;
        }
        if !cast::is_held_as_stored(dtype) {
            // SAFETY: the value is a vector of f32 in another place than the result, which has room for the block.
            let (from, to) = unsafe { (slice::<f32>(from), slice_mut::<u16>(to, self.len)) };
            cast::narrow(self.kernel.cx.isa, dtype, from, &mut to[..from.len()]);
            if from.len() == 1 {
                to.fill(to[0]);
            }
            return;
        }
        with_width!(dtype, T => {
            // SAFETY: the value is initialised; where it stands in the result itself it is read before the slice is made.
            unsafe {
                if from.n == 1 {
                    let value = *from.start.cast::<T>();
                    slice_mut::<T>(to, self.len).fill(value);
                } else {
                    slice_mut::<T>(to, self.len).copy_from_slice(slice::<T>(from));
                }
            }
        }, else {});
    }
}

/// # Safety
///
/// `vector.n` initialised elements lie at the address, which is aligned for them, and nobody writes them while the slice lives.
unsafe fn slice<'a, T>(vector: Vector) -> &'a [T] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(vector.start.cast(), vector.n) }
}

/// # Safety
///
/// There is room for `n` elements at the aligned address, of a type that any bytes are a value of, and no other slice of it
/// is alive.
unsafe fn slice_mut<'a, T>(start: *mut u8, n: usize) -> &'a mut [T] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(start.cast(), n) }
}

/// Runs one instruction over vectors, each of one element or of `n`.
///
/// # Safety
///
/// Operands hold initialised elements of the step's dtypes; `to` has room for `n` of the result's and overlaps no operand.
unsafe fn execute(isa: crate::isa::Isa, step: &Step, operands: &[Vector], to: *mut u8, n: usize) {
    let is_f32 = matches!(step.operand, DType::F32 | DType::F16 | DType::BF16);
    // SAFETY: for all slices below, the caller's promise.
    unsafe {
        match step.op {
            ScalarOp::Unary(op @ (UnaryOp::IsNan | UnaryOp::IsInf { .. })) => {
                let x = slice::<f32>(operands[0]);
                for (&x, y) in x.iter().zip(slice_mut::<u8>(to, n)) {
                    *y = u8::from(match op {
                        UnaryOp::IsInf { positive, negative } => {
                            (positive && x == f32::INFINITY) || (negative && x == f32::NEG_INFINITY)
                        }
                        _ => x.is_nan(),
                    });
                }
            }
            ScalarOp::Unary(op) if is_f32 => {
                float::unary(isa, op, slice(operands[0]), slice_mut(to, n));
            }
            ScalarOp::Unary(op) => number_unary(op, step.operand, operands[0], to, n),
            ScalarOp::Binary(op) if is_f32 => {
                let (a, b) = (slice(operands[0]), slice(operands[1]));
                if op.is_comparison() {
                    float::compare(isa, op, a, b, slice_mut(to, n));
                } else {
                    float::binary(isa, op, a, b, slice_mut(to, n));
                }
            }
            ScalarOp::Binary(op) => number_binary(op, step.operand, operands, to, n),
            ScalarOp::Select => {
                let cond = slice::<u8>(operands[0]);
                with_width!(cast::held(step.operand), T => {
                    let (a, b) = (slice::<T>(operands[1]), slice::<T>(operands[2]));
                    number::select(cond, a, b, slice_mut(to, n));
                }, else {});
            }
            ScalarOp::Cast { .. } => {
                let width = |dtype: DType| cast::held(dtype).bits() / 8;
                let from = cast::Source {
                    dtype: step.operand,
                    bytes: slice(Vector {
                        n: n * width(step.operand),
                        ..operands[0]
                    }),
                };
                cast::convert(
                    isa,
                    from,
                    step.result,
                    slice_mut(to, n * width(step.result)),
                );
            }
            ScalarOp::Bitcast => {
                let n_bytes = n * step.result.bits() / 8;
                let from = Vector {
                    n: n_bytes,
                    ..operands[0]
                };
                slice_mut::<u8>(to, n_bytes).copy_from_slice(slice(from));
            }
        }
    }
}

/// Calls a macro with the type of vectors of a dtype other than the floats that are held as `f32`.
macro_rules! by_vector {
    ($dtype:expr, $run:ident) => {
        match $dtype {
            DType::Bool | DType::U8 => $run!(u8),
            DType::I8 => $run!(i8),
            DType::U16 => $run!(u16),
            DType::I16 => $run!(i16),
            DType::U32 => $run!(u32),
            DType::I32 => $run!(i32),
            DType::U64 => $run!(u64),
            DType::I64 => $run!(i64),
            DType::F64 => $run!(f64),
            _ => {}
        }
    };
}
/// # Safety
///
/// As [`execute`].
unsafe fn number_unary(op: UnaryOp, dtype: DType, x: Vector, to: *mut u8, n: usize) {
    macro_rules! run {
        ($ty:ty) => {
            // SAFETY: the caller's promise.
            unsafe { <$ty>::unary(op, slice(x), slice_mut(to, n)) }
        };
    }
    by_vector!(dtype, run)
}

/// # Safety
///
/// As [`execute`].
unsafe fn number_binary(op: BinaryOp, dtype: DType, operands: &[Vector], to: *mut u8, n: usize) {
    macro_rules! run {
        ($ty:ty) => {
            // SAFETY: the caller's promise.
            unsafe {
                let (a, b) = (slice::<$ty>(operands[0]), slice::<$ty>(operands[1]));
                if op.is_comparison() {
                    number::compare(op, a, b, slice_mut(to, n));
                } else {
                    <$ty>::binary(op, a, b, slice_mut(to, n));
                }
            }
        };
    }
    by_vector!(dtype, run)
}

impl FastKernel for Pointwise {
    fn name(&self) -> &'static str {
        "vector"
    }

    fn scratch_bytes(&self) -> usize {
        self.n_registers * REGISTER * self.cx.n_threads()
    }

    fn run(
        &self,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) -> Result<(), KernelError> {
        let outputs: SmallVec<[Shared<'_, u8>; 4]> =
            outputs.iter_mut().map(|bytes| Shared::new(bytes)).collect();
        let scratch = Shared::new(scratch);
        let n_items = self.n_elements.div_ceil(BLOCK * BLOCKS);
        let cost = self.n_elements.saturating_mul(self.cost) / 1000;
        self.cx.run(n_items, cost, &|thread, item| {
            let end = ((item + 1) * BLOCKS * BLOCK).min(self.n_elements);
            let len = self.n_registers * REGISTER;
            // SAFETY: threads have registers of their own.
            let registers = unsafe { scratch.part(thread * len, len) };
            for first in (item * BLOCKS * BLOCK..end).step_by(BLOCK) {
                let mut block = Block {
                    kernel: self,
                    inputs,
                    outputs: &outputs,
                    registers: registers.as_mut_ptr(),
                    first,
                    len: BLOCK.min(end - first),
                    held: SmallVec::from_elem(0, self.n_registers + outputs.len()),
                };
                (0..inputs.len()).for_each(|input| block.gather(input));
                self.program.steps.iter().for_each(|step| block.step(step));
                (0..outputs.len()).for_each(|output| block.store(output));
            }
        });
        Ok(())
    }
}
