//! The commands of the program that only verifies and unpacks.

use std::ffi::OsString;

use carnet::diagnosis::Code;
use carnet::observe::Verb;
use clap::Subcommand;

use super::{inspect, missing, sums, unpack, verify};
use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// What the program is for.
pub(crate) const ABOUT: &str = "Verifies and unpacks bundles of container images and other OCI artifacts. \
    This program has no code for networks, private keys, compressed data or parity; the full carnet has all commands";

/// What the help ends with.
pub(crate) const EXAMPLES: &str = "Examples:\n  \
    carnet verify /media/disc1 /media/disc2 --trust trust.toml\n  \
    carnet inspect in --trust trust.toml\n  \
    carnet missing in --trust trust.toml --request -\n  \
    carnet unpack in --trust trust.toml --to oci:arrived\n\n\
    Exit codes: 0 success, 1 failure, 2 usage error, 3 not trusted, 4 damaged or incomplete,\n\
    130 interrupted.";

commands![
    verify::Verify,
    missing::Missing,
    inspect::Inspect,
    unpack::Unpack,
    sums::Sums;
    Other
];

/// The error for a command that only the full program has, or none has.
fn absent(words: &[OsString]) -> CommandError {
    let word = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    let message = format!(
        "this program only verifies and unpacks, and has no command {word:?}: see `carnet --help`, or use the full \
         carnet for all commands"
    );
    CommandError::new(Code::CommandAbsent, message)
}
