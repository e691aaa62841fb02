//! An HTTP/1.1 client for registries and object stores.
//!
//! `Connections` holds the state that all transfers of a run share: settings, rate limit and permits. A `Client`
//! sends a `Call` once and returns its `Response`; redirects and retries are left to the caller. Bodies are bounded
//! and must make progress, hosts may be restricted to public addresses, and an `HttpError` tells its cause.
//!
//! This module knows nothing of repositories, manifests or tokens. No other module uses `ureq` or `rustls`.

mod address;
mod body;
mod certificates;
mod connections;
mod curves;
mod error;
mod exchange;
mod host;
mod own_address;
mod pace;
mod permits;
mod proxy;
mod redirect;
mod resolver;
mod retry;
mod settings;
mod throttle;
mod tls;
mod tls_connector;
mod tls_problem;
mod verifier;

pub(crate) use body::ResponseBody;
pub(crate) use connections::Connections;
pub(crate) use curves::{P384_SHA512, P521_SHA256, P521_SHA384, P521_SHA512};
pub use error::{ConnectError, SetupError, TlsFailure};
pub(crate) use error::{HttpError, bounded};
pub(crate) use exchange::{Call, Client, LIST_BYTES_MAX, Payload, Response, Route, date_seconds, date_text};
pub(crate) use host::is_loopback_name;
pub use host::{Host, HostError};
pub(crate) use own_address::address_towards;
pub(crate) use pace::PACE_BYTES_MIN;
pub(crate) use permits::Permit;
pub use proxy::{Proxy, ProxyError};
pub(crate) use redirect::{REDIRECTS_MAX, is_followed, is_redirect};
pub(crate) use resolver::{Addresses, without_brackets};
pub(crate) use retry::{WAIT_MAX, is_temporary};
pub use settings::Settings;
pub(crate) use ureq::http::{HeaderName, Method, StatusCode, header};
