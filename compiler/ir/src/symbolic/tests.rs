//! What follows from known elements, operator by operator.

use super::{SymElement, SymTensor};
use crate::Builder;
use crate::graph::{DimCheckKind, ValueId};
use crate::infer::TypeError;
use crate::op::{
    BinaryOp, CumulativeKind, Op, PadMode, ReduceKind, ScatterReduction, SliceAxis, UnaryOp,
};
use crate::types::TensorType;
use graphc_base::{DType, Dim, Interval};

fn show(b: &Builder, value: ValueId) -> String {
    let Some(SymTensor { elements, .. }) = b.symbolic(value) else {
        return "nothing".to_owned();
    };
    let shown: Vec<String> = elements
        .iter()
        .map(|element| match element {
            SymElement::Dim(dim) => b.dims().display(dim).to_string(),
            SymElement::Float(value) => value.to_string(),
            SymElement::Unknown => "?".to_owned(),
        })
        .collect();
    shown.join(" ")
}

fn check(make: impl FnOnce(&mut Builder) -> Result<ValueId, TypeError>, expected: &str) {
    let mut b = Builder::new("g");
    let value = make(&mut b).unwrap();
    assert_eq!(show(&b, value), expected);
}

/// `i64[2]`: S from 1 to 64, and 8.
fn shape(b: &mut Builder) -> ValueId {
    let size = Dim::symbol(
        b.graph_mut()
            .dims
            .new_symbol("S", Interval { lo: 1, hi: 64 }),
    );
    let x = b.input(
        "x",
        TensorType::new(DType::F32, [size, Dim::constant(8)]).into(),
    );
    let dims = b.shape(x).unwrap();
    b.dim_tensor(&dims).unwrap()
}

fn data(b: &mut Builder, n: i64) -> ValueId {
    b.input("data", TensorType::new(DType::I64, [n]).into())
}

#[test]
fn arithmetic_gives_dims() {
    check(
        |b| {
            let s = shape(b);
            b.add(s, s)
        },
        "2*S 16",
    );
    check(
        |b| {
            let s = shape(b);
            let two = b.const_i64(&[2]);
            b.div(s, two)
        },
        "((S)//(2)) 4",
    );
    check(
        |b| {
            let s = shape(b);
            let c = b.const_i64(&[3, -1]);
            b.binary(BinaryOp::Min, s, c)
        },
        "min(3,S) -1",
    );
    check(
        |b| {
            let s = shape(b);
            let c = b.const_i64(&[0, 8]);
            b.binary(BinaryOp::Greater, s, c)
        },
        "1 0",
    );
}

#[test]
fn division_of_what_may_be_negative_is_not_floored() {
    check(
        |b| {
            let s = shape(b);
            let (nine, two) = (b.const_i64(&[9]), b.const_i64(&[2]));
            let rest = b.sub(s, nine)?;
            b.div(rest, two)
        },
        "? 0",
    );
}

#[test]
fn constants_wrap_in_their_dtype_and_dims_that_may_leave_it_are_not_known() {
    check(
        |b| {
            let c = b.const_scalar_i64(DType::I8, 127);
            b.add(c, c)
        },
        "-2",
    );
    check(
        |b| {
            let c = b.const_i64(&[300, -1]);
            b.cast(c, DType::U8)
        },
        "44 255",
    );
    check(
        |b| {
            let c = b.const_i64(&[i64::MAX]);
            b.add(c, c)
        },
        "nothing",
    );
    check(
        |b| {
            let s = shape(b);
            let narrow = b.cast(s, DType::I8)?;
            b.add(narrow, narrow)
        },
        "? 16",
    );
}

#[test]
fn division_by_zero_gives_zero_and_a_modulus_that_may_be_zero_nothing() {
    check(
        |b| {
            let (a, z) = (b.const_i64(&[5]), b.const_i64(&[0]));
            b.div(a, z)
        },
        "0",
    );
    check(
        |b| {
            let s = shape(b);
            let one = b.const_i64(&[1]);
            let less = b.sub(s, one)?;
            b.binary(BinaryOp::Mod, s, less)
        },
        "? 1",
    );
}

#[test]
fn floats_round_to_their_dtype() {
    check(
        |b| {
            let c = b.const_scalar_i64(DType::I64, 16_777_217);
            b.cast(c, DType::F32)
        },
        "16777216.0",
    );
    check(
        |b| {
            let (a, c) = (
                b.const_scalar(DType::F32, 1.0),
                b.const_scalar(DType::F32, 3.0),
            );
            b.div(a, c)
        },
        "0.3333333432674408",
    );
    check(
        |b| {
            let c = b.const_scalar(DType::F32, 2.5);
            let r = b.unary(UnaryOp::Round, c)?;
            b.cast(r, DType::I64)
        },
        "2",
    );
    check(
        |b| {
            let c = b.const_scalar(DType::F32, f64::NAN);
            let d = b.const_scalar(DType::F32, 1.0);
            b.binary(BinaryOp::Max, c, d)
        },
        "nothing",
    );
}

