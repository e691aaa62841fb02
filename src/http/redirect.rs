//! Which redirects may be followed. Following them is the caller's work: only it knows which hosts it may contact.

use ureq::http::Method;

use super::exchange::{Call, Payload};

/// How many redirects of one call are followed.
pub(crate) const REDIRECTS_MAX: u32 = 10;

/// Whether a status is a redirect.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether the redirect of a call is followed: always if the call only reads; if it writes, only where the method
/// stays the same and the payload can be sent again.
pub(crate) fn is_followed(call: &Call<'_>, status: u16) -> bool {
    matches!(call.method, Method::GET | Method::HEAD)
        || (matches!(status, 307 | 308) && !matches!(call.payload, Payload::Stream(..)))
}
