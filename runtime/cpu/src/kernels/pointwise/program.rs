//! A scalar program made ready for vectors: checked, with a place for every value.

use super::cast;
use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_base::{DType, DTypeKind};
use graphc_kernel::{BoundSpec, Operand, ScalarOp, ScalarProgram};

/// Where an operand lies, or a value goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Input(usize),
    Register(usize),
    /// In the result itself.
    Output(usize),
    Constant(usize),
}

/// One instruction over vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) op: ScalarOp,
    /// Dtype that it computes in.
    pub(super) operand: DType,
    pub(super) result: DType,
    pub(super) from: [Place; 3],
    pub(super) n_operands: usize,
    pub(super) to: Place,
}

/// A program whose values have places.
pub(super) struct Compiled {
    pub(super) steps: Vec<Step>,
    /// What each result is.
    pub(super) results: Vec<Place>,
    /// Immediate operands, as vectors hold them.
    pub(super) constants: Vec<u64>,
    pub(super) n_registers: usize,
}

/// `None` for programs with operations, dtypes or references that vectors do not take.
pub(super) fn compile(spec: &BoundSpec, program: &ScalarProgram) -> Option<Compiled> {
    let n_values = program.instructions.len();
    let mut this = Compiled {
        steps: Vec::with_capacity(n_values),
        results: Vec::new(),
        constants: Vec::new(),
        n_registers: 0,
    };
    let is_taken = |dtype: DType| cast::is_known(dtype, dtype);
    let mut args = spec.inputs.iter().chain(&spec.outputs);
    if !args.all(|arg| is_taken(arg.dtype)) || program.outputs.len() != spec.outputs.len() {
        return None;
    }
    // The last instruction that reads each value; results read beyond the end.
    let mut last_use: Vec<usize> = (0..n_values).collect();
    for (index, instruction) in program.instructions.iter().enumerate() {
        for operand in &instruction.operands {
            if let Operand::Value(value) = operand {
                *last_use
                    .get_mut(usize::from(*value))
                    .filter(|_| usize::from(*value) < index)? = index;
            }
        }
    }
    for operand in &program.outputs {
        if let Operand::Value(value) = operand {
            *last_use.get_mut(usize::from(*value))? = n_values;
        }
    }
    let mut places: Vec<Place> = Vec::with_capacity(n_values);
    let mut free: Vec<usize> = Vec::new();
    for (index, instruction) in program.instructions.iter().enumerate() {
        let dtype = instruction.operand_dtype;
        if !is_taken(dtype)
            || !is_taken(instruction.dtype)
            || !is_known(instruction.op, dtype, instruction.dtype)
            || instruction.operands.len() != arity(instruction.op)
        {
            return None;
        }
        let mut from = [Place::Constant(0); 3];
        for (position, (place, &operand)) in from.iter_mut().zip(&instruction.operands).enumerate()
        {
            let is_condition = instruction.op == ScalarOp::Select && position == 0;
            let wanted = if is_condition { DType::Bool } else { dtype };
            *place = match operand {
                Operand::Input(input) => {
                    let input = usize::from(input);
                    (spec.inputs.get(input)?.dtype == wanted).then_some(Place::Input(input))?
                }
                Operand::Value(value) => {
                    let value = usize::from(value);
                    (program.instructions[value].dtype == wanted).then_some(places[value])?
                }
                immediate => this.constant(immediate, wanted)?,
            };
        }
        // A value that is a result as it is held goes there at once.
        let output = program
            .outputs
            .iter()
            .enumerate()
            .position(|(output, &operand)| {
                operand == Operand::Value(index as u16)
                    && spec.outputs[output].dtype == instruction.dtype
                    && cast::is_held_as_stored(instruction.dtype)
            });
        let to = match output {
            Some(output) => Place::Output(output),
            None => Place::Register(free.pop().unwrap_or_else(|| {
                this.n_registers += 1;
                this.n_registers - 1
            })),
        };
        places.push(to);
        this.steps.push(Step {
            op: instruction.op,
            operand: dtype,
            result: instruction.dtype,
            from,
            n_operands: instruction.operands.len(),
            to,
        });
        for value in 0..=index {
            if last_use[value] == index
                && let Place::Register(register) = places[value]
            {
                free.push(register);
            }
        }
    }
    for (operand, arg) in program.outputs.iter().zip(&spec.outputs) {
        let place = match *operand {
            Operand::Input(input) => {
                let input = usize::from(input);
                (spec.inputs.get(input)?.dtype == arg.dtype).then_some(Place::Input(input))?
            }
            Operand::Value(value) => {
                let value = usize::from(value);
                (program.instructions[value].dtype == arg.dtype).then_some(places[value])?
            }
            immediate => this.constant(immediate, arg.dtype)?,
        };
        this.results.push(place);
    }
    Some(this)
}

