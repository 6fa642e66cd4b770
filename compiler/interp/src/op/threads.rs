//! Work spread over threads, with results that do not depend on how many there are.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

/// Below this many multiplications a thread costs more than it brings.
const WORTH_A_THREAD: usize = 1 << 20;

/// How many threads a piece of work is worth.
pub(super) fn n_threads(n_multiplications: usize) -> usize {
    let available = thread::available_parallelism().map_or(1, NonZero::get);
    (n_multiplications / WORTH_A_THREAD).clamp(1, available)
}

/// `work` on the parts of `0..n_items`, one per thread, in order.
pub(super) fn split<R: Send>(
    n_items: usize,
    n_threads: usize,
    work: impl Fn(Range<usize>) -> R + Sync,
) -> Vec<R> {
    let n_threads = n_threads.min(n_items).max(1);
    if n_threads == 1 {
        return vec![work(0..n_items)];
    }
    let bounds = |part: usize| part * n_items / n_threads;
    thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = (0..n_threads)
            .map(|part| scope.spawn(move || work(bounds(part)..bounds(part + 1))))
            .collect();
        let results = handles.into_iter().map(|handle| match handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.collect()
    })
}

/// `work` on each of `0..n_items`, in order.
pub(super) fn map<R: Send>(
    n_items: usize,
    n_threads: usize,
    work: impl Fn(usize) -> R + Sync,
) -> Vec<R> {
    split(n_items, n_threads, |items| {
        items.map(&work).collect::<Vec<R>>()
    })
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_come_in_order() {
        for n_threads in [1, 2, 3, 50] {
            assert_eq!(map(7, n_threads, |i| i * i), [0, 1, 4, 9, 16, 25, 36]);
        }
        assert_eq!(map(0, 4, |i| i), []);
    }
}
