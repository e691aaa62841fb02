//! What the receiving side refuses, and what the sending side does not pack.
//!
//! The ids (T01, C03, J12, …) are those of the list of hostile inputs that the format was designed against.

mod baseline;
mod support;
mod tar_container;
