//! The verbs of carnet, one module each: a request in, a report out.
//!
//! | Verb | |
//! |---|---|
//! | [`pack`] | packs artifacts into a signed bundle of chunk files |
//! | [`verify`] | reaches a verdict on every file and every bundle |
//! | [`missing`] | lists the chunks that must be sent again |
//! | [`resend`] | copies the chunks that a request asks for |
//! | [`inspect`] | lists the contents of a bundle |
//! | [`sign`] | releases a bundle with the signature of a person |
//! | [`unpack`] | unpacks a bundle into a layout or an archive |
//! | [`import`] | pushes a bundle into a registry |
//! | [`reshape`] | makes a new bundle of verified ones, without their source |
//! | [`sums`] | computes checksums of whole chunk files |
//! | [`audit`] | tells what is in a bundle, down to files and packages |
//! | [`difference`] | tells what differs between two bundles or sources |
//! | [`parity`] | makes parity files for a bundle |
//! | [`repair`] | writes lost and damaged chunks again, from parity |
//! | [`forecast`] | foresees what a guard will count in chunk files |
//! | [`gate`] | judges content by policies before it moves |
//!
//! A verb does not print. It does not use another verb, with eight exceptions: the report of `pack` contains that of
//! `parity`, `missing` lists the chunks that `verify` finds missing, `resend` lets `verify` check what it copied, `pack`
//! can list checksums as `sums` does, `reshape` packs what bundles carry, `difference` compares two audits, an
//! `audit` can contain a `forecast`, and a `gate` judges an audit. Shared report types are in [`report`];
//! everything else that verbs share is in the modules they build on.

#[cfg(feature = "full")]
pub mod audit;
#[cfg(feature = "full")]
pub mod difference;
#[cfg(feature = "full")]
pub mod forecast;
#[cfg(feature = "full")]
pub mod gate;
#[cfg(feature = "full")]
pub mod import;
pub mod inspect;
pub mod missing;
#[cfg(feature = "full")]
pub mod pack;
#[cfg(feature = "full")]
pub mod parity;
#[cfg(feature = "full")]
pub mod repair;
pub mod report;
#[cfg(feature = "full")]
pub mod resend;
#[cfg(feature = "full")]
pub mod reshape;
#[cfg(feature = "full")]
pub mod sign;
pub mod sums;
pub mod unpack;
pub mod verify;
