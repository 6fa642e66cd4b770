//! Facts about operators on the host.

use super::text::tensor;
use super::{HostOp, HostValue, StringTensor, call};
use crate::spec::{Kernel, KernelSpec, TensorArg, View};
use graphc_base::attrs::{LabelMap, StringOp, TableKey};
use graphc_base::{DType, Dim, Real};

fn texts(shape: &[usize], data: &[&str]) -> HostValue {
    HostValue::Strings(StringTensor {
        shape: shape.to_vec(),
        data: data.iter().map(|&text| text.to_owned()).collect(),
    })
}

fn i64s(shape: &[usize], data: &[i64]) -> HostValue {
    tensor(DType::I64, shape, data).expect("elements fill the shape")
}

fn f32s(shape: &[usize], data: &[f32]) -> HostValue {
    tensor(DType::F32, shape, data).expect("elements fill the shape")
}

fn run(op: &HostOp, inputs: &[&HostValue]) -> HostValue {
    call(op, inputs).expect("operator runs").remove(0)
}

fn error(op: &HostOp, inputs: &[&HostValue]) -> String {
    call(op, inputs).expect_err("operator fails").to_string()
}

fn dims(shape: &[i64]) -> Vec<Dim> {
    shape.iter().map(|&size| Dim::constant(size)).collect()
}

#[test]
fn sequences_take_positions_from_both_ends() {
    let (a, b, c) = (f32s(&[1], &[1.]), f32s(&[1], &[2.]), f32s(&[1], &[3.]));
    let seq = run(&HostOp::SequenceConstruct, &[&a, &b]);
    let longer = run(&HostOp::SequenceInsert, &[&seq, &c, &i64s(&[], &[-1])]);
    assert_eq!(longer, HostValue::Sequence(vec![a.clone(), c, b.clone()]));
    assert_eq!(
        run(&HostOp::SequenceErase, &[&seq]),
        HostValue::Sequence(vec![a.clone()])
    );
    assert_eq!(run(&HostOp::SequenceAt, &[&seq, &i64s(&[], &[-1])]), b);
    assert_eq!(run(&HostOp::SequenceLength, &[&longer]), i64s(&[], &[3]));
    let outside = error(&HostOp::SequenceAt, &[&seq, &i64s(&[], &[2])]);
    assert_eq!(
        outside,
        "host: position 2 is outside a sequence of 2 elements"
    );
    assert!(
        error(&HostOp::SequenceErase, &[&HostValue::Sequence(vec![])]).contains("nothing to erase")
    );
}

#[test]
fn cutting_and_joining_are_inverse() {
    let x = f32s(&[2, 3], &[1., 2., 3., 4., 5., 6.]);
    let split = HostOp::SequenceSplit {
        axis: 1,
        keep_dims: true,
    };
    let pieces = run(&split, &[&x, &i64s(&[], &[2])]);
    let expected = vec![f32s(&[2, 2], &[1., 2., 4., 5.]), f32s(&[2, 1], &[3., 6.])];
    assert_eq!(pieces, HostValue::Sequence(expected));
    assert_eq!(
        run(
            &HostOp::SequenceConcat {
                axis: 1,
                new_axis: false
            },
            &[&pieces]
        ),
        x
    );
    let rows = run(
        &HostOp::SequenceSplit {
            axis: 0,
            keep_dims: false,
        },
        &[&x],
    );
    assert_eq!(
        run(
            &HostOp::SequenceConcat {
                axis: 0,
                new_axis: true
            },
            &[&rows]
        ),
        x
    );
    assert!(error(&split, &[&x, &i64s(&[2], &[2, 2])]).contains("do not make up"));
    assert!(error(&split, &[&x, &i64s(&[], &[0])]).contains("never end"));
}

