//! `graphc compare`.

use crate::args::CompareArgs;
use crate::model::{compile_options, inputs, load};
use crate::output::{Reported, Table, json, line, names};
use anyhow::{Result, bail};
use graphc::compare::{Row, compare};
use graphc::runtime::Artifact;
use graphc::{CompileOptions, compare_at_small_sizes, import_model};

pub(crate) fn run(args: &CompareArgs, as_json: bool) -> Result<()> {
    graphc::whole_file::require_file(&args.model)?;
    if Artifact::is_artifact(&args.model) {
        bail!(
            "{} is an artifact; the model comes first",
            args.model.display()
        );
    }
    let (loaded, options) = match &args.artifact {
        Some(artifact) => (
            load(artifact, &args.options, Some(&args.device))?,
            CompileOptions::default(),
        ),
        None => (
            load(&args.model, &args.options, Some(&args.device))?,
            compile_options(&args.options)?,
        ),
    };
    let graph = import_model(&args.model, &options)?;
    let (comparison, dims) = match &args.inputs.inputs {
        Some(_) => {
            let given = inputs(&loaded, &args.inputs, args.random)?;
            (
                compare(&graph, &loaded.session, &given, args.per_layer)?,
                None,
            )
        }
        None => {
            let found = compare_at_small_sizes(
                &graph,
                &loaded.session,
                &loaded.given,
                args.random,
                args.per_layer,
            )?;
            (found.comparison, Some(found.dims))
        }
    };
    if as_json {
        let mut report = serde_json::to_value(&comparison)?;
        if let Some(dims) = &dims {
            report["dims"] = serde_json::to_value(dims)?;
        }
        json(&report)?;
    } else {
        if let Some(dims) = dims.filter(|dims| !dims.is_empty()) {
            let dims: Vec<String> = dims
                .iter()
                .map(|(name, size)| format!("{name}={size}"))
                .collect();
            line(format_args!("on random inputs at {}", dims.join(", ")))?;
        }
        if let Some(layers) = &comparison.layers {
            print(layers, "layer")?;
            line(format_args!(
                "{} values of the model live inside kernels and cannot be compared",
                comparison.hidden.unwrap_or(0)
            ))?;
            match layers.iter().find(|row| !row.ok) {
                Some(row) => line(format_args!(
                    "first layer over tolerance: {} ({})",
                    row.name,
                    names(&row.nodes)
                ))?,
                None => line("no layer is over tolerance")?,
            }
            line("")?;
        }
        print(&comparison.outputs, "output")?;
    }
    if comparison.ok {
        return Ok(());
    }
    let over: Vec<String> = comparison
        .outputs
        .iter()
        .filter(|row| !row.ok)
        .map(|row| row.name.clone())
        .collect();
    Err(Reported(format!("over tolerance: {}", names(&over))).into())
}

fn print(rows: &[Row], what: &str) -> Result<()> {
    let mut table = Table::new(&[what, "type", ">error", ">cosine", ">tolerance", "", "nodes"]);
    for row in rows {
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |x| format!("{x:.2e}"));
        table.row([
            row.name.clone(),
            row.ty.clone(),
            number(row.error),
            row.cosine.map_or("-".to_owned(), |x| format!("{x:.8}")),
            format!("{:.0e}", row.tolerance),
            match (&row.message, row.ok) {
                (Some(message), _) => message.clone(),
                (None, true) => "ok".to_owned(),
                (None, false) => "OVER".to_owned(),
            },
            names(&row.nodes),
        ]);
    }
    table.print()
}
