//! How many transfers may be under way at once.

use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex};

/// A limited number of transfers at once; the others wait.
#[derive(Debug)]
pub(super) struct Permits {
    free: Mutex<usize>,
    returned: Condvar,
}

/// The right to one transfer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Permits>);

impl Permits {
    pub(super) fn new(count: NonZeroUsize) -> Arc<Permits> {
        Arc::new(Permits { free: Mutex::new(count.get()), returned: Condvar::new() })
    }

    /// Waits for a permit.
    pub(super) fn take(self: &Arc<Self>) -> Permit {
        let free = self.free.lock().expect("no thread panicked");
        let mut free = self.returned.wait_while(free, |free| *free == 0).expect("no thread panicked");
        *free -= 1;
        Permit(Arc::clone(self))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.free.lock().expect("no thread panicked") += 1;
        self.0.returned.notify_one();
    }
}
