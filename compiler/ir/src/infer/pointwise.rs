//! Pointwise operators: one operand, two, or a choice.

use super::call::{BOOL, COMPARABLE, Call, DTypeClass, FLOAT, INT, NUMBER, Outputs, one};
use crate::op::{BinaryOp, UnaryOp};
use graphc_base::{DType, DTypeKind};

const FLOAT_OR_SIGNED: DTypeClass = DTypeClass {
    words: "a float or a signed integer",
    has: |dtype| {
        !dtype.is_storage_only() && matches!(dtype.kind(), DTypeKind::Float | DTypeKind::Signed)
    },
};
const UNSIGNED: DTypeClass = DTypeClass {
    words: "an unsigned integer",
    has: |dtype| !dtype.is_storage_only() && dtype.kind() == DTypeKind::Unsigned,
};
const FIXED_WIDTH: DTypeClass = DTypeClass {
    words: "of fixed width and not bool",
    has: |dtype| !matches!(dtype, DType::String | DType::Bool),
};

pub(super) fn unary(call: &mut Call<'_>, op: UnaryOp) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, unary_operand(op))?;
    let dtype = match op {
        UnaryOp::IsNan | UnaryOp::IsInf { .. } => DType::Bool,
        _ => x.dtype,
    };
    one(dtype, x.shape.clone())
}

fn unary_operand(op: UnaryOp) -> DTypeClass {
    match op {
        UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign => NUMBER,
        UnaryOp::Relu => FLOAT_OR_SIGNED,
        UnaryOp::Not => BOOL,
        UnaryOp::BitNot => INT,
        UnaryOp::Ceil
        | UnaryOp::Floor
        | UnaryOp::Round
        | UnaryOp::Trunc
        | UnaryOp::Sqrt
        | UnaryOp::Rsqrt
        | UnaryOp::Reciprocal
        | UnaryOp::Exp
        | UnaryOp::Log
        | UnaryOp::Sin
        | UnaryOp::Cos
        | UnaryOp::Tan
        | UnaryOp::Asin
        | UnaryOp::Acos
        | UnaryOp::Atan
        | UnaryOp::Sinh
        | UnaryOp::Cosh
        | UnaryOp::Tanh
        | UnaryOp::Asinh
        | UnaryOp::Acosh
        | UnaryOp::Atanh
        | UnaryOp::Erf
        | UnaryOp::Sigmoid
        | UnaryOp::Softplus
        | UnaryOp::Softsign
        | UnaryOp::Gelu
        | UnaryOp::GeluTanh
        | UnaryOp::Mish
        | UnaryOp::HardSwish
        | UnaryOp::Swish { .. }
        | UnaryOp::LeakyRelu { .. }
        | UnaryOp::Elu { .. }
        | UnaryOp::Selu { .. }
        | UnaryOp::Celu { .. }
        | UnaryOp::HardSigmoid { .. }
        | UnaryOp::ThresholdedRelu { .. }
        | UnaryOp::Shrink { .. }
        | UnaryOp::IsNan
        | UnaryOp::IsInf { .. } => FLOAT,
    }
}

pub(super) fn binary(call: &mut Call<'_>, op: BinaryOp) -> Outputs {
    let [lhs, rhs] = call.tensors(["lhs", "rhs"])?;
    call.ensure(lhs.dtype == rhs.dtype, "dtypes differ")?;
    call.want("lhs", lhs.dtype, binary_operand(op))?;
    let shape = call.broadcast(&lhs.shape, &rhs.shape)?;
    let dtype = if op.is_comparison() {
        DType::Bool
    } else {
        lhs.dtype
    };
    one(dtype, shape)
}

fn binary_operand(op: BinaryOp) -> DTypeClass {
    match op {
        BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::Div
        | BinaryOp::Mod
        | BinaryOp::Rem
        | BinaryOp::Pow
        | BinaryOp::Min
        | BinaryOp::Max
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual => NUMBER,
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => BOOL,
        BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor => INT,
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight => UNSIGNED,
        BinaryOp::Equal => COMPARABLE,
    }
}

pub(super) fn select(call: &mut Call<'_>) -> Outputs {
    let [cond, lhs, rhs] = call.tensors(["cond", "lhs", "rhs"])?;
    call.want("cond", cond.dtype, BOOL)?;
    call.ensure(lhs.dtype == rhs.dtype, "dtypes differ")?;
    call.want("lhs", lhs.dtype, COMPARABLE)?;
    let chosen = call.broadcast(&lhs.shape, &rhs.shape)?;
    let shape = call.broadcast(&cond.shape, &chosen)?;
    one(lhs.dtype, shape)
}

pub(super) fn cast(call: &mut Call<'_>, to: DType) -> Outputs {
    let [x] = call.tensors(["x"])?;
    one(to, x.shape.clone())
}

pub(super) fn bitcast(call: &mut Call<'_>, to: DType) -> Outputs {
    let [x] = call.tensors(["x"])?;
    call.want("x", x.dtype, FIXED_WIDTH)?;
    call.want("result", to, FIXED_WIDTH)?;
    call.ensure(
        x.dtype.bits() == to.bits(),
        format_args!("{to} has another width than x"),
    )?;
    one(to, x.shape.clone())
}
