//! Storage floats against their definitions: every pattern, ties, ends of the ranges.

use super::*;

const FLOATS: [DType; 5] = [
    DType::F8E4M3FN,
    DType::F8E4M3FNUZ,
    DType::F8E5M2,
    DType::F8E5M2FNUZ,
    DType::F4E2M1,
];

fn n_codes(dtype: DType) -> u8 {
    ((1u16 << dtype.bits()) - 1) as u8
}

/// Codes of finite magnitudes in rising order.
fn magnitudes(dtype: DType) -> Vec<(u8, f64)> {
    (0..=n_codes(dtype) / 2)
        .map(|code| (code, f64::from(f8_to_f32(dtype, code))))
        .filter(|(_, value)| value.is_finite())
        .collect()
}

#[test]
fn every_code_comes_back_from_its_value() {
    for dtype in FLOATS.into_iter().chain([DType::F8E8M0]) {
        for code in 0..=n_codes(dtype) {
            let value = f8_to_f32(dtype, code);
            for saturate in [false, true] {
                let again = f32_to_f8(dtype, value, saturate);
                if value.is_nan() {
                    assert!(f8_to_f32(dtype, again).is_nan(), "{dtype} {code:#x}");
                } else if value.is_infinite() && saturate {
                    assert_eq!(again, code & 0x80 | 0x7b, "{dtype} {code:#x}");
                } else {
                    assert_eq!(again, code, "{dtype} {code:#x}");
                }
            }
        }
    }
}

#[test]
fn formats_have_their_published_ends() {
    for (dtype, smallest, largest) in [
        (DType::F8E4M3FN, 2f64.powi(-9), 448.0),
        (DType::F8E4M3FNUZ, 2f64.powi(-10), 240.0),
        (DType::F8E5M2, 2f64.powi(-16), 57344.0),
        (DType::F8E5M2FNUZ, 2f64.powi(-17), 57344.0),
        (DType::F4E2M1, 0.5, 6.0),
    ] {
        let values = magnitudes(dtype);
        assert_eq!(values[1].1, smallest, "{dtype}");
        assert_eq!(values.last().map(|last| last.1), Some(largest), "{dtype}");
    }
    let e2m1: Vec<f64> = magnitudes(DType::F4E2M1).into_iter().map(|x| x.1).collect();
    assert_eq!(e2m1, [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]);
}

#[test]
fn values_between_two_codes_round_to_the_nearer_and_ties_to_even() {
    for dtype in FLOATS {
        for pair in magnitudes(dtype).windows(2) {
            let [(low, a), (high, b)] = [pair[0], pair[1]];
            let middle = (a + b) / 2.0;
            let even = if low & 1 == 0 { low } else { high };
            assert_eq!(f64_to_f8(dtype, middle, false), even, "{dtype} {middle}");
            assert_eq!(
                f32_to_f8(dtype, middle as f32, true),
                even,
                "{dtype} {middle}"
            );
            // Closer to the middle than any f32: a detour over f32 would make it a tie.
            assert_eq!(
                f64_to_f8(dtype, middle.next_down(), false),
                low,
                "{dtype} {middle}"
            );
            assert_eq!(
                f64_to_f8(dtype, middle.next_up(), false),
                high,
                "{dtype} {middle}"
            );
            let below = (middle as f32).next_down();
            let above = (middle as f32).next_up();
            assert_eq!(f32_to_f8(dtype, below, false), low, "{dtype} {middle}");
            assert_eq!(f32_to_f8(dtype, above, false), high, "{dtype} {middle}");
        }
    }
}

#[test]
fn negative_values_mirror_positive_ones() {
    for dtype in FLOATS {
        for (code, value) in magnitudes(dtype).into_iter().skip(1) {
            let sign = n_codes(dtype) / 2 + 1;
            assert_eq!(
                f64_to_f8(dtype, -value, true),
                code | sign,
                "{dtype} {value}"
            );
        }
    }
}

