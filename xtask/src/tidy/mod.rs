//! Tidy: what the compiler and clippy do not check. Each check is a pure function from what was read to problems; the
//! same checks run as a test of this crate.

use std::fmt;

use anyhow::{Result, bail};

use crate::repo;

mod environment;
mod layering;
mod source;
mod text;

/// One thing to mend.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    /// A file, with `:line` where there is one, or a crate.
    place: String,
    message: String,
}

impl Problem {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Prints figures and all problems; fails if there are any.
pub(crate) fn run() -> Result<()> {
    let sources = source::read(repo::root())?;
    println!("{}", text::sizes(&sources));
    let problems = problems(&sources)?;
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("tidy found {} problems", problems.len());
    }
    Ok(())
}

fn problems(sources: &[source::Source]) -> Result<Vec<Problem>> {
    let workspace = layering::Workspace::load()?;
    let mut problems = layering::check_edges(&workspace);
    problems.extend(layering::check_unsafe(&workspace, sources));
    problems.extend(text::check(sources));
    problems.extend(environment::check(sources));
    problems.sort();
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let sources = source::read(repo::root()).unwrap();
        let problems = problems(&sources).unwrap();
        let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert!(problems.is_empty(), "\n{}", shown.join("\n"));
    }
}
