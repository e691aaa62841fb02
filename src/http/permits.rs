//! Limits the number of concurrent transfers.

use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex};

/// A limited number of permits for concurrent transfers.
#[derive(Debug)]
pub(super) struct Permits {
    free: Mutex<usize>,
    returned: Condvar,
}

/// A permit for one transfer. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Permits>);

impl Permits {
    pub(super) fn new(count: NonZeroUsize) -> Arc<Permits> {
        Arc::new(Permits { free: Mutex::new(count.get()), returned: Condvar::new() })
    }

    /// Takes a permit, and waits until one is free.
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
