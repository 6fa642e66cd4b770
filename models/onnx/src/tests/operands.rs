//! One-node models whose operands follow from short descriptions, evaluated and compared with known numbers.

use super::net::{Net, With, node};
use crate::proto::{NodeProto, TensorProto};
use graphc_base::DType;
use graphc_interp::{Tensor, Value, evaluate_in_order};

/// An operand of a node.
pub(super) enum Operand<'a> {
    /// None is given.
    Missing,
    /// f32 of this shape, element `k` being `((37 k + 11 seed) mod 97 - 48) / 64`.
    Ramp(&'a [usize], usize),
    /// u8 of this shape: `(37 k + 11 seed) mod 251`.
    Bytes(&'a [usize], usize),
    /// i8 of this shape: `(37 k + 11 seed) mod 201 - 100`.
    Chars(&'a [usize], usize),
    /// A scalar f32.
    Float(f32),
    /// A vector of f32.
    Floats(&'a [f32]),
    /// A square matrix of f32.
    Matrix(usize, &'a [f32]),
    /// A scalar u8.
    Byte(u8),
    /// A scalar i8.
    Char(i8),
    /// A vector of this many i8, all 0.
    Zeros(usize),
    /// i32 of this shape.
    Ints(&'a [usize], &'a [i32]),
    /// i64 of this shape.
    Longs(&'a [usize], &'a [i64]),
    /// A vector of truth values.
    Bools(&'a [bool]),
}

impl Operand<'_> {
    fn tensor(&self) -> Option<Tensor> {
        let code = |shape: &[usize], seed: usize, modulus: usize| -> Vec<usize> {
            (0..shape.iter().product())
                .map(|k: usize| (37 * k + 11 * seed) % modulus)
                .collect()
        };
        let tensor = match *self {
            Operand::Missing => return None,
            Operand::Ramp(shape, seed) => {
                let values = code(shape, seed, 97).into_iter();
                Tensor::of(shape, values.map(|x| (x as f32 - 48.0) / 64.0).collect())
            }
            Operand::Bytes(shape, seed) => {
                let values = code(shape, seed, 251).into_iter();
                Tensor::new::<u8>(DType::U8, shape, values.map(|x| x as u8).collect())
            }
            Operand::Chars(shape, seed) => {
                let values = code(shape, seed, 201).into_iter();
                Tensor::of(shape, values.map(|x| (x as i32 - 100) as i8).collect())
            }
            Operand::Float(value) => Tensor::of(&[], vec![value]),
            Operand::Floats(values) => Tensor::of(&[values.len()], values.to_vec()),
            Operand::Matrix(n, values) => Tensor::of(&[n, n], values.to_vec()),
            Operand::Byte(value) => Tensor::new::<u8>(DType::U8, &[], vec![value]),
            Operand::Char(value) => Tensor::of(&[], vec![value]),
            Operand::Zeros(n) => Tensor::of(&[n], vec![0i8; n]),
            Operand::Ints(shape, values) => Tensor::of(shape, values.to_vec()),
            Operand::Longs(shape, values) => Tensor::of(shape, values.to_vec()),
            Operand::Bools(values) => Tensor::new::<u8>(
                DType::Bool,
                &[values.len()],
                values.iter().map(|&value| u8::from(value)).collect(),
            ),
        };
        Some(tensor.unwrap())
    }
}

fn elem_type(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I8 => 3,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::Bool => 9,
        other => panic!("{other}"),
    }
}

/// A node of `com.microsoft`; [`check`] names its operands.
pub(super) fn ms(op_type: &str, outputs: &str) -> NodeProto {
    node(op_type, "", outputs).domain("com.microsoft")
}

/// A node of ai.onnx; [`check`] names its operands.
pub(super) fn onnx(op_type: &str, outputs: &str) -> NodeProto {
    node(op_type, "", outputs)
}

/// The model of a node: operands from `n_inputs` on are constants.
fn model(node: &NodeProto, operands: &[Operand<'_>], n_inputs: usize) -> (Net, Vec<Value>) {
    let mut node = node.clone();
    let mut net = Net::new(25);
    let mut inputs = Vec::new();
    for (operand_idx, operand) in operands.iter().enumerate() {
        let Some(tensor) = operand.tensor() else {
            node.input.push(String::new());
            continue;
        };
        let name = format!("x{operand_idx}");
        let elem_type = elem_type(tensor.dtype());
        if operand_idx < n_inputs {
            let dims: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
            net = net.input(&name, elem_type, &dims.join(" "));
            inputs.push(tensor.into());
        } else {
            net = net.constant(TensorProto {
                name: name.clone(),
                dims: tensor.shape().iter().map(|&size| size as i64).collect(),
                data_type: elem_type,
                raw_data: tensor.to_le_bytes().unwrap().into(),
                ..TensorProto::default()
            });
        }
        node.input.push(name);
    }
    (net.node(node), inputs)
}

fn outputs_of(node: &NodeProto) -> String {
    let named = node.output.iter().filter(|name| !name.is_empty());
    named.cloned().collect::<Vec<_>>().join(" ")
}

/// Compares the first elements of each result with `wanted`, with all operands as inputs and with all but the first
/// as constants. Floats may differ by rounding, integers not at all.
pub(super) fn check(node: NodeProto, operands: &[Operand<'_>], wanted: &[&[f64]]) {
    for n_inputs in [operands.len(), 1] {
        let (net, inputs) = model(&node, operands, n_inputs);
        let graph = net.import(&outputs_of(&node));
        let results = evaluate_in_order(&graph, &inputs).unwrap();
        assert_eq!(results.len(), wanted.len());
        for (result, wanted) in results.iter().zip(wanted) {
            let result = result.as_tensor().unwrap();
            let bound = if result.dtype().is_float() { 2e-5 } else { 0.0 };
            let got = result.to_f64().unwrap();
            assert!(got.len() >= wanted.len(), "{got:?}, {wanted:?}");
            for (x, y) in got.iter().zip(*wanted) {
                let is_near = (x - y).abs() <= bound * y.abs().max(1.0);
                assert!(is_near, "{} {got:?}, {wanted:?}", node.op_type);
            }
        }
    }
}

/// Tests that a node is refused with a message that names it and says why.
pub(super) fn refuse(node: NodeProto, operands: &[Operand<'_>], reason: &str) {
    let (net, _) = model(&node, operands, operands.len());
    let message = net.refusal(&outputs_of(&node));
    assert!(message.contains(&node.name), "{message}");
    assert!(message.contains(reason), "{message}");
}
