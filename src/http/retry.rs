//! When to retry a request, and how long to wait before.

use std::time::Duration;

/// The wait before the first retry. It doubles with each further retry.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The maximum wait, also if the server sent a longer `Retry-After`.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);

/// Returns whether the same request may succeed later, judging by the status.
pub(crate) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The wait after attempt number `attempt`, counted from 0: `retry_after` if the server sent one, otherwise twice as
/// long after each attempt.
pub(super) fn wait(attempt: u32, retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_else(|| FIRST_WAIT.saturating_mul(1 << attempt.min(16))).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_never_exceed_the_limit() {
        assert_eq!(wait(0, None), FIRST_WAIT);
        assert_eq!(wait(3, None), FIRST_WAIT * 8);
        assert_eq!(wait(3, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(wait(100, None), WAIT_MAX);
        assert_eq!(wait(0, Some(WAIT_MAX * 2)), WAIT_MAX);
    }
}
