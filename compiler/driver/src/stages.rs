//! The stages of a compilation as they run: timed, told to the caller, dumped, stopped where asked.

use crate::dump::Dump;
use crate::options::{CompileOptions, Progress, Stage};
use anyhow::{Result, bail};
use graphc_ir::Graph;
use graphc_opt::PASSES;
use graphc_program::{ConstRef, ConstSource, Program};
use std::io::{self, Write};
use std::time::Instant;

/// Names of stages and passes at whose end a graph can be looked at, in order.
pub fn stop_names() -> impl Iterator<Item = &'static str> {
    let passes = PASSES.iter().map(|pass| pass.name);
    ["import"].into_iter().chain(passes).chain(["canonicalize"])
}

/// A compilation under way.
pub(crate) struct Stages<'a> {
    progress: &'a mut dyn FnMut(Progress<'_>),
    dump: Dump,
    stop_after: Option<&'a str>,
    has_stopped: bool,
    done: Vec<Stage>,
}

impl<'a> Stages<'a> {
    /// Begins. `stop_after` is one of [`stop_names`].
    pub(crate) fn new(
        options: &CompileOptions,
        stop_after: Option<&'a str>,
        progress: &'a mut dyn FnMut(Progress<'_>),
    ) -> Result<Self> {
        if let Some(name) = stop_after
            && !stop_names().any(|known| known == name)
        {
            let known: Vec<&str> = stop_names().collect();
            bail!("there is no pass `{name}`; there are {}", known.join(", "));
        }
        Ok(Self {
            progress,
            dump: Dump::new(options.dump.as_deref())?,
            stop_after,
            has_stopped: false,
            done: Vec::new(),
        })
    }

    /// Runs one stage, which tells how many nodes (kernels) there are behind it.
    pub(crate) fn run<T>(
        &mut self,
        name: &'static str,
        run: impl FnOnce(&mut Self) -> Result<(T, usize)>,
    ) -> Result<T> {
        (self.progress)(Progress::Begins(name));
        let started = Instant::now();
        let (made, nodes) = run(self)?;
        let stage = Stage {
            name,
            ms: started.elapsed().as_secs_f64() * 1e3,
            nodes,
        };
        (self.progress)(Progress::Done(&stage));
        self.done.push(stage);
        Ok(made)
    }

    /// Shows a graph behind a stage or pass to the dump. Whether it was the one to stop after.
    pub(crate) fn graph(&mut self, name: &str, graph: &Graph) -> Result<bool> {
        self.dump.graph(name, graph)?;
        self.has_stopped |= self.stop_after == Some(name);
        Ok(self.has_stopped)
    }

    /// Whether the stage or pass to stop after has run.
    pub(crate) fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    /// Shows a program to the dump.
    pub(crate) fn program(&mut self, name: &str, program: &Program) -> Result<()> {
        self.dump.program(name, program)
    }

    /// Tells how far writing has come.
    pub(crate) fn written(&mut self, done: u64, total: u64) {
        (self.progress)(Progress::Written { done, total });
    }

    /// The stages so far.
    pub(crate) fn into_done(self) -> Vec<Stage> {
        self.done
    }
}

/// A source of constants that tells how far it is.
pub(crate) struct Counted<'a, 's> {
    source: &'a mut dyn ConstSource,
    stages: &'a mut Stages<'s>,
    done: u64,
    total: u64,
}

impl<'a, 's> Counted<'a, 's> {
    /// Counts what `source` writes for a program.
    pub(crate) fn new(
        program: &Program,
        source: &'a mut dyn ConstSource,
        stages: &'a mut Stages<'s>,
    ) -> Self {
        let bytes = program.consts.values().filter_map(|constant| {
            let sizes = constant.shape.iter();
            let n_elements = sizes.fold(1usize, |n, &size| n.saturating_mul(size));
            constant.dtype.byte_len(n_elements)
        });
        Self {
            source,
            stages,
            done: 0,
            total: bytes.map(|n| n as u64).fold(0, u64::saturating_add),
        }
    }
}

impl ConstSource for Counted<'_, '_> {
    fn write(&mut self, constant: ConstRef, to: &mut dyn Write) -> io::Result<()> {
        let mut counting = Counting { to, n_bytes: 0 };
        self.source.write(constant, &mut counting)?;
        self.done += counting.n_bytes;
        self.stages.written(self.done, self.total);
        Ok(())
    }
}

struct Counting<'a> {
    to: &'a mut dyn Write,
    n_bytes: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.to.write(bytes)?;
        self.n_bytes += n_written as u64;
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
