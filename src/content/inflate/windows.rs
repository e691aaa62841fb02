//! Memory for the windows of zstd, shared by all decoders of a run.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The bytes that the windows of all decoders may take together. A decoder waits until others have given back enough, so
/// that many threads do not multiply what one layer may ask for.
#[derive(Debug)]
pub struct Windows {
    total: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

impl Windows {
    /// A budget of so many bytes.
    pub fn new(total: u64) -> Arc<Windows> {
        Arc::new(Windows { total, free: Mutex::new(total), returned: Condvar::new() })
    }

    /// All bytes of the budget, taken or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Takes bytes of the budget, and waits until they are free. `None` if there are never so many. A caller that waits must not
    /// hold a share: then two could wait for each other.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        if bytes > self.total {
            return None;
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(rest) = free.checked_sub(bytes) {
                *free = rest;
                return Some(Share { windows: Arc::clone(self), bytes });
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Bytes that were taken. They are given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    windows: Arc<Windows>,
    bytes: u64,
}

impl Share {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut free = self.windows.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(self.bytes);
        self.windows.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    #[test]
    fn who_asks_for_more_than_is_free_waits() {
        let windows = Windows::new(10);
        assert!(windows.take(11).is_none());
        let first = windows.take(6).unwrap();
        let (said, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let windows = &windows;
            scope.spawn(move || {
                let second = windows.take(5).unwrap();
                said.send(second.bytes()).unwrap();
            });
            assert!(heard.recv_timeout(std::time::Duration::from_millis(50)).is_err());
            drop(first);
            assert_eq!(heard.recv(), Ok(5));
        });
        assert_eq!(windows.take(10).unwrap().bytes(), 10);
    }
}
