//! Artifacts that no compiler of ours wrote: refused, or harmless.

use crate::common::{Build, Contents, dims, everything, tensor};
use graphc_base::{DType, Dim, EntityId, SymId};
use graphc_program::kernel::{Kernel, KernelSpec, TensorArg, View};
use graphc_program::{
    BodyId, ConstRef, DimCheck, KernelRef, KernelSetId, Program, RegionOutput, SlotId, StateInit,
    Step, Storage, SymbolSource, save,
};
use graphc_runtime::{Artifact, ArtifactError, InputRef, Session, SessionOptions, Tensor};
use proptest::prelude::*;
use std::path::PathBuf;
use tempfile::TempDir;

/// A file with an artifact, and what is done to it.
struct Written {
    folder: TempDir,
    bytes: Vec<u8>,
}

impl Written {
    fn new(build: &mut Build) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let program = build.finish();
        let path = folder.path().join("whole.gcx");
        save(&path, &program, &mut Contents(build.contents())).expect("artifact is written");
        let bytes = std::fs::read(&path).expect("artifact is read");
        Self { folder, bytes }
    }

    /// Bytes of length and header.
    fn n_header(&self) -> usize {
        let length = self.bytes.first_chunk::<8>().expect("length");
        8 + usize::try_from(u64::from_le_bytes(*length)).expect("length fits")
    }

    fn open(&self, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        let path: PathBuf = self.folder.path().join("damaged.gcx");
        std::fs::write(&path, bytes).expect("file is written");
        Artifact::open(&path)
    }
}

#[test]
fn every_flipped_bit_is_refused_or_found() {
    let written = Written::new(&mut everything());
    let (n_header, mut bytes) = (written.n_header(), written.bytes.clone());
    let whole = written.open(&bytes).expect("artifact loads");
    whole.check_constants().expect("constants are whole");
    // The header byte by byte in strides, the data all.
    let positions = (0..n_header).step_by(7).chain(n_header..bytes.len());
    for position in positions {
        let bit = 1 << (position % 8);
        bytes[position] ^= bit;
        match written.open(&bytes) {
            Err(_) => {}
            Ok(artifact) => {
                assert!(position >= n_header, "header byte {position}");
                let checked = artifact.check_constants();
                assert!(
                    matches!(checked, Err(ArtifactError::Checksums { .. })),
                    "data byte {position}"
                );
            }
        }
        bytes[position] ^= bit;
    }
}

#[test]
fn blanks_of_another_kind_are_refused() {
    let written = Written::new(&mut everything());
    let mut bytes = written.bytes.clone();
    let last = written.n_header() - 1;
    bytes[last] = if bytes[last] == b' ' { b'\n' } else { b' ' };
    assert!(written.open(&bytes).is_err());
}

