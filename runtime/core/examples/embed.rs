//! The runtime in a Rust program: loads an artifact of a model with one input `x: f32[n]` and runs it.

use graphc_runtime::{DType, RunError, Session, Tensor};

fn main() -> Result<(), RunError> {
    let session = Session::load(std::env::args().nth(1).unwrap_or("model.gcx".to_owned()))?;
    let mut state = session.new_state();
    let x = Tensor::from_elements(DType::F32, &[3], &[1f32, 2.0, 3.0]).unwrap_or_default();
    for (name, value) in session.run("main", &[("x", x.into())], &mut state)? {
        println!("{name}: {}", value.describe());
    }
    Ok(())
}
