//! Sizes for the dims that a program leaves open, where a tool must choose them: random runs, benchmarks, reports.

use anyhow::{Result, bail};
use graphc_base::EntityId;
use graphc_program::{CheckKind, Program};
use std::collections::BTreeMap;

/// Sizes of a program's open dims by name.
pub type Sizes = BTreeMap<String, i64>;

/// A size for every symbol of a program: as given, else `free` of its name and hint, as near as its range allows. Sizes
/// that the program's checks tie to given ones or to constants follow those.
///
/// # Errors
/// Where a given name is none of the program's dims, or a size is out of its range.
pub fn settle(program: &Program, given: &Sizes, free: &dyn Fn(&str, i64) -> i64) -> Result<Sizes> {
    let known = || {
        let names: Vec<&str> = program
            .symbols
            .iter()
            .map(|symbol| symbol.name.as_str())
            .collect();
        match names.as_slice() {
            [] => "it leaves no dim open".to_owned(),
            names => format!("it has {}", names.join(", ")),
        }
    };
    let mut values: Vec<Option<i64>> = vec![None; program.symbols.len()];
    for (name, &size) in given {
        let Some(index) = program
            .symbols
            .iter()
            .position(|symbol| symbol.name == *name)
        else {
            bail!("the model has no dim `{name}`; {}", known());
        };
        let symbol = &program.symbols[index];
        if size < symbol.lo || size > symbol.hi {
            bail!(
                "dim `{name}` is {size}, outside {}..={}",
                symbol.lo,
                symbol.hi
            );
        }
        values[index] = Some(size);
    }
    // Each round settles one more, or nothing is tied to anything any more.
    while let Some((index, size)) = tied(program, &values) {
        values[index] = Some(size);
    }
    for index in 0..values.len() {
        if values[index].is_none() {
            let symbol = &program.symbols[index];
            values[index] = Some(free(&symbol.name, symbol.hint).clamp(symbol.lo, symbol.hi));
            while let Some((index, size)) = tied(program, &values) {
                values[index] = Some(size);
            }
        }
    }
    let named = program.symbols.iter().zip(values);
    Ok(named
        .filter_map(|(symbol, size)| Some((symbol.name.clone(), size?)))
        .collect())
}

/// A symbol without a size that a check equates with what has one.
fn tied(program: &Program, values: &[Option<i64>]) -> Option<(usize, i64)> {
    let sizes: Vec<i64> = values.iter().map(|size| size.unwrap_or(i64::MIN)).collect();
    program.entry_checks().find_map(|check| {
        let CheckKind::Equal(a, b) = &check.kind else {
            return None;
        };
        [(a, b), (b, a)].into_iter().find_map(|(one, other)| {
            let index = one.as_symbol()?.index();
            if values.get(index)?.is_some() {
                return None;
            }
            let mut is_known = true;
            other.visit_symbols(&mut |symbol| {
                is_known &= values.get(symbol.index()).is_some_and(Option::is_some);
            });
            let size = is_known.then(|| other.eval(&sizes).ok()).flatten()?;
            let symbol = program.symbols.get(index)?;
            (symbol.lo..=symbol.hi)
                .contains(&size)
                .then_some((index, size))
        })
    })
}

/// Pairs as the runtime takes them.
pub fn pairs(sizes: &Sizes) -> Vec<(&str, i64)> {
    sizes
        .iter()
        .map(|(name, &size)| (name.as_str(), size))
        .collect()
}
