//! Random numbers by Philox 4x32-10, as [`RandomKind`] states.

use super::call::Call;
use crate::error::Result;
use crate::tensor::Tensor;
use graphc_base::{DType, Real};
use graphc_ir::op::RandomKind;

/// Multipliers and key increments of Philox 4x32 (Salmon et al. 2011, table 2 and section 3.1).
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const KEY_STEPS: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const N_ROUNDS: usize = 10;

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..N_ROUNDS {
        let first = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let second = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [
            key[0].wrapping_add(KEY_STEPS[0]),
            key[1].wrapping_add(KEY_STEPS[1]),
        ];
    }
    counter
}

/// The number in [0, 1) of one element.
fn unit(seed: Real, instance: u32, element: u64) -> f64 {
    let bits = seed.get().to_bits();
    let block = element / 4;
    let counter = [block as u32, (block >> 32) as u32, instance, 0];
    let words = philox(counter, [bits as u32, (bits >> 32) as u32]);
    f64::from(words[(element % 4) as usize] >> 8) * 2f64.powi(-24)
}

pub(super) fn random(
    call: &Call<'_>,
    kind: RandomKind,
    dtype: DType,
    seed: Real,
    instance: u32,
) -> Result<Tensor> {
    let shape = call.out_shape(0)?;
    let n: usize = shape.iter().product();
    let unit = |element: u64| unit(seed, instance, element);
    let values: Vec<f64> = (0..n as u64)
        .map(|element| match kind {
            RandomKind::Uniform { low, high } => {
                low.get() + (high.get() - low.get()) * unit(element)
            }
            RandomKind::Normal { mean, scale } => {
                let radius = (-2.0 * (1.0 - unit(element & !1)).ln()).sqrt();
                let angle = std::f64::consts::TAU * unit(element | 1);
                let wave = if element % 2 == 0 {
                    angle.cos()
                } else {
                    angle.sin()
                };
                mean.get() + scale.get() * radius * wave
            }
        })
        .collect();
    Tensor::from_f64(dtype, &shape, &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Known answers of the Random123 library, file kat_vectors.
    #[test]
    fn philox_gives_the_known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn units_fill_the_interval_and_differ_by_instance() {
        let units: Vec<f64> = (0..1000).map(|i| unit(Real::new(7.0), 0, i)).collect();
        assert!(units.iter().all(|u| (0.0..1.0).contains(u)));
        let mean = units.iter().sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        assert_ne!(units[0], unit(Real::new(7.0), 1, 0));
        assert_ne!(units[0], unit(Real::new(8.0), 0, 0));
    }
}
