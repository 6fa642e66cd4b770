//! Sizes for the dims that a program leaves open, where a tool must choose them: random runs, benchmarks, reports.

use anyhow::{Result, bail};
use graphc_base::EntityId;
use graphc_program::{CheckKind, DimCheck, Program, Step, SymbolSource};
use std::collections::BTreeMap;

/// Sizes of a program's open dims by name.
pub type Sizes = BTreeMap<String, i64>;

/// A size for every symbol of a program: as given, else `free` of its name and hint, as near as its range allows. Sizes
/// that the program's checks tie to given ones or to constants follow those; where other checks fail then, sizes that are
/// not given are searched for that pass.
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
    let is_given: Vec<bool> = values.iter().map(Option::is_some).collect();
    for index in 0..values.len() {
        if values[index].is_none() {
            let symbol = &program.symbols[index];
            let size = free(&symbol.name, symbol.hint);
            values[index] = Some(size.clamp(symbol.lo, symbol.hi));
            while let Some((index, size)) = tied(program, &values) {
                values[index] = Some(size);
            }
        }
    }
    let mut sizes: Vec<i64> = values.iter().map(|size| size.unwrap_or(0)).collect();
    let from_inputs = bound_by_inputs(program);
    let checks = checks_of(program, &from_inputs);
    let free: Vec<usize> = (0..sizes.len())
        .filter(|&index| !is_given[index] && from_inputs[index])
        .collect();
    if !hold(&checks, &sizes) {
        // Where nothing is found, the run says which check fails.
        find(program, &checks, &free, &mut sizes);
    }
    let named = program.symbols.iter().zip(sizes);
    Ok(named
        .map(|(symbol, size)| (symbol.name.clone(), size))
        .collect())
}

/// Sizes that models with strides, windows and patches want.
const CANDIDATES: [i64; 36] = [
    1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, 80, 96, 100, 112, 128, 160,
    192, 224, 256, 320, 384, 400, 480, 512, 640, 800, 1024, 16000,
];

/// Changes one or two free sizes, or all to the same, until all checks hold; nearest candidates first.
fn find(program: &Program, checks: &[&DimCheck], free: &[usize], sizes: &mut Vec<i64>) {
    let near = |index: usize| {
        let wanted = sizes[index].max(1) as f64;
        let symbol = &program.symbols[index];
        let mut near: Vec<i64> = CANDIDATES
            .into_iter()
            .filter(|size| (symbol.lo..=symbol.hi).contains(size))
            .collect();
        near.sort_by(|a, b| {
            let distance = |size: i64| (size as f64 / wanted).ln().abs();
            distance(*a).total_cmp(&distance(*b))
        });
        near
    };
    let candidates: Vec<Vec<i64>> = free.iter().map(|&index| near(index)).collect();
    let fits = |changes: &[(usize, i64)]| {
        let mut changed = sizes.clone();
        for &(index, size) in changes {
            changed[index] = size;
        }
        hold(checks, &changed).then_some(changed)
    };
    let single = free
        .iter()
        .zip(&candidates)
        .find_map(|(&index, candidates)| {
            candidates.iter().find_map(|&size| fits(&[(index, size)]))
        });
    let pair = || {
        free.iter().enumerate().find_map(|(at, &one)| {
            free[at + 1..]
                .iter()
                .enumerate()
                .find_map(|(behind, &two)| {
                    candidates[at].iter().find_map(|&first| {
                        let seconds = candidates[at + 1 + behind].iter();
                        seconds
                            .copied()
                            .find_map(|second| fits(&[(one, first), (two, second)]))
                    })
                })
        })
    };
    let all = || {
        candidates.first()?.iter().find_map(|&size| {
            let changes: Vec<(usize, i64)> = free.iter().map(|&index| (index, size)).collect();
            fits(&changes)
        })
    };
    if let Some(found) = single.or_else(pair).or_else(all) {
        *sizes = found;
    }
}

/// Which symbols the sizes of inputs bind.
fn bound_by_inputs(program: &Program) -> Vec<bool> {
    let mut bound = vec![false; program.symbols.len()];
    for entry in &program.entries {
        let body = &program.bodies[entry.body];
        for step in &body.steps {
            if let Step::Bind {
                symbol,
                from: SymbolSource::Axis(slot, _),
            } = step
                && body.params.contains(slot)
                && let Some(bound) = bound.get_mut(symbol.index())
            {
                *bound = true;
            }
        }
    }
    bound
}

/// Checks that the sizes of inputs decide.
fn checks_of<'a>(program: &'a Program, from_inputs: &[bool]) -> Vec<&'a DimCheck> {
    let is_decided = |check: &&DimCheck| {
        let (CheckKind::Equal(a, b) | CheckKind::Broadcast(a, b) | CheckKind::LessEqual(a, b)) =
            &check.kind;
        let mut is_decided = true;
        let mut visit = |symbol: graphc_base::SymId| {
            is_decided &= from_inputs.get(symbol.index()).copied().unwrap_or(false);
        };
        a.visit_symbols(&mut visit);
        b.visit_symbols(&mut visit);
        is_decided
    };
    program.entry_checks().filter(is_decided).collect()
}

fn hold(checks: &[&DimCheck], sizes: &[i64]) -> bool {
    checks.iter().all(|check| {
        let (CheckKind::Equal(a, b) | CheckKind::Broadcast(a, b) | CheckKind::LessEqual(a, b)) =
            &check.kind;
        let (Ok(a), Ok(b)) = (a.eval(sizes), b.eval(sizes)) else {
            return false;
        };
        match check.kind {
            CheckKind::Equal(..) => a == b,
            CheckKind::Broadcast(..) => a == b || a == 1 || b == 1,
            CheckKind::LessEqual(..) => a <= b,
        }
    })
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
