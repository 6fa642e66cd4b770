//! What this machine has, and what it lacks for a target.

use serde::Serialize;

/// A feature and the question whether it is there.
type Probe = (&'static str, fn() -> bool);

/// Features of x86 processors that kernels may use.
#[cfg(target_arch = "x86_64")]
const CPU_FEATURES: &[Probe] = &[
    ("sse4.2", || std::arch::is_x86_feature_detected!("sse4.2")),
    ("avx2", || std::arch::is_x86_feature_detected!("avx2")),
    ("fma", || std::arch::is_x86_feature_detected!("fma")),
    ("f16c", || std::arch::is_x86_feature_detected!("f16c")),
    ("avxvnni", || std::arch::is_x86_feature_detected!("avxvnni")),
    ("avx512f", || std::arch::is_x86_feature_detected!("avx512f")),
    ("avx512bw", || {
        std::arch::is_x86_feature_detected!("avx512bw")
    }),
    ("avx512vl", || {
        std::arch::is_x86_feature_detected!("avx512vl")
    }),
    ("avx512vnni", || {
        std::arch::is_x86_feature_detected!("avx512vnni")
    }),
    ("avx512bf16", || {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }),
    ("avx512fp16", || {
        std::arch::is_x86_feature_detected!("avx512fp16")
    }),
];

/// Features of ARM processors that kernels may use.
#[cfg(target_arch = "aarch64")]
const CPU_FEATURES: &[Probe] = &[
    ("neon", || std::arch::is_aarch64_feature_detected!("neon")),
    ("fp16", || std::arch::is_aarch64_feature_detected!("fp16")),
    ("dotprod", || {
        std::arch::is_aarch64_feature_detected!("dotprod")
    }),
    ("bf16", || std::arch::is_aarch64_feature_detected!("bf16")),
    ("i8mm", || std::arch::is_aarch64_feature_detected!("i8mm")),
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CPU_FEATURES: &[Probe] = &[];

/// One feature of the processor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// Whether the processor has it and the system lets programs use it.
    pub present: bool,
}

/// The processor and its memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cpu {
    /// Its name, where the system tells.
    pub model: Option<String>,
    /// Its architecture.
    pub arch: &'static str,
    /// Threads that run at once, as far as this process may use them.
    pub threads: usize,
    /// Features that matter to kernels.
    pub features: Vec<Feature>,
    /// Memory of the machine in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Memory that is free for programs, in bytes.
    pub available_bytes: Option<u64>,
}

/// A target and whether it can run here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Whether artifacts for it can be made and run here.
    pub ready: bool,
    /// What is missing and what to do, one each.
    pub missing: Vec<String>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Machine {
    /// Version of graphc.
    pub version: &'static str,
    /// The operating system.
    pub system: &'static str,
    /// The processor.
    pub cpu: Cpu,
    /// The targets.
    pub targets: Vec<Target>,
}

/// Looks at this machine.
pub fn machine() -> Machine {
    Machine {
        version: env!("CARGO_PKG_VERSION"),
        system: std::env::consts::OS,
        cpu: Cpu {
            model: proc_field("/proc/cpuinfo", "model name"),
            arch: std::env::consts::ARCH,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            features: CPU_FEATURES
                .iter()
                .map(|&(name, is_present)| Feature {
                    name,
                    present: is_present(),
                })
                .collect(),
            memory_bytes: proc_kib("MemTotal"),
            available_bytes: proc_kib("MemAvailable"),
        },
        targets: vec![
            Target {
                name: "cpu",
                ready: true,
                missing: Vec::new(),
            },
            Target {
                name: "cuda",
                ready: false,
                missing: missing_for_cuda(),
            },
        ],
    }
}

fn missing_for_cuda() -> Vec<String> {
    let mut missing =
        vec!["this version of graphc has no CUDA target: use --target cpu".to_owned()];
    if !std::path::Path::new("/proc/driver/nvidia/version").exists() {
        missing.push("no NVIDIA driver is loaded".to_owned());
    }
    missing
}

/// A field of a `name : value` file of the system.
fn proc_field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn proc_kib(name: &str) -> Option<u64> {
    let field = proc_field("/proc/meminfo", name)?;
    let kib: u64 = field.strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
