//! Which redirects may be followed. The caller follows them, because only it knows which hosts it may contact.

use ureq::http::Method;

use super::exchange::{Call, Payload};

/// The maximum number of redirects of one call.
pub(crate) const REDIRECTS_MAX: u32 = 10;

/// Returns whether a status is a redirect.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Returns whether the redirect of a call is followed: always for GET and HEAD; for other methods only if the
/// redirect keeps the method and the payload can be sent again.
pub(crate) fn is_followed(call: &Call<'_>, status: u16) -> bool {
    matches!(call.method, Method::GET | Method::HEAD)
        || (matches!(status, 307 | 308) && !matches!(call.payload, Payload::Stream(..)))
}
