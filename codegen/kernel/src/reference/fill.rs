//! Kernels without operands: dims as data, counting, random numbers.

use super::scalar::{Scalar, round_to, store};
use super::{Call, KernelError};
use graphc_base::attrs::RandomKind;
use graphc_base::{DType, Dim, Real};

pub(super) fn dims(call: &mut Call<'_, '_>, dims: &[Dim]) -> Result<(), KernelError> {
    call.arity(0..=0, 1)?;
    let y = call.output(0)?;
    call.ensure(
        y.n_elements() == dims.len() && y.dtype == DType::I64,
        "shape differs",
    )?;
    for (position, dim) in dims.iter().enumerate() {
        let value = dim
            .as_const()
            .ok_or_else(|| call.error("a dim is not bound"))?;
        store(call.outputs[0], DType::I64, position, Scalar::Int(value));
    }
    Ok(())
}

pub(super) fn iota(call: &mut Call<'_, '_>) -> Result<(), KernelError> {
    call.arity(0..=0, 1)?;
    let y = call.output(0)?;
    for position in 0..y.n_elements() {
        let value = if y.dtype.is_float() {
            Scalar::Float(position as f64)
        } else {
            Scalar::Int(position as i64)
        };
        store(call.outputs[0], y.dtype, position, round_to(y.dtype, value));
    }
    Ok(())
}

/// Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let product0 = u64::from(counter[0]) * 0xD251_1F53;
        let product1 = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (product1 >> 32) as u32 ^ counter[1] ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ counter[3] ^ key[1],
            product0 as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

/// Element `i` draws from the block of counter `[i, i >> 32, instance, 0]` under the key of the seed's bits: uniforms are
/// `(word0 >> 8) · 2⁻²⁴`, normals come by Box and Muller from words 0 and 1.
pub(super) fn random(
    call: &mut Call<'_, '_>,
    kind: RandomKind,
    seed: Real,
    instance: u32,
) -> Result<(), KernelError> {
    call.arity(0..=0, 1)?;
    let y = call.output(0)?;
    let bits = seed.get().to_bits();
    let key = [bits as u32, (bits >> 32) as u32];
    for position in 0..y.n_elements() {
        let words = philox(
            [position as u32, (position as u64 >> 32) as u32, instance, 0],
            key,
        );
        let unit = |word: u32| f64::from(word >> 8) / f64::from(1 << 24);
        let value = match kind {
            RandomKind::Uniform { low, high } => {
                low.get() + (high.get() - low.get()) * unit(words[0])
            }
            RandomKind::Normal { mean, scale } => {
                let radius = (-2.0 * (1.0 - unit(words[0])).ln()).sqrt();
                mean.get() + scale.get() * radius * (std::f64::consts::TAU * unit(words[1])).cos()
            }
        };
        store(
            call.outputs[0],
            y.dtype,
            position,
            round_to(y.dtype, Scalar::Float(value)),
        );
    }
    Ok(())
}
