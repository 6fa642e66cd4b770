//! Models whose numbers are known: the graph is evaluated.

use super::net::{F32, I64, Net, With, node};
use graphc_interp::{Tensor, Value, evaluate_in_order};

fn floats(shape: &[usize], values: &[f32]) -> Value {
    Tensor::of(shape, values.to_vec()).unwrap().into()
}

fn ints(shape: &[usize], values: &[i64]) -> Value {
    Tensor::of(shape, values.to_vec()).unwrap().into()
}

/// The outputs' elements for inputs in order.
fn run(net: Net, outputs: &str, inputs: &[Value]) -> Vec<Vec<f64>> {
    let graph = net.import(outputs);
    evaluate_in_order(&graph, inputs)
        .unwrap()
        .iter()
        .map(|value| value.as_tensor().unwrap().to_f64().unwrap())
        .collect()
}

/// An einsum of operands whose elements are 1, 2, 3, …
fn einsum(equation: &str, shapes: &[&[usize]]) -> Vec<f64> {
    let mut net = Net::new(12);
    let mut operands = Vec::new();
    let names = ["a", "b", "c"];
    for (name, shape) in names.iter().zip(shapes) {
        // Symbolic sizes, so that nothing follows from constants.
        let dims: Vec<String> = (0..shape.len())
            .map(|axis| format!("{name}{axis}"))
            .collect();
        net = net.input(name, F32, &dims.join(" "));
        let n = shape.iter().product::<usize>();
        let values: Vec<f32> = (1..=n).map(|value| value as f32).collect();
        operands.push(floats(shape, &values));
    }
    let einsum = node("Einsum", &names[..shapes.len()].join(" "), "y");
    let net = net.node(einsum.string("equation", equation));
    run(net, "y", &operands).remove(0)
}

#[test]
fn einsum_sums_what_the_result_does_not_name() {
    assert_eq!(einsum("ij->i", &[&[2, 3]]), [6.0, 15.0]);
    assert_eq!(einsum("ij->", &[&[2, 3]]), [21.0]);
    assert_eq!(einsum("i,i", &[&[3], &[3]]), [14.0]);
    assert_eq!(
        einsum("ij , jk -> ki", &[&[2, 2], &[2, 2]]),
        [7.0, 15.0, 10.0, 22.0]
    );
    assert_eq!(
        einsum("ij,jk", &[&[2, 2], &[2, 2]]),
        [7.0, 10.0, 15.0, 22.0]
    );
}

#[test]
fn einsum_takes_diagonals_of_labels_that_one_operand_repeats() {
    assert_eq!(einsum("ii->i", &[&[3, 3]]), [1.0, 5.0, 9.0]);
    assert_eq!(einsum("ii", &[&[3, 3]]), [15.0]);
    assert_eq!(einsum("iji->j", &[&[2, 2, 2]]), [7.0, 11.0]);
}

#[test]
fn einsum_broadcasts_under_an_ellipsis() {
    assert_eq!(einsum("...j->...", &[&[2, 2]]), [3.0, 7.0]);
    assert_eq!(
        einsum("...ij,jk->...ik", &[&[1, 2, 2], &[2, 1]]),
        [5.0, 11.0]
    );
    assert_eq!(
        einsum("...,...->...", &[&[2, 2], &[1, 2]]),
        [1.0, 4.0, 3.0, 8.0]
    );
    assert_eq!(
        einsum("b...i,b...i->...b", &[&[2, 1, 2], &[2, 2, 2]]),
        [5.0, 39.0, 11.0, 53.0]
    );
}

#[test]
fn einsum_joins_three_operands() {
    assert_eq!(
        einsum("i,ij,j->", &[&[2], &[2, 2], &[2]]),
        [1.0 * (1.0 + 4.0) + 2.0 * (3.0 + 8.0)]
    );
    assert_eq!(einsum("a,b,c->cb", &[&[2], &[2], &[1]]), [3.0, 6.0]);
}

#[test]
fn einsum_refuses_equations_without_meaning() {
    for (equation, dims) in [
        ("ij->k", "2 2"),
        ("i->ii", "2"),
        ("i1->i", "2 2"),
        ("i", "2 2"),
        ("......->", "2 2"),
        ("i,j->ij", "2"),
        ("ii->i", "2 3"),
    ] {
        let message = Net::new(12)
            .input("a", F32, dims)
            .node(node("Einsum", "a", "y").string("equation", equation))
            .refusal("y");
        assert!(message.contains("Einsum"), "{equation}: {message}");
    }
}

