//! Requests to send chunks again, as text that survives being read aloud, typed and photographed (docs/resend.md).
//!
//! Numbers are written in digits, and everything else in words of a list. So no letter can be taken for a digit, and a
//! wrong letter makes a word that is not in the list. Each line has check words of its own, which name a wrong line.

mod check;
mod error;
mod likely;
mod parts;
mod read;
mod request;
mod tokens;
mod words;

pub use error::{Fault, Line, RequestError};
pub use read::{REQUEST_BYTES_MAX, read};
pub use request::{Range, ResendRequest, ShortId};
pub use words::WORDS;
