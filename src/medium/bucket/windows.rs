//! Parts of objects in memory: heads, sums and manifests are small and lie side by side, and a request for each would
//! take longer than reading them all.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that all windows together hold at most.
const BYTES_MAX: usize = 64 << 20;

/// Bytes of the window at the front of an object: a head, and often the sums.
const FRONT_BYTES: u64 = 32 << 10;

/// Bytes of any other window.
const WINDOW_BYTES: u64 = 256 << 10;

/// The windows that were read last.
#[derive(Default)]
pub(super) struct Windows(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The most recent first.
    windows: VecDeque<Window>,
    bytes: usize,
    /// The number of the next object.
    next: u64,
}

struct Window {
    object: u64,
    start: u64,
    content: Arc<Vec<u8>>,
}

impl Windows {
    fn held(&self) -> MutexGuard<'_, Held> {
        // The windows are consistent after every change, even if a thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a number that stands for one object.
    pub(super) fn number(&self) -> u64 {
        let mut held = self.held();
        held.next += 1;
        held.next
    }

    /// Fills `buffer` from `offset` of an object of `bytes` bytes. `fetch` reads a range of it.
    pub(super) fn read(
        &self,
        object: u64,
        bytes: u64,
        buffer: &mut [u8],
        offset: u64,
        fetch: &dyn Fn(u64, u64) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|&end| end <= bytes);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut at = offset;
        while at < end {
            let window = if let Some(window) = self.find(object, at) {
                window
            } else {
                let wanted = if at == 0 { FRONT_BYTES } else { WINDOW_BYTES };
                let length = wanted.max(end - at).min(bytes - at);
                let content = Arc::new(fetch(at, length)?);
                self.keep(Window { object, start: at, content: Arc::clone(&content) });
                (at, content)
            };
            let (start, content) = window;
            let from = usize::try_from(at - start).expect("within the window");
            let into = usize::try_from(at - offset).expect("within the buffer");
            let length = (content.len() - from).min(buffer.len() - into);
            buffer[into..into + length].copy_from_slice(&content[from..from + length]);
            at += length as u64;
        }
        Ok(())
    }

    /// Returns the window that contains the byte at `at`, and makes it the most recent.
    fn find(&self, object: u64, at: u64) -> Option<(u64, Arc<Vec<u8>>)> {
        let mut held = self.held();
        let contains = |window: &Window| {
            window.object == object && at >= window.start && at - window.start < window.content.len() as u64
        };
        let place = held.windows.iter().position(contains)?;
        let window = held.windows.remove(place)?;
        let found = (window.start, Arc::clone(&window.content));
        held.windows.push_front(window);
        Some(found)
    }

    /// Drops the windows of an object.
    pub(super) fn forget(&self, object: u64) {
        self.retain(&|window| window.object != object);
    }

    /// Drops all windows.
    pub(super) fn clear(&self) {
        self.retain(&|_| false);
    }

    fn retain(&self, keep: &dyn Fn(&Window) -> bool) {
        let mut held = self.held();
        held.windows.retain(keep);
        held.bytes = held.windows.iter().map(|window| window.content.len()).sum();
    }

    fn keep(&self, window: Window) {
        let mut held = self.held();
        held.bytes += window.content.len();
        held.windows.push_front(window);
        while held.bytes > BYTES_MAX && held.windows.len() > 1 {
            let dropped = held.windows.pop_back().map_or(0, |window| window.content.len());
            held.bytes -= dropped;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn neighbours_are_fetched_once() {
        let object: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let fetched = RefCell::new(Vec::new());
        let fetch = |offset: u64, length: u64| {
            fetched.borrow_mut().push((offset, length));
            let offset = usize::try_from(offset).unwrap();
            Ok(object[offset..offset + usize::try_from(length).unwrap()].to_vec())
        };
        let windows = Windows::default();
        let number = windows.number();
        for (offset, length) in
            [(0, 512), (512, 4096), (30_000, 10_000), (40_000, 1), (300_000, 500_000), (999_999, 1)]
        {
            let mut buffer = vec![0; length];
            windows.read(number, 1_000_000, &mut buffer, offset, &fetch).unwrap();
            let offset = usize::try_from(offset).unwrap();
            assert_eq!(buffer, object[offset..offset + length]);
        }
        let expected: [(u64, u64); 4] = [(0, 32_768), (32_768, 262_144), (300_000, 500_000), (999_999, 1)];
        assert_eq!(*fetched.borrow(), expected);
        let beyond = windows.read(number, 1_000_000, &mut [0; 2], 999_999, &fetch).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        // What is forgotten is fetched again.
        let reads = fetched.borrow().len();
        windows.forget(number);
        windows.read(number, 1_000_000, &mut [0; 2], 0, &fetch).unwrap();
        assert_eq!((fetched.borrow().len(), windows.held().bytes), (reads + 1, 32_768));
    }
}
