//! What a verb needs besides its request: clock, monitor and workers.

use crate::clock::Clock;
use crate::observe::Monitor;
use crate::stream::workers::Workers;

/// The last parameter of every verb.
pub struct Environment<'a> {
    /// The source of the current time.
    pub clock: &'a dyn Clock,
    /// Receives the events of the run.
    pub monitor: Monitor<'a>,
    /// The threads that do the work.
    pub workers: &'a Workers,
}
