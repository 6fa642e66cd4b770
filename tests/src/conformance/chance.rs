//! Results that chance decides: they are judged by type, and by bounds on their distribution.
//!
//! A backend's random numbers are its own, so that no elements can be expected. What the suite's files hold is one draw
//! from the distribution that must come out.

use anyhow::{Context, Result, bail};
use graphc::tolerance::numbers;
use graphc_onnx::proto::{GraphProto, NodeProto};
use graphc_runtime::{Tensor, Value};

/// How many standard deviations two draws may differ by; six happen once in 10⁹ by chance.
const SIGMAS: f64 = 6.0;

/// Whether a graph, or a subgraph of it, holds an operator that draws random numbers.
pub(super) fn is_random(graph: &GraphProto) -> bool {
    let draws = |node: &NodeProto| match node.op_type.as_str() {
        "Bernoulli" | "Multinomial" => true,
        "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" => true,
        // Only in training mode, which is the third input.
        "Dropout" => node.input.get(2).is_some_and(|name| !name.is_empty()),
        _ => node
            .attribute
            .iter()
            .any(|attribute| attribute.g.as_ref().is_some_and(is_random)),
    };
    graph.node.iter().any(draws)
}

/// Tests whether a result may be a draw from the distribution of `reference`, which is one as well.
///
/// Where the reference holds zeros it is a mask or something masked: the nonzero elements of both agree, and zeros are as
/// frequent. Else both have the same mean and deviation, as far as the number of elements says.
pub(super) fn same_distribution(ours: &Value, reference: &Value) -> Result<()> {
    let (Some(ours), Some(reference)) = (ours.as_tensor(), reference.as_tensor()) else {
        bail!(
            "is {}, {} is expected",
            ours.describe(),
            reference.describe()
        );
    };
    if ours.dtype() != reference.dtype() || ours.shape() != reference.shape() {
        let show = |tensor: &Tensor| format!("{}{:?}", tensor.dtype(), tensor.shape());
        bail!("is {}, {} is expected", show(ours), show(reference));
    }
    let (y, r) = (numbers(ours), numbers(reference));
    if let Some(index) = y.iter().position(|y| !y.is_finite()) {
        bail!("element {index} is {}", y[index]);
    }
    if r.contains(&0.0) {
        masked_alike(&y, &r)
    } else {
        moments_alike(&y, &r)
    }
}

fn masked_alike(y: &[f64], r: &[f64]) -> Result<()> {
    let differs = |(y, r): (&f64, &f64)| *y != 0.0 && *r != 0.0 && (y - r).abs() > 1e-3 * r.abs();
    if let Some(index) = y.iter().zip(r).position(differs) {
        bail!(
            "element {index} is {}, 0 or {} is expected",
            y[index],
            r[index]
        );
    }
    let n = r.len() as f64;
    let n_zeros = |elements: &[f64]| elements.iter().filter(|&&x| x == 0.0).count() as f64;
    let (ours, reference) = (n_zeros(y), n_zeros(r));
    // The variance of the difference of two counts is at most n/2; small counts move by whole elements.
    let bound = SIGMAS * (n / 2.0).sqrt() + 1.0;
    if (ours - reference).abs() > bound {
        bail!("{ours} of {n} elements are 0, about {reference} are expected");
    }
    Ok(())
}

fn moments_alike(y: &[f64], r: &[f64]) -> Result<()> {
    let n = r.len() as f64;
    let moments = |elements: &[f64]| {
        let mean = elements.iter().sum::<f64>() / n;
        let variance = elements
            .iter()
            .map(|x| (x - mean) * (x - mean))
            .sum::<f64>()
            / n;
        (mean, variance.sqrt())
    };
    let ((our_mean, our_deviation), (mean, deviation)) = (moments(y), moments(r));
    let bound = SIGMAS * deviation * (2.0 / n).sqrt();
    let is_alike =
        (our_mean - mean).abs() <= bound && (our_deviation - deviation).abs() <= bound.max(0.1);
    is_alike.then_some(()).with_context(|| {
        format!(
            "mean {our_mean} and deviation {our_deviation}, about {mean} and {deviation} are expected"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphc_runtime::DType;

    fn alike(ours: &[f32], reference: &[f32]) -> bool {
        let value = |elements: &[f32]| -> Value {
            Tensor::from_elements(DType::F32, &[elements.len()], elements)
                .expect("as many as the shape")
                .into()
        };
        same_distribution(&value(ours), &value(reference)).is_ok()
    }

    /// Ones but for one zero in `step` elements, counted from `first`.
    fn mask(first: usize, step: usize) -> Vec<f32> {
        (0..1000)
            .map(|i| f32::from(u8::from(i % step != first)))
            .collect()
    }

    #[test]
    fn masks_are_alike_where_their_rates_are() {
        assert!(alike(&mask(1, 4), &mask(0, 4)));
        assert!(!alike(&mask(0, 2), &mask(0, 10)));
        assert!(!alike(
            &mask(0, 4).iter().map(|x| x * 2.0).collect::<Vec<_>>(),
            &mask(1, 4)
        ));
        assert!(!alike(&[f32::NAN; 4], &[0.0, 1.0, 1.0, 1.0]));
    }

    #[test]
    fn draws_are_alike_where_their_moments_are() {
        let ramp = |low: f32, high: f32| -> Vec<f32> {
            (1..1000)
                .map(|i| low + (high - low) * i as f32 / 1000.0)
                .collect()
        };
        assert!(alike(&ramp(0.0, 1.02), &ramp(0.0, 1.0)));
        assert!(!alike(&ramp(1.0, 2.0), &ramp(0.0, 1.0)));
        assert!(!alike(&ramp(-9.0, 10.0), &ramp(0.0, 1.0)));
        assert!(!alike(&ramp(0.0, 1.0)[1..], &ramp(0.0, 1.0)));
    }
}