#[test]
fn ignored_targets_have_no_loss_and_no_weight_wherever_they_point() {
    let net = |reduction: &str| {
        Net::new(13)
            .input("x", F32, "n c d")
            .input("t", I64, "n d")
            .input("w", F32, "c")
            .node(
                node("NegativeLogLikelihoodLoss", "x t w", "y")
                    .int("ignore_index", -7)
                    .string("reduction", reduction),
            )
    };
    let x = floats(
        &[1, 2, 3],
        &[1.0, 2.0, f32::INFINITY, 4.0, 5.0, f32::INFINITY],
    );
    let inputs = [x, ints(&[1, 3], &[1, 0, -7]), floats(&[2], &[0.5, 1.5])];
    assert_eq!(run(net("none"), "y", &inputs), [[-6.0, -1.0, 0.0]]);
    assert_eq!(run(net("sum"), "y", &inputs), [[-7.0]]);
    assert_eq!(run(net("mean"), "y", &inputs), [[-3.5]]);
}

#[test]
fn an_optimizer_steps_each_tensor_with_its_own_state() {
    let net = Net::new(13)
        .input("r", F32, "")
        .input("t", I64, "")
        .input("x1", F32, "1")
        .input("x2", F32, "1")
        .input("g1", F32, "1")
        .input("g2", F32, "1")
        .input("h1", F32, "1")
        .input("h2", F32, "1")
        .node(
            node("Adagrad", "r t x1 x2 g1 g2 h1 h2", "y1 y2 k1 k2")
                .domain("ai.onnx.preview.training")
                .float("epsilon", 0.0),
        );
    let one = |value: f32| floats(&[1], &[value]);
    let inputs = [
        floats(&[], &[0.5]),
        ints(&[], &[3]),
        one(1.0),
        one(2.0),
        one(3.0),
        one(4.0),
        one(16.0),
        one(9.0),
    ];
    let results = run(net, "y1 y2 k1 k2", &inputs).concat();
    let want = [1.0 - 0.5 * 3.0 / 5.0, 2.0 - 0.5 * 4.0 / 5.0, 25.0, 25.0];
    for (got, want) in results.iter().zip(want) {
        assert!((got - want).abs() < 1e-6, "{results:?}");
    }
}

#[test]
fn an_image_is_cropped_by_borders_or_to_a_size() {
    let net = |size: &[i64]| {
        let crop = node("Crop", "x", "y").ints("border", &[1, 0, 1, 2]);
        let crop = match size {
            [] => crop,
            _ => crop.ints("scale", size),
        };
        Net::new(3).input("x", F32, "1 1 h w").node(crop).node(
            node("ImageScaler", "y", "z")
                .floats("bias", &[0.5])
                .float("scale", 2.0),
        )
    };
    let x: Vec<f32> = (0..12).map(|value| value as f32).collect();
    let x = [floats(&[1, 1, 3, 4], &x)];
    assert_eq!(run(net(&[]), "z", &x), [[2.5, 4.5]]);
    assert_eq!(run(net(&[2, 1]), "z", &x), [[2.5, 10.5]]);
}

#[test]
fn signed_numbers_shift_with_their_sign() {
    let net = |direction: &str| {
        Net::new(28)
            .input("x", I64, "5")
            .input("n", I64, "5")
            .node(node("BitShift", "x n", "y").string("direction", direction))
    };
    let inputs = [
        ints(&[5], &[-9, 9, -1, 4, 3]),
        ints(&[5], &[1, 1, 64, -1, 62]),
    ];
    assert_eq!(
        run(net("RIGHT"), "y", &inputs),
        [[-5.0, 4.0, -1.0, 0.0, 0.0]]
    );
    assert_eq!(
        run(net("LEFT"), "y", &inputs),
        [[-18.0, 18.0, 0.0, 0.0, -(2f64.powi(62))]]
    );
}

#[test]
fn a_causal_convolution_carries_its_state() {
    let net = Net::new(27)
        .input("x", F32, "1 1 t")
        .input("w", F32, "1 1 3")
        .input("b", F32, "1")
        .input("s", F32, "1 1 2")
        .node(node("CausalConvWithState", "x w b s", "y state"));
    let inputs = [
        floats(&[1, 1, 1], &[5.0]),
        floats(&[1, 1, 3], &[100.0, 10.0, 1.0]),
        floats(&[1], &[0.5]),
        floats(&[1, 1, 2], &[3.0, 4.0]),
    ];
    assert_eq!(run(net, "y state", &inputs).concat(), [345.5, 4.0, 5.0]);
}
