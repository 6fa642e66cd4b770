//! Dumps of a compilation: `NN-stage.gc` and `.dot` in a folder, for each stage that changed something.

use crate::report::Diagram;
use crate::whole_file::write_whole;
use anyhow::{Context, Result};
use graphc_ir::Graph;
use graphc_program::Program;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder of dumps, or none.
pub(crate) struct Dump {
    folder: Option<PathBuf>,
    n_written: usize,
    last: String,
}

impl Dump {
    /// Makes the folder where one is wanted.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self> {
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{}: no folder for dumps", folder.display()))?;
        }
        Ok(Self {
            folder: folder.map(Path::to_owned),
            n_written: 0,
            last: String::new(),
        })
    }

    /// Writes a graph, unless it is the one written last.
    pub(crate) fn graph(&mut self, stage: &str, graph: &Graph) -> Result<()> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        let text = graph.to_string();
        if text == self.last {
            return Ok(());
        }
        let name = self.next_name(stage);
        write_text(&folder.join(format!("{name}.gc")), &text)?;
        let dot = Diagram::of_graph(graph).to_dot(&graph.name);
        write_text(&folder.join(format!("{name}.dot")), &dot)?;
        self.last = text;
        Ok(())
    }

    /// Writes a program.
    pub(crate) fn program(&mut self, stage: &str, program: &Program) -> Result<()> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        let name = self.next_name(stage);
        let text = serde_json::to_string_pretty(program)?;
        write_text(&folder.join(format!("{name}.json")), &text)?;
        let dot = Diagram::of_program(program).to_dot(&program.name);
        write_text(&folder.join(format!("{name}.dot")), &dot)
    }

    fn next_name(&mut self, stage: &str) -> String {
        self.n_written += 1;
        format!("{:02}-{stage}", self.n_written)
    }
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))
}
