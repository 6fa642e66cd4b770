//! What the fuzz targets share: a limit on memory, and the macro that makes a target of an input format.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

pub use graphc_tests::fuzz::{Random, Target};
pub use libfuzzer_sys;

/// Most memory that an input may make the process take, beyond what it takes anyway.
pub const MAX_BYTES: usize = 512 << 20;

/// The system's allocator, which ends the process where more than [`MAX_BYTES`] are live, whether touched or not.
pub struct Limited;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as demanded of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as demanded of the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as demanded of the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn take(n_bytes: usize) {
    let live = LIVE
        .fetch_add(n_bytes, Ordering::Relaxed)
        .saturating_add(n_bytes);
    if live > MAX_BYTES {
        // What follows may allocate too.
        LIVE.store(0, Ordering::Relaxed);
        eprintln!(
            "memory: {n_bytes} bytes more make {live}\n{}",
            std::backtrace::Backtrace::force_capture()
        );
        std::process::abort();
    }
}

/// A fuzz target: checks inputs of one format and changes them by its own mutator.
#[macro_export]
macro_rules! fuzz {
    ($target:expr) => {
        #[global_allocator]
        static ALLOCATOR: $crate::Limited = $crate::Limited;

        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $target.check(data);
        });

        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8],
                                              size: usize,
                                              max_size: usize,
                                              seed: u32| {
            let mut random = $crate::Random::new(u64::from(seed));
            let changed = $target.mutate(&data[..size], &mut random);
            let n_bytes = changed.len().min(max_size);
            data[..n_bytes].copy_from_slice(&changed[..n_bytes]);
            n_bytes
        });
    };
}
