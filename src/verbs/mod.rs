//! What carnet does, one room a verb: a request in, a report out.
//!
//! | Verb | |
//! |---|---|
//! | [`pack`] | artifacts become a signed bundle of chunk files |
//! | [`verify`] | a verdict on every file and every bundle |
//! | [`missing`] | which chunks must be sent again |
//! | [`inspect`] | what a bundle holds |
//! | [`sign`] | a person releases a bundle |
//! | [`unpack`] | a bundle becomes a layout or an archive |
//! | [`import`] | a bundle is pushed into a registry |
//! | [`sums`] | sums of whole chunk files |
//!
//! A verb does not print. It does not use another verb, with two exceptions: `missing` is what `verify` finds missing, and
//! `sums` lists what `pack` summed. What verbs share is in [`report`] and in the rooms below them.

pub mod import;
pub mod inspect;
pub mod missing;
pub mod pack;
pub mod report;
pub mod sign;
pub mod sums;
pub mod unpack;
pub mod verify;