#[test]
fn known_parts_survive_beside_unknown_ones() {
    check(
        |b| {
            let (s, d) = (shape(b), data(b, 1));
            b.concat(&[s, d], 0)
        },
        "S 8 ?",
    );
    check(
        |b| {
            let (s, d) = (shape(b), data(b, 2));
            let no = b.const_i64(&[0, 1]);
            let no = b.cast(no, DType::Bool)?;
            b.select(no, d, s)
        },
        "S ?",
    );
    check(
        |b| {
            let (s, d) = (shape(b), data(b, 2));
            b.gather(s, d, 0)
        },
        "nothing",
    );
}

#[test]
fn movement_follows_elements() {
    check(
        |b| {
            let s = shape(b);
            let i = b.const_i64(&[-1, 0, -2]);
            b.gather(s, i, 0)
        },
        "8 S S",
    );
    check(
        |b| {
            let s = shape(b);
            b.slice(
                s,
                vec![SliceAxis {
                    start: Dim::ONE,
                    step: Dim::constant(-1),
                    len: Dim::constant(2),
                }],
            )
        },
        "8 S",
    );
    check(
        |b| {
            let s = shape(b);
            b.op1(
                Op::Tile {
                    repeats: vec![Dim::constant(2)],
                },
                &[s],
            )
        },
        "S 8 S 8",
    );
    check(
        |b| {
            let s = shape(b);
            let m = b.reshape(s, vec![Dim::ONE, Dim::constant(2)])?;
            let m = b.expand(m, vec![Dim::constant(2), Dim::constant(2)])?;
            b.transpose(m, vec![1, 0])
        },
        "S S 8 8",
    );
    check(
        |b| {
            let s = shape(b);
            let zero = b.const_scalar_i64(DType::I64, 0);
            let op = Op::Pad {
                mode: PadMode::Constant,
                before: vec![Dim::constant(1)],
                after: vec![Dim::constant(-1)],
            };
            b.op1(op, &[s, zero])
        },
        "0 S",
    );
    check(
        |b| {
            let (s, d) = (shape(b), data(b, 1));
            let i = b.const_i64(&[1]);
            b.op1(
                Op::ScatterElements {
                    axis: 0,
                    reduction: ScatterReduction::Replace,
                },
                &[s, i, d],
            )
        },
        "S ?",
    );
    check(
        |b| {
            let s = shape(b);
            let i = b.const_i64(&[-1]);
            let i = b.reshape(i, vec![Dim::ONE, Dim::ONE])?;
            b.op1(Op::GatherNd { batch_dims: 0 }, &[s, i])
        },
        "8",
    );
}

#[test]
fn reductions_and_scans_join_elements() {
    check(
        |b| {
            let s = shape(b);
            b.reduce(ReduceKind::Prod, s, &[0], false)
        },
        "8*S",
    );
    check(
        |b| {
            let s = shape(b);
            let row = b.reshape(s, vec![Dim::ONE, Dim::constant(2)])?;
            let two = b.concat(&[row, row], 0)?;
            b.reduce(ReduceKind::Sum, two, &[0], false)
        },
        "2*S 16",
    );
    check(
        |b| {
            let s = shape(b);
            let op = Op::Cumulative {
                kind: CumulativeKind::Sum,
                axis: Dim::ZERO,
                exclusive: true,
                reverse: true,
            };
            b.op1(op, &[s])
        },
        "8 0",
    );
}

#[test]
fn data_that_becomes_dims_is_bound_once() {
    let mut b = Builder::new("g");
    let (s, d) = (shape(&mut b), data(&mut b, 1));
    let both = b.concat(&[s, d], 0).unwrap();
    let first = b.dims_of(both).unwrap();
    let again = b.dims_of(both).unwrap();
    assert_eq!(first, again);
    assert_eq!(
        b.graph().bindings.len(),
        2,
        "one for S, one for the element that is data"
    );
}

#[test]
fn sizes_stay_known_in_32_bits_under_a_check() {
    let mut b = Builder::new("g");
    let n = Dim::symbol(b.graph_mut().dims.new_symbol("N", Interval::SIZE));
    let x = TensorType::new(DType::F32, [n.clone(), Dim::constant(8)]);
    b.input("x", x.into());
    let eight_n = b.dims().mul(&n, &Dim::constant(8));
    let size = b.dim_scalar(&eight_n).unwrap();
    let narrow = b.cast(size, DType::I32).unwrap();
    assert_eq!(show(&b, narrow), "8*N");
    let limit = Dim::constant(i64::from(i32::MAX));
    let wanted = DimCheckKind::LessEqual(eight_n, limit);
    assert!(b.graph().checks.iter().any(|check| check.kind == wanted));
}
