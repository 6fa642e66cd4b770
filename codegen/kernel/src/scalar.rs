//! The typed scalar code inside a kernel: straight-line, in single assignment, one value per instruction.
//!
//! A program runs once per element of its iteration space. Integers wrap; comparisons and logic give `bool`;
//! `f16` and `bf16` compute in `f32` and round after each instruction.

use graphc_base::attrs::{BinaryOp, UnaryOp};
use graphc_base::{DType, Real};
use serde::{Deserialize, Serialize};

/// Something that an instruction reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// The element of this input of the kernel.
    Input(u16),
    /// The value of an earlier instruction.
    Value(u16),
    /// A float immediate, rounded to the instruction's dtype.
    Float(Real),
    /// An integer immediate; 0 or 1 for `bool`.
    Int(i64),
}

/// What an instruction does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalarOp {
    /// One operand.
    Unary(UnaryOp),
    /// Two operands of one dtype.
    Binary(BinaryOp),
    /// `cond, a, b`.
    Select,
    /// One operand, converted to the instruction's dtype as ONNX Cast does.
    Cast {
        /// Out-of-range values become the largest finite value (float8 only).
        saturate: bool,
    },
    /// One operand, reinterpreted.
    Bitcast,
}

/// One instruction; its number is its position.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Instruction {
    /// What it does.
    pub op: ScalarOp,
    /// Dtype that it computes in: of the operands (for comparisons and casts: of what is read).
    pub operand_dtype: DType,
    /// Dtype of the value.
    pub dtype: DType,
    /// What it reads.
    pub operands: Vec<Operand>,
}

/// Straight-line scalar code.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ScalarProgram {
    /// Instructions in order.
    pub instructions: Vec<Instruction>,
    /// What each output of the kernel stores.
    pub outputs: Vec<Operand>,
}

impl ScalarProgram {
    /// One instruction over the kernel's first inputs, stored to one output.
    pub fn single(op: ScalarOp, operand_dtype: DType, dtype: DType, n_operands: u16) -> Self {
        Self {
            instructions: vec![Instruction {
                op,
                operand_dtype,
                dtype,
                operands: (0..n_operands).map(Operand::Input).collect(),
            }],
            outputs: vec![Operand::Value(0)],
        }
    }
}
