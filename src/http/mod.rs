//! HTTP/1.1, as a client of registries and of object stores needs it.
//!
//! `Connections` holds what all transfers of a run share: the settings, the rate limit and the permits. A `Client` sends
//! one `Call` over them and returns its `Answer`: it follows no redirect and sends nothing twice; that is for its caller.
//! Bodies are bounded and held to a pace, names may be limited to public addresses, and an `HttpError` says its cause.
//!
//! This module knows no repositories, manifests or tokens. It is the only place that names `ureq` and `rustls`.

mod address;
mod body;
mod connections;
mod error;
mod exchange;
mod host;
mod pace;
mod permits;
mod proxy;
mod redirect;
mod resolver;
mod retry;
mod settings;
mod throttle;
mod tls;

pub(crate) use body::AnswerBody;
pub(crate) use connections::Connections;
pub use error::{ConnectError, SetupError, TlsFailure};
pub(crate) use error::{HttpError, escaped};
pub(crate) use exchange::{Answer, Call, Client, LIST_BYTES_MAX, Payload, Route};
pub(crate) use host::is_loopback_name;
pub use host::{Host, HostError};
pub(crate) use pace::PACE_BYTES_MIN;
pub(crate) use permits::Permit;
pub use proxy::{Proxy, ProxyError};
pub(crate) use redirect::{REDIRECTS_MAX, is_followed, is_redirect};
pub(crate) use resolver::{Addresses, bare};
pub(crate) use retry::{WAIT_MAX, is_temporary};
pub use settings::Settings;
pub(crate) use ureq::http::{HeaderName, Method, StatusCode, header};
