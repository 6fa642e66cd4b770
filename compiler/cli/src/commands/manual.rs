//! `graphc completions` and `graphc man`: made from the arguments themselves.

use crate::args::Cli;
use crate::output::text;
use anyhow::{Context, Result, bail};
use clap::CommandFactory;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "graphc", &mut bytes);
    text(&String::from_utf8(bytes).context("the completions are no text")?)
}

pub(crate) fn man(command: Option<&str>) -> Result<()> {
    let mut root = Cli::command();
    root.build();
    let page = match command {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            Some(found) => found.clone(),
            None => bail!("there is no command `{name}`"),
        },
    };
    let mut bytes = Vec::new();
    clap_mangen::Man::new(page).render(&mut bytes)?;
    text(&String::from_utf8(bytes).context("the manual page is no text")?)
}
