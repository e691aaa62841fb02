//! Parts of objects in memory: heads, sums and manifests are small and lie side by side, and a request for each would
//! take longer than reading them all.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that all windows together hold at most.
const BYTES_MAX: usize = 64 << 20;

/// Bytes of the window at the front of an object: a head, and often the sums.
const FRONT_BYTES: u64 = 32 << 10;

/// Bytes of any other window.
const WINDOW_BYTES: u64 = 256 << 10;

/// The windows that were read last. Threads that read neighbours at the same time share one request.
#[derive(Default)]
pub(super) struct Windows {
    held: Mutex<Held>,
    /// Notified after each request, whether it succeeded or not.
    fetched: Condvar,
}

#[derive(Default)]
struct Held {
    /// The most recent first.
    windows: VecDeque<Window>,
    bytes: usize,
    /// The objects and ranges that are being requested.
    under_way: Vec<(u64, Range<u64>)>,
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
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
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
            let wanted = if at == 0 { FRONT_BYTES } else { WINDOW_BYTES };
            let (start, content) =
                self.window(object, at..at + wanted.max(end - at).min(bytes - at), fetch)?;
            let from = usize::try_from(at - start).expect("within the window");
            let into = usize::try_from(at - offset).expect("within the buffer");
            let length = (content.len() - from).min(buffer.len() - into);
            buffer[into..into + length].copy_from_slice(&content[from..from + length]);
            at += length as u64;
        }
        Ok(())
    }

    /// Returns a window that contains the first byte of `wanted`: one that is there or under way, or one that is requested
    /// now and ends where the next one begins.
    fn window(
        &self,
        object: u64,
        mut wanted: Range<u64>,
        fetch: &dyn Fn(u64, u64) -> io::Result<Vec<u8>>,
    ) -> io::Result<(u64, Arc<Vec<u8>>)> {
        let mut held = self.held();
        loop {
            if let Some(found) = held.find(object, wanted.start) {
                return Ok(found);
            }
            if !held.is_under_way(object, wanted.start) {
                break;
            }
            held = self.fetched.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        wanted.end = held.next_start(object, wanted.start).map_or(wanted.end, |next| next.min(wanted.end));
        held.under_way.push((object, wanted.clone()));
        drop(held);
        let request = Request { windows: self, object, range: &wanted };
        let content = Arc::new(fetch(wanted.start, wanted.end - wanted.start)?);
        self.held().keep(Window { object, start: wanted.start, content: Arc::clone(&content) });
        drop(request);
        Ok((wanted.start, content))
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
}

impl Held {
    /// Returns the window that contains the byte at `at`, and makes it the most recent.
    fn find(&mut self, object: u64, at: u64) -> Option<(u64, Arc<Vec<u8>>)> {
        let place =
            self.windows.iter().position(|window| window.object == object && window.range().contains(&at))?;
        let window = self.windows.remove(place)?;
        let found = (window.start, Arc::clone(&window.content));
        self.windows.push_front(window);
        Some(found)
    }

    fn is_under_way(&self, object: u64, at: u64) -> bool {
        self.under_way.iter().any(|(of, range)| *of == object && range.contains(&at))
    }

    /// Returns the start of the first window behind `at` that is there or under way.
    fn next_start(&self, object: u64, at: u64) -> Option<u64> {
        let here = self.windows.iter().map(|window| (window.object, window.start));
        let coming = self.under_way.iter().map(|(of, range)| (*of, range.start));
        here.chain(coming).filter(|&(of, start)| of == object && start > at).map(|(_, start)| start).min()
    }

    fn keep(&mut self, window: Window) {
        self.bytes += window.content.len();
        self.windows.push_front(window);
        while self.bytes > BYTES_MAX && self.windows.len() > 1 {
            let dropped = self.windows.pop_back().map_or(0, |window| window.content.len());
            self.bytes -= dropped;
        }
    }
}

impl Window {
    fn range(&self) -> Range<u64> {
        self.start..self.start + self.content.len() as u64
    }
}

/// A request under way. Dropping it lets those that wait for it go on, even after a failure.
struct Request<'a> {
    windows: &'a Windows,
    object: u64,
    range: &'a Range<u64>,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let mut held = self.windows.held();
        held.under_way.retain(|(object, range)| (*object, range) != (self.object, self.range));
        self.windows.fetched.notify_all();
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

    #[test]
    fn threads_that_read_neighbours_share_requests() {
        const BYTES: u64 = 3_000_000;
        let windows = Windows::default();
        let number = windows.number();
        let fetched = Mutex::new(vec![0_u8; usize::try_from(BYTES).unwrap()]);
        let failures = std::sync::atomic::AtomicU32::new(3);
        let fetch = |offset: u64, length: u64| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let fails = |left: u32| left.checked_sub(1);
            let (order, failing) = (std::sync::atomic::Ordering::Relaxed, &failures);
            if failing.fetch_update(order, order, fails).is_ok() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let range = usize::try_from(offset).unwrap()..usize::try_from(offset + length).unwrap();
            fetched.lock().unwrap()[range].iter_mut().for_each(|times| *times += 1);
            Ok(vec![7; usize::try_from(length).unwrap()])
        };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (windows, fetch) = (&windows, &fetch);
                scope.spawn(move || {
                    // Backwards, so that each range begins in front of one that is there.
                    for at in (0..100).rev().filter(|at| at % 8 == thread) {
                        let mut buffer = vec![0; 30_000];
                        while windows.read(number, BYTES, &mut buffer, at * 30_000, fetch).is_err() {}
                        assert!(buffer.iter().all(|&byte| byte == 7));
                    }
                });
            }
        });
        assert!(fetched.lock().unwrap().iter().all(|&times| times == 1));
        assert!(windows.held().under_way.is_empty());
    }
}