impl Compiled {
    fn constant(&mut self, operand: Operand, dtype: DType) -> Option<Place> {
        let mut bytes = [0; 8];
        let float = match operand {
            Operand::Float(value) if dtype.is_float() => value.get(),
            Operand::Int(value) if dtype.is_float() => value as f64,
            Operand::Int(value) => {
                let value = if dtype == DType::Bool {
                    i64::from(value != 0)
                } else {
                    value
                };
                bytes = value.to_ne_bytes();
                0.0
            }
            _ => return None,
        };
        match dtype {
            DType::F64 => bytes = float.to_ne_bytes(),
            DType::F32 => bytes[..4].copy_from_slice(&(float as f32).to_ne_bytes()),
            // Held as f32; one that rounds twice is left to the reference.
            DType::F16 | DType::BF16 => {
                let mut value = [float as f32];
                if f64::from(value[0]) != float && !float.is_nan() {
                    return None;
                }
                super::float::round(crate::isa::Isa::PORTABLE, dtype, &mut value);
                bytes[..4].copy_from_slice(&value[0].to_ne_bytes());
            }
            _ => {}
        }
        self.constants.push(u64::from_ne_bytes(bytes));
        Some(Place::Constant(self.constants.len() - 1))
    }
}

fn arity(op: ScalarOp) -> usize {
    match op {
        ScalarOp::Unary(_) | ScalarOp::Cast { .. } | ScalarOp::Bitcast => 1,
        ScalarOp::Binary(_) => 2,
        ScalarOp::Select => 3,
    }
}

/// Whether vectors know an operation on these dtypes.
fn is_known(op: ScalarOp, operand: DType, result: DType) -> bool {
    let kind = operand.kind();
    match op {
        ScalarOp::Unary(UnaryOp::IsNan | UnaryOp::IsInf { .. }) => {
            operand == DType::F32 && result == DType::Bool
        }
        ScalarOp::Unary(UnaryOp::Not) => kind == DTypeKind::Bool && result == operand,
        ScalarOp::Unary(UnaryOp::BitNot) => {
            matches!(kind, DTypeKind::Signed | DTypeKind::Unsigned) && result == operand
        }
        ScalarOp::Unary(op) => {
            let is_integral = matches!(
                op,
                UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Relu | UnaryOp::Sign
            );
            result == operand
                && match kind {
                    DTypeKind::Float => true,
                    DTypeKind::Bool | DTypeKind::String => false,
                    DTypeKind::Signed | DTypeKind::Unsigned => is_integral,
                }
        }
        ScalarOp::Binary(op) if op.is_comparison() => result == DType::Bool,
        ScalarOp::Binary(op) => {
            let is_logical = matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Xor);
            let is_bitwise = matches!(op, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor);
            let is_shift = matches!(op, BinaryOp::ShiftLeft | BinaryOp::ShiftRight);
            result == operand
                && match kind {
                    DTypeKind::Bool => is_logical,
                    DTypeKind::Float => !is_logical && !is_bitwise && !is_shift,
                    DTypeKind::Signed => !is_logical && !is_shift,
                    // The reference reads exponents of 64 bits as signed.
                    DTypeKind::Unsigned if op == BinaryOp::Pow => operand != DType::U64,
                    DTypeKind::Unsigned => !is_logical,
                    DTypeKind::String => false,
                }
        }
        ScalarOp::Select => result == operand,
        ScalarOp::Cast { .. } => cast::is_known(operand, result),
        ScalarOp::Bitcast => {
            cast::is_held_as_stored(operand)
                && cast::is_held_as_stored(result)
                && operand.bits() == result.bits()
                && result != DType::Bool
        }
    }
}
