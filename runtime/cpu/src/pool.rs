//! A pool of threads that share one loop at a time.
//!
//! Idle workers sleep. Starting a loop allocates nothing. A loop that finds the pool busy runs on its caller's thread, so
//! that concurrent sessions neither wait for one another nor deadlock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Takes the thread's number and an item.
type Task = *const (dyn Fn(usize, usize) + Sync);

/// What workers are to do; behind the mutex.
struct Job {
    /// The loop body, valid until `n_running` returns to 0.
    task: Option<SendTask>,
    n_items: usize,
    /// Grows with every loop, so that a worker joins each at most once.
    epoch: u64,
    n_running: usize,
    panicked: bool,
    stop: bool,
}

#[derive(Clone, Copy)]
struct SendTask(Task);
// SAFETY: the pointee is `Sync`, and `Pool::run` keeps it alive until every worker has left it.
unsafe impl Send for SendTask {}

struct Shared {
    job: Mutex<Job>,
    begin: Condvar,
    end: Condvar,
    next: AtomicUsize,
}

/// Threads for loops over independent items.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    busy: Mutex<()>,
}

impl Pool {
    /// A pool in which `n_threads` take part, the caller's included.
    pub fn new(n_threads: usize) -> Self {
        let shared = Arc::new(Shared {
            job: Mutex::new(Job {
                task: None,
                n_items: 0,
                epoch: 0,
                n_running: 0,
                panicked: false,
                stop: false,
            }),
            begin: Condvar::new(),
            end: Condvar::new(),
            next: AtomicUsize::new(0),
        });
        let workers = (1..n_threads)
            .map_while(|index| {
                let shared = shared.clone();
                std::thread::Builder::new()
                    .name(format!("graphc-cpu-{index}"))
                    .spawn(move || work(&shared, index))
                    .ok()
            })
            .collect();
        Self {
            shared,
            workers,
            busy: Mutex::new(()),
        }
    }

    /// Number of threads, the caller's included.
    pub fn n_threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `task` once for each of `0..n_items`, on all threads; returns when all are done.
    pub fn run(&self, n_items: usize, task: &(dyn Fn(usize) + Sync)) {
        self.run_numbered(n_items, &|_, item| task(item));
    }

    /// As [`run`](Self::run); `task` takes the number of its thread (below [`n_threads`](Self::n_threads)) before the item.
    /// No two threads that run this loop at the same time have one number.
    pub fn run_numbered(&self, n_items: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        let turn = if n_items > 1 && !self.workers.is_empty() {
            self.busy.try_lock().ok()
        } else {
            None
        };
        if turn.is_none() {
            (0..n_items).for_each(|item| task(0, item));
            return;
        }
        // SAFETY: only the lifetime changes. `Finish` waits, also when `task` panics here, until no worker uses the task.
        let erased: SendTask = SendTask(unsafe {
            std::mem::transmute::<*const (dyn Fn(usize, usize) + Sync + '_), Task>(task)
        });
        self.shared.next.store(0, Ordering::Relaxed);
        {
            let mut job = self.lock();
            job.task = Some(erased);
            job.n_items = n_items;
            job.epoch += 1;
            job.panicked = false;
        }
        self.shared.begin.notify_all();
        let finish = Finish(self);
        take_items(&self.shared.next, 0, n_items, task);
        drop(finish);
        if std::mem::take(&mut self.lock().panicked) {
            std::panic::resume_unwind(Box::new("a kernel panicked on a worker thread"));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Job> {
        self.shared
            .job
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Withdraws the task and waits until no worker runs it.
struct Finish<'a>(&'a Pool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut job = self.0.lock();
        job.task = None;
        while job.n_running > 0 {
            job = self
                .0
                .shared
                .end
                .wait(job)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lock().stop = true;
        self.shared.begin.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked has told so already.
            let _ = worker.join();
        }
    }
}

fn take_items(
    next: &AtomicUsize,
    thread: usize,
    n_items: usize,
    task: &(dyn Fn(usize, usize) + Sync),
) {
    loop {
        let item = next.fetch_add(1, Ordering::Relaxed);
        if item >= n_items {
            return;
        }
        task(thread, item);
    }
}

fn work(shared: &Shared, thread: usize) {
    let mut seen = 0;
    let mut job = shared.job.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if job.stop {
            return;
        }
        if let (Some(task), true) = (job.task, job.epoch != seen) {
            seen = job.epoch;
            let n_items = job.n_items;
            job.n_running += 1;
            drop(job);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                // SAFETY: `n_running` was raised under the lock while the task was still offered, and `Finish` waits for it.
                take_items(&shared.next, thread, n_items, unsafe { &*task.0 });
            }));
            job = shared.job.lock().unwrap_or_else(PoisonError::into_inner);
            job.n_running -= 1;
            job.panicked |= outcome.is_err();
            if job.n_running == 0 {
                shared.end.notify_all();
            }
        } else {
            job = shared
                .begin
                .wait(job)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_runs_once() {
        let pool = Pool::new(3);
        for n_items in [0, 1, 2, 7, 1000] {
            let counts: Vec<AtomicUsize> = (0..n_items).map(|_| AtomicUsize::new(0)).collect();
            pool.run(n_items, &|item| {
                counts[item].fetch_add(1, Ordering::Relaxed);
            });
            assert!(
                counts
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) == 1)
            );
        }
    }

    #[test]
    fn nested_and_concurrent_loops_finish() {
        let pool = Pool::new(2);
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    pool.run(8, &|_| {
                        pool.run(8, &|_| {
                            total.fetch_add(1, Ordering::Relaxed);
                        });
                    });
                });
            }
        });
        assert_eq!(total.load(Ordering::Relaxed), 4 * 64);
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller() {
        let pool = Pool::new(2);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(64, &|item| assert!(item != 63));
        }));
        assert!(outcome.is_err());
        pool.run(4, &|_| {});
    }
}
