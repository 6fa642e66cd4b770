//! From the arguments to something that runs: options checked, models compiled, artifacts opened.

use crate::args::{CompileOptionArgs, DeviceArgs, InputArgs};
use crate::progress::Reporter;
use crate::values::{Device, Precision};
use anyhow::{Context, Result, bail};
use graphc::random::random_inputs;
use graphc::runtime::{Artifact, Session, SessionOptions, Value};
use graphc::sizes::{Sizes, settle};
use graphc::{CompileOptions, compile_in_passing, npz};
use std::path::Path;
use std::time::Instant;

/// What the compilation options mean to this version.
///
/// # Errors
/// For each option whose value this version cannot do: none is passed over in silence.
pub(crate) fn compile_options(args: &CompileOptionArgs) -> Result<CompileOptions> {
    if let Some(target) = &args.target
        && target.0 != "cpu"
    {
        bail!(
            "--target {}: this version compiles for cpu only; see `graphc doctor`",
            target.0
        );
    }
    if let Some(precision) = args.precision
        && precision != Precision::Fp32
    {
        let name = format!("{precision:?}").to_lowercase();
        bail!("--precision {name}: this version computes in the model's own precision only (fp32)");
    }
    let later = [
        (
            "--calibrate",
            args.calibrate.is_some(),
            "quantises no model",
        ),
        (
            "--calibrator",
            args.calibrator.is_some(),
            "quantises no model",
        ),
        (
            "--max-error",
            args.max_error.is_some(),
            "lowers no precision",
        ),
        (
            "--tune",
            args.tune.is_some(),
            "chooses kernels without measuring",
        ),
        (
            "--memory-budget",
            args.memory_budget.is_some(),
            "plans for the least memory already, without a budget",
        ),
    ];
    for (option, is_given, why) in later {
        if is_given {
            bail!("{option} is not supported: this version {why}");
        }
    }
    let mut options = CompileOptions::default();
    for dim in &args.dims {
        let range = (dim.lo, dim.hi);
        if options.dims.insert(dim.name.clone(), range).is_some() {
            bail!("--dim {} is given twice", dim.name);
        }
    }
    if let Some(level) = args.opt_level {
        options.opt_level = level;
    }
    options.dump.clone_from(&args.dump);
    Ok(options)
}

/// Refuses compilation options where there is nothing to compile.
fn require_no_compilation(args: &CompileOptionArgs, path: &Path) -> Result<()> {
    let given = [
        ("--target", args.target.is_some()),
        ("--precision", args.precision.is_some()),
        ("--calibrate", args.calibrate.is_some()),
        ("--calibrator", args.calibrator.is_some()),
        ("--max-error", args.max_error.is_some()),
        ("--opt-level", args.opt_level.is_some()),
        ("--tune", args.tune.is_some()),
        ("--verify", args.verify),
        ("--dump", args.dump.is_some()),
        ("--stop-after", args.stop_after.is_some()),
        ("--memory-budget", args.memory_budget.is_some()),
    ];
    let names: Vec<&str> = given
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| *name)
        .collect();
    if !names.is_empty() {
        bail!(
            "{} needs a model; {} is compiled already",
            names.join(", "),
            path.display()
        );
    }
    Ok(())
}

/// Something that runs.
pub(crate) struct Loaded {
    pub(crate) session: Session,
    /// Sizes that the user gave for dims that the program leaves open.
    pub(crate) given: Sizes,
    /// How long compilation took, where there was one.
    pub(crate) compile_ms: Option<f64>,
    /// How long it took to open the artifact and make it ready.
    pub(crate) load_ms: f64,
    pub(crate) threads: usize,
}