/// The rows of ONNX Cast's tables: NaN, -0, infinity, a large value, the last that still rounds down, minus infinity.
#[test]
fn special_values_follow_the_tables_of_onnx_cast() {
    const NAN_SIGN: u8 = 0x80;
    let inf = f32::INFINITY;
    for (dtype, saturate, nan, minus_zero, infinity, minus_infinity) in [
        (DType::F8E4M3FN, true, 0x7f, NAN_SIGN, 0x7e, 0xfe),
        (DType::F8E4M3FN, false, 0x7f, NAN_SIGN, 0x7f, 0xff),
        (DType::F8E4M3FNUZ, true, 0x80, 0x00, 0x7f, 0xff),
        (DType::F8E4M3FNUZ, false, 0x80, 0x00, 0x80, 0x80),
        (DType::F8E5M2, true, 0x7f, NAN_SIGN, 0x7b, 0xfb),
        (DType::F8E5M2, false, 0x7f, NAN_SIGN, 0x7c, 0xfc),
        (DType::F8E5M2FNUZ, true, 0x80, 0x00, 0x7f, 0xff),
        (DType::F8E5M2FNUZ, false, 0x80, 0x00, 0x80, 0x80),
        (DType::F4E2M1, true, 0x8, 0x8, 0x7, 0xf),
        (DType::F4E2M1, false, 0x8, 0x8, 0x7, 0xf),
    ] {
        let cast = |value| f32_to_f8(dtype, value, saturate);
        assert_eq!(cast(f32::NAN), nan, "{dtype}");
        assert_eq!(cast(-0.0), minus_zero, "{dtype}");
        assert_eq!(cast(-1e-30), minus_zero, "{dtype}");
        assert_eq!(cast(inf), infinity, "{dtype}");
        assert_eq!(cast(1e6), infinity, "{dtype}");
        assert_eq!(cast(f32::MAX), infinity, "{dtype}");
        assert_eq!(cast(-inf), minus_infinity, "{dtype}");
        assert_eq!(cast(-1e6), minus_infinity, "{dtype}");
        assert_eq!(cast(f32::from_bits(1)), 0, "{dtype}");
    }
}

#[test]
fn overflow_starts_where_the_rounded_value_passes_the_largest() {
    // Halfway between the largest code and the next that the format would have; the tie goes to the even one.
    for (dtype, middle, at_middle) in [
        (DType::F8E4M3FN, 464.0f64, 0x7e),
        (DType::F8E4M3FNUZ, 248.0, 0x80),
        (DType::F8E5M2, 61440.0, 0x7c),
        (DType::F8E5M2FNUZ, 61440.0, 0x80),
    ] {
        let overflow = f64_to_f8(dtype, f64::MAX, false);
        let largest = f64_to_f8(dtype, f64::MAX, true);
        assert_eq!(
            f64_to_f8(dtype, middle.next_down(), false),
            largest,
            "{dtype}"
        );
        assert_eq!(f64_to_f8(dtype, middle, false), at_middle, "{dtype}");
        assert_eq!(
            f64_to_f8(dtype, middle.next_up(), false),
            overflow,
            "{dtype}"
        );
        assert_eq!(f64_to_f8(dtype, middle.next_up(), true), largest, "{dtype}");
    }
}

#[test]
fn powers_of_two_round_by_their_mode() {
    use PowerRounding::{Down, Nearest, Up};
    for (value, rounding, code) in [
        (1.0, Up, 127),
        (1.0000001, Up, 128),
        (1.0000001, Nearest, 127),
        (1.25, Up, 128),
        (1.9, Down, 127),
        (1.5, Nearest, 128),
        (1.4999999, Nearest, 127),
        (0.124, Up, 124),
        (-2.0, Up, 128),
        (2f64.powi(-127), Down, 0),
        (2f64.powi(127), Up, 254),
    ] {
        for saturate in [false, true] {
            assert_eq!(
                f64_to_e8m0(value, saturate, rounding),
                code,
                "{value} {rounding:?}"
            );
        }
    }
    for (value, saturated) in [
        (0.0, 0),
        (1e-300, 0),
        (1e300, 254),
        (f64::from(f32::MAX), 254),
        (f64::INFINITY, 254),
        (f64::NAN, 255),
    ] {
        for rounding in [Up, Down, Nearest] {
            assert_eq!(f64_to_e8m0(value, true, rounding), saturated, "{value}");
            assert_eq!(f64_to_e8m0(value, false, rounding), 255, "{value}");
        }
    }
}

#[test]
fn packed_elements_start_in_the_low_bits_and_leave_their_neighbours() {
    let mut bytes = [0u8; 3];
    for (idx, value) in [0x1, 0xf, 0x8, 0x3, 0x7].into_iter().enumerate() {
        set_packed(&mut bytes, 4, idx, value);
    }
    assert_eq!(bytes, [0xf1, 0x38, 0x07]);
    set_packed(&mut bytes, 4, 1, 0x25);
    assert_eq!(bytes, [0x51, 0x38, 0x07]);
    assert_eq!(
        (0..6)
            .map(|idx| get_packed(&bytes, 4, idx))
            .collect::<Vec<_>>(),
        [1, 5, 8, 3, 7, 0]
    );
    assert_eq!(
        (0..4)
            .map(|idx| get_packed(&[0b11_01_00_10], 2, idx))
            .collect::<Vec<_>>(),
        [2, 0, 1, 3]
    );
}

#[test]
fn sign_extension_reads_the_top_bit() {
    assert_eq!(
        (0..16).map(|x| sign_extend(x, 4)).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]
    );
    assert_eq!(
        (0..4).map(|x| sign_extend(x, 2)).collect::<Vec<_>>(),
        [0, 1, -2, -1]
    );
    assert_eq!(sign_extend(0x80, 8), -128);
}