#[test]
fn strings_are_cut_and_stacked() {
    let x = texts(&[2, 1], &["a", "b"]);
    let rows = run(
        &HostOp::SequenceSplit {
            axis: 0,
            keep_dims: false,
        },
        &[&x],
    );
    let joined = run(
        &HostOp::SequenceConcat {
            axis: 1,
            new_axis: false,
        },
        &[&HostValue::Sequence(vec![x.clone(), x])],
    );
    assert_eq!(
        rows,
        HostValue::Sequence(vec![texts(&[1], &["a"]), texts(&[1], &["b"])])
    );
    assert_eq!(joined, texts(&[2, 2], &["a", "a", "b", "b"]));
}

#[test]
fn absent_optionals_have_no_value() {
    let x = f32s(&[], &[1.]);
    let some = run(&HostOp::OptionalSome, &[&x]);
    let none = run(&HostOp::OptionalNone, &[]);
    let truth = |value: u8| tensor(DType::Bool, &[], &[value]).expect("scalar");
    assert_eq!(run(&HostOp::OptionalGet, &[&some]), x);
    assert_eq!(run(&HostOp::OptionalHas, &[&some]), truth(1));
    assert_eq!(run(&HostOp::OptionalHas, &[&none]), truth(0));
    assert_eq!(run(&HostOp::OptionalHas, &[]), truth(0));
    assert!(error(&HostOp::OptionalGet, &[&none]).contains("no value"));
}

#[test]
fn numbers_and_text_turn_into_one_another() {
    let x = f32s(
        &[7],
        &[0.1, -2., 1e-5, 1.5e20, f32::NAN, f32::NEG_INFINITY, 123.25],
    );
    let text = run(&HostOp::CastToString, &[&x]);
    let expected = ["0.1", "-2.0", "1e-05", "1.5e+20", "NaN", "-INF", "123.25"];
    assert_eq!(text, texts(&[7], &expected));
    let half = tensor(DType::F16, &[1], &[half::f16::from_f32(0.479)]).expect("one element");
    assert_eq!(
        run(&HostOp::CastToString, &[&half]),
        texts(&[1], &["0.479"])
    );
    let from = HostOp::CastFromString { to: DType::F32 };
    let back = run(&from, &[&texts(&[4], &["1e-7", "+INF", "-inf", "3"])]);
    assert_eq!(
        back,
        f32s(&[4], &[1e-7, f32::INFINITY, f32::NEG_INFINITY, 3.])
    );
    assert!(error(&from, &[&texts(&[1], &["one"])]).contains("\"one\" is no f32"));
    let whole = HostOp::CastFromString { to: DType::I64 };
    assert_eq!(
        run(&whole, &[&texts(&[1], &["-9223372036854775808"])]),
        i64s(&[1], &[i64::MIN])
    );
}

#[test]
fn text_is_joined_cut_and_matched() {
    let joined = run(
        &HostOp::Text(StringOp::Concat),
        &[&texts(&[2, 1], &["a", "b"]), &texts(&[2], &["x", "y"])],
    );
    assert_eq!(joined, texts(&[2, 2], &["ax", "ay", "bx", "by"]));
    let split = |delimiter: Option<&str>, max_splits| {
        HostOp::Text(StringOp::Split {
            delimiter: delimiter.map(str::to_owned),
            max_splits,
            most: Dim::ZERO,
        })
    };
    let cut = call(&split(None, Some(1)), &[&texts(&[2], &[" a b  c", ""])]).expect("runs");
    assert_eq!(
        cut,
        [texts(&[2, 2], &["a", "b  c", "", ""]), i64s(&[2], &[2, 0])]
    );
    let cut = call(&split(Some(","), None), &[&texts(&[1], &["a,,b"])]).expect("runs");
    assert_eq!(cut, [texts(&[1, 3], &["a", "", "b"]), i64s(&[1], &[3])]);
    let matches = |pattern: &str| {
        HostOp::Text(StringOp::RegexFullMatch {
            pattern: pattern.to_owned(),
        })
    };
    let found = run(&matches("a|ab"), &[&texts(&[2], &["ab", "abc"])]);
    assert_eq!(found, tensor(DType::Bool, &[2], &[1u8, 0]).expect("two"));
    assert!(error(&matches("("), &[&texts(&[1], &["a"])]).contains("refused"));
}

