//! Random choices that depend on a seed alone.

/// A stream of random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// Sizes, axes and counts that trip code up.
const ODD: [i64; 24] = [
    -1,
    -2,
    -3,
    -8,
    16,
    17,
    31,
    63,
    64,
    127,
    128,
    255,
    256,
    1000,
    65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 32,
    1 << 40,
    1 << 62,
    i64::MAX - 1,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        (self.bits() % n as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of a list, if it has any.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// Mostly a small number, at times one that trips code up.
    pub fn integer(&mut self) -> i64 {
        match self.below(8) {
            0 => ODD[self.below(ODD.len())],
            1 => -(self.below(5) as i64),
            _ => self.below(6) as i64,
        }
    }

    /// Mostly a plain float, at times one that trips code up.
    pub fn float(&mut self) -> f32 {
        const FLOATS: [f32; 12] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            2.0,
            1e-30,
            1e30,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            1e-45,
        ];
        FLOATS[self.below(FLOATS.len())]
    }
}
