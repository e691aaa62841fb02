//! The commands, one file each: the arguments with their help, the run, the text output, and the schema of the
//! JSON output. Large commands have a folder with the same parts.
//!
//! To add a command, add a file here with a type that implements [`Command`], and add its name to the two lists
//! below.

mod audit;
mod cat;
mod completions;
mod diff;
mod explain;
mod guard;
mod import;
mod inspect;
mod keygen;
mod ls;
mod man;
mod missing;
mod pack;
mod parity;
mod pubkey;
mod receive;
mod repair;
mod resend;
mod reshape;
mod runs;
mod scale;
mod schemas;
mod sign;
mod station;
mod stream;
mod sums;
mod tree;
mod trust;
mod unpack;
mod verify;
mod version;

pub(crate) use station::text as record_text;

use import::piece as import_piece;
use reshape::{extract, merge, resplit};
use scale::{pack_piece, plan, seal, verify_piece};

use carnet::observe::Verb;
use clap::Subcommand;
use schemars::Schema;

use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Declares an enum of all commands, which runs the one given on the command line.
macro_rules! commands {
    ($($module:ident::$Name:ident),* $(,)?) => {
        /// The command given on the command line.
        #[derive(Subcommand)]
        pub(crate) enum AnyCommand {
            $($Name(Box<$module::$Name>),)*
        }

        impl AnyCommand {
            /// The library verb that the command runs, if any.
            pub(crate) fn verb(&self) -> Option<Verb> {
                match self {
                    $(AnyCommand::$Name(_) => $module::$Name::VERB,)*
                }
            }

            /// Runs the command. Returns the exit code.
            pub(crate) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
                match self {
                    $(AnyCommand::$Name(command) => command.run(context),)*
                }
            }
        }

        /// The names and schemas of all JSON documents.
        fn schemas() -> Vec<(&'static str, Schema)> {
            [$($module::$Name::schemas()),*].concat()
        }
    };
}

// The help lists them in this order.
commands![
    keygen::Keygen,
    pubkey::Pubkey,
    pack::Pack,
    plan::Plan,
    pack_piece::PackPiece,
    seal::Seal,
    parity::Parity,
    sign::Sign,
    verify::Verify,
    verify_piece::VerifyPiece,
    missing::Missing,
    repair::Repair,
    resend::Resend,
    inspect::Inspect,
    audit::Audit,
    diff::Diff,
    tree::Tree,
    ls::Ls,
    cat::Cat,
    unpack::Unpack,
    import::Import,
    import_piece::ImportPiece,
    resplit::Resplit,
    extract::Extract,
    merge::Merge,
    sums::Sums,
    guard::Guard,
    receive::Receive,
    station::Station,
    runs::Runs,
    stream::Stream,
    trust::Trust,
    explain::Explain,
    completions::Completions,
    man::Man,
    version::Version,
    schemas::Schemas,
];
