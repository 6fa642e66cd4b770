//! A warm run makes no heap allocation: every allocation of this thread and of the pool's threads is counted.

#[path = "../common/mod.rs"]
mod common;

use common::everything;
use graphc_base::DType;
use graphc_runtime::{InputRef, OutputMut, Session, SessionOptions, State};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static N_ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N_ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        N_ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's contract is passed on.
        unsafe { System.realloc(start, layout, bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The one test of this binary: beside another, the harness would allocate while runs are counted.
#[test]
fn warm_runs_allocate_nothing() {
    counter_counts();
    alternating_shapes_and_branches_allocate_nothing();
    threads_allocate_nothing();
}

struct Runner {
    state: State,
    total: Vec<f32>,
    picked: Vec<f32>,
}

impl Runner {
    fn new(session: &Session) -> Self {
        Self {
            state: session.new_state(),
            total: vec![0.0; 4096],
            picked: vec![0.0; 4096],
        }
    }

    fn run(&mut self, session: &Session, cond: bool, x: &[f32], count: usize) {
        let condition = [u8::from(cond)];
        let count_value = [count as i64];
        let inputs = [
            InputRef::Bytes {
                dtype: DType::Bool,
                shape: &[],
                bytes: &condition,
            },
            InputRef::Bytes {
                dtype: DType::F32,
                shape: &[x.len()],
                bytes: bytemuck::cast_slice(x),
            },
            InputRef::Bytes {
                dtype: DType::I64,
                shape: &[1],
                bytes: bytemuck::cast_slice(&count_value),
            },
        ];
        let mut outputs = [
            OutputMut {
                bytes: bytemuck::cast_slice_mut(&mut self.total[..x.len()]),
            },
            OutputMut {
                bytes: bytemuck::cast_slice_mut(&mut self.picked[..count]),
            },
        ];
        session
            .run_into("main", &inputs, &mut outputs, &mut self.state)
            .expect("program runs");
    }
}

fn session(threads: usize) -> Session {
    let options = SessionOptions {
        threads,
        poison: false,
    };
    Session::with_options(everything().artifact(), options).expect("session")
}

/// Runs of the alternating test, which a state slot of the program counts.
const RUNS: f32 = 5.0 * (1 + 50 + 10) as f32;

/// What is alternated: branch, length, size from data.
const SHAPES: [(bool, usize, usize); 5] = [
    (true, 7, 3),
    (false, 7, 2),
    (false, 600, 599),
    (true, 1, 0),
    (true, 2000, 11),
];

fn alternating_shapes_and_branches_allocate_nothing() {
    let session = session(2);
    let mut runner = Runner::new(&session);
    let x = vec![1f32; 2000];
    for (cond, n, count) in SHAPES {
        runner.run(&session, cond, &x[..n], count);
    }
    let mut round = || {
        let before = N_ALLOCATIONS.load(Ordering::SeqCst);
        for (cond, n, count) in SHAPES {
            runner.run(&session, cond, &x[..n], count);
        }
        N_ALLOCATIONS.load(Ordering::SeqCst) - before
    };
    // The pool's thread may begin to live, for which it allocates, while the first runs are over already.
    for _ in 0..50 {
        if round() == 0 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
    let n_allocations: usize = (0..10).map(|_| round()).sum();
    assert_eq!(n_allocations, 0);
    assert_eq!(runner.total[0], 3.0 * RUNS);
    assert_eq!(runner.picked[0], 5.0 * RUNS);
}

fn threads_allocate_nothing() {
    let session = session(1);
    let x = vec![1f32; 2000];
    let barrier = std::sync::Barrier::new(5);
    let counts = std::thread::scope(|scope| {
        for thread in 0..4 {
            let (session, x, barrier) = (&session, &x, &barrier);
            scope.spawn(move || {
                let mut runner = Runner::new(session);
                for (cond, n, count) in SHAPES {
                    runner.run(session, cond, &x[..n], count);
                }
                barrier.wait();
                barrier.wait();
                for round in 0..10 {
                    let (cond, n, count) = SHAPES[(round + thread) % SHAPES.len()];
                    runner.run(session, cond, &x[..n], count);
                }
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        let before = N_ALLOCATIONS.load(Ordering::SeqCst);
        barrier.wait();
        barrier.wait();
        let after = N_ALLOCATIONS.load(Ordering::SeqCst);
        barrier.wait();
        (before, after)
    });
    assert_eq!(counts.0, counts.1);
}

fn counter_counts() {
    let before = N_ALLOCATIONS.load(Ordering::SeqCst);
    let values = std::hint::black_box(vec![1u8; 100]);
    assert!(N_ALLOCATIONS.load(Ordering::SeqCst) > before);
    drop(values);
}