#[test]
fn cut_and_lengthened_files_are_refused() {
    let written = Written::new(&mut everything());
    let n_bytes = written.bytes.len();
    for length in (0..n_bytes).step_by(11).chain(n_bytes - 20..n_bytes) {
        assert!(
            written.open(&written.bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
    let longer = [written.bytes.as_slice(), &[0]].concat();
    assert!(written.open(&longer).is_err());
}

#[test]
fn swapped_weights_are_found() {
    let mut build = Build::new();
    let main = build.reserve();
    build.fill(main, |body| {
        let a = body.constant(DType::F32, &[16], &[1f32; 16]);
        let b = body.constant(DType::F32, &[16], &[2f32; 16]);
        let sum = body.add(a, b, &dims(&[16]));
        body.result(sum);
    });
    build.entry("main", main, &[], &["y"]);
    let written = Written::new(&mut build);
    let mut bytes = written.bytes.clone();
    let (first, second) = bytes[written.n_header()..].split_at_mut(64);
    first.swap_with_slice(second);
    let artifact = written.open(&bytes).expect("header is whole");
    let error = artifact.check_constants().expect_err("weights are swapped");
    assert!(error.to_string().contains("const#1") && error.to_string().contains("const#2"));
}

/// Damages the program of [`everything`] and gives the message that refuses it.
fn refusal(damage: impl FnOnce(&mut Program)) -> String {
    let mut build = everything();
    let mut program = build.finish();
    damage(&mut program);
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("hostile.gcx");
    let mut contents = build.contents().to_vec();
    contents.resize(program.consts.len(), vec![0; 64]);
    if let Err(error) = save(&path, &program, &mut Contents(&contents)) {
        return error.to_string();
    }
    match Artifact::open(&path) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => {
            let text = error.to_string();
            text.split_once(": ")
                .map_or(text.clone(), |(_, message)| message.to_owned())
        }
    }
}

fn check(damage: impl FnOnce(&mut Program), expected: &str) {
    let message = refusal(damage);
    assert!(message.contains(expected), "{message:?} lacks {expected:?}");
}

const MAIN: usize = 0;

fn body(program: &mut Program, index: usize) -> &mut graphc_program::Body {
    &mut program.bodies[BodyId::from_index(index)]
}

fn slot(index: usize) -> SlotId {
    SlotId::from_index(index)
}

/// The first step of `main` that `find` takes, to damage.
fn on_step(program: &mut Program, find: impl Fn(&Step) -> bool) -> &mut Step {
    let steps = &mut body(program, MAIN).steps;
    steps
        .iter_mut()
        .find(|step| find(step))
        .expect("step is there")
}

#[test]
fn ids_out_of_range_are_refused() {
    check(
        |p| p.entries[0].body = BodyId::from_index(99),
        "body99 is missing",
    );
    check(
        |p| body(p, MAIN).params[0] = slot(999),
        "another type than slot999",
    );
    check(
        |p| body(p, MAIN).results[0] = slot(999),
        "another type than slot999",
    );
    check(
        |p| match on_step(p, |step| matches!(step, Step::Launch { .. })) {
            Step::Launch { inputs, .. } => inputs[0] = slot(999),
            _ => unreachable!(),
        },
        "slot999 is missing",
    );
    check(
        |p| match on_step(p, |step| matches!(step, Step::Launch { .. })) {
            Step::Launch { outputs, .. } => outputs[0] = slot(999),
            _ => unreachable!(),
        },
        "slot999",
    );
    check(
        |p| match on_step(p, |step| matches!(step, Step::Launch { .. })) {
            Step::Launch { set, .. } => *set = KernelSetId::from_index(999),
            _ => unreachable!(),
        },
        "set999 is missing",
    );
    check(
        |p| {
            p.kernel_sets[KernelSetId::from_index(0)].variants[0].kernel = KernelRef::from_index(99)
        },
        "kernel99, which is missing",
    );
    check(
        |p| match on_step(p, |step| matches!(step, Step::Bind { .. })) {
            Step::Bind { symbol, .. } => *symbol = SymId::from_index(99),
            _ => unreachable!(),
        },
        "is missing",
    );
    check(
        |p| p.state[0].init = StateInit::Const(ConstRef::from_index(99)),
        "starts at another type",
    );
}

#[test]
fn aliases_in_a_circle_are_refused() {
    check(
        |p| {
            let slots = &mut body(p, MAIN).slots;
            let last = slots.len() - 1;
            slots[slot(last)].storage = Storage::Alias(slot(last));
        },
        "aliases a later slot",
    );
    check(
        |p| {
            let slots = &mut body(p, MAIN).slots;
            let first = slots.push(graphc_program::Slot {
                ty: tensor(DType::F32, &dims(&[1])),
                storage: Storage::Arena,
                name: None,
            });
            let second = slots.push(graphc_program::Slot {
                ty: tensor(DType::F32, &dims(&[1])),
                storage: Storage::Alias(first),
                name: None,
            });
            slots[first].storage = Storage::Alias(second);
        },
        "aliases a later slot",
    );
}

#[test]
fn an_alias_of_another_size_is_refused() {
    check(
        |p| {
            let slots = &mut body(p, MAIN).slots;
            let root = slots.push(graphc_program::Slot {
                ty: tensor(DType::F32, &dims(&[4])),
                storage: Storage::Arena,
                name: None,
            });
            slots.push(graphc_program::Slot {
                ty: tensor(DType::F32, &dims(&[5])),
                storage: Storage::Alias(root),
                name: None,
            });
        },
        "does not fit where it lies",
    );
}

#[test]
fn bodies_that_run_themselves_are_refused() {
    for target in [0, 1] {
        check(
            |p| match on_step(p, |step| matches!(step, Step::If { .. })) {
                Step::If { else_body, .. } => *else_body = BodyId::from_index(target),
                _ => unreachable!(),
            },
            "is no region of body0 alone",
        );
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let mut build = Build::new();
    let ids: Vec<BodyId> = (0..200).map(|_| build.reserve()).collect();
    for (depth, &id) in ids.iter().enumerate() {
        let next = ids.get(depth + 1).copied();
        build.fill(id, |body| {
            body.param(DType::I64, &[]);
            let cond = body.param(DType::Bool, &[]);
            if let Some(region) = next {
                body.step(Step::Loop {
                    trip_count: None,
                    cond: None,
                    body: region,
                    inputs: vec![],
                    n_carried: 0,
                    outputs: vec![],
                });
            }
            body.result(cond);
        });
    }
    build.entry("main", ids[0], &["i", "cond"], &["y"]);
    let error = build.finish().validate().expect_err("too deep");
    assert_eq!(
        error.to_string(),
        "program is damaged: regions are nested too deep"
    );
}

#[test]
fn kernels_with_other_arguments_are_refused() {
    let spec = |p: &mut Program, damage: &dyn Fn(&mut KernelSpec)| {
        damage(&mut p.kernels[KernelRef::from_index(0)]);
    };
    check(
        |p| spec(p, &|spec| _ = spec.inputs.pop()),
        "takes other arguments",
    );
    check(
        |p| spec(p, &|spec| spec.inputs = vec![spec.inputs[0].clone(); 17]),
        "too many arguments",
    );
    check(
        |p| {
            spec(p, &|spec| {
                spec.outputs[0] = TensorArg::new(DType::F32, dims(&[20_000]))
            })
        },
        "of another type",
    );
    check(
        |p| spec(p, &|spec| spec.inputs[0].dtype = DType::F64),
        "of another type",
    );
    check(
        |p| {
            spec(p, &|spec| {
                spec.inputs[0].view = Some(View {
                    offset: Dim::ZERO,
                    strides: dims(&[1, 1, 1]),
                });
            });
        },
        "of another type",
    );
}

#[test]
fn a_view_beyond_its_buffer_is_refused_before_it_runs() {
    for (offset, stride) in [(0, 1000), (1000, 1), (0, -1), (-1, 0)] {
        let mut build = Build::new();
        let main = build.reserve();
        build.fill(main, |body| {
            let x = body.param(DType::F32, &dims(&[4]));
            let y = body.arena(DType::F32, &dims(&[4]));
            body.launch(Kernel::Copy, &[x], &[y]);
            body.result(y);
        });
        build.entry("main", main, &["x"], &["y"]);
        build.program.kernels[KernelRef::from_index(0)].inputs[0].view = Some(View {
            offset: Dim::constant(offset),
            strides: dims(&[stride]),
        });
        let session = Session::with_options(build.artifact(), SessionOptions::default());
        let error = session
            .expect("session")
            .memory("main", &[])
            .expect_err("view is outside");
        let text = error.to_string();
        assert!(text.starts_with("node0: "), "{text}");
    }
}

#[test]
fn sizes_that_are_negative_or_too_large_are_errors_of_runs() {
    for size in [-1, i64::MAX, i64::MAX / 4, 1 << 60] {
        let mut build = Build::new();
        let main = build.reserve();
        build.fill(main, |body| {
            let y = body.arena(DType::I64, &dims(&[size]));
            body.launch(Kernel::Iota, &[], &[y]);
            body.result(y);
        });
        build.entry("main", main, &[], &["y"]);
        let session =
            Session::with_options(build.artifact(), SessionOptions::default()).expect("session");
        let outcome = session.run("main", &[], &mut session.new_state());
        assert!(outcome.is_err(), "{size}");
    }
}

#[test]
fn takes_of_wrong_steps_are_refused() {
    let take = |p: &mut Program, damage: &dyn Fn(&mut usize, &mut Vec<RegionOutput>)| match on_step(
        p,
        |step| matches!(step, Step::Take { .. }),
    ) {
        Step::Take { from, outputs } => damage(from, outputs),
        _ => unreachable!(),
    };
    for step in [0, 1000, usize::MAX] {
        check(
            |p| take(p, &|from, _| *from = step),
            "has no results to take",
        );
    }
    check(
        |p| take(p, &|_, outputs| outputs[0].index = 7),
        "result 7 is no",
    );
    check(
        |p| take(p, &|_, outputs| outputs[0].slot = slot(999)),
        "is no slot999",
    );
}

#[test]
fn dims_that_are_not_bound_are_refused() {
    check(
        |p| {
            body(p, MAIN)
                .steps
                .retain(|step| !matches!(step, Step::Bind { .. }))
        },
        "is used before it is bound",
    );
    check(
        |p| match on_step(p, |step| matches!(step, Step::Bind { .. })) {
            Step::Bind { from, .. } => *from = SymbolSource::Axis(slot(1), 5),
            _ => unreachable!(),
        },
        "has no axis 5",
    );
    check(|p| p.symbols[0].hi = -1, "has no value");
    check(
        |p| {
            let far = Dim::symbol(SymId::from_index(77));
            body(p, MAIN).checks.push(DimCheck {
                kind: graphc_program::CheckKind::Equal(far, Dim::ONE),
                what: "test".to_owned(),
            });
        },
        "is missing",
    );
}

#[test]
fn slots_read_before_they_are_written_are_refused() {
    check(|p| body(p, MAIN).steps.reverse(), "step 0");
    check(
        |p| match on_step(p, |step| matches!(step, Step::Take { .. })) {
            Step::Take { outputs, .. } => outputs.clear(),
            _ => unreachable!(),
        },
        "is read before it is written",
    );
}

#[test]
fn a_kernel_that_writes_what_it_reads_is_refused() {
    check(
        |p| match on_step(p, |step| matches!(step, Step::Launch { .. })) {
            Step::Launch {
                inputs, outputs, ..
            } => outputs[0] = inputs[0],
            _ => unreachable!(),
        },
        "is written and used by one kernel",
    );
}

#[test]
fn constants_of_another_size_are_refused() {
    let first = ConstRef::from_index(0);
    check(|p| p.consts[first].shape = vec![usize::MAX, 2], "");
    check(|p| p.consts[first].dtype = DType::String, "");
    check(
        |p| p.consts[first].name = p.consts[ConstRef::from_index(1)].name.clone(),
        "taken",
    );
    check(
        |p| p.consts[first].name = "__metadata__".to_owned(),
        "taken",
    );
}

#[test]
fn an_existing_artifact_survives_a_failed_write() {
    struct Fails;
    impl graphc_program::ConstSource for Fails {
        fn write(&mut self, _: ConstRef, _: &mut dyn std::io::Write) -> std::io::Result<()> {
            Err(std::io::Error::other("source is gone"))
        }
    }
    struct Short;
    impl graphc_program::ConstSource for Short {
        fn write(&mut self, _: ConstRef, to: &mut dyn std::io::Write) -> std::io::Result<()> {
            to.write_all(&[0])
        }
    }
    let mut build = everything();
    let program = build.finish();
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("kept.gcx");
    save(&path, &program, &mut Contents(build.contents())).expect("artifact is written");
    let before = std::fs::read(&path).expect("artifact is read");
    let error = save(&path, &program, &mut Fails).expect_err("source fails");
    assert!(error.to_string().contains("source is gone"));
    let error = save(&path, &program, &mut Short).expect_err("constant is short");
    assert!(error.to_string().contains("expected"), "{error}");
    assert_eq!(std::fs::read(&path).expect("artifact is read"), before);
    let n_files = std::fs::read_dir(folder.path())
        .expect("folder is read")
        .count();
    assert_eq!(n_files, 1, "nothing is left behind");
}

#[test]
fn a_place_that_takes_no_files_is_an_error() {
    let mut build = everything();
    let program = build.finish();
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, b"").expect("file is written");
    for path in [
        file.join("x.gcx"),
        folder.path().join("missing").join("x.gcx"),
    ] {
        let error = save(&path, &program, &mut Contents(build.contents()));
        assert!(matches!(error, Err(ArtifactError::Io { .. })));
    }
}

/// Numbers that programs are damaged with.
const NUMBERS: [i64; 10] = [0, 1, -1, 2, 3, 17, 255, 1 << 31, i64::MAX, i64::MIN];

/// Damages one leaf of a JSON value, the one that `choice` picks.
fn damage(value: &mut serde_json::Value, choice: &mut usize, how: usize) -> bool {
    use serde_json::Value;
    match value {
        Value::Array(items) => {
            if *choice == 0 && !items.is_empty() {
                match how % 3 {
                    0 => _ = items.pop(),
                    1 => items.push(items[how % items.len()].clone()),
                    _ => items.reverse(),
                }
                return true;
            }
            *choice = choice.wrapping_sub(1);
            items.iter_mut().any(|item| damage(item, choice, how))
        }
        Value::Object(fields) => fields
            .iter_mut()
            .any(|(_, field)| damage(field, choice, how)),
        Value::Number(_) => {
            if *choice == 0 {
                *value = NUMBERS[how % NUMBERS.len()].into();
                return true;
            }
            *choice = choice.wrapping_sub(1);
            false
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_programs_never_panic(damages in proptest::collection::vec((0usize..900, 0usize..30), 1..4)) {
        let mut build = everything();
        let mut value = serde_json::to_value(build.finish()).expect("program is data");
        for (mut choice, how) in damages {
            damage(&mut value, &mut choice, how);
        }
        let Ok(program) = serde_json::from_value::<Program>(value) else { return Ok(()); };
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("damaged.gcx");
        let mut contents = build.contents().to_vec();
        contents.resize(program.consts.len().max(contents.len()), vec![0; 4]);
        if save(&path, &program, &mut Contents(&contents)).is_err() { return Ok(()); }
        let Ok(artifact) = Artifact::open(&path) else { return Ok(()); };
        let options = SessionOptions { threads: 1, poison: true };
        let Ok(session) = Session::with_options(artifact, options) else { return Ok(()); };
        let Ok(plan) = session.memory("main", &[("n", 3)]) else { return Ok(()); };
        let loops = program.bodies.values().flat_map(|body| &body.steps).any(|step| {
            matches!(step, Step::Loop { trip_count: None, .. })
        });
        if loops || plan.bound_bytes.is_none_or(|bytes| bytes > 1 << 26) { return Ok(()); }
        let condition = Tensor::zeros(DType::Bool, &[]).expect("tensor");
        let x = Tensor::zeros(DType::F32, &[3]).expect("tensor");
        let count = Tensor::zeros(DType::I64, &[1]).expect("tensor");
        let inputs: [(&str, InputRef<'_>); 3] = [
            ("cond", (&condition).into()),
            ("x", (&x).into()),
            ("count", (&count).into()),
        ];
        let _ = session.run_refs("main", &inputs, &mut session.new_state(), None);
    }
}
