//! Many small jobs on all cores, each with its own thread, a time limit, and its panics turned into messages.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Stack of a job, for models with regions that nest deeply.
const STACK_BYTES: usize = 16 << 20;

thread_local! {
    /// The panic of this thread's job, in words; `None` outside jobs.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics of jobs as messages; panics of other threads are shown as before.
fn catch_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_job = PANIC.with_borrow_mut(|message| {
                message.as_mut().map(|message| *message = info.to_string())
            });
            if is_job.is_none() {
                earlier(info);
            }
        }));
    });
}

/// What became of a job.
#[derive(Debug)]
pub enum Outcome<R> {
    /// It returned.
    Done(R),
    /// It panicked; where, and with which message.
    Panicked(String),
    /// It had not returned when its time was over. Its thread is left behind until the process ends.
    TimedOut,
}

/// Runs `job` on each of `items` on `n_threads` threads; outcomes come in the order of the items. `on_done` is told the
/// index of each job that has ended, in the order in which they end.
pub fn run<T, R>(
    items: Vec<T>,
    n_threads: usize,
    limit: Duration,
    job: impl Fn(&T) -> R + Send + Sync + 'static,
    on_done: impl Fn(usize, &Outcome<R>) + Sync,
) -> Vec<Outcome<R>>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    catch_panics();
    let n_items = items.len();
    let shared = Arc::new((items, job));
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Option<Outcome<R>>>> = Mutex::new((0..n_items).map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..n_threads.clamp(1, n_items.max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= n_items {
                        break;
                    }
                    let outcome = run_one(&shared, index, limit);
                    on_done(index, &outcome);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(outcome);
                }
            });
        }
    });
    let outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    outcomes.into_iter().flatten().collect()
}

fn run_one<T, R>(
    shared: &Arc<(Vec<T>, impl Fn(&T) -> R + Send + Sync + 'static)>,
    index: usize,
    limit: Duration,
) -> Outcome<R>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let shared = shared.clone();
    let work = move || {
        PANIC.set(Some(String::new()));
        let result = panic::catch_unwind(AssertUnwindSafe(|| (shared.1)(&shared.0[index])));
        let outcome = match result {
            Ok(result) => Outcome::Done(result),
            Err(_) => Outcome::Panicked(PANIC.take().unwrap_or_default()),
        };
        // Nobody listens any more when the time is over.
        let _ = sender.send(outcome);
    };
    let spawned = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .name(format!("job {index}"))
        .spawn(work);
    match spawned {
        Ok(_) => receiver.recv_timeout(limit).unwrap_or(Outcome::TimedOut),
        Err(error) => Outcome::Panicked(format!("no thread for it: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_end_in_their_own_ways() {
        let job = |n: &u32| match n {
            0 => "fine".to_owned(),
            1 => panic!("number {n}"),
            _ => {
                thread::sleep(Duration::from_secs(60));
                String::new()
            }
        };
        let outcomes = run(vec![2, 0, 1], 2, Duration::from_secs(2), job, |_, _| {});
        assert!(matches!(&outcomes[0], Outcome::TimedOut));
        assert!(matches!(&outcomes[1], Outcome::Done(text) if text == "fine"));
        assert!(matches!(&outcomes[2], Outcome::Panicked(text) if text.contains("number 1")));
    }
}
