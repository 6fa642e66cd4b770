//! One session, many threads.

use crate::common::Build;
use crate::tools::{f32s, floats, run, session};
use graphc_base::{DType, Dim};

/// `((x + x) + x) + …`, ten times.
fn chain() -> Build {
    let mut build = Build::new();
    let n = build.symbol("n", 0, 100_000);
    let shape = [Dim::symbol(n)];
    let main = build.reserve();
    build.fill(main, |body| {
        let x = body.param(DType::F32, &shape);
        body.bind_axis(n, x, 0);
        let mut y = x;
        for _ in 0..10 {
            y = body.add(y, x, &shape);
        }
        body.result(y);
    });
    build.entry("main", main, &["x"], &["y"]);
    build
}

#[test]
fn eight_threads_with_different_shapes_agree_with_one() {
    let session = session(&mut chain(), false);
    std::thread::scope(|scope| {
        for thread in 0..8usize {
            let session = &session;
            scope.spawn(move || {
                let mut state = session.new_state();
                for round in 0..20 {
                    let n = 1 + (thread * 37 + round * 101) % 3000;
                    let x: Vec<f32> = (0..n).map(|i| (i + thread) as f32).collect();
                    let y = run(session, &[("x", f32s(&[n], &x))], &mut state);
                    let expected: Vec<f32> = x.iter().map(|x| x * 11.0).collect();
                    assert_eq!(floats(&y[0]), expected);
                }
            });
        }
    });
}
