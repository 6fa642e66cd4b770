//! Which instruction set kernels are compiled for, chosen at run time.
//!
//! Guarantees that an [`Isa`] names instructions that this processor has: it cannot be made otherwise.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    Portable,
    Avx2,
    Avx512,
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Isa(Level);

impl Isa {
    /// Code for any processor of the architecture.
    pub const PORTABLE: Isa = Isa(Level::Portable);

    /// The widest set.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::PORTABLE)
    }

    /// All sets that this processor has, the narrowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::all().into_iter().flatten()
    }

    fn all() -> [Option<Self>; 3] {
        [
            Some(Self::PORTABLE),
            has_avx2().then_some(Self(Level::Avx2)),
            has_avx512().then_some(Self(Level::Avx512)),
        ]
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        })
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

/// What code may rely on that [`per_isa`] compiles several times.
pub(crate) trait Target {
    /// Whether a fused multiply-add is one instruction.
    const FUSED: bool;
}

/// Any processor.
pub(crate) struct Baseline;
impl Target for Baseline {
    const FUSED: bool = false;
}

/// A processor with fused multiply-add.
pub(crate) struct Fused;
impl Target for Fused {
    const FUSED: bool = true;
}

/// `a · b + c`, fused where that is one instruction.
#[inline(always)]
pub(crate) fn fma<I: Target>(a: f32, b: f32, c: f32) -> f32 {
    if I::FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Compiles a body, `#[inline(always)]` and generic over [`Target`] first, once per instruction set, so that its loops are
/// vectorised for each; the function made takes the [`Isa`] as its first argument and calls the fitting one.
macro_rules! per_isa {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $([$($generic:ident: $bound:path),*])?
        ($($arg:ident: $ty:ty),* $(,)?) $(-> $result:ty)? = $body:ident) => {
        $(#[$meta])*
        $vis fn $name $(<$($generic: $bound),*>)? (isa: $crate::isa::Isa, $($arg: $ty),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2 $(<$($generic: $bound),*>)? ($($arg: $ty),*) $(-> $result)? {
                $body::<$crate::isa::Fused $(, $($generic),*)?>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512 $(<$($generic: $bound),*>)? ($($arg: $ty),*) $(-> $result)? {
                $body::<$crate::isa::Fused $(, $($generic),*)?>($($arg),*)
            }
            match isa.level() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: an `Isa` of this level exists only where the processor has the features.
                $crate::isa::Level::Avx2 => unsafe { avx2 $(::<$($generic),*>)? ($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::isa::Level::Avx512 => unsafe { avx512 $(::<$($generic),*>)? ($($arg),*) },
                _ => $body::<$crate::isa::Baseline $(, $($generic),*)?>($($arg),*),
            }
        }
    };
}
pub(crate) use per_isa;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_set_is_the_last_of_those_available() {
        assert_eq!(Isa::available().next(), Some(Isa::PORTABLE));
        assert_eq!(Isa::available().last(), Some(Isa::best()));
    }
}
