//! Runs of one program every way: plain, into buffers, poisoned; memory held against the prediction.

use crate::common::Build;
use graphc_runtime::{DType, InputRef, Session, SessionOptions, State, Tensor, Value};

pub(crate) fn session(build: &mut Build, poison: bool) -> Session {
    let options = SessionOptions { threads: 2, poison };
    Session::with_options(build.artifact(), options).expect("session")
}

pub(crate) fn f32s(shape: &[usize], data: &[f32]) -> Value {
    Tensor::from_elements(DType::F32, shape, data)
        .expect("elements fit")
        .into()
}

pub(crate) fn i64s(shape: &[usize], data: &[i64]) -> Value {
    Tensor::from_elements(DType::I64, shape, data)
        .expect("elements fit")
        .into()
}

pub(crate) fn bools(data: &[u8]) -> Value {
    Tensor::from_elements(DType::Bool, &[], data)
        .expect("elements fit")
        .into()
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value
        .as_tensor()
        .expect("tensor")
        .elements()
        .expect("floats")
        .to_vec()
}

pub(crate) fn ints(value: &Value) -> Vec<i64> {
    value
        .as_tensor()
        .expect("tensor")
        .elements()
        .expect("integers")
        .to_vec()
}

/// Runs `main` and gives its outputs without names.
pub(crate) fn run(session: &Session, inputs: &[(&str, Value)], state: &mut State) -> Vec<Value> {
    let outputs = session.run("main", inputs, state).expect("program runs");
    outputs.into_iter().map(|(_, value)| value).collect()
}

/// Runs `main` in a fresh state, plain and poisoned, into values and into buffers; all agree.
pub(crate) fn run_all_ways(build: &mut Build, inputs: &[(&str, Value)]) -> Vec<Value> {
    let plain = session(build, false);
    let outputs = run(&plain, inputs, &mut plain.new_state());
    let poisoned = session(build, true);
    let mut state = poisoned.new_state();
    assert_eq!(
        outputs,
        run(&poisoned, inputs, &mut state),
        "poisoned run differs"
    );
    if build.program.state.is_empty() {
        assert_eq!(
            outputs,
            run(&poisoned, inputs, &mut state),
            "second run differs"
        );
        into_buffers(&plain, inputs, &outputs);
    }
    outputs
}

fn into_buffers(session: &Session, inputs: &[(&str, Value)], expected: &[Value]) {
    let ports = &session.program().entries[0].inputs;
    let ordered: Vec<InputRef<'_>> = ports
        .iter()
        .filter_map(|port| inputs.iter().find(|(name, _)| *name == port.name))
        .map(|(_, value)| value.into())
        .collect();
    let mut buffers: Vec<Vec<u8>> = expected
        .iter()
        .map(|value| vec![0; value.as_tensor().expect("tensor").bytes().len()])
        .collect();
    let mut outputs: Vec<_> = buffers
        .iter_mut()
        .map(|bytes| graphc_runtime::OutputMut { bytes })
        .collect();
    let mut state = session.new_state();
    session
        .run_into("main", &ordered, &mut outputs, &mut state)
        .expect("program runs into buffers");
    for (buffer, value) in buffers.iter().zip(expected) {
        assert_eq!(buffer, value.as_tensor().expect("tensor").bytes());
    }
}

/// Runs once in a fresh state and gives what it used, beside the prediction.
pub(crate) fn measured(
    session: &Session,
    inputs: &[(&str, Value)],
    dims: &[(&str, i64)],
) -> (usize, graphc_runtime::MemoryPlan) {
    let mut state = session.new_state();
    run(session, inputs, &mut state);
    let plan = session.memory("main", dims).expect("memory is predicted");
    (state.peak_bytes(), plan)
}
