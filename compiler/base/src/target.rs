//! What a target can do, as far as the compiler's choices depend on it: the numbers of its cost model.
//!
//! Peaks and bandwidths are the vendor's published dense figures; nothing here looks at the machine that compiles.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What kind of machine code a target runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum TargetKind {
    /// The CPU that runs the program; its vector width is chosen at run time.
    Cpu,
    /// An NVIDIA GPU.
    Cuda {
        /// Compute capability times ten: 80 for 8.0.
        sm: u32,
        /// Whether instructions of exactly this architecture are used (`sm_90a`), which no later one runs.
        feature_a: bool,
    },
}

/// A target and the numbers that cost estimates take from it.
///
/// Rates of multiply-add count two operations. Matrix-unit rates are dense and accumulate in 32 bits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TargetInfo {
    /// As it is written on the command line: `cpu`, `cuda:sm_90a`.
    pub name: String,
    /// What it runs.
    pub kind: TargetKind,
    /// `f32` on the ordinary units, in 10⁹ operations a second.
    pub peak_f32_gflops: u64,
    /// `f16` and `bf16` on matrix units where there are any, in 10⁹ operations a second.
    pub peak_f16_gflops: u64,
    /// `f32` rounded to 10 mantissa bits on matrix units; the peak of `f32` where there are none.
    pub peak_tf32_gflops: u64,
    /// 8-bit integers with 32-bit sums, in 10⁹ operations a second.
    pub peak_int8_gops: u64,
    /// Main memory, in 10⁹ bytes a second.
    pub bandwidth_gb_s: u64,
    /// From the end of one kernel to the start of the next, in nanoseconds.
    pub launch_ns: u64,
    /// Shared memory that one block may ask for; on the CPU the L2 cache of a core.
    pub shared_bytes_per_block: u64,
    /// 32-bit registers that one thread may have; on the CPU 32-bit lanes of all vector registers.
    pub registers_per_thread: u32,
    /// Widest load of one thread.
    pub vector_bytes: u32,
    /// Multiprocessors or cores.
    pub n_units: u32,
}

/// The architecture of `cuda` alone in an estimate: the oldest that code is made for.
const DEFAULT_SM: u32 = 80;

impl TargetInfo {
    /// A present-day desktop CPU: 8 cores with 256-bit vectors at 3 GHz, two channels of memory.
    pub fn cpu_generic() -> Self {
        Self {
            name: "cpu".to_owned(),
            kind: TargetKind::Cpu,
            // 8 cores · 3 GHz · 2 multiply-add units · 8 lanes · 2 operations
            peak_f32_gflops: 768,
            peak_f16_gflops: 768,
            peak_tf32_gflops: 768,
            peak_int8_gops: 1_536,
            bandwidth_gb_s: 50,
            launch_ns: 2_000,
            shared_bytes_per_block: 1 << 20,
            registers_per_thread: 128,
            vector_bytes: 32,
            n_units: 8,
        }
    }

    /// The GPU whose figures stand for a compute capability (times ten), or `None` for one that is not supported.
    ///
    /// 80: A100-SXM 40 GB. 86: RTX 3090. 89: RTX 4090. 90: H100-SXM, with its own instructions. 100: B200, 120: RTX 5090.
    pub fn cuda(sm: u32) -> Option<Self> {
        let (f32, f16, tf32, int8, bandwidth, shared_kib, n_units) = match sm {
            80 => (19_500, 312_000, 156_000, 624_000, 1_555, 163, 108),
            86 => (35_600, 71_000, 35_600, 284_000, 936, 99, 82),
            89 => (82_600, 165_200, 82_600, 660_600, 1_008, 99, 128),
            90 => (66_900, 989_400, 494_700, 1_978_900, 3_350, 227, 132),
            100 => (75_000, 2_250_000, 1_125_000, 4_500_000, 8_000, 227, 148),
            120 => (104_800, 209_500, 104_800, 838_000, 1_792, 99, 170),
            _ => return None,
        };
        let feature_a = sm == 90;
        let suffix = if feature_a { "a" } else { "" };
        Some(Self {
            name: format!("cuda:sm_{sm}{suffix}"),
            kind: TargetKind::Cuda { sm, feature_a },
            peak_f32_gflops: f32,
            peak_f16_gflops: f16,
            peak_tf32_gflops: tf32,
            peak_int8_gops: int8,
            bandwidth_gb_s: bandwidth,
            // Kernels of one captured graph follow each other at about this distance.
            launch_ns: 2_500,
            shared_bytes_per_block: shared_kib << 10,
            registers_per_thread: 255,
            vector_bytes: 16,
            n_units,
        })
    }

    /// Compute capabilities (times ten) that [`TargetInfo::cuda`] knows.
    pub const CUDA_ARCHITECTURES: [u32; 6] = [80, 86, 89, 90, 100, 120];
}

impl fmt::Display for TargetInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A target that is not known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "target `{0}` is unknown, expected cpu, cuda or one of cuda:sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100, sm_120"
)]
pub struct UnknownTarget(pub String);

impl FromStr for TargetInfo {
    type Err = UnknownTarget;

    /// `cpu`, `cuda`, `cuda:sm_80`, `cuda:sm_90a`. `sm_90` is an H100 without the instructions of its own.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<TargetInfo> {
    match text {
        "cpu" => return Some(TargetInfo::cpu_generic()),
        "cuda" => return TargetInfo::cuda(DEFAULT_SM),
        _ => {}
    }
    let sm = text.strip_prefix("cuda:sm_")?;
    let known = |digits: &str| {
        TargetInfo::CUDA_ARCHITECTURES
            .into_iter()
            .find(|sm| sm.to_string() == digits)
            .and_then(TargetInfo::cuda)
    };
    match sm.strip_suffix('a') {
        Some(digits) => known(digits).filter(|info| {
            matches!(
                info.kind,
                TargetKind::Cuda {
                    feature_a: true,
                    ..
                }
            )
        }),
        None => {
            let mut info = known(sm)?;
            if let TargetKind::Cuda { feature_a, .. } = &mut info.kind {
                *feature_a = false;
            }
            info.name = text.to_owned();
            Some(info)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        let gpus = TargetInfo::CUDA_ARCHITECTURES
            .into_iter()
            .filter_map(TargetInfo::cuda);
        let mut n_gpus = 0;
        for info in gpus
            .inspect(|_| n_gpus += 1)
            .chain([TargetInfo::cpu_generic()])
        {
            assert_eq!(info.name.parse(), Ok(info));
        }
        assert_eq!(n_gpus, TargetInfo::CUDA_ARCHITECTURES.len());
    }

    #[test]
    fn the_suffix_a_says_whether_own_instructions_are_used() {
        let kind = |text: &str| text.parse::<TargetInfo>().map(|info| info.kind);
        let cuda = |sm, feature_a| Ok(TargetKind::Cuda { sm, feature_a });
        assert_eq!(kind("cuda:sm_90a"), cuda(90, true));
        assert_eq!(kind("cuda:sm_90"), cuda(90, false));
        assert_eq!(kind("cuda"), cuda(80, false));
        assert_eq!(kind("cpu"), Ok(TargetKind::Cpu));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "gpu",
            "cuda:",
            "cuda:sm_",
            "cuda:sm_80a",
            "cuda:sm_080",
            "cuda:sm_70",
            "CPU",
            "cuda:90",
        ] {
            assert_eq!(
                text.parse::<TargetInfo>(),
                Err(UnknownTarget(text.to_owned()))
            );
        }
    }
}
