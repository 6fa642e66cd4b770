//! `graphc doctor`.

use crate::output::{bytes, json, line};
use anyhow::Result;

pub(crate) fn run(as_json: bool) -> Result<()> {
    let machine = graphc::machine();
    if as_json {
        return json(&machine);
    }
    let cpu = &machine.cpu;
    line(format_args!(
        "graphc {} on {}",
        machine.version, machine.system
    ))?;
    line(format_args!(
        "processor  {} ({}), {} threads",
        cpu.model.as_deref().unwrap_or("unknown"),
        cpu.arch,
        cpu.threads
    ))?;
    let list = |present: bool| {
        let features = cpu
            .features
            .iter()
            .filter(|feature| feature.present == present);
        let names: Vec<&str> = features.map(|feature| feature.name).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(" "),
        }
    };
    line(format_args!("  has      {}", list(true)))?;
    line(format_args!("  lacks    {}", list(false)))?;
    if let (Some(all), Some(free)) = (cpu.memory_bytes, cpu.available_bytes) {
        line(format_args!(
            "memory     {}, {} of it free",
            bytes(all),
            bytes(free)
        ))?;
    }
    for target in &machine.targets {
        match target.ready {
            true => line(format_args!("target {:<4}  ready", target.name))?,
            false => line(format_args!(
                "target {:<4}  not ready: {}",
                target.name,
                target.missing.join("; ")
            ))?,
        }
    }
    Ok(())
}
