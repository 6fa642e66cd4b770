//! Memory of an artifact's `main`, as predicted and as a run on zeros takes it: `memory MODEL.gcx batch=1 seq=16`.
//!
//! Dims that are not given are 1 where an input has them; dims that the model lacks are passed over. With `--predict`
//! nothing runs; with `--poison` a run whose memory is overwritten outside lifetimes must give the same results.

use graphc_base::EntityId;
use graphc_runtime::{DType, InputRef, RunError, Session, SessionOptions, Tensor};
use std::time::Instant;

fn main() -> Result<(), RunError> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let only_predict = arguments.iter().any(|argument| argument == "--predict");
    let poison = arguments.iter().any(|argument| argument == "--poison");
    arguments.retain(|argument| !argument.starts_with("--"));
    let started = Instant::now();
    let session = Session::load(arguments.first().map_or("model.gcx", String::as_str))?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let mut dims: Vec<(&str, i64)> = arguments
        .iter()
        .skip(1)
        .filter_map(|argument| argument.split_once('='))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect();
    let program = session.program();
    dims.retain(|(name, _)| program.symbols.iter().any(|symbol| symbol.name == *name));
    let Some(entry) = program.entries.iter().find(|entry| entry.name == "main") else {
        return Ok(());
    };
    let mut tensors: Vec<Tensor> = Vec::new();
    for port in &entry.inputs {
        let (dtype, shape) = port.ty.as_tensor().unwrap_or((DType::F32, &[]));
        let mut sizes = Vec::new();
        for dim in shape {
            dim.visit_symbols(&mut |symbol| {
                let name = program.symbols[symbol.index()].name.as_str();
                if !dims.iter().any(|(known, _)| *known == name) {
                    dims.push((name, 1.max(program.symbols[symbol.index()].lo)));
                }
            });
            let values: Vec<i64> = program
                .symbols
                .iter()
                .map(|symbol| {
                    let given = dims.iter().find(|(name, _)| *name == symbol.name);
                    given.map_or(1, |(_, value)| *value)
                })
                .collect();
            sizes.push(usize::try_from(dim.eval(&values).unwrap_or(0)).unwrap_or(0));
        }
        tensors.push(Tensor::zeros(dtype, &sizes).unwrap_or_default());
    }
    let plan = session.memory("main", &dims)?;
    let started = Instant::now();
    session.memory("main", &dims)?;
    let replan_ms = started.elapsed().as_secs_f64() * 1e3;
    println!(
        "predicted {} live {} ratio {:.4} exact {} bound {:?} load {load_ms:.1} ms, known plan {replan_ms:.2} ms",
        plan.peak_bytes,
        plan.live_bytes,
        plan.peak_bytes as f64 / plan.live_bytes.max(1) as f64,
        plan.exact,
        plan.bound_bytes,
    );
    if !only_predict {
        let inputs: Vec<(&str, InputRef<'_>)> = entry
            .inputs
            .iter()
            .zip(&tensors)
            .map(|(port, tensor)| (port.name.as_str(), InputRef::from(tensor)))
            .collect();
        let mut state = session.new_state();
        let started = Instant::now();
        let outputs = session.run_refs("main", &inputs, &mut state, None)?;
        let run_ms = started.elapsed().as_secs_f64() * 1e3;
        println!("measured {} run {run_ms:.0} ms", state.peak_bytes());
        if poison {
            let options = SessionOptions { threads: 0, poison };
            let poisoned = Session::with_options(session.artifact().clone(), options)?;
            let again = poisoned.run_refs("main", &inputs, &mut poisoned.new_state(), None)?;
            println!("poison changes the results: {}", again != outputs);
        }
    }
    Ok(())
}
