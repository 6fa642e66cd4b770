//! A slice that the items of a parallel loop write in parts.

use std::marker::PhantomData;

/// A slice whose parts are handed to several threads.
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives no access but by `part`, whose callers keep parts disjoint; elements move between threads as in a split slice.
unsafe impl<T: Send> Sync for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            owner: PhantomData,
        }
    }

    /// The `len` elements from `start`, cut at the end of the slice.
    ///
    /// # Safety
    ///
    /// While the result lives, no other part that overlaps it may be alive.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        let start = start.min(self.len);
        let len = len.min(self.len - start);
        // SAFETY: inside the slice, which is borrowed exclusively for `'a`; the caller keeps parts apart.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }

    /// The first element, for kernels that write strided tiles.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.start
    }
}
