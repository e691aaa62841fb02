//! The commands, one file each: its arguments with their help, how it runs, what it shows, and the schema of
//! its JSON. The large ones have a folder of the same shape.
//!
//! A new command is a file here with a type that implements [`Command`], and its name in the two lists below.

mod completions;
mod explain;
mod import;
mod inspect;
mod keygen;
mod man;
mod missing;
mod pack;
mod schemas;
mod sign;
mod sums;
mod unpack;
mod verify;
mod version;

use carnet::observe::Verb;
use clap::Subcommand;
use schemars::Schema;

use crate::command::{Command, Context};
use crate::trouble::Trouble;

/// Makes one enum of all commands, and passes on to the one that was asked for.
macro_rules! commands {
    ($($module:ident::$Name:ident),* $(,)?) => {
        /// The command that was asked for.
        #[derive(Subcommand)]
        pub(crate) enum AnyCommand {
            $($Name(Box<$module::$Name>),)*
        }

        impl AnyCommand {
            /// The verb of the library that it runs.
            pub(crate) fn verb(&self) -> Option<Verb> {
                match self {
                    $(AnyCommand::$Name(_) => $module::$Name::VERB,)*
                }
            }

            /// Runs it. Returns the exit code.
            pub(crate) fn run(self, context: &Context<'_>) -> Result<u8, Trouble> {
                match self {
                    $(AnyCommand::$Name(command) => command.run(context),)*
                }
            }
        }

        /// The schemas of all JSON documents.
        fn schemas() -> Vec<(&'static str, Schema)> {
            [$($module::$Name::schemas()),*].concat()
        }
    };
}

// In the order of the help.
commands![
    keygen::Keygen,
    pack::Pack,
    sign::Sign,
    verify::Verify,
    missing::Missing,
    inspect::Inspect,
    unpack::Unpack,
    import::Import,
    sums::Sums,
    explain::Explain,
    completions::Completions,
    man::Man,
    version::Version,
    schemas::Schemas,
];
