//! The rules of an audit: what a bundle may bring in. A rule file in TOML is held against the facts that an audit
//! gathered, and each thing that a rule does not allow is a denial with its place. What was not fully examined is denied,
//! unless the file says otherwise.

mod facts;
mod file;
mod ignores;
mod judge;
mod rego;

pub use facts::{Artifact, Facts, Finding, Package, Severity, Signature, SignatureStatus, Signer};
pub use file::{Forbidden, RequiredSigner, Rulebook, RulebookError};
pub use ignores::{Ignore, Ignores};
pub use judge::{Denial, VersionOrder, judge};
pub use rego::{RegoError, RegoPolicy, RegoVerdict, Said};

#[cfg(test)]
mod tests;
