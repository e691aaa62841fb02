//! The record of one request and its response.

use super::{Headers, Request};

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Headers,
    /// Bytes of the request's body.
    pub(crate) received: u64,
    /// 0 if the connection was reset instead.
    pub(crate) status: u16,
    /// Bytes of the response's body that were sent.
    pub(crate) sent: u64,
}

impl Exchange {
    pub(super) fn new(request: &Request, status: u16) -> Exchange {
        Exchange {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            received: request.body.len() as u64,
            status,
            sent: 0,
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path().contains(part)
    }
}