/// Opens an artifact, or compiles a model.
pub(crate) fn load(
    path: &Path,
    options: &CompileOptionArgs,
    device: Option<&DeviceArgs>,
) -> Result<Loaded> {
    require_device(device.and_then(|device| device.device))?;
    graphc::whole_file::require_file(path)?;
    let threads = device.and_then(|device| device.threads).map(usize::from);
    let threads =
        threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if Artifact::is_artifact(path) {
        require_no_compilation(options, path)?;
        let mut given = Sizes::new();
        for dim in &options.dims {
            if dim.lo != dim.hi {
                bail!(
                    "--dim {}: an artifact runs at one size, not at a range",
                    dim.name
                );
            }
            if given.insert(dim.name.clone(), dim.lo).is_some() {
                bail!("--dim {} is given twice", dim.name);
            }
        }
        let started = Instant::now();
        let session = session(Artifact::open(path)?, threads)?;
        return Ok(Loaded {
            session,
            given,
            compile_ms: None,
            load_ms: started.elapsed().as_secs_f64() * 1e3,
            threads,
        });
    }
    if options.stop_after.is_some() {
        bail!("--stop-after goes with compile and inspect, which do not run the model");
    }
    let compile_options = compile_options(options)?;
    let mut reporter = Reporter::quiet_unless_terminal();
    let started = Instant::now();
    let (artifact, _) = compile_in_passing(path, &compile_options, &mut |progress| {
        reporter.tell(progress)
    })?;
    reporter.finish();
    let compile_ms = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    let session = session(artifact, threads)?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    if options.verify {
        let graph = graphc::import_model(path, &compile_options)?;
        crate::commands::compile::require_verified(&graph, &session)?;
    }
    let is_open = |name: &String| {
        session
            .program()
            .symbols
            .iter()
            .any(|symbol| symbol.name == *name)
    };
    Ok(Loaded {
        // A dim that was fixed is no dim of the program any more.
        given: options
            .dims
            .iter()
            .filter(|dim| dim.lo == dim.hi && is_open(&dim.name))
            .map(|dim| (dim.name.clone(), dim.lo))
            .collect(),
        session,
        compile_ms: Some(compile_ms),
        load_ms,
        threads,
    })
}

fn session(artifact: Artifact, threads: usize) -> Result<Session> {
    let options = SessionOptions {
        threads,
        ..SessionOptions::default()
    };
    Ok(Session::with_options(artifact, options)?)
}

/// Refuses devices that this version cannot run on.
fn require_device(device: Option<Device>) -> Result<()> {
    let (name, target) = match device {
        None | Some(Device::Cpu) => return Ok(()),
        Some(Device::Cuda(number)) => (format!("cuda:{number}"), "cuda"),
        Some(Device::Sim) => bail!("--device sim: this version has no simulator; use --device cpu"),
    };
    let machine = graphc::machine();
    let missing = machine.targets.iter().find(|found| found.name == target);
    let missing = missing.map_or_else(String::new, |found| found.missing.join("; "));
    bail!("--device {name}: {missing}")
}

/// Inputs of a program's first entry, from a file or at random at the hints' sizes.
pub(crate) fn inputs(loaded: &Loaded, args: &InputArgs, seed: u64) -> Result<Vec<(String, Value)>> {
    let program = loaded.session.program();
    let entry = program
        .entries
        .first()
        .context("the program has no entry")?;
    match &args.inputs {
        Some(path) => {
            if !loaded.given.is_empty() && loaded.compile_ms.is_none() {
                bail!("--dim goes with inputs made at random; those of a file have their sizes");
            }
            let wanted = |name: &str| {
                let port = entry.inputs.iter().find(|port| port.name == name)?;
                port.ty.as_tensor().map(|(dtype, _)| dtype)
            };
            Ok(npz::read_as(path, &wanted)?.into_iter().collect())
        }
        None => {
            let sizes = sizes(loaded)?;
            random_inputs(program, entry, &sizes, seed)
        }
    }
}

/// Sizes for all open dims: as given, else the hints.
pub(crate) fn sizes(loaded: &Loaded) -> Result<Sizes> {
    settle(loaded.session.program(), &loaded.given, &|_, hint| hint)
}
