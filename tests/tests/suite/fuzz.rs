//! Seeds and past findings of the fuzzer, and a fixed number of changes of them, without a fuzzer.

use graphc_tests::fuzz::{Random, Reach, Target, compiled};
use std::time::{Duration, Instant};

/// Changed inputs per target.
const ROUNDS: u64 = 1500;
/// The longest that one input may take, in a debug build on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(30);

fn check(target: Target, what: &str, bytes: &[u8]) -> Reach {
    let started = Instant::now();
    let reach = target.check(bytes);
    let took = started.elapsed();
    assert!(took < MAX_TIME, "{} {what} takes {took:?}", target.name());
    reach
}

fn replay(target: Target) {
    let seeds = target.seeds();
    assert!(seeds.len() > 20, "{} seeds", seeds.len());
    for (name, seed) in seeds {
        check(target, name, seed);
    }
}

/// Changes of inputs, each on top of the last of its seed that was not refused. Panics say which number to start from.
fn change(target: Target, seeds: &[Vec<u8>]) {
    let mut random = Random::new(1);
    let mut kept: Vec<Vec<u8>> = seeds.to_vec();
    let mut n_accepted = 0;
    for round in 0..ROUNDS {
        let place = random.below(kept.len());
        let changed = target.mutate(&kept[place], &mut random);
        if check(target, &format!("round {round}"), &changed) > Reach::Refused {
            n_accepted += 1;
            if changed.len() < 1 << 14 {
                kept[place] = changed;
            }
        }
    }
    // Where nearly all is refused, the rounds test nothing but the refusal.
    assert!(n_accepted > ROUNDS / 10, "{n_accepted} of {ROUNDS}");
}

fn committed(target: Target) -> Vec<Vec<u8>> {
    let seeds = target.seeds().iter();
    seeds.map(|(_, seed)| seed.clone()).collect()
}

#[test]
fn seeds_of_onnx_do_no_harm() {
    replay(Target::Onnx);
}

#[test]
fn seeds_of_text_do_no_harm() {
    replay(Target::Text);
}

#[test]
fn seeds_of_artifacts_do_no_harm() {
    replay(Target::Artifact);
}

#[test]
fn changed_onnx_models_do_no_harm() {
    change(Target::Onnx, &committed(Target::Onnx));
}

#[test]
fn changed_texts_do_no_harm() {
    change(Target::Text, &committed(Target::Text));
}

#[test]
fn changed_artifacts_do_no_harm() {
    // Those that are committed are of the schema of their day; these are of today's.
    let models = Target::Onnx.seeds().iter().step_by(8);
    let fresh: Vec<Vec<u8>> = models.filter_map(|(_, model)| compiled(model)).collect();
    let n_run = fresh
        .iter()
        .filter(|file| Target::Artifact.check(file) == Reach::Ran)
        .count();
    assert!(n_run * 2 > fresh.len(), "{n_run} of {} run", fresh.len());
    change(Target::Artifact, &fresh);
}
