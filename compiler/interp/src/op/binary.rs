//! Pointwise operators of two operands, and the choice between two.

use super::call::Call;
use crate::error::Result;
use crate::integer::Integer;
use crate::number::{Number, with_float, with_integer, with_number};
use crate::tensor::{Element, Tensor, same_type, with_elements};
use crate::walk::{Walk, broadcast_strides};
use graphc_base::DType;
use graphc_ir::op::BinaryOp;
use std::cmp::Ordering;

pub(super) fn binary(call: &Call<'_>, op: BinaryOp) -> Result<Tensor> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let shape = call.out_shape(0)?;
    let dtype = a.dtype();
    if let Some(holds) = comparison(op) {
        if dtype == DType::String {
            return zip::<String, u8>(a, b, DType::Bool, &shape, |a, b| {
                u8::from(holds(a.partial_cmp(b)))
            });
        }
        return with_number!(dtype, T => {
            zip::<T, u8>(a, b, DType::Bool, &shape, |a, b| u8::from(holds(a.partial_cmp(b))))
        }, else Err(call.fail("operands cannot be compared")));
    }
    if dtype == DType::Bool {
        let f: fn(u8, u8) -> u8 = match op {
            BinaryOp::And => |a, b| a & b,
            BinaryOp::Or => |a, b| a | b,
            BinaryOp::Xor => |a, b| a ^ b,
            _ => return Err(call.fail("operands are bool")),
        };
        return zip::<u8, u8>(a, b, dtype, &shape, |&a, &b| f(a, b));
    }
    if dtype.is_float() {
        let f = float_binary(op).ok_or_else(|| call.fail("operands are floats"))?;
        return with_float!(dtype, T => {
            zip::<T, T>(a, b, dtype, &shape, |a, b| {
                <T as Number>::from_f64(f(Number::to_f64(*a), Number::to_f64(*b)))
            })
        }, else Err(call.fail("operands are not computed in")));
    }
    with_integer!(dtype, T => {
        let f = int_binary::<T>(op).ok_or_else(|| call.fail("operands are integers"))?;
        zip::<T, T>(a, b, dtype, &shape, |&a, &b| f(a, b))
    }, else Err(call.fail("operands are no numbers")))
}

/// Which orders satisfy a comparison; operands without order (NaN) satisfy none.
fn comparison(op: BinaryOp) -> Option<fn(Option<Ordering>) -> bool> {
    Some(match op {
        BinaryOp::Equal => |order| order == Some(Ordering::Equal),
        BinaryOp::Less => |order| order == Some(Ordering::Less),
        BinaryOp::LessEqual => |order| matches!(order, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Greater => |order| order == Some(Ordering::Greater),
        BinaryOp::GreaterEqual => {
            |order| matches!(order, Some(Ordering::Greater | Ordering::Equal))
        }
        _ => return None,
    })
}

fn float_binary(op: BinaryOp) -> Option<fn(f64, f64) -> f64> {
    Some(match op {
        BinaryOp::Add => |a, b| a + b,
        BinaryOp::Sub => |a, b| a - b,
        BinaryOp::Mul => |a, b| a * b,
        BinaryOp::Div => |a, b| a / b,
        BinaryOp::Mod => float_modulo,
        BinaryOp::Rem => |a, b| a % b,
        BinaryOp::Pow => f64::powf,
        BinaryOp::Min => |a, b| if a.is_nan() || a < b { a } else { b },
        BinaryOp::Max => |a, b| if a.is_nan() || a > b { a } else { b },
        _ => return None,
    })
}

/// Remainder with the sign of `b`, zero included, as Python's `%`.
fn float_modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        rest.copysign(b)
    } else if (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
    }
}

fn int_binary<T: Integer>(op: BinaryOp) -> Option<fn(T, T) -> T> {
    Some(match op {
        BinaryOp::Add => T::plus,
        BinaryOp::Sub => T::minus,
        BinaryOp::Mul => T::times,
        BinaryOp::Div => T::quotient,
        BinaryOp::Mod => T::modulo,
        BinaryOp::Rem => T::remainder,
        BinaryOp::Pow => T::power,
        BinaryOp::Min => |a, b| if a < b { a } else { b },
        BinaryOp::Max => |a, b| if a > b { a } else { b },
        BinaryOp::BitAnd => T::and,
        BinaryOp::BitOr => T::or,
        BinaryOp::BitXor => T::xor,
        BinaryOp::ShiftLeft => T::shift_left,
        BinaryOp::ShiftRight => T::shift_right,
        _ => return None,
    })
}

/// `f` of the elements at each position of `shape`, to which both operands broadcast.
pub(super) fn zip<T: Element, R: Element>(
    a: &Tensor,
    b: &Tensor,
    dtype: DType,
    shape: &[usize],
    f: impl Fn(&T, &T) -> R,
) -> Result<Tensor> {
    let (x, y) = (a.slice::<T>()?, b.slice::<T>()?);
    let strides = [a, b].map(|operand| broadcast_strides(operand.shape(), shape));
    let walk = Walk::new(shape, [&strides[0], &strides[1]]);
    let mut result = Vec::with_capacity(crate::tensor::n_elements(dtype, shape)?);
    let [x_step, y_step] = walk.steps;
    walk.rows([0, 0], |[x_start, y_start]| {
        let (x_start, y_start) = (x_start as usize, y_start as usize);
        match (x_step, y_step) {
            (1, 1) => {
                let rows = x[x_start..x_start + walk.row].iter().zip(&y[y_start..]);
                result.extend(rows.map(|(a, b)| f(a, b)));
            }
            (1, 0) => {
                let b = &y[y_start];
                result.extend(x[x_start..x_start + walk.row].iter().map(|a| f(a, b)));
            }
            (0, 1) => {
                let a = &x[x_start];
                result.extend(y[y_start..y_start + walk.row].iter().map(|b| f(a, b)));
            }
            // Broadcast strides are never negative.
            _ => result.extend((0..walk.row).map(|i| {
                f(
                    &x[x_start + i * x_step as usize],
                    &y[y_start + i * y_step as usize],
                )
            })),
        }
    });
    Tensor::new(dtype, shape, result)
}

pub(super) fn select(call: &Call<'_>) -> Result<Tensor> {
    let [cond, a, b] = [call.input(0)?, call.input(1)?, call.input(2)?];
    let shape = call.out_shape(0)?;
    let flags = cond.slice::<u8>()?;
    let strides = [cond, a, b].map(|operand| broadcast_strides(operand.shape(), &shape));
    let walk = Walk::new(&shape, [&strides[0], &strides[1], &strides[2]]);
    with_elements!(a.data(), on_true => {
        let chosen = choose(&walk, flags, on_true, same_type(on_true, b)?);
        Tensor::new(a.dtype(), &shape, chosen)
    })
}

fn choose<T: Element>(walk: &Walk<3>, flags: &[u8], on_true: &[T], on_false: &[T]) -> Vec<T> {
    let mut result = Vec::new();
    walk.rows([0; 3], |start| {
        result.extend((0..walk.row as isize).map(|i| {
            let at = |operand: usize| (start[operand] + i * walk.steps[operand]) as usize;
            let chosen = if flags[at(0)] != 0 {
                &on_true[at(1)]
            } else {
                &on_false[at(2)]
            };
            chosen.clone()
        }));
    });
    result
}
