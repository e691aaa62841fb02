//! What a verb needs of the world beside its request.

use crate::clock::Clock;
use crate::observe::Monitor;
use crate::stream::workers::Workers;

/// The last parameter of every verb.
pub struct Environment<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Is told what happens.
    pub monitor: Monitor<'a>,
    /// Do the work.
    pub workers: &'a Workers,
}
