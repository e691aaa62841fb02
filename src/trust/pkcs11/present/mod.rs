//! Modules, tokens, and the signer.
//!
//! - `module`: the modules that are loaded, each once in a process.
//! - `token`: a token and a key in it, found and logged in. `point` reads its public half.
//! - `token_signer`: asks it for signatures, on a thread of its own.

mod module;
mod point;
mod token;
mod token_signer;

pub use token_signer::TokenSigner;