#[test]
fn normalising_drops_stop_words_and_never_leaves_nothing() {
    let op = |case_sensitive| {
        HostOp::Text(StringOp::Normalize {
            upper: Some(true),
            case_sensitive,
            stop_words: vec!["monday".to_owned()],
            kept: Dim::ZERO,
        })
    };
    let x = texts(&[2], &["Monday", "rain"]);
    assert_eq!(run(&op(true), &[&x]), texts(&[2], &["MONDAY", "RAIN"]));
    assert_eq!(run(&op(false), &[&x]), texts(&[1], &["RAIN"]));
    assert_eq!(
        run(&op(true), &[&texts(&[1, 1], &["monday"])]),
        texts(&[1, 1], &[""])
    );
}

#[test]
fn label_maps_take_strings_on_either_side() {
    let map = |to, default| {
        HostOp::LabelMap(Box::new(LabelMap {
            entries: vec![
                (
                    TableKey::String("a".to_owned()),
                    TableKey::Float(Real::new(0.5)),
                ),
                (TableKey::Int(3), TableKey::String("three".to_owned())),
            ],
            default,
            to,
        }))
    };
    let numbers = run(
        &map(DType::F32, TableKey::Float(Real::new(-1.0))),
        &[&texts(&[2], &["a", "b"])],
    );
    assert_eq!(numbers, f32s(&[2], &[0.5, -1.0]));
    let names = run(
        &map(DType::String, TableKey::String("?".to_owned())),
        &[&i64s(&[2], &[3, 4])],
    );
    assert_eq!(names, texts(&[2], &["three", "?"]));
}

#[test]
fn kernels_move_and_order_strings_by_code() {
    let arg = |shape: &[i64]| TensorArg::new(DType::I64, dims(shape));
    let coded = |kernel,
                 inputs: Vec<TensorArg>,
                 outputs: Vec<TensorArg>,
                 string_results: &[usize]| HostOp::Coded {
        spec: Box::new(KernelSpec {
            kernel,
            inputs,
            outputs,
        }),
        string_results: string_results.to_vec(),
    };
    let x = texts(&[2, 2], &["c", "a", "b", "a"]);
    let mut transposed = arg(&[2, 2]);
    transposed.view = Some(View {
        offset: Dim::ZERO,
        strides: dims(&[1, 2]),
    });
    let op = coded(Kernel::Copy, vec![transposed], vec![arg(&[2, 2])], &[0]);
    assert_eq!(run(&op, &[&x]), texts(&[2, 2], &["c", "b", "a", "a"]));
    let op = coded(
        Kernel::Gather { axis: 0 },
        vec![arg(&[2, 2]), arg(&[1])],
        vec![arg(&[1, 2])],
        &[0],
    );
    assert_eq!(
        run(&op, &[&x, &i64s(&[1], &[-1])]),
        texts(&[1, 2], &["b", "a"])
    );
    let unique = coded(
        Kernel::Unique {
            axis: None,
            sorted: true,
        },
        vec![arg(&[2, 2])],
        vec![arg(&[4]), arg(&[4]), arg(&[4]), arg(&[4]), arg(&[])],
        &[0],
    );
    let results = call(&unique, &[&x]).expect("runs");
    assert_eq!(results[0], texts(&[4], &["a", "b", "c", "a"]));
    assert_eq!(results[4], i64s(&[], &[3]));
}

#[test]
fn string_tensors_that_do_not_fill_their_shape_are_refused() {
    let short = texts(&[usize::MAX, 3], &["a"]);
    let split = HostOp::SequenceSplit {
        axis: 1,
        keep_dims: true,
    };
    assert!(error(&split, &[&short]).contains("does not fill"));
    assert!(error(&HostOp::Text(StringOp::Concat), &[&short, &short]).contains("no string tensor"));
    let from = HostOp::CastFromString { to: DType::F32 };
    assert!(error(&from, &[&short]).contains("can be made"));
}
