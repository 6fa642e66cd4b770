//! Scalar programs over every element.

use super::check::Walk;
use super::scalar::{Scalar, apply, immediate, load, store};
use super::{Call, KernelError};
use crate::scalar::{Operand, ScalarProgram};
use smallvec::SmallVec;

/// Longest program that runs without heap memory; longer ones are refused.
const MAX_INSTRUCTIONS: usize = 256;

pub(super) fn pointwise(
    call: &mut Call<'_, '_>,
    program: &ScalarProgram,
) -> Result<(), KernelError> {
    call.arity(0..=usize::MAX, program.outputs.len())?;
    let spec = call.spec;
    call.ensure(
        program.instructions.len() <= MAX_INSTRUCTIONS,
        "the program is too long",
    )?;
    let Some(first) = spec.outputs.first() else {
        return Ok(());
    };
    for output in &spec.outputs {
        call.ensure(
            output.shape == first.shape && output.contiguous,
            "results differ in shape",
        )?;
    }
    let mut walks: SmallVec<[Walk; 16]> = SmallVec::new();
    for input in &spec.inputs {
        walks.push(
            Walk::new(input, &first.shape)
                .ok_or_else(|| call.error("operands do not broadcast"))?,
        );
    }
    let mut values: SmallVec<[Scalar; MAX_INSTRUCTIONS]> = SmallVec::new();
    for position in 0..first.n_elements() {
        values.clear();
        let read = |operand: Operand, dtype, values: &[Scalar]| match operand {
            Operand::Input(index) => {
                let index = usize::from(index);
                let arg = spec.inputs.get(index)?;
                Some(load(call.inputs[index], arg.dtype, walks[index].position()))
            }
            Operand::Value(index) => values.get(usize::from(index)).copied(),
            immediate_operand => immediate(immediate_operand, dtype),
        };
        for instruction in &program.instructions {
            let mut operands = [Scalar::Int(0); 3];
            for (place, &operand) in operands.iter_mut().zip(&instruction.operands) {
                *place = read(operand, instruction.operand_dtype, &values)
                    .ok_or_else(|| call.error("the program reads a value that is not there"))?;
            }
            values.push(apply(instruction, operands));
        }
        for (index, &operand) in program.outputs.iter().enumerate() {
            let dtype = spec.outputs[index].dtype;
            let value = read(operand, dtype, &values)
                .ok_or_else(|| call.error("the program stores a value that is not there"))?;
            store(call.outputs[index], dtype, position, value);
        }
        walks.iter_mut().for_each(Walk::advance);
    }
    Ok(())
}
