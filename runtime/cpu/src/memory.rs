//! Host memory aligned to cache lines.

use graphc_device::{DeviceError, Memory};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::any::Any;
use std::ptr::NonNull;

const ALIGNMENT: usize = 64;

/// Bytes that start at a multiple of 64.
pub struct AlignedBytes {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the bytes are owned by this value alone, as those of a `Vec<u8>` are.
unsafe impl Send for AlignedBytes {}
// SAFETY: shared references only read.
unsafe impl Sync for AlignedBytes {}

impl AlignedBytes {
    /// Zeroed bytes.
    pub fn zeroed(len: usize) -> Result<Self, DeviceError> {
        let failed = || DeviceError::OutOfMemory {
            device: "cpu".to_owned(),
            bytes: len,
        };
        if len == 0 {
            return Ok(Self {
                start: NonNull::<Line>::dangling().cast(),
                len,
            });
        }
        let layout = Layout::from_size_align(len, ALIGNMENT).map_err(|_| failed())?;
        // SAFETY: the layout's size is not 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(failed)?;
        Ok(Self { start, len })
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

#[repr(align(64))]
struct Line;

impl Drop for AlignedBytes {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: allocated in `zeroed` with this very layout, whose validity was checked there.
            unsafe {
                dealloc(
                    self.start.as_ptr(),
                    Layout::from_size_align_unchecked(self.len, ALIGNMENT),
                );
            }
        }
    }
}

impl std::ops::Deref for AlignedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` points to `len` initialised bytes that live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl std::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Memory for AlignedBytes {
    fn len(&self) -> usize {
        self.len
    }

    fn grow(&mut self, bytes: usize) -> Result<(), DeviceError> {
        if bytes > self.len {
            let mut larger = Self::zeroed(bytes)?;
            larger[..self.len].copy_from_slice(self);
            *self = larger;
        }
        Ok(())
    }

    fn write(&mut self, offset: usize, from: &[u8]) -> Result<(), DeviceError> {
        let len = self.len;
        offset
            .checked_add(from.len())
            .and_then(|end| self.get_mut(offset..end))
            .map(|to| to.copy_from_slice(from))
            .ok_or_else(|| outside("write", offset, from.len(), len))
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), DeviceError> {
        offset
            .checked_add(to.len())
            .and_then(|end| self.get(offset..end))
            .map(|from| to.copy_from_slice(from))
            .ok_or_else(|| outside("read", offset, to.len(), self.len))
    }

    fn copy_within(&mut self, from: usize, to: usize, bytes: usize) -> Result<(), DeviceError> {
        let len = self.len;
        let inside = |start: usize| start.checked_add(bytes).is_some_and(|end| end <= len);
        if !inside(from) || !inside(to) {
            return Err(outside("move", from.max(to), bytes, len));
        }
        <[u8]>::copy_within(self, from..from + bytes, to);
        Ok(())
    }

    fn host(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn host_mut(&mut self) -> Option<&mut [u8]> {
        Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn outside(what: &str, offset: usize, bytes: usize, len: usize) -> DeviceError {
    DeviceError::Argument {
        device: "cpu".to_owned(),
        kernel: what.to_owned(),
        message: format!("{bytes} bytes at {offset} do not lie in {len}"),
    }
}
