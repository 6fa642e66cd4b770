//! How far a compilation is, on stderr: a bar on a terminal, plain lines elsewhere.

use crate::output::{bytes, note};
use graphc::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Tells what a compilation does.
pub(crate) struct Reporter {
    bar: Option<ProgressBar>,
    is_quiet: bool,
}

impl Reporter {
    /// A bar on a terminal, a line per stage elsewhere.
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            bar,
            is_quiet: false,
        }
    }

    /// A bar on a terminal, nothing elsewhere: where compiling is not what the user asked for.
    pub(crate) fn quiet_unless_terminal() -> Self {
        let mut reporter = Self::new();
        reporter.is_quiet = true;
        reporter
    }

    /// Passes on what the compiler tells.
    pub(crate) fn tell(&mut self, progress: Progress<'_>) {
        match (progress, &self.bar) {
            (Progress::Begins(name), Some(bar)) => {
                bar.set_style(style("{spinner} {msg} {elapsed}"));
                bar.set_message(name.to_owned());
            }
            (Progress::Written { done, total }, Some(bar)) if total > 0 => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(style("{spinner} {msg} [{bar:40}] {percent}% {elapsed}"));
                }
                bar.set_position(done);
            }
            (Progress::Done(stage), None) if !self.is_quiet => {
                note(format_args!(
                    "{}: {:.1} ms, {} nodes",
                    stage.name, stage.ms, stage.nodes
                ));
            }
            (Progress::Written { done, total }, None)
                if !self.is_quiet && done == total && total > 0 =>
            {
                note(format_args!("weights: {}", bytes(total)));
            }
            _ => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.finish();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
